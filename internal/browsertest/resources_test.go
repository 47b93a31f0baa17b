package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// A use is one of something on another origin that is no procedure. The methods
// are those of the requests that arrive: OPTIONS for a preflight.
type use struct {
	as   string // as web/browsertest/resources.ts has it
	path string

	// With a resource that permits it all, with one that permits the origin and
	// nothing more, and with none.
	full, bare, none          string
	onFull, onBare, onNothing []string
}

var uses = []use{
	{
		as: "font of @font-face", path: "font.ttf",
		full: "loaded", bare: "loaded", none: refusedFont,
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "image on a canvas", path: "image.png",
		full: redPixel, bare: redPixel, none: "Error: not loaded",
		onFull: get, onBare: get, onNothing: get,
	},
	{
		// Permission is of no use to a page that does not ask for it.
		as: "image on a canvas, not asked for with crossorigin", path: "image.png",
		full: "SecurityError", bare: "SecurityError", none: "SecurityError",
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "WebGL texture", path: "image.png",
		full: redPixel, bare: redPixel, none: "Error: not loaded",
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "WebGL texture, not asked for with crossorigin", path: "image.png",
		full: "SecurityError", bare: "SecurityError", none: "SecurityError",
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "module script", path: "module.js",
		full: "imported", bare: "imported", none: blockedImport,
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "fetch, for a header", path: "image.png",
		full: `"red"`, bare: "null", none: blockedFetch,
		onFull: get, onBare: get, onNothing: get,
	},
	{
		as: "fetch, PUT of JSON", path: "upload",
		full: "PUT of 2", bare: blockedFetch, none: blockedFetch,
		onFull: []string{"OPTIONS", "PUT"}, onBare: options, onNothing: options,
	},
	{
		as: "XMLHttpRequest with an upload listener", path: "upload",
		full: "POST of 5, listener told 5 of 5", bare: "POST of 5, listener told 5 of 5", none: "Error: status 0, listener told nothing",
		onFull: []string{"OPTIONS", "POST"}, onBare: []string{"OPTIONS", "POST"}, onNothing: options,
	},
	{
		as: streamedUpload, path: "upload",
		full: "POST of 13", bare: "POST of 13", none: blockedFetch,
		onFull: []string{"OPTIONS", "POST"}, onBare: []string{"OPTIONS", "POST"}, onNothing: options,
	},
}

var (
	get     = []string{"GET"}
	options = []string{"OPTIONS"}
)

const (
	redPixel       = "255 0 0 255"
	refusedFont    = "(what becomes of a font that is not permitted)"
	blockedImport  = "(the browser's word for a module that it does not import)"
	streamedUpload = "streamed upload"
)

// Fonts, pixels, uploads and the like work where a resource permits them, and do
// not where none does.
func TestResources(t *testing.T) {
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		// Uploads are streamed over HTTP/2 only.
		id := newIdentity(t)
		pages, api := listen(t, id, "localhost"), listen(t, id, "127.0.0.1")
		origins := []string{pages.origin("localhost")}
		policy, err := corsrpc.New(corsrpc.Config{
			REST:      corsrpc.RESTNone, // of acme.library, which this server does not have
			Audiences: map[string][]string{"storefront": {}, "backoffice": {}},
			Resources: map[string]corsrpc.Resource{
				"/full/": {
					Origins: origins, Methods: []string{"PUT"}, RequestHeaders: []string{"Content-Type"}, ResponseHeaders: []string{"ETag"},
					MaxAge: -1,
				},
				"/bare/": {Origins: origins, MaxAge: -1},
			},
		})
		require.NoError(t, err)
		seen := newRecorder()
		api.serve(byCell(seen.note(policy.Wrap(files()))))

		var jobs []map[string]string
		for _, u := range uses {
			for _, directory := range []string{"full", "bare", "none"} {
				url := fmt.Sprint(api.origin("127.0.0.1"), cellPrefix, len(jobs), "/", directory, "/", u.path)
				jobs = append(jobs, map[string]string{"as": u.as, "url": url})
			}
		}
		page := NewPage(map[string]any{"resources": jobs})
		pages.serve(page)
		b, err := e.Open(ctx, pages.origin("localhost")+"/", browsers.Options{Trust: id.trust(pages, api)})
		require.NoError(t, err)
		defer func() { assert.NoError(t, b.Close()) }()
		var report jobReport
		require.NoError(t, page.Report(b, &report))
		require.Len(t, report.Resources, len(jobs))

		for i, u := range uses {
			row := Result{Suite: SuiteResources, Row: u.as, Engine: e.Name}
			if u.as == streamedUpload && e != browsers.Chromium && report.Resources[3*i] == "unsupported" {
				matrix.LeaveOut(row)
				continue
			}
			for j, on := range []struct {
				resource, outcome string
				methods           []string
			}{
				{"with a resource that permits all", u.full, u.onFull},
				{"with a resource that permits the origin", u.bare, u.onBare},
				{"without a resource", u.none, u.onNothing},
			} {
				check(t, row, on.resource, func(t *testing.T) {
					u.checkOutcome(t, e, on.outcome, report.Resources[3*i+j])
					var methods []string
					for _, exchange := range seen.of(3*i + j) {
						methods = append(methods, exchange.method)
					}
					assert.Equal(t, on.methods, methods, "requests that arrived")
				})
			}
		}
	})
}

func (u *use) checkOutcome(t *testing.T, e *browsers.Engine, want, got string) {
	t.Helper()
	switch want {
	case blockedFetch:
		want = "TypeError: " + withheldAnswer(e).blocked
	case refusedFont:
		want = "error"
		if e == browsers.WebKit {
			// It asks for fonts in no-cors mode, against CSS Fonts, section
			// 4.8.2, and uses them as they come.
			want = "loaded"
		}
	case blockedImport:
		assert.Regexp(t, "^TypeError: ", got)
		return
	}
	assert.Equal(t, want, got)
}

// files serves something of each kind, in every directory.
func files() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		switch {
		case name == "upload" && (r.Method == http.MethodPost || r.Method == http.MethodPut):
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, r.Method+" of "+strconv.FormatInt(n, 10))
		case r.Method != http.MethodGet:
			http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		case name == "font.ttf":
			w.Header().Set("Content-Type", "font/ttf")
			_, _ = w.Write(goregular.TTF)
		case name == "module.js":
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, `export default "imported";`)
		case name == "image.png":
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("ETag", `"red"`)
			_, _ = w.Write(redImage())
		default:
			http.NotFound(w, r)
		}
	})
}

// redImage returns a PNG of one red pixel.
func redImage() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 1, 1))
	img.SetRGBA(0, 0, color.RGBA{R: 255, A: 255})
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		panic(err) // a pixel in memory
	}
	return file.Bytes()
}

package browsertest

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

//go:embed page
var pageFiles embed.FS

// A Page is a handler of a page that does one job and reports what came of it.
// web/browsertest has its code.
type Page struct {
	files   http.Handler
	job     []byte
	cookies []*http.Cookie
	reports chan json.RawMessage
	next    chan string
}

// NewPage returns a page that does this job, which is anything that JSON can
// carry. The cookies are set with the page.
func NewPage(job any, cookies ...*http.Cookie) *Page {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the directory is embedded
	}
	text, err := json.Marshal(job)
	if err != nil {
		panic(err)
	}
	return &Page{http.FileServerFS(files), text, cookies, make(chan json.RawMessage, 1), make(chan string, 1)}
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The next page may be at the same URL.
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/job.json":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(p.job)
	case r.Method == http.MethodPost && r.URL.Path == "/report":
		const most = 64 << 20
		report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		select {
		case p.reports <- report:
		default: // one is enough: the first failure
		}
		select {
		case next := <-p.next:
			_, _ = io.WriteString(w, next)
		case <-r.Context().Done():
		}
	default:
		if r.URL.Path == "/" {
			for _, cookie := range p.cookies {
				http.SetCookie(w, cookie)
			}
		}
		p.files.ServeHTTP(w, r)
	}
}

// Report waits for the page to be done and decodes what it reports into v. It
// fails when the browser ends before that, as it does when its context is done.
func (p *Page) Report(b *browsers.Browser, v any) error {
	var report json.RawMessage
	select {
	case report = <-p.reports:
	case <-b.Done():
		return fmt.Errorf("the browser ended before the page had reported; it printed:\n%s", b.Output())
	}
	var failed struct{ Failure string }
	if err := json.Unmarshal(report, &failed); err != nil {
		return fmt.Errorf("the page's report: %w", err)
	}
	if failed.Failure != "" {
		return errors.New("the page failed: " + failed.Failure)
	}
	return json.Unmarshal(report, v)
}

// GoOn has the page go on to another URL, after its report. Without it the page
// stays until the browser is closed, so that nothing that it has begun is broken
// off.
func (p *Page) GoOn(url string) { p.next <- url }

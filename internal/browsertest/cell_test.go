package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// A cell is one call by one client.
type cell struct {
	id int
	*client
	*call
	// withheld are names that its answer lacks in Access-Control-Expose-Headers.
	withheld []string
	// unpermitted says that its answer lacks Access-Control-Allow-Origin if it is
	// not the shop's.
	unpermitted bool
}

// expect returns what the page is to see of an answer.
func (c *cell) expect(e *browsers.Engine, s *setting, a answer) seen {
	if !s.tls || e == browsers.WebKit {
		// HTTP/2 has none, but WebKitGTK tells it all the same.
		a.statusText = http.StatusText(a.status)
	}
	a = readable(a, s, c.call, c.withheld)
	if s.sameOrigin() && s.tls && e == browsers.Firefox {
		// It adds a header to what arrives over HTTP/2, and drops another.
		a.header["x-firefox-spdy"] = "h2"
		delete(a.header, "accept-encoding")
	}
	return c.sees(c.call, a)
}

// withheldAnswer is what a browser says of an answer that it withholds, as of every
// other failure of the network.
func withheldAnswer(e *browsers.Engine) answer {
	return answer{blocked: map[*browsers.Engine]string{
		browsers.Chromium: "Failed to fetch",
		browsers.Firefox:  "NetworkError when attempting to fetch resource.",
		browsers.WebKit:   "Load failed",
	}[e]}
}

// inCells gives handlers what depends on the cell.
func inCells(cells []*cell, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := cells[cellOf(r)]
		if len(c.withheld) > 0 || c.unpermitted {
			w = &answerWriter{ResponseWriter: w, onHeader: func(_ int, header http.Header) { c.withhold(r, header) }}
		}
		ctx := context.WithValue(r.Context(), requestContextKey{}, requestContext{r.Context(), c.keepsTime})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// withhold takes out of an answer's header what Wrap has put there.
func (c *cell) withhold(r *http.Request, header http.Header) {
	const names = "Access-Control-Expose-Headers"
	if values, ok := header[names]; ok {
		kept := slices.DeleteFunc(strings.Split(strings.Join(values, ","), ","), func(name string) bool {
			return slices.Contains(c.withheld, strings.ToLower(strings.TrimSpace(name)))
		})
		header[names] = []string{strings.Join(kept, ",")}
	}
	if c.unpermitted && c.plain != nil && r.Method != http.MethodOptions {
		header.Del("Access-Control-Allow-Origin")
	}
}

// job is the cell as the page has it; see web/browsertest/cell.ts.
func (c *cell) job(base string, s *setting) map[string]any {
	request, err := protojson.Marshal(c.request)
	if err != nil {
		panic(err)
	}
	metadata := with(c.metadata)
	job := map[string]any{
		"id":          c.id,
		"client":      c.client.id,
		"baseUrl":     base + cellPrefix + strconv.Itoa(c.id),
		"procedure":   c.fullName(c.procedure),
		"like":        c.fullName(c.typed()),
		"request":     json.RawMessage(request),
		"metadata":    metadata,
		"credentials": s.credentials,
	}
	timeout := map[deadline]int{farDeadline: farTimeoutMs, missedDeadline: missedTimeoutMs}[c.deadline]
	switch {
	case c.deadline == noDeadline:
	case c.takesTimeouts:
		job["timeoutMs"] = timeout
	default:
		metadata[c.timeout] = fmt.Sprintf("%dm", timeout)
	}
	return job
}

type cellKey struct{}

// byCell gives each cell a URL of its own, /cell/17/acme.shop.v1.…, and takes it
// off again: no two cells share an entry in a browser's caches, and the exchanges
// of cells that run at the same time can be told apart.
func byCell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, isCell := strings.CutPrefix(r.URL.Path, cellPrefix)
		number, _, ok := strings.Cut(rest, "/")
		cell, err := strconv.Atoi(number)
		if !isCell || !ok || err != nil {
			http.NotFound(w, r)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), cellKey{}, cell))
		http.StripPrefix(cellPrefix+number, next).ServeHTTP(w, r)
	})
}

const cellPrefix = "/cell/"

func cellOf(r *http.Request) int { return r.Context().Value(cellKey{}).(int) }

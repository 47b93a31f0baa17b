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
func (c *cell) expect(e *Engine, s *setting, a answer) seen {
	if !s.tls || e == webKit {
		// HTTP/2 has none, but WebKitGTK tells it all the same.
		a.statusText = http.StatusText(a.status)
	}
	return c.sees(c.call, readable(a, s, c.call, c.withheld))
}

// withheldAnswer is what a browser says of an answer that it withholds, as of every
// other failure of the network.
func withheldAnswer(e *Engine) answer {
	return answer{blocked: map[*Engine]string{
		chromium: "Failed to fetch",
		firefox:  "NetworkError when attempting to fetch resource.",
		webKit:   "Load failed",
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

// job is the cell as the page has it; see web/src/cell.ts.
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

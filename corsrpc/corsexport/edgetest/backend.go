package edgetest

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Names of headers between Run and Backend.
const (
	// HeaderID carries an ID of the request. [Backend] repeats it in its
	// response.
	HeaderID = "Edgetest-Id"
	// HeaderRespond asks for one of the responses of [Backend].
	HeaderRespond = "Edgetest-Respond"
	// HeaderCount asks how often a request with this ID was received. Such a
	// request must go to the Backend itself, past the edge.
	HeaderCount = "Edgetest-Count"
)

// Body is the body of Backend's responses, unless HTTP forbids one.
const Body = "edgetest: the backend ran\n"

// A Backend is what stands behind an edge while [Run] tries it. It responds to
// every request alike, marks its responses, and remembers which requests it
// received. The header [HeaderRespond] changes the response:
//
//	401 404 500    that status
//	302            that status, with Location
//	vary           two lines of Vary: Accept-Encoding and Accept-Language
//	vary-star      Vary: *
//	cors           Access-Control-* headers of its own, which permit everything
//
// The zero Backend is ready for use. Its methods can be called concurrently.
type Backend struct {
	mu    sync.Mutex
	count map[string]int
	total int
}

// ServeHTTP implements [http.Handler].
func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id := r.Header.Get(HeaderCount); id != "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, strconv.Itoa(b.Ran(id)))
		return
	}
	id := r.Header.Get(HeaderID)
	b.mu.Lock()
	if b.count == nil {
		b.count = make(map[string]int)
	}
	if len(id) <= longestID && (b.count[id] > 0 || len(b.count) < maxIDs) {
		b.count[id]++
	}
	b.total++
	b.mu.Unlock()
	respond(w, r, id)
}

const (
	longestID = 64
	maxIDs    = 10_000_000
)

// Ran returns how often the backend received a request with this ID.
func (b *Backend) Ran(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count[id]
}

// Total returns how many requests the backend received, whoever sent them.
func (b *Backend) Total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

func respond(w http.ResponseWriter, r *http.Request, id string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	if len(id) <= longestID {
		header.Set(HeaderID, id)
	}
	status := http.StatusOK
	switch how := r.Header.Get(HeaderRespond); how {
	case "401":
		header.Set("WWW-Authenticate", "Bearer")
		status = http.StatusUnauthorized
	case "404", "500":
		status, _ = strconv.Atoi(how)
	case "302":
		header.Set("Location", "/edgetest")
		status = http.StatusFound
	case "vary":
		header.Add("Vary", "Accept-Encoding")
		header.Add("Vary", "Accept-Language")
	case "vary-star":
		header.Add("Vary", "*")
	case "cors":
		maps.Copy(header, http.Header{
			allowOrigin:              {"*"},
			allowCredentials:         {"true"},
			allowMethods:             {"GET, POST, PUT"},
			allowHeaders:             {"*"},
			"Access-Control-Max-Age": {"86400"},
			exposeHeaders:            {"X-Backend"},
		})
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, Body)
}

// behind is the handler inside Wrap. It does what an edge promises to do with
// the backend's headers on governed paths: Expose-Headers are added to, and
// other Access-Control-* headers are dropped.
type behind struct{ governed bool }

func (b behind) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	own := newRecorder(r.Method)
	respond(own, r, r.Header.Get(HeaderID))
	header := w.Header()
	for _, name := range slices.Sorted(maps.Keys(own.header)) {
		lines := own.header[name]
		switch {
		case name == "Vary", name == exposeHeaders:
			header[name] = append(header[name], lines...)
		case b.governed && strings.HasPrefix(name, "Access-Control-"):
		default:
			header[name] = lines
		}
	}
	w.WriteHeader(own.status)
	_, _ = w.Write(own.body)
}

// A recorder keeps a response.
type recorder struct {
	response
	method string
	live   http.Header
}

func newRecorder(method string) *recorder {
	return &recorder{method: method, live: make(http.Header)}
}

func (r *recorder) Header() http.Header { return r.live }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status, r.header = status, r.live.Clone()
	}
}

func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.method != http.MethodHead {
		r.body = append(r.body, data...)
	}
	return len(data), nil
}

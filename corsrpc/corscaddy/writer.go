package corscaddy

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const (
	accessControl = "Access-Control-"
	exposeHeaders = "Access-Control-Expose-Headers"
)

// A writer keeps the CORS headers of other servers out of responses on governed
// paths: proxies add the header of the server behind them to what is there, and
// browsers refuse two lines of Access-Control-Allow-Origin.
type writer struct {
	caddyhttp.ResponseWriterWrapper
	policy *corsrpc.Policy
	own    http.Header // the CORS headers that were there before
	// The request as Wrap saw it. Handlers change it in place.
	method  string
	url     url.URL
	settled bool
}

func newWriter(w http.ResponseWriter, p *corsrpc.Policy, r *http.Request) *writer {
	own := &writer{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, policy: p, method: r.Method, url: *r.URL}
	for name, lines := range w.Header() {
		if isCORS(name) {
			if own.own == nil {
				own.own = make(http.Header)
			}
			own.own[name] = lines
		}
	}
	return own
}

func isCORS(name string) bool {
	return len(name) > len(accessControl) && strings.EqualFold(name[:len(accessControl)], accessControl)
}

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	w.remove()
	w.settled = w.settled || status >= 200 || status == http.StatusSwitchingProtocols
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(data []byte) (int, error) {
	w.settle()
	return w.ResponseWriter.Write(data)
}

// ReadFrom implements [io.ReaderFrom].
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.settle()
	return w.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is what [http.ResponseController] calls.
func (w *writer) FlushError() error {
	w.settle()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// settle makes the CORS headers final, once: what is set later is a trailer.
func (w *writer) settle() {
	w.remove()
	w.settled = true
}

func (w *writer) remove() {
	header := w.Header()
	if w.settled || !w.hasForeign(header) || !w.governed() {
		return
	}
	for name, lines := range header {
		switch own, ours := w.own[name]; {
		case !isCORS(name):
		case name == exposeHeaders:
			if header[name] = withoutStar(lines); len(header[name]) == 0 {
				delete(header, name)
			}
		case ours:
			header[name] = own
		default:
			delete(header, name)
		}
	}
}

func (w *writer) hasForeign(header http.Header) bool {
	for name, lines := range header {
		if isCORS(name) && !slices.Equal(lines, w.own[name]) {
			return true
		}
	}
	return false
}

// governed reports whether the policy has a rule for the path, or for what an
// alternative spelling of a path means.
func (w *writer) governed() bool {
	return w.policy.Evaluate(&http.Request{Method: w.method, URL: &w.url, Header: http.Header{"Sec-Fetch-Site": {"cross-site"}}}).Kind != corsrpc.KindUngoverned
}

// withoutStar returns the names of Access-Control-Expose-Headers. The server knows
// what it has sent, but to which pages everything is open, the policy says.
func withoutStar(lines []string) []string {
	var names []string
	for _, line := range lines {
		members := strings.Split(line, ",")
		named := slices.DeleteFunc(members, func(name string) bool { return strings.Trim(name, " \t") == "*" })
		if len(named) > 0 {
			names = append(names, strings.TrimLeft(strings.Join(named, ","), " \t"))
		}
	}
	return names
}

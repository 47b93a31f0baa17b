package main

import (
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// withProxy governs what a reverse proxy forwards to a server that writes CORS
// headers itself. Browsers refuse two lines of Access-Control-Allow-Origin, so
// those of the other server are removed.
//
// The other server can find a procedure in a path that is not its spelling,
// such as //acme.shop.v1.CartService/AddItem. Such paths are not forwarded. If
// it has documentation below /docs/, add that to Resources, which exempts it.
func withProxy(cors *corsrpc.Policy, upstream *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.SetXForwarded()
		},
		ModifyResponse: func(response *http.Response) error {
			for name := range response.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					delete(response.Header, name)
				}
			}
			return nil
		},
	}
	return cors.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isSpelled(cors, r.URL) {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(restoringWriter{w, w.Header().Clone()}, r)
	}))
}

// isSpelled reports whether a path is that of one rule, byte for byte, or means
// nothing that the policy governs. It evaluates a form post of another site,
// which the rules of procedures refuse: the Decision names the rule.
func isSpelled(cors *corsrpc.Policy, u *url.URL) bool {
	form := &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{"Sec-Fetch-Site": {"cross-site"}}}
	d := cors.Evaluate(form)
	if d.Procedure == "" || u.Path == d.Path {
		return true
	}
	// An unknown method has the rule of its service.
	method, below := strings.CutPrefix(u.Path, d.Path)
	return below && strings.HasSuffix(d.Path, "/") && !strings.ContainsAny(method, `/\%;`)
}

// A restoringWriter keeps what Wrap has set: ReverseProxy clears the header
// after each response of status 1xx that it forwards, such as 103 Early Hints.
type restoringWriter struct {
	http.ResponseWriter
	wraps http.Header
}

func (w restoringWriter) Header() http.Header {
	header := w.ResponseWriter.Header()
	if len(header) == 0 {
		maps.Copy(header, w.wraps.Clone())
	}
	return header
}

// Unwrap lets ReverseProxy flush and hijack.
func (w restoringWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

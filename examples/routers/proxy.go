package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// withProxy governs what a reverse proxy forwards to a server that answers
// CORS itself. Two lines of Access-Control-Allow-Origin are refused by every
// browser, so the other server's are taken out of its answers.
//
// Wrap compares paths as they are. Some servers clean them first, and would
// find a procedure in //acme.shop.v1.CartService/AddItem, where Wrap finds
// none: such paths are not forwarded.
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
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
}

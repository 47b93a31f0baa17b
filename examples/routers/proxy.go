package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// withProxy governs what a reverse proxy forwards to a server that answers
// CORS itself. Two lines of Access-Control-Allow-Origin are refused by every
// browser, so the other server's are taken out of its answers.
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
	return cors.Wrap(proxy)
}

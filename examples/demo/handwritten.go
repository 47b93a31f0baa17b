package main

import "net/http"

// The lists that connectrpc.com/cors v0.1.0 gives for every service alike, and
// Authorization: the documentation says to add one's own headers, and this one
// nobody forgets, since without it no call to the cart works at all.
const (
	allowMethods = "GET, POST"
	allowHeaders = "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, " +
		"Grpc-Timeout, X-Grpc-Web, X-User-Agent, Authorization"
	exposeHeaders = "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"
)

// withHandWrittenLists lets the page call, as far as the lists go.
func withHandWrittenLists(page string, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Add("Vary", "Origin")
		if r.Header.Get("Origin") != page {
			api.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", page)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			header.Set("Access-Control-Allow-Methods", allowMethods)
			header.Set("Access-Control-Allow-Headers", allowHeaders)
			header.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", exposeHeaders)
		api.ServeHTTP(w, r)
	})
}

package main

import (
	"net/http"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withTimeout keeps http.TimeoutHandler inside Wrap, so that a page can read
// its 503. TimeoutHandler replaces Vary by that of its own handler, where that
// has one, and Connect's answers to GET have: so Vary: Origin is put there.
//
// It cannot stream. Deadlines of the RPCs themselves can, and need none of
// this.
func withTimeout(cors *corsrpc.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return cors.Wrap(http.TimeoutHandler(varyByOrigin(mux), 100*time.Millisecond, "timeout"))
}

func varyByOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		h.ServeHTTP(w, r)
	})
}

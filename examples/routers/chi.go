package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withChi puts Wrap around the router, not into router.Use: what must be
// outermost stays so when somebody adds a middleware, and preflights, which
// match no route, need none.
//
// Generated handlers switch on the whole path, so they are handled with a
// wildcard and not mounted below a prefix.
func withChi(cors *corsrpc.Policy) http.Handler {
	router := chi.NewRouter()
	handle := func(path string, handler http.Handler) { router.Handle(path+"*", handler) }
	handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	router.Put("/photos/{id}", photo)
	return cors.Wrap(router)
}

package main

import (
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withCrossOriginProtection has net/http guard what Wrap does not enforce:
// forms, uploads and other plain HTTP routes.
//
// Left alone, CrossOriginProtection refuses each call from the very pages that
// Wrap permits. It is told to leave the governed services to Wrap, which is
// stricter there (it refuses cross-site GET too), and to trust the listed
// origins elsewhere.
func withCrossOriginProtection(cors *corsrpc.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	mux.HandleFunc("PUT /photos/{id}", photo)

	protection := http.NewCrossOriginProtection()
	for rule := range cors.Rules() {
		if strings.HasSuffix(rule.Procedure, "/") { // a whole service
			protection.AddInsecureBypassPattern(rule.Path)
		}
	}
	for _, origin := range cors.Config().Origins {
		// Patterns fail here: net/http trusts exact origins only.
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(err)
		}
	}
	return cors.Wrap(protection.Handler(mux))
}

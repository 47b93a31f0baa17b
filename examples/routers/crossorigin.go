package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withCrossOriginProtection has net/http guard what Wrap does not enforce:
// forms, uploads and other plain HTTP routes.
//
// By itself, CrossOriginProtection refuses each POST, PUT and DELETE of the pages
// that Wrap permits. So it leaves the governed services to Wrap, which is
// stricter there (it refuses cross-site GET too), and trusts the origins of the
// resources elsewhere.
func withCrossOriginProtection(cors *corsrpc.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	mux.HandleFunc("PUT /photos/{id}", photo)

	protection := http.NewCrossOriginProtection()
	for rule := range cors.Rules() {
		switch rule.Match {
		case corsrpc.MatchService:
			protection.AddInsecureBypassPattern(rule.Path)
		case corsrpc.MatchResource:
			for _, origin := range rule.Origins {
				trust(protection, origin)
			}
		}
	}
	return cors.Wrap(protection.Handler(mux))
}

// trust panics, as AddInsecureBypassPattern does, if the origin is a pattern:
// CrossOriginProtection compares whole strings, so it would take a pattern and
// never match it.
func trust(protection *http.CrossOriginProtection, origin string) {
	if strings.Contains(origin, "*") {
		panic(fmt.Sprintf("net/http trusts exact origins only, not %q", origin))
	}
	if err := protection.AddTrustedOrigin(origin); err != nil {
		panic(err)
	}
}

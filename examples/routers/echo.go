package main

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withEcho puts Wrap around the Echo instance, which is an http.Handler, and
// not into Use or Pre: echo answers OPTIONS of its routes itself.
func withEcho(cors *corsrpc.Policy) http.Handler {
	router := echo.New()
	handle := func(path string, handler http.Handler) { router.Any(path+":method", echo.WrapHandler(handler)) }
	handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	router.PUT("/photos/:id", echo.WrapHandler(http.HandlerFunc(photo)))
	return cors.Wrap(router)
}

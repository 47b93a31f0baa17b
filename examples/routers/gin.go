package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withGin puts Wrap around the engine, which is an http.Handler, and not into
// engine.Use: gin wraps the ResponseWriter that its middlewares see.
func withGin(cors *corsrpc.Policy) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	handle := func(path string, handler http.Handler) { engine.Any(path+":method", gin.WrapH(handler)) }
	handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	engine.PUT("/photos/:id", gin.WrapF(photo))
	return cors.Wrap(engine)
}

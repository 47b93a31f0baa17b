package main

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// newBackend is the server: no Wrap, since CORS headers are the proxy's.
func newBackend(cors *corsrpc.Policy, options ...connect.HandlerOption) http.Handler {
	return shop.NewHandler(append([]connect.HandlerOption{
		corsconnect.WithGate(cors),
		connect.WithInterceptors(corsconnect.NewInterceptor(cors), servedBy("backend-1")),
	}, options...)...)
}

// servedBy adds a header to unary answers that no list knows.
func servedBy(name string) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
				info.ResponseHeader().Set("X-Served-By", name)
			}
			return next(ctx, req)
		}
	}
}

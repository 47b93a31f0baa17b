package main

import (
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// newAPI returns the shop, which knows nothing of CORS. connect-go serves it,
// or, with grpcGo, grpc-go serves what comes as gRPC-Web. The page sees no
// difference.
func newAPI(grpcGo bool) http.Handler {
	connect := shop.NewHandler()
	if !grpcGo {
		return connect
	}
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	web := grpcweb.NewHandler(server, grpcweb.Config{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			web.ServeHTTP(w, r)
			return
		}
		connect.ServeHTTP(w, r)
	})
}

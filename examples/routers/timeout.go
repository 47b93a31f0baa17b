package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withTimeout keeps http.TimeoutHandler inside Wrap, so that a page can read
// its 503.
//
// TimeoutHandler replaces each header that its own handler sets, such as
// Access-Control-Expose-Headers, to which corsconnect.NewInterceptor adds. So
// its handler starts with what Wrap has set.
//
// It cannot stream. Deadlines of the RPCs themselves can, and need none of
// this.
func withTimeout(cors *corsrpc.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{},
		connect.WithInterceptors(corsconnect.NewInterceptor(cors), connect.UnaryInterceptorFunc(took))))
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })

	type outer struct{}
	timeout := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, _ := r.Context().Value(outer{}).(http.Header)
		maps.Copy(w.Header(), header)
		mux.ServeHTTP(w, r)
	}), time.Second, "timeout")
	return cors.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timeout.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), outer{}, w.Header().Clone())))
	}))
}

// took writes how long a call took into a header that no schema declares.
func took(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		start := time.Now()
		res, err := next(ctx, req)
		if err == nil {
			res.Header().Set("Server-Timing", fmt.Sprintf("call;dur=%.3f", time.Since(start).Seconds()*1e3))
		}
		return res, err
	}
}

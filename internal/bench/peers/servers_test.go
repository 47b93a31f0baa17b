package peers_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	connectcors "connectrpc.com/cors"
	"connectrpc.com/vanguard"
	gincors "github.com/gin-contrib/cors"
	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"
	"github.com/improbable-eng/grpc-web/go/grpcweb"
	rscors "github.com/rs/cors"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// A peer is a server as people run it.
type peer struct {
	name string
	// protocols are those that it is meant to serve to pages.
	protocols []corstest.Protocol
	// needs is what must be installed; nil: nothing.
	needs func() error
	// serve returns the URL of a server for pages of origin.
	serve func(t *testing.T, b *backend, origin string) string
}

// missing returns why the server cannot be had here.
func (p *peer) missing() error {
	if p.needs == nil {
		return nil
	}
	return p.needs()
}

var connectAndGRPCWeb = []corstest.Protocol{corstest.Connect, corstest.ConnectGET, corstest.GRPCWeb}

// handled serves a handler that is written in Go.
func handled(handler func(b *backend, origin string) (http.Handler, error)) func(*testing.T, *backend, string) string {
	return func(t *testing.T, b *backend, origin string) string {
		h, err := handler(b, origin)
		require.NoError(t, err)
		server := httptest.NewServer(b.front(h))
		t.Cleanup(server.Close)
		return server.URL
	}
}

// lists are those of connectrpc.com/cors, with rs/cors.
func lists(origin string) *rscors.Cors {
	return rscors.New(rscors.Options{
		AllowedOrigins: []string{origin},
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: connectcors.AllowedHeaders(),
		ExposedHeaders: connectcors.ExposedHeaders(),
	})
}

var peers = []peer{
	{"connect-go without CORS", connectAndGRPCWeb, nil, handled(func(b *backend, _ string) (http.Handler, error) {
		return b.connect(), nil
	})},
	{"rs/cors", connectAndGRPCWeb, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		return lists(origin).Handler(b.connect()), nil
	})},
	{"rs/cors for everybody", connectAndGRPCWeb, nil, handled(func(b *backend, _ string) (http.Handler, error) {
		return rscors.AllowAll().Handler(b.connect()), nil
	})},
	{"gin-contrib/cors", connectAndGRPCWeb, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		return behindGin(b.connect(), ginCORS(origin)), nil
	})},
	// gzip removes the Vary of whoever set it, from errors.
	{"gin-contrib/cors and gzip", connectAndGRPCWeb, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		return behindGin(b.connect(), ginCORS(origin), gzip.Gzip(gzip.DefaultCompression)), nil
	})},
	{"Vanguard", connectAndGRPCWeb, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		var services []*vanguard.Service
		for _, name := range []string{"CatalogService", "CartService", "AdminService", "WarehouseService"} {
			services = append(services, vanguard.NewService("/acme.shop.v1."+name+"/", b.connect()))
		}
		transcoder, err := vanguard.NewTranscoder(services)
		return lists(origin).Handler(transcoder), err
	})},
	{"grpc-go behind improbable-eng/grpc-web", []corstest.Protocol{corstest.GRPCWeb}, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		return grpcweb.WrapServer(b.grpc(), grpcweb.WithOriginFunc(func(o string) bool { return o == origin })), nil
	})},
	{"corsrpc", connectAndGRPCWeb, nil, handled(func(b *backend, origin string) (http.Handler, error) {
		policy, err := corsrpc.New(corsrpc.Config{
			Origins:   []string{origin},
			Audiences: map[string][]string{"storefront": {origin}, "backoffice": {"https://console.example.com"}},
		})
		if err != nil {
			return nil, err
		}
		return policy.Wrap(b.connect()), nil
	})},
	{"nginx as grpc-web configures it", []corstest.Protocol{corstest.GRPCWeb}, findsNginx, serveNginx},
}

func ginCORS(origin string) gin.HandlerFunc {
	return gincors.New(gincors.Config{
		AllowOrigins:  []string{origin},
		AllowMethods:  connectcors.AllowedMethods(),
		AllowHeaders:  connectcors.AllowedHeaders(),
		ExposeHeaders: connectcors.ExposedHeaders(),
	})
}

func behindGin(next http.Handler, middleware ...gin.HandlerFunc) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(middleware...)
	engine.Any("/*path", gin.WrapH(next))
	return engine
}

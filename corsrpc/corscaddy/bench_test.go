package corscaddy_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// What a request costs beside Caddy and the server behind it.
func BenchmarkServeHTTP(b *testing.B) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	h := &corscaddy.Handler{Image: "testdata/shop.binpb", Policy: []string{"testdata/policy.yaml"}}
	require.NoError(b, h.Provision(ctx))
	header := func(foreign bool) caddyhttp.Handler {
		return caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			if foreign {
				w.Header().Set("Access-Control-Allow-Origin", "*")
			}
			w.WriteHeader(http.StatusOK)
			return nil
		})
	}
	for _, bench := range []struct {
		name, method, path, origin string
		next                       caddyhttp.Handler
	}{
		{"client", http.MethodPost, addItem, "", header(false)},
		{"page", http.MethodPost, addItem, app, header(false)},
		{"page GET", http.MethodGet, getProduct, app, header(false)},
		{"backend with CORS", http.MethodPost, addItem, app, header(true)},
		{"not governed", http.MethodPost, "/other", app, header(false)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest(bench.method, bench.path, nil)
			if bench.origin != "" {
				r.Header.Set("Origin", bench.origin)
			}
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				require.NoError(b, h.ServeHTTP(w, r, bench.next))
			}
		})
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
func (d *discard) WriteHeader(int)                {}

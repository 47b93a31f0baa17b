package corsrpc_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"golang.org/x/net/http2/hpack"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

//lint:file-ignore SA1019 servers still use h2c.NewHandler

// Whatever the request target, through whatever stands between Wrap and the
// generated code: a foreign page does not run the procedure.
func TestNoBypassByPath(t *testing.T) {
	t.Parallel()
	const name = "acme.shop.v1.CatalogService/GetProduct"
	targets := []string{
		"/" + name, "/%61cme.shop.v1.CatalogService/GetProduct", "/acme%2eshop.v1.CatalogService/GetProduct", "/acme.shop.v1.CatalogService/Get%50roduct",
		"//" + name, "/./" + name, "/x/../" + name, "/acme.shop.v1.CatalogService//GetProduct", "/acme.shop.v1.CatalogService%2FGetProduct", "/acme.shop.v1.CatalogService%2fGetProduct",
		"/" + name + "/", "/" + name + ";x", "/" + name + "%00", "/" + name + "?x=/", "/" + strings.ToLower(name), "/ACME.shop.v1.CatalogService/GetProduct", "/" + name + "#x",
		"/%2561cme.shop.v1.CatalogService/GetProduct", "\\" + name, "/acme.shop.v1.CatalogService/../CatalogService/GetProduct", "http://api.example.com/" + name, name, "*",
		"/%2e/" + name, "/x/%2e%2e/" + name, "/.%2F" + name, "%2F" + name, "/%2F" + name,
		"/x/%252e%252e/" + name, "/docs/" + name, "/x/y/" + name + "/z", "/" + name + "/..", "/acme.shop.v1.AdminService/../" + name, "/acme.shop.v1.AdminService/..%2F" + name,
		"/acme.shop.v1.AdminService/" + name, "/acme.%C5%BFhop.v1.CatalogService/GetProduct", "/acme.%C5%25BFhop.v1.CatalogService/GetProduct", "/x%5C" + name, "/x%5c..%5C" + name,
		"/acme.shop.v1.CatalogService;v=1/GetProduct", "/acme.shop.v1.CatalogService%3Bv=1/GetProduct", "/" + strings.ToUpper(name),
	}
	mounted := func(path string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(path, h)
		return mux
	}
	// As behind a router that cleaned, decoded or folded the path for itself.
	ignoringPath := func(_ string, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(strings.ToLower(r.URL.Path), "service") && !strings.Contains(r.URL.Path, "%") {
				return // a path that does not look like the procedure's to anyone
			}
			rewritten := r.Clone(r.Context())
			rewritten.URL.Path, rewritten.URL.RawPath = "/"+name, ""
			h.ServeHTTP(w, rewritten)
		})
	}
	h2cOutside := func(h http.Handler) http.Handler { return h2c.NewHandler(h, &http2.Server{}) }
	for _, stack := range []struct {
		name, prefix string
		between      func(path string, h http.Handler) http.Handler
		around       func(http.Handler) http.Handler
		http2        bool
	}{
		{name: "generated code alone", between: func(_ string, h http.Handler) http.Handler { return h }},
		{name: "a handler that ignores the path", between: ignoringPath},
		{name: "a handler that ignores the path, HTTP/2", between: ignoringPath, around: h2cOutside, http2: true},
		{name: "a handler that ignores the path, below a prefix", prefix: "/api", between: ignoringPath},
		{name: "ServeMux", between: mounted},
		{name: "ServeMux, HTTP/2", between: mounted, around: h2cOutside, http2: true},
		{name: "StripPrefix", prefix: "/api", between: func(_ string, h http.Handler) http.Handler { return http.StripPrefix("/api", h) }},
		{name: "StripPrefix around ServeMux", prefix: "/api", between: func(path string, h http.Handler) http.Handler { return http.StripPrefix("/api", mounted(path, h)) }},
		{name: "ServeMux around StripPrefix around ServeMux", prefix: "/api", between: func(path string, h http.Handler) http.Handler {
			return mounted("/api/", http.StripPrefix("/api", mounted(path, h)))
		}},
		{name: "StripPrefix, HTTP/2", prefix: "/api", between: func(_ string, h http.Handler) http.Handler { return http.StripPrefix("/api", h) }, around: h2cOutside, http2: true},
	} {
		t.Run(stack.name, func(t *testing.T) {
			t.Parallel()
			service := &countedCatalog{}
			path, h := shopv1connect.NewCatalogServiceHandler(service)
			config := shopConfig()
			config.PathPrefix = stack.prefix
			handler := newPolicy(t, config).Wrap(stack.between(path, h))
			if stack.around != nil {
				handler = stack.around(handler)
			}
			server := httptest.NewServer(handler)
			defer server.Close()
			send := overHTTP1
			if stack.http2 {
				send = overHTTP2
			}
			reached := 0
			for _, target := range targets {
				for _, method := range []string{http.MethodPost, http.MethodGet} {
					target := target
					if stack.prefix != "" && strings.HasPrefix(target, "/") {
						target = stack.prefix + target
					}
					if method == http.MethodGet {
						target += "?connect=v1&encoding=json&message=%7B%7D"
					}
					service.calls.Store(0)
					send(t, server.Listener.Addr().String(), method, target, app)
					reached += int(service.calls.Swap(0))
					for _, origin := range []string{evil, console} { // nobody's, and another service's
						allowed := send(t, server.Listener.Addr().String(), method, target, origin)
						if strings.HasPrefix(strings.TrimPrefix(target, stack.prefix), "/acme.shop.v1.AdminService") && origin == console {
							allowed = "" // the path is also below AdminService, which grants it
						}
						assert.Zero(t, service.calls.Load(), "%s %s ran the procedure for %s", method, target, origin)
						assert.Empty(t, allowed, "%s %s for %s", method, target, origin)
					}
				}
			}
			assert.GreaterOrEqual(t, reached, 5, "the targets are worth something: a permitted page reaches the procedure by several")
		})
	}
}

type countedCatalog struct {
	shopv1connect.UnimplementedCatalogServiceHandler

	calls atomic.Int32
}

func (c *countedCatalog) GetProduct(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	c.calls.Add(1)
	return connect.NewResponse(&shopv1.GetProductResponse{}), nil
}

// overHTTP1 sends a request whose target no client would write, and returns the
// origin that the response permits.
func overHTTP1(t *testing.T, addr, method, target, origin string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, method+" "+target+" HTTP/1.1\r\nHost: api.example.com\r\nOrigin: "+origin+
		"\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err, target)
	require.NoError(t, response.Body.Close())
	return response.Header.Get("Access-Control-Allow-Origin")
}

// overHTTP2 does so with prior knowledge.
func overHTTP2(t *testing.T, addr, method, target, origin string) (allowed string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, framer.WriteSettings())
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{
		{":method", method}, {":scheme", "http"}, {":authority", "api.example.com"}, {":path", target},
		{"origin", origin}, {"content-type", "application/json"},
	} {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
	// The server may have refused the stream by now.
	_ = framer.WriteData(1, true, []byte("{}"))
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return allowed
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range frame.RegularFields() {
				if field.Name == "access-control-allow-origin" {
					allowed = field.Value
				}
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return allowed
		}
		if header := frame.Header(); header.StreamID == 1 && header.Flags.Has(http2.FlagDataEndStream) {
			return allowed
		}
	}
}

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const (
	page       = "http://localhost:3000"
	getProduct = "/acme.shop.v1.CatalogService/GetProduct"
)

// A client of a page sets what its browser would.
type fromPage struct{ origin string }

func (p fromPage) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Origin", p.origin)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return http.DefaultTransport.RoundTrip(r)
}

func handlers(t *testing.T) map[string]http.Handler {
	t.Helper()
	all := make(map[string]http.Handler)
	cors, err := newPolicy()
	require.NoError(t, err)
	for name, newRouter := range routers {
		if name == "timeout" {
			continue // has no photos and no streams, and a test of its own
		}
		all[name] = newRouter(cors)
	}
	mux := http.NewServeMux()
	mux.Handle("/", shop.NewHandler())
	mux.HandleFunc("PUT /photos/{id}", photo)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "*")
		w.Header().Set("Vary", "Accept-Encoding")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	all["proxy"] = withProxy(cors, target)
	return all
}

func TestRouters(t *testing.T) {
	for name, handler := range handlers(t) {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			send := func(method, path, origin string, header ...string) *http.Response {
				r, err := http.NewRequest(method, server.URL+path, nil)
				require.NoError(t, err)
				for i := 0; i < len(header); i += 2 {
					r.Header.Set(header[i], header[i+1])
				}
				response, err := fromPage{origin}.RoundTrip(r)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				return response
			}

			preflight := send("OPTIONS", getProduct, page, "Access-Control-Request-Method", "POST")
			assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
			assert.Equal(t, []string{page}, preflight.Header["Access-Control-Allow-Origin"])
			assert.Equal(t, []string{"GET, POST"}, preflight.Header["Access-Control-Allow-Methods"])

			client := shopv1connect.NewCatalogServiceClient(&http.Client{Transport: fromPage{page}}, server.URL)
			product, err := client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
			require.NoError(t, err)
			assert.Equal(t, []string{page}, product.Header()["Access-Control-Allow-Origin"])
			assert.Contains(t, product.Header().Get("Access-Control-Expose-Headers"), "X-Catalog-Version")
			assert.Contains(t, product.Header()["Vary"], "Origin")

			prices, err := client.WatchPrices(t.Context(), connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: []string{"teapot", "mug"}}))
			require.NoError(t, err)
			for prices.Receive() {
				assert.NotEmpty(t, prices.Msg().GetProductId())
			}
			require.NoError(t, prices.Err())

			unknown := send("POST", "/acme.shop.v1.CatalogService/Newer", page)
			assert.Equal(t, http.StatusNotFound, unknown.StatusCode, "unimplemented")
			assert.Equal(t, []string{page}, unknown.Header["Access-Control-Allow-Origin"], "and readable")

			for _, path := range []string{getProduct, "/acme.shop.v1.CatalogService/Newer", "/%61cme.shop.v1.CatalogService/GetProduct"} {
				refused := send("POST", path, "https://evil.test")
				assert.Equal(t, http.StatusForbidden, refused.StatusCode, path)
				assert.Empty(t, refused.Header["Access-Control-Allow-Origin"], path)
			}

			upload := send("OPTIONS", "/photos/1", page, "Access-Control-Request-Method", "PUT")
			assert.Equal(t, http.StatusNoContent, upload.StatusCode)
			upload = send("PUT", "/photos/1", page)
			assert.Equal(t, http.StatusOK, upload.StatusCode)
			assert.Equal(t, []string{page}, upload.Header["Access-Control-Allow-Origin"])
			upload = send("PUT", "/photos/1", "https://evil.test")
			assert.Empty(t, upload.Header["Access-Control-Allow-Origin"])
			if name == "crossorigin" {
				assert.Equal(t, http.StatusForbidden, upload.StatusCode, "plain HTTP is net/http's to guard")
			} else {
				assert.Equal(t, http.StatusOK, upload.StatusCode, "resources are not enforced")
			}

			// No browser: nothing is asked.
			program := shopv1connect.NewCatalogServiceClient(server.Client(), server.URL)
			_, err = program.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
			require.NoError(t, err)
		})
	}
}

func TestTimeoutHandler(t *testing.T) {
	cors, err := newPolicy()
	require.NoError(t, err)
	config := cors.Config()
	config.Resources["/slow"] = config.Resources["/photos/{id}"]
	require.NoError(t, cors.Update(config))
	handler := withTimeout(cors)
	for target, status := range map[string]int{
		getProduct + "?connect=v1&encoding=json&message=%7B%22productId%22%3A%22teapot%22%7D": http.StatusOK,
		"/slow": http.StatusServiceUnavailable,
	} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Origin", page)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, status, w.Code, target)
		assert.Equal(t, []string{page}, w.Header()["Access-Control-Allow-Origin"], target)
		if target == "/slow" {
			assert.Equal(t, []string{"Origin"}, w.Header()["Vary"])
		} else {
			assert.Equal(t, []string{"Origin, Accept-Encoding"}, w.Header()["Vary"], "Connect's own is Accept-Encoding")
			exposed := strings.Join(w.Header()["Access-Control-Expose-Headers"], ", ")
			assert.Contains(t, exposed, "Grpc-Status", "Wrap's line")
			assert.Contains(t, exposed, "Server-Timing", "the interceptor's")
		}
	}
}

// A pattern would be taken and never match.
func TestCrossOriginProtectionTrustsNoPatterns(t *testing.T) {
	cors, err := corsrpc.New(corsrpc.Config{Services: []string{}, Resources: map[string]corsrpc.Resource{"/photos/{id}": {Origins: []string{"https://*.example.com"}}}})
	require.NoError(t, err)
	assert.PanicsWithValue(t, `net/http trusts exact origins only, not "https://*.example.com"`, func() { withCrossOriginProtection(cors) })
}

// A path in which the other server could find a procedure does not reach it,
// unless it is the procedure's spelling.
func TestProxyForwardsSpellings(t *testing.T) {
	reached := ""
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r.RequestURI }))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	cors, err := newPolicy()
	require.NoError(t, err)
	config := cors.Config()
	config.Resources["/docs/"] = corsrpc.Resource{}
	require.NoError(t, cors.Update(config))
	proxy := withProxy(cors, target)
	for path, forwarded := range map[string]bool{
		getProduct:                                  true,
		"/acme.shop.v1.CatalogService/Newer":        true,
		"/%61cme.shop.v1.CatalogService/GetProduct": true, // Go decodes it to the spelling
		"/": true, "/photos/1": true, "/photos//": true, "/./photos": true, "/a/../b": true, "/grpc.health.v1.Health/Check": true,
		"/docs" + getProduct: true,

		"/" + getProduct:                                    false,
		"/x/../" + getProduct[1:]:                           false,
		"/x/..%2F" + getProduct[1:]:                         false,
		"/x/%252e%252e" + getProduct:                        false,
		"/api" + getProduct:                                 false,
		getProduct + "/":                                    false,
		"/acme.shop.v1.catalogservice/getproduct":           false,
		"/acme.shop.v1.CatalogService;v=1/GetProduct":       false,
		"/acme.shop.v1.CatalogService/GetProduct;v=1":       false,
		"/acme.shop.v1.CatalogService%5CGetProduct":         false,
		"/acme.shop.v1.AdminService/..%2F" + getProduct[1:]: false,
	} {
		reached = ""
		w := httptest.NewRecorder()
		// Not from a browser, which Wrap would not let that far.
		proxy.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if forwarded {
			assert.Equal(t, http.StatusOK, w.Code, path)
			assert.Equal(t, path, reached)
		} else {
			assert.Equal(t, http.StatusNotFound, w.Code, path)
			assert.Empty(t, reached, path)
		}
	}
}

// ReverseProxy clears the header when it forwards a response of status 1xx.
func TestProxyKeepsPermissionsAfterEarlyHints(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			w.Header().Set("Link", "</style.css>; rel=preload; as=style")
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Set("Vary", "Accept-Encoding")
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	cors, err := newPolicy()
	require.NoError(t, err)
	server := httptest.NewServer(withProxy(cors, target))
	defer server.Close()
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		hints := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			assert.Equal(t, http.StatusEarlyHints, status)
			assert.Equal(t, []string{"</style.css>; rel=preload; as=style"}, header["Link"])
			hints++
			return nil
		}})
		r, err := http.NewRequestWithContext(ctx, method, server.URL+getProduct, nil)
		require.NoError(t, err)
		response, err := fromPage{page}.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, 2, hints, method)
		assert.Equal(t, []string{page}, response.Header["Access-Control-Allow-Origin"], method)
		assert.Contains(t, response.Header.Get("Access-Control-Expose-Headers"), "X-Catalog-Version", method)
		vary := strings.Join(response.Header["Vary"], ", ")
		assert.Contains(t, vary, "Origin", method)
		assert.Contains(t, vary, "Accept-Encoding", method)
		if method == http.MethodGet {
			assert.Len(t, response.Header["Vary"], 1)
		}
	}
}

// A WebSocket goes through, since ReverseProxy can hijack the connection.
func TestProxyForwardsUpgrades(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		line, err := buffered.ReadString('\n')
		assert.NoError(t, err)
		_, err = conn.Write([]byte(line))
		assert.NoError(t, err)
		assert.NoError(t, conn.Close())
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	cors, err := newPolicy()
	require.NoError(t, err)
	server := httptest.NewServer(withProxy(cors, target))
	defer server.Close()
	for _, path := range []string{"/socket", getProduct} {
		r, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "echo")
		response, err := fromPage{page}.RoundTrip(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode, path)
		stream, ok := response.Body.(io.ReadWriteCloser)
		require.True(t, ok, path)
		_, err = io.WriteString(stream, "hello\n")
		require.NoError(t, err)
		got, err := io.ReadAll(stream)
		require.NoError(t, err)
		assert.Equal(t, "hello\n", string(got), path)
		require.NoError(t, stream.Close())
	}
}

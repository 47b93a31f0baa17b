package main

import (
	"net/http"
	"net/http/httptest"
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
		assert.Contains(t, w.Header()["Vary"], "Origin", target)
		if target != "/slow" {
			assert.Contains(t, w.Header()["Vary"], "Accept-Encoding", "Connect's own")
			exposed := strings.Join(w.Header()["Access-Control-Expose-Headers"], ", ")
			assert.Contains(t, exposed, "Grpc-Status", "Wrap's line")
			assert.Contains(t, exposed, "Server-Timing", "the interceptor's")
		}
	}
}

// A pattern would be taken and never match.
func TestCrossOriginProtectionTrustsNoPatterns(t *testing.T) {
	cors, err := corsrpc.New(corsrpc.Config{Resources: map[string]corsrpc.Resource{"/photos/{id}": {Origins: []string{"https://*.example.com"}}}})
	require.NoError(t, err)
	assert.PanicsWithValue(t, `net/http trusts exact origins only, not "https://*.example.com"`, func() { withCrossOriginProtection(cors) })
}

// What an upstream might clean into a procedure does not reach it.
func TestProxyForwardsCleanPaths(t *testing.T) {
	reached := ""
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r.URL.Path }))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	cors, err := newPolicy()
	require.NoError(t, err)
	proxy := withProxy(cors, target)
	for path, status := range map[string]int{
		"/": 200, "/photos": 200, "/photos/": 200, "/photos/1": 200,
		"/" + getProduct: 404, "/x/../" + getProduct: 404, "/.%2F" + getProduct[1:]: 404, "/x/..%2F" + getProduct[1:]: 404, "/./photos": 404, "/photos//": 404,
	} {
		reached = ""
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header.Set("Origin", "https://evil.test")
		proxy.ServeHTTP(w, r)
		assert.Equal(t, status, w.Code, path)
		assert.Equal(t, status == 200, reached != "", path)
	}
}

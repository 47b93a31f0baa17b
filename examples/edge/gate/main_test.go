package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

const app = "https://app.example.com"

func addMug(t *testing.T, client *http.Client, url string, options ...connect.ClientOption) (*connect.Response[shopv1.AddItemResponse], error) {
	req := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 1}})
	req.Header().Set("Authorization", "Bearer ada")
	req.Header().Set("X-Tenant-Id", "acme")
	return shopv1connect.NewCartServiceClient(client, url, options...).AddItem(t.Context(), req)
}

// What a page reads of the running program.
func TestPage(t *testing.T) {
	t.Parallel()
	url := start(t)
	for _, row := range []struct {
		name    string
		options []connect.ClientOption
	}{
		{"Connect", nil},
		{"gRPC-Web", []connect.ClientOption{connect.WithGRPCWeb()}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			browser := corstest.NewBrowser(app)
			res, err := addMug(t, browser.Client(), url, row.options...)
			require.NoError(t, err)
			assert.Equal(t, "add-item-ada", res.Header().Get("X-Request-Id"), "declared in the schema")
			assert.Equal(t, "1", res.Trailer().Get("X-Cost"), "declared in the schema")
			assert.Equal(t, "backend-1", res.Header().Get("X-Served-By"), "not declared")

			cart := shopv1connect.NewCartServiceClient(browser.Client(), url, row.options...)
			_, err = cart.AddItem(t.Context(), connect.NewRequest(&shopv1.AddItemRequest{}))
			assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "errors are readable")

			_, err = addMug(t, corstest.NewBrowser("https://evil.test").Client(), url, row.options...)
			assert.ErrorAs(t, err, new(*corstest.BlockedError))
		})
	}
}

// The proxy stops no GET. The server does.
func TestGetOfAnotherPage(t *testing.T) {
	t.Parallel()
	var handled atomic.Int32
	cors, err := newPolicy("localhost:8080")
	require.NoError(t, err)
	back := httptest.NewServer(newBackend(cors, connect.WithInterceptors(connect.UnaryInterceptorFunc(
		func(next connect.UnaryFunc) connect.UnaryFunc {
			return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
				handled.Add(1)
				return next(ctx, req)
			}
		}))))
	t.Cleanup(back.Close)
	backend, err := url.Parse(back.URL)
	require.NoError(t, err)
	front := httptest.NewServer(newEdge(cors.Rules(), backend))
	t.Cleanup(front.Close)

	for _, row := range []struct {
		name   string
		send   http.Header
		status int
		allow  []string
	}{
		{"the app's page", http.Header{"Origin": {app}}, http.StatusOK, []string{app}},
		{"no page", nil, http.StatusOK, nil},
		{"the server's own page", http.Header{"Origin": {"http://localhost:8080"}}, http.StatusOK, nil},
		{"another page", http.Header{"Origin": {"https://evil.test"}}, http.StatusForbidden, nil},
		{"an image of another page", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden, nil},
	} {
		before := handled.Load()
		req, err := http.NewRequest(http.MethodGet, front.URL+shopv1connect.CatalogServiceGetProductProcedure+
			"?encoding=json&message="+url.QueryEscape(`{"productId": "mug"}`), nil)
		require.NoError(t, err)
		for name, lines := range row.send {
			req.Header[name] = lines
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, row.status, res.StatusCode, row.name)
		assert.Equal(t, row.status == http.StatusOK, handled.Load() > before, row.name)
		assert.Equal(t, row.allow, res.Header["Access-Control-Allow-Origin"], row.name)
		assert.Contains(t, strings.Join(res.Header["Vary"], ", "), "Origin", row.name)
		if row.status == http.StatusForbidden {
			assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"], row.name)
		}
	}
}

// A method that the server does not have yet reads as such.
func TestUnknownMethod(t *testing.T) {
	t.Parallel()
	url := start(t)
	client := connect.NewClient[shopv1.AddItemRequest, shopv1.AddItemResponse](
		corstest.NewBrowser(app).Client(), url+"/acme.shop.v1.CatalogService/RateProduct")
	_, err := client.CallUnary(t.Context(), connect.NewRequest(&shopv1.AddItemRequest{}))
	assert.Equal(t, connect.CodeUnimplemented, connect.CodeOf(err), "%v", err)
}

// start runs the program.
func start(t *testing.T) (url string) {
	t.Helper()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	back, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, front, back) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
	return "http://" + front.Addr().String()
}

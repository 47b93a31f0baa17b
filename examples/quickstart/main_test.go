package main

import (
	"net"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// startQuickstart serves until the test ends and returns the server's URL.
func startQuickstart(t *testing.T) string {
	t.Helper()
	server, err := newServer("")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		assert.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return "http://" + listener.Addr().String()
}

func checkout(t *testing.T, client shopv1connect.CartServiceClient) (*connect.Response[shopv1.CheckoutResponse], error) {
	t.Helper()
	req := connect.NewRequest(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"})
	req.Header().Set("Authorization", "Bearer ada")
	return client.Checkout(t.Context(), req)
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	url := startQuickstart(t)
	for origin, status := range map[string]int{
		"https://app.example.com":          http.StatusNoContent,
		"https://pr-1.preview.example.com": http.StatusForbidden, // not the storefront
		"https://evil.test":                http.StatusForbidden,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, url+shopv1connect.CartServiceCheckoutProcedure, nil)
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()

		assert.Equal(t, status, res.StatusCode, origin)
		if status == http.StatusNoContent {
			assert.Equal(t, []string{origin}, res.Header.Values("Access-Control-Allow-Origin"))
			assert.Equal(t, []string{"POST"}, res.Header.Values("Access-Control-Allow-Methods"))
			assert.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Authorization, ")
		} else {
			assert.Empty(t, res.Header.Values("Access-Control-Allow-Origin"), origin)
		}
	}
}

// What a page of the storefront reads, over each protocol that pages speak.
func TestPage(t *testing.T) {
	t.Parallel()
	url := startQuickstart(t)
	for name, options := range map[string][]connect.ClientOption{
		"Connect":  nil,
		"gRPC-Web": {connect.WithGRPCWeb()},
	} {
		page := corstest.NewBrowser("https://app.example.com").Client()
		cart := shopv1connect.NewCartServiceClient(page, url, options...)

		res, err := checkout(t, cart)
		require.NoError(t, err, name)
		assert.Equal(t, "order-ada", res.Msg.GetOrderId(), name)
		assert.Equal(t, "checkout-ada", res.Header().Get("X-Request-Id"), name)
		assert.Equal(t, "5", res.Trailer().Get("X-Cost"), name)

		_, err = cart.Checkout(t.Context(), connect.NewRequest(&shopv1.CheckoutRequest{}))
		assert.EqualError(t, err, "unauthenticated: sign in first", name)
	}

	preview := corstest.NewBrowser("https://pr-1.preview.example.com").Client()
	product, err := shopv1connect.NewCatalogServiceClient(preview, url).GetProduct(t.Context(),
		connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
	require.NoError(t, err)
	assert.Equal(t, "Stoneware teapot", product.Msg.GetProduct().GetName())

	_, err = checkout(t, shopv1connect.NewCartServiceClient(preview, url))
	assert.ErrorAs(t, err, new(*corstest.BlockedError), "preview pages are not the storefront")
}

// Clients that are no browsers go through unchanged, gRPC's over HTTP/2 included.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	url := startQuickstart(t)
	for name, options := range map[string][]connect.ClientOption{
		"Connect":  nil,
		"gRPC-Web": {connect.WithGRPCWeb()},
		"gRPC":     {connect.WithGRPC()},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			transport := &http.Transport{Protocols: new(http.Protocols)}
			transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
			transport.Protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
			if name == "gRPC" && protocol == "HTTP/1.1" {
				continue // gRPC has no other than HTTP/2
			}
			res, err := checkout(t, shopv1connect.NewCartServiceClient(&http.Client{Transport: transport}, url, options...))
			transport.CloseIdleConnections()
			require.NoError(t, err, "%s over %s", name, protocol)
			assert.Equal(t, "order-ada", res.Msg.GetOrderId())
			assert.Equal(t, "5", res.Trailer().Get("X-Cost"), "%s over %s", name, protocol)
			assert.Empty(t, res.Header().Values("Access-Control-Allow-Origin"))
		}
	}
}

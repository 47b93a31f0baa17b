package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

func checkout(t *testing.T, client *http.Client, url, token string, options ...connect.ClientOption) (string, error) {
	req := connect.NewRequest(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"})
	if token != "" {
		req.Header().Set("Authorization", "Bearer "+token)
	}
	res, err := shopv1connect.NewCartServiceClient(client, url, options...).Checkout(t.Context(), req)
	if err != nil {
		return "", err
	}
	return res.Msg.GetOrderId(), nil
}

var protocols = map[string][]connect.ClientOption{
	"Connect":  nil,
	"gRPC-Web": {connect.WithGRPCWeb()},
}

// What a page reads of the running program.
func TestPage(t *testing.T) {
	t.Parallel()
	url := start(t)
	for name, options := range protocols {
		page := corstest.NewBrowser("https://app.example.com").Client()

		order, err := checkout(t, page, url, "ada-token", options...)
		require.NoError(t, err, name)
		assert.Equal(t, "order-ada", order, name)

		for token, want := range map[string]string{
			"expired-token": "unauthenticated: the session has expired",
			"stolen-token":  "unauthenticated: the token is unknown",
			"":              "unauthenticated: log in first",
		} {
			_, err := checkout(t, page, url, token, options...)
			assert.EqualError(t, err, want, name)
			assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), name)
		}

		_, err = checkout(t, corstest.NewBrowser("https://evil.test").Client(), url, "ada-token", options...)
		assert.ErrorAs(t, err, new(*corstest.BlockedError), name)
	}
}

// Other clients are told the same, and need no Origin.
func TestServer(t *testing.T) {
	t.Parallel()
	url := start(t)
	_, err := checkout(t, http.DefaultClient, url, "expired-token")
	assert.EqualError(t, err, "unauthenticated: the session has expired")

	res, err := http.Post(url+"/acme.shop.v1.CartService/Checkout", "text/plain", strings.NewReader("not an RPC"))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

// Why Wrap is outermost: with the other order, the page learns nothing.
func TestTheOtherOrder(t *testing.T) {
	t.Parallel()
	cors, err := newPolicy()
	require.NoError(t, err)
	server := httptest.NewServer(authenticate(newSessions(), cors.Wrap(http.NotFoundHandler())))
	t.Cleanup(server.Close)
	_, err = checkout(t, corstest.NewBrowser("https://app.example.com").Client(), server.URL, "ada-token")
	assert.ErrorAs(t, err, new(*corstest.BlockedError), "the preflight has no token")
}

// start runs the program.
func start(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String()
}

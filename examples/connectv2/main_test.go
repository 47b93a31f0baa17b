package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

// A result is all that a client reads of a call.
type result struct {
	order           string
	header, trailer *connect.Header
}

func checkout(t *testing.T, client *http.Client, url, token, payment string, options ...connecthttp.Option) (result, error) {
	ctx, info := connect.NewClientContext(t.Context())
	if token != "" {
		info.RequestHeader().Set("Authorization", "Bearer "+token)
	}
	cart := shopv1connect.NewCartServiceClient(connect.NewClient(connecthttp.NewTransport(client, url, options...)))
	res, err := cart.Checkout(ctx, &shopv1.CheckoutRequest{PaymentToken: payment})
	return result{order: res.GetOrderId(), header: info.ResponseHeader(), trailer: info.ResponseTrailer()}, err
}

var protocols = map[string][]connecthttp.Option{
	"Connect":  nil,
	"gRPC-Web": {connecthttp.WithGRPCWeb()},
}

// What a page reads of the running program.
func TestPage(t *testing.T) {
	t.Parallel()
	url := start(t)
	for name, options := range protocols {
		page := corstest.NewBrowser("https://app.example.com").Client()

		got, err := checkout(t, page, url, "ada-token", "tok_visa", options...)
		require.NoError(t, err, name)
		assert.Equal(t, "order-ada", got.order, name)
		assert.Equal(t, "checkout-ada", got.header.Get("X-Request-Id"), name)
		assert.Equal(t, "5", got.trailer.Get("X-Cost"), name)

		// A handler's error arrives whole, with what it set beside it.
		got, err = checkout(t, page, url, "ada-token", "tok_expired", options...)
		assert.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err), name)
		var connectErr *connect.Error
		require.ErrorAs(t, err, &connectErr, name)
		require.Len(t, connectErr.Details(), 1, name)
		detail, err := connectproto.UnmarshalErrorDetail(connectErr.Details()[0])
		require.NoError(t, err, name)
		assert.IsType(t, (*shopv1.PaymentDeclined)(nil), proto.Message(detail), name)
		assert.NotEmpty(t, got.header.Get("X-Retry-Hint"), name)
		assert.Equal(t, "5", got.trailer.Get("X-Cost"), name)

		for token, want := range map[string]string{
			"expired-token": "unauthenticated: the session has expired",
			"stolen-token":  "unauthenticated: the token is unknown",
			"":              "unauthenticated: log in first",
		} {
			_, err := checkout(t, page, url, token, "tok_visa", options...)
			assert.EqualError(t, err, want, name)
			assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), name)
		}

		_, err = checkout(t, corstest.NewBrowser("https://evil.test").Client(), url, "ada-token", "tok_visa", options...)
		assert.ErrorAs(t, err, new(*corstest.BlockedError), name)
	}
}

// Other clients read the same, and need no Origin.
func TestServer(t *testing.T) {
	t.Parallel()
	url := start(t)
	_, err := checkout(t, http.DefaultClient, url, "expired-token", "tok_visa")
	assert.EqualError(t, err, "unauthenticated: the session has expired")

	res, err := http.Post(url+"/acme.shop.v1.CartService/Checkout", "text/plain", strings.NewReader("not an RPC"))
	require.NoError(t, err)
	res.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
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

package main

import (
	"context"
	"net"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func TestGateway(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(backend) }()
	t.Cleanup(func() { server.Stop(); assert.NoError(t, <-served) })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, listener, "http://"+backend.Addr().String()) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		assert.NoError(t, <-ended, "shutdown")
	})

	page := corstest.NewBrowser("https://app.example.com").Client()
	client := shopv1connect.NewCatalogServiceClient(page, "http://"+listener.Addr().String(), connect.WithGRPCWeb())
	res, err := client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
	require.NoError(t, err)
	assert.Equal(t, "Stoneware mug", res.Msg.GetProduct().GetName())
	_, err = client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "unicorn"}))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err), "the page reads the status")
}

func TestLinked(t *testing.T) {
	t.Parallel()
	for procedure, want := range map[string][3]bool{
		shopv1.CatalogService_GetProduct_FullMethodName:     {false, false, true},
		shopv1.CatalogService_SearchProducts_FullMethodName: {false, true, true},
		shopv1.CartService_ImportItems_FullMethodName:       {true, false, true},
		shopv1.CartService_NegotiatePrice_FullMethodName:    {true, true, true},
		"/acme.shop.v1.CartService/Unknown":                 {},
		"/acme.shop.v1/CartService":                         {},
		"":                                                  {},
	} {
		clientStreams, serverStreams, known := linked(procedure)
		assert.Equal(t, want, [3]bool{clientStreams, serverStreams, known}, procedure)
	}
}

func TestBadTarget(t *testing.T) {
	t.Parallel()
	_, err := newHandler("localhost:50051")
	assert.EqualError(t, err, `grpcweb: target "localhost:50051": the scheme must be http or https`)
}

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
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

func start(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, listener) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		assert.NoError(t, <-ended, "shutdown")
	})
	return listener.Addr().String()
}

func TestPage(t *testing.T) {
	t.Parallel()
	address := start(t)
	for origin, allowed := range map[string]bool{"https://app.example.com": true, "https://evil.test": false} {
		page := corstest.NewBrowser(origin).Client()
		client := shopv1connect.NewCatalogServiceClient(page, "http://"+address, connect.WithGRPCWeb())
		res, err := client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
		if !allowed {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "Stoneware mug", res.Msg.GetProduct().GetName())
		_, err = client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "unicorn"}))
		assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err), "the page reads the status")
	}
}

func TestNativeClient(t *testing.T) {
	t.Parallel()
	conn, err := grpc.NewClient("passthrough:///"+start(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	res, err := shopv1.NewCatalogServiceClient(conn).GetProduct(t.Context(), &shopv1.GetProductRequest{ProductId: "mug"})
	require.NoError(t, err)
	assert.Equal(t, "Stoneware mug", res.GetProduct().GetName())
	health, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
	assert.Equal(t, healthv1.HealthCheckResponse_SERVING, health.GetStatus())
}

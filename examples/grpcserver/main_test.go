package main

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// Calls to the running program, as a gRPC-Web proxy hands them on.
func TestServer(t *testing.T) {
	t.Parallel()
	conn := start(t)
	for _, row := range []struct {
		name string
		send metadata.MD
		want error
	}{
		{"the app's page", metadata.Pairs("origin", "https://app.example.com", "sec-fetch-site", "cross-site"), nil},
		{"a page of the proxy's host", metadata.Pairs("origin", "https://api.example.com"), nil},
		{"another server", nil, nil},
		{"another page", metadata.Pairs("origin", "https://evil.test"), status.Error(codes.PermissionDenied, "corsrpc: origin not allowed")},
		{"a sandboxed page", metadata.Pairs("origin", "null"), status.Error(codes.PermissionDenied, "corsrpc: origin not allowed")},
		{"no origin, but marked", metadata.Pairs("sec-fetch-site", "cross-site"), status.Error(codes.PermissionDenied, "corsrpc: cross-site request without an origin")},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), row.send)
		_, err := shopv1.NewCatalogServiceClient(conn).GetProduct(ctx, &shopv1.GetProductRequest{ProductId: "mug"})
		assert.ErrorIs(t, err, row.want, row.name)

		stream, err := shopv1.NewCatalogServiceClient(conn).SearchProducts(ctx, &shopv1.SearchProductsRequest{Query: "mug"})
		require.NoError(t, err, row.name)
		_, err = stream.Recv()
		assert.ErrorIs(t, err, row.want, row.name)
	}

	_, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	assert.NoError(t, err)

	// The shop's own jobs, and no page at all.
	purge := func(ctx context.Context) error {
		_, err := shopv1.NewCartServiceClient(conn).PurgeCarts(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer job"), &shopv1.PurgeCartsRequest{})
		return err
	}
	assert.NoError(t, purge(t.Context()))
	assert.ErrorIs(t, purge(metadata.AppendToOutgoingContext(t.Context(), "origin", "https://app.example.com")),
		status.Error(codes.PermissionDenied, "corsrpc: internal method"))
}

// A service that no policy governs does not go unnoticed.
func TestCheckGoverned(t *testing.T) {
	t.Parallel()
	cors, err := newPolicy("api.example.com")
	require.NoError(t, err)
	assert.NoError(t, checkGoverned(cors, newServer(cors)))

	config := cors.Config()
	config.Except = []string{"acme.shop.v1.AdminService"}
	cors, err = corsrpc.New(config)
	require.NoError(t, err)
	assert.EqualError(t, checkGoverned(cors, newServer(cors)),
		"no policy governs acme.shop.v1.AdminService: add it to Services, or leave it to another policy")
}

// start runs the program.
func start(t *testing.T) *grpc.ClientConn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener, "api.example.com") }()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		stop()
		assert.NoError(t, <-done)
	})
	return conn
}

package grpcwebtest

import (
	"testing"

	"connectrpc.com/vanguard/vanguardgrpc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// Around Vanguard, which keeps the Connect protocol and REST, the handler adds
// the text form and well-formed trailers.
func TestAroundVanguard(t *testing.T) {
	server := grpc.NewServer()
	defer server.Stop()
	shopv1.RegisterCatalogServiceServer(server, catalog{})
	transcoder, err := vanguardgrpc.NewTranscoder(server)
	require.NoError(t, err)
	client, url := serve(t, grpcweb.NewHandler(transcoder, grpcweb.Config{MaxRequestBytes: -1}))
	for _, text := range []bool{false, true} {
		assert.NoError(t, Unary(text).Check(client, url))
		assert.NoError(t, Burst(text).Check(client, url))
	}
}

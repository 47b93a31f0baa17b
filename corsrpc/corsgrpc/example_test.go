package corsgrpc_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func ExampleUnaryServerInterceptor() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{"https://app.example.com"},
		Services: []string{"acme.shop.v1.CatalogService"},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors)),
		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors)),
	)
	shop.RegisterGRPC(server)
	defer server.Stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	catalog := shopv1.NewCatalogServiceClient(conn)
	for _, origin := range []string{"https://app.example.com", "https://evil.test"} {
		// As a gRPC-Web proxy does with the header that the browser sent.
		ctx := metadata.AppendToOutgoingContext(context.Background(), "origin", origin)
		res, err := catalog.GetProduct(ctx, &shopv1.GetProductRequest{ProductId: "mug"})
		fmt.Println(origin, res.GetProduct().GetName(), err)
	}
	// Output:
	// https://app.example.com Stoneware mug <nil>
	// https://evil.test  rpc error: code = PermissionDenied desc = corsrpc: origin not allowed
}

// At start, make sure that no service was left out by mistake. Health checking
// was: policies leave it alone unless Services names it.
func ExampleUngoverned() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{"https://app.example.com"},
		Services: []string{"acme.shop.v1.CatalogService"},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors)),
		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors)),
	)
	shop.RegisterGRPC(server)
	healthv1.RegisterHealthServer(server, health.NewServer())
	for _, service := range corsgrpc.Ungoverned(cors, server) {
		fmt.Println("not governed:", service)
	}
	// Output:
	// not governed: grpc.health.v1.Health
}

// With grpc-gateway, defaultMatcher is runtime.DefaultHeaderMatcher, and the
// result goes to runtime.WithIncomingHeaderMatcher.
func ExampleIncomingHeader() {
	defaultMatcher := func(name string) (string, bool) { return "", false }
	matcher := corsgrpc.IncomingHeader(defaultMatcher)
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		metadata, ok := matcher(name)
		fmt.Printf("%s: %q %v\n", name, metadata, ok)
	}
	// Output:
	// Origin: "grpcgateway-origin" true
	// Sec-Fetch-Site: "sec-fetch-site" true
	// Sec-Fetch-Mode: "" false
}

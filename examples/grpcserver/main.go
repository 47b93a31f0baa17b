// Grpcserver shows corsrpc in a plain grpc-go server, which pages reach through
// a gRPC-Web proxy.
//
//	go run ./examples/grpcserver
//
// The proxy, Envoy with its grpc_web and cors filters for instance, answers
// preflights and writes CORS headers. It hands on the headers of a request as
// metadata, Origin and Sec-Fetch-Site among them, and that is what the
// interceptors go by: whatever the proxy lets through, only the pages that the
// policy lists can call.
//
//	grpcurl -plaintext -H 'origin: https://evil.test' -d '{"product_id": "mug"}' \
//		-import-path proto -proto acme/shop/v1/catalog.proto \
//		localhost:8080 acme.shop.v1.CatalogService/GetProduct
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	host := flag.String("host", "api.example.com", "the proxy's host, as it stands in the pages' URLs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the shop is on %s, for gRPC\n", listener.Addr())
	if err := run(ctx, listener, *host); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener, host string) error {
	cors, err := newPolicy(host)
	if err != nil {
		return err
	}
	server := newServer(cors)
	if err := checkGoverned(cors, server); err != nil {
		return err
	}
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(listener)
}

func newPolicy(host string) (*corsrpc.Policy, error) {
	storefront := []string{"https://app.example.com"}
	return corsrpc.New(corsrpc.Config{
		Origins:    storefront,
		Audiences:  map[string][]string{"storefront": storefront, "backoffice": {}},
		Hosts:      []string{host}, // proxies put their own name for this server into :authority
		OnDecision: corsrpc.LogDenied(nil),
	})
}

// newServer has the interceptors first, so that the others do not run for calls
// that are refused.
func newServer(cors *corsrpc.Policy) *grpc.Server {
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors)),
		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors)),
	)
	shop.RegisterGRPC(server)
	healthv1.RegisterHealthServer(server, health.NewServer())
	return server
}

// checkGoverned keeps the server from starting with a service that nobody
// thought of: pages of every origin could call it.
func checkGoverned(cors *corsrpc.Policy, server *grpc.Server) error {
	open := []string{healthv1.Health_ServiceDesc.ServiceName} // the proxy does not route it
	for _, service := range corsgrpc.Ungoverned(cors, server) {
		if !slices.Contains(open, service) {
			return fmt.Errorf("no policy governs %s: add it to Services, or leave it to another policy", service)
		}
	}
	return nil
}

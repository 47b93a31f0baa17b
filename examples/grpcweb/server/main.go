// Server is a grpc-go server that pages on other origins call by gRPC-Web, and
// that native gRPC clients call on the same port. There is no proxy.
//
//	go run ./examples/grpcweb/server
//	grpcurl -plaintext -d '{"product_id": "mug"}' localhost:8080 acme.shop.v1.CatalogService/GetProduct
//	curl -i http://localhost:8080/acme.shop.v1.CatalogService/GetProduct -H 'Origin: https://app.example.com' \
//		-H 'Content-Type: application/grpc-web-text' -d AAAAAAUKA211Zw==
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("serving the shop on %s", listener.Addr())
	if err := run(ctx, listener); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, and then lets the calls finish that are running.
func run(ctx context.Context, listener net.Listener) error {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins: []string{"https://app.example.com"},
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com"},
			"backoffice": {}, // no page
		},
	})
	if err != nil {
		return err
	}

	// A grpc-go server as it is without pages.
	healthy := health.NewServer()
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(logUnary))
	shop.RegisterGRPC(server)
	healthv1.RegisterHealthServer(server, healthy)
	reflection.Register(server)

	front := &http.Server{
		Handler:           cors.Wrap(grpcweb.NewHandler(server, grpcweb.Config{})),
		ReadHeaderTimeout: 10 * time.Second, // and no WriteTimeout, which would cut streams
		Protocols:         new(http.Protocols),
	}
	front.Protocols.SetHTTP1(true)
	front.Protocols.SetUnencryptedHTTP2(true) // native gRPC; behind TLS: SetHTTP2
	served := make(chan error, 1)
	go func() { served <- front.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	// The http.Server first: GracefulStop would end the calls that it carries.
	healthy.Shutdown()
	patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := front.Shutdown(patience); err != nil {
		server.Stop() // streams that have no end of their own
		return errors.Join(fmt.Errorf("calls were cut: %w", err), front.Close())
	}
	server.GracefulStop()
	return nil
}

// logUnary stands for the interceptors that a server has anyway. They see the
// calls of pages like any others.
func logUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	res, err := handler(ctx, req)
	log.Printf("%s took %v, error: %v", info.FullMethod, time.Since(start), err)
	return res, err
}

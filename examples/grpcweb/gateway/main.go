// Gateway lets pages on other origins call a gRPC server elsewhere, which need
// not be written in Go.
//
//	go run ./examples/grpcweb/gateway -target http://localhost:50051
//
// It links the services' generated code, so that the policy knows them.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1" // the services of the server
)

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on")
	target := flag.String("target", "http://localhost:50051", "`URL` of the gRPC server; https for TLS")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("serving %s on %s", *target, listener.Addr())
	if err := run(ctx, listener, *target); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener, target string) error {
	handler, err := newHandler(target)
	if err != nil {
		return err
	}
	front := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols)}
	front.Protocols.SetHTTP1(true)
	front.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan error, 1)
	go func() { served <- front.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return front.Shutdown(patience)
}

func newHandler(target string) (http.Handler, error) {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins: []string{"https://app.example.com"},
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com"},
			"backoffice": {}, // no page
		},
	})
	if err != nil {
		return nil, err
	}
	server, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	forward, err := grpcweb.NewForwarder(server, nil)
	if err != nil {
		return nil, err
	}
	return cors.Wrap(grpcweb.NewHandler(forward, grpcweb.Config{Methods: linked})), nil
}

// linked knows the methods whose generated code is in this program. The gateway
// works without it, and sends unary responses in one piece with it.
func linked(procedure string) (clientStreams, serverStreams, known bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", ".")
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false, false, false
	}
	method, isMethod := descriptor.(protoreflect.MethodDescriptor)
	if !isMethod {
		return false, false, false
	}
	return method.IsStreamingClient(), method.IsStreamingServer(), true
}

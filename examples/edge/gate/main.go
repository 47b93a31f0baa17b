// Gate shows CORS answered by a proxy in front of the server, with a gate behind
// it.
//
//	go run ./examples/edge/gate
//
// The proxy (edge.go) answers preflights and writes CORS headers, as nginx,
// Envoy or a CDN would, from lists that corsrpc generated. Like those, it stops
// no call: what a page of another origin sends without a preflight, a Connect
// GET above all, it hands on, and only the answer stays hidden from that page.
//
// The server (backend.go) refuses such calls itself, by the same policy, before
// anything is decoded. It also names the headers that its answers carry beyond
// the lists, which the proxy hands on.
//
//	curl -i 'http://localhost:8080/acme.shop.v1.CatalogService/GetProduct?encoding=json&message=%7B%22productId%22:%22mug%22%7D' \
//		-H 'Origin: https://evil.test'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where the proxy listens")
	behind := flag.String("backend", "localhost:8081", "where the server behind it listens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	front, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	back, err := net.Listen("tcp", *behind)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the shop is on http://%s, behind which is http://%s\n", front.Addr(), back.Addr())
	if err := run(ctx, front, back); err != nil {
		log.Fatal(err)
	}
}

// run serves proxy and server until ctx ends.
func run(ctx context.Context, front, back net.Listener) error {
	cors, err := newPolicy(front.Addr().String())
	if err != nil {
		return err
	}
	edge := newEdge(cors.Rules(), &url.URL{Scheme: "http", Host: back.Addr().String()})
	ctx, stop := context.WithCancel(ctx)
	failed := make(chan error, 2)
	go func() { failed <- serve(ctx, front, edge) }()
	go func() { failed <- serve(ctx, back, newBackend(cors)) }()
	first := <-failed
	stop()
	return errors.Join(first, <-failed)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newPolicy is for both. The proxy is who pages talk to, so its host is the
// server's own.
func newPolicy(publicHost string) (*corsrpc.Policy, error) {
	storefront := []string{"https://app.example.com"}
	return corsrpc.New(corsrpc.Config{
		Origins:    storefront,
		Audiences:  map[string][]string{"storefront": storefront, "backoffice": {}},
		Hosts:      []string{publicHost},
		OnDecision: corsrpc.LogDenied(nil),
	})
}

// Command fromfile is a Connect server whose policy is two YAML files, one for
// every environment and one for this one. It reads them again while it runs.
//
//	go run ./examples/fromfile examples/fromfile/base.yaml examples/fromfile/production.yaml
//
// Change a file and watch the log: a file with a mistake is reported, with the
// line of the mistake, and the last good policy stays in force. kubernetes.yaml
// mounts the same files as a ConfigMap.
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

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to listen on")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: fromfile [-addr ADDRESS] FILE...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("the shop is on http://%s", listener.Addr())
	err = run(ctx, listener, corsconfig.WatchConfig{
		Names: flag.Args(),
		OnReload: func(err error) {
			if err != nil {
				log.Printf("the policy stays as it was:\n%v", err)
				return
			}
			log.Print("the policy of the files is in force")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener, watch corsconfig.WatchConfig) error {
	config, err := corsconfig.Load(nil, watch.Names...)
	if err != nil {
		return err // every mistake in the files
	}
	config.OnDecision = corsrpc.LogDenied(nil) // what is not data stays, whatever the files become
	cors, err := corsrpc.New(config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(corsconfig.Watch(ctx, cors, watch)) }()

	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	mux.HandleFunc("GET /assets/logo.svg", logo)
	server := &http.Server{Handler: cors.Wrap(mux), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause // of Watch
	}
	return nil
}

func logo(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 2h7L7 6H2z"/></svg>`)
}

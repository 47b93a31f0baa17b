// Audiences shows two policies for two audiences on one mux: the storefront's
// pages call the shop, the back office's console calls its administration, with
// cookies.
//
//	go run ./examples/audiences
//
// Each service belongs to exactly one policy. The console's policy is around its
// service, at its mount; the storefront's is around everything, and leaves that
// service to the other by Except. The schema says which methods are for which
// audience, and each policy says where its audiences are.
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
	"slices"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the shop is on http://%s\n", listener.Addr())
	if err := run(ctx, listener); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener) error {
	handler, err := newHandler()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var (
	storefrontPages = []string{"https://shop.example.com"}
	partnerPages    = []string{"https://*.partners.example.com"} // may look, not buy
	consolePages    = []string{"https://console.example.com"}
)

func newHandler() (http.Handler, error) {
	storefront, err := corsrpc.New(corsrpc.Config{
		Origins:   slices.Concat(storefrontPages, partnerPages),
		Except:    []string{shopv1connect.AdminServiceName},
		Audiences: map[string][]string{"storefront": storefrontPages},
	})
	if err != nil {
		return nil, fmt.Errorf("storefront: %w", err)
	}
	backoffice, err := corsrpc.New(corsrpc.Config{
		Credentials: true,
		Services:    []string{shopv1connect.AdminServiceName},
		Audiences: map[string][]string{
			"backoffice": consolePages,
			"storefront": storefrontPages, // for the one method that is theirs
		},
	})
	if err != nil {
		return nil, fmt.Errorf("back office: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	mux.Handle(shopv1connect.NewWarehouseServiceHandler(shop.Warehouse{}))
	mux.Handle(backoffice.WrapService(shopv1connect.NewAdminServiceHandler(shop.Admin{})))
	return storefront.Wrap(mux), nil
}

// Command quickstart is a Connect server that pages on other origins may call.
//
//	go run ./examples/quickstart
//	curl -i -X OPTIONS http://127.0.0.1:8080/acme.shop.v1.CartService/Checkout \
//		-H 'Origin: https://app.example.com' -H 'Access-Control-Request-Method: POST'
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	server, err := newServer(*addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("serving the shop on %s", *addr)
	log.Fatal(server.ListenAndServe())
}

func newServer(addr string) (*http.Server, error) {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:          []string{"https://app.example.com", "https://*.preview.example.com"},
		RequestHeaders:   []string{"Authorization"}, // application metadata only: protocol headers are known
		ResponseHeaders:  []string{"X-Request-Id"},
		ResponseTrailers: []string{"X-Cost"}, // expanded per protocol

		// The shop's schema gives some methods, such as Checkout, to an
		// audience: pages of other origins than those above, or of none.
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com"},
			"backoffice": {},
		},
	})
	if err != nil {
		return nil, err // every mistake at once, each with its field
	}

	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))

	server := &http.Server{Addr: addr, Handler: cors.Wrap(authenticate(mux)), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // gRPC clients, on the same port
	return server, nil
}

// authenticate stands inside Wrap: preflights carry no Authorization, and a page
// can read this error only if it comes with the CORS headers.
func authenticate(next http.Handler) http.Handler {
	const cart = "/" + shopv1connect.CartServiceName + "/"
	errorWriter := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, cart) && r.Header.Get("Authorization") == "" {
			// The client may be gone, which changes nothing.
			_ = errorWriter.Write(w, r, connect.NewError(connect.CodeUnauthenticated, errors.New("sign in first")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

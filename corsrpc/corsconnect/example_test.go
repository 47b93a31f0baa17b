package corsconnect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// A proxy responds to preflights and writes CORS headers. Whatever it lets through,
// the gate refuses calls from other pages.
func ExampleWithGate() {
	cors, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com"},
		Hosts:    []string{"api.example.com"}, // the proxy's, as pages know it
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(stock{}, corsconnect.WithGate(cors)))
	server := httptest.NewServer(mux)
	defer server.Close()

	catalog := shopv1connect.NewCatalogServiceClient(server.Client(), server.URL)
	for _, origin := range []string{"https://app.example.com", "https://evil.test"} {
		req := connect.NewRequest(&shopv1.GetProductRequest{ProductId: "kettle"})
		req.Header().Set("Origin", origin) // as the browser does, and the proxy hands it on
		_, err := catalog.GetProduct(context.Background(), req)
		fmt.Println(origin, err)
	}
	// Output:
	// https://app.example.com <nil>
	// https://evil.test permission_denied: corsrpc: origin not allowed
}

// A handler adds what nobody declared, and the page can read it nevertheless.
func ExampleNewInterceptor() {
	cors, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(stock{},
		connect.WithInterceptors(corsconnect.NewInterceptor(cors)),
	))
	server := httptest.NewServer(cors.Wrap(mux))
	defer server.Close()

	for _, product := range []string{"kettle", "unicorn"} {
		req, err := http.NewRequest(http.MethodPost, server.URL+shopv1connect.CatalogServiceGetProductProcedure,
			strings.NewReader(`{"productId": "`+product+`"}`))
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", "https://app.example.com")
		res, err := server.Client().Do(req)
		if err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
		fmt.Println(res.Status)
		for _, line := range res.Header.Values("Access-Control-Expose-Headers") {
			fmt.Println("expose:", line)
		}
	}
	// Output:
	// 200 OK
	// expose: Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, X-Catalog-Version
	// expose: Trailer-X-Shelf, X-Left
	// 404 Not Found
	// expose: Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, X-Catalog-Version
	// expose: X-Try
}

type stock struct {
	shopv1connect.UnimplementedCatalogServiceHandler
}

func (stock) GetProduct(_ context.Context, req *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	if req.Msg.GetProductId() != "kettle" {
		err := connect.NewError(connect.CodeNotFound, errors.New("no such product"))
		err.Meta().Set("X-Try", "kettle")
		return nil, err
	}
	res := connect.NewResponse(&shopv1.GetProductResponse{Product: &shopv1.Product{Id: "kettle"}})
	res.Header().Set("X-Left", "3")
	res.Trailer().Set("X-Shelf", "12")
	return res, nil
}

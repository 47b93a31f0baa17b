package corsconnectv2_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

// A handler sends what nobody declared, and the page can read it nevertheless.
func ExampleNewServerInterceptor() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{"https://app.example.com"},
		Services: []string{shopv1connect.CatalogServiceName},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(cors, corsconnectv2.BehindWrap()))
	shopv1connect.RegisterCatalogServiceHandler(server, stock{})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	site := httptest.NewServer(cors.Wrap(mux))
	defer site.Close()

	for _, product := range []string{"kettle", "unicorn"} {
		res := call(site, product, "https://app.example.com")
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

// A proxy answers preflights and writes CORS headers. Whatever it lets through,
// the interceptor refuses calls from other pages.
func ExampleNewServerInterceptor_behindProxy() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{"https://app.example.com"},
		Hosts:    []string{"api.example.com"}, // the proxy's, as pages know it
		Services: []string{shopv1connect.CatalogServiceName},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(cors))
	shopv1connect.RegisterCatalogServiceHandler(server, stock{})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	site := httptest.NewServer(mux)
	defer site.Close()

	for _, origin := range []string{"https://app.example.com", "https://evil.test"} {
		fmt.Println(origin, call(site, "kettle", origin).Status)
	}
	// Output:
	// https://app.example.com 200 OK
	// https://evil.test 403 Forbidden
}

// The policy governs exactly what the server serves, whatever else is linked.
func ExampleRegistered() {
	cors := new(corsrpc.Policy) // refuses all pages until it has a Config
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(cors))
	shopv1connect.RegisterCatalogServiceHandler(server, stock{})

	files, services, err := corsconnectv2.Registered(server)
	if err != nil {
		log.Fatal(err)
	}
	if err := cors.Update(corsrpc.Config{
		Origins:  []string{"https://app.example.com"},
		Files:    files,
		Services: services,
	}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(services)
	fmt.Println(cors.Governs(shopv1connect.CatalogServiceGetProductProcedure))
	fmt.Println(cors.Governs(shopv1connect.CartServiceCheckoutProcedure)) // linked, not served
	// Output:
	// [acme.shop.v1.CatalogService]
	// true
	// false
}

// One server of several has a policy of its own.
func ExampleMount() {
	catalog, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{"*"},
		Services: []string{shopv1connect.CatalogServiceName},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(catalog, corsconnectv2.BehindWrap()))
	shopv1connect.RegisterCatalogServiceHandler(server, stock{})
	mux := http.NewServeMux()
	corsconnectv2.Mount(mux, server, catalog)
	site := httptest.NewServer(mux)
	defer site.Close()

	res := call(site, "kettle", "https://anybody.example.org")
	fmt.Println(res.Status, res.Header.Get("Access-Control-Allow-Origin"))
	// Output: 200 OK *
}

type stock struct {
	shopv1connect.UnimplementedCatalogServiceHandler
}

func (stock) GetProduct(ctx context.Context, req *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	info, _ := connect.CallInfoForServerContext(ctx)
	if req.GetProductId() != "kettle" {
		info.ResponseHeader().Set("X-Try", "kettle")
		return nil, connect.NewError(connect.CodeNotFound, "no such product")
	}
	info.ResponseHeader().Set("X-Left", "3")
	info.ResponseTrailer().Set("X-Shelf", "12")
	return &shopv1.GetProductResponse{Product: &shopv1.Product{Id: "kettle"}}, nil
}

// call makes a call as a page of the origin does.
func call(site *httptest.Server, product, origin string) *http.Response {
	req, err := http.NewRequest(http.MethodPost, site.URL+shopv1connect.CatalogServiceGetProductProcedure,
		strings.NewReader(`{"productId": "`+product+`"}`))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", origin)
	res, err := site.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	return res
}

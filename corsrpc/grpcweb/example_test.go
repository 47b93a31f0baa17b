package grpcweb_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A grpc-go server that pages of one origin call.
func ExampleNewHandler() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:   []string{"https://app.example.com"},
		Audiences: map[string][]string{"storefront": {"https://app.example.com"}, "backoffice": {}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	defer server.Stop()

	front := httptest.NewServer(cors.Wrap(grpcweb.NewHandler(server, grpcweb.Config{})))
	defer front.Close()

	// What a page sends for GetProduct({productId: "unicorn"}), in text.
	r, err := http.NewRequest(http.MethodPost, front.URL+"/acme.shop.v1.CatalogService/GetProduct",
		strings.NewReader(base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x00\x09\x0a\x07unicorn"))))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc-web-text")
	r.Header.Set("Origin", "https://app.example.com")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	for _, name := range []string{"Content-Type", "Grpc-Status", "Grpc-Message", "Access-Control-Allow-Origin"} {
		fmt.Println(name+":", res.Header.Get(name))
	}
	// Output:
	// 200 OK
	// Content-Type: application/grpc-web-text
	// Grpc-Status: 5
	// Grpc-Message: no product "unicorn"
	// Access-Control-Allow-Origin: https://app.example.com
}

// A handler of connect-go gains the text form.
func ExampleNewHandler_connect() {
	handler := grpcweb.NewHandler(shop.NewHandler(), grpcweb.Config{
		MaxRequestBytes: -1, // connect-go reads no further than its handlers
		Codecs:          []string{"proto", "json"},
	})
	r := httptest.NewRequest(http.MethodPost, "/acme.shop.v1.CatalogService/GetProduct",
		strings.NewReader(base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x00\x05\x0a\x03mug"))))
	r.Header.Set("Content-Type", "application/grpc-web-text")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	fmt.Println(recorder.Header().Get("Content-Type"))
	body, err := io.ReadAll(recorder.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(body)%4 == 0)
	// Output:
	// application/grpc-web-text
	// true
}

// A gateway in front of a server elsewhere.
func ExampleNewForwarder() {
	server := &url.URL{Scheme: "http", Host: "localhost:50051"}
	forward, err := grpcweb.NewForwarder(server, nil)
	if err != nil {
		log.Fatal(err)
	}
	gateway := &http.Server{Addr: ":8080", Handler: grpcweb.NewHandler(forward, grpcweb.Config{})}
	fmt.Println(gateway.Addr)

	_, err = grpcweb.NewForwarder(&url.URL{Scheme: "grpc", Host: "localhost:50051"}, nil)
	fmt.Println(err)
	// Output:
	// :8080
	// grpcweb: target "grpc://localhost:50051": the scheme must be http or https
}

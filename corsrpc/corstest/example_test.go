package corstest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// newServer is the server under test, as main makes it.
func newServer() (http.Handler, error) {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins: []string{"https://app.example.com"},
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com"},
			"backoffice": {"https://console.example.com"},
		},
	})
	if err != nil {
		return nil, err
	}
	return cors.Wrap(shop.NewHandler()), nil
}

// One line checks every procedure of a server, in every protocol that pages
// speak, without running any.
func ExampleCheck() {
	server, err := newServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	report := corstest.Check(server, "https://app.example.com", corstest.WithAudiences("storefront"))
	if err := report.Err(); err != nil {
		fmt.Println(err) // in a test: t.Fatal(err)
	}
	fmt.Println(len(report.Results), "calls are as expected")
	// Output: 25 calls are as expected
}

// A live server is asked in the same way.
func ExampleCheckURL() {
	handler, err := newServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	report, err := corstest.CheckURL(context.Background(), server.URL, "https://app.example.com",
		corstest.WithAudiences("storefront"), corstest.WithServices("acme.shop.v1.CatalogService"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(report.Results), "calls,", report.Err())
	// Output: 7 calls, <nil>
}

// The same list for every procedure, as it is found in many servers: it permits
// neither the metadata that the schema declares, nor exposes trailers.
func ExampleCheck_lists() {
	lists := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "https://app.example.com")
			w.Header().Set("Access-Control-Expose-Headers", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Headers",
					"Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	report := corstest.Check(lists(shop.NewHandler()), "https://app.example.com",
		corstest.WithServices("acme.shop.v1.CatalogService"),
		corstest.Declare("acme.shop.v1.CatalogService", corstest.Metadata{RequestHeaders: []string{"X-Experiment"}}))
	fmt.Print(report.Err())
	// Output:
	// CORS check for pages of https://app.example.com (Standard): 7 of 7 calls are not as expected
	//
	//       PROCEDURE                                    PROTOCOL     RESPONSE  CANNOT SEND   CANNOT READ
	// FAIL  /acme.shop.v1.CatalogService/GetProduct      Connect      415       X-Experiment  X-Catalog-Version
	// FAIL  /acme.shop.v1.CatalogService/GetProduct      Connect GET  415       X-Experiment  X-Catalog-Version
	// FAIL  /acme.shop.v1.CatalogService/GetProduct      gRPC-Web     415       X-Experiment  X-Catalog-Version
	// FAIL  /acme.shop.v1.CatalogService/SearchProducts  Connect      415       X-Experiment
	// FAIL  /acme.shop.v1.CatalogService/SearchProducts  gRPC-Web     415       X-Experiment  X-Hits
	// FAIL  /acme.shop.v1.CatalogService/WatchPrices     Connect      415       X-Experiment  X-Catalog-Version
	// FAIL  /acme.shop.v1.CatalogService/WatchPrices     gRPC-Web     415       X-Experiment  X-Catalog-Version, X-Updates
	//
	// CANNOT READ is inferred from responses that no handler wrote. WithCalls shows those of handlers.
	//
	// To fix it:
	//   - Access-Control-Allow-Headers must list X-Experiment
	//   - Access-Control-Expose-Headers must list X-Catalog-Version, X-Hits, X-Updates, unless handlers' responses have another list
}

// A generated client behind a browser sees what the same call shows a page.
func ExampleBrowser_Client() {
	server, err := newServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	browser := corstest.NewBrowser("https://app.example.com", corstest.WithHandler(server))
	catalog := shopv1connect.NewCatalogServiceClient(browser.Client(), "https://api.example.com", connect.WithGRPCWeb())
	product, err := catalog.GetProduct(context.Background(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(product.Msg.GetProduct().GetId(), product.Header().Get("X-Catalog-Version") != "")
	fmt.Println(browser.Err())
	for _, exchange := range browser.Exchanges() {
		fmt.Println(exchange.Method, exchange.Status, exchange.RequestHeader.Get("Access-Control-Request-Headers"))
	}
	// Output:
	// teapot true
	// <nil>
	// OPTIONS 204 content-type,x-grpc-web,x-user-agent
	// POST 200
}

// A trailer that is not exposed makes no error, in pages as here: the page
// reads nothing. Err tells.
func ExampleBrowser_Err() {
	anybody := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		w.Header().Set("Access-Control-Expose-Headers", "X-Request-Id")
		if r.Method != http.MethodOptions {
			shop.NewHandler().ServeHTTP(w, r)
		}
	})
	browser := corstest.NewBrowser("https://app.example.com", corstest.WithHandler(anybody))
	cart := shopv1connect.NewCartServiceClient(browser.Client(), "https://api.example.com")
	request := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "teapot", Quantity: 1}})
	request.Header().Set("Authorization", "Bearer ada")
	request.Header().Set("X-Tenant-Id", "acme")
	response, err := cart.AddItem(context.Background(), request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("the page reads %q\n", response.Trailer().Get("X-Cost"))
	var blocked *corstest.BlockedError
	if errors.As(browser.Err(), &blocked) {
		fmt.Println(blocked.Code)
		fmt.Println(blocked.Fix)
	}
	// Output:
	// the page reads ""
	// ResponseHeaderNotExposed
	// list Trailer-X-Cost in 'Access-Control-Expose-Headers' on this response; '*' counts only without credentials.
}

// A header that the server does not permit stops the call before it is made.
func ExampleBlockedError() {
	server, err := newServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	browser := corstest.NewBrowser("https://app.example.com", corstest.WithHandler(server))
	catalog := shopv1connect.NewCatalogServiceClient(browser.Client(), "https://api.example.com")
	request := connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"})
	request.Header().Set("X-Experiment", "blue")
	_, err = catalog.GetProduct(context.Background(), request)
	var blocked *corstest.BlockedError
	if errors.As(err, &blocked) {
		fmt.Println(blocked.Code, blocked.Firefox)
		fmt.Println(blocked.Message)
		fmt.Println(blocked.Fix)
	}
	// Output:
	// HeaderDisallowedByPreflightResponse CORSMissingAllowHeaderFromPreflight2
	// Access to fetch at 'https://api.example.com/acme.shop.v1.CatalogService/GetProduct' from origin 'https://app.example.com' has been blocked by CORS policy: Request header field x-experiment is not allowed by Access-Control-Allow-Headers in preflight response.
	// list x-experiment in 'Access-Control-Allow-Headers'; '*' counts only without credentials, and never for authorization.
}

// Cookies go along only with CredentialsInclude, only where the server permits
// it, and only as far as their SameSite and the browser let them.
func ExampleWithCredentials() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "http://localhost:5173")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		session, err := r.Cookie("session")
		if err != nil {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "hello %s", session.Value)
	}))
	defer server.Close()
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	for _, mode := range []corstest.CredentialsMode{corstest.CredentialsSameOrigin, corstest.CredentialsInclude} {
		browser := corstest.NewBrowser("http://localhost:5173", corstest.WithProfile(corstest.Chromium), corstest.WithCredentials(mode))
		browser.SetCookie(url, &http.Cookie{Name: "session", Value: "ada", SameSite: http.SameSiteLaxMode})
		response, err := browser.Client().Get(url)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.StatusCode)
		_ = response.Body.Close()
	}
	// Output:
	// 401
	// 200
}

// A page of a sandboxed frame, and what an image on a foreign site reaches.
func ExampleBrowser_Fetch() {
	server, err := newServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	const product = "https://api.example.com/acme.shop.v1.CatalogService/GetProduct?connect=v1&encoding=json&message=%7B%7D"
	sandbox := corstest.NewBrowser("null", corstest.WithHandler(server))
	_, err = sandbox.Fetch(context.Background(), corstest.Request{URL: product})
	var blocked *corstest.BlockedError
	fmt.Println(errors.As(err, &blocked), blocked.Code)

	evil := corstest.NewBrowser("https://evil.test", corstest.WithHandler(server))
	response, err := evil.Fetch(context.Background(), corstest.Request{URL: product, Mode: corstest.ModeNoCORS, Destination: "image"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Type, evil.Exchanges()[0].Status)
	// Output:
	// true MissingAllowOriginHeader
	// opaque 403
}

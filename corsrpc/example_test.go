package corsrpc_test

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A server whose services pages of one origin may call.
func Example() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:          []string{"https://app.example.com"},
		RequestHeaders:   []string{"Authorization"},
		ResponseTrailers: []string{"X-Cost"},
		Audiences: map[string][]string{ // which the schema names
			"storefront": {"https://shop.example.com"},
			"backoffice": {}, // no page may call
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop.Cart{}))
	server := httptest.NewServer(cors.Wrap(mux))
	defer server.Close()

	preflight, _ := http.NewRequest(http.MethodOptions, server.URL+"/acme.shop.v1.CatalogService/GetProduct", nil)
	preflight.Header.Set("Origin", "https://app.example.com")
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	response, err := server.Client().Do(preflight)
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	fmt.Println(response.StatusCode, response.Header.Get("Access-Control-Allow-Origin"), response.Header.Get("Access-Control-Allow-Methods"))
	// Output: 204 https://app.example.com GET, POST
}

// Every mistake is reported at once, each with what to write instead.
func ExampleNew_mistakes() {
	_, err := corsrpc.New(corsrpc.Config{
		Origins:         []string{"https://App.example.com/", "app.example.com"},
		RequestHeaders:  []string{"Accept-Encoding"},
		ResponseHeaders: []string{"Set-Cookie"},
		Services:        []string{"acme.shop.v1.CartService"},
	})
	fmt.Println(err)
	// Output:
	// corsrpc: Origins[0]: "https://App.example.com/" has a path: an origin ends after its host and port; write "https://app.example.com"
	// corsrpc: Origins[1]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"
	// corsrpc: RequestHeaders[0]: "Accept-Encoding" is a forbidden request header, which browsers let no page set: leave it out
	// corsrpc: ResponseHeaders[0]: "Set-Cookie" is never shown to pages and cannot be set by them; for cookies, set Credentials
	// corsrpc: Audiences["storefront"]: is missing: the schema names this audience for /acme.shop.v1.CartService/AddItem; list its origins, or write {} if no page may call
}

// One service on a mount of its own, with a policy of its own.
func ExamplePolicy_WrapService() {
	admin, err := corsrpc.New(corsrpc.Config{
		Services:  []string{"acme.shop.v1.AdminService"},
		Audiences: map[string][]string{"backoffice": {"https://console.example.com"}, "storefront": {}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(admin.WrapService(shopv1connect.NewAdminServiceHandler(shop.Admin{})))

	call := httptest.NewRequest(http.MethodPost, "/acme.shop.v1.AdminService/SetPrice", strings.NewReader("{}"))
	call.Header.Set("Origin", "https://app.example.com")
	response := httptest.NewRecorder()
	mux.ServeHTTP(response, call)
	fmt.Print(response.Code, " ", response.Body)
	// Output: 403 corsrpc: origin not allowed
}

// Why is it blocked?
func ExamplePolicy_Evaluate() {
	cors, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	preflight := httptest.NewRequest(http.MethodOptions, "/acme.shop.v1.CatalogService/GetProduct", nil)
	preflight.Header.Set("Origin", "https://app.example.com")
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	preflight.Header.Set("Access-Control-Request-Headers", "connect-protocol-version,content-type,x-tenant-id")
	decision := cors.Evaluate(preflight)
	fmt.Println(decision.Allowed, decision.Reason)
	fmt.Println(decision.Fix)
	// Output:
	// false request header not allowed
	// add "X-Tenant-Id" to RequestHeaders
}

// The generated lists.
func ExamplePolicy_Rules() {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:   []string{"https://app.example.com"},
		Services:  []string{"acme.shop.v1.CatalogService"},
		Protocols: []corsrpc.Protocol{corsrpc.Connect},
	})
	if err != nil {
		log.Fatal(err)
	}
	for rule := range cors.Rules() {
		if rule.Origins != nil { // other services are closed to pages
			fmt.Println(rule.Path, rule.Methods, rule.ResponseHeaders)
		}
	}
	// Output:
	// /acme.shop.v1.CatalogService/ [POST] []
	// /acme.shop.v1.CatalogService/GetProduct [GET POST] [X-Catalog-Version]
	// /acme.shop.v1.CatalogService/SearchProducts [POST] []
	// /acme.shop.v1.CatalogService/WatchPrices [POST] [X-Catalog-Version]
}

// Origins that change while the server runs, such as those of customers in a
// database.
func ExamplePolicy_Update() {
	config := corsrpc.Config{
		Services:       []string{"acme.shop.v1.CatalogService"},
		Origins:        []string{"https://one.example.com"},
		RequestHeaders: []string{"Authorization"},
	}
	cors, err := corsrpc.New(config)
	if err != nil {
		log.Fatal(err)
	}
	call := httptest.NewRequest(http.MethodPost, "/acme.shop.v1.CatalogService/GetProduct", nil)
	call.Header.Set("Origin", "https://two.example.com")
	fmt.Println(cors.Evaluate(call).Allowed)

	// What does not change stays in config; one goroutine updates.
	config.Origins = []string{"https://one.example.com", "https://two.example.com"}
	if err := cors.Update(config); err != nil {
		log.Print(err) // and the rules stay as they are
	}
	fmt.Println(cors.Evaluate(call).Allowed)
	// Output:
	// false
	// true
}

// Plain HTTP beside procedures: fonts for all, an upload for one page.
func ExampleResource() {
	cors, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com"},
		Resources: map[string]corsrpc.Resource{
			"/fonts/": {Origins: []string{"*"}},
			"/products/{id}/photo": {
				Origins:        []string{"https://app.example.com"},
				Methods:        []string{"PUT", "DELETE"},
				RequestHeaders: []string{"Content-Type"},
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	font := httptest.NewRequest(http.MethodGet, "/fonts/inter.woff2", nil)
	font.Header.Set("Origin", "https://anyone.example.org")
	response := httptest.NewRecorder()
	cors.Wrap(http.NotFoundHandler()).ServeHTTP(response, font)
	fmt.Println(response.Header().Get("Access-Control-Allow-Origin"))
	// Output: *
}

// An Override for one method.
func ExampleOverride() {
	cors, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com"},
		Overrides: map[string]corsrpc.Override{
			"acme.shop.v1.CatalogService.WatchPrices": {Origins: []string{"https://dashboard.example.com"}, Credentials: corsrpc.On},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	rule, _ := cors.Rule("/acme.shop.v1.CatalogService/WatchPrices")
	fmt.Println(rule.Origins, rule.Credentials)
	// Output: [https://dashboard.example.com] true
}

// Denials in the log, without anything that an attacker could put there.
func ExampleLogDenied() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	cors, err := corsrpc.New(corsrpc.Config{
		Services:   []string{"acme.shop.v1.CatalogService"},
		Origins:    []string{"https://app.example.com"},
		OnDecision: corsrpc.LogDenied(logger),
	})
	if err != nil {
		log.Fatal(err)
	}
	call := httptest.NewRequest(http.MethodPost, "/acme.shop.v1.CatalogService/GetProduct", nil)
	call.Header.Set("Origin", "https://staging.example.com")
	cors.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), call)
	// Output: level=WARN msg="cross-origin request not allowed" kind=cross_origin outcome=refused reason="origin not allowed" status=403 path=/acme.shop.v1.CatalogService/GetProduct procedure=/acme.shop.v1.CatalogService/GetProduct origin=https://staging.example.com detail="" fix="add \"https://staging.example.com\" to Origins"
}

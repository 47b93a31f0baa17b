package corstest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

const getProduct = catalogService + ".GetProduct"

// Any one brake stops the gateways that are known; unknown ones are sent all.
// Tests with the gateways themselves are in internal/restgatewaytest.
func TestCheckBrakesEveryRequestToBindings(t *testing.T) {
	t.Parallel()
	sent := map[string]bool{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(allowOrigin, "*")
		w.Header().Set(allowHeaders, "*")
		w.Header().Set("Access-Control-Allow-Methods", "*")
		if isPreflight(r) {
			assert.NotContains(t, r.Header.Get("Access-Control-Request-Headers"), "timeout")
			return
		}
		if strings.HasSuffix(r.URL.Path, "/corstest.v1.NoService/NoMethod") {
			http.NotFound(w, r)
			return
		}
		assert.Equal(t, "none", r.Header.Get("Grpc-Timeout"))
		assert.Equal(t, "none", r.Header.Get("X-Server-Timeout"))
		assert.Equal(t, "corstest", r.Header.Get("Content-Encoding"))
		assert.Equal(t, "corstest.no_field=1", r.URL.RawQuery)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Contains(t, []string{"", "{"}, string(body))
		sent[r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Content-Type")+" "+string(body)] = true
		http.Error(w, "no", http.StatusBadRequest)
	})
	opts := []corstest.CheckOption{
		corstest.WithServices(catalogService), corstest.WithAudiences(),
		corstest.WithProtocols(corstest.RESTGateway), corstest.WithPathPrefix("/api"),
		corstest.WithBindings(getProduct, "GET /v1/{product_id=products/*}", "POST /v1/products/**:get", "* /any%2Fthing", "LIST /list", "TRACE /never"),
	}
	corstest.Check(handler, pageOrigin, append(opts, corstest.WithNoAccess(), corstest.WithProfile(corstest.Chromium))...)
	assert.Equal(t, map[string]bool{
		"GET /api/v1/products/1  ":                                        true,
		"POST /api/v1/products/1 application/x-www-form-urlencoded ":      true,
		"POST /api/v1/products/1:get application/json {":                  true,
		"POST /api/v1/products/1:get text/plain {":                        true,
		"POST /api/v1/products/1:get  {":                                  true,
		"POST /api/v1/products/1:get application/x-www-form-urlencoded {": true,
		"GET /api/any%2Fthing  ":                                          true,
		"POST /api/any%2Fthing application/x-www-form-urlencoded ":        true,
		"POST /api/any%2Fthing application/json {":                        true,
		"POST /api/any%2Fthing text/plain {":                              true,
		"POST /api/any%2Fthing  {":                                        true,
		"POST /api/any%2Fthing application/x-www-form-urlencoded {":       true,
		"LIST /api/list  ":                                                true,
	}, sent)
	clear(sent)
	corstest.Check(handler, pageOrigin, opts...)
	assert.Equal(t, map[string]bool{
		"GET /api/v1/products/1  ":                       true,
		"POST /api/v1/products/1:get application/json {": true,
		"GET /api/any%2Fthing  ":                         true,
		"POST /api/any%2Fthing application/json {":       true,
		"LIST /api/list  ":                               true,
	}, sent)
}

func TestReportOfBindings(t *testing.T) {
	t.Parallel()
	handler := handCORS{origin: "*", allow: "Content-Type", expose: "*"}.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "NoMethod"):
			http.NotFound(w, r)
		case r.Method == http.MethodPost: // grpc-gateway, where a path has only other methods
			w.WriteHeader(http.StatusNotImplemented)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	r := corstest.Check(handler, pageOrigin, corstest.WithServices(catalogService), corstest.WithAudiences(),
		corstest.WithProtocols(corstest.RESTTranscoding),
		corstest.WithBindings(getProduct, "GET /v1/products/{product_id}", "POST /v1/products"))
	require.Len(t, r.Results, 2)
	assert.Equal(t, "/"+catalogService+"/GetProduct", r.Results[0].Procedure)
	assert.Equal(t, corstest.RESTTranscoding, r.Results[0].Protocol)
	assert.Equal(t, "GET", r.Results[0].Method)
	assert.Equal(t, "/v1/products/{product_id}", r.Results[0].Path)
	assert.False(t, r.Results[1].OK())
	require.ErrorContains(t, r.Err(), "501, not served")
	require.ErrorContains(t, r.Err(), "POST /v1/products: serve the procedure with this method [status 501]")

	// A check that checks nothing fails.
	r = corstest.Check(handler, pageOrigin, corstest.WithServices(cartService), corstest.WithAudiences(), corstest.WithProtocols(corstest.RESTGateway))
	require.ErrorContains(t, r.Err(), "pages can call nothing in these protocols")

	// A server without REST has none of these.
	none := handCORS{}.wrap(http.NotFoundHandler())
	r = corstest.Check(none, pageOrigin, corstest.WithServices(catalogService), corstest.WithAudiences(), corstest.WithBindings(getProduct, "GET /v1/products/{product_id}"))
	assert.NotContains(t, r.String(), "REST binding")
}

func ExampleWithBindings() {
	// A gateway without any protection: it would run the method for every page. It
	// stops only at what the check sends to stop it.
	gateway := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":3,"message":"invalid grpc-timeout: none","details":[]}`, http.StatusBadRequest)
	})
	report := corstest.Check(gateway, "https://evil.test", corstest.WithNoAccess(),
		corstest.WithServices("acme.shop.v1.CatalogService"),
		corstest.WithProtocols(corstest.RESTGateway),
		corstest.WithBindings("acme.shop.v1.CatalogService.GetProduct", "GET /v1/products/{product_id}"))
	for _, result := range report.Results {
		fmt.Println(result.Method, result.Path, "runs for strangers:", result.Runs)
	}
	// Output: GET /v1/products/{product_id} runs for strangers: true
}

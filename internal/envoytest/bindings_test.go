package envoytest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// someBindings have between them what routes distinguish: several HTTP methods on
// a template, wildcards, verbs, templates that overlap, and a method for all.
var someBindings = map[string][]string{
	catalog + ".GetProduct":     {"GET /v1/products/*", "POST /v1/shelves/*:read"},
	catalog + ".SearchProducts": {"GET /v1/products", "GET /v1/archive/**", "HEAD /v1/products/*"},
	cart + ".AddItem":           {"POST /v1/products", "GET /v1/cart/items/**"},
	cart + ".PurgeCarts":        {"POST /v1/admin:purge", "* /v1/admin/**"},
	admin + ".SetPrice":         {"PUT /v1/products/*"},
	warehouse + ".ReserveStock": {"DELETE /v1/products/*"},
}

// compareBindings compares the model with Wrap, behind a gate.
func compareBindings(t *testing.T, policy *corsrpc.Policy, size int, seed uint64) *edgetest.Report {
	t.Helper()
	requests := func(yield func(edgetest.Request) bool) {
		for r := range edgetest.Matrix(policy, host) {
			// See TestBehindGate.
			if options := r.Method == http.MethodOptions && !slices.ContainsFunc(r.Header, func(l edgetest.Line) bool { return l.Name == "Origin" }); !options && !yield(r) {
				return
			}
		}
	}
	return compareModel(t, policy, corsexport.Options{BehindGate: true}, edgetest.Options{Requests: requests, Size: size, Seed: seed})
}

// Behind a gate, bindings are exported.
func TestBindings(t *testing.T) {
	t.Parallel()
	size := 6000
	if *edgeAll {
		size = *edgeSize
	}
	config := shopConfig()
	config.Bindings, config.REST = someBindings, corsrpc.RESTGateway
	t.Logf("%d requests", compareBindings(t, mustPolicy(t, config), size, 0).Sent)
}

// Random policies with bindings.
func TestRandomBindings(t *testing.T) {
	t.Parallel()
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := range uint64(policies) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("%d requests", compareBindings(t, somePolicyWithBindings(t, seed), size, seed).Sent)
		})
	}
}

// somePolicyWithBindings returns a random policy that can be exported.
func somePolicyWithBindings(t *testing.T, seed uint64) *corsrpc.Policy {
	t.Helper()
	for r := rand.New(rand.NewPCG(seed, 29)); ; {
		config := someConfig(r)
		config.REST = pick(r, []corsrpc.REST{corsrpc.RESTGateway, corsrpc.RESTTranscoding})
		config.Bindings = map[string][]string{}
		for _, name := range slices.Sorted(maps.Keys(someBindings)) {
			governed := slices.ContainsFunc(config.Services, func(service string) bool { return strings.HasPrefix(name, service) })
			if all := someBindings[name]; governed && chance(r, 2) {
				config.Bindings[name] = all[:1+r.IntN(len(all))]
			}
		}
		policy, err := corsrpc.New(config)
		if err != nil || len(config.Bindings) == 0 {
			continue // such as a binding of an internal method that pages could call
		}
		if _, err := corsexport.Envoy(policy, corsexport.Options{BehindGate: true, Upstream: cluster}); err == nil {
			return policy
		}
	}
}

// Responses are these, for the paths of bindings and for others.
func TestResponsesOfBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Origins = append(config.Origins, shopper)
	config.Bindings, config.REST = someBindings, corsrpc.RESTGateway
	m, backend := mustModel(t, mustPolicy(t, config), corsexport.Options{BehindGate: true})
	for _, tt := range []struct {
		name, method, path string
		header             []string
		status             int
		allow              []string // Access-Control-Allow-Origin
		more               string   // Access-Control-Allow-Methods or Access-Control-Allow-Credentials
	}{
		{"a read", "GET", "/v1/products/a", []string{"origin", app}, http.StatusOK, []string{app}, ""},
		{"a read of another page, which the gate refuses", "GET", "/v1/products/a", []string{"origin", evil}, http.StatusOK, nil, ""},
		{"a read by HEAD", "HEAD", "/v1/products", []string{"origin", app}, http.StatusOK, []string{app}, ""},
		{"a call that may have cookies", "POST", "/v1/products", []string{"origin", shopper}, http.StatusOK, []string{shopper}, "true"},
		{"a posted form, which can be a GET to the server", "POST", "/v1/products", []string{"origin", shopper, "content-type", "application/x-www-form-urlencoded"}, http.StatusOK, []string{shopper}, ""},
		{"another method in a header", "POST", "/v1/products", []string{"origin", shopper, "x-http-method-override", "GET"}, http.StatusOK, []string{shopper}, ""},
		{"a method that no binding has", "PATCH", "/v1/products", []string{"origin", shopper}, http.StatusOK, []string{shopper}, ""},
		{"a preflight", "OPTIONS", "/v1/products/a", []string{"origin", console, "access-control-request-method", "PUT"}, http.StatusOK, []string{console}, "PUT"},
		{"a preflight of a page that may call by another method", "OPTIONS", "/v1/products/a", []string{"origin", app, "access-control-request-method", "PUT"}, http.StatusForbidden, nil, ""},
		{"a preflight for an internal method", "OPTIONS", "/v1/products/a", []string{"origin", console, "access-control-request-method", "DELETE"}, http.StatusForbidden, nil, ""},
		{"a preflight to another spelling", "OPTIONS", "/v1/Products/a", []string{"origin", console, "access-control-request-method", "PUT"}, http.StatusForbidden, nil, ""},
		{"a preflight to a path that could be a binding's", "OPTIONS", "/v1/x/..%2Fproducts/a", []string{"origin", console, "access-control-request-method", "PUT"}, http.StatusForbidden, nil, ""},
		{"a preflight to a path that could be the same binding's", "OPTIONS", "/v1/x/..%2Fcart/items/a", []string{"origin", shopper, "access-control-request-method", "GET"}, http.StatusForbidden, nil, ""},
		{"a preflight to a path that could be an internal method's", "OPTIONS", "/v1/archive/x;/products", []string{"origin", app, "access-control-request-method", "GET"}, http.StatusForbidden, nil, ""},
		{"a preflight to a path like it", "OPTIONS", "/v1/archive/x;/y", []string{"origin", app, "access-control-request-method", "GET"}, http.StatusOK, []string{app}, "GET"},
		{"another spelling grants nothing", "GET", "/v1/products/a/", []string{"origin", app}, http.StatusOK, nil, ""},
	} {
		ran := backend.Total()
		got := m.send(tt.method, tt.path, tt.header...)
		assert.Equal(t, tt.status, got.status, tt.name)
		assert.Equal(t, tt.allow, got.header["Access-Control-Allow-Origin"], tt.name)
		assert.Equal(t, tt.more, got.header.Get("Access-Control-Allow-Methods")+got.header.Get("Access-Control-Allow-Credentials"), tt.name)
		assert.Equal(t, tt.method != http.MethodOptions, backend.Total() > ran, tt.name)
	}
	_, err := corsexport.Envoy(mustPolicy(t, config), corsexport.Options{Upstream: cluster})
	require.ErrorContains(t, err, "set Options.BehindGate if something behind Envoy refuses calls")
}

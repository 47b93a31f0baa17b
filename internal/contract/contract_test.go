package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// What generated code says of the demo shop.
func TestServicesOfGeneratedCode(t *testing.T) {
	t.Parallel()
	linked, err := contract.Services(protoregistry.GlobalFiles)
	require.NoError(t, err)
	var shop []contract.Service
	for _, service := range linked {
		if strings.HasPrefix(service.Name, "acme.shop.v1.") {
			shop = append(shop, service)
		}
	}
	method := func(service, name string, m contract.Method) contract.Method {
		m.Name = service + "." + name
		m.Procedure = "/" + service + "/" + name
		return m
	}
	const (
		admin     = "acme.shop.v1.AdminService"
		cart      = "acme.shop.v1.CartService"
		catalog   = "acme.shop.v1.CatalogService"
		warehouse = "acme.shop.v1.WarehouseService"
	)
	assert.Equal(t, []contract.Service{
		{
			Name:    admin,
			Options: contract.Options{RequestHeaders: []string{"authorization"}, ResponseHeaders: []string{"x-audit-id"}, Audience: "backoffice"},
			Methods: []contract.Method{
				// IDEMPOTENT is not NO_SIDE_EFFECTS.
				method(admin, "SetPrice", contract.Method{Options: contract.Options{RequestHeaders: []string{"x-change-reason"}}}),
				method(admin, "ReportProduct", contract.Method{Options: contract.Options{Audience: "storefront"}}),
			},
		},
		{
			Name:    cart,
			Options: contract.Options{RequestHeaders: []string{"authorization"}},
			Methods: []contract.Method{
				method(cart, "AddItem", contract.Method{Options: contract.Options{
					RequestHeaders: []string{"x-tenant-id"}, ResponseHeaders: []string{"x-request-id"}, ResponseTrailers: []string{"x-cost"}, Audience: "storefront",
				}}),
				method(cart, "Checkout", contract.Method{Options: contract.Options{
					ResponseHeaders: []string{"x-request-id", "x-retry-hint"}, ResponseTrailers: []string{"x-cost"}, Audience: "storefront",
				}}),
				method(cart, "TrackOrder", contract.Method{ServerStreaming: true, Options: contract.Options{
					ResponseHeaders: []string{"x-request-id", "x-retry-hint"}, ResponseTrailers: []string{"x-updates"},
				}}),
				method(cart, "ImportItems", contract.Method{ClientStreaming: true, Options: contract.Options{
					ResponseHeaders: []string{"x-request-id"}, ResponseTrailers: []string{"x-cost"}, Audience: "storefront",
				}}),
				method(cart, "NegotiatePrice", contract.Method{ClientStreaming: true, ServerStreaming: true, Options: contract.Options{
					ResponseHeaders: []string{"x-request-id"}, ResponseTrailers: []string{"x-rounds"}, Audience: "storefront",
				}}),
				method(cart, "PurgeCarts", contract.Method{Options: contract.Options{Internal: true}}),
			},
		},
		{
			Name: catalog,
			Methods: []contract.Method{
				method(catalog, "GetProduct", contract.Method{NoSideEffects: true, Options: contract.Options{ResponseHeaders: []string{"x-catalog-version"}}}),
				method(catalog, "SearchProducts", contract.Method{ServerStreaming: true, NoSideEffects: true, Options: contract.Options{ResponseTrailers: []string{"x-hits"}}}),
				method(catalog, "WatchPrices", contract.Method{ServerStreaming: true, Options: contract.Options{
					ResponseHeaders: []string{"x-catalog-version"}, ResponseTrailers: []string{"x-updates"},
				}}),
			},
		},
		{
			Name:    warehouse,
			Options: contract.Options{Internal: true},
			Methods: []contract.Method{method(warehouse, "ReserveStock", contract.Method{})},
		},
	}, shop)
}

// Whoever builds policies at once reads the same descriptors at once.
func TestServicesConcurrently(t *testing.T) {
	t.Parallel()
	want, err := contract.Services(protoregistry.GlobalFiles)
	require.NoError(t, err)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			got, err := contract.Services(protoregistry.GlobalFiles)
			assert.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestServicesOfNoFiles(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]*protoregistry.Files{"nil": nil, "empty": {}} {
		services, err := contract.Services(files)
		assert.NoError(t, err, name)
		assert.Empty(t, services, name)
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	full := func() contract.Options {
		return contract.Options{
			RequestHeaders: []string{"s-request"}, ResponseHeaders: []string{"s-response"}, ResponseTrailers: []string{"s-trailer"}, Audience: "s-audience",
		}
	}
	for _, test := range []struct {
		name                  string
		service, method, want contract.Options
	}{
		{"nothing on either level", contract.Options{}, contract.Options{}, contract.Options{}},
		{"the service's alone", full(), contract.Options{}, full()},
		{"the method's alone", contract.Options{}, full(), full()},
		{
			"lists are united, the service's first",
			full(),
			contract.Options{RequestHeaders: []string{"m-request"}, ResponseHeaders: []string{"m-response"}, ResponseTrailers: []string{"m-trailer"}},
			contract.Options{
				RequestHeaders: []string{"s-request", "m-request"}, ResponseHeaders: []string{"s-response", "m-response"},
				ResponseTrailers: []string{"s-trailer", "m-trailer"}, Audience: "s-audience",
			},
		},
		{"the method's audience replaces", contract.Options{Audience: "a"}, contract.Options{Audience: "b"}, contract.Options{Audience: "b"}},
		{"no audience of the method's inherits", contract.Options{Audience: "a"}, contract.Options{}, contract.Options{Audience: "a"}},
		{"an internal method", contract.Options{Audience: "a"}, contract.Options{Internal: true}, contract.Options{Audience: "a", Internal: true}},
		{"an internal service, which no method opens", contract.Options{Internal: true}, contract.Options{Audience: "b"}, contract.Options{Audience: "b", Internal: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			service := contract.Service{Options: test.service, Methods: []contract.Method{{Options: test.method}}}
			got := service.Of(&service.Methods[0])
			assert.Equal(t, test.want, got)
			// The result shares no memory with the levels.
			for _, list := range [][]string{got.RequestHeaders, got.ResponseHeaders, got.ResponseTrailers} {
				for i := range list {
					list[i] = "changed"
				}
			}
			assert.NotContains(t, fmt.Sprint(service), "changed")
		})
	}
}

func TestUnary(t *testing.T) {
	t.Parallel()
	assert.True(t, (&contract.Method{}).Unary())
	assert.False(t, (&contract.Method{ClientStreaming: true}).Unary())
	assert.False(t, (&contract.Method{ServerStreaming: true}).Unary())
	assert.False(t, (&contract.Method{ClientStreaming: true, ServerStreaming: true}).Unary())
}

func TestPath(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "/acme.shop.v1.CartService/", (&contract.Service{Name: "acme.shop.v1.CartService"}).Path())
	assert.Equal(t, "/Unpackaged/", (&contract.Service{Name: "Unpackaged"}).Path())
}

func TestInfrastructure(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]bool{
		"grpc.health.v1.Health":                          true,
		"grpc.reflection.v1.ServerReflection":            true,
		"google.longrunning.Operations":                  true,
		"connectext.grpc.reflection.v1.ServerReflection": true,
		"acme.shop.v1.CartService":                       false,
		"acme.grpc.Service":                              false,
		"grpcx.v1.Service":                               false,
		"googleapis.Service":                             false,
		"connect.Service":                                false,
		"Grpc.Service":                                   false,
		"grpc":                                           false,
		"Service":                                        false,
		"":                                               false,
		"corsrpc.v1.Service":                             false,
		"connectextras.Service":                          false,
		"com.google.Service":                             false,
		"google.":                                        true,
		"grpc.channelz.v1.Channelz":                      true,
		"envoy.service.auth.v3.Authorization":            false,
		"connectext.grpc.reflection.v1alpha.ServerReflection": true,
	} {
		assert.Equal(t, want, contract.Infrastructure(service), service)
	}
}

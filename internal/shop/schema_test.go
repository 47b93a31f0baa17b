package shop_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// What the shop sends and what its schema declares are the same names: all that
// some scenario expects, and nothing else.
func TestSchemaDeclaresWhatTheShopSends(t *testing.T) {
	t.Parallel()
	type names struct{ requestHeaders, responseHeaders, responseTrailers []string }
	add := func(to []string, from map[string]string) []string {
		all := slices.Sorted(maps.Keys(from))
		return slices.Compact(slices.Sorted(slices.Values(append(all, to...))))
	}
	used := map[string]names{}
	for _, s := range scenarios {
		n := used[s.procedure]
		n.requestHeaders = add(n.requestHeaders, s.send)
		n.responseHeaders = add(add(n.responseHeaders, s.want.header), s.want.meta)
		n.responseTrailers = add(n.responseTrailers, s.want.trailer)
		used[s.procedure] = n
	}
	for _, method := range shopMethods(t) {
		service, ok := proto.GetExtension(method.Parent().Options(), corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions)
		require.True(t, ok)
		own, ok := proto.GetExtension(method.Options(), corsrpcv1.E_Method).(*corsrpcv1.MethodOptions)
		require.True(t, ok)
		declared := names{
			requestHeaders:   sorted(service.GetRequestHeaders(), own.GetRequestHeaders()),
			responseHeaders:  sorted(service.GetResponseHeaders(), own.GetResponseHeaders()),
			responseTrailers: sorted(service.GetResponseTrailers(), own.GetResponseTrailers()),
		}
		assert.Equal(t, declared, used[procedureOf(method)], method.FullName())
	}
}

// The schema holds every kind of rule that generated policies tell apart.
func TestSchemaLevels(t *testing.T) {
	t.Parallel()
	type level struct {
		service, method string // audiences
		internal        bool
		noSideEffects   bool
		clientStreaming bool
		serverStreaming bool
	}
	got := map[string]level{}
	for _, method := range shopMethods(t) {
		service := proto.GetExtension(method.Parent().Options(), corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions)
		own := proto.GetExtension(method.Options(), corsrpcv1.E_Method).(*corsrpcv1.MethodOptions)
		options := method.Options().(*descriptorpb.MethodOptions)
		got[procedureOf(method)] = level{
			service:         service.GetAudience(),
			method:          own.GetAudience(),
			internal:        service.GetAccess() == corsrpcv1.Access_ACCESS_INTERNAL || own.GetAccess() == corsrpcv1.Access_ACCESS_INTERNAL,
			noSideEffects:   options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS,
			clientStreaming: method.IsStreamingClient(),
			serverStreaming: method.IsStreamingServer(),
		}
	}
	assert.Equal(t, map[string]level{
		"/acme.shop.v1.CatalogService/GetProduct":     {noSideEffects: true},
		"/acme.shop.v1.CatalogService/SearchProducts": {noSideEffects: true, serverStreaming: true},
		"/acme.shop.v1.CatalogService/WatchPrices":    {serverStreaming: true},
		"/acme.shop.v1.CartService/AddItem":           {method: "storefront"},
		"/acme.shop.v1.CartService/Checkout":          {method: "storefront"},
		"/acme.shop.v1.CartService/TrackOrder":        {serverStreaming: true},
		"/acme.shop.v1.CartService/ImportItems":       {method: "storefront", clientStreaming: true},
		"/acme.shop.v1.CartService/NegotiatePrice":    {method: "storefront", clientStreaming: true, serverStreaming: true},
		"/acme.shop.v1.CartService/PurgeCarts":        {internal: true},
		"/acme.shop.v1.AdminService/SetPrice":         {service: "backoffice"},
		"/acme.shop.v1.AdminService/ReportProduct":    {service: "backoffice", method: "storefront"},
		"/acme.shop.v1.WarehouseService/ReserveStock": {internal: true},
	}, got)
}

// shopMethods returns all methods of acme.shop.v1.
func shopMethods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var methods []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("acme.shop.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				methods = append(methods, service.Methods().Get(j))
			}
		}
		return true
	})
	require.Len(t, methods, 12)
	return methods
}

func procedureOf(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}

func sorted(lists ...[]string) []string {
	return slices.Sorted(slices.Values(slices.Concat(lists...)))
}

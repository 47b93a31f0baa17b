package corsconnectv2_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func TestRegistered(t *testing.T) {
	t.Parallel()
	server := exchange.NewServerV2(nil) // two of the shop's four services
	files, services, err := corsconnectv2.Registered(server)
	require.NoError(t, err)
	assert.Equal(t, []string{"acme.shop.v1.CartService", "acme.shop.v1.CatalogService"}, services)
	var paths []string
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		paths = append(paths, file.Path())
		return true
	})
	assert.ElementsMatch(t, []string{
		"acme/shop/v1/cart.proto", "acme/shop/v1/catalog.proto", "acme/shop/v1/money.proto",
		"corsrpc/v1/options.proto", "google/protobuf/descriptor.proto",
	}, paths)

	// The policy of a whole server needs nothing else, and governs nothing else.
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{app}, Audiences: map[string][]string{"storefront": {app}, "backoffice": {}},
		Files: files, Services: services,
	})
	require.NoError(t, err)
	for spec := range server.Specs() {
		assert.True(t, policy.Governs(spec.Procedure), spec.Procedure)
	}
	assert.False(t, policy.Governs("/acme.shop.v1.AdminService/SetPrice"))

	whole := connect.NewServer()
	shop.RegisterV2(whole)
	_, services, err = corsconnectv2.Registered(whole)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"acme.shop.v1.AdminService", "acme.shop.v1.CartService", "acme.shop.v1.CatalogService", "acme.shop.v1.WarehouseService",
	}, services)
}

// A schema that was loaded at run time serves as well as a linked one.
func TestRegisteredDynamicSchema(t *testing.T) {
	t.Parallel()
	server := connect.NewServer()
	server.Register(methodsOf(echo(t, "echo.proto", "Echo"))...)
	files, services, err := corsconnectv2.Registered(server)
	require.NoError(t, err)
	assert.Equal(t, []string{"acme.echo.v1.EchoService"}, services)
	policy, err := corsrpc.New(corsrpc.Config{Origins: []string{app}, Files: files, Services: services})
	require.NoError(t, err)
	assert.True(t, policy.Governs("/acme.echo.v1.EchoService/Echo"))
}

// What a policy could not govern is found at start, and all of it at once.
func TestRegisteredErrors(t *testing.T) {
	t.Parallel()
	getProduct := shopMethod(t, "acme.shop.v1.CatalogService.GetProduct")
	for _, row := range []struct {
		name    string
		methods []connect.Method
		want    string
	}{
		{"no method", nil,
			"corsconnectv2: no method is registered with the server: call Registered after the generated Register functions"},
		{"no schema", []connect.Method{method("/acme.raw.v1.Raw/Do", nil)},
			`corsconnectv2: "/acme.raw.v1.Raw/Do" has no schema from protobuf, but <nil>: register it through code that protoc-gen-connect-go generates, or leave it to another server`},
		{"a schema of another system", []connect.Method{method("/acme.raw.v1.Raw/Do", 1), method("/acme.raw.v1.Raw/Undo", "idl")},
			`corsconnectv2: "/acme.raw.v1.Raw/Do" has no schema from protobuf, but int: register it through code that protoc-gen-connect-go generates, or leave it to another server
corsconnectv2: "/acme.raw.v1.Raw/Undo" has no schema from protobuf, but string: register it through code that protoc-gen-connect-go generates, or leave it to another server`},
		{"another path", []connect.Method{method("/v1/products", getProduct)},
			`corsconnectv2: "/v1/products" has the schema of acme.shop.v1.CatalogService.GetProduct: the policy takes rules from the schema and could not govern this path`},
		{"two files of one path", append(methodsOf(echo(t, "echo.proto", "Echo")), methodsOf(echo(t, "echo.proto", "Shout"))...),
			`corsconnectv2: "/acme.echo.v1.EchoService/Shout" is defined by a second file "echo.proto", from another registry: build all handlers of a server from one`},
		{"two files of one name", append(methodsOf(echo(t, "echo.proto", "Echo")), methodsOf(echo(t, "shout.proto", "Shout"))...),
			`corsconnectv2: "/acme.echo.v1.EchoService/Shout" `},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := connect.NewServer()
			server.Register(row.methods...)
			files, services, err := corsconnectv2.Registered(server)
			assert.ErrorContains(t, err, row.want)
			assert.Nil(t, files)
			assert.Nil(t, services)
		})
	}
}

func method(procedure string, schema any) connect.Method {
	return connect.Method{
		Spec:    connect.Spec{Procedure: procedure, Schema: schema},
		Handler: func(context.Context, connect.Spec, connect.ServerStream) error { return nil },
	}
}

func methodsOf(service protoreflect.ServiceDescriptor) []connect.Method {
	var methods []connect.Method
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		methods = append(methods, method("/"+string(service.FullName())+"/"+string(m.Name()), m))
	}
	return methods
}

func shopMethod(t *testing.T, name protoreflect.FullName) protoreflect.MethodDescriptor {
	t.Helper()
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	require.NoError(t, err)
	return descriptor.(protoreflect.MethodDescriptor)
}

// echo returns a service with one method, in a file of this path that nothing
// links.
func echo(t *testing.T, path, method string) protoreflect.ServiceDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String(path), Package: proto.String("acme.echo.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Text")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("EchoService"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String(method), InputType: proto.String(".acme.echo.v1.Text"), OutputType: proto.String(".acme.echo.v1.Text"),
			}},
		}},
	}, nil)
	require.NoError(t, err)
	return file.Services().Get(0)
}

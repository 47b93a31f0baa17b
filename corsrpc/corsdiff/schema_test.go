package corsdiff_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// A method is one of a service of acme.diff.v1.
type method struct {
	name          string
	options       *corsrpcv1.MethodOptions
	noSideEffects bool
	get           string // the template of a REST binding
}

// schema returns the descriptors of acme.diff.v1 with these services.
func schema(t testing.TB, services map[string][]method) *protoregistry.Files {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/diff/v1/diff.proto"), Package: proto.String("acme.diff.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("id"), Number: proto.Int32(1),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
	}
	for name, methods := range services {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name)}
		for _, m := range methods {
			options := &descriptorpb.MethodOptions{}
			if m.options != nil {
				proto.SetExtension(options, corsrpcv1.E_Method, m.options)
			}
			if m.noSideEffects {
				options.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
			}
			if m.get != "" {
				options.ProtoReflect().SetUnknown(httpRule(m.get))
			}
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(m.name), InputType: proto.String(".acme.diff.v1.Empty"), OutputType: proto.String(".acme.diff.v1.Empty"), Options: options,
			})
		}
		file.Service = append(file.Service, service)
	}
	descriptor, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(descriptor))
	return files
}

// httpRule is the option google.api.http with a binding of GET, on the wire.
func httpRule(template string) []byte {
	rule := protowire.AppendTag(nil, 2, protowire.BytesType)
	rule = protowire.AppendString(rule, template)
	option := protowire.AppendTag(nil, 72295728, protowire.BytesType)
	return protowire.AppendBytes(option, rule)
}

func TestSchemaConfig(t *testing.T) {
	t.Parallel()
	files := schema(t, map[string][]method{"CartService": {
		{name: "Open"},
		{name: "ForShop", options: &corsrpcv1.MethodOptions{Audience: "shop"}, get: "/v1/shop"},
		{name: "ForDesk", options: &corsrpcv1.MethodOptions{Audience: "Back office"}},
	}})
	config, err := corsdiff.SchemaConfig(files)
	require.NoError(t, err)
	assert.Equal(t, corsrpc.Config{
		Origins:   []string{"https://page.example"},
		Audiences: map[string][]string{"shop": {"https://shop.audience.example"}, "Back office": {"https://-42ack-20office.audience.example"}},
		REST:      corsrpc.RESTGateway,
		Files:     files,
	}, config)
	_, err = corsrpc.New(config)
	require.NoError(t, err)

	newer := &corsrpcv1.MethodOptions{}
	newer.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
	_, err = corsdiff.SchemaConfig(schema(t, map[string][]method{"CartService": {{name: "Open", options: newer}}}))
	require.ErrorContains(t, err, "corsdiff: options of acme.diff.v1.CartService.Open cannot be read")
}

// Audiences have pages of their own, whatever their labels are.
func TestAudiencePagesAreDifferentOrigins(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100)
	seen := make(map[string]string)
	for _, label := range []string{"a", "A", "a-", "-41", "a b", "ä", "*", "a.b", "a/b", long, long + "b", strings.Repeat("Ä", 60), strings.Repeat("Ä", 61)} {
		page := corsdiff.AudiencePage(label)
		assert.Empty(t, seen[page], "%q has the page of %q", label, seen[page])
		seen[page] = label
		_, err := corsrpc.New(corsrpc.Config{Origins: []string{page}, Resources: map[string]corsrpc.Resource{"/a": {}}, Files: new(protoregistry.Files)})
		assert.NoError(t, err, label)
	}
}

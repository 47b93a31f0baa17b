package contract_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// number is that of both extensions.
const number = 57417894

// The service of these tests, as somebody builds it at run time: "test.Service"
// with one method, "Call".
func services(t testing.TB, service *descriptorpb.ServiceOptions, method *descriptorpb.MethodOptions) ([]contract.Service, error) {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:        proto.String("test.proto"),
		Package:     proto.String("test"),
		Syntax:      proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name:    proto.String("Service"),
			Options: service,
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String("Call"), InputType: proto.String(".test.Message"), OutputType: proto.String(".test.Message"), Options: method,
			}},
		}},
	}, nil)
	require.NoError(t, err)
	return contract.Services(registry(t, file))
}

func registry(t testing.TB, files ...protoreflect.FileDescriptor) *protoregistry.Files {
	t.Helper()
	registry := &protoregistry.Files{}
	for _, file := range files {
		require.NoError(t, registry.RegisterFile(file))
	}
	return registry
}

// serviceOptions and methodOptions hold bytes that nothing has parsed, as the
// options of a descriptor that came over the network do.
func serviceOptions(wire []byte) *descriptorpb.ServiceOptions {
	options := &descriptorpb.ServiceOptions{}
	options.ProtoReflect().SetUnknown(wire)
	return options
}

func methodOptions(wire []byte) *descriptorpb.MethodOptions {
	options := &descriptorpb.MethodOptions{}
	options.ProtoReflect().SetUnknown(wire)
	return options
}

// extension is the option of either level with this content.
func extension(content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

func text(field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), value)
}

func varint(field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), value)
}

func join(parts ...[]byte) []byte {
	var wire []byte
	for _, part := range parts {
		wire = append(wire, part...)
	}
	return wire
}

// The same options, however the descriptor that was built at run time holds
// them.
func TestOptionsInEveryForm(t *testing.T) {
	t.Parallel()
	service := &corsrpcv1.ServiceOptions{RequestHeaders: []string{"s-one", "s-two"}, ResponseHeaders: []string{"s-response"}, ResponseTrailers: []string{"s-trailer"}, Audience: "s"}
	method := &corsrpcv1.MethodOptions{RequestHeaders: []string{"m-request"}, ResponseHeaders: []string{"m-response"}, ResponseTrailers: []string{"m-one", "m-two"}, Audience: "m", Access: corsrpcv1.Access_ACCESS_INTERNAL}
	want := []contract.Service{{
		Name:    "test.Service",
		Options: contract.Options{RequestHeaders: []string{"s-one", "s-two"}, ResponseHeaders: []string{"s-response"}, ResponseTrailers: []string{"s-trailer"}, Audience: "s"},
		Methods: []contract.Method{{
			Name: "test.Service.Call", Procedure: "/test.Service/Call", NoSideEffects: true,
			Options: contract.Options{RequestHeaders: []string{"m-request"}, ResponseHeaders: []string{"m-response"}, ResponseTrailers: []string{"m-one", "m-two"}, Audience: "m", Internal: true},
		}},
	}}

	parsedService, parsedMethod := &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}
	proto.SetExtension(parsedService, corsrpcv1.E_Service, service)
	proto.SetExtension(parsedMethod, corsrpcv1.E_Method, method)
	parsedMethod.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
	serviceWire, methodWire := marshal(t, parsedService), marshal(t, parsedMethod)

	t.Run("parsed", func(t *testing.T) {
		t.Parallel()
		got, err := services(t, parsedService, parsedMethod)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("unparsed", func(t *testing.T) {
		t.Parallel()
		got, err := services(t, serviceOptions(serviceWire), methodOptions(methodWire))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("unparsed in pieces, which protobuf merges", func(t *testing.T) {
		t.Parallel()
		got, err := services(t,
			serviceOptions(join(extension(join(text(1, "s-one"), text(4, "overwritten"))), extension(join(text(1, "s-two"), text(2, "s-response"))), extension(join(text(4, "s"), text(3, "s-trailer"))))),
			methodOptions(join(extension(varint(5, 1)), varint(34, 1), extension(marshal(t, method)))))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("of dynamic extension types", func(t *testing.T) {
		t.Parallel()
		types := &protoregistry.Types{}
		require.NoError(t, types.RegisterExtension(dynamicpb.NewExtensionType(corsrpcv1.E_Service.TypeDescriptor())))
		require.NoError(t, types.RegisterExtension(dynamicpb.NewExtensionType(corsrpcv1.E_Method.TypeDescriptor())))
		service, method := &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}
		require.NoError(t, proto.UnmarshalOptions{Resolver: types}.Unmarshal(serviceWire, service))
		require.NoError(t, proto.UnmarshalOptions{Resolver: types}.Unmarshal(methodWire, method))
		got, err := services(t, service, method)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
	t.Run("of dynamic messages", func(t *testing.T) {
		t.Parallel()
		service := dynamicpb.NewMessage(parsedService.ProtoReflect().Descriptor())
		method := dynamicpb.NewMessage(parsedMethod.ProtoReflect().Descriptor())
		require.NoError(t, proto.Unmarshal(serviceWire, service))
		require.NoError(t, proto.Unmarshal(methodWire, method))
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name:        proto.String("test.proto"),
			Package:     proto.String("test"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message")}},
			Service: []*descriptorpb.ServiceDescriptorProto{{
				Name:   proto.String("Service"),
				Method: []*descriptorpb.MethodDescriptorProto{{Name: proto.String("Call"), InputType: proto.String(".test.Message"), OutputType: proto.String(".test.Message")}},
			}},
		}, nil)
		require.NoError(t, err)
		got, err := contract.Services(registry(t, withOptions{FileDescriptor: file, service: service, method: method}))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

// withOptions is a file whose service and method have options of any Go type.
type withOptions struct {
	protoreflect.FileDescriptor
	service, method proto.Message
}

func (f withOptions) Services() protoreflect.ServiceDescriptors {
	return servicesWithOptions{f.FileDescriptor.Services(), f}
}

type servicesWithOptions struct {
	protoreflect.ServiceDescriptors
	file withOptions
}

func (s servicesWithOptions) Get(i int) protoreflect.ServiceDescriptor {
	return serviceWithOptions{s.ServiceDescriptors.Get(i), s.file}
}

type serviceWithOptions struct {
	protoreflect.ServiceDescriptor
	file withOptions
}

func (s serviceWithOptions) Options() protoreflect.ProtoMessage { return s.file.service }

func (s serviceWithOptions) Methods() protoreflect.MethodDescriptors {
	return methodsWithOptions{s.ServiceDescriptor.Methods(), s.file}
}

type methodsWithOptions struct {
	protoreflect.MethodDescriptors
	file withOptions
}

func (m methodsWithOptions) Get(i int) protoreflect.MethodDescriptor {
	return methodWithOptions{m.MethodDescriptors.Get(i), m.file}
}

type methodWithOptions struct {
	protoreflect.MethodDescriptor
	file withOptions
}

func (m methodWithOptions) Options() protoreflect.ProtoMessage { return m.file.method }

func marshal(t testing.TB, message proto.Message) []byte {
	t.Helper()
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	require.NoError(t, err)
	return wire
}

// Options that say nothing of CORS change nothing.
func TestOptionsOfOthers(t *testing.T) {
	t.Parallel()
	want := []contract.Service{{Name: "test.Service", Methods: []contract.Method{{Name: "test.Service.Call", Procedure: "/test.Service/Call"}}}}
	for _, test := range []struct {
		name    string
		service *descriptorpb.ServiceOptions
		method  *descriptorpb.MethodOptions
	}{
		{"none", nil, nil},
		{"empty", &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}},
		{"deprecated", &descriptorpb.ServiceOptions{Deprecated: proto.Bool(true)}, &descriptorpb.MethodOptions{Deprecated: proto.Bool(true)}},
		{"google.api.http, unparsed", nil, methodOptions(protowire.AppendBytes(protowire.AppendTag(nil, 72295728, protowire.BytesType), text(2, "/v1/cart")))},
		{"somebody's extensions, unparsed", serviceOptions(join(varint(1000, 1), text(1001, "x"))), methodOptions(join(varint(1000, 1), text(number+1, "x")))},
		{"ours, empty", serviceOptions(extension(nil)), methodOptions(extension(nil))},
		{"an option that needs more than is there", &descriptorpb.ServiceOptions{UninterpretedOption: []*descriptorpb.UninterpretedOption{{Name: []*descriptorpb.UninterpretedOption_NamePart{{}}}}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := services(t, test.service, test.method)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestIdempotencyLevels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options *descriptorpb.MethodOptions
		want    bool
	}{
		{"none", nil, false},
		{"unknown", &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN.Enum()}, false},
		{"no side effects", &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()}, true},
		{"idempotent", &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_IDEMPOTENT.Enum()}, false},
		{"of a later protobuf", methodOptions(varint(34, 3)), false},
		{"unparsed", methodOptions(varint(34, 1)), true},
		{"the last one counts", methodOptions(join(varint(34, 1), varint(34, 2))), false},
		{"of another wire type", methodOptions(text(34, "\x01")), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := services(t, nil, test.options)
			require.NoError(t, err)
			assert.Equal(t, test.want, got[0].Methods[0].NoSideEffects)
		})
	}
}

func TestStreamingKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct{ client, server *bool }{
		{nil, nil},
		{proto.Bool(false), proto.Bool(false)},
		{proto.Bool(true), nil},
		{nil, proto.Bool(true)},
		{proto.Bool(true), proto.Bool(true)},
	} {
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name:        proto.String("test.proto"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message")}},
			Service: []*descriptorpb.ServiceDescriptorProto{{
				Name: proto.String("Service"),
				Method: []*descriptorpb.MethodDescriptorProto{{
					Name: proto.String("Call"), InputType: proto.String(".Message"), OutputType: proto.String(".Message"),
					ClientStreaming: kind.client, ServerStreaming: kind.server,
				}},
			}},
		}, nil)
		require.NoError(t, err)
		got, err := contract.Services(registry(t, file))
		require.NoError(t, err)
		client, server := kind.client != nil && *kind.client, kind.server != nil && *kind.server
		assert.Equal(t, []contract.Service{{Name: "Service", Methods: []contract.Method{{
			Name: "Service.Call", Procedure: "/Service/Call", ClientStreaming: client, ServerStreaming: server,
		}}}}, got, "without a package")
	}
}

// Whatever access says closes, unless it says nothing.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		content  []byte
		internal bool
	}{
		{"none", nil, false},
		{"ACCESS_UNSPECIFIED", varint(5, 0), false},
		{"ACCESS_INTERNAL", varint(5, 1), true},
		{"of a later version", varint(5, 2), true},
		{"of a much later version", varint(5, math.MaxInt32), true},
		{"negative", varint(5, math.MaxUint64), true},
		{"the last one counts", join(varint(5, 0), varint(5, 1)), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := services(t, serviceOptions(extension(test.content)), nil)
			require.NoError(t, err)
			assert.Equal(t, test.internal, got[0].Options.Internal, "service")
			assert.Equal(t, test.internal, got[0].Of(&got[0].Methods[0]).Internal, "service, resolved")

			got, err = services(t, nil, methodOptions(extension(test.content)))
			require.NoError(t, err)
			assert.Equal(t, test.internal, got[0].Methods[0].Options.Internal, "method")
			assert.False(t, got[0].Options.Internal, "a method closes itself alone")
		})
	}
}

// What cannot be understood is an error that names the service or the method:
// to pass over it could open what the schema closes.
func TestMalformedOptions(t *testing.T) {
	t.Parallel()
	const (
		notUTF8  = "invalid UTF-8"
		cut      = "proto"
		notOurs  = "field 57417894 is not (corsrpc.v1."
		unknown  = ") has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports"
		internal = "\x28\x01" // access: ACCESS_INTERNAL
	)
	for _, test := range []struct {
		name   string
		wire   []byte
		reason string
	}{
		{"a length that is not there", protowire.AppendTag(nil, number, protowire.BytesType), cut},
		{"a length beyond the end", append(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), 100), internal...), cut},
		{"content that is cut", extension([]byte("\x28")), cut},
		{"content that is no field", extension([]byte("\xff\xff")), cut},
		{"content of field 0", extension([]byte("\x00\x01")), cut},
		{"text that is not UTF-8", extension(text(1, "x-\xff")), notUTF8},
		{"an audience that is not UTF-8", extension(text(4, "\xff")), notUTF8},
		{"an end without a group", protowire.AppendTag(nil, number, protowire.EndGroupType), cut},
		{"options that are cut after ours", join(extension([]byte(internal)), []byte("\x08")), cut},

		{"a number for a message", varint(number, 1), notOurs},
		{"32 bits for a message", protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), 1), notOurs},
		{"a group for a message", protowire.AppendGroup(protowire.AppendTag(nil, number, protowire.StartGroupType), number, []byte(internal)), notOurs},
		{"a number beside the message", join(varint(1000, 1), extension([]byte(internal)), varint(number, 1)), notOurs},

		{"an option of a later version", extension(varint(6, 1)), unknown},
		{"an option of a later version beside ours", extension(join(text(1, "x-a"), text(100, "y"))), unknown},
		{"text for access", extension(text(5, "\x01")), unknown},
		{"a number for the audience", extension(varint(4, 1)), unknown},
		{"a number for request headers", extension(varint(1, 1)), unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := services(t, serviceOptions(test.wire), nil)
			require.ErrorContains(t, err, "options of test.Service cannot be read: ")
			assert.ErrorContains(t, err, test.reason)
			assert.Nil(t, got)

			got, err = services(t, nil, methodOptions(test.wire))
			require.ErrorContains(t, err, "options of test.Service.Call cannot be read: ")
			assert.ErrorContains(t, err, test.reason)
			assert.Nil(t, got)
		})
	}
}

// The same holds for options that are parsed: protobuf sets any text, and finds
// out when it writes it.
func TestParsedOptionsThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	service, method := &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}
	proto.SetExtension(service, corsrpcv1.E_Service, &corsrpcv1.ServiceOptions{Audience: "\xff", Access: corsrpcv1.Access_ACCESS_INTERNAL})
	proto.SetExtension(method, corsrpcv1.E_Method, &corsrpcv1.MethodOptions{RequestHeaders: []string{"\xff"}, Access: corsrpcv1.Access_ACCESS_INTERNAL})

	got, err := services(t, service, nil)
	require.ErrorContains(t, err, "options of test.Service cannot be read: ")
	assert.ErrorContains(t, err, "invalid UTF-8")
	assert.Nil(t, got)

	got, err = services(t, nil, method)
	require.ErrorContains(t, err, "options of test.Service.Call cannot be read: ")
	assert.ErrorContains(t, err, "invalid UTF-8")
	assert.Nil(t, got)
}

// All mistakes of all services at once, in the order of their names.
func TestMalformedOptionsOfManyServices(t *testing.T) {
	t.Parallel()
	bad := varint(number, 1)
	var files []protoreflect.FileDescriptor
	for _, pkg := range []string{"c", "a", "b"} {
		method := &descriptorpb.MethodDescriptorProto{Name: proto.String("Call"), InputType: proto.String("." + pkg + ".Message"), OutputType: proto.String("." + pkg + ".Message")}
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("Service"), Method: []*descriptorpb.MethodDescriptorProto{method}}
		if pkg != "b" {
			service.Options, method.Options = serviceOptions(bad), methodOptions(bad)
		}
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: proto.String(pkg + ".proto"), Package: proto.String(pkg),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message")}},
			Service:     []*descriptorpb.ServiceDescriptorProto{service},
		}, nil)
		require.NoError(t, err)
		files = append(files, file)
	}
	_, err := contract.Services(registry(t, files...))
	const why = "; make sure that no other option has its number"
	assert.EqualError(t, err, ""+
		"options of a.Service cannot be read: field 57417894 is not (corsrpc.v1.service)"+why+"\n"+
		"options of a.Service.Call cannot be read: field 57417894 is not (corsrpc.v1.method)"+why+"\n"+
		"options of c.Service cannot be read: field 57417894 is not (corsrpc.v1.service)"+why+"\n"+
		"options of c.Service.Call cannot be read: field 57417894 is not (corsrpc.v1.method)"+why)
}

// Whatever bytes the options are: an error, or what protobuf reads in them.
func FuzzServices(f *testing.F) {
	f.Add([]byte(nil), []byte(nil))
	f.Add(extension(text(4, "a")), join(varint(34, 1), extension(varint(5, 1))))
	f.Add(extension(varint(6, 1)), varint(number, 1))
	f.Add([]byte("\xff"), extension([]byte("\x28")))
	f.Fuzz(func(t *testing.T, service, method []byte) {
		got, err := services(t, serviceOptions(service), methodOptions(method))
		serviceRead, methodRead := &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}
		serviceErr := proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(service, serviceRead)
		methodErr := proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(method, methodRead)
		if err != nil {
			assert.Nil(t, got)
			return
		}
		require.NoError(t, serviceErr)
		require.NoError(t, methodErr)
		require.Len(t, got, 1)
		require.Len(t, got[0].Methods, 1)
		s, ok := proto.GetExtension(serviceRead, corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions)
		require.True(t, ok)
		assert.Equal(t, contract.Options{
			RequestHeaders: s.GetRequestHeaders(), ResponseHeaders: s.GetResponseHeaders(), ResponseTrailers: s.GetResponseTrailers(),
			Audience: s.GetAudience(), Internal: s.GetAccess() != 0,
		}, got[0].Options)
		m, ok := proto.GetExtension(methodRead, corsrpcv1.E_Method).(*corsrpcv1.MethodOptions)
		require.True(t, ok)
		assert.Equal(t, contract.Options{
			RequestHeaders: m.GetRequestHeaders(), ResponseHeaders: m.GetResponseHeaders(), ResponseTrailers: m.GetResponseTrailers(),
			Audience: m.GetAudience(), Internal: m.GetAccess() != 0,
		}, got[0].Methods[0].Options)
		assert.Equal(t, methodRead.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS, got[0].Methods[0].NoSideEffects)
	})
}

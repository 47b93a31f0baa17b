package main

import (
	"bytes"
	"testing"

	checkv1 "buf.build/gen/go/bufbuild/bufplugin/protocolbuffers/go/buf/plugin/check/v1"
	descriptorv1 "buf.build/gen/go/bufbuild/bufplugin/protocolbuffers/go/buf/plugin/descriptor/v1"
	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checktest"
	"buf.build/go/bufplugin/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"pluginrpc.com/pluginrpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// oneMethod returns a file with one service and method, whose options are these
// bytes.
func oneMethod(service, method []byte) *descriptorpb.FileDescriptorProto {
	serviceOptions, methodOptions := &descriptorpb.ServiceOptions{}, &descriptorpb.MethodOptions{}
	serviceOptions.ProtoReflect().SetUnknown(service)
	methodOptions.ProtoReflect().SetUnknown(method)
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme.proto"), Package: proto.String("acme"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Service"), Options: serviceOptions, Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Call"), InputType: proto.String(".acme.Message"), OutputType: proto.String(".acme.Message"), Options: methodOptions,
		}}}},
	}
}

const number = 57417894

// extension returns the bytes of (corsrpc.v1.service) or (corsrpc.v1.method).
func extension(fields ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), bytes.Join(fields, nil))
}

func stringField(field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), text)
}

func varintField(field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), value)
}

// Options arrive as unknown fields, or as values of the extension's type, of
// this program's or of one made from the schema.
func TestFormsOfOptions(t *testing.T) {
	t.Parallel()
	service := extension(stringField(requestHeaders, "authorization"), stringField(audience, "storefront"))
	method := append(extension(stringField(responseTrailers, "x-cost")), extension(stringField(responseTrailers, "x-items"), varintField(access, 7))...)
	dynamic := new(protoregistry.Types)
	require.NoError(t, dynamic.RegisterExtension(dynamicpb.NewExtensionType(corsrpcv1.E_Service.TypeDescriptor())))
	require.NoError(t, dynamic.RegisterExtension(dynamicpb.NewExtensionType(corsrpcv1.E_Method.TypeDescriptor())))
	for name, resolver := range map[string]*protoregistry.Types{"unknown fields": new(protoregistry.Types), "dynamic": dynamic, "generated": protoregistry.GlobalTypes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, err := proto.Marshal(oneMethod(service, method))
			require.NoError(t, err)
			file := &descriptorpb.FileDescriptorProto{}
			require.NoError(t, proto.UnmarshalOptions{Resolver: resolver}.Unmarshal(wire, file))
			s, err := newSchema(descriptors(t, file))
			require.NoError(t, err)
			require.Empty(t, s.mistakes)
			require.Len(t, s.declarations, 2)
			assert.Equal(t, []string{"authorization"}, s.byName["acme.Service"].list(requestHeaders))
			call := s.byName["acme.Service.Call"]
			assert.Equal(t, []string{"x-cost", "x-items"}, call.list(responseTrailers))
			assert.Equal(t, "storefront", call.audience())
			assert.True(t, call.internal(), "whatever access says closes")
			assert.False(t, call.service.internal())
		})
	}
}

// checkFiles runs rules on schemas, as buf does.
func checkFiles(t testing.TB, file, against *descriptorpb.FileDescriptorProto, options map[string]any, ruleIDs ...string) ([]check.Annotation, error) {
	t.Helper()
	client, err := check.NewClientForSpec(spec)
	require.NoError(t, err)
	given, err := option.NewOptions(options)
	require.NoError(t, err)
	requestOptions := []check.RequestOption{check.WithOptions(given), check.WithRuleIDs(ruleIDs...)}
	if against != nil {
		requestOptions = append(requestOptions, check.WithAgainstFileDescriptors(descriptors(t, against)))
	}
	request, err := check.NewRequest(descriptors(t, file), requestOptions...)
	require.NoError(t, err)
	response, err := client.Check(t.Context(), request)
	if err != nil {
		return nil, err
	}
	return response.Annotations(), nil
}

// What cannot be checked is an error that says why, for lint and for breaking
// rules.
func TestBadInput(t *testing.T) {
	t.Parallel()
	binding := protowire.AppendBytes(protowire.AppendTag(nil, googleAPIHTTP, protowire.BytesType), stringField(2, "v1/carts"))
	fine := oneMethod(nil, nil)
	for _, test := range []struct {
		name          string
		file, against *descriptorpb.FileDescriptorProto
		options       map[string]any
		err           string
	}{
		{"an option of a later version", oneMethod(nil, extension(varintField(6, 1))), nil, nil,
			"options of acme.Service.Call cannot be read: (corsrpc.v1.method) has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports"},
		{"the same in the schema to compare with", fine, oneMethod(extension(varintField(6, 1)), nil), nil,
			"the schema to compare with: corsdiff: options of acme.Service cannot be read: (corsrpc.v1.service) has a field"},
		{"another extension of this number", oneMethod(varintField(number, 1), nil), nil, nil, "field 57417894 is not (corsrpc.v1.service)"},
		{"options that are cut", oneMethod(nil, extension([]byte{0x0a, 0x05, 'x'})), nil, nil, "proto:"},
		{"a name that is not UTF-8", oneMethod(nil, extension(stringField(requestHeaders, "\xff"))), nil, nil, "UTF-8"},
		{"a binding that no gateway takes", oneMethod(nil, binding), fine, nil,
			`what pages can do cannot be compared, since no server can be configured for this schema: corsrpc: Files: (google.api.http) of acme.Service.Call: path template "v1/carts" must begin with a slash`},
		{"an unknown plugin option", fine, nil, map[string]any{"audience": []string{"a"}}, `unknown option "audience": the only option of this plugin is audiences`},
		{"an option of a wrong type", fine, nil, map[string]any{"audiences": "storefront"}, "the option audiences is not a list of strings: write audiences: [storefront, backoffice]"},
		{"a list of a wrong type", fine, nil, map[string]any{"audiences": []int64{1}}, "the option audiences is not a list of strings"},
		{"a list of lists", fine, nil, map[string]any{"audiences": [][]string{{"a"}}}, "the option audiences is not a list of strings"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var ruleIDs []string
			if test.against != nil {
				ruleIDs = breakingRules
			}
			_, err := checkFiles(t, test.file, test.against, test.options, ruleIDs...)
			assert.ErrorContains(t, err, test.err)
		})
	}
}

// What can be checked is no error.
func TestHarmlessInput(t *testing.T) {
	t.Parallel()
	binding := protowire.AppendBytes(protowire.AppendTag(nil, googleAPIHTTP, protowire.BytesType), stringField(2, "v1/carts"))
	empty := &descriptorpb.FileDescriptorProto{Name: proto.String("empty.proto")}
	fine := oneMethod(nil, nil)
	for _, test := range []struct {
		name          string
		file, against *descriptorpb.FileDescriptorProto
		reports       int
	}{
		{"no options", fine, fine, 0},
		{"no services", empty, empty, 0},
		{"the first service", fine, empty, 0},
		{"the last service is gone", empty, fine, 1},
		{"a binding put right that no gateway took", fine, oneMethod(nil, binding), 0},
		{"a name put right that no page could send", oneMethod(nil, extension(stringField(requestHeaders, "x-a"))), oneMethod(nil, extension(stringField(requestHeaders, "x a"), stringField(requestHeaders, "x-a"))), 0},
		{"a name made wrong", oneMethod(nil, extension(stringField(requestHeaders, "x a"))), oneMethod(nil, extension(stringField(requestHeaders, "x-a"))), 1},
		{"a binding made right, and a header gone", fine, oneMethod(nil, append(extension(stringField(requestHeaders, "x-a")), binding...)), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found, err := checkFiles(t, test.file, test.against, nil, breakingRules...)
			require.NoError(t, err)
			assert.Len(t, found, test.reports)
			_, err = checkFiles(t, test.file, nil, nil)
			assert.NoError(t, err)
		})
	}
}

// serve runs the program with a request, as buf does.
func serve(t *testing.T, request *checkv1.CheckRequest) error {
	t.Helper()
	server, err := check.NewServer(spec)
	require.NoError(t, err)
	return pluginrpc.NewClient(pluginrpc.NewServerRunner(server)).Call(t.Context(), "/buf.plugin.check.v1.CheckService/Check", request, &checkv1.CheckResponse{})
}

// A request that buf would not send.
func TestUnresolvableImports(t *testing.T) {
	t.Parallel()
	file := oneMethod(nil, nil)
	request := func() *checkv1.CheckRequest {
		return checkv1.CheckRequest_builder{FileDescriptors: []*descriptorv1.FileDescriptor{descriptorv1.FileDescriptor_builder{FileDescriptorProto: file}.Build()}}.Build()
	}
	require.NoError(t, serve(t, request()))
	file.Dependency = []string{"corsrpc/v1/options.proto"}
	assert.ErrorContains(t, serve(t, request()), `could not resolve import "corsrpc/v1/options.proto"`)
}

// Files of other modules are not linted, and what a module no longer imports is
// not gone.
func TestImports(t *testing.T) {
	t.Parallel()
	importing := protos("imports", "shop.proto")
	checktest.CheckTest{Spec: spec, Request: &checktest.RequestSpec{Files: importing}}.Run(t)
	alone := protos("imports", "alone.proto")
	checktest.CheckTest{Spec: spec, Request: &checktest.RequestSpec{Files: alone, AgainstFiles: importing, RuleIDs: breakingRules}, ExpectedAnnotations: []checktest.ExpectedAnnotation{{
		RuleID: pageCanCall, Message: "pages of Config.Origins can no longer call /acme.shop.v1.CartService/AddItem: the service acme.shop.v1.CartService is gone",
		AgainstFileLocation: location("shop.proto", 7, 1, 9, 2),
	}}}.Run(t)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	server, err := check.NewServer(spec)
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	require.NoError(t, server.Serve(t.Context(), pluginrpc.Env{Args: []string{"--help"}, Stdin: &bytes.Buffer{}, Stdout: &stdout, Stderr: &stderr}))
	assert.Contains(t, stderr.String(), "plugin: [go, tool, buf-plugin-corsrpc]")
	assert.Empty(t, stdout.String())
}

// Whatever bytes the options are: an error or annotations.
func FuzzOptions(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), []byte(nil))
	f.Add(extension(stringField(audience, "a")), extension(stringField(requestHeaders, "cookie")), extension(stringField(requestHeaders, "x-a"), varintField(access, 1)))
	f.Add(extension(stringField(responseTrailers, "Trailer-")), varintField(idempotencyLevel, 1), extension(varintField(9, 1)))
	f.Add([]byte("\xff"), extension(stringField(responseHeaders, "Trailer-X")), extension([]byte("\x28")))
	f.Fuzz(func(t *testing.T, service, method, against []byte) {
		_, lintErr := checkFiles(t, oneMethod(service, method), nil, map[string]any{"audiences": []string{"a"}})
		_, breakingErr := checkFiles(t, oneMethod(service, method), oneMethod(service, against), nil, breakingRules...)
		if lintErr != nil {
			assert.Error(t, breakingErr)
		}
	})
}

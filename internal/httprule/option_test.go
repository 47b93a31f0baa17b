package httprule_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// Fields of google.api.HttpRule.
const (
	get          = 2
	put          = 3
	post         = 4
	del          = 5
	patch        = 6
	body         = 7
	custom       = 8
	additional   = 11
	responseBody = 12
)

// field returns a length-delimited field.
func field(number protowire.Number, value string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value))
}

func option(rule string) string { return field(72295728, rule) }

func TestDecodeBindings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, options string
		bindings      []httprule.Binding
	}{
		{"no options", "", nil},
		{"other options", field(72295727, field(get, "/v1/a")), nil},
		{"get", option(field(get, "/v1/a")), []httprule.Binding{binding("GET", "/v1/a")}},
		{"put", option(field(put, "/v1/a")), []httprule.Binding{binding("PUT", "/v1/a")}},
		{"post", option(field(post, "/v1/a")), []httprule.Binding{binding("POST", "/v1/a")}},
		{"delete", option(field(del, "/v1/a")), []httprule.Binding{binding("DELETE", "/v1/a")}},
		{"patch", option(field(patch, "/v1/a")), []httprule.Binding{binding("PATCH", "/v1/a")}},
		{"custom", option(field(custom, field(1, "HEAD")+field(2, "/v1/a"))), []httprule.Binding{binding("HEAD", "/v1/a")}},
		{"custom for all methods", option(field(custom, field(1, "*")+field(2, "/v1/a"))), []httprule.Binding{binding("*", "/v1/a")}},
		{"bodies", option(field(post, "/v1/a") + field(body, "*") + field(responseBody, "name")), []httprule.Binding{
			{Method: "POST", Template: template("/v1/a"), Body: "*", ResponseBody: "name"},
		}},
		{"additional bindings", option(field(get, "/v1/a") + field(additional, field(post, "/v1/b")+field(body, "name")) + field(additional, field(del, "/v1/c"))), []httprule.Binding{
			binding("GET", "/v1/a"),
			{Method: "POST", Template: template("/v1/b"), Body: "name"},
			binding("DELETE", "/v1/c"),
		}},
		{"additional bindings alone", option(field(additional, field(post, "/v1/b"))), []httprule.Binding{binding("POST", "/v1/b")}},
		{"no pattern", option(field(body, "*")), nil},
		{"an empty pattern", option(field(get, "")), nil},
		{"a selector means nothing", option(field(1, "acme.Other") + field(get, "/v1/a")), []httprule.Binding{binding("GET", "/v1/a")}},
		{"the last pattern counts", option(field(get, "/v1/a") + field(put, "/v1/b")), []httprule.Binding{binding("PUT", "/v1/b")}},
		{"split options are merged", option(field(post, "/v1/a")) + option(field(body, "*")), []httprule.Binding{
			{Method: "POST", Template: template("/v1/a"), Body: "*"},
		}},
		{"split custom patterns are merged", option(field(custom, field(1, "HEAD")) + field(custom, field(2, "/v1/a"))), []httprule.Binding{binding("HEAD", "/v1/a")}},
		{"unless another pattern is between", option(field(custom, field(1, "HEAD")) + field(get, "") + field(custom, field(1, "X")+field(2, "/v1/a"))), []httprule.Binding{binding("X", "/v1/a")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := httprule.DecodeBindings([]byte(test.options))
			require.NoError(t, err)
			assert.Equal(t, test.bindings, got)
		})
	}
}

func TestDecodeBindingsErrors(t *testing.T) {
	t.Parallel()
	const unknown = " of google.api.HttpRule is not known to this version of corsrpc: use the google/api/http.proto that gateways use"
	for _, test := range []struct{ name, options, err string }{
		{"not protobuf", "\x0a\x05x", "not valid protobuf: unexpected EOF: compile the schema again"},
		{"not a message", string(protowire.AppendVarint(protowire.AppendTag(nil, 72295728, protowire.VarintType), 7)), "not a message: make sure that no other option has its number"},
		{"a rule that is not protobuf", option("\xff"), "not valid protobuf: unexpected EOF: compile the schema again"},
		{"an unknown field", option(field(13, "x")), "field 13" + unknown},
		{"an unknown type", option(string(protowire.AppendVarint(protowire.AppendTag(nil, get, protowire.VarintType), 7))), "field 2" + unknown},
		{"an unknown field of a custom pattern", option(field(custom, field(3, "x"))), "custom: field 3" + unknown},
		{"a template", option(field(get, "v1")), `path template "v1" must begin with a slash: write "/v1"`},
		{"an empty kind", option(field(custom, field(2, "/v1"))), `"" is not an HTTP method: write one such as "POST", or "*" for all`},
		{"not a kind", option(field(custom, field(1, "G T")+field(2, "/v1"))), `"G T" is not an HTTP method: write one such as "POST", or "*" for all`},
		{"an empty custom pattern", option(field(custom, "")), `"" is not an HTTP method: write one such as "POST", or "*" for all`},
		{"an additional template", option(field(get, "/a") + field(additional, field(get, "/b")) + field(additional, field(get, "c"))), `additional_bindings[1]: path template "c" must begin with a slash: write "/c"`},
		{"an additional binding without a pattern", option(field(get, "/a") + field(additional, field(body, "*"))), `additional_bindings[0]: no pattern: write one such as get: "/v1/shelves"`},
		{"additional bindings of an additional binding", option(field(additional, field(get, "/a")+field(additional, field(get, "/b")))), `additional_bindings[0]: has additional bindings itself: list them in the outer rule`},
		{"too many", option(strings.Repeat(field(additional, field(get, "/a")), 256)), "256 additional bindings: a method can have at most 256 bindings"},
		{"too long", option(field(body, strings.Repeat("x", 256<<10))), "262148 bytes: shorten it to at most 262144"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := httprule.DecodeBindings([]byte(test.options))
			assert.EqualError(t, err, test.err)
		})
	}
}

// The option of a real descriptor, and what is checked against its messages.
func TestBindings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rule string
		bindings   []httprule.Binding
		err        string
	}{
		{"none", "", nil, ""},
		{"fields", field(post, "/v1/{name}/{shelf.id}/{shelf.book.id}") + field(body, "shelf") + field(responseBody, "id"),
			[]httprule.Binding{{Method: "POST", Template: template("/v1/{name}/{shelf.id}/{shelf.book.id}"), Body: "shelf", ResponseBody: "id"}}, ""},
		{"a repeated field, as the last one", field(get, "/v1/{names}"), []httprule.Binding{binding("GET", "/v1/{names}")}, ""},
		{"an error of the template", field(get, "v1"), nil,
			`(google.api.http) of acme.v1.Service.Method: path template "v1" must begin with a slash: write "/v1"`},
		{"no field", field(get, "/v1/{nmae}"), nil,
			`(google.api.http) of acme.v1.Service.Method: variable {nmae} of "GET /v1/{nmae}": acme.v1.Request has no field "nmae": write the name of one of its fields as the schema spells it`},
		{"no field of a field", field(get, "/v1/{shelf.x}"), nil,
			`(google.api.http) of acme.v1.Service.Method: variable {shelf.x} of "GET /v1/{shelf.x}": acme.v1.Shelf has no field "x": write the name of one of its fields as the schema spells it`},
		{"a field of a string", field(get, "/v1/{name.x}"), nil,
			`(google.api.http) of acme.v1.Service.Method: variable {name.x} of "GET /v1/{name.x}": field "name" of acme.v1.Request is not a single message: end the path with it`},
		{"a field of many", field(get, "/v1/{shelves.id}"), nil,
			`(google.api.http) of acme.v1.Service.Method: variable {shelves.id} of "GET /v1/{shelves.id}": field "shelves" of acme.v1.Request is not a single message: end the path with it`},
		{"no body", field(post, "/v1") + field(body, "x"), nil,
			`(google.api.http) of acme.v1.Service.Method: body "x" of "POST /v1": acme.v1.Request has no field "x": write the name of one of its fields as the schema spells it`},
		{"no response body", field(post, "/v1") + field(responseBody, "name"), nil,
			`(google.api.http) of acme.v1.Service.Method: response_body "name" of "POST /v1": acme.v1.Shelf has no field "name": write the name of one of its fields as the schema spells it`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := httprule.Bindings(method(t, test.rule))
			if test.err != "" {
				assert.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.bindings, got)
		})
	}
}

// method returns a method whose option holds rule.
func method(t *testing.T, rule string) protoreflect.MethodDescriptor {
	t.Helper()
	one, many := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL, descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	text, message := descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	fieldOf := func(name string, number int32, label descriptorpb.FieldDescriptorProto_Label, kind descriptorpb.FieldDescriptorProto_Type, of string) *descriptorpb.FieldDescriptorProto {
		field := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Label: &label, Type: &kind}
		if of != "" {
			field.TypeName = &of
		}
		return field
	}
	options := &descriptorpb.MethodOptions{}
	if rule != "" {
		require.NoError(t, proto.Unmarshal([]byte(option(rule)), options))
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/v1/service.proto"), Package: proto.String("acme.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Request"), Field: []*descriptorpb.FieldDescriptorProto{
				fieldOf("name", 1, one, text, ""),
				fieldOf("names", 2, many, text, ""),
				fieldOf("shelf", 3, one, message, ".acme.v1.Shelf"),
				fieldOf("shelves", 4, many, message, ".acme.v1.Shelf"),
			}},
			{Name: proto.String("Shelf"), Field: []*descriptorpb.FieldDescriptorProto{
				fieldOf("id", 1, one, text, ""),
				fieldOf("book", 2, one, message, ".acme.v1.Shelf"),
			}},
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Service"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Method"), InputType: proto.String(".acme.v1.Request"), OutputType: proto.String(".acme.v1.Shelf"), Options: options,
		}}}},
	}, new(protoregistry.Files))
	require.NoError(t, err)
	return file.Services().Get(0).Methods().Get(0)
}

// Whatever the bytes are, what comes out are bindings.
func FuzzDecodeBindings(f *testing.F) {
	for _, seed := range []string{
		option(field(get, "/v1/{a=b/**}:c") + field(additional, field(post, "/v1")+field(body, "*"))),
		option(field(custom, field(1, "HEAD")) + field(custom, field(2, "/v1"))),
		option(field(additional, field(additional, ""))),
		option("\xff") + field(1, "x"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, options []byte) {
		bindings, err := httprule.DecodeBindings(options)
		if err != nil {
			assert.Nil(t, bindings)
			return
		}
		for _, binding := range bindings {
			again, err := httprule.ParseBinding(binding.String())
			require.NoError(t, err)
			assert.Equal(t, binding.Method, again.Method)
			assert.Equal(t, binding.Template, again.Template)
		}
	})
}

func binding(method, path string) httprule.Binding {
	return httprule.Binding{Method: method, Template: template(path)}
}

func template(path string) *httprule.Template {
	template, err := httprule.ParseTemplate(path)
	if err != nil {
		panic(err)
	}
	return template
}

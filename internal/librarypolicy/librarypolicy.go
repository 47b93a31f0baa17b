// Package librarypolicy has a policy for the demo library without its generated
// code, which is in a module of its own. It is for tests of exports.
package librarypolicy

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const (
	library = "acme.library.v1.LibraryService"
	admin   = "acme.library.v1.AdminService"
)

var bindings = map[string][]string{
	library + ".ListShelves":  {"GET /v1/shelves"},
	library + ".GetShelf":     {"GET /v1/{name=shelves/*}", "GET /v1/catalog/{name=shelves/*}"},
	library + ".CreateShelf":  {"POST /v1/shelves"},
	library + ".UpdateShelf":  {"PATCH /v1/{name=shelves/*}"},
	library + ".MergeShelves": {"POST /v1/{name=shelves/*}:merge"},
	library + ".DeleteShelf":  {"DELETE /v1/{name=shelves/*}"},
	library + ".GetBook":      {"GET /v1/{name=shelves/*/books/*}"},
	library + ".CheckBook":    {"HEAD /v1/{name=shelves/*/books/*}"},
	library + ".GetCover":     {"GET /v1/{name=shelves/*/books/*}/cover"},
	library + ".Download":     {"GET /v1/archive/{name=**}"},
	library + ".FinishSignIn": {"GET /v1/signin:finish"},
	admin + ".Purge":          {"POST /v1/admin:purge"},
}

// Config returns a Config with bindings, as the library's operator would write it.
func Config() (corsrpc.Config, error) {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/library/v1/library.proto"), Package: proto.String("acme.library.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:  proto.String("Shelf"),
			Field: []*descriptorpb.FieldDescriptorProto{{Name: proto.String("name"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("LibraryService")}, {Name: proto.String("AdminService")}},
	}
	for _, name := range slices.Sorted(maps.Keys(bindings)) {
		service := file.Service[0]
		if strings.HasPrefix(name, admin) {
			service = file.Service[1]
		}
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(name[strings.LastIndexByte(name, '.')+1:]), InputType: proto.String(".acme.library.v1.Shelf"), OutputType: proto.String(".acme.library.v1.Shelf"),
		})
	}
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return corsrpc.Config{}, err
	}
	files := new(protoregistry.Files)
	if err := files.RegisterFile(fd); err != nil {
		return corsrpc.Config{}, err
	}
	return corsrpc.Config{
		Files:          files,
		Services:       []string{library, admin},
		Origins:        []string{"https://app.example.com", "https://*.preview.example.com"},
		RequestHeaders: []string{"Authorization", "X-Library-Card"},
		REST:           corsrpc.RESTGateway,
		Bindings:       maps.Clone(bindings),
		Overrides: map[string]corsrpc.Override{
			library + ".Download":     {Links: corsrpc.On},
			library + ".FinishSignIn": {Links: corsrpc.On, Credentials: corsrpc.On},
			library + ".CreateShelf":  {Credentials: corsrpc.On, ResponseHeaders: []string{"X-Retry-Hint"}},
			admin:                     {Internal: true},
		},
	}, nil
}

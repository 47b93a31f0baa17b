package envoytest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const (
	library      = "acme.library.v1.LibraryService"
	libraryAdmin = "acme.library.v1.AdminService"
)

// libraryBindings are those of the demo library, whose code is in a module of its
// own.
var libraryBindings = map[string][]string{
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
	libraryAdmin + ".Purge":   {"POST /v1/admin:purge"},
}

// libraryConfig returns a Config with bindings.
func libraryConfig(t testing.TB) corsrpc.Config {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/library/v1/library.proto"), Package: proto.String("acme.library.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:  proto.String("Shelf"),
			Field: []*descriptorpb.FieldDescriptorProto{{Name: proto.String("name"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("LibraryService")}, {Name: proto.String("AdminService")}},
	}
	for _, name := range slices.Sorted(maps.Keys(libraryBindings)) {
		service := file.Service[0]
		if strings.HasPrefix(name, libraryAdmin) {
			service = file.Service[1]
		}
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(name[strings.LastIndexByte(name, '.')+1:]), InputType: proto.String(".acme.library.v1.Shelf"), OutputType: proto.String(".acme.library.v1.Shelf"),
		})
	}
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(fd))
	return corsrpc.Config{
		Files:          files,
		Services:       []string{library, libraryAdmin},
		Origins:        []string{app, "https://*.preview.example.com"},
		RequestHeaders: []string{"Authorization", "X-Library-Card"},
		REST:           corsrpc.RESTGateway,
		Bindings:       libraryBindings,
		Overrides: map[string]corsrpc.Override{
			library + ".Download":    {Links: corsrpc.On},
			library + ".CreateShelf": {Credentials: corsrpc.On, ResponseHeaders: []string{"X-Retry-Hint"}},
			libraryAdmin:             {Internal: true},
		},
	}
}

package corsconfig_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// A method is one of acme.library.v1.ShelfService.
type method struct {
	name    string
	options *corsrpcv1.MethodOptions
	get     string // template of a binding
}

// library returns the descriptors of acme.library.v1: ShelfService with these
// methods, and BookService with GetBook.
func library(t testing.TB, methods ...method) *protoregistry.Files {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/library/v1/library.proto"), Package: proto.String("acme.library.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Shelf"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("id"), Number: proto.Int32(1),
			Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("ShelfService")}, {Name: proto.String("BookService")}},
	}
	add := func(service int, m method) {
		options := &descriptorpb.MethodOptions{}
		if m.options != nil {
			proto.SetExtension(options, corsrpcv1.E_Method, m.options)
		}
		if m.get != "" {
			options.ProtoReflect().SetUnknown(httpRule(m.get))
		}
		file.Service[service].Method = append(file.Service[service].Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(m.name), InputType: proto.String(".acme.library.v1.Shelf"), OutputType: proto.String(".acme.library.v1.Shelf"), Options: options,
		})
	}
	for _, m := range methods {
		add(0, m)
	}
	add(1, method{name: "GetBook"})
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

// write makes files of texts: policy.yaml, or 1.yaml, 2.yaml and so on.
func write(t testing.TB, texts ...string) (dir string, names []string) {
	t.Helper()
	dir = t.TempDir()
	for i, text := range texts {
		name := "policy.yaml"
		if len(texts) > 1 {
			name = fmt.Sprintf("%d.yaml", i+1)
		}
		names = append(names, filepath.Join(dir, name))
		require.NoError(t, os.WriteFile(names[i], []byte(text), 0o600))
	}
	return dir, names
}

// load loads files with these texts. The error has no directory in it.
func load(t testing.TB, files *protoregistry.Files, texts ...string) (corsrpc.Config, error) {
	t.Helper()
	dir, names := write(t, texts...)
	config, err := corsconfig.Load(files, names...)
	return config, withoutDirectory(dir, err)
}

func withoutDirectory(dir string, err error) error {
	if err == nil {
		return nil
	}
	return shortError{err, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")}
}

type shortError struct {
	error
	text string
}

func (e shortError) Error() string { return e.text }
func (e shortError) Unwrap() error { return e.error }

// mistakes returns the parts of an error of package corsconfig.
func mistakes(t testing.TB, err error) []*corsconfig.Error {
	t.Helper()
	var joined interface{ Unwrap() []error }
	require.True(t, errors.As(err, &joined), "%v", err)
	var all []*corsconfig.Error
	for _, err := range joined.Unwrap() {
		var mistake *corsconfig.Error
		require.ErrorAs(t, err, &mistake)
		all = append(all, mistake)
	}
	return all
}

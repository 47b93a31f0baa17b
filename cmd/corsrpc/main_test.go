package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
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

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

var update = flag.Bool("update", false, "write what the tests print to testdata/*.txt")

// A result is what a person sees of the command.
type result struct {
	status         int
	stdout, stderr string
}

// execute runs the command.
func execute(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	status := run(ctx, args, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// shopImage is what `buf build` writes of acme.shop.v1, with a REST binding.
func shopImage(t testing.TB) *descriptorpb.FileDescriptorSet {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	have := make(map[string]bool)
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if have[file.Path()] {
			return
		}
		have[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	protoregistry.GlobalFiles.RangeFilesByPackage(shopv1.File_acme_shop_v1_cart_proto.Package(), func(file protoreflect.FileDescriptor) bool {
		add(file)
		return true
	})
	set = proto.CloneOf(set)
	const httpOption, get = 72295728, 2 // google.api.http and its field get
	rule := protowire.AppendString(protowire.AppendTag(nil, get, protowire.BytesType), "/v1/products/{product_id}")
	option := protowire.AppendBytes(protowire.AppendTag(nil, httpOption, protowire.BytesType), rule)
	rpc(t, set, "CatalogService", "GetProduct").Options.ProtoReflect().SetUnknown(option)
	return set
}

// nextImage is the next version of it: AddItem has lost its trailer, GetProduct
// is for the back office alone, SearchProducts is gone, and TrackOrder reads one
// more header.
func nextImage(t testing.TB) *descriptorpb.FileDescriptorSet {
	t.Helper()
	set := shopImage(t)
	options := func(service, method string) *corsrpcv1.MethodOptions {
		m := rpc(t, set, service, method)
		o := proto.CloneOf(proto.GetExtension(m.Options, corsrpcv1.E_Method).(*corsrpcv1.MethodOptions))
		proto.SetExtension(m.Options, corsrpcv1.E_Method, o)
		return o
	}
	options("CartService", "AddItem").ResponseTrailers = nil
	options("CatalogService", "GetProduct").Audience = "backoffice"
	options("CartService", "TrackOrder").RequestHeaders = []string{"x-locale"}
	catalog := service(t, set, "CatalogService")
	for i, m := range catalog.Method {
		if m.GetName() == "SearchProducts" {
			catalog.Method = append(catalog.Method[:i], catalog.Method[i+1:]...)
			break
		}
	}
	return set
}

func service(t testing.TB, set *descriptorpb.FileDescriptorSet, name string) *descriptorpb.ServiceDescriptorProto {
	t.Helper()
	for _, file := range set.File {
		for _, s := range file.Service {
			if s.GetName() == name {
				return s
			}
		}
	}
	require.FailNow(t, "no service "+name)
	return nil
}

func rpc(t testing.TB, set *descriptorpb.FileDescriptorSet, serviceName, name string) *descriptorpb.MethodDescriptorProto {
	t.Helper()
	for _, m := range service(t, set, serviceName).Method {
		if m.GetName() == name {
			return m
		}
	}
	require.FailNow(t, "no method "+name)
	return nil
}

// A directory has the files that the examples name.
type directory string

func newDirectory(t testing.TB) directory {
	t.Helper()
	dir := t.TempDir()
	for name, set := range map[string]*descriptorpb.FileDescriptorSet{"shop.binpb": shopImage(t), "next.binpb": nextImage(t)} {
		image, err := proto.Marshal(set)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), image, 0o600))
	}
	for _, name := range []string{"policy.yaml", "policy-next.yaml", "broken.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return directory(dir)
}

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

func (d directory) write(t testing.TB, name string, content []byte) string {
	t.Helper()
	require.NoError(t, os.WriteFile(d.path(name), content, 0o600))
	return d.path(name)
}

// args returns words with the paths of the files that they name.
func (d directory) args(words ...string) []string {
	var args []string
	for _, word := range words {
		switch ext := filepath.Ext(word); {
		case word == "@request.txt":
			word = "@" + d.path(word[1:])
		case word == "out", word == "never":
			word = d.path(word)
		case (ext == ".yaml" || ext == ".binpb") && !strings.Contains(word, "/"):
			word = d.path(word)
		}
		args = append(args, word)
	}
	return args
}

// golden compares text with testdata/name.txt.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test ./cmd/corsrpc -update makes it")
	assert.Equal(t, strings.ReplaceAll(string(want), "\r\n", "\n"), text, "if this is right: go test ./cmd/corsrpc -update")
}

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// serveGRPC serves until the test ends.
func serveGRPC(t *testing.T, server *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String()
}

// Reflection of grpc-go has the rules that the image has: in both versions, and
// with options for which the server has no Go type.
func TestReflect(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	want := execute(t.Context(), dir.args("rules", "--image", "shop.binpb", "--policy", "policy.yaml", "--why")...)
	require.Equal(t, fine, want.status)
	require.Contains(t, want.stdout, "GET /v1/products/{product_id}", "google.api.http")
	files, err := protodesc.NewFiles(shopImage(t))
	require.NoError(t, err)

	servers := make(map[string]*grpc.Server)
	for name, register := range map[string]func(*grpc.Server, reflection.ServerOptions){
		"v1": func(s *grpc.Server, o reflection.ServerOptions) {
			reflectionv1.RegisterServerReflectionServer(s, reflection.NewServerV1(o))
		},
		"v1alpha": func(s *grpc.Server, o reflection.ServerOptions) {
			reflectionv1alpha.RegisterServerReflectionServer(s, reflection.NewServer(o))
		},
	} {
		servers[name] = grpc.NewServer()
		shop.RegisterGRPC(servers[name])
		register(servers[name], reflection.ServerOptions{Services: servers[name], DescriptorResolver: files})
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t.Context(), dir.args("rules", "--reflect", serveGRPC(t, server), "--policy", "policy.yaml", "--why")...)
			assert.Equal(t, want, got)
		})
	}
	t.Run("over TLS", func(t *testing.T) {
		t.Parallel()
		server := grpc.NewServer()
		shop.RegisterGRPC(server)
		reflection.RegisterV1(server)
		url, trust := live(t, server)
		got := execute(t.Context(), append(dir.args("rules", "--reflect", url, "--policy", "policy.yaml"), trust...)...)
		assert.Equal(t, fine, got.status, got.stderr)
		assert.Contains(t, got.stdout, "/acme.shop.v1.CartService/AddItem")
		got = execute(t.Context(), "rules", "--reflect", url)
		assert.Equal(t, failed, got.status)
		assert.Contains(t, got.stderr, "certificate")
	})
}

// check asks the server itself for its services.
func TestCheckReflects(t *testing.T) {
	t.Parallel()
	var s spy
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	reflection.Register(server)
	pages := withPolicy(t, s.connect())
	url, trust := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/grpc.reflection.") {
			server.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	}))
	r := execute(t.Context(), append([]string{"check", url, "--origin", page, "--audience", "storefront"}, trust...)...)
	assert.Equal(t, fine, r.status, r.stdout+r.stderr)
	assert.Contains(t, r.stdout, "/acme.shop.v1.CartService/AddItem")
	assert.Zero(t, s.calls.Load())
}

// A hostile server's reflection.
type hostile struct {
	reflectionv1.UnimplementedServerReflectionServer
	respond func(*reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error)
}

func (h hostile) ServerReflectionInfo(stream reflectionv1.ServerReflection_ServerReflectionInfoServer) error {
	for {
		request, err := stream.Recv()
		if err != nil {
			return nil
		}
		response, err := h.respond(request)
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

func list(names ...string) *reflectionv1.ServerReflectionResponse {
	l := &reflectionv1.ListServiceResponse{}
	for _, name := range names {
		l.Service = append(l.Service, &reflectionv1.ServiceResponse{Name: name})
	}
	return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: l}}
}

func descriptors(t *testing.T, files ...*descriptorpb.FileDescriptorProto) *reflectionv1.ServerReflectionResponse {
	t.Helper()
	var wire [][]byte
	for _, file := range files {
		b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(file)
		require.NoError(t, err)
		wire = append(wire, b)
	}
	return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &reflectionv1.FileDescriptorResponse{FileDescriptorProto: wire},
	}}
}

// Whatever a server sends, the command ends with an explanation that has nothing
// that a terminal would obey.
func TestReflectOfHostileServers(t *testing.T) {
	t.Parallel()
	const nasty = "\x1b[31m\u202e\u009b\r\n"
	type request = *reflectionv1.ServerReflectionRequest
	type response = *reflectionv1.ServerReflectionResponse
	service := func(name string) *descriptorpb.FileDescriptorProto {
		return &descriptorpb.FileDescriptorProto{Name: proto.String("a.proto"), Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String(name)}}}
	}
	for name, row := range map[string]struct {
		respond func(request) (response, error)
		want    string
	}{
		"an error": {func(request) (response, error) { return nil, status.Error(codes.Internal, nasty) }, `reflection: \u001b[31m\u202e\u009b`},
		"a long error": {func(request) (response, error) {
			return nil, status.Error(codes.Internal, strings.Repeat("long", 1000))
		}, "…: does the server have gRPC reflection"},
		"an error inside": {func(q request) (response, error) {
			if q.GetListServices() != "" {
				return list("a.B"), nil
			}
			return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_ErrorResponse{
				ErrorResponse: &reflectionv1.ErrorResponse{ErrorCode: int32(codes.NotFound), ErrorMessage: nasty},
			}}, nil
		}, `reflection: \u001b[31m`},
		"no services": {func(request) (response, error) { return list(), nil }, "has no files"},
		"a bad name": {func(q request) (response, error) {
			if q.GetListServices() != "" {
				return list(nasty), nil
			}
			return descriptors(t, service(nasty)), nil
		}, "127.0.0.1"},
		"a bad file name": {func(q request) (response, error) {
			if q.GetListServices() != "" {
				return list("B"), nil
			}
			a := service("B")
			a.Name = proto.String(nasty)
			a.Dependency = []string{nasty}
			return descriptors(t, a), nil
		}, "127.0.0.1"},
		"no descriptor": {func(q request) (response, error) {
			if q.GetListServices() != "" {
				return list("B"), nil
			}
			return &reflectionv1.ServerReflectionResponse{MessageResponse: &reflectionv1.ServerReflectionResponse_FileDescriptorResponse{
				FileDescriptorResponse: &reflectionv1.FileDescriptorResponse{FileDescriptorProto: [][]byte{[]byte(nasty)}},
			}}, nil
		}, "does the server have gRPC reflection"},
		"files without an end": {func(q request) (response, error) {
			if q.GetListServices() != "" {
				return list("B"), nil
			}
			file := service("B")
			name := q.GetFileByFilename() + "x"
			file.Name = proto.String(fmt.Sprint(len(name)))
			file.Dependency = []string{name}
			file.Options = &descriptorpb.FileOptions{GoPackage: proto.String(strings.Repeat("x", 3<<20))}
			return descriptors(t, file), nil
		}, "the descriptors of the server have no end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := grpc.NewServer()
			reflectionv1.RegisterServerReflectionServer(server, hostile{respond: row.respond})
			r := execute(t.Context(), "rules", "--reflect", serveGRPC(t, server))
			assert.Equal(t, failed, r.status)
			assert.Empty(t, r.stdout)
			assert.Contains(t, r.stderr, row.want)
			for _, c := range []string{"\x1b", "\u202e", "\u009b", "\r"} {
				assert.NotContains(t, r.stderr, c)
			}
		})
	}
}

func TestReflectExplains(t *testing.T) {
	t.Parallel()
	bare := grpc.NewServer()
	r := execute(t.Context(), "rules", "--reflect", serveGRPC(t, bare))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "unknown service grpc.reflection.v1alpha.ServerReflection: does the server have gRPC reflection, and HTTP/2?")

	silent := raw(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	r = execute(t.Context(), "rules", "--reflect", silent, "--timeout", "50ms")
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "deadline exceeded")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = execute(ctx, "rules", "--reflect", silent)
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "canceled")
}

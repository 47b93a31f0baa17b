package bench

import (
	"fmt"
	"slices"
	"time"

	connectcors "connectrpc.com/cors"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A Setup is what every subject is configured for: pages of some origins call
// the procedures of some services with tracing, an application's own metadata
// and, unless it is Anonymous, credentials.
type Setup struct {
	// Origins is how many are listed. The one that requests come from stands
	// in the middle: a library that searches its list meets the average.
	Origins int
	// Patterns makes all of them "https://*.tenant-0.example.org" and the like.
	Patterns bool
	// Procedures is how many the server has.
	Procedures int
	// Anonymous leaves credentials out: calls have no cookies.
	Anonymous bool
}

const maxAge = 2 * time.Hour

// The application's metadata. Its trailers have the form that the Connect
// protocol gives them and the one of gRPC-Web, where a list is written by hand.
var (
	requestHeaders   = append([]string{"Authorization", "X-Tenant-Id"}, corsrpc.TraceContextHeaders()...)
	responseHeaders  = []string{"X-Request-Id"}
	responseTrailers = []string{"X-Cost"}

	allowedMethods = connectcors.AllowedMethods()
	allowedHeaders = append(connectcors.AllowedHeaders(), requestHeaders...)
	exposedHeaders = append(connectcors.ExposedHeaders(), "X-Request-Id", "X-Cost", "Trailer-X-Cost")
)

func (s Setup) origins() []string {
	form := "https://tenant-%d.example.org"
	if s.Patterns {
		form = "https://*.tenant-%d.example.org"
	}
	origins := make([]string, s.Origins)
	for i := range origins {
		origins[i] = fmt.Sprintf(form, i)
	}
	return origins
}

// origin is that of a page that may call.
func (s Setup) origin() string {
	if s.Patterns {
		return fmt.Sprintf("https://pr-1234.tenant-%d.example.org", s.Origins/2)
	}
	return fmt.Sprintf("https://tenant-%d.example.org", s.Origins/2)
}

// stranger is the origin of a page that may not.
const stranger = "https://tenant.example.net"

// methods per service.
const methods = 10

// procedures are their paths.
func (s Setup) procedures() []string {
	paths := make([]string, s.Procedures)
	for i := range paths {
		paths[i] = fmt.Sprintf("/acme.bench%d.v1.BenchService/Method%d", i/methods, i%methods)
	}
	return paths
}

// procedure is the path of the one that is called.
func (s Setup) procedure() string { return s.procedures()[s.Procedures/2] }

// files are the descriptors of the procedures, all of them without side effects.
func (s Setup) files() (*protoregistry.Files, error) {
	files := new(protoregistry.Files)
	if err := files.RegisterFile(emptypb.File_google_protobuf_empty_proto); err != nil {
		return nil, err
	}
	for n, chunk := range slices.Collect(slices.Chunk(s.procedures(), methods)) {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String("BenchService")}
		for m := range chunk {
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name:       proto.String(fmt.Sprintf("Method%d", m)),
				InputType:  proto.String(".google.protobuf.Empty"),
				OutputType: proto.String(".google.protobuf.Empty"),
				Options:    &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()},
			})
		}
		file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name:       proto.String(fmt.Sprintf("acme/bench%d/v1/bench.proto", n)),
			Package:    proto.String(fmt.Sprintf("acme.bench%d.v1", n)),
			Syntax:     proto.String("proto3"),
			Dependency: []string{emptypb.File_google_protobuf_empty_proto.Path()},
			Service:    []*descriptorpb.ServiceDescriptorProto{service},
		}, files)
		if err != nil {
			return nil, err
		}
		if err := files.RegisterFile(file); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Config is the setup as corsrpc has it.
func (s Setup) Config() (corsrpc.Config, error) {
	files, err := s.files()
	return corsrpc.Config{
		Origins:          s.origins(),
		Credentials:      !s.Anonymous,
		RequestHeaders:   requestHeaders,
		ResponseHeaders:  responseHeaders,
		ResponseTrailers: responseTrailers,
		MaxAge:           maxAge,
		Files:            files,
	}, err
}

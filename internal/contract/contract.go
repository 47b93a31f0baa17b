// Package contract reads from protobuf descriptors what an RPC service offers
// to pages: its procedures, their kinds, and what the options of
// corsrpc/v1/options.proto declare for them.
package contract

import (
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A Service is what the schema says of one service.
type Service struct {
	Name    string // full name: "acme.shop.v1.CartService"
	Options Options
	Methods []Method // in the order of the schema
}

// A Method is what the schema says of one method.
type Method struct {
	Name            string // full name: "acme.shop.v1.CartService.AddItem"
	Procedure       string // "/acme.shop.v1.CartService/AddItem"
	ClientStreaming bool
	ServerStreaming bool
	// NoSideEffects is idempotency_level = NO_SIDE_EFFECTS.
	NoSideEffects bool
	Options       Options
}

// Unary reports whether neither side streams.
func (m *Method) Unary() bool { return !m.ClientStreaming && !m.ServerStreaming }

// Options are those of corsrpc.v1 at one level, service or method, as they are
// written there: names are not yet validated.
type Options struct {
	RequestHeaders   []string
	ResponseHeaders  []string
	ResponseTrailers []string
	Audience         string
	Internal         bool // ACCESS_INTERNAL
}

// Of returns what the schema says of the method with its service's options
// taken into account: lists are united, the method's audience replaces the
// service's, and a method is internal if either says so.
func (s *Service) Of(m *Method) Options {
	o := Options{
		RequestHeaders:   slices.Concat(s.Options.RequestHeaders, m.Options.RequestHeaders),
		ResponseHeaders:  slices.Concat(s.Options.ResponseHeaders, m.Options.ResponseHeaders),
		ResponseTrailers: slices.Concat(s.Options.ResponseTrailers, m.Options.ResponseTrailers),
		Audience:         m.Options.Audience,
		Internal:         s.Options.Internal || m.Options.Internal,
	}
	if o.Audience == "" {
		o.Audience = s.Options.Audience
	}
	return o
}

// Path returns the path below which the service's procedures are:
// "/acme.shop.v1.CartService/".
func (s *Service) Path() string { return "/" + s.Name + "/" }

// Infrastructure reports whether a service of this full name belongs to the
// RPC frameworks and not to the application: health, reflection and the like.
// The packages are exact, except for those below google: grpc.acme.v1 is an
// application's.
func Infrastructure(service string) bool {
	if strings.HasPrefix(service, "google.") {
		return true
	}
	// grpcreflect and grpchealth register copies of the descriptors under this
	// package, so that they do not clash with grpc-go's.
	name := strings.TrimPrefix(service, "connectext.")
	end := strings.LastIndexByte(name, '.')
	return end >= 0 && slices.Contains(infrastructure, name[:end])
}

var infrastructure = []string{
	"grpc.binarylog.v1",
	"grpc.channelz.v1",
	"grpc.health.v1",
	"grpc.lb.v1",
	"grpc.lookup.v1",
	"grpc.reflection.v1",
	"grpc.reflection.v1alpha",
}

// Services returns every service in files, sorted by name. Its error joins those
// of all whose options cannot be read.
func Services(files *protoregistry.Files) ([]Service, error) {
	var linked []protoreflect.ServiceDescriptor
	// Options are read after the iteration, which locks the global registry:
	// that is where generated descriptors look up what they refer to.
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			linked = append(linked, file.Services().Get(i))
		}
		return true
	})
	slices.SortFunc(linked, func(a, b protoreflect.ServiceDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	services := make([]Service, len(linked))
	var failures []error
	for i, sd := range linked {
		var err error
		if services[i], err = read(sd); err != nil {
			failures = append(failures, err)
		}
	}
	if failures != nil {
		return nil, errors.Join(failures...)
	}
	return services, nil
}

func read(sd protoreflect.ServiceDescriptor) (Service, error) {
	service := Service{Name: string(sd.FullName())}
	var failures error
	service.Options, failures = readOptions(sd, &descriptorpb.ServiceOptions{}, "corsrpc.v1.service")
	service.Methods = make([]Method, sd.Methods().Len())
	for i := range service.Methods {
		md := sd.Methods().Get(i)
		builtIn := &descriptorpb.MethodOptions{}
		options, err := readOptions(md, builtIn, "corsrpc.v1.method")
		failures = errors.Join(failures, err)
		service.Methods[i] = Method{
			Name:            string(md.FullName()),
			Procedure:       service.Path() + string(md.Name()),
			ClientStreaming: md.IsStreamingClient(),
			ServerStreaming: md.IsStreamingServer(),
			NoSideEffects:   builtIn.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS,
			Options:         options,
		}
	}
	return service, failures
}

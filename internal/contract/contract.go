// Package contract reads from protobuf descriptors what an RPC service offers
// to pages: its procedures, their kinds, and what the options of
// corsrpc/v1/options.proto declare of them.
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
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
func Infrastructure(service string) bool {
	return strings.HasPrefix(service, "grpc.") ||
		strings.HasPrefix(service, "google.") ||
		strings.HasPrefix(service, "connectext.")
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
	options := &descriptorpb.ServiceOptions{}
	failures := readOptions(sd, options, corsrpcv1.E_Service)
	if o, ok := proto.GetExtension(options, corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions); ok {
		service.Options = fromSchema(o)
	}
	service.Methods = make([]Method, sd.Methods().Len())
	for i := range service.Methods {
		md := sd.Methods().Get(i)
		options := &descriptorpb.MethodOptions{}
		failures = errors.Join(failures, readOptions(md, options, corsrpcv1.E_Method))
		method := Method{
			Name:            string(md.FullName()),
			Procedure:       service.Path() + string(md.Name()),
			ClientStreaming: md.IsStreamingClient(),
			ServerStreaming: md.IsStreamingServer(),
			NoSideEffects:   options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS,
		}
		if o, ok := proto.GetExtension(options, corsrpcv1.E_Method).(*corsrpcv1.MethodOptions); ok {
			method.Options = fromSchema(o)
		}
		service.Methods[i] = method
	}
	return service, failures
}

// readOptions copies a descriptor's options into one of the generated types,
// with our extension parsed. Those of descriptors that were built at run time
// may be of another Go type or hold the extension unparsed; the wire format is
// what all of them share.
//
// What it does not understand of the extension is an error: to pass over it
// could open what the schema closes.
func readOptions(d protoreflect.Descriptor, into proto.Message, extension protoreflect.ExtensionType) error {
	options := d.Options()
	if proto.Size(options) == 0 {
		return nil
	}
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true, Resolver: extensions}.Unmarshal(wire, into)
	}
	if err != nil {
		return fmt.Errorf("options of %s cannot be read: %w", d.FullName(), err)
	}
	name := extension.TypeDescriptor().FullName()
	if mentions(into.ProtoReflect().GetUnknown(), extension.TypeDescriptor().Number()) {
		return fmt.Errorf("options of %s cannot be read: field %d is not (%s); see that no other option has its number",
			d.FullName(), extension.TypeDescriptor().Number(), name)
	}
	if len(into.ProtoReflect().Get(extension.TypeDescriptor()).Message().GetUnknown()) > 0 {
		return fmt.Errorf("options of %s cannot be read: (%s) has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports",
			d.FullName(), name)
	}
	return nil
}

// mentions reports whether a field of this number is in valid wire format.
func mentions(wire []byte, number protowire.Number) bool {
	for len(wire) > 0 {
		n, _, length := protowire.ConsumeField(wire)
		if n == number || length < 0 {
			return true
		}
		wire = wire[length:]
	}
	return false
}

// extensions resolves ours only: whatever else stands in the options is kept
// unparsed.
var extensions = func() *protoregistry.Types {
	types := &protoregistry.Types{}
	for _, extension := range []protoreflect.ExtensionType{corsrpcv1.E_Service, corsrpcv1.E_Method} {
		if err := types.RegisterExtension(extension); err != nil {
			panic(err) // two extensions of one package have the same name
		}
	}
	return types
}()

// fromSchema takes either message: they have the same fields.
func fromSchema(o interface {
	GetRequestHeaders() []string
	GetResponseHeaders() []string
	GetResponseTrailers() []string
	GetAudience() string
	GetAccess() corsrpcv1.Access
}) Options {
	return Options{
		RequestHeaders:   o.GetRequestHeaders(),
		ResponseHeaders:  o.GetResponseHeaders(),
		ResponseTrailers: o.GetResponseTrailers(),
		Audience:         o.GetAudience(),
		// A value that this version does not know must not open anything.
		Internal: o.GetAccess() != corsrpcv1.Access_ACCESS_UNSPECIFIED,
	}
}

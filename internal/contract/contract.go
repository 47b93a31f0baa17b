// Package contract reads from protobuf descriptors what an RPC service offers
// to pages: its procedures, their kinds, and what the options of
// corsrpc/v1/options.proto declare of them.
package contract

import (
	"fmt"
	"slices"
	"strings"

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

// Services returns every service in files, sorted by name. It returns an error
// where the options of one cannot be read.
func Services(files *protoregistry.Files) ([]Service, error) {
	var services []Service
	var failure error
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service, err := read(file.Services().Get(i))
			if err != nil {
				failure = err
				return false
			}
			services = append(services, service)
		}
		return true
	})
	if failure != nil {
		return nil, failure
	}
	slices.SortFunc(services, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return services, nil
}

func read(sd protoreflect.ServiceDescriptor) (Service, error) {
	service := Service{Name: string(sd.FullName())}
	options := &descriptorpb.ServiceOptions{}
	if err := readOptions(sd, options); err != nil {
		return Service{}, err
	}
	if o, ok := proto.GetExtension(options, corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions); ok {
		service.Options = fromSchema(o)
	}
	service.Methods = make([]Method, sd.Methods().Len())
	for i := range service.Methods {
		md := sd.Methods().Get(i)
		options := &descriptorpb.MethodOptions{}
		if err := readOptions(md, options); err != nil {
			return Service{}, err
		}
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
	return service, nil
}

// readOptions copies a descriptor's options into one of the generated types,
// with our extensions parsed. Those of descriptors that were built at run time
// may be of another Go type or hold the extensions unparsed; the wire format
// is what all of them share.
func readOptions(d protoreflect.Descriptor, into proto.Message) error {
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
	return nil
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

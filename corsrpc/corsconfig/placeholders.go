package corsconfig

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// withPlaceholders returns a Config whose names are all registered, so that
// [corsrpc.New] judges what does not depend on the schema. There is one more
// service, which has no exceptions.
func withPlaceholders(config corsrpc.Config) corsrpc.Config {
	names := slices.Concat(config.Services, config.Except, slices.Collect(maps.Keys(config.Overrides)))
	slices.Sort(names)
	methods := map[string][]string{placeholder + ".Service": {"Method"}}
	for _, name := range slices.Compact(names) {
		service, method := cutLast(name)
		switch _, isMethod := methods[service]; {
		case !protoreflect.FullName(name).IsValid():
			// It cannot be the name of anything, which New reports.
		case isMethod:
			methods[service] = append(methods[service], method)
		default:
			methods[name] = nil // a method whose service has no other name in the files is much the same
		}
	}
	config.Files = new(protoregistry.Files)
	for _, service := range slices.Sorted(maps.Keys(methods)) {
		registerPlaceholder(config.Files, service, methods[service])
	}
	config.REST, config.Bindings = corsrpc.RESTNone, nil
	return config
}

const placeholder = "corsrpc.policy.v1.placeholder"

// registerPlaceholder leaves out a name that cannot be a service's beside the
// others, which New then reports.
func registerPlaceholder(files *protoregistry.Files, service string, methods []string) {
	pkg, name := cutLast(service)
	file := &descriptorpb.FileDescriptorProto{
		Name:    proto.String(service),
		Package: proto.String(pkg),
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String(name)}},
	}
	const message = placeholder + ".Message"
	for _, method := range methods {
		file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(method), InputType: proto.String("." + message), OutputType: proto.String("." + message),
		})
	}
	descriptor, err := protodesc.FileOptions{AllowUnresolvable: true}.New(file, files)
	if err == nil {
		_ = files.RegisterFile(descriptor) // as above
	}
}

// cutLast cuts a full name before its last dot.
func cutLast(name string) (parent, last string) {
	end := strings.LastIndexByte(name, '.')
	return name[:max(end, 0)], name[end+1:]
}

package corsconnectv2

import (
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Registered returns the services that are registered with a server, sorted, as
// [corsrpc.Config.Services] takes them, and the files that define them and that
// these import, as [corsrpc.Config.Files] takes them. With both, a policy
// governs what the server serves, wherever its schema came from, and does not
// depend on what else is linked into the program.
//
// The server needs its interceptors first, and those the policy. So begin with
// a policy that has no Config, which refuses everything to pages, and Update it
// when all handlers are registered; see the example.
//
// It is an error if no method is registered, if one has no schema from
// protobuf, or not that of its procedure, and if two files differ that have one
// path. Registered must not run at the same time as [connect.Server.Register].
func Registered(server *connect.Server) (files *protoregistry.Files, services []string, err error) {
	r := registration{files: new(protoregistry.Files), seen: map[string]protoreflect.FileDescriptor{}}
	for spec := range server.Specs() {
		r.add(spec)
	}
	if len(r.services) == 0 && len(r.errs) == 0 {
		r.errs = append(r.errs, errors.New("corsconnectv2: no method is registered with the server: call Registered after the generated Register functions"))
	}
	if len(r.errs) > 0 {
		return nil, nil, errors.Join(r.errs...)
	}
	slices.Sort(r.services)
	return r.files, slices.Compact(r.services), nil
}

// A registration is what is known of a server so far.
type registration struct {
	files    *protoregistry.Files
	seen     map[string]protoreflect.FileDescriptor // by path
	services []string
	errs     []error
}

func (r *registration) add(spec connect.Spec) {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		r.fail(spec, "has no schema from protobuf, but %T: register it through code that protoc-gen-connect-go generates, or leave it to another server", spec.Schema)
		return
	}
	service, ok := method.Parent().(protoreflect.ServiceDescriptor)
	if !ok || spec.Procedure != fmt.Sprintf("/%s/%s", service.FullName(), method.Name()) {
		r.fail(spec, "has the schema of %s: the policy takes rules from the schema and could not govern this path", method.FullName())
		return
	}
	if err := r.addFile(method.ParentFile()); err != nil {
		r.fail(spec, "%w", err)
		return
	}
	r.services = append(r.services, string(service.FullName()))
}

// addFile adds a file after those that it imports.
func (r *registration) addFile(file protoreflect.FileDescriptor) error {
	if known, ok := r.seen[file.Path()]; ok {
		if known != file {
			return fmt.Errorf("is defined by a second file %q, from another registry: build all handlers of a server from one", file.Path())
		}
		return nil
	}
	r.seen[file.Path()] = file
	imports := file.Imports()
	for i := range imports.Len() {
		// A placeholder stands for a file that was not linked. Rules do not
		// need it.
		if imported := imports.Get(i); !imported.IsPlaceholder() {
			if err := r.addFile(imported.FileDescriptor); err != nil {
				return err
			}
		}
	}
	return r.files.RegisterFile(file)
}

func (r *registration) fail(spec connect.Spec, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("corsconnectv2: %q "+format, append([]any{spec.Procedure}, args...)...))
}

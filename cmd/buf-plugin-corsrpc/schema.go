package main

import (
	"errors"
	"regexp"
	"slices"
	"strconv"

	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// A schema is one of the two that a request has.
type schema struct {
	set          *descriptorpb.FileDescriptorSet
	declarations []*declaration // in the order of the files
	byName       map[string]*declaration
	files        map[string]*file
	policy       *corsrpc.Policy // nil if there are mistakes
	mistakes     []*corsrpc.ConfigError
}

// A file is one .proto file.
type file struct {
	name     string
	isImport bool
	spans    map[string]bool // source paths that have a position, as text
}

// A declaration is a service or a method.
type declaration struct {
	name      string // full name
	file      *file
	path      protoreflect.SourcePath
	options   options
	extension protoreflect.FieldNumber // in the options of a service or method
	in        protoreflect.FieldNumber // the field of the options
	service   *declaration             // of a method
	methods   []*declaration           // of a service
	method    *descriptorpb.MethodDescriptorProto
}

// options are *corsrpcv1.ServiceOptions or *corsrpcv1.MethodOptions.
type options interface {
	proto.Message
	GetRequestHeaders() []string
	GetResponseHeaders() []string
	GetResponseTrailers() []string
	GetAudience() string
	GetAccess() corsrpcv1.Access
}

// The fields of both messages, which have the same numbers.
const (
	requestHeaders   = 1
	responseHeaders  = 2
	responseTrailers = 3
	audience         = 4
	access           = 5
)

// lists are the fields with names of headers and trailers.
var lists = []protoreflect.FieldNumber{requestHeaders, responseHeaders, responseTrailers}

// fieldName returns a field as the schema spells it.
func fieldName(field protoreflect.FieldNumber) string {
	return string((*corsrpcv1.MethodOptions)(nil).ProtoReflect().Descriptor().Fields().ByNumber(field).Name())
}

// list returns the names in one of lists.
func (d *declaration) list(field protoreflect.FieldNumber) []string {
	switch field {
	case requestHeaders:
		return d.options.GetRequestHeaders()
	case responseHeaders:
		return d.options.GetResponseHeaders()
	default:
		return d.options.GetResponseTrailers()
	}
}

// internal reports whether pages are kept out of a method or of all of a
// service. A value that this version does not know keeps them out too.
func (d *declaration) internal() bool {
	return d.options.GetAccess() != corsrpcv1.Access_ACCESS_UNSPECIFIED || d.service != nil && d.service.internal()
}

// audience returns the label that holds for a method.
func (d *declaration) audience() string {
	if label := d.options.GetAudience(); label != "" || d.service == nil {
		return label
	}
	return d.service.audience()
}

// newSchema reads descriptors. Its error is that of options that cannot be
// read; mistakes that New finds are kept.
func newSchema(descriptors []descriptor.FileDescriptor) (*schema, error) {
	set := &descriptorpb.FileDescriptorSet{}
	imports := make(map[string]bool)
	for _, d := range descriptors {
		// Options can be of any Go type, or unparsed: read their bytes, with
		// the types that this program links.
		wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(d.FileDescriptorProto())
		if err != nil {
			return nil, err
		}
		one := &descriptorpb.FileDescriptorProto{}
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, one); err != nil {
			return nil, err
		}
		set.File = append(set.File, one)
		imports[one.GetName()] = d.IsImport()
	}
	policy, err := newPolicy(set, corsrpc.RESTGateway)
	mistakes := mistakesIn(err)
	if err != nil && mistakes == nil {
		return nil, err
	}
	s := readSet(set, imports)
	s.policy, s.mistakes = policy, mistakes
	return s, nil
}

// readSet returns the declarations of a set whose options can be read.
func readSet(set *descriptorpb.FileDescriptorSet, imports map[string]bool) *schema {
	s := &schema{set: set, byName: make(map[string]*declaration), files: make(map[string]*file)}
	for _, one := range set.File {
		s.addFile(one, imports[one.GetName()])
	}
	return s
}

// newPolicy returns the policy of a schema alone. One without services lets
// pages call nothing.
func newPolicy(set *descriptorpb.FileDescriptorSet, rest corsrpc.REST) (*corsrpc.Policy, error) {
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	config, err := corsdiff.SchemaConfig(files)
	if err != nil {
		return nil, err
	}
	config.REST = rest
	policy, err := corsrpc.New(config)
	if mistakes := mistakesIn(err); len(mistakes) == 1 && mistakes[0].Field == "Services" {
		return new(corsrpc.Policy), nil // there are none
	}
	return policy, err
}

// mistakesIn returns the parts of an error of New, or nil if it is none.
func mistakesIn(err error) []*corsrpc.ConfigError {
	var found []*corsrpc.ConfigError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if mistake, ok := errors.AsType[*corsrpc.ConfigError](err); ok {
				found = append(found, mistake)
			}
		}
	}
	return found
}

// The fields of descriptor.proto that lead to options.
const (
	servicesOfFile   = 6
	methodsOfService = 2
	optionsOfService = 3
	optionsOfMethod  = 4
	idempotencyLevel = 34
	googleAPIHTTP    = 72295728
)

func (s *schema) addFile(one *descriptorpb.FileDescriptorProto, isImport bool) {
	f := &file{name: one.GetName(), isImport: isImport, spans: make(map[string]bool)}
	s.files[f.name] = f
	for _, location := range one.GetSourceCodeInfo().GetLocation() {
		f.spans[text(location.GetPath())] = true
	}
	scope := one.GetPackage()
	if scope != "" {
		scope += "."
	}
	for i, sd := range one.GetService() {
		extended, _ := proto.GetExtension(sd.GetOptions(), corsrpcv1.E_Service).(*corsrpcv1.ServiceOptions)
		service := &declaration{
			name: scope + sd.GetName(), file: f, path: protoreflect.SourcePath{servicesOfFile, int32(i)},
			options: extended, extension: corsrpcv1.E_Service.TypeDescriptor().Number(), in: optionsOfService,
		}
		s.add(service)
		for j, md := range sd.GetMethod() {
			extended, _ := proto.GetExtension(md.GetOptions(), corsrpcv1.E_Method).(*corsrpcv1.MethodOptions)
			method := &declaration{
				name: service.name + "." + md.GetName(), file: f, path: below(service.path, methodsOfService, int32(j)),
				options: extended, extension: corsrpcv1.E_Method.TypeDescriptor().Number(), in: optionsOfMethod,
				service: service, method: md,
			}
			service.methods = append(service.methods, method)
			s.add(method)
		}
	}
}

func (s *schema) add(d *declaration) {
	s.declarations = append(s.declarations, d)
	s.byName[d.name] = d
}

// A name is an element of one of lists.
type name struct {
	of      string // full name of a service or method
	field   protoreflect.FieldNumber
	element int
}

var fieldOfMistake = regexp.MustCompile(`^\(corsrpc\.v1\.(?:service|method)\)\.(\w+)\[(\d+)\] of (.+)$`)

// nameOf returns the name that a mistake is about, if it is about one.
func nameOf(mistake *corsrpc.ConfigError) (name, bool) {
	match := fieldOfMistake.FindStringSubmatch(mistake.Field)
	if match == nil {
		return name{}, false
	}
	element, err := strconv.Atoi(match[2])
	for _, field := range lists {
		if err == nil && fieldName(field) == match[1] {
			return name{match[3], field, element}, true
		}
	}
	return name{}, false
}

// withoutMistakes returns the policy of a schema without the names that New does
// not accept, which lint rules report: pages can neither send nor read them.
func (s *schema) withoutMistakes(rest corsrpc.REST) (*corsrpc.Policy, error) {
	if s.policy != nil {
		return s.policy, nil
	}
	valid := readSet(proto.CloneOf(s.set), nil)
	for _, mistake := range slices.Backward(s.mistakes) { // the last element first
		if n, ok := nameOf(mistake); ok {
			valid.byName[n.of].remove(n)
		}
	}
	return newPolicy(valid.set, rest)
}

// remove takes a name out of its list.
func (d *declaration) remove(n name) {
	message := d.options.ProtoReflect()
	list := message.Mutable(message.Descriptor().Fields().ByNumber(n.field)).List()
	for i := n.element; i+1 < list.Len(); i++ {
		list.Set(i, list.Get(i+1))
	}
	list.Truncate(list.Len() - 1)
}

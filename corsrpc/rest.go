package corsrpc

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A REST says how the REST bindings of the schema, google.api.http, are served
// beside the procedures.
type REST uint8

const (
	// RESTUnspecified makes New fail if a governed method has a binding: a
	// gateway would serve the method under a path without a rule.
	RESTUnspecified REST = iota
	// RESTNone means that nothing serves bindings behind this policy.
	RESTNone
	// RESTGateway means that grpc-gateway v2 serves them. Metadata also
	// travels under names with the prefix Grpc-Metadata-.
	RESTGateway
	// RESTTranscoding means that Vanguard serves them, or Envoy's transcoder.
	// Metadata travels under its own names, without a prefix.
	RESTTranscoding
)

var restTexts = []string{"unspecified", "none", "gateway", "transcoding"}

// String returns the value as one word, such as gateway.
func (r REST) String() string { return enumText(r, restTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (r REST) MarshalText() ([]byte, error) { return marshalEnum(r, restTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *REST) UnmarshalText(text []byte) error { return unmarshalEnum(r, restTexts, text) }

// table returns what is known of the gateways, or nil if nothing serves
// bindings.
func (r REST) table() *protocol.REST {
	switch r {
	case RESTGateway:
		return &protocol.Gateway
	case RESTTranscoding:
		return &protocol.Transcoding
	}
	return nil
}

// readREST checks REST and Bindings and finds the bindings of all services that
// have rules.
func (c *compiler) readREST() {
	at := c.mistakes.place(inREST)
	if int(c.config.REST) >= len(restTexts) {
		c.mistakes.add(at, "REST", c.config.REST.String(), "is not a value: write RESTNone, RESTGateway or RESTTranscoding")
	}
	c.rest = c.config.REST.table()
	c.bindings = make(map[string][]listedBinding)
	outside := c.readBindings()
	if c.config.REST == RESTNone {
		return
	}
	unspecified := ""
	selected := [][]contract.Service{c.governed}
	if c.rest != nil {
		selected = append(selected, c.closed)
	}
	for _, services := range selected {
		for i := range services {
			for j := range services[i].Methods {
				method := services[i].Methods[j].Name
				bindings := append(c.schemaBindings(method), outside[method]...)
				c.bindings[method] = bindings
				if len(bindings) > 0 && unspecified == "" {
					unspecified = method + " has the binding " + quote(bindings[0].String())
				}
			}
		}
	}
	if c.config.REST == RESTUnspecified && unspecified != "" {
		c.mistakes.add(at, "REST", "", "is not set, and "+unspecified+": write RESTGateway or RESTTranscoding for what serves it, or RESTNone if nothing does")
	}
}

// A listedBinding is a binding of a method, and where it stands.
type listedBinding struct {
	httprule.Binding
	at     place
	source string
}

// readBindings reads Config.Bindings.
func (c *compiler) readBindings() map[string][]listedBinding {
	read := make(map[string][]listedBinding)
	for _, name := range slices.Sorted(maps.Keys(c.config.Bindings)) {
		fieldName := "Bindings[" + quote(name) + "]"
		at := c.mistakes.place(inBindings)
		method := c.method(name)
		switch {
		case !c.names[name] || method == nil:
			c.mistakes.add(at, fieldName, "", "is not a method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem")
			continue
		case c.rest == nil:
			c.mistakes.add(at, fieldName, "", "has no effect without REST: set REST to RESTGateway or RESTTranscoding, or leave it out")
			continue
		}
		for i, text := range c.config.Bindings[name] {
			element := fmt.Sprintf("%s[%d]", fieldName, i)
			at := c.mistakes.place(inBindings)
			binding, err := httprule.ParseBinding(text)
			if err == nil {
				err = binding.Check(method)
			}
			if err != nil {
				c.mistakes.add(at, element, text, err.Error())
				continue
			}
			read[name] = append(read[name], listedBinding{binding, at, element})
		}
	}
	return read
}

// schemaBindings returns the bindings that the schema declares for a method.
func (c *compiler) schemaBindings(name string) []listedBinding {
	method := c.method(name)
	if method == nil {
		return nil
	}
	at := c.mistakes.place(inSchema)
	bindings, err := httprule.Bindings(method)
	if err != nil {
		c.mistakes.add(at, "Files", "", err.Error())
		return nil
	}
	listed := make([]listedBinding, len(bindings))
	for i, binding := range bindings {
		listed[i] = listedBinding{binding, at, "(google.api.http) of " + name}
	}
	return listed
}

// method returns a method's descriptor, or nil if there is none.
func (c *compiler) method(name string) protoreflect.MethodDescriptor {
	files := c.config.Files
	if files == nil {
		files = protoregistry.GlobalFiles
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	method, _ := d.(protoreflect.MethodDescriptor)
	return method
}

// addBindings adds the rules of a method's bindings: those of its procedure, in
// the spelling of the gateway.
func (c *compiler) addBindings(l level, method *contract.Method, procedure *Rule) {
	if c.rest == nil {
		return
	}
	for _, binding := range c.bindings[method.Name] {
		r := *procedure
		r.Match, r.Path, r.Procedure = MatchBinding, c.config.PathPrefix+binding.Template.String(), method.Procedure
		r.Links = l.links && !l.internal && (binding.Method == "GET" || binding.Method == "*")
		r.from.binding = &binding.Binding
		r.from.methods = []Grant{{GrantMethod, binding.Method, binding.source}}
		if binding.Method == "*" {
			r.from.methods = nil
			for _, name := range anyMethods {
				r.from.methods = append(r.from.methods, Grant{GrantMethod, name, binding.source})
			}
		}
		r.from.requestHeaders = c.bindingRequestList(l)
		r.from.responseHeaders = c.bindingResponseList(l)
		key := binding.Method + " " + binding.Template.Shape()
		if other, ok := c.shapes[key]; ok {
			c.mistakes.add(binding.at, binding.source, binding.String(), "is the same binding as "+other+": gateways serve one of them alone, so remove the other")
			continue
		}
		if _, err := httprule.NewIndex(c.config.PathPrefix, []httprule.Entry{{Binding: binding.Binding}}); err != nil && checkPathPrefix(c.config.PathPrefix) == "" {
			c.mistakes.add(binding.at, binding.source, binding.String(), "has too many segments below PathPrefix: shorten it, or the prefix")
			continue
		}
		c.shapes[key] = quote(binding.String()) + " of " + method.Name
		c.rules = append(c.rules, *r.finish())
	}
}

// anyMethods are the methods of a binding that is for all: a custom pattern of
// the kind "*".
var anyMethods = []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}

// checkOverlaps reports bindings whose own pages could not reach them, since
// every path of theirs is also another's, and both must let a call pass.
func (c *compiler) checkOverlaps() {
	var bindings []*Rule
	for i := range c.rules {
		if c.rules[i].Match == MatchBinding {
			bindings = append(bindings, &c.rules[i])
		}
	}
	if len(bindings) == 0 {
		return
	}
	index := newBindingIndex(c.config.PathPrefix, bindings)
	for _, r := range bindings {
		if len(r.Origins) == 0 {
			continue
		}
		// A path of the template that is as unlike others as can be.
		path := c.config.PathPrefix + r.from.binding.Template.Sample("corsrpc-any-segment")
		var matches httprule.Matches
		index.Match(path, "", &matches)
		matches.Select(httprule.NewMethod(r.Methods[0], nil))
		for i := range matches.Len() {
			id, exact := matches.At(i)
			other := bindings[id]
			if problem := r.conflictsWith(other); exact && problem != "" {
				c.mistakes.add(c.mistakes.place(inSchema), r.from.methods[0].Source, r.from.binding.String(),
					"cannot be called: every path of it is also one of "+quote(other.from.binding.String())+" of "+other.Procedure+", which "+problem+"; give both methods the same permissions, or change one template")
				break
			}
		}
	}
}

// conflictsWith returns why pages of r could not call it if they must be
// allowed by other too.
func (r *Rule) conflictsWith(other *Rule) string {
	switch {
	case r.Procedure == other.Procedure:
		return ""
	case other.Internal:
		return "is internal"
	case r.Credentials && !other.Credentials:
		return "does not allow credentials"
	}
	for _, o := range r.from.origins.entries {
		if !other.from.origins.set.Covers(o.Entry) {
			return "does not list " + quote(o.String())
		}
	}
	return ""
}

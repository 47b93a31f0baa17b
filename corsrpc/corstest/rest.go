package corstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

const (
	// RESTGateway is REST through grpc-gateway, under the bindings of
	// google.api.http. Metadata has names that begin with Grpc-Metadata-, except
	// for request headers such as Authorization that grpc-gateway passes on as
	// they are. If the gateway's header matchers leave names alone, use
	// [RESTTranscoding].
	//
	// Bindings for methods that scripts cannot use, such as TRACE, are left out.
	// Those for every method are checked with GET and POST.
	RESTGateway Protocol = "REST (grpc-gateway)"
	// RESTTranscoding is REST through Vanguard or Envoy's transcoder, under the
	// bindings of google.api.http. Metadata has its own names.
	RESTTranscoding Protocol = "REST (transcoding)"
)

// WithBindings adds REST bindings that stand outside the schema, such as those of
// grpc-gateway's configuration file, to those of a method, by full name. Each is
// an HTTP method and a path template: "POST /v1/admin:purge". Those for POST, PUT
// and PATCH are taken to have a body.
func WithBindings(method string, bindings ...string) CheckOption {
	return checkOption(func(s *settings) {
		if s.check.bindings == nil {
			s.check.bindings = map[string][]string{}
		}
		s.check.bindings[method] = append(s.check.bindings[method], bindings...)
	})
}

// WithLinks expects that other sites can link to the REST bindings of these
// methods that are for GET, or show them as images: browsers send such requests
// without Origin. names are full names as in [Declare]. Scripts of an origin that
// must not reach the methods are refused all the same.
func WithLinks(names ...string) CheckOption {
	return checkOption(func(s *settings) { s.check.links = append(s.check.links, names...) })
}

// restDialects are those of fetch() with JSON. Gateways also read Grpc-Timeout or
// X-Server-Timeout, but no client for browsers sends them, so servers need not
// allow them.
var restDialects = []*dialect{
	{name: RESTGateway, table: &protocol.Protocol{}, rest: &protocol.Gateway, compression: []string{"Content-Encoding"}},
	{name: RESTTranscoding, table: &protocol.Protocol{}, rest: &protocol.Transcoding, compression: []string{"Content-Encoding"}},
}

// restTimeouts are the headers by which gateways end a request before they call a
// method if the value is not a time: grpc-gateway reads the first
// (runtime/context.go) and Vanguard the second (protocol_rest.go). Each ignores
// the other's.
var restTimeouts = []string{"Grpc-Timeout", "X-Server-Timeout"}

// restQuery names a field that no message has: Vanguard and Envoy end a request
// for it.
const restQuery = "corstest.no_field=1"

// sampleValue stands for each wildcard of a template. It is valid for fields of
// all types that can stand in a path: numbers, booleans, strings and enumerations.
const sampleValue = "1"

// through returns the dialect for one binding.
func (d *dialect) through(binding httprule.Binding) *dialect {
	bound := *d
	bound.binding, bound.method = &binding, binding.Method
	return &bound
}

// path returns where the dialect calls a procedure.
func (d *dialect) path(m *contract.Method) string {
	if d.rest != nil {
		return d.binding.Template.Sample(sampleValue)
	}
	return m.Procedure
}

// ways returns the ways in which pages call the method in the protocols that are
// checked.
func (c *checker) ways(m *contract.Method) (ways []*dialect) {
	for _, d := range c.protocols {
		switch {
		case d.rest != nil:
			for _, binding := range c.bindings[m.Name] {
				ways = append(ways, d.through(binding))
			}
		case d.calls(m):
			ways = append(ways, d)
		}
	}
	return ways
}

// readBindings reads the bindings of all methods, if they matter.
func (c *checker) readBindings() error {
	rest := slices.ContainsFunc(c.protocols, func(d *dialect) bool { return d.rest != nil })
	if !rest && c.check.protocols != nil {
		if len(c.check.bindings) > 0 {
			return errors.New("WithBindings has no effect without RESTGateway or RESTTranscoding: add one of them to WithProtocols")
		}
		return nil
	}
	c.bindings = map[string][]httprule.Binding{}
	outside := map[string]bool{}
	for name := range c.check.bindings {
		outside[name] = true
	}
	var mistakes []error
	for _, service := range c.contracts.services {
		for i := range service.Methods {
			name := service.Methods[i].Name
			delete(outside, name)
			all, err := c.bindingsOf(name)
			mistakes = append(mistakes, err)
			for _, binding := range all {
				c.bindings[name] = append(c.bindings[name], usable(binding)...)
			}
		}
	}
	for _, name := range sortedKeys(outside) {
		mistakes = append(mistakes, fmt.Errorf(
			"WithBindings: %q is not a linked method: write a full name, such as acme.shop.v1.CartService.AddItem, and import the generated code", name))
	}
	return errors.Join(mistakes...)
}

// bindingsOf returns the bindings of one method.
func (c *checker) bindingsOf(name string) ([]httprule.Binding, error) {
	d, err := c.contracts.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	method, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a method", name)
	}
	all, err := httprule.Bindings(method)
	mistakes := []error{err}
	for _, text := range c.check.bindings[name] {
		binding, err := httprule.ParseBinding(text)
		if err == nil {
			err = binding.Check(method)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("WithBindings: %q: %w", name, err))
			continue
		}
		switch binding.Method { // only the schema can declare a body
		case http.MethodPost, http.MethodPut, http.MethodPatch, "*":
			binding.Body = "*"
		}
		all = append(all, binding)
	}
	return all, errors.Join(mistakes...)
}

// usable returns the bindings by whose methods pages can call: none for a method
// that scripts cannot use, and two for a binding of every method.
func usable(binding httprule.Binding) []httprule.Binding {
	if binding.Method == "*" {
		get, post := binding, binding
		get.Method, post.Method = http.MethodGet, http.MethodPost
		return []httprule.Binding{get, post}
	}
	if httpmethod.IsForbidden(binding.Method) {
		return nil
	}
	return []httprule.Binding{binding}
}

// undecidedREST returns an error if the server has a binding of the services, and
// the test leaves open whether bindings are checked.
func (c *checker) undecidedREST(ctx context.Context, services []contract.Service) error {
	if c.check.protocols != nil {
		return nil
	}
	for _, service := range services {
		for i := range service.Methods {
			m := &service.Methods[i]
			for _, binding := range c.bindings[m.Name] {
				found, _, err := c.compare(ctx, restDialects[0].through(binding), m, true)
				if err == nil && found == present {
					return fmt.Errorf("the server has the REST binding %q of %s: list RESTGateway (grpc-gateway) or RESTTranscoding (Vanguard, Envoy) in WithProtocols beside the others, or the others alone to leave bindings out",
						binding, m.Name)
				}
			}
		}
	}
	return nil
}

// isUnrouted reports whether a gateway responds with this status where it has no
// binding: grpc-gateway with 501 if the path has bindings of other methods.
func isUnrouted(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}

// takesBody reports whether requests of the binding have a body.
func (d *dialect) takesBody() bool {
	return d.binding.Body != "" && d.method != http.MethodGet && d.method != http.MethodHead
}

// requestName returns the name under which a page sends metadata.
func (d *dialect) requestName(name string) string {
	name = headername.Canonical(name)
	if d.rest == nil || d.rest.MetadataPrefix == "" || slices.Contains(permanentHeaders, name) || strings.HasPrefix(name, d.rest.MetadataPrefix) {
		return name
	}
	return d.rest.MetadataPrefix + name
}

// permanentHeaders are those that grpc-gateway takes for metadata as they are, of
// those that pages can send (isPermanentHTTPHeader in runtime/context.go).
var permanentHeaders = []string{
	"Accept", "Accept-Language", "Accept-Ranges", "Authorization", "Cache-Control", "Content-Type", "From", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Schedule-Tag-Match", "If-Unmodified-Since", "Max-Forwards", "Pragma", "User-Agent", "Warning",
}

// responseNames returns the names under which a page finds metadata. Trailers do
// not reach pages: grpc-gateway sends them only to clients that ask with TE, and
// JSON has no place for them.
func (d *dialect) responseNames(headers []string) []string {
	names := make([]string, len(headers))
	for i, name := range headers {
		names[i] = d.rest.MetadataPrefix + headername.Canonical(name)
	}
	return names
}

// bindingRequest returns a call that reaches no method.
func (p *probe) bindingRequest(header http.Header) Request {
	r := Request{
		Method:      p.dialect.method,
		URL:         p.check.url + p.check.prefix + p.path(&p.method.Method) + "?" + restQuery,
		Header:      header,
		Credentials: p.credentials,
	}
	if p.takesBody() {
		r.Body = strings.NewReader("{") // cut off
	}
	return r
}

// bindingAttempts are the requests of strangers that browsers send without asking
// the server, beside those of attempts.
func (p *probe) bindingAttempts() (attempts []Request) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	simple := func(mode Mode, header http.Header) {
		r := p.bindingRequest(header)
		r.Method, r.Mode, r.Credentials = http.MethodPost, mode, CredentialsInclude
		if r.Body == nil {
			r.Body = strings.NewReader("")
		}
		attempts = append(attempts, r)
	}
	switch p.dialect.method {
	case http.MethodGet:
		// grpc-gateway serves a form that is posted as GET.
		simple(ModeNavigate, form)
	case http.MethodPost:
		// grpc-gateway takes any type for JSON, and Vanguard none, which is that
		// of a Blob without a type.
		simple(ModeNoCORS, http.Header{"Content-Type": {"text/plain"}})
		simple(ModeNoCORS, nil)
		simple(ModeNavigate, form)
	case http.MethodHead:
		r := p.bindingRequest(nil)
		r.Mode, r.Credentials = ModeNoCORS, CredentialsInclude
		attempts = append(attempts, r)
	}
	return attempts
}

// isLinked reports whether other sites may link to the method.
func (p *probe) isLinked() bool {
	return p.rest != nil && slices.ContainsFunc(p.check.links, func(name string) bool {
		return name == "*" || name == p.method.service.Name || name == p.method.Name
	})
}

package corstest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// Metadata has the names of what an application sends beside its messages.
// Trailers have their own names, without the prefix that Connect adds.
type Metadata struct {
	RequestHeaders   []string
	ResponseHeaders  []string // and error metadata
	ResponseTrailers []string
}

// Declare adds to the metadata that the schema declares with the options of
// corsrpc.v1. name is the full name of a service or a method, such as
// "acme.shop.v1.CartService" or "acme.shop.v1.CartService.AddItem", or "*" for
// every service. A name that no linked service has is an error of [Browser.Err]
// and of a [Check].
func Declare(name string, m Metadata) Option {
	return option(func(s *settings) {
		if s.contracts.declared == nil {
			s.contracts.declared = map[string]Metadata{}
		}
		all := s.contracts.declared[name]
		all.add(m)
		s.contracts.declared[name] = all
	})
}

// WithFiles reads services from files. The default is
// [protoregistry.GlobalFiles], where generated code registers them.
func WithFiles(files *protoregistry.Files) Option {
	return option(func(s *settings) { s.contracts.files = files })
}

func (m *Metadata) add(other Metadata) {
	m.RequestHeaders = union(m.RequestHeaders, other.RequestHeaders)
	m.ResponseHeaders = union(m.ResponseHeaders, other.ResponseHeaders)
	m.ResponseTrailers = union(m.ResponseTrailers, other.ResponseTrailers)
}

// union appends the names that are not there yet, in the form of
// [headername.Canonical].
func union(names, more []string) []string {
	names = slices.Clone(names)
	for _, name := range more {
		if name = headername.Canonical(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// contracts are what is declared of procedures, by the schema and by the test.
type contracts struct {
	files    *protoregistry.Files
	declared map[string]Metadata // by full name, or "*"

	once     sync.Once
	services []contract.Service
	methods  map[string]method // by procedure
	err      error
}

// A method is one procedure with its service.
type method struct {
	contract.Method
	service *contract.Service
}

// load reads the schema once; generated code has registered it by the time
// that anything is fetched.
func (c *contracts) load() {
	c.once.Do(func() {
		c.services, c.err = contract.Services(c.files)
		c.methods = map[string]method{}
		for i := range c.services {
			service := &c.services[i]
			for _, m := range service.Methods {
				c.methods[m.Procedure] = method{m, service}
			}
		}
	})
}

// check returns an error for each of the names, given to the option, that is
// not "*" and that no linked service or method has.
func (c *contracts) check(option string, names []string) error {
	c.load()
	var mistakes []error
	for _, name := range names {
		known := name == "*" || slices.ContainsFunc(c.services, func(s contract.Service) bool {
			return s.Name == name || slices.ContainsFunc(s.Methods, func(m contract.Method) bool { return m.Name == name })
		})
		if !known {
			mistakes = append(mistakes, fmt.Errorf(
				"%s: %q is not a linked service or method: write a full name, such as acme.shop.v1.CartService.AddItem, and import the generated code", option, name))
		}
	}
	return errors.Join(mistakes...)
}

// checkDeclared returns an error for each name of [Declare] that is none, and
// for metadata that cannot be.
func (c *contracts) checkDeclared() error {
	names := slices.Sorted(maps.Keys(c.declared))
	mistakes := []error{c.check("Declare", names)}
	for _, name := range names {
		m := c.declared[name]
		for _, header := range m.RequestHeaders {
			if !headername.IsToken(header) || headername.IsForbiddenRequest(header) || headername.IsAccessControl(header) {
				mistakes = append(mistakes, fmt.Errorf("Declare: %q: pages cannot send the header %q: leave it out", name, header))
			}
		}
		for _, header := range slices.Concat(m.ResponseHeaders, m.ResponseTrailers) {
			if !headername.IsToken(header) || headername.IsForbiddenResponse(header) || headername.IsAccessControl(header) {
				mistakes = append(mistakes, fmt.Errorf("Declare: %q: pages cannot read the header %q, whatever is exposed: leave it out", name, header))
			}
		}
	}
	return errors.Join(mistakes...)
}

// find returns the procedure that a URL's path ends with.
func (c *contracts) find(path string) (method, bool) {
	c.load()
	name := strings.LastIndexByte(path, '/')
	if name <= 0 {
		return method{}, false
	}
	service := strings.LastIndexByte(path[:name], '/')
	if service < 0 {
		return method{}, false
	}
	m, ok := c.methods[path[service:]]
	return m, ok
}

// of returns everything that is declared of a procedure.
func (c *contracts) of(m method) Metadata {
	var all Metadata
	schema := m.service.Of(&m.Method)
	all.add(Metadata{schema.RequestHeaders, schema.ResponseHeaders, schema.ResponseTrailers})
	for _, name := range []string{"*", m.service.Name, m.Name} {
		all.add(c.declared[name])
	}
	return all
}

// ofAnything returns what is declared of everything, for responses of what is no
// procedure of the schema.
func (c *contracts) ofAnything() Metadata {
	var all Metadata
	all.add(c.declared["*"])
	return all
}

// notExposed returns the headers of a response that a page needs and does not
// see.
func (f *fetch) notExposed(exchange *Exchange, resp, visible http.Header) []*BlockedError {
	if f.tainting != TypeCORS {
		return nil
	}
	m, known := f.b.contracts.find(f.url().Path)
	declared := f.b.contracts.ofAnything()
	unary := true
	if known {
		declared = f.b.contracts.of(m)
		unary = m.Unary()
	}
	needed := slices.Clone(declared.ResponseHeaders)
	if called := calledProtocol(exchange.RequestHeader, f.url().Query().Get("connect"), resp); called != nil {
		needed = append(needed, called.ResponseHeaders...)
		needed = append(needed, called.TrailersInHeader(unary, declared.ResponseTrailers)...)
		if called == &protocol.Connect {
			// Whatever a handler sends as a trailer is meant for the caller.
			for name := range resp {
				if strings.HasPrefix(name, protocol.Connect.UnaryTrailers.Prefix) {
					needed = append(needed, name)
				}
			}
		}
	}
	var hidden []*BlockedError
	for _, name := range union(nil, needed) {
		if len(resp.Values(name)) > 0 && len(visible.Values(name)) == 0 && !headername.IsForbiddenResponse(name) {
			hidden = append(hidden, f.blocked(ResponseHeaderNotExposed, resp, name))
		}
	}
	slices.SortFunc(hidden, func(a, b *BlockedError) int { return strings.Compare(a.Name, b.Name) })
	return hidden
}

// calledProtocol returns the RPC protocol of a request, nil if it has none.
func calledProtocol(request http.Header, connectParameter string, resp http.Header) *protocol.Protocol {
	contentType := request.Get("Content-Type")
	switch {
	case isGRPCWeb(contentType) || isGRPCWeb(resp.Get("Content-Type")):
		return &protocol.GRPCWeb
	case strings.HasPrefix(contentType, protocol.Connect.StreamContentType):
		return &connectStream
	case request.Get("Connect-Protocol-Version") != "" || connectParameter != "":
		return &protocol.Connect
	}
	return nil
}

// connectStream is Connect without trailers among the headers: those of streams
// are in the body, whatever the schema declares.
var connectStream = protocol.Protocol{Name: protocol.Connect.Name}

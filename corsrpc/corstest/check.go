package corstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// Check reports, for every procedure of the linked services and in every
// protocol that pages speak, whether a page of this origin can call it and read
// the response. The handler is the whole server, middleware included; any CORS
// library will do.
//
// What to expect comes from the schema, where services and methods carry the
// options of corsrpc.v1, and from [Declare]:
//
//   - the server must allow the metadata that pages send, and the headers that
//     RPC clients for browsers send themselves, those of timeouts included;
//   - it must expose response headers, error metadata and trailers, under the
//     names that each protocol gives them, and the status headers of gRPC-Web;
//   - pages must not reach methods with ACCESS_INTERNAL, those of an audience
//     that the origin does not belong to ([WithAudiences]), or anything at all if
//     the origin is a stranger ([WithNoAccess]). It is not enough that the page
//     cannot read the response: where the preflight passes, and for GET, which has
//     none, the procedure runs. So the server must refuse the request itself, in
//     every way in which a page can make a browser send it;
//   - where responses to GET differ by origin, they must have "Vary: Origin".
//
// Check runs no procedure. Each request has marks that make every RPC server
// respond before it runs a handler: a message codec and a compression that no
// server knows, a timeout that is not one, and a body that is cut off. So Check
// sees what the server does to a request before its handler runs, and infers the
// rest: a 415 that exposes no X-Cost is taken as a sign that no response
// does. [WithCalls] makes real calls, and replaces inferences by facts.
//
// With [RESTGateway] or [RESTTranscoding] among the protocols, Check also judges
// the bindings of google.api.http, each with a path that it makes from the
// template. It expects of them what it expects of their procedures, with metadata
// in the spelling of the gateway. Pages can cause requests to bindings in more
// ways, such as forms and images, and Check tries them; [WithLinks] names those
// that are meant to be linked to. If the server has bindings, the protocols must be
// chosen: see [WithProtocols].
//
// There is no check of the gRPC protocol: pages cannot speak it, since scripts
// cannot read HTTP trailers.
func Check(handler http.Handler, origin string, opts ...CheckOption) *Report {
	c := newChecker(origin, opts)
	if handler == nil {
		c.problem(errors.New("the handler is nil"))
		return c.report
	}
	c.transport = c.throughGateway(handlerTransport{handler})
	c.run(context.Background(), origin)
	return c.report
}

// A checker is one check at work.
type checker struct {
	*settings
	report    *Report
	origin    origin
	protocols []*dialect
	bindings  map[string][]httprule.Binding // by method
}

func newChecker(origin string, opts []CheckOption) *checker {
	s := newSettings()
	for _, opt := range opts {
		opt.set(s)
	}
	return &checker{settings: s, report: &Report{Origin: origin, Profile: s.profile}}
}

func (c *checker) problem(err error) {
	if err != nil {
		c.report.problems = append(c.report.problems, err)
	}
}

// run checks every service.
func (c *checker) run(ctx context.Context, rawOrigin string) {
	if err := c.prepare(rawOrigin); err != nil {
		c.problem(err)
		return
	}
	services, err := c.chosen()
	c.problem(err)
	if labels := audiencesOf(services); len(labels) > 0 && c.check.audiences == nil && !c.check.noAccess {
		c.problem(fmt.Errorf("the schema has the audiences %s: pass WithAudiences those that %s belongs to, if any",
			strings.Join(labels, ", "), c.origin))
		return
	}
	c.problem(c.undecidedREST(ctx, services))
	served := false
	for _, service := range services {
		if c.served(ctx, service) {
			served = true
			c.service(ctx, service)
			continue
		}
		c.report.NotServed = append(c.report.NotServed, service.Name)
		if c.check.services != nil {
			c.problem(fmt.Errorf("the server does not have any procedure of %s", service.Name))
		}
	}
	switch {
	case len(c.report.problems) > 0 || len(c.report.Results) > 0:
	case !served:
		c.problem(errors.New("the server has none of the linked services: is the path missing (WithPathPrefix), or the import of the generated code?"))
	default:
		c.problem(errors.New("pages can call nothing in these protocols: ConnectGET takes methods without side effects, and REST those with google.api.http or WithBindings"))
	}
}

// prepare reads what the test gave.
func (c *checker) prepare(rawOrigin string) error {
	var err error
	if c.origin, err = parseOrigin(rawOrigin); err != nil {
		return err
	}
	u, err := fetchableURL(c.check.url)
	if err != nil {
		return fmt.Errorf("WithServerURL: %w", err)
	}
	if c.origin.sameOrigin(originOf(u)) {
		return fmt.Errorf("%s is the server's own origin: its pages need no CORS", c.origin)
	}
	if c.check.prefix != "" && c.check.prefix[0] != '/' {
		return fmt.Errorf("WithPathPrefix: %q does not begin with a slash: write %q", c.check.prefix, "/"+c.check.prefix)
	}
	if c.protocols, err = dialectsOf(c.check.protocols); err != nil {
		return err
	}
	c.contracts.load()
	if c.contracts.err != nil {
		return c.contracts.err
	}
	return errors.Join(c.contracts.checkDeclared(), c.contracts.check("WithCalls", c.check.calls),
		c.contracts.check("WithLinks", c.check.links), c.checkAudiences(), c.readBindings())
}

// checkAudiences returns an error for each label that is not in the schema:
// the procedures of the label that was meant would be expected to be refused.
func (c *checker) checkAudiences() error {
	known := audiencesOf(c.contracts.services)
	there := "the schema has: " + strings.Join(known, ", ")
	if len(known) == 0 {
		there = "the schema has no audiences, so leave the option out"
	}
	var mistakes []error
	for _, label := range c.check.audiences {
		if !slices.Contains(known, label) {
			mistakes = append(mistakes, fmt.Errorf("WithAudiences: no linked service has the audience %q; %s", label, there))
		}
	}
	return errors.Join(mistakes...)
}

// chosen returns the services to check.
func (c *checker) chosen() ([]contract.Service, error) {
	all := c.contracts.services
	if c.check.services == nil {
		return slices.DeleteFunc(slices.Clone(all), func(s contract.Service) bool {
			return contract.Infrastructure(s.Name) || len(s.Methods) == 0
		}), nil
	}
	var chosen []contract.Service
	var failures []error
	for _, name := range c.check.services {
		i := slices.IndexFunc(all, func(s contract.Service) bool { return s.Name == name })
		if i < 0 {
			failures = append(failures, fmt.Errorf("%s is not a linked service: is the import of its generated code missing?", name))
			continue
		}
		chosen = append(chosen, all[i])
	}
	return chosen, errors.Join(failures...)
}

// audiencesOf returns the labels in the schema of these services, sorted.
func audiencesOf(services []contract.Service) []string {
	var labels []string
	for _, service := range services {
		for i := range service.Methods {
			if label := service.Of(&service.Methods[i]).Audience; label != "" && !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
		}
	}
	slices.Sort(labels)
	return labels
}

// service checks every procedure of a service.
func (c *checker) service(ctx context.Context, service contract.Service) {
	for i := range service.Methods {
		m := method{service.Methods[i], &service}
		schema := service.Of(&m.Method)
		refused := schema.Internal || c.check.noAccess ||
			schema.Audience != "" && !slices.Contains(c.check.audiences, schema.Audience)
		for _, d := range c.ways(&m.Method) {
			p := &probe{checker: c, dialect: d, ctx: ctx, method: m, declared: c.contracts.of(m)}
			c.report.Results = append(c.report.Results, p.run(refused))
		}
	}
}

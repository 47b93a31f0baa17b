package corstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// Check asks, for every procedure of the linked services and in every protocol
// that pages speak, whether a page of this origin could call it and read what
// it answers. The handler is the whole server, middleware included; any CORS
// library will do.
//
// What to expect comes from the schema, where services and methods carry the
// options of corsrpc.v1, and from [Declare]:
//
//   - the metadata that pages send must be permitted, beside the headers that
//     RPC clients for browsers send themselves, those of timeouts included;
//   - response headers, error metadata and trailers must be exposed, under the
//     names that each protocol gives them, and so must the status headers of
//     gRPC-Web;
//   - methods with ACCESS_INTERNAL, and those of an audience that the origin
//     does not belong to ([WithAudiences]), must be out of a page's reach; and
//     so must everything, where the origin is a stranger's ([WithNoAccess]).
//     For what is called by GET it is not enough that the page cannot read the
//     answer: no browser asks before it sends one, so the server must refuse it,
//     from scripts and from images alike.
//
// Check runs no procedure. It sends a message codec that no server knows, to
// which RPC handlers answer 415 before anything else; the headers of that
// answer show the lists. So it cannot see what a handler or an interceptor adds
// to single answers: see [WithCalls].
//
// There is no check of the gRPC protocol: no page speaks it, since no script
// reads HTTP trailers.
func Check(handler http.Handler, origin string, opts ...CheckOption) *Report {
	s := newSettings()
	for _, opt := range opts {
		opt.set(s)
	}
	s.transport = handlerTransport{handler}
	r := &Report{Origin: origin, Profile: s.profile}
	c := &checker{settings: s, report: r}
	if err := c.prepare(origin); err != nil {
		r.problems = append(r.problems, err)
		return r
	}
	c.run()
	return r
}

// defaultCheckURL is where the server is, unless the test says so: a name that
// nobody has (RFC 2606).
const defaultCheckURL = "https://api.example"

// checkSettings are those of a [Check] alone.
type checkSettings struct {
	url       string
	prefix    string
	services  []string // full names; nil: all of the application
	audiences []string // nil: unknown
	noAccess  bool
	calls     []string // full names of methods and services, or "*"
	metadata  http.Header
}

// WithServerURL says under which URL pages reach the server, without a path:
// its host is the Host that the handler sees. The default is
// https://api.example.
func WithServerURL(rawURL string) CheckOption {
	return checkOption(func(s *settings) { s.check.url = strings.TrimSuffix(rawURL, "/") })
}

// WithPathPrefix says below which path the procedures are: "/api". It must
// begin with a slash.
func WithPathPrefix(prefix string) CheckOption {
	return checkOption(func(s *settings) { s.check.prefix = strings.TrimSuffix(prefix, "/") })
}

// WithServices checks these services, by full name, and no others; each must
// be served. The default is every linked service but grpc.*, google.* and
// connectext.*; those that the handler answers with 404 are not checked.
func WithServices(names ...string) CheckOption {
	return checkOption(func(s *settings) { s.check.services = append(s.check.services, names...) })
}

// WithAudiences says which audiences of the schema the origin belongs to; with
// no label, to none. It is needed where the schema has audiences.
func WithAudiences(labels ...string) CheckOption {
	return checkOption(func(s *settings) {
		s.check.audiences = append(s.check.audiences, labels...)
		if s.check.audiences == nil {
			s.check.audiences = []string{}
		}
	})
}

// WithNoAccess expects that pages of the origin reach no procedure at all, or
// none of those of [WithServices]: it is a stranger there.
//
// Check has no cookies, and takes a 401 for a refusal. Where cookies
// authenticate, which go with a stranger's GET too, check the handler without
// its authentication.
func WithNoAccess() CheckOption {
	return checkOption(func(s *settings) { s.check.noAccess = true })
}

// WithCalls makes real calls of the named methods and services, by full name as
// in [Declare], "*" for all, with an empty message: their handlers run. metadata
// has the values of the request headers that they declare, such as
// Authorization. Of these calls Check reports the needed headers that the answer
// carried and the page could not read. What the lists of a 415 let expect counts
// only where the call failed, for what its answer did not carry.
func WithCalls(metadata http.Header, names ...string) CheckOption {
	return checkOption(func(s *settings) {
		s.check.calls = append(s.check.calls, names...)
		s.check.metadata = metadata
	})
}

// A dialect is how the RPC clients for browsers call procedures in one
// protocol.
type dialect struct {
	name   string
	table  *protocol.Protocol
	method string
	// header are those that the clients set, but for Content-Type. A value
	// that cannot be right makes sure, once more, that nothing runs.
	header map[string]string
	// optional are those of them that only calls with a timeout have.
	optional []string
	// calls reports whether clients call such procedures in this way.
	calls func(*contract.Method) bool
}

// dialects are measured: connect-web, grpc-web, improbable-eng/grpc-web,
// protobuf-ts and nice-grpc-web.
var dialects = []dialect{
	{
		name:     "Connect",
		table:    &protocol.Connect,
		method:   http.MethodPost,
		header:   map[string]string{"Connect-Protocol-Version": "1", "Connect-Timeout-Ms": noTimeout},
		optional: []string{"Connect-Timeout-Ms"},
		calls:    func(*contract.Method) bool { return true },
	},
	{
		name:     "Connect GET",
		table:    &protocol.Connect,
		method:   http.MethodGet,
		header:   map[string]string{"Connect-Timeout-Ms": noTimeout},
		optional: []string{"Connect-Timeout-Ms"},
		calls:    func(m *contract.Method) bool { return m.NoSideEffects && m.Unary() },
	},
	{
		name:     "gRPC-Web",
		table:    &protocol.GRPCWeb,
		method:   http.MethodPost,
		header:   map[string]string{"X-Grpc-Web": "1", "X-User-Agent": "corstest", "Grpc-Timeout": noTimeout},
		optional: []string{"Grpc-Timeout"},
		calls:    func(*contract.Method) bool { return true },
	},
}

const (
	noTimeout    = "none"     // not a number in any protocol
	unknownCodec = "corstest" // not one of any server
	placeholder  = "corstest" // the value of metadata
)

// A checker is one check at work.
type checker struct {
	*settings
	report *Report
	origin origin
}

// prepare reads what the test gave.
func (c *checker) prepare(rawOrigin string) error {
	if handler := c.transport.(handlerTransport).handler; handler == nil {
		return errors.New("the handler is nil")
	}
	var err error
	if c.origin, err = parseOrigin(rawOrigin); err != nil {
		return err
	}
	u, err := fetchableURL(c.check.url)
	if err != nil {
		return fmt.Errorf("WithServerURL: %w", err)
	}
	if c.origin.sameOrigin(originOf(u)) {
		return fmt.Errorf("pages of %s are of the server's own origin: there is no CORS to check", c.origin)
	}
	if c.check.prefix != "" && c.check.prefix[0] != '/' {
		return fmt.Errorf("WithPathPrefix: %q is no prefix: begin it with a slash, as /api", c.check.prefix)
	}
	c.contracts.load()
	if c.contracts.err != nil {
		return c.contracts.err
	}
	return errors.Join(c.contracts.checkDeclared(), c.contracts.check("WithCalls", c.check.calls), c.checkAudiences())
}

// checkAudiences returns an error for each label that is not in the schema:
// procedures of the one that is meant would be expected to be refused.
func (c *checker) checkAudiences() error {
	known := audiencesOf(c.contracts.services)
	there := "there are: " + strings.Join(known, ", ")
	if len(known) == 0 {
		there = "there are none, so leave the option out"
	}
	var mistakes []error
	for _, label := range c.check.audiences {
		if !slices.Contains(known, label) {
			mistakes = append(mistakes, fmt.Errorf("WithAudiences: no linked service has the audience %q; %s", label, there))
		}
	}
	return errors.Join(mistakes...)
}

// run checks every service.
func (c *checker) run() {
	services, err := c.chosen()
	if err != nil {
		c.report.problems = append(c.report.problems, err)
	}
	if labels := audiencesOf(services); len(labels) > 0 && c.check.audiences == nil && !c.check.noAccess {
		c.report.problems = append(c.report.problems, fmt.Errorf(
			"the schema has the audiences %s: say with WithAudiences which of them %s belongs to, if any",
			strings.Join(labels, ", "), c.origin))
		return
	}
	served := false
	for _, service := range services {
		if c.served(service) {
			served = true
			c.service(service)
			continue
		}
		c.report.NotServed = append(c.report.NotServed, service.Name)
		if c.check.services != nil {
			c.report.problems = append(c.report.problems, fmt.Errorf("the handler answers 404 to every procedure of %s", service.Name))
		}
	}
	if !served && len(c.report.problems) == 0 {
		c.report.problems = append(c.report.problems,
			errors.New("the handler serves none of the linked services: is WithPathPrefix missing, or the import of the generated code?"))
	}
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
			failures = append(failures, fmt.Errorf("no linked service is called %s: is the import of its generated code missing?", name))
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

// served reports whether the handler knows any procedure of the service. It
// asks as no browser does, so that no CORS library is in the way.
func (c *checker) served(service contract.Service) bool {
	return slices.ContainsFunc(service.Methods, func(m contract.Method) bool {
		request, err := http.NewRequest(http.MethodPost, c.check.url+c.check.prefix+m.Procedure, http.NoBody)
		if err != nil {
			return false
		}
		request.Header.Set("Content-Type", protocol.Connect.UnaryContentType+unknownCodec)
		answer, err := c.transport.RoundTrip(request)
		if err != nil {
			return true // whatever it is, it will show
		}
		_ = answer.Body.Close()
		return answer.StatusCode != http.StatusNotFound
	})
}

func (c *checker) service(service contract.Service) {
	for i := range service.Methods {
		m := method{service.Methods[i], &service}
		schema := service.Of(&m.Method)
		refused := schema.Internal || c.check.noAccess ||
			schema.Audience != "" && !slices.Contains(c.check.audiences, schema.Audience)
		for d := range dialects {
			if dialects[d].calls(&m.Method) {
				p := probe{checker: c, dialect: &dialects[d], method: m, declared: c.contracts.of(m)}
				c.report.Results = append(c.report.Results, p.run(refused))
			}
		}
	}
}

// A probe checks one procedure in one protocol.
type probe struct {
	*checker
	*dialect
	method   method
	declared Metadata
}

func (p *probe) run(refused bool) Result {
	result := Result{Procedure: p.method.Procedure, Protocol: p.name, Refused: refused}
	if refused {
		p.expectRefusal(&result)
		return result
	}
	header := p.headers()
	response, blocked, err := p.try(header)
	if blocked != nil {
		p.diagnose(header, blocked, &result)
		response, _, err = p.try(header) // what is left of it
	}
	if result.failure = err; response == nil {
		return result
	}
	result.Status = response.Status
	for _, name := range p.expected() {
		if !response.readable(name) {
			result.CannotRead = append(result.CannotRead, name)
		}
	}
	if p.called() {
		p.call(header, &result)
	}
	return result
}

// expectRefusal tries what needs least permission: the protocol's own headers,
// and none at all.
func (p *probe) expectRefusal(result *Result) {
	own := p.headers()
	for name := range own {
		if !p.needs(name) {
			own.Del(name)
		}
	}
	for _, header := range []http.Header{own, {}} {
		response, blocked, err := p.try(header)
		if result.Blocked, result.failure = blocked, err; blocked == nil {
			if response != nil {
				result.Status = response.Status
			}
			return
		}
	}
	if p.dialect.method == http.MethodGet {
		p.expectTurnedAway(result)
	}
}

// expectTurnedAway sends what no browser asks permission for, a script's GET and
// an image's, and looks at the answer that the page does not get to see.
func (p *probe) expectTurnedAway(result *Result) {
	image := p.request(nil, unknownCodec, nil)
	image.Mode, image.Destination = ModeNoCORS, "image"
	for _, request := range []Request{p.request(nil, unknownCodec, nil), image} {
		browser := p.browser(p.origin)
		response, err := browser.Fetch(context.Background(), request)
		if response != nil {
			_ = response.Body.Close()
		}
		if _, blocked := errors.AsType[*BlockedError](err); err != nil && !blocked {
			result.failure = err
			return
		}
		// There is none where the browser refuses to send anything.
		exchanges := browser.Exchanges()
		if n := len(exchanges); n > 0 && !turnsAway(exchanges[n-1].Status) {
			result.Runs = true
		}
	}
}

// turnsAway reports whether an answer of this status says that no RPC handler
// was reached. To the codec that no server knows, handlers answer 415.
func turnsAway(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	}
	return isRedirect(status)
}

// diagnose finds which of the headers the server does not permit, and removes
// them. It asks for each by itself: many servers do not answer with the list of
// what they permit, but with no permission at all.
func (p *probe) diagnose(header http.Header, cause *BlockedError, result *Result) {
	if _, blocked, _ := p.try(http.Header{}); blocked != nil {
		result.Blocked = cause // it is not about the headers
		return
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		_, blocked, _ := p.try(http.Header{name: header[name]})
		if blocked == nil {
			continue
		}
		result.CannotSend = append(result.CannotSend, name)
		header.Del(name)
		if p.needs(name) {
			result.Blocked = cause
		}
	}
	if len(result.CannotSend) == 0 { // only together
		result.Blocked = cause
	}
}

// headers returns what a client sends: what the protocol needs, and what calls
// with a timeout and the application add.
func (p *probe) headers() http.Header {
	header := http.Header{}
	for name, value := range p.header {
		header.Set(name, value)
	}
	if p.dialect.method == http.MethodPost {
		header.Set("Content-Type", p.contentType(unknownCodec))
	}
	for _, name := range p.declared.RequestHeaders {
		if header.Get(name) == "" {
			header.Set(name, placeholder)
		}
	}
	return header
}

// needs reports whether no call goes without the header.
func (p *probe) needs(name string) bool {
	_, own := p.header[name]
	return name == "Content-Type" || own && !slices.Contains(p.optional, name)
}

// try fetches with these headers and a codec that no server knows. Without a
// Content-Type it sends one that needs no permission, and that no RPC server
// takes either.
func (p *probe) try(header http.Header) (*Response, *BlockedError, error) {
	if p.dialect.method == http.MethodPost && header.Get("Content-Type") == "" {
		header = header.Clone()
		header.Set("Content-Type", "text/plain")
	}
	response, err := p.fetch(header, unknownCodec, nil)
	if blocked, ok := errors.AsType[*BlockedError](err); ok {
		return nil, blocked, nil
	}
	if err == nil {
		_ = response.Body.Close()
	}
	return response, nil, err
}

// fetch sends one request from a fresh page, which remembers no preflight.
func (p *probe) fetch(header http.Header, codec string, message []byte) (*Response, error) {
	return p.browser(p.origin).Fetch(context.Background(), p.request(header, codec, message))
}

func (p *probe) request(header http.Header, codec string, message []byte) Request {
	request := Request{
		Method:      p.dialect.method,
		URL:         p.check.url + p.check.prefix + p.method.Procedure,
		Header:      header,
		Credentials: p.credentials,
	}
	if request.Method == http.MethodGet {
		request.URL += "?" + url.Values{"connect": {"v1"}, "encoding": {codec}, "message": {string(message)}}.Encode()
	} else {
		request.Body = bytes.NewReader(message)
	}
	return request
}

func (p *probe) contentType(codec string) string {
	if p.method.Unary() {
		return p.table.UnaryContentType + codec
	}
	return p.table.StreamContentType + codec
}

// expected returns the names that a page must be able to read.
func (p *probe) expected() []string {
	return union(union(p.declared.ResponseHeaders, p.table.ResponseHeaders),
		p.table.TrailersInHeader(p.method.Unary(), p.declared.ResponseTrailers))
}

func (p *probe) called() bool {
	return slices.ContainsFunc(p.check.calls, func(name string) bool {
		return name == "*" || name == p.method.service.Name || name == p.method.Name
	})
}

// call makes a real call, with an empty message: no byte, or where messages
// have an envelope, one of length 0. header is what the server permits.
func (p *probe) call(header http.Header, result *Result) {
	header = header.Clone()
	for _, name := range p.optional {
		header.Del(name)
	}
	for _, name := range p.declared.RequestHeaders {
		if header.Get(name) != "" { // permitted
			header[name] = p.check.metadata.Values(name)
		}
	}
	var message []byte
	if !p.method.Unary() || p.table != &protocol.Connect {
		message = make([]byte, 5)
	}
	if header.Get("Content-Type") != "" {
		header.Set("Content-Type", p.contentType("proto"))
	}
	browser := p.browser(p.origin)
	response, err := browser.Fetch(context.Background(), p.request(header, "proto", message))
	if err != nil {
		if blocked, ok := errors.AsType[*BlockedError](err); ok {
			result.Blocked = blocked
		} else {
			result.failure = err
		}
		return
	}
	_ = response.Body.Close() // streams may have no end, and the headers are here
	result.Called, result.Status = true, response.Status
	exchanges := browser.Exchanges()
	answer := exchanges[len(exchanges)-1].ResponseHeader
	status := answer.Get("Grpc-Status") // of an answer without a message
	failed := response.Status != http.StatusOK || status != "" && status != "0"
	result.CannotRead = slices.DeleteFunc(result.CannotRead, func(name string) bool {
		return !failed || len(answer.Values(name)) > 0
	})
	for _, hidden := range response.NotExposed {
		result.CannotRead = append(result.CannotRead, hidden.Name)
	}
	slices.Sort(result.CannotRead)
}

package corsrpc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/origin"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A snapshot is a compiled Config: origins x contract x protocol = rules, by
// path. It is immutable; a request sees one from its beginning to its end.
type snapshot struct {
	config     Config
	prefix     string
	procedures map[string]*rule // by "/pkg.Service/Method", without the prefix
	services   map[string]*rule // by "/pkg.Service/", likewise
	resources  *resourceTree
	ordered    []*rule // all of them, by path
	closed     *rule   // for the lack of one
	onDenied   func(context.Context, Decision)
}

// compile turns a Config into a snapshot, or says all that is wrong with it.
func compile(config Config) (*snapshot, error) {
	c := &compiler{
		config:        config,
		audiences:     make(map[string]*originList),
		overrides:     make(map[string]*override),
		requestLists:  make(map[string]*nameList),
		responseLists: make(map[string]*nameList),
		closed:        make(map[string]*originList),
		intersections: make(map[string]*originList),
		missing:       make(map[string]bool),
	}
	s := &snapshot{
		config:     config,
		prefix:     config.PathPrefix,
		procedures: make(map[string]*rule),
		services:   make(map[string]*rule),
		resources:  &resourceTree{},
		onDenied:   config.OnDenied,
	}
	c.compile(s)
	if err := c.mistakes.join(); err != nil {
		return nil, err
	}
	slices.SortFunc(s.ordered, func(a, b *rule) int { return strings.Compare(a.path, b.path) })
	return s, nil
}

type compiler struct {
	config    Config
	mistakes  mistakes
	protocols []*protocol.Protocol
	services  []contract.Service          // the governed ones
	known     map[string]contract.Service // all of them
	named     map[string]bool             // services listed by name
	audiences map[string]*originList
	overrides map[string]*override
	hosts     []string
	maxAge    time.Duration

	// Equal lists of different rules are one list.
	requestLists, responseLists map[string]*nameList
	closed                      map[string]*originList
	intersections               map[string]*originList
	missing                     map[string]bool // audiences reported as such
}

// A level is what holds for a method, for all methods of a service or for all
// services, with that of the levels above taken into account.
type level struct {
	origins                                           *originList
	credentials, reportOnly, internal                 bool
	credentialsField, requestField                    string
	requestHeaders, responseHeaders, responseTrailers []string
}

// An override is an Override whose parts are checked.
type override struct {
	level                   // its lists; the rest is unused
	credentials, reportOnly Setting
}

func (c *compiler) compile(s *snapshot) {
	top := level{
		origins:          c.originList(inOrigins, "Origins", c.config.Origins),
		credentials:      c.config.Credentials,
		credentialsField: "Credentials",
		reportOnly:       c.config.ReportOnly,
		requestField:     "RequestHeaders",
		requestHeaders:   c.requestNames(inRequestHeaders, "RequestHeaders", c.config.RequestHeaders),
		responseHeaders:  c.responseNames(inResponseHeaders, "ResponseHeaders", c.config.ResponseHeaders),
		responseTrailers: c.trailerNames(inResponseTrailers, "ResponseTrailers", c.config.ResponseTrailers),
	}
	c.readProtocols()
	c.selectServices()
	c.readOverrides()
	for _, label := range slices.Sorted(maps.Keys(c.config.Audiences)) {
		c.audiences[label] = c.originList(inAudiences, "Audiences["+quote(label)+"]", c.config.Audiences[label])
	}
	c.readHosts()
	s.closed = newClosedRule(c.hosts)
	c.readPathPrefix()
	c.maxAge = c.readMaxAge(inMaxAge, "MaxAge", c.config.MaxAge)
	for i := range c.services {
		c.service(s, &c.services[i], top)
	}
	if len(c.services) == 0 && len(c.mistakes.found) > 0 && top.credentials {
		// There are no rules, for another mistake; say now what would be said
		// of them.
		c.checkCredentials(top.origins, "every service that does not say otherwise")
	}
	c.addResources(s)
}

func (c *compiler) readProtocols() {
	protocols := c.config.Protocols
	if protocols == nil {
		protocols = []Protocol{Connect, GRPCWeb, GRPC}
	}
	for i, p := range protocols {
		table := p.table()
		if table == nil {
			c.mistakes.add(c.mistakes.place(inProtocols), fmt.Sprintf("Protocols[%d]", i), p.String(), "is no protocol; write Connect, GRPCWeb or GRPC")
			continue
		}
		c.protocols = append(c.protocols, table)
	}
}

// selectServices finds the services in the descriptors and picks those that
// the policy governs.
func (c *compiler) selectServices() {
	files := c.config.Files
	if files == nil {
		files = protoregistry.GlobalFiles
	}
	linked, err := contract.Services(files)
	if err != nil {
		for _, err := range flatten(err) {
			c.mistakes.add(c.mistakes.place(inFiles), "Files", "", err.Error())
		}
		return
	}
	c.known = make(map[string]contract.Service, len(linked))
	for _, service := range linked {
		c.known[service.Name] = service
	}
	names := c.config.Services
	if names == nil {
		names = []string{"*"}
	}
	c.named = make(map[string]bool)
	all, wrong := false, false
	for i, name := range names {
		at := c.mistakes.place(inServices)
		if name == "*" {
			all = true
		} else if c.requireService(at, fmt.Sprintf("Services[%d]", i), name) {
			c.named[name] = true
		} else {
			wrong = true
		}
	}
	except := make(map[string]bool)
	for i, name := range c.config.Except {
		at, fieldName := c.mistakes.place(inExcept), fmt.Sprintf("Except[%d]", i)
		if c.requireService(at, fieldName, name) && c.named[name] {
			c.mistakes.add(at, fieldName, name, "is listed in Services too; take it out of one of them")
			wrong = true
		}
		except[name] = true
	}
	for _, service := range linked {
		if !except[service.Name] && (c.named[service.Name] || all && !contract.Infrastructure(service.Name)) {
			c.services = append(c.services, service)
		}
	}
	if len(c.services) == 0 && len(c.config.Resources) == 0 && !wrong {
		reason := "leaves nothing to govern: no such service is linked and there are no Resources; import the generated code, and call New after it has registered, in main and not in a package-level var"
		switch {
		case len(names) == 0:
			reason = "is empty and there are no Resources, so nothing is left to govern; leave Services nil for every linked service, or list some"
		case len(except) > 0:
			reason = "has no service that is not in Except, and there are no Resources, so nothing is left to govern; take one out of Except, or import the generated code of more"
		}
		c.mistakes.add(c.mistakes.place(inServices), "Services", "", reason)
	}
}

// flatten returns the parts of a joined error.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func (c *compiler) requireService(at place, fieldName, name string) bool {
	if c.isKnown(name) {
		return true
	}
	reason := "is no linked service; write the full name of one, as acme.shop.v1.CartService, and import its generated code"
	if service := strings.Trim(name, "/"); c.isKnown(service) {
		reason = "is the path of a service; write its name, " + quote(service)
	} else if end := strings.LastIndexByte(name, '.'); end >= 0 && c.isKnown(name[:end]) {
		reason = "is not a service; write the service, " + quote(name[:end]) + ", and an Override for what concerns one method"
	}
	c.mistakes.add(at, fieldName, name, reason)
	return false
}

func (c *compiler) isKnown(service string) bool {
	_, ok := c.known[service]
	return ok
}

// readOverrides checks every Override and that its name is governed.
func (c *compiler) readOverrides() {
	governed := make(map[string]bool)
	for i := range c.services {
		governed[c.services[i].Name] = true
		for j := range c.services[i].Methods {
			governed[c.services[i].Methods[j].Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.config.Overrides)) {
		o, fieldName := c.config.Overrides[name], "Overrides["+quote(name)+"]"
		if at := c.mistakes.place(inOverrides); !governed[name] {
			c.mistakes.add(at, fieldName, "", "is no service or method that this policy governs; write the full name of one, as acme.shop.v1.CartService.AddItem")
		}
		compiled := &override{credentials: o.Credentials, reportOnly: o.ReportOnly}
		if o.Origins != nil {
			compiled.origins = c.originList(inOverrides, fieldName+".Origins", o.Origins)
		}
		for _, setting := range []struct {
			field string
			value Setting
		}{{"Credentials", o.Credentials}, {"ReportOnly", o.ReportOnly}} {
			if at := c.mistakes.place(inOverrides); setting.value > Off {
				c.mistakes.add(at, fieldName+"."+setting.field, setting.value.String(), "is no setting; write Inherit, On or Off")
			}
		}
		compiled.requestHeaders = c.requestNames(inOverrides, fieldName+".RequestHeaders", o.RequestHeaders)
		compiled.responseHeaders = c.responseNames(inOverrides, fieldName+".ResponseHeaders", o.ResponseHeaders)
		compiled.responseTrailers = c.trailerNames(inOverrides, fieldName+".ResponseTrailers", o.ResponseTrailers)
		c.overrides[name] = compiled
	}
}

func (c *compiler) readHosts() {
	if c.config.Hosts != nil {
		c.hosts = []string{} // none is not the same as the request's own
	}
	for i, host := range c.config.Hosts {
		at := c.mistakes.place(inHosts)
		// Either scheme's default port may be written out.
		_, errHTTP := origin.Parse("http://" + host)
		_, errHTTPS := origin.Parse("https://" + host)
		if errHTTP != nil && errHTTPS != nil || strings.Contains(host, "*") {
			c.mistakes.add(at, fmt.Sprintf("Hosts[%d]", i), host, "is no host; write host or host:port as browsers show it, without scheme, path and last dot and in lower case, as api.example.com")
			continue
		}
		c.hosts = append(c.hosts, host)
	}
}

func (c *compiler) readPathPrefix() {
	if problem := checkPathPrefix(c.config.PathPrefix); problem != "" {
		c.mistakes.add(c.mistakes.place(inPathPrefix), "PathPrefix", c.config.PathPrefix, problem)
	}
}

func checkPathPrefix(prefix string) string {
	switch {
	case prefix == "":
		return ""
	case prefix[0] != '/' || strings.HasSuffix(prefix, "/"):
		return "is no prefix; begin it with a slash and end it without one, as /api"
	case strings.ContainsAny(prefix, "{}"):
		return "has braces, which stand for themselves here; write the prefix as requests have it"
	}
	return checkLiteral(prefix)
}

func (c *compiler) readMaxAge(rank fieldRank, fieldName string, age time.Duration) time.Duration {
	at := c.mistakes.place(rank)
	switch {
	case age == 0:
		return 2 * time.Hour
	case age < 0:
		return 0
	case age < time.Second || age > 24*time.Hour:
		text := strings.Replace(age.String(), "µ", "u", 1) // in ASCII, as time.ParseDuration reads it too
		c.mistakes.add(at, fieldName, text, "is out of range; write 1s to 24h, as 2 * time.Hour, 0 for two hours, or a negative value against caching")
	}
	return age.Truncate(time.Second)
}

// service adds the rules of one service.
func (c *compiler) service(s *snapshot, service *contract.Service, top level) {
	named := c.named[service.Name]
	serviceLevel := c.below(top, service.Name, &service.Options, "service", named)
	rules := make([]*rule, 0, len(service.Methods))
	for i := range service.Methods {
		method := &service.Methods[i]
		r := c.procedureRule(c.below(serviceLevel, method.Name, &method.Options, "method", named), method)
		c.addRule(s, s.procedures, r, method.Procedure)
		rules = append(rules, r)
	}
	c.addRule(s, s.services, c.unknownMethodRule(serviceLevel, rules), service.Path())
}

func (c *compiler) addRule(s *snapshot, rules map[string]*rule, r *rule, procedure string) {
	r.procedure, r.path = procedure, c.config.PathPrefix+procedure
	rules[procedure] = r
	s.ordered = append(s.ordered, r)
	if r.Credentials {
		c.checkCredentials(r.origins, procedure)
	}
}

// below resolves a level from the one above it, the schema's options and the
// Override of this name: what concerns who replaces, what concerns what adds.
func (c *compiler) below(above level, name string, options *contract.Options, extension string, named bool) level {
	l, o := above, c.overrides[name]
	switch {
	case o != nil && o.origins != nil:
		l.origins = o.origins
	case options.Audience != "":
		l.origins = c.audience(options.Audience, name, named)
	}
	l.internal = l.internal || options.Internal
	schema := fmt.Sprintf("(corsrpc.v1.%s) of %s: ", extension, name)
	l.requestHeaders = join(l.requestHeaders, c.requestNames(inSchema, schema+"request_headers", options.RequestHeaders))
	l.responseHeaders = join(l.responseHeaders, c.responseNames(inSchema, schema+"response_headers", options.ResponseHeaders))
	l.responseTrailers = join(l.responseTrailers, c.trailerNames(inSchema, schema+"response_trailers", options.ResponseTrailers))

	if o == nil {
		return l
	}
	if o.credentials != Inherit {
		l.credentialsField = "Overrides[" + quote(name) + "].Credentials"
	}
	l.credentials = o.credentials.apply(l.credentials)
	l.reportOnly = o.reportOnly.apply(l.reportOnly)
	l.requestHeaders = join(l.requestHeaders, o.requestHeaders)
	l.responseHeaders = join(l.responseHeaders, o.responseHeaders)
	l.responseTrailers = join(l.responseTrailers, o.responseTrailers)
	return l
}

// join copies only where there is something to add: most levels add nothing.
func join(names, more []string) []string {
	if len(more) == 0 {
		return names
	}
	return slices.Concat(names, more)
}

// audience returns the origins of an audience in the schema. One that Config
// does not know has none; for a service listed by name that is a mistake.
func (c *compiler) audience(label, name string, named bool) *originList {
	if list := c.audiences[label]; list != nil {
		return list
	}
	fieldName := "Audiences[" + quote(label) + "]"
	if named && !c.missing[label] {
		c.missing[label] = true
		c.mistakes.add(c.mistakes.place(inAudiences), fieldName, "",
			"is missing; the schema names this audience for "+name+", so list its origins, or none for no page")
	}
	return intern(c.closed, label, func() *originList { return &originList{field: fieldName, set: origin.NewSet(nil)} })
}

func (c *compiler) procedureRule(l level, method *contract.Method) *rule {
	r := c.rule(l)
	get := false
	for _, p := range c.protocols {
		get = get || p.Get != "" && method.Unary() && method.NoSideEffects
	}
	if get {
		r.Methods = []string{"GET", "POST"}
	}
	r.exposeHeaders = c.exposeHeaders(l, method.Unary())
	return r.finish()
}

// rule returns what is the same for every kind of method.
func (c *compiler) rule(l level) *rule {
	r := &rule{
		Rule: preflight.Rule{
			Credentials: l.credentials,
			Enforced:    true,
			Internal:    l.internal,
			ReportOnly:  l.reportOnly,
			Hosts:       c.hosts,
			Methods:     []string{"POST"},
		},
		origins:        l.origins,
		requestHeaders: c.requestHeaders(l),
		maxAge:         c.maxAge,
		fields:         ruleFields{credentials: l.credentialsField, requestHeaders: l.requestField, insecure: c.config.DangerouslyAllowInsecureOrigins},
	}
	if l.internal {
		r.origins = noOrigins
	}
	return r
}

var noOrigins = &originList{set: origin.NewSet(nil)}

// unknownMethodRule is for what is below a service's path and no method in the
// schema: the strictest of the methods' rules, with the lists that hold for
// all of them.
func (c *compiler) unknownMethodRule(l level, methods []*rule) *rule {
	if len(methods) > 0 {
		origins := make([]*originList, len(methods))
		l.credentials, l.reportOnly = true, true
		for i, method := range methods {
			origins[i] = method.origins
			l.credentials = l.credentials && method.Credentials
			l.reportOnly = l.reportOnly && method.ReportOnly
			l.internal = l.internal || method.Internal
			if method.fields.credentials != l.credentialsField {
				l.credentialsField = "" // more than one place would have to change
			}
		}
		l.origins = c.intersect(origins)
	}
	r := c.rule(l)
	r.exposeHeaders = c.exposeHeaders(l, true)
	return r.finish()
}

// intersect remembers results, since services tend to mix the same lists.
func (c *compiler) intersect(lists []*originList) *originList {
	var different []*originList
	seen := make(map[*originList]bool)
	var key strings.Builder
	for _, list := range lists {
		if !seen[list] {
			seen[list] = true
			different = append(different, list)
			fmt.Fprintf(&key, " %p", list)
		}
	}
	return intern(c.intersections, key.String(), func() *originList { return intersect(different) })
}

// requestHeaders returns the complete allow list: all that the protocols'
// clients and the application may send.
func (c *compiler) requestHeaders(l level) *nameList {
	return intern(c.requestLists, strings.Join(l.requestHeaders, ","), func() *nameList {
		names := [][]string{l.requestHeaders}
		for _, p := range c.protocols {
			names = append(names, p.RequestHeaders)
		}
		return newNameList(names...)
	})
}

// exposeHeaders returns the complete expose list: the protocols' own fields,
// the application's headers, and its trailers in each form in which an answer
// carries them as header fields.
func (c *compiler) exposeHeaders(l level, unary bool) *nameList {
	key := fmt.Sprint(unary, l.responseHeaders, l.responseTrailers)
	return intern(c.responseLists, key, func() *nameList {
		names := [][]string{exposed(l.responseHeaders)}
		for _, p := range c.protocols {
			names = append(names, p.ResponseHeaders, exposed(p.TrailersInHeader(unary, l.responseTrailers)))
		}
		return newNameList(names...)
	})
}

// intern returns the list of a key, which is built once.
func intern[List any](lists map[string]*List, key string, build func() *List) *List {
	list := lists[key]
	if list == nil {
		list = build()
		lists[key] = list
	}
	return list
}

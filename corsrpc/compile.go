package corsrpc

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/origin"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// compile turns a Config into rules, origins x contract x protocol, sorted by
// path; or returns all that is wrong with it.
func compile(config Config) ([]Rule, error) {
	c := &compiler{
		config:        config,
		services:      make(map[string]bool),
		audiences:     make(map[string]*originList),
		overrides:     make(map[string]*override),
		requestLists:  make(map[*names]*nameList),
		responseLists: make(map[responseKey]*nameList),
		missing:       make(map[string]*originList),
		names:         make(map[string]bool),
		shapes:        make(map[string]string),

		bindingRequests:  make(map[*names]*nameList),
		bindingResponses: make(map[*names]*nameList),
		intersections:    make(map[string]*originList),
	}
	c.compile()
	if err := c.mistakes.join(); err != nil {
		return nil, err
	}
	slices.SortFunc(c.rules, func(a, b Rule) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), slices.Compare(a.Methods, b.Methods))
	})
	return c.rules, nil
}

type compiler struct {
	config   Config
	mistakes mistakes
	rules    []Rule

	selection
	services  map[string]bool // paths of those that have rules
	names     map[string]bool // governed services and methods
	protocols []*protocol.Protocol
	rest      *protocol.REST             // nil if nothing serves bindings
	bindings  map[string][]listedBinding // by full name of the method
	shapes    map[string]string          // of bindings: method and template without the names of variables
	audiences map[string]*originList
	overrides map[string]*override
	maxAge    time.Duration

	// Equal lists of different rules are one list.
	requestLists                      map[*names]*nameList
	bindingRequests, bindingResponses map[*names]*nameList
	responseLists                     map[responseKey]*nameList
	missing                           map[string]*originList // audiences that Config does not have
	intersections                     map[string]*originList
}

func (c *compiler) compile() {
	top := level{
		origins:          c.originList(inOrigins, "Origins", c.config.Origins),
		credentials:      c.config.Credentials,
		credentialsField: "Credentials",
		reportOnly:       c.config.ReportOnly,
		requestField:     "RequestHeaders",
	}
	requestHeaders := nameField{rank: inRequestHeaders, field: "RequestHeaders"}
	responseHeaders := nameField{rank: inResponseHeaders, field: "ResponseHeaders"}
	responseTrailers := nameField{rank: inResponseTrailers, field: "ResponseTrailers"}
	top.requestHeaders = top.requestHeaders.with(c.headerNames(requestHeaders, c.config.RequestHeaders, checkRequestName))
	top.responseHeaders = top.responseHeaders.with(c.headerNames(responseHeaders, c.config.ResponseHeaders, checkName))
	top.responseTrailers = top.responseTrailers.with(c.headerNames(responseTrailers, c.config.ResponseTrailers, checkTrailerName))
	c.readProtocols()
	c.selectServices()
	c.readREST()
	c.readOverrides()
	for _, label := range slices.Sorted(maps.Keys(c.config.Audiences)) {
		c.audiences[label] = c.originList(inAudiences, "Audiences["+quote(label)+"]", c.config.Audiences[label])
	}
	c.checkHosts()
	c.checkPathPrefix()
	c.maxAge = c.readMaxAge(inMaxAge, "MaxAge", c.config.MaxAge)
	c.checkExplain()
	for i := range c.governed {
		c.addService(&c.governed[i], top)
	}
	for i := range c.closed {
		c.addClosedService(&c.closed[i], top.reportOnly)
	}
	if len(c.governed) == 0 && len(c.mistakes.found) > 0 && top.credentials {
		// There are no rules, for another mistake; report now what would be
		// reported of them.
		c.checkCredentials(top.origins, "every service without an exception")
	}
	if len(c.mistakes.found) == 0 {
		c.checkOverlaps()
	}
	c.addResources()
}

func (c *compiler) readProtocols() {
	protocols := c.config.Protocols
	if protocols == nil {
		protocols = allProtocols()
	}
	for i, p := range protocols {
		table := p.table()
		if table == nil {
			c.mistakes.add(c.mistakes.place(inProtocols), fmt.Sprintf("Protocols[%d]", i), p.String(), "is not a protocol: write Connect, GRPCWeb or GRPC")
			continue
		}
		c.protocols = append(c.protocols, table)
	}
}

func (c *compiler) checkHosts() {
	for i, host := range c.config.Hosts {
		if at, problem := c.mistakes.place(inHosts), checkHost(host); problem != "" {
			c.mistakes.add(at, fmt.Sprintf("Hosts[%d]", i), host, problem)
		}
	}
	if c.config.RequireHosts && len(c.config.Hosts) == 0 {
		c.mistakes.add(c.mistakes.place(inRequireHosts), "RequireHosts", "", "is set without Hosts, so every call would be refused: list the server's hosts in Hosts")
	}
}

func (c *compiler) checkExplain() {
	for _, o := range c.originList(inExplainTo, "ExplainTo", c.config.ExplainTo).entries {
		if o.Any() {
			c.mistakes.add(o.at, o.source(), o.String(), "would explain refusals to every page of the web: list the origins of developers' pages")
		}
	}
	c.headerNames(nameField{rank: inExplainIgnore, field: "ExplainIgnore"}, c.config.ExplainIgnore, checkName)
}

func checkHost(host string) string {
	// Either scheme's default port can be written out.
	_, errHTTP := origin.Check("http://" + host)
	_, errHTTPS := origin.Check("https://" + host)
	if errHTTP != nil && errHTTPS != nil || strings.Contains(host, "*") {
		return "is not a host: write host or host:port as browsers show it, in lower case, without scheme, path or trailing dot, such as api.example.com"
	}
	return ""
}

func (c *compiler) checkPathPrefix() {
	if problem := checkPathPrefix(c.config.PathPrefix); problem != "" {
		c.mistakes.add(c.mistakes.place(inPathPrefix), "PathPrefix", c.config.PathPrefix, problem)
	}
}

func checkPathPrefix(prefix string) string {
	switch {
	case prefix == "":
		return ""
	case prefix[0] != '/' || strings.HasSuffix(prefix, "/"):
		return "is not a prefix: begin it with a slash and end it without one, such as /api"
	case strings.ContainsAny(prefix, "{}"):
		return "has braces, which stand for themselves here: write the prefix as requests have it"
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
		c.mistakes.add(at, fieldName, text, "is out of range: write 1s to 24h, such as 2 * time.Hour, 0 for two hours, or a negative value to prevent caching")
	}
	return age.Truncate(time.Second)
}

// addClosedService adds the rules of a service that Config does not name: no
// page of another origin can call it, and its internal methods stay internal.
func (c *compiler) addClosedService(service *contract.Service, reportOnly bool) {
	l := level{origins: noOrigins, reportOnly: reportOnly}
	closed := c.newRule(l)
	closed.from.closed = true
	c.addProcedure(closed.finish(), MatchService, service.Path())
	for i := range service.Methods {
		method, l, r := &service.Methods[i], l, closed
		if service.Of(method).Internal {
			l.internal = true
			r = c.newRule(l).finish()
			c.addProcedure(r, MatchProcedure, method.Procedure)
		}
		c.addBindings(l, method, r)
	}
}

// addService adds the rules of one service.
func (c *compiler) addService(service *contract.Service, top level) {
	serviceLevel := c.below(top, service.Name, &service.Options, "service")
	rules := make([]*Rule, len(service.Methods))
	for i := range service.Methods {
		method := &service.Methods[i]
		l := c.below(serviceLevel, method.Name, &method.Options, "method")
		rules[i] = c.procedureRule(l, method)
		c.addProcedure(rules[i], MatchProcedure, method.Procedure)
		c.addBindings(l, method, rules[i])
	}
	c.addProcedure(c.unknownMethodRule(serviceLevel, rules), MatchService, service.Path())
}

func (c *compiler) addProcedure(r *Rule, match Match, procedure string) {
	r.Match, r.Procedure, r.Path = match, procedure, c.config.PathPrefix+procedure
	if origins := r.from.origins; origins.missing && !r.Internal {
		c.reportMissing(origins, procedure)
	}
	if r.Credentials {
		c.checkCredentials(r.from.origins, procedure)
	}
	if match == MatchService {
		c.services[procedure] = true
	}
	c.rules = append(c.rules, *r)
}

func (c *compiler) procedureRule(l level, method *contract.Method) *Rule {
	r := c.newRule(l)
	if method.Unary() && method.NoSideEffects {
		for _, p := range c.protocols {
			if p.Get != "" {
				r.from.methods = append(r.from.methods, Grant{GrantMethod, p.Get, p.Name})
			}
		}
	}
	r.from.responseHeaders = c.responseList(l, method.Unary())
	return r.finish()
}

// newRule returns what is the same for every kind of method.
func (c *compiler) newRule(l level) *Rule {
	r := &Rule{
		Credentials: l.credentials,
		Internal:    l.internal,
		Enforced:    true,
		ReportOnly:  l.reportOnly,
		MaxAge:      c.maxAge,
		from: provenance{
			origins:          l.origins,
			requestHeaders:   c.requestList(l),
			responseHeaders:  noNames,
			credentialsField: l.credentialsField,
			requestField:     l.requestField,
		},
	}
	if l.internal {
		r.from.origins = noOrigins
	}
	for _, p := range c.protocols {
		r.from.methods = append(r.from.methods, Grant{GrantMethod, "POST", p.Name})
	}
	if len(c.protocols) == 0 {
		r.from.methods = []Grant{{GrantMethod, "POST", "Protocols"}}
	}
	return r
}

var noNames = newNameList()

// finish makes the lists of the rule from where they come from.
func (r *Rule) finish() *Rule {
	r.Origins = r.from.origins.texts
	r.RequestHeaders = r.from.requestHeaders.names
	r.ResponseHeaders = r.from.responseHeaders.names
	if r.Enforced {
		slices.SortStableFunc(r.from.methods, func(a, b Grant) int { return strings.Compare(a.Value, b.Value) })
		r.Methods = nil
		for _, grant := range r.from.methods {
			if !slices.Contains(r.Methods, grant.Value) {
				r.Methods = append(r.Methods, grant.Value)
			}
		}
	}
	return r
}

// unknownMethodRule is for what is below a service's path and is not a method
// in the schema: the strictest of the methods' rules, with the lists that hold
// for all of them.
func (c *compiler) unknownMethodRule(l level, methods []*Rule) *Rule {
	if len(methods) > 0 {
		origins := make([]*originList, len(methods))
		l.credentials, l.reportOnly = true, true
		for i, method := range methods {
			origins[i] = method.from.origins
			l.credentials = l.credentials && method.Credentials
			l.reportOnly = l.reportOnly && method.ReportOnly
			l.internal = l.internal || method.Internal
			if method.from.credentialsField != l.credentialsField {
				l.credentialsField = "" // more than one place would have to change
			}
		}
		l.origins = c.intersect(origins)
	}
	r := c.newRule(l)
	r.from.responseHeaders = c.responseList(l, true)
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
	list := c.intersections[key.String()]
	if list == nil {
		list = intersect(different)
		c.intersections[key.String()] = list
	}
	return list
}

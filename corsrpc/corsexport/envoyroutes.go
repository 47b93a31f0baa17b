package corsexport

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// addRoutes adds all routes, in the order in which the plan asks.
func (e *envoy) addRoutes() {
	e.section("Requests that no browser sends.")
	// Expressions do not match bytes that are not UTF-8, so these must not get
	// past them.
	e.add(envoyRoute{headers: []envoyHeader{{name: pathHeader, regex: `[!->@-~]+(?:\?.*)?`, invert: true}}, status: http.StatusBadRequest})
	if !e.options.BehindGate {
		e.addRefusal(envoyRoute{headers: []envoyHeader{{name: methodHeader, exact: "PRI"}}}, access.ReasonHTTP2Preface)
	}
	e.addProcedures()
	e.addExempt()
	e.addAliases()
	e.addServices()
	e.addOtherSpellings()
	e.addBindings()
	e.addResources()
	e.section("Everything else.")
	e.add(envoyRoute{})
}

// addProcedures adds the paths of procedures. Nothing else is asked about them.
func (e *envoy) addProcedures() {
	paths := make([][]string, len(e.grants)+1)
	for _, p := range e.procedures {
		paths[p.grant.number] = append(paths[p.grant.number], p.path)
	}
	for i, g := range e.grants {
		if words := paths[i+1]; words != nil {
			e.section("Procedures with the permissions of " + quote(g.rule) + ".")
			for _, expression := range anyOfWithin(words, "", "", e.limits.group) {
				e.addGrant(expression, nil, g, Refusal{Rule: g.rule, Field: "Path", Value: words[0]})
			}
		}
	}
}

// addExempt adds the resources about which no alias is asked. They must be none
// of a service's paths, and of no resource that comes before.
func (e *envoy) addExempt() {
	for i := range e.resources {
		x := &e.resources[i]
		if !x.exempt {
			continue
		}
		if slices.ContainsFunc(e.bindings, func(b binding) bool { return b.maySharePaths(x.key) }) {
			continue // bindings come first
		}
		first, _, _ := strings.Cut(x.key[1:], "/")
		var services []string
		for i := range e.services {
			if prefix := e.services[i].prefix; !isPlainWord(first) || strings.HasPrefix(prefix, "/"+first+"/") {
				services = append(services, prefix)
			}
		}
		var others []envoyHeader
		if services != nil {
			others = append(others, envoyHeader{name: pathHeader, regex: anyOf(services) + ".*", invert: true})
		}
		for j := range e.resources[:i] {
			if before := e.resources[j].key[1:]; before == first || strings.HasPrefix(before, first+"/") {
				others = append(others, notPath(e.resources[j].wide))
			}
		}
		e.section("The resource " + quote(x.key) + ".")
		e.addGrant(wholePath(x.grants), others, x.grant, Refusal{Rule: x.key, Field: "Path", Value: x.key})
	}
}

// isPlainWord reports whether all clients send a segment as it is.
func isPlainWord(segment string) bool {
	return strings.IndexFunc(segment, func(r rune) bool { return r != '-' && r != '.' && (r > 'z' || !isWord(byte(r))) }) < 0
}

// addAliases refuses what the judges of services do not let pass. Of a name with
// escapes, the routes do not ask which service's it is: the expressions of all
// spellings, once for each refusal, would be megabytes.
func (e *envoy) addAliases() {
	names := make([][]string, len(e.grants)+1) // by judge
	for i := range e.services {
		s := &e.services[i]
		if s.plain == "" {
			names[s.judge.number] = append(names[s.judge.number], s.name)
			continue
		}
		for _, asked := range []envoyHeader{notPath(s.plain), {name: pathHeader, regex: wholePath(s.stricter) + anyQuery}} {
			e.refuseAliases([]string{s.name}, s.judge, asked)
		}
	}
	for i, g := range e.grants {
		if names[i+1] != nil {
			e.refuseAliases(names[i+1], g)
		}
	}
	if e.strictest != nil && e.services != nil {
		e.section("Paths with escapes that could mean a service's name.")
		r := envoyRoute{path: escapedPath}
		e.refuseUnlistedPreflights(r, e.strictest)
		e.refuseCalls(r, e.strictest, true)
	}
}

// refuseAliases refuses what a judge does not let pass on paths with one of
// several names.
func (e *envoy) refuseAliases(names []string, judge *grant, asked ...envoyHeader) {
	e.section("Paths that could mean a procedure to some server, and what refuses them.")
	for _, expression := range e.namedPaths(names) {
		r := envoyRoute{path: expression, headers: asked, of: Refusal{Field: "Services", Value: names[0]}}
		e.refuseUnlistedPreflights(r, judge)
		e.refuseCalls(r, judge, true)
	}
}

// namedPaths returns expressions for paths with one of several names of services
// as a segment, in either case. They and escapedPath match every path in ASCII
// that service.alias of one of them matches.
func (e *envoy) namedPaths(names []string) []string {
	lower := make([]string, len(names))
	for i, name := range names {
		lower[i] = strings.ToLower(name)
	}
	return anyOfWithin(lower, "(?i:.*"+anySeparator, "(?:"+anySemicolon+`[^/\\]*)?`+anySeparator+".*)", e.limits.group)
}

// escapedPath is an expression for paths in which an escape, at any depth, means a
// letter, a digit, a dot or an underscore of a segment that is not the last one.
var escapedPath = func() string {
	const (
		decimal = "(?:(?:" + percent + "3)?[0-9])"
		noZero  = "(?:(?:" + percent + "3)?[1-9]|[a-f]|" + percent + "[46][1-6])"
		toTen   = "(?:" + decimal + "|a|" + percent + "[46]1)"
	)
	chars := []string{
		percent + digit(3) + decimal,
		percent + "(?:" + percent + "3)?[46]" + noZero,
		percent + "(?:" + percent + "3)?[57]" + toTen,
		escapes("."), escapes("_"), escapes("\u017f"), escapes("\u212a"),
	}
	return "(?i:.*(?:" + strings.Join(chars, "|") + ").*" + anySeparator + ".*)"
}()

// addServices adds the paths below services.
func (e *envoy) addServices() {
	prefixes := make([][]string, len(e.grants)+1)
	for i := range e.services {
		s := &e.services[i]
		prefixes[s.grant.number] = append(prefixes[s.grant.number], s.prefix)
	}
	for i, g := range e.grants {
		if words := prefixes[i+1]; words != nil {
			e.section("Services with the permissions of " + quote(g.rule) + ".")
			for _, expression := range anyOfWithin(words, "", ".*", e.limits.group) {
				e.addGrant(expression, nil, g, Refusal{Rule: g.rule, Field: "Path", Value: words[0]})
			}
		}
	}
}

// addOtherSpellings adds the paths of aliases that are not below a service. They
// grant nothing.
func (e *envoy) addOtherSpellings() {
	if e.services == nil {
		return
	}
	e.section("Other paths that could mean a procedure to some server.")
	names := make([]string, len(e.services))
	for i := range e.services {
		names[i] = e.services[i].name
	}
	for _, expression := range e.namedPaths(names) {
		e.addClosed(expression, Refusal{Field: "Services", Value: names[0]})
	}
	e.addClosed(escapedPath, Refusal{})
}

// addResources adds the resources. The first that matches in any spelling counts.
func (e *envoy) addResources() {
	for i := range e.resources {
		x := &e.resources[i]
		of := Refusal{Rule: x.key, Field: "Path", Value: x.key}
		e.section("The resource " + quote(x.key) + ", and other spellings of it.")
		e.addGrant(wholePath(x.grants), nil, x.grant, of)
		e.addClosed(wholePath(x.wide), of)
	}
}

// addClosed adds paths that grant nothing and cannot be preflighted.
func (e *envoy) addClosed(path string, of Refusal) {
	e.addClosedRoute(envoyRoute{path: path, of: of})
}

func (e *envoy) addClosedRoute(r envoyRoute) {
	e.refusePreflights(r)
	r.mutations = withoutPermissions
	e.add(r)
}

// addGrant adds paths with a grant.
func (e *envoy) addGrant(path string, also []envoyHeader, g *grant, of Refusal) {
	base := envoyRoute{path: path, headers: also, of: of}
	e.allowPreflights(base, g)
	e.refusePreflights(base)
	e.refuseCalls(base, g, false)
	e.respond(base, g)
}

// allowPreflights responds to the preflights that a grant lets pass.
func (e *envoy) allowPreflights(r envoyRoute, g *grant) {
	if g.internal || g.origins.entries == nil {
		return
	}
	r = r.with(preflight...).with(e.listed(g, false), envoyHeader{name: askedMethodHeader, regex: notEmpty})
	if e.requireHosts && g.enforced {
		r = r.with(e.host(false))
	}
	r.cors = g
	if g.echoes() {
		r.mutations = []envoyMutation{{appendHeader, "Vary", access.Vary}}
	} else {
		r.mutations = []envoyMutation{{overwriteHeader, allowOrigin, "*"}}
	}
	e.add(r)
}

// respond adds the responses of the backend.
func (e *envoy) respond(r envoyRoute, g *grant) {
	vary := slices.Clip(withoutPermissions)
	if g.echoes() {
		vary = append(vary, envoyMutation{appendHeader, "Vary", access.Vary})
	}
	reads := envoyHeader{name: methodHeader, regex: "GET|HEAD"}
	if !g.internal && g.origins.entries != nil {
		origin := "%REQ(ORIGIN)%"
		if !g.echoes() {
			origin = "*"
		}
		listed := append(slices.Clip(vary), envoyMutation{appendHeader, allowOrigin, origin})
		if g.credentials {
			listed = append(listed, envoyMutation{appendHeader, allowCredentials, "true"})
		}
		if g.responseHeaders != "" {
			if len(g.responseHeaders) > maxEnvoyValue {
				e.refuse(&Refusal{Rule: g.rule, Field: "ResponseHeaders", Value: g.responseHeaders[:100], Problem: "is longer than the longest value that Envoy adds, 16 kB", Fix: "list fewer names"})
			}
			listed = append(listed, envoyMutation{appendHeader, exposeHeaders, strings.ReplaceAll(g.responseHeaders, "%", "%%")})
		}
		l := r.with(e.listed(g, false))
		l.mutations = listed
		if !g.echoes() {
			read := r.with(reads)
			read.mutations = listed
			e.add(read)
		}
		e.add(l)
	}
	r.mutations = vary
	if g.echoes() {
		e.add(r.with(reads))
		e.add(r.with(envoyHeader{name: originHeader}))
		r.mutations = withoutPermissions
	}
	e.add(r)
}

const (
	// maxEnvoyGroup is the length of an expression that is made of several.
	maxEnvoyGroup = 12_000
	// maxEnvoyValue is the longest value of envoy.config.core.v3.HeaderValue.
	maxEnvoyValue = 16_384
)

// withoutPermissions removes the permissions of the backend.
var withoutPermissions = []envoyMutation{
	{removeHeader, allowOrigin, ""}, {removeHeader, allowCredentials, ""}, {removeHeader, allowMethods, ""}, {removeHeader, allowHeaders, ""}, {removeHeader, maxAge, ""},
}

// anyQuery ends an expression for the header :path, which has the query.
const anyQuery = `(?:\?.*)?`

// wholePath returns an expression of the plan as one for the whole path, as Envoy
// matches.
func wholePath(expression string) string {
	expression, folded := strings.CutPrefix(expression, "(?i)")
	expression, begins := strings.CutPrefix(expression, "^")
	ends := strings.HasSuffix(expression, "$") && !strings.HasSuffix(expression, `\$`)
	if ends {
		expression = expression[:len(expression)-1]
	}
	if folded {
		expression = "(?i:" + expression + ")"
	} else {
		expression = "(?:" + expression + ")"
	}
	if !begins {
		expression = ".*" + expression
	}
	if !ends {
		expression += ".*"
	}
	return expression
}

// notPath returns the condition that an expression of the plan does not match.
func notPath(expression string) envoyHeader {
	return envoyHeader{name: pathHeader, regex: wholePath(expression) + anyQuery, invert: true}
}

var preflight = []envoyHeader{{name: methodHeader, exact: http.MethodOptions}, {name: originHeader}, {name: askedMethodHeader}}

// listed returns the condition that Origin is one of a grant's origins, or that it
// is not. The grant must have an origin.
func (e *envoy) listed(g *grant, not bool) envoyHeader {
	return envoyHeader{name: originHeader, regex: g.origins.envoyRegexp(), invert: not}
}

func (s *originSet) envoyRegexp() string {
	if s.any {
		return "[^, ]+" // Envoy joins several lines by commas
	}
	var exact, parts []string
	for _, entry := range s.entries {
		if entry.exact {
			exact = append(exact, entry.text)
		} else {
			parts = append(parts, strings.TrimSuffix(strings.TrimPrefix(entry.regexp, "^"), "$"))
		}
	}
	if exact != nil {
		parts = append(parts, anyOf(exact))
	}
	return strings.Join(parts, "|")
}

// host returns the condition that the host is the server's, or that it is not.
func (e *envoy) host(not bool) envoyHeader {
	return envoyHeader{name: hostHeader, regex: "(?i:" + e.hostExpression() + ")" + defaultPort, invert: not}
}

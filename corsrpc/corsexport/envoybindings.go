package corsexport

import (
	"net/http"
	"slices"
	"strings"
)

// addBindings adds the bindings. Something behind Envoy refuses their calls, so the
// routes only respond to preflights and set headers.
//
// Of the bindings that could be asked about a path, the first one that grants is
// the strictest, or the policy cannot be exported. So no other has to be asked,
// unless the path is unclean.
func (e *envoy) addBindings() {
	if len(e.bindings) == 0 {
		return
	}
	e.section("Paths that servers read in different ways, if one way leads to a binding.")
	for i, g := range e.grants {
		for _, r := range e.uncleanly(func(x *binding) bool { return x.grant.number == i+1 }) {
			e.refuseUnlistedPreflights(r, g)
		}
	}
	for i := range e.bindings {
		e.addBinding(&e.bindings[i])
	}
	for i := range e.fallbacks {
		f := &e.fallbacks[i]
		e.section("Other HTTP methods on " + quote(f.template) + ".")
		e.addGrant(wholePath(f.grants), nil, f.grant, Refusal{Rule: f.template, Field: "Path", Value: f.template})
	}
	e.section("Other spellings of bindings.")
	for i := range e.bindings {
		x := &e.bindings[i]
		known := slices.ContainsFunc(e.bindings[:i], func(o binding) bool { return o.refuses == x.refuses })
		switch expression := wholePath(x.refuses); {
		case known:
		case e.leavesOpen(x, expression):
			e.leftOpen = true
		default:
			e.addClosed(expression, x.refusal())
		}
	}
	for _, r := range e.uncleanly(func(*binding) bool { return true }) {
		e.addClosedRoute(r)
	}
}

// leavesOpen reports whether the other spellings of a binding's path have no route,
// since their expression would be longer than the target takes. They get no
// permissions, as no resource has them either.
func (e *envoy) leavesOpen(x *binding, expression string) bool {
	return e.limits.length > 0 && len(expression) > e.limits.length &&
		!slices.ContainsFunc(e.resources, func(r resource) bool { return x.maySharePaths(r.key) })
}

// maySharePaths reports whether some path of a resource could be another spelling
// of a path of the binding.
func (x *binding) maySharePaths(key string) bool {
	own, keys := literalSegments(x.template), literalSegments(key)
	for i := range min(len(own), len(keys)) {
		if isPlainWord(own[i]) && isPlainWord(keys[i]) && !strings.EqualFold(own[i], keys[i]) {
			return false
		}
	}
	return true
}

// literalSegments returns the segments of a template or key before one that is not
// literal.
func literalSegments(template string) []string {
	if i := strings.IndexAny(template, "{*"); i >= 0 {
		template = template[:i]
	}
	segments := strings.Split(template[1:], "/")
	if last := len(segments) - 1; segments[last] == "" {
		return segments[:last] // what is below
	}
	return segments
}

func (x *binding) refusal() Refusal {
	return Refusal{Rule: x.template, Field: "Path", Value: x.template}
}

// addBinding adds the paths to which a binding grants.
func (e *envoy) addBinding(x *binding) {
	e.section("The binding " + quote(x.method+" "+x.template) + ".")
	base := envoyRoute{path: wholePath(x.grants), of: x.refusal()}
	asked, called := base.with(x.methodIs(askedMethodHeader)...), base.with(x.methodIs(methodHeader)...)
	e.allowPreflights(asked, x.grant)
	e.refusePreflights(asked)
	// What other bindings can be asked about has the permissions of all of them, or
	// none.
	common := e.closedGrant()
	if i := slices.IndexFunc(e.fallbacks, func(f fallback) bool { return f.grants == x.grants }); i >= 0 {
		common = e.fallbacks[i].grant
	}
	if !x.forms {
		e.respond(called.with(envoyHeader{name: methodHeader, exact: http.MethodPost}, envoyHeader{name: "content-type", regex: "(?i:application/x-www-form-urlencoded.*)"}), common)
	}
	if !x.overrides {
		e.respond(called.with(envoyHeader{name: "x-http-method-override"}), common)
	}
	e.respond(called, x.grant)
}

// closedGrant returns a grant of nothing.
func (e *envoy) closedGrant() *grant { return &grant{origins: new(originSet)} }

// methodIs returns the condition that a header has an HTTP method that fits the
// binding.
func (x *binding) methodIs(header string) []envoyHeader {
	switch x.method {
	case "*":
		return nil
	case http.MethodGet:
		return []envoyHeader{{name: header, regex: "GET|HEAD"}}
	}
	return []envoyHeader{{name: header, exact: x.method}}
}

// uncleanly returns routes for unclean paths that could be one of some bindings.
func (e *envoy) uncleanly(some func(*binding) bool) []envoyRoute {
	var routes []envoyRoute
	group, seen := "", make(map[string]bool)
	add := func() {
		if group != "" {
			routes = append(routes, envoyRoute{path: wholePath(e.unclean), of: Refusal{Field: "Bindings"}}.with(
				envoyHeader{name: pathHeader, regex: "(?i:.*(?:" + group + ").*)"}))
		}
		group = ""
	}
	for i := range e.bindings {
		x := &e.bindings[i]
		expression := strings.TrimPrefix(x.uncleanly, "(?i)")
		if seen[expression] || !some(x) {
			continue
		}
		seen[expression] = true
		if len(group)+len(expression) > e.limits.group-len("(?i:.*(?:).*)|") {
			add()
		}
		if group != "" {
			group += "|"
		}
		group += expression
	}
	add()
	return routes
}

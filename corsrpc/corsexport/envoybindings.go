package corsexport

import (
	"net/http"
	"regexp"
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
	if e.bindings == nil {
		return
	}
	e.section("Paths that servers read in different ways, one of which could be a binding.")
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
		if !slices.ContainsFunc(e.bindings[:i], func(o binding) bool { return o.refuses == x.refuses }) {
			e.addClosed(wholePath(x.refuses), x.refusal())
		}
	}
	for _, r := range e.uncleanly(func(*binding) bool { return true }) {
		e.addClosedRoute(r)
	}
}

func (x *binding) refusal() Refusal {
	return Refusal{Rule: x.template, Field: "Path", Value: x.template}
}

// addBinding adds the paths to which a binding grants.
func (e *envoy) addBinding(x *binding) {
	e.section("The binding " + quote(x.method+" "+x.template) + ".")
	base := envoyRoute{path: wholePath(x.grants), of: x.refusal()}
	asked, called := base, base
	if x.method != "*" {
		asked = asked.with(envoyHeader{name: askedMethodHeader, regex: x.envoyMethods()})
		called = called.with(envoyHeader{name: methodHeader, regex: x.envoyMethods()})
	}
	e.allowPreflights(asked, x.grant)
	e.refusePreflights(asked)
	// What other bindings can be asked about has the permissions of all of them.
	if i := slices.IndexFunc(e.fallbacks, func(f fallback) bool { return f.grants == x.grants }); i >= 0 {
		if !x.forms {
			e.respond(called.with(envoyHeader{name: methodHeader, exact: http.MethodPost}, envoyHeader{name: "content-type", regex: "(?i:application/x-www-form-urlencoded.*)"}), e.fallbacks[i].grant)
		}
		if !x.overrides {
			e.respond(called.with(envoyHeader{name: "x-http-method-override"}), e.fallbacks[i].grant)
		}
	}
	e.respond(called, x.grant)
}

// envoyMethods returns an expression for the HTTP methods that fit the binding, whose
// own is not "*".
func (x *binding) envoyMethods() string {
	if x.method == http.MethodGet {
		return "GET|HEAD"
	}
	return regexp.QuoteMeta(x.method)
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
		if len(group)+len(expression) > maxEnvoyGroup {
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

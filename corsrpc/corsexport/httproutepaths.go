package corsexport

import (
	"regexp"
	"strings"
)

// collect makes the rules. A path has the longest match, and one that is exact
// before all others, as the Gateway API demands.
func (h *httpRoute) collect() {
	taken := make(map[string]bool) // paths that are matched exactly
	for _, p := range h.procedures {
		taken[p.path] = true
		h.route(routeMatch{path: p.path}, p.path, p.grant)
	}
	for _, s := range h.services {
		h.route(routeMatch{path: strings.TrimSuffix(s.prefix, "/"), prefix: true}, s.prefix, s.grant)
	}
	h.collectBindings(taken)
	h.collectResources(taken)
	for _, s := range h.services {
		// A prefix also matches itself without the slash, where the service
		// grants nothing.
		if path := strings.TrimSuffix(s.prefix, "/"); !taken[path] {
			h.route(routeMatch{path: path}, s.prefix, nil)
		}
	}
}

// collectBindings adds templates without a variable part. All bindings of one
// have one rule, since a preflight cannot be routed by the method that it asks
// for.
func (h *httpRoute) collectBindings(taken map[string]bool) {
	exact := make(map[string]*binding)
	for i := range h.bindings {
		b := &h.bindings[i]
		if strings.ContainsAny(b.template, "*{") {
			h.refuse(b.template, "Path", b.template, "has a variable part, which no path match of HTTPRoute can say", "serve its procedure by its own path alone, or set REST and Bindings so that the policy has no such binding")
			continue
		}
		first := exact[b.template]
		if first == nil {
			exact[b.template] = b
			continue
		}
		if !sameButMethods(first.grant, b.grant) {
			h.refuse(b.template, "Methods", b.method, "has other permissions than "+first.method+" on the same path, and HTTPRoute cannot tell their preflights apart", "give both methods the same permissions, or change one template")
		}
	}
	for _, f := range h.fallbacks {
		path := rawPath(f.template)
		if exact[f.template] == nil || taken[path] || h.serviceAt(path) {
			continue
		}
		taken[path] = true
		delete(exact, f.template)
		h.route(routeMatch{path: path}, f.template, f.grant)
	}
	for i := range h.bindings {
		if b := &h.bindings[i]; exact[b.template] == b && !taken[rawPath(b.template)] && !h.serviceAt(rawPath(b.template)) {
			h.refuse(b.template, "Path", b.template, "is also the path of another binding, in other letters, and each permits what the other does not", "give both methods the same permissions, or change one template")
		}
	}
}

// sameButMethods reports whether two grants permit the same to pages, apart from
// HTTP methods.
func sameButMethods(x, y *grant) bool {
	if isClosedToPages(x) && isClosedToPages(y) {
		return true
	}
	return x.origins == y.origins && x.credentials == y.credentials && x.internal == y.internal &&
		x.requestHeaders == y.requestHeaders && x.responseHeaders == y.responseHeaders && x.maxAge == y.maxAge
}

func isClosedToPages(g *grant) bool { return g.internal || len(g.origins.entries) == 0 }

func (h *httpRoute) collectResources(taken map[string]bool) {
	for i := range h.resources {
		r := &h.resources[i]
		switch {
		case r.path == "" && h.regexps && h.isAlone(r):
			h.route(routeMatch{path: r.grants, regexp: true}, r.key, r.grant)
			continue
		case r.path == "" && strings.HasSuffix(r.key, "/"):
			h.refuse(r.key, "Path", r.key, "is a subtree, and the prefixes of HTTPRoute also match paths with %2F or dot segments, which can mean files elsewhere", "list the paths one by one, or serve them from another host name with a route of its own")
			continue
		case r.path == "":
			h.refuse(r.key, "Path", r.key, "is not one path, and HTTPRoute has no portable match for it", "list the paths one by one, without braces, brackets, | and ^")
			continue
		case taken[r.path] || h.serviceAt(r.path):
			continue // has no effect
		}
		if b := h.bindingAt(r.path); b != nil {
			h.refuse(r.key, "Path", r.key, "could also be a path of the binding "+quote(b.method+" "+b.template), "give one of them another path")
			continue
		}
		taken[r.path] = true
		h.route(routeMatch{path: r.path}, r.key, r.grant)
	}
}

// isAlone reports whether nothing else has paths that begin with the first
// segment of a resource's key. Then no order among the matches matters.
func (h *httpRoute) isAlone(x *resource) bool {
	first, _, _ := strings.Cut(x.key[1:], "/")
	if first == "" || !isPlainWord(first) {
		return false
	}
	for i := range h.resources {
		r := &h.resources[i]
		other, _, _ := strings.Cut(r.key[1:], "/")
		if r != x && (strings.EqualFold(other, first) || !isPlainWord(other) || other == "" && r.path == "") {
			return false
		}
	}
	for i := range h.bindings {
		other, _, _ := strings.Cut(strings.TrimPrefix(h.bindings[i].template, "/"), "/")
		if strings.EqualFold(other, first) || !isPlainWord(other) {
			return false
		}
	}
	for _, s := range h.services {
		other, _, _ := strings.Cut(s.prefix[1:], "/")
		if strings.EqualFold(other, first) || !isPlainWord(other) {
			return false
		}
	}
	return true
}

// serviceAt reports whether a path is below a service.
func (h *httpRoute) serviceAt(path string) bool {
	for _, s := range h.services {
		if strings.HasPrefix(path, s.prefix) {
			return true
		}
	}
	return false
}

// bindingAt returns a binding that some gateway could route a path to.
func (h *httpRoute) bindingAt(path string) *binding {
	for i := range h.bindings {
		if regexp.MustCompile(h.bindings[i].refuses).MatchString(path) {
			return &h.bindings[i]
		}
	}
	return nil
}

// route adds a match with the filter of a grant, or without one for nil. rule is
// for refusals.
func (h *httpRoute) route(m routeMatch, rule string, g *grant) {
	if m.regexp {
		h.checkExpression(rule, m.path)
	} else {
		h.checkPath(rule, m.path)
	}
	filter := ""
	if g != nil {
		h.check(rule, g)
		filter = h.filterOf(g)
	}
	for _, r := range h.rules {
		if r.filter == filter {
			r.matches = append(r.matches, m)
			return
		}
	}
	h.rules = append(h.rules, &routeRule{filter, []routeMatch{m}})
}

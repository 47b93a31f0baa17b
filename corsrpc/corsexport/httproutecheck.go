package corsexport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What the schema of HTTPRoute takes.
const (
	maxRouteNames      = 64 // of origins or headers
	maxRouteOrigin     = 253
	maxRouteHeaderName = 256
	maxRoutePath       = 1024
	maxRouteHostnames  = 16
)

var (
	routeOrigin = regexp.MustCompile(`^https?://(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:[0-9]{1,5})?$`)
	// The paths that all implementations compare alike: without escapes.
	routePath = regexp.MustCompile(`^/[-A-Za-z0-9/._~!$&'()*+,;=:@]*$`)

	routeHTTPMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)

// checkGateway checks the options.
func (h *httpRoute) checkGateway() {
	if !h.options.BehindGate {
		h.refuse("", "Options.BehindGate", "", "is not set, and "+h.kind+" cannot refuse calls", "set it, with a gate behind the Gateway: corsconnect.WithGate, corsconnectv2 or corsgrpc")
	}
	h.checkOptions()
	if len(h.hostnames) > maxRouteHostnames {
		h.refuse("", "Options.Hosts", fmt.Sprint(len(h.hostnames)), "are more than the 16 hostnames of an HTTPRoute", "list at most 16 hosts in Options.Hosts, or leave it empty, not nil, for all hostnames of the Gateway")
	}
}

func (h *httpRoute) checkPath(rule, path string) {
	switch {
	case len(path) > maxRoutePath:
		h.refuse(rule, "Path", path, fmt.Sprintf("is longer than the %d bytes of a path of HTTPRoute", maxRoutePath), "shorten it")
	case !routePath.MatchString(path) || strings.Contains(path, "//") || slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." }):
		h.refuse(rule, "Path", path, "has characters or segments that gateways compare in different ways", "use letters, digits and -._~!$&'()*+,;=:@ in paths, and no empty or dot segments")
	}
}

func (h *httpRoute) checkExpression(rule, expression string) {
	if len(expression) > maxRoutePath {
		h.refuse(rule, "Path", rule, fmt.Sprintf("has an expression that is longer than the %d bytes of a path of HTTPRoute", maxRoutePath), "shorten it")
	}
}

// checkGrant checks what the filter can say of a grant.
func (h *httpRoute) checkGrant(rule string, g *grant) {
	if h.checked[g] || isClosedToPages(g) {
		return
	}
	h.checked[g] = true
	const problem = "are more than the 64 of the filter CORS"
	h.checkOrigins(rule, g.origins, problem)
	for _, list := range []struct {
		field string
		names []string
	}{{"RequestHeaders", g.requestNames}, {"ResponseHeaders", g.responseNames}} {
		if n := len(list.names); n > maxRouteNames {
			h.refuse(rule, list.field, fmt.Sprint(n), problem, "list fewer names, or fewer Protocols in Config")
		}
		for _, name := range list.names {
			if len(name) > maxRouteHeaderName {
				h.refuse(rule, list.field, name, fmt.Sprintf("is longer than the %d bytes of a name in HTTPRoute", maxRouteHeaderName), "shorten it")
			}
		}
	}
	for _, method := range g.methodNames {
		if !slices.Contains(routeHTTPMethods, method) {
			h.refuse(rule, "Methods", method, "is not one of the methods that the filter CORS can list", "use one of "+strings.Join(routeHTTPMethods, ", "))
		}
	}
	if g.maxAge == "0" || g.maxAge == "" {
		h.refuse(rule, "MaxAge", g.maxAge, "prevents caching, which the filter CORS cannot say", "set MaxAge to a second or more")
	}
}

// checkOrigins checks each set once, whose refusals name the first rule that has
// it.
func (h *httpRoute) checkOrigins(rule string, set *originSet, problem string) {
	if h.checkedOrigins[set] {
		return
	}
	h.checkedOrigins[set] = true
	if n := len(set.entries); n > maxRouteNames {
		h.refuse(rule, "Origins", fmt.Sprint(n), problem, "use a pattern such as https://*.example.com, or list fewer")
	}
	for _, e := range set.entries {
		if !set.any {
			h.checkOrigin(rule, e.text)
		}
	}
}

func (h *httpRoute) checkOrigin(rule, o string) {
	switch {
	case strings.HasSuffix(o, ":*"):
		h.refuse(rule, "Origins", o, "has any port, which the filter CORS cannot say", "list each origin with its port")
	case !strings.HasPrefix(o, "https://") && !strings.HasPrefix(o, "http://"):
		h.refuse(rule, "Origins", o, "has another scheme than http and https, which the filter CORS cannot say", "leave it out, or use a target that can say it, such as nginx")
	case strings.ContainsAny(o, "[_"):
		h.refuse(rule, "Origins", o, "has an IPv6 address or an underscore, which the filter CORS cannot say", "use a DNS name without underscores")
	case len(o) > maxRouteOrigin || !routeOrigin.MatchString(o):
		h.refuse(rule, "Origins", o, "is not an origin that the filter CORS can say", fmt.Sprintf("use a DNS name, and at most %d bytes", maxRouteOrigin))
	}
}

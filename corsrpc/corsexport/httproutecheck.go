package corsexport

import (
	"fmt"
	"net/netip"
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
	routePath    = regexp.MustCompile(`^/[-A-Za-z0-9/._~!$&'()*+,;=:@]*$`)
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	dnsSubdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	serviceName  = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

	routeHTTPMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)

func (h *httpRoute) refuse(rule, field, value, problem, fix string) {
	h.refusals = append(h.refusals, &Refusal{Rule: rule, Field: field, Value: value, Problem: problem, Fix: fix})
}

// checkOptions checks what Kubernetes needs, and sets what follows from it.
func (h *httpRoute) checkOptions() {
	o := &h.options
	if !o.BehindGate {
		h.refuse("", "Options.BehindGate", "", "is not set, and HTTPRoute cannot refuse calls", "set it, with a gate behind the Gateway: corsconnect.WithGate, corsconnectv2 or corsgrpc")
	}
	if o.Name == "" {
		o.Name = "corsrpc"
	}
	// A label has 63 bytes.
	if len(o.Name) > 63 || !dnsSubdomain.MatchString(o.Name) {
		h.refuse("", "Options.Name", o.Name, "is not a name for objects", "use at most 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends and beside dots")
	}
	h.checkNamespace("Options.Namespace", o.Namespace)
	namespace, gateway, found := strings.Cut(o.Gateway, "/")
	if !found {
		namespace, gateway = "", o.Gateway
	}
	if len(gateway) > 253 || !dnsSubdomain.MatchString(gateway) || found && namespace == "" {
		h.refuse("", "Options.Gateway", o.Gateway, "is not the name of a Gateway", "write name or namespace/name")
	}
	h.checkNamespace("Options.Gateway", namespace)
	h.gateway, h.gatewayNamespace = gateway, namespace
	if len(o.Upstream) > 63 || !serviceName.MatchString(o.Upstream) {
		h.refuse("", "Options.Upstream", o.Upstream, "is not the name of a Service", "write the Service's name, without a namespace")
	}
	if o.Port < 1 || o.Port > 65535 {
		h.refuse("", "Options.Port", fmt.Sprint(o.Port), "is not a port", "write the port of the Service, from 1 to 65535")
	}
	h.readHosts()
}

func (h *httpRoute) checkNamespace(field, name string) {
	if name != "" && (len(name) > 63 || !dnsLabel.MatchString(name)) {
		h.refuse("", field, name, "is not the name of a namespace", "use at most 63 lower-case letters, digits and hyphens")
	}
}

// readHosts makes the hostnames.
func (h *httpRoute) readHosts() {
	for i, host := range h.hosts {
		name := host
		if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
			name = host[:colon]
		}
		if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || len(name) > 253 || !dnsSubdomain.MatchString(name) {
			h.refuse("", fmt.Sprintf("Options.Hosts[%d]", i), host, "cannot be a hostname of HTTPRoute, which has no IP addresses and no underscores", "list DNS names in Options.Hosts, or leave it empty, not nil, for all hostnames of the Gateway")
			continue
		}
		if !slices.Contains(h.hostnames, name) {
			h.hostnames = append(h.hostnames, name)
		}
	}
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

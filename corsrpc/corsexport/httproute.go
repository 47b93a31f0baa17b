package corsexport

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// HTTPRoute writes a policy as HTTPRoutes of the Kubernetes Gateway API, v1.5 and
// later, in one file for kubectl apply: corsrpc_httproute.yaml, which begins with
// Options.Prefix. They route every path that the policy governs to one Service,
// with the filter CORS. Each has at most 16 rules and 128 matches, so there can be
// several. Paths that the policy does not govern need a route of their own.
//
// The filter answers preflights and sets response headers. It refuses no call, so
// Options.BehindGate is required: something behind the gateway must refuse calls,
// such as corsconnect.WithGate.
//
// Of Options, it reads
//
//   - Upstream and Port: the Service and its port
//   - Gateway: the Gateway, as name or namespace/name
//   - Name and Namespace: those of the HTTPRoutes. The default Name is "corsrpc";
//     from the second HTTPRoute on it has a number behind it. Without Namespace,
//     kubectl decides.
//   - Hosts, as the hostnames of the routes, without ports. If there is none, the
//     routes are for all hostnames of the Gateway.
//   - BehindGate, and Prefix as the beginning of the file's name
//
// It refuses what the filter cannot say: origins with any port, of other schemes,
// with an IPv6 address or an underscore; more than 64 origins or names of headers;
// HTTP methods other than the standard ones; preflights that are not cached;
// subtrees, and paths with a variable part or with escapes; and bindings on one
// path that differ in more than their method.
func HTTPRoute(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	h := newHTTPRoute(plan)
	h.check, h.filterOf = h.checkGrant, h.filter
	h.checkGateway()
	h.collect()
	if err := errors.Join(h.refusals...); err != nil {
		return nil, err
	}
	h.addNotes()
	return &Export{
		Files: []File{{plan.options.Prefix + "_httproute.yaml", h.print()}},
		Notes: plan.notes,
	}, nil
}

// httpRoute prints a plan.
type httpRoute struct {
	kubeObjects
	rules          []*routeRule
	checked        map[*grant]bool
	checkedOrigins map[*originSet]bool

	// check refuses what cannot be said of a grant, and filterOf returns what
	// tells its rules from those of others.
	check    func(rule string, g *grant)
	filterOf func(*grant) string
	// regexps means that the gateway matches paths by regular expressions.
	regexps bool
}

func newHTTPRoute(p *plan) *httpRoute {
	return &httpRoute{kubeObjects: kubeObjects{plan: p, kind: "HTTPRoute"}, checked: make(map[*grant]bool), checkedOrigins: make(map[*originSet]bool)}
}

// A routeRule is a filter and the paths that it is for.
type routeRule struct {
	filter  string // as text; empty without a filter
	matches []routeMatch
}

// A routeMatch is one path, or a path with everything below it, or an expression.
type routeMatch struct {
	path           string
	prefix, regexp bool
}

const (
	maxRouteRules       = 16
	maxRouteMatches     = 128
	maxRouteRuleMatches = 64
)

// objects returns the rules as they are divided among objects.
func (h *httpRoute) objects() [][]routeRule {
	var all [][]routeRule
	var object []routeRule
	matches := 0
	for _, rule := range h.rules {
		for chunk := range slices.Chunk(rule.matches, maxRouteRuleMatches) {
			if len(object) == maxRouteRules || matches+len(chunk) > maxRouteMatches {
				all = append(all, object)
				object, matches = nil, 0
			}
			object = append(object, routeRule{rule.filter, chunk})
			matches += len(chunk)
		}
	}
	return append(all, object)
}

func (h *httpRoute) print() []byte {
	var b strings.Builder
	b.WriteString("# Written by corsrpc from a policy. Do not edit it: write it again.\n")
	b.WriteString("# No call is refused here: a gate behind the Gateway must refuse calls.\n")
	for i, rules := range h.objects() {
		h.printObject(&b, h.objectName(i), rules, nil)
	}
	return []byte(b.String())
}

// objectName returns the name of one of several objects.
func (h *httpRoute) objectName(i int) string {
	if i == 0 {
		return h.options.Name
	}
	return h.options.Name + "-" + strconv.Itoa(i+1)
}

// printObject prints an HTTPRoute. If there are names, these are those of the
// rules, with the filter vary alone.
func (h *httpRoute) printObject(b *strings.Builder, name string, rules []routeRule, names []string) {
	h.printHead(b, "gateway.networking.k8s.io/v1", "HTTPRoute", name)
	fmt.Fprintf(b, "  parentRefs:\n  - name: %s\n", quote(h.gateway))
	if h.gatewayNamespace != "" {
		fmt.Fprintf(b, "    namespace: %s\n", quote(h.gatewayNamespace))
	}
	printList(b, "  ", "hostnames", h.hostnames)
	b.WriteString("  rules:\n")
	for i, rule := range rules {
		filter := rule.filter
		b.WriteString("  - ")
		if names != nil && filter != "" {
			filter = "    filters:\n" + vary
			fmt.Fprintf(b, "name: %s\n    ", quote(names[i]))
		}
		b.WriteString("matches:\n")
		for _, m := range rule.matches {
			kind := "Exact"
			switch {
			case m.prefix:
				kind = "PathPrefix"
			case m.regexp:
				kind = "RegularExpression"
			}
			fmt.Fprintf(b, "    - path:\n        type: %s\n        value: %s\n", kind, quote(m.path))
		}
		b.WriteString(filter)
		fmt.Fprintf(b, "    backendRefs:\n    - name: %s\n      port: %d\n", quote(h.options.Upstream), h.options.Port)
	}
}

// filter returns the filters of a grant.
func (h *httpRoute) filter(g *grant) string {
	var b strings.Builder
	b.WriteString("    filters:\n    - type: CORS\n      cors:\n")
	const indent = "        "
	if isClosedToPages(g) {
		// What a gateway does without allowOrigins is not specified.
		printList(&b, indent, "allowOrigins", []string{noPage})
		printList(&b, indent, "allowMethods", routeMethods(&grant{}))
		printList(&b, indent, "allowHeaders", routeHeaders(&grant{}))
		return b.String() + vary
	}
	var origins []string
	for _, e := range g.origins.entries {
		origins = append(origins, e.text)
	}
	printList(&b, indent, "allowOrigins", origins)
	if g.credentials {
		b.WriteString(indent + "allowCredentials: true\n")
	}
	printList(&b, indent, "allowMethods", routeMethods(g))
	printList(&b, indent, "allowHeaders", routeHeaders(g))
	printList(&b, indent, "exposeHeaders", g.responseNames)
	fmt.Fprintf(&b, "%smaxAge: %s\n", indent, g.maxAge)
	return b.String() + vary
}

const (
	// noPage is an origin that no page has: its domain is reserved (RFC 2606).
	noPage = "https://corsrpc.invalid"
	// vary is a filter for what the filter CORS does not have to do. It is also
	// there for any origin, since a gateway can echo Origin, or set no header
	// without one.
	vary = "    - type: ResponseHeaderModifier\n      responseHeaderModifier:\n        add:\n        - name: Vary\n          value: Origin\n"
)

// routeMethods returns the methods that a grant lists. With none, a gateway
// could list all.
func routeMethods(g *grant) []string {
	if len(g.methodNames) == 0 {
		return []string{"GET", "HEAD", "POST"}
	}
	return g.methodNames
}

// routeHeaders returns the request headers that a grant lists. With none, a
// gateway could list all; Accept always passes.
func routeHeaders(g *grant) []string {
	if len(g.requestNames) == 0 {
		return []string{"Accept"}
	}
	return g.requestNames
}

// printList prints a list, unless it is empty.
func printList(b *strings.Builder, indent, name string, values []string) {
	if len(values) == 0 {
		return
	}
	b.WriteString(indent + name + ":\n")
	for _, v := range values {
		b.WriteString(indent + "- " + quote(v) + "\n")
	}
}

func (h *httpRoute) addNotes() {
	h.note("No call is refused: something behind the Gateway must refuse calls.")
	h.note("A preflight of an origin that is not listed gets 200, 204 or 403, without CORS headers.")
	h.note("Paths that no page may call list the origin " + noPage + ", which no page has.")
	h.note("The Service must set no CORS headers of its own: what becomes of them is left to the Gateway.")
	h.note("Whether another spelling of a path, such as one with escaped letters, is the same path is left to the Gateway, and the gate judges such calls.")
	if len(h.hostnames) > 0 {
		h.note("Requests with other hosts than Hosts have no route here.")
	}
	if h.requireHosts {
		h.note("A host is compared without its port, and the gate judges calls.")
	}
}

package corsexport

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// SecurityPolicy writes a policy for Envoy Gateway, v1.9 and later, in one file
// for kubectl apply: corsrpc_securitypolicy.yaml, which begins with
// Options.Prefix. It has HTTPRoutes of the Kubernetes Gateway API, which route
// every path that the policy governs to one Service, and a SecurityPolicy
// (gateway.envoyproxy.io/v1alpha1) for the rules of each list. Paths that the
// policy does not govern need a route of their own.
//
// A SecurityPolicy answers preflights and sets response headers. It refuses no
// call, so Options.BehindGate is required: something behind the gateway must
// refuse calls, such as corsconnect.WithGate.
//
// It reads the same Options as [HTTPRoute]. Each SecurityPolicy has Options.Name
// and a number that its lists alone decide.
//
// It can say more than HTTPRoute: origins of any scheme, with underscores, and as
// many of them as there are; any HTTP method and number of headers; preflights
// that are not cached; and subtrees and keys with braces, if nothing else has
// their first segment. It refuses origins with any port or an IPv6 address,
// bindings with a variable part, and bindings on one path that differ in more than
// their method.
func SecurityPolicy(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	s := &securityPolicy{newHTTPRoute(plan)}
	s.kind, s.regexps = "SecurityPolicy", true
	s.check, s.filterOf = s.checkGrant, s.cors
	s.checkGateway()
	s.collect()
	if err := errors.Join(s.refusals...); err != nil {
		return nil, err
	}
	s.addNotes()
	return &Export{
		Files: []File{{plan.options.Prefix + "_securitypolicy.yaml", s.print()}},
		Notes: plan.notes,
	}, nil
}

// securityPolicy prints the rules of HTTPRoutes. Their filters are in objects of
// their own.
type securityPolicy struct{ *httpRoute }

// policyOrigin matches the origins that the schema of SecurityPolicy takes.
var policyOrigin = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://(\*\.)?([\w-]+\.)*[\w-]+(:\d{1,5})?$`)

// checkGrant checks what a SecurityPolicy can say of a grant.
func (s *securityPolicy) checkGrant(rule string, g *grant) {
	if s.checked[g] || isClosedToPages(g) {
		return
	}
	s.checked[g] = true
	if s.checkedOrigins[g.origins] {
		return
	}
	s.checkedOrigins[g.origins] = true
	for _, e := range g.origins.entries {
		switch {
		case g.origins.any:
		case strings.HasSuffix(e.text, ":*"):
			s.refuse(rule, "Origins", e.text, "has any port, which a SecurityPolicy cannot say", "list each origin with its port")
		case len(e.text) > maxRouteOrigin || !policyOrigin.MatchString(e.text):
			s.refuse(rule, "Origins", e.text, "is not an origin that a SecurityPolicy can say", fmt.Sprintf("use a DNS name, without IPv6 addresses, and at most %d bytes", maxRouteOrigin))
		}
	}
}

// cors returns the field cors of a grant. It leaves out no list and no field: what
// is left out would be that of a SecurityPolicy of the Gateway.
func (s *securityPolicy) cors(g *grant) string {
	var b strings.Builder
	b.WriteString("  cors:\n")
	const indent = "    "
	closed := isClosedToPages(g)
	if closed {
		g = &grant{maxAge: "0"}
	}
	var origins []string
	if closed {
		origins = []string{noPage}
	} else {
		for _, e := range g.origins.entries {
			origins = append(origins, e.text)
		}
	}
	printList(&b, indent, "allowOrigins", origins)
	fmt.Fprintf(&b, "%sallowCredentials: %t\n", indent, g.credentials)
	printList(&b, indent, "allowMethods", routeMethods(g))
	printList(&b, indent, "allowHeaders", routeHeaders(g))
	exposed := g.responseNames
	if len(exposed) == 0 {
		exposed = []string{"Content-Type"} // which pages can read anyway
	}
	printList(&b, indent, "exposeHeaders", exposed)
	age, _ := strconv.Atoi(g.maxAge)
	fmt.Fprintf(&b, "%smaxAge: %dh%dm%ds\n", indent, age/3600, age/60%60, age%60)
	return b.String()
}

// print returns the file. The names of rules and SecurityPolicies are made of their
// lists, so that none is for a rule with other lists while only some of the objects
// have been replaced.
func (s *securityPolicy) print() []byte {
	var b strings.Builder
	b.WriteString("# Written by corsrpc from a policy. Do not edit it: write it again.\n")
	b.WriteString("# No call is refused here: a gate behind the Gateway must refuse calls.\n")
	targets := make(map[string][]string) // of each filter, as text
	for i, rules := range s.objects() {
		names := make([]string, len(rules))
		for j, rule := range rules {
			if rule.filter == "" {
				continue
			}
			name := "cors-" + digest(rule.filter)
			names[j] = name
			for n := 2; slices.Contains(names[:j], names[j]); n++ {
				names[j] = name + "-" + strconv.Itoa(n)
			}
			targets[rule.filter] = append(targets[rule.filter], fmt.Sprintf(
				"  - group: gateway.networking.k8s.io\n    kind: HTTPRoute\n    name: %s\n    sectionName: %s\n", quote(s.objectName(i)), quote(names[j])))
		}
		s.printObject(&b, s.objectName(i), rules, names)
	}
	for _, rule := range s.rules {
		if rule.filter == "" {
			continue
		}
		s.printHead(&b, "gateway.envoyproxy.io/v1alpha1", "SecurityPolicy", s.options.Name+"-"+digest(rule.filter))
		// Without mergeType, authentication of the Gateway's own SecurityPolicy
		// would not apply to these rules.
		b.WriteString("  mergeType: StrategicMerge\n  targetRefs:\n")
		b.WriteString(strings.Join(targets[rule.filter], ""))
		b.WriteString(rule.filter)
	}
	return []byte(b.String())
}

// digest returns a name for a text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func (s *securityPolicy) addNotes() {
	s.note("No call is refused: something behind the Gateway must refuse calls.")
	s.note("A preflight of an origin that is not listed gets 200 without Access-Control-Allow-Origin.")
	s.note("Paths that no page may call list the origin " + noPage + ", which no page has.")
	s.note("The Service's own Access-Control-Expose-Headers are replaced by the list, and where Origin is not listed, its other CORS headers are kept: it must set none.")
	s.note("Another spelling of a path, such as one with escaped letters, is another path unless Envoy Gateway normalizes it, and the gate judges such calls.")
	s.note("A SecurityPolicy of the Gateway applies too, and must not have cors.")
	if len(s.hostnames) > 0 {
		s.note("Requests with other hosts than Hosts have no route here.")
	}
	if s.requireHosts {
		s.note("A host is compared without its port, and the gate judges calls.")
	}
}

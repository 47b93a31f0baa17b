package corsexport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Envoy writes a policy for Envoy, as two files that begin with Options.Prefix:
//
//   - corsrpc_routes.yaml is a RouteConfiguration in the form in which Envoy
//     reads one from the file system (RDS, path_config_source). It responds to
//     preflights, refuses calls, sets headers, and sends everything else to the
//     cluster Options.Upstream.
//   - corsrpc_filters.yaml has the HTTP filters that the routes need, for the
//     beginning of http_filters of the HttpConnectionManager.
//
// The routes match whole paths by regular expressions. Envoy loads them once the
// runtime key re2.max_program_size.error_level is 1048576, as docs/edge-envoy.md
// shows; until then, it refuses the file.
//
// Of Options, it reads BehindGate, Hosts, Prefix and Upstream, which is required.
// Without BehindGate, it refuses bindings, and policies that have no Hosts.
//
// No Envoy has loaded these files in the tests of this package. They validate as
// messages of Envoy's API, and are held to Wrap by a model of its filters.
func Envoy(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	e := newEnvoy(plan, envoyLimits{of: "Envoy", group: maxEnvoyGroup, program: maxEnvoyProgram})
	e.check()
	e.addRoutes()
	files := []File{
		{plan.options.Prefix + "_routes.yaml", e.print()},
		{plan.options.Prefix + "_filters.yaml", []byte(envoyGenerated + envoyFilters)},
	}
	if err := errors.Join(e.refusals...); err != nil {
		return nil, err
	}
	e.addNotes()
	return &Export{Files: files, Notes: plan.notes}, nil
}

// envoy prints a plan. Envoy takes the first route that matches, so the routes
// are the steps of the plan in order. All conditions of one route must hold.
type envoy struct {
	*plan
	limits   envoyLimits
	routes   []envoyRoute
	refusals []error
	sizes    map[string]bool // of expressions: whether they are too large
	known    map[string]bool // conditions of routes
	leftOpen bool            // whether leavesOpen has been true
}

func newEnvoy(p *plan, limits envoyLimits) *envoy {
	return &envoy{plan: p, limits: limits, sizes: make(map[string]bool), known: make(map[string]bool)}
}

func (e *envoy) refuse(r *Refusal) { e.refusals = append(e.refusals, r) }

// check refuses what Envoy cannot say.
func (e *envoy) check() {
	switch upstream := e.options.Upstream; {
	case upstream == "":
		e.refuse(&Refusal{Field: "Options.Upstream", Problem: "is empty", Fix: "write the name of the Envoy cluster that requests go to"})
	case !isPrintable(upstream):
		e.refuse(&Refusal{Field: "Options.Upstream", Value: upstream, Problem: "is not the name of a cluster", Fix: "use printable ASCII characters"})
	}
	if e.options.BehindGate {
		return
	}
	for i := range e.bindings {
		e.refuse(&Refusal{
			Rule: e.bindings[i].template, Field: "Methods", Value: e.bindings[i].method,
			Problem: "Envoy cannot say what gateways make of calls to a binding",
			Fix:     "set Options.BehindGate if something behind Envoy refuses calls, export the policy for nginx, or set REST to RESTNone if the server has no bindings",
		})
	}
	e.checkHosts()
}

// checkHosts refuses policies whose refusals depend on the Host of a request.
func (e *envoy) checkHosts() {
	if e.hosts != nil || e.options.BehindGate {
		return
	}
	for _, g := range e.grants {
		if g.enforces() && !g.internal {
			e.refuse(&Refusal{
				Field:   "Options.Hosts",
				Problem: "is nil, and " + e.limits.of + " cannot compare Origin with Host, as calls of old browsers to their own server require",
				Fix:     "list the server's hosts in Config.Hosts or Options.Hosts; an empty list says that pages are never on the server's host",
			})
			return
		}
	}
}

func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Names of filters.
const (
	envoyCORS           = "envoy.filters.http.cors"
	envoyMutationFilter = "envoy.filters.http.header_mutation"
)

const envoyGenerated = "# Written by corsrpc from a policy. Do not edit it: write it again.\n"

// envoyFilters is the second file. Responses pass the filters from the last one
// to the first, so header_mutation has the last word on headers.
const envoyFilters = `# Put these filters before all others, in this order.
http_filters:
- name: envoy.filters.http.header_mutation
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
- name: envoy.filters.http.cors
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors
# All others follow, with envoy.filters.http.router at the end.
`

// addNotes adds what is weaker or stricter than Wrap.
func (e *envoy) addNotes() {
	e.note("Preflights that succeed have status 200.")
	e.note("The body of refused calls has Content-Type text/plain without a charset.")
	e.note("Paths with characters outside ASCII that are not escaped get 400.")
	e.note(fmt.Sprintf("Every request that is not refused goes to the cluster %s, without a timeout of the route.", quote(e.options.Upstream)))
	if len(e.services) > 0 && !e.options.BehindGate {
		e.note("A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.")
		e.note("A path with an escaped letter, digit, dot or underscore before its last segment counts as another spelling of every service.")
		e.note("Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	if e.options.BehindGate {
		e.note("No call is refused: something behind Envoy must refuse calls.")
	} else {
		e.note("Calls are refused by Envoy's router, so all other filters see them first.")
		e.note("Refused calls with Content-Type application/grpc get status 200 with grpc-status 7, as Envoy responds to gRPC.")
	}
}

package corsexport

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// What a gateway may do with the shop's requests is what Wrap does, except for
// what is left to a gateway.
func TestHTTPRouteWithTheShop(t *testing.T) {
	t.Parallel()
	size := 700
	if *edgeAll {
		size = 0
	}
	for _, config := range []corsrpc.Config{routableConfig(), func() corsrpc.Config {
		config := routableConfig()
		config.PathPrefix, config.Hosts, config.RequireHosts = "/api", []string{"api.example.com:8443", "www.example.com"}, true
		return config
	}()} {
		policy := mustPolicy(t, config)
		export, err := HTTPRoute(policy, kubeOptions)
		require.NoError(t, err)
		for _, choice := range []modelGateway{{refuses: true}, {literal: true}} {
			compareHTTPRoute(t, policy, export, choice, size)
		}
	}
}

// Random policies, as far as the filter can say them.
func TestHTTPRouteRandomPolicies(t *testing.T) {
	t.Parallel()
	policies, size := 4, 300
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := uint64(0); policies > 0; seed++ {
		r := rand.New(rand.NewPCG(seed, 31))
		policy, err := newPolicy(someRoutableConfig(r))
		require.NoError(t, err)
		export, err := HTTPRoute(policy, kubeOptions)
		if err != nil {
			checkRefusals(t, err)
			continue
		}
		policies--
		compareHTTPRoute(t, policy, export, modelGateway{refuses: chance(r, 2), literal: chance(r, 2)}, size)
	}
}

// someRoutableConfig returns a Config that the filter can mostly say.
func someRoutableConfig(r *rand.Rand) corsrpc.Config {
	config := someConfig(r)
	sayable := func(origins []string) []string {
		return slices.DeleteFunc(origins, func(o string) bool { return strings.HasSuffix(o, ":*") || strings.HasPrefix(o, "capacitor") })
	}
	config.Origins = sayable(config.Origins)
	for name := range config.Audiences {
		config.Audiences[name] = sayable(config.Audiences[name])
	}
	for name, o := range config.Overrides {
		o.Origins = sayable(o.Origins)
		config.Overrides[name] = o
	}
	resources := map[string]corsrpc.Resource{}
	for key, resource := range config.Resources {
		if !strings.HasSuffix(key, "/") && !strings.Contains(key, "{") {
			resource.Origins = sayable(resource.Origins)
			resources[key] = resource
		}
	}
	config.Resources = resources
	config.MaxAge = max(config.MaxAge, 0)
	for name, bindings := range config.Bindings {
		literal := slices.DeleteFunc(slices.Clone(bindings), func(b string) bool { return strings.Contains(b, "/*") })
		if config.Bindings[name] = literal; len(literal) == 0 {
			delete(config.Bindings, name)
		}
	}
	return config
}

func compareHTTPRoute(t *testing.T, policy *corsrpc.Policy, export *Export, choice modelGateway, size int) {
	t.Helper()
	backend, upstream := serve(t)
	gateway := newModelGateway(t, export, upstream)
	gateway.refuses, gateway.literal = choice.refuses, choice.literal
	edge := httptest.NewServer(gateway)
	t.Cleanup(edge.Close)
	host := "api.example.com"
	if hosts := policy.Config().Hosts; len(hosts) > 0 {
		host = hosts[0]
	}
	requests := func(yield func(edgetest.Request) bool) {
		for r := range edgetest.Matrix(policy, host) {
			// What becomes of a backend's own headers is left to the gateway.
			own := slices.Contains(r.Header, edgetest.Line{Name: edgetest.HeaderRespond, Value: "cors"})
			if !own && !yield(r) {
				return
			}
		}
	}
	report, err := edgetest.Run(t.Context(), edge.URL, policy, edgetest.Options{Backend: backend, BehindGate: true, Requests: requests, Size: size, Host: host})
	require.NoError(t, err)
	require.NotZero(t, report.Sent)
	for _, d := range report.Differences {
		assert.NotEmpty(t, httpRouteReason(policy, host, d), "%s: %s %s: %q, not %q\n%s", d.Class, d.What, d.Request, d.Got, d.Want, d.Request.About)
	}
}

// The reasons for which responses differ from Wrap's. docs/edge-kubernetes.md
// has them.
const (
	routeSeveralLines = "what becomes of several lines of one header, and of empty ones, is left to the gateway"
	routeOtherHost    = "other hosts than those of Hosts have no route"
	routePort         = "a host is compared without its port"
	routeSpelling     = "another spelling of a path is another path"
	routePreflight    = "the status of preflights is left to the gateway, and so are headers that only caches go by, which keep no response to OPTIONS"
	routeForged       = "an origin in a spelling that browsers do not send, such as with the default port, can be taken for a listed one"
	routeAny          = "to any origin, the header is * or the origin, and it can be missing without an Origin, with the names exposed"
	routeAccept       = "Accept, which always passes, is listed where no other header is"
	routeVary         = "Vary has a line of its own, on all responses to a path with a rule"
	routeMoreMethods  = "the methods listed are GET, HEAD and POST, which always pass, where there is no other, and those of all bindings on a path"
)

// httpRouteReason returns why there is a difference, or nothing if there is no
// reason for it.
func httpRouteReason(p *corsrpc.Policy, defaultHost string, d edgetest.Difference) string {
	values := make(map[string][]string)
	for _, line := range d.Request.Header {
		values[line.Name] = append(values[line.Name], line.Value)
	}
	for _, lines := range values {
		if len(lines) > 1 || lines[0] == "" {
			return routeSeveralLines
		}
	}
	preflight := d.Request.Method == http.MethodOptions && values["Access-Control-Request-Method"] != nil && values["Origin"] != nil
	host := d.Request.Host
	if host == "" {
		host = defaultHost
	}
	config := p.Config()
	withoutPort := func(own string) bool { return hostname(own) == hostname(host) }
	switch {
	case len(config.Hosts) > 0 && !slices.ContainsFunc(config.Hosts, withoutPort):
		return routeOtherHost
	case config.RequireHosts && preflight && !slices.ContainsFunc(config.Hosts, func(own string) bool { return origin.EqualHosts(own, host) }):
		return routePort
	case !d.Request.Clean:
		return routeSpelling
	case d.Request.Forged && d.Class == edgetest.Differs:
		return routeForged
	case d.What == "Vary" && slices.Contains(strings.Split(d.Got, " | "), "Origin"):
		return routeVary
	case d.What == exposeHeaders && d.Got == "none" && values["Origin"] == nil:
		return routeAny
	case d.What == allowOrigin && d.Want == "*" && d.Got == firstOr(values["Origin"], "none"):
		return routeAny
	case preflight && (d.What == "status" || d.What == "Vary" || d.What == "Cache-Control"):
		return routePreflight
	case preflight && d.What == allowMethods && isMoreMethods(p, d):
		return routeMoreMethods
	case preflight && d.What == allowHeaders && d.Want == "none" && d.Got == "Accept":
		return routeAccept
	}
	return ""
}

func firstOr(lines []string, other string) string {
	if len(lines) > 0 {
		return lines[0]
	}
	return other
}

func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return strings.ToLower(name)
}

// isMoreMethods reports whether a preflight lists more methods than Wrap, all of
// them of bindings on the path, or those that always pass.
func isMoreMethods(p *corsrpc.Policy, d edgetest.Difference) bool {
	path, _, _ := strings.Cut(d.Request.Target, "?")
	methods := []string{"GET", "HEAD", "POST"}
	for rule := range p.Rules() {
		if rule.Match == corsrpc.MatchBinding && rule.Path == path {
			methods = append(methods, rule.Methods...)
		}
	}
	got := strings.Split(d.Got, ", ")
	return !slices.ContainsFunc(got, func(m string) bool { return !slices.Contains(methods, m) }) &&
		(d.Want == "none" || within(strings.Split(d.Want, ", "), got))
}

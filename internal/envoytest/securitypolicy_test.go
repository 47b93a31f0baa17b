package envoytest

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

var gatewayOptions = corsexport.Options{BehindGate: true, Gateway: "infra/public", Upstream: cluster, Port: 8080}

// routable returns a Config without what a SecurityPolicy cannot say.
func routable(config corsrpc.Config) corsrpc.Config {
	sayable := func(origins []string) []string {
		return slices.DeleteFunc(slices.Clone(origins), func(o string) bool { return strings.HasSuffix(o, ":*") || strings.Contains(o, "[") })
	}
	config.Origins = sayable(config.Origins)
	for name, origins := range config.Audiences {
		config.Audiences[name] = sayable(origins)
	}
	for name, o := range config.Overrides {
		if o.Origins != nil {
			o.Origins = sayable(o.Origins)
		}
		config.Overrides[name] = o
	}
	for key, r := range config.Resources {
		r.Origins = sayable(r.Origins)
		config.Resources[key] = r
	}
	config.Hosts = slices.DeleteFunc(slices.Clone(config.Hosts), func(h string) bool { return strings.HasPrefix(h, "[") })
	return config
}

// The reasons for which responses differ from Wrap's behind Envoy Gateway.
// docs/edge-envoygateway.md has them.
const (
	gatewayPreflight = "preflights have status 200 and all lists; those of other origins have no Access-Control-Allow-Origin"
	gatewayCaches    = "preflights have neither Vary nor Cache-Control. Only caches use these headers, and caches do not keep responses to OPTIONS"
	gatewaySpelling  = "another spelling of a path is another path, whose preflights reach the Service"
	gatewayForged    = "an origin in a spelling that browsers do not send can match a pattern"
	gatewayAny       = "if a rule allows any origin, Access-Control-Allow-Origin is the request's origin in place of *. Without Origin in the request, it is left out"
	gatewayVary      = "Vary has a line of its own, on all responses to a path with a rule"
	gatewayLists     = "no list is empty: without methods, it has GET, HEAD and POST, without request headers Accept, and without response headers Content-Type"
	gatewayMethods   = "bindings on one path list the methods of all of them"
	gatewayExposed   = "the list of exposed headers replaces the Service's own"
	gatewayOwn       = "where Origin is not listed, the Service's own CORS headers are kept"
	gatewayPort      = "a host is compared without its port"
)

// gatewayReason returns why there is a difference, or nothing if there is no reason
// for it.
func gatewayReason(p *corsrpc.Policy, m *model, d edgetest.Difference) string {
	values := make(map[string][]string)
	for _, line := range d.Request.Header {
		values[line.Name] = append(values[line.Name], line.Value)
	}
	for _, lines := range values {
		if len(lines) > 1 || lines[0] == "" || strings.Contains(lines[0], ",") && d.Request.Forged {
			return severalLines
		}
	}
	origin, asked := "", values["Access-Control-Request-Method"] != nil
	if values["Origin"] != nil {
		origin = values["Origin"][0]
	}
	preflight := d.Request.Method == http.MethodOptions && origin != "" && asked
	requested := d.Request.Host
	if requested == "" {
		requested = host
	}
	own := slices.Contains(d.Request.Header, edgetest.Line{Name: edgetest.HeaderRespond, Value: "cors"})
	switch {
	case m.domains != nil && !slices.Contains(m.domains, hostname(requested)):
		return otherHost
	case p.Config().RequireHosts && preflight && !slices.ContainsFunc(p.Config().Hosts, func(h string) bool {
		return strings.TrimSuffix(strings.TrimSuffix(h, ":80"), ":443") == strings.ToLower(requested)
	}):
		return gatewayPort
	case !d.Request.Clean:
		return gatewaySpelling
	case d.Request.Forged && !isOrigin(origin) && d.Class == edgetest.Differs:
		return gatewayForged
	case own && !preflight && d.What == "Access-Control-Expose-Headers":
		return gatewayExposed
	case own && !preflight && strings.HasPrefix(d.What, "Access-Control-"), own && !preflight && d.What == "what a page can read":
		return gatewayOwn
	case d.What == "Vary" && !preflight && strings.Contains(d.Got, "Origin"):
		return gatewayVary
	case d.What == "Access-Control-Allow-Origin" && d.Want == "*" && (d.Got == origin || origin == "" && d.Got == "none"):
		return gatewayAny
	case d.What == "Access-Control-Expose-Headers" && origin == "" && d.Got == "none":
		return gatewayAny
	case d.What == "Access-Control-Expose-Headers" && d.Want == "none" && d.Got == "Content-Type",
		preflight && d.What == "Access-Control-Allow-Headers" && d.Want == "none" && d.Got == "Accept",
		preflight && d.What == "Access-Control-Allow-Methods" && d.Want == "none" && d.Got == "GET, HEAD, POST":
		return gatewayLists
	case preflight && d.What == "Access-Control-Allow-Methods" && d.Want != "none" && isOfBindings(p, d):
		return gatewayMethods
	case preflight && (d.What == "Vary" || d.What == "Cache-Control"):
		return gatewayCaches
	case preflight && d.Class == edgetest.Differs && (d.What == "status" || d.What == "Access-Control-Expose-Headers" || d.Want == "none" && d.What != "Access-Control-Allow-Origin"):
		return gatewayPreflight
	}
	return ""
}

// isOrigin reports whether browsers send an origin such as this.
func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return u.Scheme+"://"+u.Host == origin && strings.ToLower(origin) == origin && u.Port() != "80" && u.Port() != "443"
}

// isOfBindings reports whether a preflight lists more methods than Wrap, all of them
// of bindings on the path.
func isOfBindings(p *corsrpc.Policy, d edgetest.Difference) bool {
	path, _, _ := strings.Cut(d.Request.Target, "?")
	methods := []string{"GET", "HEAD", "POST"}
	for rule := range p.Rules() {
		if rule.Match == corsrpc.MatchBinding && rule.Path == path {
			methods = append(methods, rule.Methods...)
		}
	}
	for method := range strings.SplitSeq(d.Got, ", ") {
		if !slices.Contains(methods, method) {
			return false
		}
	}
	return true
}

func compareGateway(t testing.TB, p *corsrpc.Policy, normalization string, o edgetest.Options) {
	t.Helper()
	export, err := corsexport.SecurityPolicy(p, gatewayOptions)
	require.NoError(t, err)
	backend := new(edgetest.Backend)
	m := newGatewayModel(t, export, backend)
	o.Backend, o.DialContext, o.Host, o.BehindGate, o.Requests = backend, m.dial, host, true, normalized(t, p, normalization)
	report, err := edgetest.Run(t.Context(), "http://"+host, p, o)
	require.NoError(t, err)
	assert.Positive(t, report.Sent)
	unknown, reasons := 0, map[string]int{}
	for _, d := range report.Differences {
		r := gatewayReason(p, m, d)
		reasons[r]++
		if r == "" {
			if unknown++; unknown < 6 {
				t.Errorf("%s: %s: %s: Wrap %s, model %s (%s)", d.Class, d.Request, d.What, d.Want, d.Got, d.Request.About)
			}
		}
	}
	assert.Zero(t, unknown)
	t.Logf("%d requests; of the differences that were kept: %v", report.Sent, reasons)
}

// The shop's matrix.
func TestSecurityPolicyWithTheShop(t *testing.T) {
	t.Parallel()
	size := 900
	if *edgeAll {
		size = 0
	}
	for _, normalization := range []string{"NONE", "DECODE_AND_MERGE_SLASHES"} { // the second is Envoy Gateway's default, without its redirect
		compareGateway(t, mustPolicy(t, routable(shopConfig())), normalization, edgetest.Options{Size: size})
	}
}

// Random policies, as far as a SecurityPolicy can say them.
func TestSecurityPolicyRandomPolicies(t *testing.T) {
	t.Parallel()
	policies, size := 5, 250
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := uint64(0); policies > 0; seed++ {
		r := rand.New(rand.NewPCG(seed, 43))
		config := routable(someConfig(r))
		if chance(r, 2) {
			config.REST = corsrpc.RESTGateway
			config.Bindings = map[string][]string{catalog + ".SearchProducts": {"GET /v1/products"}, cart + ".AddItem": {"POST /v1/cart", "PUT /v1/cart"}}
		}
		policy, err := corsrpc.New(config)
		if err != nil {
			continue
		}
		if _, err := corsexport.SecurityPolicy(policy, gatewayOptions); err != nil {
			checkRefusals(t, err)
			continue
		}
		policies--
		compareGateway(t, policy, "NONE", edgetest.Options{Size: size, Seed: seed})
	}
}

// Calls through the model to the shop with a gate run the same handlers as inside
// Wrap.
func TestSecurityPolicyWithAGate(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, routable(shopConfig()))
	export, err := corsexport.SecurityPolicy(policy, gatewayOptions)
	require.NoError(t, err)
	compareGate(t, policy, func(backend http.Handler) *model { return newGatewayModel(t, export, backend) })
}

// docs/edge-envoygateway.md has every difference that the tests know.
func TestSecurityPolicyDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/edge-envoygateway.md")
	require.NoError(t, err)
	text := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(string(data), "`", "")), " "))
	for _, words := range []string{
		gatewayPreflight, gatewayCaches, gatewaySpelling, gatewayForged, gatewayAny, gatewayVary, gatewayLists, gatewayMethods,
		gatewayExposed, gatewayOwn, gatewayPort, otherHost, severalLines,
	} {
		assert.Contains(t, text, strings.ToLower(words))
	}
}

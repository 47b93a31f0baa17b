package envoytest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

func mustVirtualService(t testing.TB, p *corsrpc.Policy, o corsexport.Options) *corsexport.Export {
	t.Helper()
	o.Gateway, o.Upstream, o.Port = "infra/public", cluster, 8080
	export, err := corsexport.VirtualService(p, o)
	require.NoError(t, err)
	return export
}

// Further reasons for which responses differ from Wrap's. docs/edge-istio.md has
// them, and those of Envoy that remain.
const (
	otherHost   = "other hosts than those of hosts have no route here"
	otherMethod = "a request whose HTTP method no binding of its path has gets only what all bindings of the path grant; where two patterns of origins overlap and neither covers the other, neither is granted"
)

// istioReason returns why a response behind Istio differs from Wrap's, or nothing
// if there is no reason for it.
func istioReason(p *corsrpc.Policy, m *model, d edgetest.Difference) string {
	if m.domains != nil && d.Request.Host != "" && !slices.Contains(m.domains, hostname(d.Request.Host)) {
		return otherHost
	}
	switch r := reason(d); {
	case d.Class != edgetest.Opens && d.Request.Clean && isOtherMethod(p, d.Request):
		return otherMethod
	case d.Class != edgetest.Differs, r == okPreflight, r == otherType:
		return ""
	default:
		return r
	}
}

// isOtherMethod reports whether the request's path has bindings, and none of its
// method.
func isOtherMethod(p *corsrpc.Policy, r edgetest.Request) bool {
	method := r.Method
	for _, line := range r.Header {
		switch {
		case line.Name == "Access-Control-Request-Method" && method == http.MethodOptions:
			method = line.Value
		case line.Name == "X-HTTP-Method-Override":
			method = ""
		}
	}
	path, _, _ := strings.Cut(r.Target, "?")
	bound := false
	for rule := range p.Rules() {
		if rule.Match == corsrpc.MatchBinding && rule.SamplePath("edgetest") == path {
			if slices.Contains(rule.Methods, method) || method == http.MethodHead && slices.Contains(rule.Methods, http.MethodGet) {
				return false
			}
			bound = true
		}
	}
	return bound
}

// normalized returns the matrix as the routes of Envoy and what is behind them see
// it, after the paths have been normalized.
func normalized(t testing.TB, p *corsrpc.Policy, normalization string) func(func(edgetest.Request) bool) {
	t.Helper()
	normalize, known := normalizations[normalization]
	require.True(t, known, normalization)
	clean := make(map[string]bool)
	for r := range edgetest.Matrix(p, host) {
		if path, _, _ := strings.Cut(r.Target, "?"); r.Clean {
			clean[path] = true
		}
	}
	return func(yield func(edgetest.Request) bool) {
		for r := range edgetest.Matrix(p, host) {
			path, query, found := strings.Cut(r.Target, "?")
			if normalize != nil && strings.HasPrefix(path, "/") {
				var ok bool
				if path, ok = normalize(path); !ok {
					continue // gets 400
				}
				r.Target, r.Clean = path, clean[path]
				if found {
					r.Target += "?" + query
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

// compareIstio compares the model with Wrap.
func compareIstio(t testing.TB, p *corsrpc.Policy, options corsexport.Options, normalization string, o edgetest.Options) *edgetest.Report {
	t.Helper()
	backend := new(edgetest.Backend)
	m := newIstioModel(t, mustVirtualService(t, p, options), backend)
	o.Requests = normalized(t, p, normalization)
	o.Backend, o.DialContext, o.Host, o.BehindGate = backend, m.dial, host, options.BehindGate
	report, err := edgetest.Run(t.Context(), "http://"+host, p, o)
	require.NoError(t, err)
	assert.Zero(t, report.Left)
	assert.Positive(t, report.Sent)
	unknown, reasons := 0, map[string]int{}
	for _, d := range report.Differences {
		r := istioReason(p, m, d)
		reasons[r]++
		if o.BehindGate && d.Class == edgetest.Differs {
			continue // refusals are the gate's
		}
		if r == "" {
			if unknown++; unknown < 6 {
				t.Errorf("%s: %s: %s: Wrap %s, model %s (%s)", d.Class, d.Request, d.What, d.Want, d.Got, d.Request.About)
			}
		}
	}
	assert.Zero(t, unknown)
	t.Logf("%s: %d requests; of the differences that were kept: %v", normalization, report.Sent, reasons)
	return report
}

// The shop's matrix, however Istio normalizes paths.
func TestVirtualServiceWithTheShop(t *testing.T) {
	t.Parallel()
	size := 700
	if *edgeAll {
		size = 0
	}
	for normalization := range normalizations {
		t.Run(normalization, func(t *testing.T) {
			t.Parallel()
			compareIstio(t, mustPolicy(t, shopConfig()), corsexport.Options{}, normalization, edgetest.Options{Size: size})
		})
	}
}

// Random policies, each with one of the normalizations.
func TestVirtualServiceRandomPolicies(t *testing.T) {
	t.Parallel()
	policies, size := 5, 300
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			config := someConfig(rand.New(rand.NewPCG(uint64(seed), 17)))
			config.Hosts = slices.DeleteFunc(config.Hosts, func(h string) bool { return strings.HasPrefix(h, "[") })
			names := slices.Sorted(maps.Keys(normalizations))
			compareIstio(t, mustPolicy(t, config), corsexport.Options{}, names[seed%len(names)], edgetest.Options{Size: size, Seed: uint64(seed)})
		})
	}
}

// What the policy can require besides, and a policy whose paths have a prefix.
func TestVirtualServiceRequirements(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.RequireHosts, config.RequireFetchMetadata, config.PathPrefix = true, true, "/api"
	config.Resources["/api/docs/"] = corsrpc.Resource{Origins: []string{app}}
	config.Hosts = []string{host, "www.example.com:8443"}
	compareIstio(t, mustPolicy(t, config), corsexport.Options{}, "BASE", edgetest.Options{Size: 800})
}

// Behind a gate, only preflights are answered.
func TestVirtualServiceBehindGate(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts = nil
	policy := mustPolicy(t, config)
	compareIstio(t, policy, corsexport.Options{BehindGate: true}, "BASE", edgetest.Options{Size: 500})
	compareGate(t, policy, func(backend http.Handler) *model {
		return newIstioModel(t, mustVirtualService(t, policy, corsexport.Options{BehindGate: true}), backend)
	})
}

// The library, whose methods have bindings, behind a gate.
func TestVirtualServiceWithTheLibrary(t *testing.T) {
	t.Parallel()
	compareIstio(t, mustPolicy(t, libraryConfig(t)), corsexport.Options{BehindGate: true}, "BASE", edgetest.Options{Size: 1500})
}

// Random policies with bindings, behind a gate.
func TestVirtualServiceRandomBindings(t *testing.T) {
	t.Parallel()
	policies, size := 4, 250
	if *edgeAll {
		policies, size = 50, *edgeSize
	}
	bindings := map[string][]string{
		catalog + ".GetProduct":     {"GET /v1/products/*", "POST /v1/products/*:read"},
		catalog + ".SearchProducts": {"GET /v1/products"},
		cart + ".AddItem":           {"POST /v1/cart/items", "GET /v1/cart/items/**"},
		cart + ".PurgeCarts":        {"POST /v1/admin:purge", "* /v1/admin/**"},
		admin + ".SetPrice":         {"PUT /v1/products/*", "POST /v1/products/*"},
	}
	for seed := uint64(0); policies > 0; seed++ {
		r := rand.New(rand.NewPCG(seed, 37))
		config := someConfig(r)
		config.Hosts, config.RequireHosts = nil, false
		config.Services = shopServices
		config.Except = nil
		config.REST, config.Bindings = corsrpc.RESTGateway, map[string][]string{}
		for _, name := range slices.Sorted(maps.Keys(bindings)) {
			if chance(r, 2) {
				config.Bindings[name] = bindings[name][:1+r.IntN(len(bindings[name]))]
			}
		}
		policy, err := corsrpc.New(config)
		if err != nil || len(config.Bindings) == 0 {
			continue
		}
		o := corsexport.Options{BehindGate: true, Gateway: "infra/public", Upstream: cluster, Port: 8080}
		if _, err := corsexport.VirtualService(policy, o); err != nil {
			checkRefusals(t, err)
			continue
		}
		policies--
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			compareIstio(t, policy, o, "BASE", edgetest.Options{Size: size, Seed: seed})
		})
	}
}

// Whatever is printed is what Istio takes, or a Refusal says why not.
func FuzzVirtualService(f *testing.F) {
	for _, seed := range [][6]string{
		{"corsrpc", app, "/fonts/{x}/", "X-Name", host, "shop"},
		{"p", "http://[::1]:*", `/a"b'c$d;e{f}#g`, "X-$'`|~%REQ(X)%", "localhost:8080", "shop.prod.svc.cluster.local"},
		{"HTTP", "https://*.example.com:8443", "/a\nb\\c/", "default", "1.2.3.4", "- &a *b"},
		{"x/y", "app://" + strings.Repeat("x", 5000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 4500), strings.Repeat("x", 63) + ".test", "x"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, gateway, o, path, name, host, upstream string) {
		checkVirtualService(t, gateway, o, path, name, host, upstream)
	})
}

// Texts of characters that mean something to YAML, to expressions or to formats.
func TestVirtualServiceOfHostileNames(t *testing.T) {
	t.Parallel()
	const draws = 50
	printed := 0
	for seed := range uint64(draws) {
		r := rand.New(rand.NewPCG(seed, 23))
		text := func(characters string) string {
			var b strings.Builder
			for range 1 + r.IntN(20) {
				b.WriteByte(characters[r.IntN(len(characters))])
			}
			return b.String()
		}
		const all = "abcXYZ019 \t\n\"'`$;{}#\\()[]*+?.|^~!&%@:=,<>/-_\xc3\xbc"
		gateway, upstream := "infra/public", "shop"
		if chance(r, 4) {
			gateway, upstream = text("aA0-./"), text("aA0-.")
		}
		if checkVirtualService(t, gateway, "app://"+text("aZ9.-_~:[]"), "/"+text(all)+"/{x}/"+text(all), text("aZ9$'`|~!#%&*+-.^_"), text("abc.-019")+":8080", upstream) {
			printed++
		}
	}
	assert.Greater(t, printed, draws/4)
}

// checkVirtualService reports whether Istio can have a policy of texts.
func checkVirtualService(t testing.TB, gateway, o, path, name, host, upstream string) bool {
	t.Helper()
	policy := makePolicy(t, o, path, name, host)
	export, err := corsexport.VirtualService(policy, corsexport.Options{Gateway: gateway, Upstream: upstream, Port: 8080})
	if err != nil {
		checkRefusals(t, err)
		return false
	}
	for _, route := range translateRoutes(readVirtualService(t, export)) {
		require.NoError(t, route.ValidateAll())
		checkKnown(t, route)
	}
	return true
}

// Responses are these, header by header.
func TestVirtualServiceResponses(t *testing.T) {
	t.Parallel()
	backend := new(edgetest.Backend)
	m := newIstioModel(t, mustVirtualService(t, mustPolicy(t, shopConfig()), corsexport.Options{}), backend)
	asked := []string{"access-control-request-method", "POST"}
	refused := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}}
	refusedCall := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}, "X-Content-Type-Options": {"nosniff"}, "Content-Type": {"text/plain; charset=utf-8"}}
	for name, test := range map[string]struct {
		method, path string
		header       []string
		want         response
	}{
		"preflight of a page": {"OPTIONS", setPrice, append([]string{"origin", console}, asked...), response{http.StatusNoContent, http.Header{
			"Access-Control-Allow-Origin": {console}, "Access-Control-Allow-Methods": {"POST"}, "Access-Control-Max-Age": {"7200"}, "Vary": {"Origin"},
			"Access-Control-Allow-Headers": {"Accept, Authorization, Connect-Accept-Encoding, Connect-Content-Encoding, Connect-Protocol-Version, Connect-Timeout-Ms, Content-Encoding, Content-Type, Grpc-Accept-Encoding, Grpc-Encoding, Grpc-Message-Type, Grpc-Previous-Rpc-Attempts, Grpc-Timeout, User-Agent, X-Change-Reason, X-Grpc-Web, X-User-Agent"},
		}, ""}},
		"preflight of another page": {"OPTIONS", addItem, append([]string{"origin", evil}, asked...), response{http.StatusForbidden, refused, ""}},
		"preflight of any page": {
			"OPTIONS", "/fonts/x", append([]string{"origin", evil}, "access-control-request-method", "GET"),
			response{http.StatusNoContent, http.Header{"Access-Control-Allow-Origin": {"*"}, "Access-Control-Max-Age": {"7200"}}, ""},
		},
		"another page's call":        {"POST", setPrice, []string{"origin", evil}, response{http.StatusForbidden, refusedCall, "corsrpc: origin not allowed\n"}},
		"a page's internal call":     {"POST", reserveStock, []string{"origin", app}, response{http.StatusForbidden, refusedCall, "corsrpc: internal method\n"}},
		"another spelling":           {"POST", "/acme.shop.v1.Cart%53ervice/AddItem", []string{"origin", evil}, response{http.StatusForbidden, refusedCall, "corsrpc: internal method\n"}},
		"a byte that is not escaped": {"POST", "/acme.shop.v1.CartService\xc5/AddItem", []string{"origin", evil}, response{http.StatusBadRequest, http.Header{}, ""}},
		"native gRPC that is refused": {
			"POST", setPrice, []string{"origin", evil, "content-type", "application/grpc"},
			response{http.StatusOK, http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}, "X-Content-Type-Options": {"nosniff"}, "Content-Type": {"application/grpc"}, "Grpc-Status": {"7"}, "Grpc-Message": {"corsrpc:%20origin%20not%20allowed%0A"}}, ""},
		},
	} {
		assert.Equal(t, test.want, *m.send(test.method, test.path, test.header...), name)
	}
	assert.Zero(t, backend.Total())
	listed := m.send("POST", addItem, "origin", shopper, "cookie", "a=b")
	assert.Equal(t, []string{shopper}, listed.header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"true"}, listed.header["Access-Control-Allow-Credentials"])
	other := &request{path: addItem, header: map[string]string{":method": "POST", ":path": addItem, ":authority": "other.test"}}
	assert.Equal(t, http.StatusNotFound, m.serve(other).status, "another host has no route")
	assert.Equal(t, 1, backend.Total())
}

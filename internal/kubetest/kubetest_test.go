package kubetest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

var policies = flag.Int("policies", 30, "how many random policies are validated")

const (
	catalog = "acme.shop.v1.CatalogService"
	cart    = "acme.shop.v1.CartService"
	admin   = "acme.shop.v1.AdminService"
)

var options = corsexport.Options{BehindGate: true, Gateway: "infra/public", Upstream: "shop", Port: 8080, Namespace: "shop"}

// A target is an export, and the kind of its objects.
type target struct {
	kinds  func() (Kinds, error)
	export func(*corsrpc.Policy, corsexport.Options) (*corsexport.Export, error)
}

var (
	httpRoute      = target{sync.OnceValues(HTTPRoute), corsexport.HTTPRoute}
	securityPolicy = target{sync.OnceValues(SecurityPolicy), corsexport.SecurityPolicy}
	virtualService = target{sync.OnceValues(VirtualService), corsexport.VirtualService}

	targets = map[string]target{"HTTPRoute": httpRoute, "SecurityPolicy": securityPolicy, "VirtualService": virtualService}
)

func (x target) mustKinds(t testing.TB) Kinds {
	t.Helper()
	kinds, err := x.kinds()
	require.NoError(t, err)
	return kinds
}

func shopConfig() corsrpc.Config {
	return corsrpc.Config{
		Origins: []string{"https://app.example.com", "https://*.preview.example.com", "http://localhost:5173"},
		Audiences: map[string][]string{
			"storefront": {"https://shop.example.com"},
			"backoffice": {"https://console.example.com"},
		},
		Overrides: map[string]corsrpc.Override{cart: {Credentials: corsrpc.On}},
		Resources: map[string]corsrpc.Resource{
			"/upload":      {Origins: []string{"https://shop.example.com"}, Methods: []string{"PUT", "PATCH", "DELETE"}},
			"/fonts/a.otf": {Origins: []string{"*"}},
		},
		REST: corsrpc.RESTGateway,
		Bindings: map[string][]string{
			cart + ".AddItem":       {"POST /v1/cart", "PUT /v1/cart"},
			cart + ".PurgeCarts":    {"POST /v1/admin:purge"},
			catalog + ".GetProduct": {"GET /v1/product"},
			admin + ".SetPrice":     {"* /v1/price"},
		},
		Hosts: []string{"api.example.com:8443", "www.example.com"},
	}
}

func (x target) mustExport(t testing.TB, config corsrpc.Config) []byte {
	t.Helper()
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	export, err := x.export(policy, options)
	require.NoError(t, err)
	return export.Files[0].Data
}

// The API server takes the shop's objects.
func TestShop(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"HTTPRoute": 2, "SecurityPolicy": 19, "VirtualService": 1} { // HTTPRoute has 16 rules
		objects, err := targets[name].mustKinds(t).Validate(targets[name].mustExport(t, shopConfig()))
		require.NoError(t, err, name)
		assert.Equal(t, want, objects, name)
	}
}

// The API server takes objects at the limits of the schema.
func TestLimits(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	for i := range 55 {
		config.Origins = append(config.Origins, fmt.Sprintf("https://*.%s%d.example.com:8443", strings.Repeat("a", 50), i))
	}
	for i := range 160 {
		names := make([]string, 64)
		for j := range names {
			names[j] = fmt.Sprintf("X-%s-%d", strings.Repeat("A", 200), j)
		}
		config.Resources[fmt.Sprintf("/%s/%d", strings.Repeat("a", 1000), i)] = corsrpc.Resource{
			Origins: config.Origins, RequestHeaders: names, ResponseHeaders: names, MaxAge: time.Duration(1+i/10) * time.Second,
		}
	}
	for _, x := range []target{httpRoute, securityPolicy} {
		objects, err := x.mustKinds(t).Validate(x.mustExport(t, config))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, objects, 3)
	}
}

// Controls: one change each makes the same object invalid.
func TestInvalidObjectsAreRefused(t *testing.T) {
	t.Parallel()
	httpRoute.refuses(t, map[string][2]string{
		"another kind":                   {"kind: HTTPRoute", "kind: GRPCRoute"},
		"an unknown field":               {"      cors:\n", "      cors:\n        allowPorts: true\n"},
		"a field given twice":            {"  rules:\n", "  rules: []\n  rules:\n"},
		"an origin with any port":        {"http://localhost:5173", "http://localhost:*"},
		"a scheme of one's own":          {"http://localhost:5173", "capacitor://localhost"},
		"all origins and others":         {`"http://localhost:5173"`, `"*"`},
		"a method of one's own":          {`- "PATCH"`, `- "PROPFIND"`},
		"an origin given twice":          {"http://localhost:5173", "https://app.example.com"},
		"a max-age of 0":                 {"maxAge: 7200", "maxAge: 0"},
		"a path with an escaped slash":   {"value: \"/upload\"", "value: \"/up%2Fload\""},
		"a path with a space":            {"value: \"/upload\"", "value: \"/up load\""},
		"a path with a dot segment":      {"value: \"/upload\"", "value: \"/../upload\""},
		"a path without a slash":         {"value: \"/upload\"", "value: \"upload\""},
		"a hostname with a port":         {`"www.example.com"`, `"www.example.com:80"`},
		"a name in upper case":           {`name: "corsrpc"`, `name: "Corsrpc"`},
		"a port that is none":            {"port: 8080", "port: 80800"},
		"a filter without its own field": {"type: CORS", "type: URLRewrite"},
		"two filters CORS":               {"type: ResponseHeaderModifier\n      responseHeaderModifier:\n        add:\n        - name: Vary\n          value: Origin\n", "type: CORS\n      cors: {}\n"},
	})
	securityPolicy.refuses(t, map[string][2]string{
		"another kind":                {"kind: SecurityPolicy", "kind: BackendTrafficPolicy"},
		"an unknown field":            {"  cors:\n", "  cors:\n    allowPorts: true\n"},
		"an origin with any port":     {"    - \"http://localhost:5173\"", "    - \"http://localhost:*\""},
		"an IPv6 address":             {"    - \"http://localhost:5173\"", "    - \"http://[::1]:8080\""},
		"a max-age in days":           {"maxAge: 2h0m0s", "maxAge: 1d"},
		"a merge with a Gateway":      {"    kind: HTTPRoute\n", "    kind: Gateway\n"},
		"a target of a Service":       {"    kind: HTTPRoute\n", "    kind: Service\n"},
		"no target":                   {"  targetRefs:\n", "  targetRefs: []\n  others:\n"},
		"a rule's name given twice":   {"  rules:\n", "  rules:\n  - name: \"a\"\n    backendRefs: [{name: \"shop\", port: 8080}]\n  - name: \"a\"\n    backendRefs: [{name: \"shop\", port: 8080}]\n"},
		"a rule's name in upper case": {"- name: \"cors-", "- name: \"CORS-"},
	})
	const end = "directResponse: {status: 400}"
	virtualService.refuses(t, map[string][2]string{
		"another kind":              {"kind: VirtualService", "kind: Gateway"},
		"an unknown field":          {end, end + "\n    allowPorts: true"},
		"a field given twice":       {end, end + "\n    " + end},
		"a name in upper case":      {`name: "corsrpc"`, `name: "Corsrpc"`},
		"a status that is none":     {end, "directResponse: {status: -1}"},
		"a response without status": {end, "directResponse: {}"},
		"two matches of one header": {`{regex: "GET|HEAD"}`, `{regex: "GET|HEAD", exact: "GET"}`},
		"a header that is a number": {`"cache-control": "no-store"`, `"cache-control": 1`},
		"a port that is none":       {"number: 8080", "number: -1"},
		"a max-age of 0":            {end, end + "\n    corsPolicy: {maxAge: 0s}"},
		"hosts that are no list":    {"  hosts:\n  - \"api.example.com\"\n  - \"www.example.com\"", "  hosts: api.example.com"},
	})
}

func (x target) refuses(t *testing.T, changes map[string][2]string) {
	t.Helper()
	valid := string(x.mustExport(t, shopConfig()))
	for name, change := range changes {
		require.Contains(t, valid, change[0], name)
		_, err := x.mustKinds(t).Validate([]byte(strings.Replace(valid, change[0], change[1], 1)))
		assert.Error(t, err, name)
	}
}

// The objects in the documentation are valid.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/edge-envoygateway.md")
	require.NoError(t, err)
	blocks := strings.Split(string(data), "```yaml\n")[1:]
	assert.Len(t, blocks, 2)
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```\n")
		objects, err := securityPolicy.mustKinds(t).Validate([]byte(block))
		require.NoError(t, err, block)
		assert.Equal(t, 1, objects)
	}
}

// Whatever is printed is valid, and else a Refusal says why not.
func TestRandomPolicies(t *testing.T) {
	t.Parallel()
	printed := map[string]int{}
	for seed := range *policies {
		r := rand.New(rand.NewPCG(uint64(seed), 41))
		text := func(characters string, most int) string {
			var b strings.Builder
			for range 1 + r.IntN(most) {
				b.WriteByte(characters[r.IntN(len(characters))])
			}
			return b.String()
		}
		const all = "abcXYZ019 \t\n\"'`$;{}#\\()[]*+?.|^~!&%@:=,<>/-_\xc3\xbc"
		o, path, characters := options, "/"+text("abcXYZ019-._~!$&'()+,;=:@", 20), "abc-09"
		if r.IntN(3) == 0 {
			path, characters = "/"+text(all, 20), "aZ.-_[]:*"
			o.Name, o.Namespace, o.Gateway, o.Upstream = text("a.-9A/", 4), text("a-9", 3), text("a-/", 3), text("a-9.", 3)
		}
		origin, header, host, template := "https://"+text(characters, 12)+".example.com", "X-"+text("aZ9$'`|~!#%&*+-.^_", 10), text("abc-09", 9)+".example.com", "/v1/"+text("aZ9-._~!$&'()+,;=:@", 8)
		for name, x := range targets {
			// Without a gate, calls are refused, and bindings cannot be said.
			o.BehindGate = name != "VirtualService" || seed%2 == 0
			if x.check(t, o, origin, path, header, host, template) {
				printed[name]++
			}
		}
	}
	for name := range targets {
		assert.Greater(t, printed[name], *policies/4, name)
	}
}

func FuzzHTTPRoute(f *testing.F) { httpRoute.fuzz(f) }

func FuzzSecurityPolicy(f *testing.F) { securityPolicy.fuzz(f) }

func FuzzVirtualService(f *testing.F) { virtualService.fuzz(f) }

func (x target) fuzz(f *testing.F) {
	f.Add("corsrpc", "shop", "infra/public", "shop", "https://app.example.com", "/upload", "X-Name", "api.example.com", "/v1/item:read")
	f.Add("a.b", "", "x", "s", "http://[::1]:*", "/a b/%2f/{x}", "X-'$`|~", "localhost:8080", "/v1/*:purge")
	f.Add("-", "A", "/", "", "app://x", "/~.#:\n\"", "*", "1.2.3.4", "/a/../b")
	f.Fuzz(func(t *testing.T, name, namespace, gateway, upstream, origin, path, header, host, template string) {
		x.check(t, corsexport.Options{BehindGate: len(name)%2 == 0, Name: name, Namespace: namespace, Gateway: gateway, Upstream: upstream, Port: 80}, origin, path, header, host, template)
	})
}

// check makes a policy of texts, without those that New does not take, and
// reports whether it can be exported.
func (x target) check(t testing.TB, o corsexport.Options, origin, path, header, host, template string) bool {
	t.Helper()
	config := shopConfig()
	config.Origins = append(config.Origins, origin)
	config.DangerouslyAllowInsecureOrigins, config.DangerouslyAllowPublicSuffixes = true, true
	config.RequestHeaders, config.ResponseHeaders = []string{header}, []string{header}
	config.Hosts = []string{host}
	config.Bindings[catalog+".GetProduct"] = []string{"GET " + template}
	config.Resources[path] = corsrpc.Resource{Origins: []string{"https://app.example.com"}, RequestHeaders: []string{header}}
	if !o.BehindGate {
		config.REST, config.Bindings = corsrpc.RESTNone, nil
	}
	policy, err := corsrpc.New(config)
	for range 6 { // without what it does not take
		var mistake *corsrpc.ConfigError
		if !errors.As(err, &mistake) {
			break
		}
		switch field, _, _ := strings.Cut(mistake.Field, "["); field {
		case "Origins":
			config.Origins = config.Origins[:3]
		case "Resources":
			delete(config.Resources, path)
		case "RequestHeaders", "ResponseHeaders":
			config.RequestHeaders, config.ResponseHeaders = nil, nil
		case "Hosts":
			config.Hosts = nil
		default:
			delete(config.Bindings, catalog+".GetProduct")
		}
		policy, err = corsrpc.New(config)
	}
	require.NoError(t, err)
	export, err := x.export(policy, o)
	if err != nil {
		var refusal *corsexport.Refusal
		require.True(t, errors.As(err, &refusal), "%v", err)
		assert.NotEmpty(t, refusal.Field, err)
		assert.NotEmpty(t, refusal.Problem, err)
		assert.NotEmpty(t, refusal.Fix, err)
		return false
	}
	objects, err := x.mustKinds(t).Validate(export.Files[0].Data)
	require.NoError(t, err, "%s", export.Files[0].Data)
	assert.NotZero(t, objects)
	return true
}

package corsexport

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// An apacheTest is what Apache is started with.
type apacheTest struct {
	policy   *corsrpc.Policy
	options  Options
	upstream string // URL
	// before and after are further lines of the virtual host, around the policy's.
	before, after string
	// raw means that Apache passes paths on as they were sent.
	raw bool
	// outside means that the policy is included outside of the virtual host.
	outside bool
}

// config returns the configuration.
func (a apacheTest) config(t testing.TB) string {
	t.Helper()
	export, err := Apache(a.policy, a.options)
	require.NoError(t, err)
	require.Len(t, export.Files, 1)
	raw, slashes := "", ""
	if a.raw {
		raw, slashes = "nocanon", "AllowEncodedSlashes NoDecode"
	}
	inside, outside := string(export.Files[0].Data), ""
	if a.outside {
		inside, outside = outside, inside
	}
	return fmt.Sprintf(`
%s
<VirtualHost %s>
	ServerName api.example.com
	%s
	%s
	%s
	ProxyPreserveHost On
	%s
	ProxyPass / %s/ %s
</VirtualHost>
`, outside, proxies.ApacheListen, slashes, a.before, inside, a.after, a.upstream, raw)
}

// start runs Apache and returns its URL.
func (a apacheTest) start(t testing.TB) string {
	t.Helper()
	proxies.RequireApache(t)
	return proxies.StartApache(t, a.config(t))
}

// The shop's whole matrix, where Apache passes paths on as they were sent, and
// where it decodes them.
func TestApacheWithTheShop(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, shopConfig())
	size := 5000
	if *edgeAll {
		size = 0
	}
	for _, raw := range []bool{true, false} {
		t.Run(fmt.Sprint(raw), func(t *testing.T) {
			t.Parallel()
			backend, upstream := serve(t)
			edge := apacheTest{policy: policy, upstream: upstream, raw: raw}.start(t)
			t.Log(compareApache(t, edge, policy, edgetest.Options{Backend: backend, Size: size}))
		})
	}
}

// Random policies behave in Apache as they do in Wrap, apart from differences that
// open nothing and take nothing from pages that call as they should.
func TestApacheWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	totals := make(chan map[string]int, policies)
	t.Cleanup(func() {
		close(totals)
		sum := make(map[string]int)
		for counts := range totals {
			for reason, n := range counts {
				sum[reason] += n
			}
		}
		t.Log(sum)
	})
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, uint64(seed))
			backend, upstream := serve(t)
			edge := apacheTest{policy: policy, upstream: upstream, raw: seed%2 == 0}.start(t)
			totals <- compareApache(t, edge, policy, edgetest.Options{Backend: backend, Size: size, Seed: uint64(seed)})
		})
	}
}

// Requests to other spellings of bindings and resources, which the matrix does not
// have.
func TestApacheOtherSpellingsWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	policies, size := uint64(8), 600
	if *edgeAll {
		policies, size = 100, 20_000
	}
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, seed)
			backend, upstream := serve(t)
			edge := apacheTest{policy: policy, upstream: upstream, raw: seed%2 == 0}.start(t)
			compareApache(t, edge, policy, edgetest.Options{Backend: backend, Requests: otherSpellings(t, seed, size)})
		})
	}
}

// Each option alone, for a schema with and without bindings.
func TestApacheWithOptions(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	hosts := []string{"api.example.com", "api.test:8443", "[::1]:8080"}
	size := 800
	if *edgeAll {
		size = *edgeSize
	}
	for name, test := range map[string]struct {
		change  func(*corsrpc.Config)
		options Options
	}{
		"nothing":                               {func(*corsrpc.Config) {}, Options{}},
		"RequireHosts":                          {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = hosts, true }, Options{}},
		"RequireFetchMetadata":                  {func(c *corsrpc.Config) { c.RequireFetchMetadata = true }, Options{}},
		"RequireHosts and RequireFetchMetadata": {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts, c.RequireFetchMetadata = hosts, true, true }, Options{}},
		"no hosts":                              {func(c *corsrpc.Config) { c.Hosts = []string{} }, Options{}},
		"other Hosts":                           {func(*corsrpc.Config) {}, Options{Hosts: []string{"api.example.com"}}},
		"Prefix":                                {func(*corsrpc.Config) {}, Options{Prefix: "Team_1"}},
		"Credentials":                           {func(c *corsrpc.Config) { c.Credentials = true }, Options{}},
		// The shop's cart has a procedure that is stricter than the service, then.
		"closed services": {func(c *corsrpc.Config) {
			if c.Files == nil {
				c.Services, c.Overrides = []string{catalog, admin}, nil
			}
		}, Options{}},
		"ReportOnly":                   {func(c *corsrpc.Config) { c.ReportOnly = true }, Options{}},
		"PathPrefix":                   {func(c *corsrpc.Config) { c.PathPrefix = "/api/it's-$1" }, Options{}},
		"BehindGate":                   {func(*corsrpc.Config) {}, Options{BehindGate: true}},
		"BehindGate with RequireHosts": {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = hosts, true }, Options{BehindGate: true}},
	} {
		for schema, config := range map[string]corsrpc.Config{"shop": shopConfig(), "library": libraryConfig(t)} {
			t.Run(name+" "+schema, func(t *testing.T) {
				t.Parallel()
				test.change(&config)
				policy := mustPolicy(t, config)
				backend, upstream := serve(t)
				edge := apacheTest{policy: policy, options: test.options, upstream: upstream, raw: true}.start(t)
				requests := func(yield func(edgetest.Request) bool) {
					for r := range edgetest.Matrix(policy, "api.example.com") {
						// See TestNginxBehindGate.
						plain := r.Method == http.MethodOptions && !slices.ContainsFunc(r.Header, func(l edgetest.Line) bool { return l.Name == "Origin" })
						if !(plain && test.options.BehindGate) && !yield(r) {
							return
						}
					}
				}
				compareApache(t, edge, policy, edgetest.Options{Backend: backend, BehindGate: test.options.BehindGate, Requests: requests, Size: size})
			})
		}
	}
}

// The strictest of several bindings on one path counts.
func TestApacheWithOverlappingBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.REST = corsrpc.RESTGateway
	config.Overrides = map[string]corsrpc.Override{cart + ".AddItem": {Credentials: corsrpc.On}}
	config.Bindings = map[string][]string{cart + ".AddItem": {"POST /v1/items/*"}, cart + ".ImportItems": {"POST /v1/items/special"}}
	policy := mustPolicy(t, config)
	backend, upstream := serve(t)
	edge := apacheTest{policy: policy, upstream: upstream}.start(t)
	for path, want := range map[string][]string{"/v1/items/1": {"true"}, "/v1/items/special": nil} {
		response := get(t, "POST", edge+path, "Origin", shopper)
		assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"], path)
		assert.Equal(t, want, response.Header["Access-Control-Allow-Credentials"], path)
	}
	compareApache(t, edge, policy, edgetest.Options{Backend: backend, Size: 1000})
}

// One expression for several services matches what theirs do.
func TestAliasesOf(t *testing.T) {
	t.Parallel()
	names := []string{cart, catalog, admin, "acme.shop.v1.Cart", "acme.shop.v2.CartService", "grpc.health.v1.Health", "Kiosk"}
	r := rand.New(rand.NewPCG(1, 23))
	matched := 0
	for range 400 {
		some := slices.DeleteFunc(slices.Clone(names), func(string) bool { return chance(r, 2) })
		if len(some) == 0 {
			continue
		}
		path := "/" + pick(r, names) + pick(r, []string{"/X", ";v=1/X", "%3B/X", "\\X", "X/", ""})
		for range r.IntN(3) {
			path = pick(r, someSpellings)(path)
		}
		want := slices.ContainsFunc(some, func(name string) bool { return regexp.MustCompile(aliasRegexp(name)).MatchString(path) })
		lower := make([]string, len(some))
		for i, name := range some {
			lower[i] = strings.ToLower(name)
		}
		got := slices.ContainsFunc(aliasesWithin(lower, pick(r, []int{1, 3000, 100_000})), func(e string) bool { return regexp.MustCompile(e).MatchString(path) })
		assert.Equal(t, want, got, "%q of %q", path, some)
		if want {
			matched++
		}
	}
	assert.Greater(t, matched, 60)
}

package corsexport

import (
	"fmt"
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
	withOptions(t, 800, func(t *testing.T, p *corsrpc.Policy, o Options, upstream string, run edgetest.Options) {
		compareApache(t, apacheTest{policy: p, options: o, upstream: upstream, raw: true}.start(t), p, run)
	})
}

// The names of all variables begin with the prefix.
func TestApacheWithPrefix(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, libraryConfig(t))
	backend, upstream := serve(t)
	edge := apacheTest{policy: policy, options: Options{Prefix: "Team_1"}, upstream: upstream, raw: true}.start(t)
	compareApache(t, edge, policy, edgetest.Options{Backend: backend, Size: 800})
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

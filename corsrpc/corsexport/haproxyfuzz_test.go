package corsexport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Whatever is printed loads, without a warning, or a Refusal says why not.
func FuzzHAProxyLoads(f *testing.F) {
	proxies.RequireHAProxy(f)
	for _, seed := range [][9]string{
		{"corsrpc", "base", "upstream", "corsrpc", app, "/fonts/{x}/", "X-Name", "api.example.com", "/v1/products/*:read"},
		{"p", "a b", "up#x", "x y", "http://[::1]:*", `/a"b'c$d;e{f}#g`, "X-$'`|~", "localhost:8080", "/v1/%[path]/**"},
		{"HTTP", "", "", "a,b)", "https://*.example.com:8443", "/a\nb\\c/", "%t", "1.2.3.4", "/**:a:b"},
		{"a b;", "base\nfrontend x", "%", "..", "capacitor://$host_[x]~.:", "/^(.*)+[/", "#X", "a..b", "/%7B*/**"},
		{"$x", "base", "upstream", "'", "app://" + strings.Repeat("x", 17000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 9000), "x", "/" + strings.Repeat("sk/", 31) + "x"},
		{"corsrpc", "base", "upstream", "corsrpc", app, "/fonts/", "X-Name", "api.example.com", "/v1/a%0Ab:c%0Dd%00"},
		{"acl", "base", "upstream", `\`, "app://if", "/if/unless", "if", "default", "/" + strings.Repeat("s", 2000)},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5], seed[6], seed[7], seed[8])
	}
	f.Fuzz(func(t *testing.T, prefix, defaults, upstream, dir, o, path, name, host, template string) {
		checkHAProxyLoads(t, Options{Prefix: prefix, Defaults: defaults, Upstream: upstream, Dir: dir}, policyOf(t, o, path, name, host, template))
	})
}

// Texts of characters that mean something to HAProxy or to expressions.
func TestHAProxyLoadsSpecialCharacters(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	draws := uint64(60)
	if *edgeAll {
		draws = 3000
	}
	printed := 0
	for seed := range draws {
		r := rand.New(rand.NewPCG(seed, 20))
		o := Options{Defaults: "base", Upstream: "upstream", Dir: "x"}
		for _, option := range []*string{&o.Prefix, &o.Defaults, &o.Upstream, &o.Dir} {
			if chance(r, 8) {
				*option = someText(r, specialCharacters)
			}
		}
		origin, path, name, host, template := specialTexts(r)
		policy := policyOf(t, origin, path, name, host, template)
		if checkHAProxyLoads(t, o, policy) {
			printed++
		}
	}
	assert.Greater(t, printed, int(draws/4))
}

// Random policies load without a warning.
func TestHAProxyLoads(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	for seed := range uint64(20) {
		policy, err := newPolicy(someConfig(rand.New(rand.NewPCG(seed, 18))))
		require.NoError(t, err)
		checkHAProxyLoads(t, Options{Defaults: "base", Upstream: "upstream"}, policy)
	}
}

// checkHAProxyLoads reports whether HAProxy can have a policy. Options.Dir becomes
// a directory of that name.
func checkHAProxyLoads(t testing.TB, o Options, policy *corsrpc.Policy) bool {
	t.Helper()
	dir := t.TempDir()
	o.Dir = dir + "/" + o.Dir
	export, err := HAProxy(policy, o)
	if err != nil {
		checkRefusals(t, err)
		return false
	}
	// What HAProxy cannot refer to, it has not.
	defaults, upstream := o.Defaults, o.Upstream
	if defaults == "" {
		defaults = "unused"
	}
	if upstream == "" {
		upstream = "unused"
	}
	base := writeFile(t, dir, "base", fmt.Sprintf("global\n\tnbthread 1\ndefaults %s\n\tmode http\n\ttimeout client 1s\n\ttimeout connect 1s\n\ttimeout server 1s\nbackend %s from %s\n\tserver s 127.0.0.1:1\n", defaults, upstream, defaults))
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return false // no directory has this name here
	}
	for _, file := range export.Files {
		writeFile(t, o.Dir, file.Name, string(file.Data))
	}
	prefix := strings.TrimSuffix(export.Files[0].Name, ".cfg")
	frontend := writeFile(t, dir, "frontend", fmt.Sprintf("frontend corsrpc_test from %s\n\tbind %s\n\ttimeout client 1s\n\tdefault_backend %s\n", prefix, proxies.HAProxyBind, upstream))
	output, err := proxies.CheckHAProxy(t, base, filepath.Join(o.Dir, export.Files[0].Name), frontend)
	assert.NoError(t, err, "%s", output)
	assert.NotContains(t, output, "[WARNING]")
	return true
}

// What HAProxy cannot say is refused, with the rule, the field and the value.
func TestHAProxyRefusals(t *testing.T) {
	t.Parallel()
	longList, longPath, longOrigin, longTemplate := shopConfig(), shopConfig(), shopConfig(), shopConfig()
	for i := range 80 {
		longList.ResponseHeaders = append(longList.ResponseHeaders, fmt.Sprintf("X-%s-%d", strings.Repeat("a", 100), i))
	}
	longPath.Resources = map[string]corsrpc.Resource{"/" + strings.Repeat("a", 3000): {}}
	longOrigin.Origins = []string{"app://" + strings.Repeat("x", 17_000)}
	longTemplate.REST = corsrpc.RESTGateway
	longTemplate.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /" + strings.Repeat("a", 1000)}}
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    Refusal // without Problem and Fix, and the beginning of Value
	}{
		{"a relative directory", shopConfig(), Options{Dir: "corsrpc"}, Refusal{Field: "Options.Dir", Value: "corsrpc"}},
		{"no directory", shopConfig(), Options{}, Refusal{Field: "Options.Dir"}},
		{"a directory with a comma", shopConfig(), Options{Dir: "/etc/a,b"}, Refusal{Field: "Options.Dir", Value: "/etc/a,b"}},
		{"a section with a space", shopConfig(), Options{Dir: "/etc", Defaults: "a b"}, Refusal{Field: "Options.Defaults", Value: "a b"}},
		{"a backend with a line break", shopConfig(), Options{Dir: "/etc", Upstream: "a\nb"}, Refusal{Field: "Options.Upstream", Value: "a\nb"}},
		{"a section of its own name", shopConfig(), Options{Dir: "/etc", Defaults: "base", Prefix: "base"}, Refusal{Field: "Options.Prefix", Value: "base"}},
		{"a prefix with a space", shopConfig(), Options{Dir: "/etc", Prefix: "a b"}, Refusal{Field: "Options.Prefix", Value: "a b"}},
		{"a list longer than HAProxy can add", longList, Options{Dir: "/etc"}, Refusal{Rule: "/acme.shop.v1.AdminService/", Field: "ResponseHeaders", Value: "Grpc-Message, Grpc-S"}},
		{"a path longer than a line of a map", longPath, Options{Dir: "/etc"}, Refusal{Rule: "/" + strings.Repeat("a", 3000), Field: "Path"}},
		{"an origin longer than a line of a map", longOrigin, Options{Dir: "/etc"}, Refusal{Rule: "/acme.shop.v1.CartService/TrackOrder", Field: "Origins"}},
		{"a template longer than an expression", longTemplate, Options{Dir: "/etc"}, Refusal{Rule: "/" + strings.Repeat("a", 1000), Field: "Path", Value: "/aaaaaaaaaaaaaaaaaaa"}},
	} {
		policy, err := corsrpc.New(tt.config)
		require.NoError(t, err, tt.name)
		export, err := HAProxy(policy, tt.options)
		require.Error(t, err, tt.name)
		assert.Nil(t, export, tt.name)
		got := checkRefusals(t, err)[0]
		assert.Equal(t, tt.want.Rule, got.Rule, tt.name)
		assert.Equal(t, tt.want.Field, got.Field, tt.name)
		assert.True(t, strings.HasPrefix(got.Value, tt.want.Value), "%s: %s", tt.name, got.Value)
	}
	_, err := HAProxy(nil, Options{})
	assert.EqualError(t, err, "corsexport: nil policy: make one with corsrpc.New, and check its error")
	_, err = HAProxy(new(corsrpc.Policy), Options{Dir: "/etc"})
	var refusal *Refusal
	require.True(t, errors.As(err, &refusal))
	assert.Equal(t, "Config", refusal.Field)
}

// Notes are about what the policy has.
func TestHAProxyNotes(t *testing.T) {
	t.Parallel()
	services, err := HAProxy(mustPolicy(t, shopConfig()), Options{Dir: "/etc"})
	require.NoError(t, err)
	assert.Len(t, services.Notes, 3)
	assert.Contains(t, services.Notes[0], "alias")
	assert.Contains(t, services.Notes[1], "navigations")
	assert.Contains(t, services.Notes[2], "Vary")
	behind, err := HAProxy(mustPolicy(t, shopConfig()), Options{Dir: "/etc", BehindGate: true})
	require.NoError(t, err)
	assert.Len(t, behind.Notes, 1, "the gate decides about aliases")
}

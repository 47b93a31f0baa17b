package corsexport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Whatever is printed loads, without a warning, or a Refusal says why not.
func FuzzApacheLoads(f *testing.F) {
	proxies.RequireApache(f)
	for _, seed := range [][6]string{
		{"corsrpc", app, "/fonts/{x}/", "X-Name", "api.example.com", "/v1/products/*:read"},
		{"p", "http://[::1]:*", `/a"b'c$d;e{f}#g`, "X-$'`|~", "localhost:8080", "/v1/%{path}/**"},
		{"HTTP", "https://*.example.com:8443", "/a\nb\\c/", "%t", "1.2.3.4", "/**:a:b"},
		{"a b;", "capacitor://$host_[x]~.:", "/</If>${PATH}^(.*)+[/", "#X", "a..b", "/%7B*/**"},
		{"$x", "app://" + strings.Repeat("x", 9000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 9000), "x", "/" + strings.Repeat("sk/", 31) + "x"},
		{"expr", "app://expr=true", "/expr/env", "expr", "default", "/" + strings.Repeat("s", 2000)},
		{"corsrpc", app, "/" + strings.Repeat("a", 3000), "X-Name", "api.example.com", "/v1/a%23b%0Ac:d%0De%00"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, prefix, o, path, name, host, template string) {
		checkApacheLoads(t, policyOf(t, o, path, name, host, template), Options{Prefix: prefix})
	})
}

// Texts of characters that mean something to Apache or to expressions.
func TestApacheLoadsSpecialCharacters(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	draws := uint64(60)
	if *edgeAll {
		draws = 3000
	}
	printed := 0
	for seed := range draws {
		r := rand.New(rand.NewPCG(seed, 22))
		prefix := "corsrpc"
		if chance(r, 4) {
			prefix = someText(r, specialCharacters)
		}
		o, path, name, host, template := specialTexts(r)
		policy := policyOf(t, o, path, name, host, template)
		if checkApacheLoads(t, policy, Options{Prefix: prefix}) {
			printed++
		}
	}
	assert.Greater(t, printed, int(draws/4))
}

// Random policies load without a warning.
func TestApacheLoads(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	for seed := range uint64(20) {
		policy, err := newPolicy(someConfig(rand.New(rand.NewPCG(seed, 18))))
		require.NoError(t, err)
		checkApacheLoads(t, policy, Options{})
	}
}

// checkApacheLoads reports whether Apache can have a policy.
func checkApacheLoads(t testing.TB, policy *corsrpc.Policy, o Options) bool {
	t.Helper()
	export, err := Apache(policy, o)
	if err != nil {
		checkRefusals(t, err)
		return false
	}
	assert.NotContains(t, string(export.Files[0].Data), "${", "Apache reads it as a variable, in comments too")
	output, err := proxies.CheckApache(t, apacheTest{policy: policy, options: o, upstream: "http://127.0.0.1:1"}.config(t))
	assert.NoError(t, err, "%s", output)
	assert.Equal(t, "Syntax OK\n", output)
	return true
}

// What Apache cannot say is refused, with the rule, the field and the value.
func TestApacheRefusals(t *testing.T) {
	t.Parallel()
	longPath, longOrigin, longTemplate := shopConfig(), shopConfig(), shopConfig()
	longPath.Resources = map[string]corsrpc.Resource{"/" + strings.Repeat("a", 3000): {}}
	longOrigin.Origins = []string{"app://" + strings.Repeat("x", 9000)}
	longTemplate.REST = corsrpc.RESTGateway
	longTemplate.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /" + strings.Repeat("a", 1000)}}
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    Refusal // without Problem and Fix, and the beginning of Value
	}{
		{"a prefix of Apache's own", shopConfig(), Options{Prefix: "Redirect_a"}, Refusal{Field: "Options.Prefix", Value: "Redirect_a"}},
		{"a prefix with a space", shopConfig(), Options{Prefix: "a b"}, Refusal{Field: "Options.Prefix", Value: "a b"}},
		{"a path longer than an expression", longPath, Options{}, Refusal{Rule: "/" + strings.Repeat("a", 3000), Field: "Path", Value: "/aaaaaaaaaaaaaaaaaaa"}},
		{"an origin longer than an expression", longOrigin, Options{}, Refusal{Field: "Origins", Value: "app://xxxxxxxxx"}},
		{"a template longer than an expression", longTemplate, Options{}, Refusal{Rule: "/" + strings.Repeat("a", 1000), Field: "Path", Value: "/aaaaaaaaaaaaaaaaaaa"}},
	} {
		export, err := Apache(mustPolicy(t, tt.config), tt.options)
		require.Error(t, err, tt.name)
		assert.Nil(t, export, tt.name)
		got := checkRefusals(t, err)[0]
		assert.Equal(t, tt.want.Rule, got.Rule, tt.name)
		assert.Equal(t, tt.want.Field, got.Field, tt.name)
		assert.True(t, strings.HasPrefix(got.Value, tt.want.Value), "%s: %s", tt.name, got.Value)
	}
	_, err := Apache(nil, Options{})
	assert.EqualError(t, err, "corsexport: nil policy: make one with corsrpc.New, and check its error")
	_, err = Apache(new(corsrpc.Policy), Options{})
	var refusal *Refusal
	require.True(t, errors.As(err, &refusal))
	assert.Equal(t, "Config", refusal.Field)
}

// A number sign is what ends Apache's expressions.
func TestApacheLoadsEscapesOfTemplates(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	config := shopConfig()
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{catalog + ".GetProduct": {"POST /v1/a%23b%22'$1/*:c%23"}}
	assert.True(t, checkApacheLoads(t, mustPolicy(t, config), Options{}))
}

// Many hosts, origins and header names take several conditions.
func TestApacheLoadsLongLists(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	config := shopConfig()
	config.RequireHosts = true
	for i := range 400 {
		config.Hosts = append(config.Hosts, fmt.Sprintf("host-%d-%x.example.com", i, i*7919))
		config.Origins = append(config.Origins, fmt.Sprintf("https://page-%d-%x.example.com", i, i*7919))
		config.ResponseHeaders = append(config.ResponseHeaders, fmt.Sprintf("X-%s-%d", strings.Repeat("a", 100), i))
	}
	assert.True(t, checkApacheLoads(t, mustPolicy(t, config), Options{}))
}

package corsexport

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func mustSecurityPolicy(t testing.TB, config corsrpc.Config, o Options) *Export {
	t.Helper()
	export, err := SecurityPolicy(mustPolicy(t, config), o)
	require.NoError(t, err)
	return export
}

// What a SecurityPolicy cannot say is refused, with the rule, the field and the
// value; and it says more than HTTPRoute.
func TestSecurityPolicyRefusals(t *testing.T) {
	t.Parallel()
	with := func(change func(*corsrpc.Config)) corsrpc.Config {
		config := routableConfig()
		change(&config)
		return config
	}
	origins := func(origins ...string) corsrpc.Config {
		return with(func(c *corsrpc.Config) {
			c.Origins, c.DangerouslyAllowInsecureOrigins = origins, true
		})
	}
	resources := func(keys ...string) corsrpc.Config {
		return with(func(c *corsrpc.Config) {
			c.Resources = map[string]corsrpc.Resource{}
			for _, key := range keys {
				c.Resources[key] = corsrpc.Resource{Origins: []string{app}, MaxAge: -1, Methods: []string{"PROPFIND"}}
			}
		})
	}
	var many, names []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("https://app%d.example.com", i))
		names = append(names, fmt.Sprintf("X-Name-%d", i))
	}
	option := func(change func(*Options)) Options {
		o := kubeOptions
		change(&o)
		return o
	}
	first := "/" + cart + "/TrackOrder"
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    []Refusal // without Problem and Fix
	}{
		{"nothing", routableConfig(), kubeOptions, nil},
		{"no gate", routableConfig(), option(func(o *Options) { o.BehindGate = false }), []Refusal{{Field: "Options.BehindGate"}}},
		{"no options", routableConfig(), Options{BehindGate: true}, []Refusal{{Field: "Options.Gateway"}, {Field: "Options.Upstream"}, {Field: "Options.Port", Value: "0"}}},
		{"an address as host", routableConfig(), option(func(o *Options) { o.Hosts = []string{"127.0.0.1:80"} }), []Refusal{{Field: "Options.Hosts[0]", Value: "127.0.0.1:80"}}},
		{"17 hosts", routableConfig(), option(func(o *Options) {
			for i := range 17 {
				o.Hosts = append(o.Hosts, fmt.Sprintf("h%d.example.com", i))
			}
		}), []Refusal{{Field: "Options.Hosts", Value: "17"}}},
		{"any port", origins("http://localhost:*"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "http://localhost:*"}}},
		{"an IPv6 address", origins("http://[::1]:8080"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "http://[::1]:8080"}}},
		{"another scheme", origins("capacitor://localhost", "https://a_b.example.com"), kubeOptions, nil},
		{"200 origins", origins(many...), kubeOptions, nil},
		{"200 names, methods of one's own, no caching", with(func(c *corsrpc.Config) {
			c.Resources = map[string]corsrpc.Resource{"/upload": {Origins: []string{app}, RequestHeaders: names, ResponseHeaders: names, Methods: []string{"PROPFIND"}, MaxAge: -1}}
		}), kubeOptions, nil},
		{"a subtree, and braces", resources("/fonts/", "/products/{id}/photo"), kubeOptions, nil},
		{"subtrees in one", resources("/fonts/", "/fonts/free/"), kubeOptions, []Refusal{{Rule: "/fonts/free/", Field: "Path", Value: "/fonts/free/"}, {Rule: "/fonts/", Field: "Path", Value: "/fonts/"}}},
		{"a path in a subtree", resources("/fonts/", "/fonts/a.otf"), kubeOptions, []Refusal{{Rule: "/fonts/", Field: "Path", Value: "/fonts/"}}},
		{"a path in a subtree, in other letters", resources("/fonts/", "/Fonts/a.otf"), kubeOptions, []Refusal{{Rule: "/fonts/", Field: "Path", Value: "/fonts/"}}},
		{"everything", resources("/"), kubeOptions, []Refusal{{Rule: "/", Field: "Path", Value: "/"}}},
		{"braces at the beginning", resources("/{id}/x", "/fonts/"), kubeOptions, []Refusal{{Rule: "/fonts/", Field: "Path", Value: "/fonts/"}, {Rule: "/{id}/x", Field: "Path", Value: "/{id}/x"}}},
		{"a subtree above services", with(func(c *corsrpc.Config) {
			c.PathPrefix, c.Resources = "/api", map[string]corsrpc.Resource{"/api/": {Origins: []string{app}}}
		}), kubeOptions, []Refusal{{Rule: "/api/", Field: "Path", Value: "/api/"}}},
		{"a subtree above bindings", resources("/v1/"), kubeOptions, []Refusal{{Rule: "/v1/", Field: "Path", Value: "/v1/"}}},
		{"a long expression", resources("/fonts/" + strings.Repeat("{a}/", 6)), kubeOptions, []Refusal{{Rule: "/fonts/" + strings.Repeat("{a}/", 6), Field: "Path"}}},
		{"a binding with a variable part", with(func(c *corsrpc.Config) {
			c.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /v1/products/*"}}
		}), kubeOptions, []Refusal{{Rule: "/v1/products/*", Field: "Path", Value: "/v1/products/*"}}},
		{"bindings that differ", with(func(c *corsrpc.Config) {
			c.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /v1/cart"}, cart + ".AddItem": {"POST /v1/cart"}}
		}), kubeOptions, []Refusal{{Rule: "/v1/cart", Field: "Methods"}}},
	} {
		export, err := SecurityPolicy(mustPolicy(t, tt.config), tt.options)
		if tt.want == nil {
			assert.NoError(t, err, tt.name)
			continue
		}
		require.Error(t, err, tt.name)
		assert.Nil(t, export, tt.name)
		var got []Refusal
		for i, r := range checkRefusals(t, err) {
			short := Refusal{Rule: r.Rule, Field: r.Field, Value: r.Value}
			if i < len(tt.want) && tt.want[i].Value == "" {
				short.Value = ""
			}
			got = append(got, short)
		}
		assert.ElementsMatch(t, tt.want, got, tt.name)
	}
}

// The names of rules and objects depend on lists alone, so that nothing is for a
// rule with other lists while objects are replaced one by one.
func TestSecurityPolicyNames(t *testing.T) {
	t.Parallel()
	names := func(config corsrpc.Config) map[string]string { // of each field cors
		all := map[string]string{}
		for object := range strings.SplitSeq(string(mustSecurityPolicy(t, config, kubeOptions).Files[0].Data), "---\n") {
			if head, cors, found := strings.Cut(object, "  cors:\n"); found {
				_, section, _ := strings.Cut(head, "sectionName: \"cors-")
				section, _, _ = strings.Cut(section, "\"")
				assert.Contains(t, head, "name: \"corsrpc-"+section+"\"", "policy and rule have one digest")
				all[cors] = section
			}
		}
		return all
	}
	before := names(routableConfig())
	config := routableConfig()
	config.Resources = map[string]corsrpc.Resource{"/a": {Origins: []string{evil}}, "/fonts/a.otf": {Origins: []string{"*"}}}
	config.Overrides = map[string]corsrpc.Override{catalog: {Origins: []string{shopper}}}
	after := names(config)
	same, digests := 0, map[string]bool{}
	for cors, name := range after {
		if before[cors] != "" {
			same++
			assert.Equal(t, before[cors], name)
		}
		assert.False(t, digests[name])
		digests[name] = true
	}
	assert.Positive(t, same)
	assert.Less(t, same, len(after))
}

// More than 64 paths with one list take several rules, with a name each.
func TestSecurityPolicyOfManyPaths(t *testing.T) {
	t.Parallel()
	config := routableConfig()
	config.Resources = map[string]corsrpc.Resource{}
	for i := range 300 {
		config.Resources[fmt.Sprintf("/files/%d", i)] = corsrpc.Resource{Origins: []string{app}, MaxAge: 90 * time.Minute}
	}
	data := string(mustSecurityPolicy(t, config, kubeOptions).Files[0].Data)
	_, policy, found := strings.Cut(data, "maxAge: 1h30m0s\n")
	require.True(t, found)
	policy = data[:len(data)-len(policy)]
	policy = policy[strings.LastIndex(policy, "---\n"):]
	targets := strings.Count(policy, "sectionName:")
	assert.GreaterOrEqual(t, targets, 5, policy)
	for block := range strings.SplitSeq(policy, "  - group:") {
		if _, name, found := strings.Cut(block, "    name: "); found {
			route, section, _ := strings.Cut(name, "\n    sectionName: ")
			section, _, _ = strings.Cut(section, "\n")
			_, object, found := strings.Cut(data, "kind: HTTPRoute\nmetadata:\n  name: "+route+"\n")
			require.True(t, found, route)
			object, _, _ = strings.Cut(object, "---\n")
			assert.Equal(t, 1, strings.Count(object, "  - name: "+section+"\n"), "%s of %s", section, route)
		}
	}
}

// Notes say what is weaker or stricter than Wrap.
func TestSecurityPolicyNotes(t *testing.T) {
	t.Parallel()
	always := strings.Join(mustSecurityPolicy(t, routableConfig(), kubeOptions).Notes, "\n")
	for _, words := range []string{"No call is refused", "200 without", noPage, "it must set none", "Another spelling", "must not have cors"} {
		assert.Contains(t, always, words)
	}
	config := routableConfig()
	config.Hosts, config.RequireHosts = []string{"api.example.com"}, true
	notes := mustSecurityPolicy(t, config, kubeOptions).Notes
	for _, words := range []string{"without its port", "other hosts"} {
		assert.NotContains(t, always, words)
		assert.Contains(t, strings.Join(notes, "\n"), words)
	}
	for _, note := range notes {
		assert.Regexp(t, `^[A-Z][^\n]*\.$`, note, "one sentence")
	}
}

package corsexport

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func hostedConfig() corsrpc.Config {
	config := shopConfig()
	config.Hosts = []string{"api.example.com"}
	return config
}

func TestEnvoyRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(c *corsrpc.Config, o *Options)
		want   Refusal // without Problem and Fix
	}{
		"no cluster": {
			func(_ *corsrpc.Config, o *Options) { o.Upstream = "" },
			Refusal{Field: "Options.Upstream"},
		},
		"a cluster with a line end": {
			func(_ *corsrpc.Config, o *Options) { o.Upstream = "a\nb" },
			Refusal{Field: "Options.Upstream", Value: "a\nb"},
		},
		"no hosts": {
			func(c *corsrpc.Config, _ *Options) { c.Hosts = nil },
			Refusal{Field: "Options.Hosts"},
		},
		"a binding": {
			func(c *corsrpc.Config, _ *Options) {
				c.REST, c.Bindings = corsrpc.RESTGateway, map[string][]string{cart + ".AddItem": {"POST /v1/cart/items"}}
			},
			Refusal{Rule: "/v1/cart/items", Field: "Methods", Value: "POST"},
		},
		"more origins than an expression can have": {
			func(c *corsrpc.Config, _ *Options) {
				for _, word := range strings.Fields(strings.Repeat("ab cde fghi ", 300)) {
					c.Origins = append(c.Origins, "https://*."+word+strings.Repeat("x", len(c.Origins)%50)+".n"+strings.Repeat("y", len(c.Origins)/50)+".example.com")
				}
			},
			Refusal{Field: "Origins"},
		},
		"more response headers than a value can have": {
			func(c *corsrpc.Config, _ *Options) {
				for i := range 100 {
					c.ResponseHeaders = append(c.ResponseHeaders, "X-"+strings.Repeat("a", 150+i))
				}
			},
			Refusal{Field: "ResponseHeaders"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, options := hostedConfig(), Options{Upstream: "shop"}
			test.change(&config, &options)
			export, err := Envoy(mustPolicy(t, config), options)
			assert.Nil(t, export)
			var refusal *Refusal
			require.True(t, errors.As(err, &refusal), "%v", err)
			assert.NotEmpty(t, refusal.Problem)
			assert.NotEmpty(t, refusal.Fix)
			assert.Equal(t, test.want.Field, refusal.Field)
			if test.want.Value != "" {
				assert.Equal(t, test.want.Value, refusal.Value)
			}
			if test.want.Rule != "" {
				assert.Equal(t, test.want.Rule, refusal.Rule)
			}
		})
	}
}

// What needs no host takes none.
func TestEnvoyWithoutHosts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *corsrpc.Config, o *Options){
		"behind a gate":        func(_ *corsrpc.Config, o *Options) { o.BehindGate = true },
		"reported alone":       func(c *corsrpc.Config, _ *Options) { c.ReportOnly = true },
		"an empty list":        func(c *corsrpc.Config, _ *Options) { c.Hosts = []string{} },
		"an empty list in use": func(_ *corsrpc.Config, o *Options) { o.Hosts = []string{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, options := shopConfig(), Options{Upstream: "shop"}
			change(&config, &options)
			export, err := Envoy(mustPolicy(t, config), options)
			require.NoError(t, err)
			assert.Len(t, export.Files, 2)
		})
	}
}

func TestYAMLQuote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  `""`,
		`a"b\c'#: {}[]&*!|`: `"a\"b\\c'#: {}[]&*!|"`,
		"a\nb\tc\x00\x7f":   `"a\nb\u0009c\u0000\u007f"`,
		"\u017f\u212a":      `"\u017f\u212a"`,
		"\U0001f600":        `"\U0001f600"`,
	} {
		assert.Equal(t, want, yamlQuote(text))
	}
}

// The routes find every path in ASCII that the plan finds.
func TestEnvoyFindsAliases(t *testing.T) {
	t.Parallel()
	p, err := newPlan(mustPolicy(t, hostedConfig()), Options{})
	require.NoError(t, err)
	m := newModel(p)
	routes := newEnvoy(p, envoyLimits{group: maxEnvoyGroup})
	whole := func(expression, path string) bool { return m.matches(`\A(?:`+expression+`)\z`, path) }
	found, escaped := 0, 0
	for _, path := range someProcedures {
		for _, first := range someSpellings {
			for _, second := range someSpellings {
				spelled := second(first(path))
				for _, s := range p.services {
					if !isPrintable(spelled) || !m.matches(s.alias, spelled) {
						continue
					}
					found++
					named := whole(routes.namedPaths([]string{s.name})[0], spelled)
					if !named {
						escaped++
					}
					assert.True(t, named || whole(escapedPath, spelled), "%s: %s", s.name, spelled)
				}
			}
		}
	}
	assert.Greater(t, found, 4000)
	assert.Greater(t, escaped, 1000)
	for _, path := range []string{
		"/files/a%2Fb/c", "/files/a%20b/c", "/f%C3%BCr/%E6%97%A5/c", "/100%25/c", "/%7Bx%7D/c", "/a%5Bb%5D%5E%60%40/c", "/a%3Ab%3D/c", "/files/last%41", "/files/last%2Ejpg",
	} {
		assert.False(t, whole(escapedPath, path), path)
	}
}

// The routes of a thousand procedures stay small.
func TestEnvoyOfAThousandProcedures(t *testing.T) {
	t.Parallel()
	config := largeConfig(t)
	config.Hosts = []string{"api.example.com"}
	export, err := Envoy(mustPolicy(t, config), Options{Upstream: "shop"})
	require.NoError(t, err)
	routes := strings.Count(string(export.Files[0].Data), "- match:")
	t.Logf("%d routes, %d bytes", routes, len(export.Files[0].Data))
	assert.Less(t, routes, 250)
	assert.Less(t, len(export.Files[0].Data), 1_000_000)
}

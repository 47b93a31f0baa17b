package corsrpc_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// The generated rules of the whole shop, for a person to read.
func TestShopRules(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Origins = []string{app, "https://*.preview.example.com"}
	config.RequestHeaders = corsrpc.TraceContextHeaders()
	config.Overrides = map[string]corsrpc.Override{
		cart + ".TrackOrder": {Credentials: corsrpc.On, Origins: []string{shopper}, ResponseHeaders: []string{"X-Carrier"}},
	}
	config.Resources = map[string]corsrpc.Resource{
		"/fonts/":               {Origins: []string{"*"}},
		"/products/{id}/photo":  {Origins: []string{"*"}, ResponseHeaders: []string{"ETag"}},
		"/products/{id}/review": {Origins: []string{shopper}, Credentials: true, Methods: []string{"PUT", "PATCH", "DELETE"}, RequestHeaders: []string{"Content-Type", "If-Match"}, ResponseHeaders: []string{"ETag"}},
	}
	var got strings.Builder
	for rule := range newPolicy(t, config).Rules() {
		var marks []string
		if rule.Credentials {
			marks = append(marks, "credentials")
		}
		if rule.Internal {
			marks = append(marks, "internal")
		}
		fmt.Fprintln(&got, strings.TrimSpace(rule.Path+" "+strings.Join(marks, ", ")))
		for _, line := range []struct {
			name   string
			values []string
		}{{"origins", rule.Origins}, {"methods", rule.Methods}, {"allow", rule.RequestHeaders}, {"expose", rule.ResponseHeaders}} {
			text := strings.Join(line.values, ", ")
			if text == "" {
				text = "none"
			}
			fmt.Fprintf(&got, "  %-8s %s\n", line.name, text)
		}
		fmt.Fprintf(&got, "  %-8s %s\n\n", "max age", rule.MaxAge)
	}
	const file = "testdata/shop-rules.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "run go test -update and read what changed")
}

func TestRulesAreCopies(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	vandalized := 0
	for rule := range policy.Rules() {
		for _, list := range [][]string{rule.Origins, rule.Methods, rule.RequestHeaders, rule.ResponseHeaders} {
			for i := range list {
				list[i] = "vandal"
				vandalized++
			}
		}
	}
	require.NotZero(t, vandalized)
	for rule := range policy.Rules() {
		assert.NotContains(t, slices.Concat(rule.Origins, rule.Methods, rule.RequestHeaders, rule.ResponseHeaders), "vandal")
	}
	for range policy.Rules() {
		break // stopping early is allowed
	}
}

func TestRule(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Except = []string{admin}
	policy := newPolicy(t, config)

	rule, ok := policy.Rule(addItem)
	require.True(t, ok)
	assert.Equal(t, corsrpc.Rule{
		Path:            "/api" + addItem,
		Procedure:       addItem,
		Origins:         []string{shopper},
		Methods:         []string{"POST"},
		RequestHeaders:  strings.Split(allowedByAddItem, ", "),
		ResponseHeaders: strings.Split(exposedByAddItem, ", "),
		MaxAge:          rule.MaxAge,
	}, rule)

	rule, ok = policy.Rule("/" + catalog + "/Newer")
	require.True(t, ok)
	assert.Equal(t, "/api/"+catalog+"/", rule.Path)
	assert.Equal(t, []string{app}, rule.Origins)

	for _, unknown := range []string{setPrice, "/api" + addItem, "", "/", "x", catalog} {
		_, ok = policy.Rule(unknown)
		assert.False(t, ok, unknown)
	}

	assert.True(t, policy.Exposes(addItem, "trailer-x-cost"))
	assert.True(t, policy.Exposes(addItem, "X-Request-ID"))
	assert.True(t, policy.Exposes(addItem, "Cache-Control"))
	assert.False(t, policy.Exposes(addItem, "X-Other"))
	assert.False(t, policy.Exposes(setPrice, "X-Audit-Id"), "not governed")
}

package corsrpc_test

import (
	"flag"
	"fmt"
	"os"
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

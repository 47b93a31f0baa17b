package corsexport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// What nginx cannot say is refused, with the rule, the field and the value.
func TestNginxRefusals(t *testing.T) {
	t.Parallel()
	overlapping := shopConfig()
	overlapping.REST = corsrpc.RESTGateway
	overlapping.Audiences = map[string][]string{"storefront": {shopper, app}, "backoffice": {console, app}}
	overlapping.Bindings = map[string][]string{
		cart + ".AddItem":        {"POST /v1/*/items"},
		admin + ".ReportProduct": {"POST /v1/cart/*"},
	}
	overlapping.Overrides = nil
	otherMethods := overlapping
	otherMethods.Bindings = map[string][]string{
		cart + ".AddItem":    {"POST /v1/*/items"},
		cart + ".PurgeCarts": {"PUT /v1/cart/*"},
	}
	required := shopConfig()
	required.Hosts, required.RequireHosts = []string{"api.example.com"}, true
	longName, longPath := shopConfig(), shopConfig()
	for i := range 40 {
		longName.ResponseHeaders = append(longName.ResponseHeaders, fmt.Sprintf("X-%s-%d", strings.Repeat("a", 100), i))
	}
	longPath.Resources = map[string]corsrpc.Resource{"/" + strings.Repeat("a", 1000): {}}
	oddMethod := shopConfig()
	oddMethod.Resources = map[string]corsrpc.Resource{"/upload": {Methods: []string{"QUERY2"}}}
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    []Refusal // without Problem and Fix, and with a shortened Value
	}{
		{"nothing", shopConfig(), Options{}, nil},
		{"a prefix with a space", shopConfig(), Options{Prefix: "a b"}, []Refusal{{Field: "Options.Prefix", Value: "a b"}}},
		{"a prefix with a digit first", shopConfig(), Options{Prefix: "1a"}, []Refusal{{Field: "Options.Prefix", Value: "1a"}}},
		{"a long prefix", shopConfig(), Options{Prefix: strings.Repeat("a", 21)}, []Refusal{{Field: "Options.Prefix", Value: strings.Repeat("a", 20)}}},
		{"a host with a scheme", shopConfig(), Options{Hosts: []string{"api.example.com", "https://x"}}, []Refusal{{Field: "Options.Hosts[1]", Value: "https://x"}}},
		{"no hosts that are required", required, Options{Hosts: []string{}}, []Refusal{{Field: "Options.Hosts"}}},
		{"bindings that overlap", overlapping, Options{}, []Refusal{{Rule: "/v1/*/items", Field: "Methods", Value: "POST"}}},
		{"bindings that overlap, by other methods", otherMethods, Options{}, []Refusal{{Rule: "/v1/cart/*", Field: "Methods", Value: "PUT"}}},
		{"a name longer than nginx reads", longName, Options{}, []Refusal{{Rule: "/acme.shop.v1.AdminService/", Field: "ResponseHeaders", Value: "Grpc-Message, Grpc-S"}}},
		{"a method that nginx does not take", oddMethod, Options{}, []Refusal{{Rule: "/upload", Field: "Methods", Value: "QUERY2"}}},
		{"a path longer than nginx reads", longPath, Options{}, []Refusal{{Rule: "/aaaaaaaaaaaaaaaaaaa", Field: "Path", Value: "/aaaaaaaaaaaaaaaaaaa"}}},
	} {
		export, err := Nginx(mustPolicy(t, tt.config), tt.options)
		if tt.want == nil {
			require.NoError(t, err, tt.name)
			continue
		}
		require.Error(t, err, tt.name)
		assert.Nil(t, export, tt.name)
		refusals := checkRefusals(t, err)
		var got []Refusal
		for _, r := range refusals {
			short := Refusal{Rule: r.Rule[:min(len(r.Rule), 60)], Field: r.Field, Value: r.Value[:min(len(r.Value), 20)]}
			if strings.HasPrefix(short.Rule, "/aaa") {
				short.Rule = short.Rule[:20]
			}
			got = append(got, short)
		}
		require.GreaterOrEqual(t, len(got), len(tt.want), tt.name)
		assert.Equal(t, tt.want, got[:len(tt.want)], tt.name)
		if tt.name != "a name longer than nginx reads" {
			assert.Len(t, got, len(tt.want), tt.name)
		}
	}
}

// Policies that cannot be exported anywhere.
func TestPlanRefusals(t *testing.T) {
	t.Parallel()
	_, err := Nginx(nil, Options{})
	assert.EqualError(t, err, "corsexport: nil policy: make one with corsrpc.New, and check its error")
	_, err = Nginx(new(corsrpc.Policy), Options{})
	assert.EqualError(t, err, "corsexport: Config: the policy has no rules; make the policy with corsrpc.New, or call Update first")
	var refusal *Refusal
	require.True(t, errors.As(err, &refusal))
	assert.Equal(t, "Config", refusal.Field)
	assert.EqualError(t, &Refusal{Rule: "/a\"", Field: "Path", Value: "\n", Problem: "is wrong", Fix: "write another"}, `corsexport: /a": Path "\n": is wrong; write another`)
}

// Notes say what is weaker or stricter than Wrap.
func TestNginxNotes(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	always := mustNginx(t, config, Options{}).Notes
	for _, words := range []string{"another spelling", "Links from other sites", "Vary", "fastcgi_pass"} {
		assert.Contains(t, strings.Join(always, "\n"), words)
	}
	config.ExplainTo = []string{"http://localhost:*"}
	config.OnDecision = func(context.Context, corsrpc.Decision) {}
	notes := mustNginx(t, config, Options{BehindGate: true}).Notes
	for _, words := range []string{"ExplainTo", "OnDecision", "No call is refused"} {
		assert.NotContains(t, strings.Join(always, "\n"), words)
		assert.Contains(t, strings.Join(notes, "\n"), words)
	}
	assert.NotContains(t, strings.Join(notes, "\n"), "strictest rule", "nothing is judged")
	for _, note := range append(always, notes...) {
		assert.Regexp(t, `^[A-Z][^\n]*\.$`, note, "one sentence")
	}
}

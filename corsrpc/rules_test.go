package corsrpc_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// rulesOf returns the exported fields of all rules, which is what two rules are
// compared by.
func rulesOf(policy *corsrpc.Policy) []corsrpc.Rule {
	var rules []corsrpc.Rule
	for rule := range policy.Rules() {
		rules = append(rules, exported(rule))
	}
	return rules
}

// exported returns a rule without its provenance.
func exported(rule corsrpc.Rule) corsrpc.Rule {
	var only corsrpc.Rule
	from, to := reflect.ValueOf(rule), reflect.ValueOf(&only).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return only
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
		Match:           corsrpc.MatchProcedure,
		Origins:         []string{shopper},
		Enforced:        true,
		Methods:         []string{"POST"},
		RequestHeaders:  strings.Split(allowedByAddItem, ", "),
		ResponseHeaders: strings.Split(exposedByAddItem, ", "),
		MaxAge:          2 * time.Hour,
	}, exported(rule))

	rule, ok = policy.Rule("/" + catalog + "/Newer")
	require.True(t, ok)
	assert.Equal(t, "/api/"+catalog+"/", rule.Path)
	assert.Equal(t, "/"+catalog+"/", rule.Procedure)
	assert.Equal(t, corsrpc.MatchService, rule.Match)
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

// Every permission of a rule has a Grant, and no Grant has anything else.
func TestGrantsCoverRules(t *testing.T) {
	t.Parallel()
	rules := 0
	for seed := range uint64(60) {
		policy := newPolicy(t, someConfig(rand.New(rand.NewPCG(seed, 5))))
		for rule := range policy.Rules() {
			lists := [...][]string{
				corsrpc.GrantOrigin: rule.Origins, corsrpc.GrantMethod: rule.Methods,
				corsrpc.GrantRequestHeader: rule.RequestHeaders, corsrpc.GrantResponseHeader: rule.ResponseHeaders,
			}
			var granted [len(lists)][]string
			last := corsrpc.GrantOrigin
			for _, grant := range rule.Grants() {
				require.GreaterOrEqual(t, grant.Kind, last, "in order")
				last = grant.Kind
				require.NotEmpty(t, grant.Source)
				granted[grant.Kind] = append(granted[grant.Kind], grant.Value)
			}
			for kind, list := range lists {
				require.Subset(t, granted[kind], list, "%s: every %s has a Grant", rule.Path, corsrpc.GrantKind(kind))
				require.Subset(t, list, granted[kind], "%s: every Grant is a %s of the rule", rule.Path, corsrpc.GrantKind(kind))
			}
			rules++
		}
	}
	assert.Greater(t, rules, 600)
	assert.Empty(t, corsrpc.Rule{}.Grants())
}

// Where each kind of permission comes from.
func TestGrantSources(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins:          []string{app, shopper},
		RequestHeaders:   []string{"x-one", "authorization"},
		ResponseHeaders:  []string{"X-Request-Id", "Cache-Control"},
		ResponseTrailers: []string{"x-cost"},
		Audiences:        map[string][]string{"storefront": {console, shopper}, "backoffice": {}},
		Overrides: map[string]corsrpc.Override{
			catalog:              {Origins: []string{app, evil}, RequestHeaders: []string{"X-Two"}},
			cart + ".AddItem":    {RequestHeaders: []string{"X-Three"}, ResponseHeaders: []string{"X-Request-Id"}, ResponseTrailers: []string{"X-Late"}},
			cart + ".PurgeCarts": {Origins: []string{app}},
		},
		Resources: map[string]corsrpc.Resource{"/upload": {Origins: []string{app}, Methods: []string{"PUT", "PATCH"}, RequestHeaders: []string{"If-Match"}, ResponseHeaders: []string{"ETag", "Content-Type"}}},
	}
	policy := newPolicy(t, config)
	config.Protocols = []corsrpc.Protocol{}
	none := newPolicy(t, config)
	rule := func(policy *corsrpc.Policy, path string) corsrpc.Rule {
		for rule := range policy.Rules() {
			if rule.Path == path {
				return rule
			}
		}
		require.Fail(t, "no rule", path)
		return corsrpc.Rule{}
	}
	const origin, method, request, response = corsrpc.GrantOrigin, corsrpc.GrantMethod, corsrpc.GrantRequestHeader, corsrpc.GrantResponseHeader
	for _, tt := range []struct {
		rule  corsrpc.Rule
		kind  corsrpc.GrantKind
		value string
		want  []string
	}{
		{rule(policy, "/"+cart+"/TrackOrder"), origin, app, []string{"Origins[0]"}},
		{rule(policy, "/"+cart+"/TrackOrder"), origin, shopper, []string{"Origins[1]"}},
		{rule(policy, addItem), origin, console, []string{`Audiences["storefront"][0]`}},
		{rule(policy, addItem), origin, shopper, []string{`Audiences["storefront"][1]`}},
		{rule(policy, getProduct), origin, evil, []string{`Overrides["acme.shop.v1.CatalogService"].Origins[1]`}},
		{rule(policy, purgeCarts), origin, app, nil}, // internal
		{rule(policy, "/upload"), origin, app, []string{`Resources["/upload"].Origins[0]`}},
		{rule(policy, "/"+cart+"/"), origin, shopper, nil}, // internal, as one of its methods

		{rule(policy, getProduct), method, "GET", []string{"Connect"}},
		{rule(policy, getProduct), method, "POST", []string{"Connect", "gRPC-Web", "gRPC"}},
		{rule(none, getProduct), method, "POST", []string{"Protocols"}},
		{rule(policy, "/upload"), method, "PATCH", []string{`Resources["/upload"].Methods[1]`}},

		{rule(policy, getProduct), request, "X-One", []string{"RequestHeaders[0]"}},
		{rule(policy, getProduct), request, "X-Two", []string{`Overrides["acme.shop.v1.CatalogService"].RequestHeaders[0]`}},
		{rule(policy, addItem), request, "Authorization", []string{"RequestHeaders[1]", "(corsrpc.v1.service).request_headers of acme.shop.v1.CartService"}},
		{rule(policy, addItem), request, "X-Tenant-Id", []string{"(corsrpc.v1.method).request_headers of acme.shop.v1.CartService.AddItem"}},
		{rule(policy, addItem), request, "X-Three", []string{`Overrides["acme.shop.v1.CartService.AddItem"].RequestHeaders[0]`}},
		{rule(policy, addItem), request, "Content-Type", []string{"Connect", "gRPC-Web", "gRPC"}},
		{rule(policy, addItem), request, "X-Grpc-Web", []string{"gRPC-Web"}},
		{rule(policy, "/upload"), request, "If-Match", []string{`Resources["/upload"].RequestHeaders[0]`}},

		{rule(policy, addItem), response, "X-Request-Id", []string{"ResponseHeaders[0]", "(corsrpc.v1.method).response_headers of acme.shop.v1.CartService.AddItem", `Overrides["acme.shop.v1.CartService.AddItem"].ResponseHeaders[0]`}},
		{rule(policy, addItem), response, "Cache-Control", nil}, // safelisted
		{rule(policy, addItem), response, "Trailer-X-Cost", []string{"ResponseTrailers[0]", "(corsrpc.v1.method).response_trailers of acme.shop.v1.CartService.AddItem"}},
		{rule(policy, addItem), response, "X-Late", []string{`Overrides["acme.shop.v1.CartService.AddItem"].ResponseTrailers[0]`}},
		{rule(policy, addItem), response, "Grpc-Status", []string{"gRPC-Web"}},
		{rule(policy, "/upload"), response, "Etag", []string{`Resources["/upload"].ResponseHeaders[0]`}},
		{rule(policy, "/upload"), response, "Content-Type", nil},
	} {
		var sources []string
		for _, grant := range tt.rule.Grants() {
			if grant.Kind == tt.kind && grant.Value == tt.value {
				sources = append(sources, grant.Source)
			}
		}
		assert.Equal(t, tt.want, sources, "%s %s of %s", tt.kind, tt.value, tt.rule.Path)
	}
}

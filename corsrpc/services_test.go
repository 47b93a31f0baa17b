package corsrpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A service that neither Services nor Except names is closed to pages, after
// Update as after New, and open to other programs.
func TestServicesThatConfigDoesNotNameAreClosed(t *testing.T) {
	t.Parallel()
	all, some := shopConfig(), shopConfig()
	some.Services = []string{catalog}
	updated := newPolicy(t, all)
	require.True(t, exchange(updated, newRequest("POST", addItem, "Origin", shopper)).ran)
	require.NoError(t, updated.Update(some))
	closed := corsrpc.Decision{
		Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonNotConfigured,
		Path: "/" + cart + "/", Procedure: "/" + cart + "/", Origin: `"` + shopper + `"`,
		Detail: "neither Services nor Except names the service", Fix: `add "acme.shop.v1.CartService" to Services`,
	}
	for name, policy := range map[string]*corsrpc.Policy{"New": newPolicy(t, some), "Update": updated} {
		for _, path := range []string{addItem, "/" + cart + "/Newer", "/" + cart + "/"} {
			call := newRequest("POST", path, "Origin", shopper, "Sec-Fetch-Site", "cross-site")
			assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(policy, call), name)
			assert.Equal(t, closed, policy.Evaluate(call), name)
			assert.Equal(t, refusedPreflight, exchange(policy, newPreflight(path, shopper, "POST")), name)
			assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(policy, newRequest("GET", path, "Sec-Fetch-Site", "cross-site")), name)

			assert.True(t, exchange(policy, newRequest("POST", path)).ran, "%s: another program", name)
			assert.True(t, exchange(policy, newRequest("POST", path, "Sec-Fetch-Site", "same-origin")).ran, "%s: the server's own page", name)
			assert.True(t, policy.Governs(path))
		}
		assert.Equal(t, corsrpc.ReasonNotConfigured, policy.Admit(t.Context(), corsrpc.Call{Procedure: addItem, Header: header("Origin", shopper)}).Reason, name)
		assert.True(t, exchange(policy, newRequest("POST", getProduct, "Origin", app)).ran, name)

		for _, path := range []string{purgeCarts, "/x/" + cart + "/purgecarts"} {
			assert.Equal(t, corsrpc.ReasonInternalMethod, policy.Evaluate(newRequest("POST", path, "Sec-Fetch-Site", "same-origin")).Reason, "%s: internal methods stay internal", name)
			assert.True(t, exchange(policy, newRequest("POST", path)).ran, "%s: another program", name)
		}

		var closedRules []string
		for _, rule := range rulesOf(policy) {
			if len(rule.Origins) == 0 {
				closedRules = append(closedRules, rule.Path)
				assert.True(t, rule.Enforced)
				assert.Equal(t, rule.Match == corsrpc.MatchProcedure, rule.Internal)
			}
		}
		assert.Equal(t, []string{"/" + admin + "/", "/" + cart + "/", purgeCarts, "/acme.shop.v1.WarehouseService/", reserveStock}, closedRules)
	}
}

// What another policy owns is left alone, and refused on a mount of this one.
func TestExceptIsLeftAlone(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Except = []string{cart}
	policy := newPolicy(t, config)
	assert.False(t, policy.Governs(addItem))
	for _, path := range []string{addItem, "/x" + addItem, "//" + cart + "/AddItem"} {
		assert.True(t, exchange(policy, newRequest("POST", path, "Origin", evil)).ran, path)
	}
}

// Only Internal closes methods that have an audience of their own.
func TestOverrideInternal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		overrides map[string]corsrpc.Override
		// Whether pages of each method's origins can call.
		setPrice, reportProduct, newer bool
	}{
		{"none", nil, true, true, false},
		{"an empty one of the service leaves everything as it is", map[string]corsrpc.Override{admin: {}}, true, true, false},
		{"no Origins: methods with an audience of their own stay open", map[string]corsrpc.Override{admin: {Origins: []string{}}}, false, true, false},
		{"the service is internal", map[string]corsrpc.Override{admin: {Internal: true}}, false, false, false},
		{"the service is internal, which no Origins of a method open", map[string]corsrpc.Override{admin: {Internal: true}, admin + ".SetPrice": {Origins: []string{console}}}, false, false, false},
		{"one method is internal", map[string]corsrpc.Override{admin + ".ReportProduct": {Internal: true}}, true, false, false},
	} {
		config := shopConfig()
		config.Overrides = tt.overrides
		policy := newPolicy(t, config)
		assert.Equal(t, tt.setPrice, exchange(policy, newRequest("POST", setPrice, "Origin", console)).ran, tt.name)
		assert.Equal(t, tt.reportProduct, exchange(policy, newRequest("POST", reportProduct, "Origin", shopper)).ran, tt.name)
		assert.Equal(t, tt.newer, exchange(policy, newRequest("POST", "/"+admin+"/Newer", "Origin", console)).ran, tt.name)
		for path, internal := range map[string]bool{setPrice: tt.overrides[admin].Internal, reportProduct: tt.overrides[admin].Internal || tt.overrides[admin+".ReportProduct"].Internal} {
			rule, _ := policy.Rule(path)
			assert.Equal(t, internal, rule.Internal, tt.name)
			assert.Equal(t, internal, !exchange(policy, newRequest("GET", path, "Sec-Fetch-Site", "none")).ran, "%s: %s, opened by the user", tt.name, path)
			assert.True(t, exchange(policy, newRequest("POST", path)).ran, "%s: %s, by another server", tt.name, path)
		}
	}
}

// Infrastructure is left alone unless it is named, which it can be although
// nothing is registered under the name.
func TestInfrastructure(t *testing.T) {
	t.Parallel()
	const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	config := shopConfig()
	policy := newPolicy(t, config)
	assert.False(t, policy.Governs(reflection))
	assert.True(t, exchange(policy, newRequest("POST", reflection, "Origin", evil)).ran)

	config.Services = []string{"*", "grpc.reflection.v1.ServerReflection"}
	policy = newPolicy(t, config)
	assert.True(t, policy.Governs(reflection))
	assert.Equal(t, refusal(corsrpc.ReasonOriginNotAllowed), exchange(policy, newRequest("POST", reflection, "Origin", evil)))
	assert.True(t, exchange(policy, newRequest("POST", reflection, "Origin", app)).ran)

	config.Services, config.Except = nil, []string{"connectext.grpc.health.v1.Health", "google.longrunning.Operations"}
	newPolicy(t, config)
	config.Except = nil
	for _, name := range []string{"grpc.acme.v1.Missing", "grpc.health.v1.x.Health", "grpc.Health", "google", "xgoogle.rpc.Service", "/grpc.health.v1.Health/", "google.*"} {
		config.Services = []string{name}
		_, err := corsrpc.New(config)
		require.Error(t, err, name)
		assert.Equal(t, "Services[0]", mistakes(t, err)[0].Field, name)
	}
}

package corsrpc_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// What RequireHosts and RequireFetchMetadata refuse: procedures, their other
// spellings, whether a browser marked the request or not, and preflights.
func TestRequire(t *testing.T) {
	t.Parallel()
	neither := shopConfig()
	neither.Hosts = []string{"api.example.com"}
	neither.Services = []string{catalog, cart}
	neither.Resources = map[string]corsrpc.Resource{"/img/": {Origins: []string{app}}, "/": {}}
	hosts, metadata := neither, neither
	hosts.RequireHosts = true
	metadata.RequireFetchMetadata = true

	on := func(host string, r *http.Request) *http.Request { r.Host = host; return r }
	const otherHost, unmarked, ok = corsrpc.ReasonHostNotAllowed, corsrpc.ReasonFetchMetadataMissing, corsrpc.ReasonOK
	for _, tt := range []struct {
		name            string
		r               *http.Request
		hosts, metadata corsrpc.Reason
	}{
		{"a program", newRequest("POST", getProduct), ok, unmarked},
		{"a program, GET", newRequest("GET", getProduct), ok, unmarked},
		{"a program, HEAD", newRequest("HEAD", getProduct), ok, unmarked},
		{"a program, OPTIONS", newRequest("OPTIONS", getProduct), ok, unmarked},
		{"a program, by another spelling", newRequest("POST", "//ACME.shop.v1.CatalogService/getproduct"), ok, unmarked},
		{"a program, GET of another spelling", newRequest("GET", "/docs"+getProduct), ok, unmarked},
		{"a program, an unknown method", newRequest("POST", "/"+catalog+"/Newer"), ok, unmarked},
		{"a program, an internal method", newRequest("POST", purgeCarts), ok, unmarked},
		{"a program, a closed service", newRequest("POST", setPrice), ok, corsrpc.ReasonNotConfigured},
		{"a page", newRequest("POST", getProduct, "Origin", app), ok, ok},
		{"the server's own page", newRequest("POST", getProduct, "Sec-Fetch-Site", "same-origin"), ok, ok},
		{"the user", newRequest("GET", getProduct, "Sec-Fetch-Site", "none"), ok, ok},
		{"a page's preflight", newPreflight(getProduct, app, "POST"), ok, ok},

		{"a program, by a rebound name", on("evil.test", newRequest("POST", getProduct)), otherHost, unmarked},
		{"a page of a rebound name, GET", on("evil.test", newRequest("GET", getProduct)), otherHost, unmarked},
		{"a page of a rebound name, by another spelling", on("evil.test", newRequest("GET", "/x/.."+getProduct)), otherHost, unmarked},
		{"a page of a rebound name, with marks", on("evil.test", newRequest("GET", getProduct, "Sec-Fetch-Site", "same-origin")), otherHost, ok},
		{"a page by the server's address", on("127.0.0.1:8080", newRequest("POST", getProduct, "Origin", app)), otherHost, ok},
		{"its preflight", on("127.0.0.1:8080", newPreflight(getProduct, app, "POST")), otherHost, ok},
		{"its preflight of another spelling", on("127.0.0.1:8080", newPreflight("/"+getProduct, app, "POST")), otherHost, ok},
		{"an internal method, by a rebound name", on("evil.test", newRequest("POST", purgeCarts, "Sec-Fetch-Site", "same-origin")), otherHost, corsrpc.ReasonInternalMethod},
		{"a documentation page of another host", on("evil.test", newRequest("GET", "/docs"+getProduct, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")), otherHost, ok},
		{"a navigation without Sec-Fetch-Site", newRequest("GET", "/docs"+getProduct, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), ok, unmarked},
		{"the host in another case, with a default port", on("API.example.com:443", newRequest("POST", getProduct, "Origin", app)), ok, ok},

		{"a resource", on("evil.test", newRequest("GET", "/img/x")), ok, ok},
		{"a resource's preflight", on("evil.test", newPreflight("/img/x", app, "GET")), ok, ok},
		{"a procedure's path below a resource of its own", on("evil.test", newRequest("GET", "/img"+getProduct)), ok, ok},
		{"a path of no procedure", on("evil.test", newRequest("GET", "/healthz")), ok, ok},
		{"infrastructure", on("evil.test", newRequest("POST", "/grpc.health.v1.Health/Check")), ok, ok},
	} {
		for _, of := range []struct {
			name   string
			config corsrpc.Config
			want   corsrpc.Reason
		}{{"RequireHosts", hosts, tt.hosts}, {"RequireFetchMetadata", metadata, tt.metadata}} {
			policy := newPolicy(t, of.config)
			got := exchange(policy, tt.r)
			decision := policy.Evaluate(tt.r)
			if of.want == ok {
				assert.NotEqual(t, http.StatusForbidden, got.status, "%s: %s", of.name, tt.name)
				continue
			}
			want := refusal(of.want)
			if decision.Kind == corsrpc.KindPreflight {
				want = refusedPreflight
			}
			assert.Equal(t, want, got, "%s: %s", of.name, tt.name)
			assert.Equal(t, of.want, decision.Reason, "%s: %s", of.name, tt.name)
			assert.Equal(t, corsrpc.OutcomeRefused, decision.Outcome, "%s: %s", of.name, tt.name)
		}
		if decision := newPolicy(t, neither).Evaluate(tt.r); decision.Reason == otherHost || decision.Reason == unmarked {
			assert.Fail(t, "refused without the fields", "%s: %+v", tt.name, decision)
		}
	}
}

func TestRequireDecisions(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts, config.RequireHosts, config.RequireFetchMetadata = []string{"api.example.com"}, true, true
	policy := newPolicy(t, config)
	r := newRequest("POST", getProduct)
	assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonFetchMetadataMissing,
		Path: getProduct, Procedure: getProduct,
		Detail: "the request has neither Origin nor Sec-Fetch-Site: not sent by a browser, sent over plain HTTP, or changed by a proxy that removes them"}, policy.Evaluate(r))
	for host, want := range map[string]struct{ detail, fix string }{
		"Shop.internal:8080": {`the host is "Shop.internal:8080"`, `add "shop.internal:8080" to Hosts`},
		"":                   {`the host is ""`, ""},
		"a\r\nb":             {`the host is "a\r\nb"`, ""},
		"*.example.com":      {`the host is "*.example.com"`, ""},
	} {
		r.Host = host
		assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonHostNotAllowed,
			Path: getProduct, Procedure: getProduct, Detail: want.detail, Fix: want.fix}, policy.Evaluate(r))
	}
}

func TestRequireHostsNeedsHosts(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{nil, {}} {
		_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, RequireHosts: true, Hosts: hosts})
		require.Error(t, err)
		assert.Equal(t, []corsrpc.ConfigError{{Field: "RequireHosts", Problem: "is set without Hosts, so every call would be refused: list the server's hosts in Hosts"}}, mistakes(t, err))
	}
}

// Whoever tries RequireFetchMetadata out needs to know what it would refuse.
func TestRequireFetchMetadataIsReported(t *testing.T) {
	t.Parallel()
	var reported []corsrpc.Decision
	config := shopConfig()
	config.RequireFetchMetadata, config.ReportOnly = true, true
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) { reported = append(reported, d) }
	policy := newPolicy(t, config)
	assert.True(t, exchange(policy, newRequest("POST", getProduct)).ran)
	assert.True(t, exchange(policy, newRequest("POST", "/healthz")).ran)
	if assert.Len(t, reported, 1) {
		assert.Equal(t, corsrpc.OutcomeReported, reported[0].Outcome)
		assert.Equal(t, corsrpc.ReasonFetchMetadataMissing, reported[0].Reason)
	}
	wrapped := reported
	reported = nil
	policy.Admit(t.Context(), corsrpc.Call{Procedure: getProduct})
	assert.Equal(t, wrapped, reported, "Admit reports the same")
}

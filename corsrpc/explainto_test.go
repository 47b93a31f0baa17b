package corsrpc_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

const developer = "http://localhost:5173"

func explainingConfig() corsrpc.Config {
	config := shopConfig()
	config.ExplainTo = []string{"http://localhost:*"}
	return config
}

// Each row is a call of a developer's page, and the whole response to it.
func TestExplainedRefusals(t *testing.T) {
	t.Parallel()
	const message = `corsrpc: origin not allowed; add \"http://localhost:5173\" to Origins`
	explained := func(status int, body, contentType string, lines ...string) answer {
		return answer{status: status, body: body, header: header(append([]string{
			"Access-Control-Allow-Origin", developer, "Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", "Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin",
			"Cache-Control", "no-store", "Content-Type", contentType, "Vary", "Origin", "X-Content-Type-Options", "nosniff",
		}, lines...)...)}
	}
	for _, test := range []struct {
		name string
		r    *http.Request
		want answer
	}{
		{"Connect unary", newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/json"),
			explained(403, `{"code":"permission_denied","message":"`+message+`"}`, "application/json")},
		{"Connect GET", newRequest("GET", getProduct, "Origin", developer),
			explained(403, `{"code":"permission_denied","message":"`+message+`"}`, "application/json")},
		{"Connect stream", newRequest("POST", watchPrices, "Origin", developer, "Content-Type", "application/connect+proto"),
			explained(200, "\x02\x00\x00\x00\x78"+`{"error":{"code":"permission_denied","message":"`+message+`"}}`, "application/connect+proto")},
		{"gRPC-Web", newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/grpc-web+proto"),
			explained(200, "", "application/grpc-web+proto", "Grpc-Status", "7", "Grpc-Message", strings.ReplaceAll(message, `\`, ""))},
		{"gRPC-Web, text", newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/grpc-web-text"),
			explained(200, "", "application/grpc-web-text", "Grpc-Status", "7", "Grpc-Message", strings.ReplaceAll(message, `\`, ""))},
		{"a hostile Content-Type", newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/grpc-web+<script>"),
			explained(200, "", "application/grpc-web+proto", "Grpc-Status", "7", "Grpc-Message", strings.ReplaceAll(message, `\`, ""))},
		{"an internal method stays opaque", newRequest("POST", purgeCarts, "Origin", developer), refusal(corsrpc.ReasonInternalMethod)},
		{"another spelling stays opaque", newRequest("POST", "/"+getProduct, "Origin", developer), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"another page", newRequest("POST", getProduct, "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
	} {
		assert.Equal(t, test.want, exchange(newPolicy(t, explainingConfig()), test.r), test.name)
	}
}

// A header that no preflight would have let through is refused by name.
func TestExplainedHeaders(t *testing.T) {
	t.Parallel()
	config := explainingConfig()
	config.Origins = append(config.Origins, developer)
	config.ExplainIgnore = []string{"X-Edge"}
	policy := newPolicy(t, config)
	got := exchange(policy, newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/json", "X-Debug", "1", "X-Trace-Level", "2"))
	assert.False(t, got.ran)
	assert.JSONEq(t, `{"code":"permission_denied","message":"corsrpc: request header not allowed: the headers are \"X-Debug\", \"X-Trace-Level\"; add \"X-Debug\", \"X-Trace-Level\" to RequestHeaders"}`, got.body)
	for _, r := range []*http.Request{
		newRequest("POST", getProduct, "Origin", developer, "Content-Type", "application/json", "X-Forwarded-For", "10.0.0.1", "Traceparent", "00-", "If-None-Match", "x", "X-Edge", "1", "Cache-Control", "no-cache"),
		newRequest("POST", getProduct, "Origin", app, "Content-Type", "application/json", "X-Debug", "1"),
	} {
		assert.True(t, exchange(policy, r).ran, "%v", r.Header)
	}
	assert.False(t, exchange(policy, newRequest("PUT", getProduct, "Origin", developer)).ran, "a method")
}

// Each row is a preflight of a developer's page, and whether it is explained.
func TestExplainedPreflights(t *testing.T) {
	t.Parallel()
	listed, reporting := explainingConfig(), explainingConfig()
	listed.Origins = append(listed.Origins, developer)
	reporting.ReportOnly = true
	for _, test := range []struct {
		name   string
		config corsrpc.Config
		r      *http.Request
		want   bool
	}{
		{"origin not listed", explainingConfig(), newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "content-type"), true},
		{"origin not listed, report only, Content-Type alone", reporting, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "content-type"), false},
		{"origin not listed, report only, a header shows it", reporting, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type"), true},
		{"header not allowed", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "content-type,x-debug"), true},
		{"method not allowed", listed, newPreflight(getProduct, developer, "PUT"), true},
		{"all is allowed", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "content-type"), false},
		{"a header that proxies remove", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "x_debug"), false},
		{"a header that proxies add", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "traceparent"), false},
		{"a header with a harmful value", listed, newPreflight("/v", developer, "POST", "Access-Control-Request-Headers", "accept"), false},
		{"a list that is not one", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", "x y"), false},
		{"a list that is too long", listed, newPreflight(getProduct, developer, "POST", "Access-Control-Request-Headers", strings.Repeat("x-debug,", 2000)), false},
		{"an internal method", listed, newPreflight(purgeCarts, developer, "POST"), false},
		{"another page", explainingConfig(), newPreflight(getProduct, evil, "POST"), false},
	} {
		policy := newPolicy(t, test.config)
		got := exchange(policy, test.r)
		if !test.want {
			test.config.ExplainTo = nil
			assert.Equal(t, exchange(newPolicy(t, test.config), test.r), got, test.name)
			continue
		}
		lines := []string{
			"Access-Control-Allow-Origin", developer, "Access-Control-Allow-Credentials", "true",
			"Access-Control-Allow-Methods", test.r.Header.Get("Access-Control-Request-Method"), "Access-Control-Max-Age", "0", "Cache-Control", "no-store",
			"Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
		}
		if asked := test.r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			lines = append(lines, "Access-Control-Allow-Headers", strings.ReplaceAll(asked, ",", ", "))
		}
		assert.Equal(t, answer{status: 204, header: header(lines...)}, got, test.name)
		d := policy.Evaluate(test.r)
		assert.Equal(t, 204, d.Status, test.name)
		assert.False(t, d.Allowed, test.name)
		assert.Equal(t, corsrpc.OutcomeBlocked, d.Outcome, test.name)
	}
}

func TestExplainToConfig(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.ExplainTo, config.ExplainIgnore = []string{"*"}, []string{"x y"}
	_, err := corsrpc.New(config)
	assert.EqualError(t, err, `corsrpc: ExplainTo[0]: "*" would explain refusals to every page of the web: list the origins of developers' pages
corsrpc: ExplainIgnore[0]: "x y" is not a valid header name: use letters, digits and !#$%&'*+-.^_`+"`"+`|~ only, and put each name in its own list element`)
}

// With ExplainTo, in a browser that obeys preflights, no handler runs that would
// not run without it.
func TestExplainToRunsNothingMore(t *testing.T) {
	t.Parallel()
	pages := []string{developer, "http://localhost", app, shopper, console, evil, "https://api.example.com", "http://api.example.com"}
	ran, explained := 0, 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		config := someConfig(r)
		config.Credentials = false
		config.ReportOnly = r.IntN(2) == 0
		config.RequestHeaders = some(r, []string{"X-Debug", "X-Tenant-Id", "Authorization"}, 2)
		config.ExplainTo = nil
		without := newPolicy(t, config)
		config.ExplainTo = some(r, pages, 4)
		config.ExplainIgnore = some(r, []string{"X-Edge"}, 1)
		with := newPolicy(t, config)
		for range 25 {
			page := pick(r, pages)
			request := corstest.Request{
				Method: pick(r, []string{"GET", "POST", "POST", "PUT", "DELETE", "HEAD"}),
				URL:    pick(r, []string{"http", "https"}) + "://api.example.com" + pick(r, []string{getProduct, addItem, setPrice, purgeCarts, "/api" + getProduct, "/img/x", "/" + catalog + "/Newer", "//" + catalog + "/GetProduct"}),
				Header: make(http.Header),
			}
			for _, line := range some(r, []string{"X-Debug", "X-Tenant-Id", "Traceparent", "X-Edge", "Accept-Language", "X-Http-Method-Override"}, 2) {
				request.Header.Set(line, "a")
			}
			if value := pick(r, []string{"", "application/json", "text/plain", "application/x-www-form-urlencoded; x=" + strings.Repeat("y", 120)}); value != "" && request.Method == "POST" {
				request.Header.Set("Content-Type", value)
			}
			if r.IntN(3) == 0 {
				request.Credentials = corstest.CredentialsInclude
			}
			withCookie := r.IntN(2) == 0
			runs := func(policy *corsrpc.Policy) (int, *corstest.Response) {
				s := &spy{}
				browser := corstest.NewBrowser(page, corstest.WithHandler(policy.Wrap(s)), corstest.WithThirdPartyCookies(true))
				if withCookie {
					browser.SetCookie("https://api.example.com/", &http.Cookie{Name: "session", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode})
				}
				response, err := browser.Fetch(context.Background(), request)
				if err != nil {
					response = nil
				} else {
					require.NoError(t, response.Body.Close())
				}
				return s.ran, response
			}
			before, _ := runs(without)
			after, response := runs(with)
			require.LessOrEqual(t, after, before, "%s from %s by %+v", request.Method+" "+request.URL, page, config)
			ran += after
			if after == 0 && response != nil && response.Status == http.StatusForbidden {
				explained++
			}
		}
	}
	assert.Greater(t, ran, 300, "the draw is worth something")
	assert.Greater(t, explained, 100, "the draw is worth something")
}

// To all other requests nothing changes, byte for byte: those of other pages, of
// programs, of pages of the server, and whatever has more than one Origin.
func TestExplainToChangesNothingForOthers(t *testing.T) {
	t.Parallel()
	pages := []string{developer, "http://localhost", app, shopper, console, evil, "null", "https://api.example.com"}
	paths := []string{getProduct, addItem, setPrice, purgeCarts, "/api" + getProduct, "/img/x", "/" + catalog + "/Newer", "//" + catalog + "/GetProduct", "/other"}
	methods := []string{"GET", "POST", "PUT", "HEAD", "OPTIONS"}
	compared := make(map[bool]int)
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 8))
		config := someConfig(r)
		config.ReportOnly = r.IntN(2) == 0
		config.ExplainTo = nil
		without := newPolicy(t, config)
		config.ExplainTo = some(r, pages[:4], 3)
		config.ExplainIgnore = some(r, []string{"X-Edge"}, 1)
		with := newPolicy(t, config)
		for range 40 {
			var lines []string
			origins := some(r, pages, r.IntN(3))
			for _, origin := range origins {
				lines = append(lines, "Origin", origin)
			}
			for _, line := range some(r, []string{
				"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none", "Sec-Purpose: prefetch", "Cookie: a=b", "X-Debug: 1", "Content-Type: application/grpc-web+proto",
				"Access-Control-Request-Method: POST", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-debug", "Access-Control-Request-Headers: content-type",
			}, 4) {
				name, value, _ := strings.Cut(line, ": ")
				lines = append(lines, name, value)
			}
			concerned := len(origins) == 1 && slices.ContainsFunc(config.ExplainTo, func(entry string) bool { return entry == origins[0] })
			compared[concerned]++
			if concerned {
				continue
			}
			method, path := pick(r, methods), pick(r, paths)
			request := func() *http.Request { return newRequest(method, path, lines...) }
			require.Equal(t, exchange(without, request()), exchange(with, request()), "%s %s %v by %+v", method, path, lines, config)
			require.Equal(t, without.Evaluate(request()), with.Evaluate(request()), "%s %s %v by %+v", method, path, lines, config)
		}
	}
	assert.Greater(t, compared[false], 3000, "the draw is worth something")
	assert.Greater(t, compared[true], 100, "the draw is worth something")
}

// Preflights of paths that are several bindings' are explained as others are.
func TestExplainedPreflightsOfOverlappingBindings(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t, overlappingMethods()...), ExplainTo: []string{developer},
		Overrides: map[string]corsrpc.Override{shelves + ".First": {Origins: []string{app, developer}}},
	}
	preflight := newPreflight("/v1/y/x", developer, "GET", "Access-Control-Request-Headers", "x-debug")
	policy := newPolicy(t, config)
	assert.Equal(t, 204, exchange(policy, preflight).status)
	d := policy.Evaluate(preflight)
	assert.Equal(t, 204, d.Status)
	assert.Equal(t, corsrpc.OutcomeBlocked, d.Outcome)
	assert.Equal(t, corsrpc.ReasonOriginNotAllowed, d.Reason)

	// A call without a mark of its preflight would run.
	config.Overrides[shelves+".Second"] = corsrpc.Override{ReportOnly: corsrpc.On}
	assert.Equal(t, refusedPreflight, exchange(newPolicy(t, config), newPreflight("/v1/y/x", developer, "GET", "Access-Control-Request-Headers", "accept")))
}

// What another meaning of the path lets pass only in ReportOnly must still have
// had a preflight that could succeed.
func TestExplainedHeadersOfAliases(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{
		Origins: []string{developer}, Credentials: true, ReportOnly: true, REST: corsrpc.RESTGateway, ExplainTo: []string{developer},
		Files:     boundFiles(t, boundMethod{"Bound", nil, [][2]string{{"POST", "/x/{id}/{name}"}}}, boundMethod{"Other", nil, nil}),
		Overrides: map[string]corsrpc.Override{shelves + ".Other": {Credentials: corsrpc.Off}},
	})
	path := "/x/" + shelves + "/Other"
	got := exchange(policy, newPreflight(path, developer, "POST", "Access-Control-Request-Headers", "x-debug"))
	assert.Equal(t, "0", got.header.Get("Access-Control-Max-Age"), "the preflight is explained")
	assert.False(t, exchange(policy, newRequest("POST", path, "Origin", developer, "Cookie", "a=b", "X-Debug", "1")).ran)
	assert.True(t, exchange(policy, newRequest("POST", path, "Origin", developer, "Cookie", "a=b")).ran)
}

// A call is never explained that would run: gateways route forms to bindings of
// GET, which a preflight for POST does not show, and the first of two reasons
// must not hide the other.
func TestExplainedPreflightsFailAsCalls(t *testing.T) {
	t.Parallel()
	methods := []boundMethod{{"Read", nil, [][2]string{{"GET", "/v1/{id}"}}}, {"Write", nil, [][2]string{{"PUT", "/v1/{id}"}}}}
	config := corsrpc.Config{
		Origins: []string{developer}, REST: corsrpc.RESTGateway, Files: boundFiles(t, methods...), ExplainTo: []string{developer},
		Overrides: map[string]corsrpc.Override{shelves + ".Write": {Origins: []string{app}}},
	}
	policy := newPolicy(t, config)
	assert.True(t, exchange(policy, newRequest("POST", "/v1/7", "Origin", developer, "Content-Type", "application/x-www-form-urlencoded", "Traceparent", "00-")).ran)
	assert.Equal(t, refusedPreflight, exchange(policy, newPreflight("/v1/7", developer, "POST", "Access-Control-Request-Headers", "traceparent")))

	config.Files = boundFiles(t, overlappingMethods()...)
	config.Credentials, config.ReportOnly, config.RequestHeaders = true, true, []string{"X-Tenant-Id"}
	config.Overrides = map[string]corsrpc.Override{shelves + ".First": {Credentials: corsrpc.Off}, shelves + ".Second": {Origins: []string{app}}}
	policy = newPolicy(t, config)
	got := exchange(policy, newPreflight("/v1/y/x", developer, "GET", "Access-Control-Request-Headers", "x-tenant-id"))
	assert.Equal(t, "0", got.header.Get("Access-Control-Max-Age"), "the preflight is explained")
	assert.False(t, exchange(policy, newRequest("GET", "/v1/y/x", "Origin", developer, "X-Tenant-Id", "1")).ran)
	assert.False(t, exchange(policy, newRequest("GET", "/v1/y/x", "Origin", developer, "X-Tenant-Id", "1", "Cookie", "a=b")).ran)
}

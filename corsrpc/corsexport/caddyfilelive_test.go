package corsexport

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// startCaddyfilePolicy runs Caddy with a policy in front of a backend.
func startCaddyfilePolicy(t *testing.T) func(p *corsrpc.Policy, upstream string) string {
	return func(p *corsrpc.Policy, upstream string) string {
		export, err := Caddyfile(p, Options{})
		require.NoError(t, err)
		return startCaddyfile(t, export, upstream, "")
	}
}

func TestCaddyfileIsCleanForPages(t *testing.T) {
	t.Parallel()
	checkClean(t, startCaddyfilePolicy(t))
}

func TestCaddyfileLetsNothingUpgradeToHTTP2(t *testing.T) {
	t.Parallel()
	checkNoUpgradeToHTTP2(t, startCaddyfilePolicy(t))
	backend, upstream := serve(t)
	preface := get(t, "PRI", startCaddyfilePolicy(t)(mustPolicy(t, shopConfig()), upstream)+"/")
	assert.Equal(t, http.StatusForbidden, preface.StatusCode)
	body, err := io.ReadAll(preface.Body)
	require.NoError(t, err)
	assert.Equal(t, "corsrpc: HTTP/2 preface refused\n", string(body))
	assert.Zero(t, backend.Total())
}

func TestCaddyfileWithWebSocket(t *testing.T) {
	t.Parallel()
	checkWebSocket(t, startCaddyfilePolicy(t))
}

// Whatever the policy is made of stands for itself.
func TestCaddyfileQuotes(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins:         []string{"app://a.b-c_d~[x]:y", "https://a_b.example.com", "http://[::1]:*"},
		RequestHeaders:  []string{"X-'$`|~#&*+.^!%", "#X", "~X", "+X"},
		ResponseHeaders: []string{"Y-'$`|~#&*+.^!%", "-", "default"},
		Resources: map[string]corsrpc.Resource{
			"/$uri/'\";$1/{x}/":      {Origins: []string{app}, Methods: []string{"X-'$`|~#&*+.^!%"}},
			"/a.b/(c|d)*[e]+^":       {Origins: []string{shopper}, Methods: []string{"-"}, RequestHeaders: []string{"default"}},
			"/ü/日本":                  {Origins: []string{console}},
			"/a`b\\c/#{$HOME}":       {Origins: []string{app}},
			"/x{args[0]}{block}<<{}": {Origins: []string{app}},
			"/import/{http.vars.x}":  {Origins: []string{app}},
		},
		Audiences: map[string][]string{"storefront": nil, "backoffice": nil},
		REST:      corsrpc.RESTGateway,
		Bindings:  map[string][]string{cart + ".AddItem": {"default /v1/default", "~x /v1/default", "- /v1/default", "X`$1 /v1/default"}, catalog + ".GetProduct": {"GET /v1/{product_id}:`read"}},
	}
	policy, err := newPolicy(config)
	for _, key := range []string{"/a`b\\c/#{$HOME}", "/x{args[0]}{block}<<{}", "/import/{http.vars.x}"} {
		if err != nil {
			t.Log(err)
			delete(config.Resources, key)
			policy, err = newPolicy(config)
		}
	}
	require.NoError(t, err)
	backend, upstream := serve(t)
	compareCaddyfile(t, startCaddyfilePolicy(t)(policy, upstream), policy, edgetest.Options{Backend: backend, Size: 4000})
}

// A page can read that the backend is gone, and when Caddy did not wait for it,
// with an error page and without.
func TestCaddyfileOwnErrors(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-waiting }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(waiting) })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	export := mustCaddyfile(t, shopConfig(), Options{})
	for status, upstream := range map[int]string{http.StatusGatewayTimeout: silent.URL, http.StatusBadGateway: closed.URL} {
		for _, errors := range []string{"", "handle_errors {\nrespond own\n}\n"} {
			edge := startCaddySite(t, export, errors+"invoke corsrpc_policy\nreverse_proxy "+upstream+" {\ntransport http {\nresponse_header_timeout 10ms\n}\n}")
			response := get(t, "POST", edge+addItem, "Origin", shopper)
			assert.Equal(t, status, response.StatusCode)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":      {shopper},
				"Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers":    {response.Header.Get("Access-Control-Expose-Headers")},
				"Vary":                             {"Origin"},
			}, corsHeaders(response))
			assert.Contains(t, response.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status")
		}
	}
}

// An error page can come from a server with CORS headers of its own.
func TestCaddyfileInErrorPages(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	backend, upstream := serve(t)
	edge := startCaddySite(t, mustCaddyfile(t, shopConfig(), Options{}), `
		invoke corsrpc_policy
		reverse_proxy `+closed.URL+`
		handle_errors {
			invoke corsrpc_policy
			reverse_proxy `+upstream+`
		}`)
	response := get(t, "POST", edge+addItem, "Origin", shopper, edgetest.HeaderRespond, "cors")
	assert.Equal(t, 1, backend.Total())
	assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, response.Header["Access-Control-Allow-Methods"])
	require.Len(t, response.Header["Access-Control-Expose-Headers"], 2)
	assert.Equal(t, "X-Backend", response.Header["Access-Control-Expose-Headers"][1])
	assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+addItem, "Origin", evil).StatusCode)
	assert.Equal(t, 1, backend.Total())
}

// The route comes before handle, whatever the order in the file, and after what
// a route block has before it.
func TestCaddyfileBesideOtherDirectives(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startCaddySite(t, mustCaddyfile(t, shopConfig(), Options{}), `
		header X-Own own
		encode
		handle /acme.shop.v1.AdminService/* {
			header +Vary X-Own
			header ?Access-Control-Allow-Origin *
			rewrite * /rewritten{uri}
			reverse_proxy `+upstream+`
		}
		handle /files/* {
			respond own
		}
		handle_path /api/* {
			reverse_proxy `+upstream+`
		}
		handle {
			route {
				basic_auth {
					someone $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
				}
				reverse_proxy `+upstream+`
			}
		}
		handle_errors {
			header X-Error own
			respond "own page"
		}
		invoke corsrpc_policy`)

	preflight := get(t, "OPTIONS", edge+addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode, "before authentication")
	assert.Equal(t, []string{shopper}, preflight.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, preflight.Header["X-Own"], "the policy comes first")

	for _, path := range []string{setPrice, addItem} {
		refused := get(t, "POST", edge+path, "Origin", evil)
		assert.Equal(t, http.StatusForbidden, refused.StatusCode)
		body, err := io.ReadAll(refused.Body)
		require.NoError(t, err)
		assert.Equal(t, "corsrpc: origin not allowed\n", string(body))
		assert.Equal(t, http.Header{"Vary": {"Origin"}, "Cache-Control": {"no-store"}}, corsHeaders(refused))
		assert.Equal(t, []string{"text/plain; charset=utf-8"}, refused.Header["Content-Type"])
	}
	preflight = get(t, "OPTIONS", edge+setPrice, "Origin", evil, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusForbidden, preflight.StatusCode)
	assert.Zero(t, preflight.ContentLength, "not the page of handle_errors")

	unauthorized := get(t, "POST", edge+addItem, "Origin", shopper)
	assert.Equal(t, http.StatusUnauthorized, unauthorized.StatusCode)
	assert.Equal(t, []string{shopper}, unauthorized.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"own"}, unauthorized.Header["X-Error"])
	assert.Zero(t, backend.Total())

	changed := get(t, "GET", edge+setPrice, "Origin", console, edgetest.HeaderRespond, "cors")
	assert.Equal(t, http.StatusOK, changed.StatusCode)
	assert.Equal(t, []string{console}, changed.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"Origin, X-Own"}, changed.Header["Vary"])
	assert.Empty(t, changed.Header["Access-Control-Allow-Methods"])
	assert.Equal(t, 1, backend.Total())

	alias := get(t, "POST", edge+"/api"+setPrice, "Origin", evil)
	assert.Equal(t, http.StatusForbidden, alias.StatusCode, "what handle_path makes of it is the procedure's path")
	assert.Equal(t, 1, backend.Total())
	assert.Equal(t, http.StatusOK, get(t, "GET", edge+"/files/x", "Origin", evil).StatusCode)
}

// startCaddySite runs Caddy with an export and one site.
func startCaddySite(t testing.TB, e *Export, directives string) string {
	t.Helper()
	require.Len(t, e.Files, 1)
	site := string(e.Files[0].Data) + caddySite(directives)
	if *edgeAll { // millions of requests
		url, _ := proxies.StartCaddyProcess(t, site)
		return url
	}
	return proxies.StartCaddy(t, site)
}

func caddySite(directives string) string {
	return "http:// {\n\tbind " + proxies.CaddyBind + "\n" + directives + "\n}\n"
}

// Two policies govern different services of one server.
func TestCaddyfileWithTwoPolicies(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	first, second := twoConfigs()
	one, two := mustCaddyfile(t, first, Options{Prefix: "one"}), mustCaddyfile(t, second, Options{Prefix: "two"})
	two.Files[0].Data = slices.Concat(one.Files[0].Data, two.Files[0].Data)
	edge := startCaddySite(t, two, "route {\ninvoke one_policy\ninvoke two_policy\nreverse_proxy "+upstream+"\n}")
	checkTwoPolicies(t, edge, backend)
}

// Behind a gate, only preflights are answered.
func TestCaddyfileBehindGate(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, shopConfig())
	export, err := Caddyfile(policy, Options{BehindGate: true})
	require.NoError(t, err)
	backend, upstream := serve(t)
	edge := startCaddyfile(t, export, upstream, "")
	compareCaddyfile(t, edge, policy, edgetest.Options{Backend: backend, BehindGate: true, Requests: gateRequests(policy), Size: 3000})
	assert.Equal(t, http.StatusOK, get(t, "POST", edge+addItem, "Origin", evil).StatusCode)
	assert.Equal(t, http.StatusForbidden, get(t, "OPTIONS", edge+addItem, "Origin", evil, "Access-Control-Request-Method", "POST").StatusCode)
}

// Long paths hide nothing, up to the longest that Caddy reads.
func TestCaddyfileWithLongPaths(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, longPathConfig())
	backend, upstream := serve(t)
	edge := startCaddyfilePolicy(t)(policy, upstream)
	compareCaddyfile(t, edge, policy, edgetest.Options{Backend: backend, Requests: longPathRequests(3000), Size: 300})
	ran := backend.Total()
	for _, path := range []string{strings.Repeat("/a", 7000) + purgeCarts, purgeCarts + strings.Repeat("/a", 7000), "/v1/admin" + strings.Repeat("/a", 7000), "/v1/admin" + strings.Repeat("/a", 100_000)} {
		response := get(t, "POST", edge+path, "Origin", evil)
		assert.Contains(t, []int{http.StatusForbidden, http.StatusRequestHeaderFieldsTooLarge}, response.StatusCode, "%d", len(path))
	}
	assert.Equal(t, ran, backend.Total())
}

// The shop's whole matrix.
func TestCaddyfileWithTheShop(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, shopConfig())
	backend, upstream := serve(t)
	size := 5000
	if *edgeAll {
		size = 0
	}
	compareCaddyfile(t, startCaddyfilePolicy(t)(policy, upstream), policy, edgetest.Options{Backend: backend, Size: size})
}

// Only the exact spelling of a path can be preflighted, and the backend does not
// see preflights to others.
func TestCaddyfileWithOtherSpellings(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startCaddyfilePolicy(t)(mustPolicy(t, shopConfig()), upstream)
	for path, want := range map[string]int{
		"/fonts/a":                  http.StatusNoContent,
		"/fonts/a%2Fb":              http.StatusForbidden,
		"/font%73/a":                http.StatusForbidden,
		"/products/1/photo":         http.StatusNoContent,
		"/products/1%5C/photo":      http.StatusForbidden,
		"/products/%2e%2e/photo":    http.StatusForbidden,
		getProduct:                  http.StatusNoContent,
		"/x" + getProduct:           http.StatusForbidden,
		strings.ToUpper(getProduct): http.StatusForbidden,
	} {
		response := get(t, "OPTIONS", edge+path, "Origin", app, "Access-Control-Request-Method", "GET")
		assert.Equal(t, want, response.StatusCode, path)
	}
	assert.Zero(t, backend.Total())
	get(t, "OPTIONS", edge+"/other", "Origin", app, "Access-Control-Request-Method", "GET")
	assert.Equal(t, 1, backend.Total(), "no rule is about it")
}

// Rules for a thousand procedures share expressions.
func TestCaddyfileWithManyProcedures(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, largeConfig(t))
	backend, upstream := serve(t)
	compareCaddyfile(t, startCaddyfilePolicy(t)(policy, upstream), policy, edgetest.Options{Backend: backend, Size: 1000})
}

// Without Hosts, and with a browser that does not send Sec-Fetch-Site, the page's
// host is compared with the request's.
func TestCaddyfileComparesHosts(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startCaddyfilePolicy(t)(mustPolicy(t, shopConfig()), upstream)
	for _, tt := range []struct {
		host, origin string
		want         bool
	}{
		{"api.example.com", "https://api.example.com", true},
		{"api.example.com", "http://api.example.com", true},
		{"api.example.com:443", "https://api.example.com", true},
		{"api.example.com", "http://api.example.com:80", true},
		{"api.example.com:8443", "https://api.example.com:8443", true},
		{"[::1]:8443", "https://[::1]:8443", true},
		{"api.example.com:8443", "https://api.example.com", false},
		{"api.example.com", "https://api.example.com:8443", false},
		{"api.example.com", "https://api.example.com.evil.test", false},
		{"api.example.com", "https://evil.test/api.example.com", false},
		{"api.example.com", "https://xapi.example.com", false},
		{"api.example.com", "app://api.example.com", false},
		{"api.example.com", "api.example.com", false},
		{"api.example.com", "null", false},
		{"API.example.com", "https://API.example.com", false},
		{"?", "https://?", false},
		{":80", "http://:80", false},
	} {
		before := backend.Total()
		r, err := http.NewRequest("POST", edge+addItem, nil)
		require.NoError(t, err)
		r.Host = tt.host
		r.Header.Set("Origin", tt.origin)
		response, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, tt.want, backend.Total() > before, "%s %s", tt.host, tt.origin)
	}
}

// Vary is one line with Origin in it where responses can be cached.
func TestCaddyfileVary(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Vary"] = strings.Split(r.Header.Get("X-Vary"), "|")
	}))
	t.Cleanup(server.Close)
	edge := startCaddyfilePolicy(t)(mustPolicy(t, shopConfig()), server.URL)
	for lines, want := range map[string]string{
		"A":                    "Origin, A",
		"A, B":                 "Origin, A, B",
		"A|B ,C":               "Origin, A, B, C",
		"Origin-Agent-Cluster": "Origin, Origin-Agent-Cluster",
		"*":                    "*",
		"A, *":                 "*",
		"*|A":                  "*",
		"A|*, B":               "*",
	} {
		response := get(t, "GET", edge+getProduct, "Origin", app, "X-Vary", lines)
		assert.Equal(t, []string{want}, response.Header["Vary"], lines)
		response = get(t, "GET", edge+"/other", "Origin", app, "X-Vary", lines)
		assert.Equal(t, strings.Split(lines, "|"), response.Header["Vary"], "no rule: %s", lines)
	}
}

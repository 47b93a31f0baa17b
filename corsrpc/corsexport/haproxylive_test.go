package corsexport

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

func TestHAProxyIsCleanForPages(t *testing.T) {
	t.Parallel()
	checkClean(t, func(p *corsrpc.Policy, upstream string) string {
		return haproxyTest{policy: p, upstream: upstream}.start(t)
	})
}

// What grpc-gateway takes for another method is judged by that one too.
func TestHAProxyAsksOtherMethods(t *testing.T) {
	t.Parallel()
	checkOtherMethods(t, func(p *corsrpc.Policy, upstream string) string {
		return haproxyTest{policy: p, upstream: upstream}.start(t)
	})
}

// Whatever the policy is made of stands for itself.
func TestHAProxyQuotes(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins:         []string{"app://a.b-c_d~[x]:y", "https://a_b.example.com", "http://[::1]:*"},
		RequestHeaders:  []string{"X-'$`|~#&*+.^!%", "#X", "%t"},
		ResponseHeaders: []string{"Y-'$`|~#&*+.^!%", "%t"},
		Resources: map[string]corsrpc.Resource{
			"/$uri/'\";$1/{x}/": {Origins: []string{app}, Methods: []string{"X-'$`|~#&*+.^!%"}},
			"/a.b/(c|d)*[e]+^":  {Origins: []string{shopper}},
			"/ü/日本":             {Origins: []string{console}},
			"/%[path]/a b":      {Origins: []string{app}},
		},
		Audiences: map[string][]string{"storefront": nil, "backoffice": nil},
	}
	policy := mustPolicy(t, config)
	backend, upstream := serve(t)
	compareHAProxy(t, haproxyTest{policy: policy, upstream: upstream}.start(t), policy, edgetest.Options{Backend: backend, Size: 4000})
}

// A page can read that the backend is gone, and when HAProxy did not wait for
// it.
func TestHAProxyOwnErrors(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-waiting }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(waiting) })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	policy := mustPolicy(t, shopConfig())
	for status, upstream := range map[int]string{http.StatusGatewayTimeout: silent.URL, http.StatusServiceUnavailable: closed.URL} {
		edge := haproxyTest{policy: policy, upstream: upstream, backend: "timeout server 10ms\n\tretries 0"}.start(t)
		response := get(t, "POST", edge+addItem, "Origin", shopper)
		assert.Equal(t, status, response.StatusCode)
		assert.Equal(t, http.Header{
			"Access-Control-Allow-Origin":      {shopper},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Expose-Headers":    {response.Header.Get("Access-Control-Expose-Headers")},
			"Vary":                             {"Origin"},
			"Cache-Control":                    {"no-cache"}, // HAProxy's own
		}, corsHeaders(response))
		assert.Contains(t, response.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status")
	}
}

// HAProxy responds to preflights and refuses calls before the frontend's own rules.
func TestHAProxyBesideOtherRules(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := haproxyTest{
		policy: mustPolicy(t, shopConfig()), upstream: upstream,
		backend: "http-response set-header X-Backend own\n\thttp-response set-header Access-Control-Allow-Origin *",
		frontend: `http-request return status 200 content-type text/plain string own if { path /own }
	http-request auth unless { req.hdr(authorization) -m found }
	http-response set-header X-Frontend own`,
	}.start(t)

	preflight := get(t, "OPTIONS", edge+addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode, "before authentication")
	assert.Equal(t, []string{shopper}, preflight.Header["Access-Control-Allow-Origin"])

	refused := get(t, "POST", edge+setPrice, "Origin", evil, "Authorization", "x")
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	assert.Equal(t, "corsrpc: origin not allowed\n", string(body))
	assert.Equal(t, http.Header{"Vary": {"Origin"}, "Cache-Control": {"no-store"}}, corsHeaders(refused))
	assert.Equal(t, []string{"text/plain; charset=utf-8"}, refused.Header["Content-Type"])
	assert.Equal(t, []string{"nosniff"}, refused.Header["X-Content-Type-Options"])

	preflight = get(t, "OPTIONS", edge+addItem, "Origin", evil, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusForbidden, preflight.StatusCode)
	assert.Equal(t, http.Header{"Vary": {"Origin"}, "Cache-Control": {"no-store"}}, corsHeaders(preflight))
	body, err = io.ReadAll(preflight.Body)
	require.NoError(t, err)
	assert.Empty(t, body)

	unauthorized := get(t, "POST", edge+addItem, "Origin", shopper)
	assert.Equal(t, http.StatusUnauthorized, unauthorized.StatusCode)
	assert.Equal(t, []string{shopper}, unauthorized.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, http.StatusOK, get(t, "GET", edge+"/own").StatusCode)
	assert.Zero(t, backend.Total())

	called := get(t, "POST", edge+setPrice, "Origin", console, "Authorization", "x")
	assert.Equal(t, http.StatusOK, called.StatusCode)
	assert.Equal(t, []string{console}, called.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"own"}, called.Header["X-Frontend"])
	assert.Equal(t, []string{"own"}, called.Header["X-Backend"])
	assert.Equal(t, 1, backend.Total())
}

func TestHAProxyLetsNothingUpgradeToHTTP2(t *testing.T) {
	t.Parallel()
	checkNoUpgradeToHTTP2(t, func(p *corsrpc.Policy, upstream string) string {
		return haproxyTest{policy: p, upstream: upstream}.start(t)
	})
}

func TestHAProxyWithWebSocket(t *testing.T) {
	t.Parallel()
	checkWebSocket(t, func(p *corsrpc.Policy, upstream string) string {
		return haproxyTest{policy: p, upstream: upstream}.start(t)
	})
}

// Regular expressions see the end of the longest path that HAProxy reads.
func TestHAProxyWithLongPaths(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := libraryConfig(t)
	config.Resources = map[string]corsrpc.Resource{"/files/": {Origins: []string{app}}}
	edge := haproxyTest{policy: mustPolicy(t, config), upstream: upstream}.start(t)
	const long = 14_000
	for _, part := range []string{"x", "/x", "/xyz", ".x", "/..", "%25", "%2525", "/%2e", "/%252f", ";x", "%5C", "%C5%BF"} {
		filler := strings.Repeat(part, long/len(part))
		for _, path := range []string{
			"/x" + filler + "/acme.library.v1.LibraryService/GetBook",
			"/x" + filler + "/%61cme.library.v1.LibraryService%252FGetBook",
			"/v1/shelves" + filler + "/..%2fadmin:purge",
			"/v1/admin" + filler + "/../..%5Cadmin:purge",
			"/acme.library.v1.LibraryService;" + filler + "/GetBook",
		} {
			response := get(t, "POST", edge+path, "Origin", evil)
			assert.NotEqual(t, http.StatusOK, response.StatusCode, "%.40q", path)
		}
	}
	assert.Zero(t, backend.Total())
	for _, part := range []string{"x", "/x", "/xyz", ".x", "/..x", "%C3%A9", "%252F", "/%2e%2E%2e", "-._~:@!$&'()*+,="} {
		for _, path := range []string{"/files/x", "/v1/archive/x"} {
			if part == "%252F" && path == "/files/x" {
				continue // for a resource, another spelling
			}
			response := get(t, "GET", edge+path+strings.Repeat(part, long/len(part)), "Origin", app)
			assert.Equal(t, http.StatusOK, response.StatusCode)
			assert.Equal(t, []string{app}, response.Header["Access-Control-Allow-Origin"], "%s %s", path, part)
		}
	}
}

// A cached response has the headers of the page that asks.
func TestHAProxyCache(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := shopConfig()
	config.Origins = append(config.Origins, shopper)
	edge := haproxyTest{
		policy: mustPolicy(t, config), upstream: upstream,
		global:   "cache shop\n\ttotal-max-size 4\n\tmax-age 3600",
		frontend: "http-request cache-use shop\n\thttp-response set-header Cache-Control max-age=3600\n\thttp-response cache-store shop",
	}.start(t)
	for _, how := range []string{"", "cors", "vary"} {
		for _, origin := range []string{app, shopper, app} {
			response := get(t, "GET", edge+getProduct+"?q="+how, "Origin", origin, edgetest.HeaderRespond, how)
			assert.Equal(t, []string{origin}, response.Header["Access-Control-Allow-Origin"], how)
			assert.Contains(t, response.Header.Get("Vary"), "Origin", how)
			assert.Len(t, response.Header["Vary"], 1, how)
		}
	}
	assert.Equal(t, 1+1+3, backend.Total(), "HAProxy does not keep what has Vary from the backend")
}

// Where the headers of backend and policy do not fit into a buffer together, the
// page can read that.
func TestHAProxyWithLongHeaders(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	for i := range 60 {
		config.ResponseHeaders = append(config.ResponseHeaders, fmt.Sprintf("X-%s-%d", strings.Repeat("a", 40), i))
	}
	policy := mustPolicy(t, config)
	export, err := HAProxy(policy, Options{Dir: "/etc/haproxy"})
	require.NoError(t, err)
	assert.Contains(t, strings.Join(export.Notes, " "), "tune.bufsize")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 14_000))
	}))
	t.Cleanup(server.Close)
	for global, status := range map[string]int{"": http.StatusInternalServerError, "tune.bufsize 32768": http.StatusOK} {
		response := get(t, "POST", haproxyTest{policy: policy, upstream: server.URL, global: global}.start(t)+addItem, "Origin", shopper)
		assert.Equal(t, status, response.StatusCode, global)
		assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"], global)
	}
}

// Vary is one line with Origin in it, whatever the backend sends.
func TestHAProxyVary(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Vary"] = strings.Split(r.Header.Get("X-Vary"), "|")
	}))
	t.Cleanup(server.Close)
	edge := haproxyTest{policy: mustPolicy(t, shopConfig()), upstream: server.URL}.start(t)
	for lines, want := range map[string]string{
		"A":                     "Origin, A",
		"A, B":                  "Origin, A, B",
		"A|B":                   "Origin, A, B",
		"A|B|C":                 "Origin, A, B, C",
		"A|B|C|D":               "*",
		"origin":                "origin",
		"A, ORIGIN|B":           "A, ORIGIN, B",
		"Origin-Agent-Cluster":  "Origin, Origin-Agent-Cluster",
		"*":                     "*",
		"A, *":                  "*",
		"A|*":                   "*",
		"A|B|*, C":              "*",
		"Origin, *":             "*",
		"X-Origin, Origin-Star": "Origin, X-Origin, Origin-Star",
	} {
		response := get(t, "GET", edge+getProduct, "Origin", app, "X-Vary", lines)
		assert.Equal(t, []string{want}, response.Header["Vary"], lines)
		response = get(t, "GET", edge+"/other", "Origin", app, "X-Vary", lines)
		assert.Equal(t, strings.Split(lines, "|"), response.Header["Vary"], "no rule: %s", lines)
	}
}

// Where variables have a limit, a request whose path or results do not fit is
// refused.
func TestHAProxyWithLittleRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		paths  []string
	}{
		{"shop", shopConfig(), []string{addItem, strings.ToLower(addItem), purgeCarts}},
		{"library", libraryConfig(t), []string{"/acme.library.v1.LibraryService/GetBook", "/v1/shelves", "/v1/admin:purge", "/v1//admin:purge"}},
	} {
		policy := mustPolicy(t, tt.config)
		backend, upstream := serve(t)
		passed := 0
		for limit := 64; limit < 16<<10; limit += limit / 8 {
			edge := haproxyTest{policy: policy, upstream: upstream, global: fmt.Sprint("tune.vars.txn-max-size ", limit)}.start(t)
			for _, path := range tt.paths {
				for _, header := range [][]string{{"Origin", evil}, {"Sec-Fetch-Site", "cross-site", "Cookie", "session=1"}} {
					response := get(t, "POST", edge+path, header...)
					assert.Equal(t, http.StatusForbidden, response.StatusCode, "%s with room for %d bytes", path, limit)
				}
			}
			if get(t, "GET", edge+"/index.html").StatusCode == http.StatusOK {
				passed++
			}
		}
		assert.Positive(t, passed, "%s: all limits are too low for anything", tt.name)
		assert.Equal(t, passed, backend.Total(), tt.name)
	}
}

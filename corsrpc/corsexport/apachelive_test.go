package corsexport

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// A strict page-side check finds nothing wrong with the shop behind Apache, and
// what is refused does not reach it.
func TestApacheIsCleanForPages(t *testing.T) {
	t.Parallel()
	checkClean(t, startApachePolicy(t))
}

// What grpc-gateway takes for another method is judged by that one too.
func TestApacheAsksOtherMethods(t *testing.T) {
	t.Parallel()
	checkOtherMethods(t, startApachePolicy(t))
}

func startApachePolicy(t *testing.T) func(p *corsrpc.Policy, upstream string) string {
	return func(p *corsrpc.Policy, upstream string) string {
		return apacheTest{policy: p, upstream: upstream}.start(t)
	}
}

// Whatever the policy is made of stands for itself.
func TestApacheQuotes(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins:         []string{"app://a.b-c_d~[x]:y", "https://a_b.example.com", "http://[::1]:*"},
		RequestHeaders:  []string{"X-'$`|~#&*+.^!%", "#X", "%t", "$1"},
		ResponseHeaders: []string{"Y-'$`|~#&*+.^!%", "%t", "%%"},
		Resources: map[string]corsrpc.Resource{
			"/$uri/'\";$1/{x}/": {Origins: []string{app}, Methods: []string{"X-'$`|~#&*+.^!%"}},
			"/a.b/(c|d)*[e]+^":  {Origins: []string{shopper}},
			"/ü/日本":             {Origins: []string{console}},
			"/%path/a b":        {Origins: []string{app}},
			"/$(path)/</If>":    {Origins: []string{app}},
		},
		Audiences: map[string][]string{"storefront": nil, "backoffice": nil},
	}
	policy := mustPolicy(t, config)
	for _, raw := range []bool{true, false} {
		backend, upstream := serve(t)
		compareApache(t, apacheTest{policy: policy, upstream: upstream, raw: raw}.start(t), policy, edgetest.Options{Backend: backend, Size: 4000})
	}
}

// A page can read that the backend is gone, and when Apache did not wait for it.
func TestApacheOwnErrors(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-waiting }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(waiting) })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	policy := mustPolicy(t, shopConfig())
	for upstream, status := range map[string]int{silent.URL: http.StatusBadGateway, closed.URL: http.StatusServiceUnavailable} {
		for _, pages := range []string{"", "ErrorDocument 502 /gone.html\nErrorDocument 503 /gone.html\nProxyPass /gone.html !"} {
			edge := apacheTest{policy: policy, upstream: upstream, before: "ProxyTimeout 1\n" + pages}.start(t)
			response := get(t, "POST", edge+addItem, "Origin", shopper)
			assert.Equal(t, status, response.StatusCode)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":      {shopper},
				"Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers":    {response.Header.Get("Access-Control-Expose-Headers")},
				"Vary":                             {"Origin"},
			}, corsHeaders(response), pages)
			assert.Contains(t, response.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status")
		}
	}
}

// Preflights are answered before authentication and rewriting, and a location has
// headers of its own besides those of the policy.
func TestApacheBesideOtherDirectives(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{
		policy: mustPolicy(t, shopConfig()), upstream: upstream,
		before: `
	Header always set X-Server own
	Header set Access-Control-Allow-Origin *
	ErrorDocument 401 "own 401"
	ErrorDocument 403 "own 403"
	ErrorDocument 404 /error.html`,
		after: `
	<Location "/acme.shop.v1.CartService/">
		AuthType Basic
		AuthName realm
		AuthUserFile /dev/null
		Require valid-user
		Header always set Access-Control-Allow-Origin *
		Header always set X-Own own
	</Location>
	<Location "/rewritten/">
		Header always set X-Own own
	</Location>
	<Location "/private">
		Require all denied
	</Location>
	RewriteRule ^/acme\.shop\.v1\.Admin(\w+)/(\w+)$ /rewritten/$1/$2 [PT]
	RewriteRule ^/other/(.*)$ ` + upstream + `/$1 [P]
	ProxyErrorOverride On
	<Location "/error.html">
		ProxyErrorOverride Off
	</Location>`,
	}.start(t)

	preflight := get(t, "OPTIONS", edge+addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode, "before authentication")
	assert.Equal(t, []string{shopper}, preflight.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, preflight.Header["Content-Type"])

	refused := get(t, "POST", edge+setPrice, "Origin", evil)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	assert.Equal(t, "corsrpc: origin not allowed\n", string(body))
	assert.Equal(t, []string{"Origin"}, refused.Header["Vary"])
	assert.Equal(t, []string{"no-store"}, refused.Header["Cache-Control"])
	assert.Equal(t, []string{"text/plain; charset=utf-8"}, refused.Header["Content-Type"])
	assert.Equal(t, []string{"nosniff"}, refused.Header["X-Content-Type-Options"])

	refused = get(t, "POST", edge+addItem, "Origin", evil)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Empty(t, refused.Header["Access-Control-Allow-Origin"], "not the location's")

	preflight = get(t, "OPTIONS", edge+addItem, "Origin", evil, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusForbidden, preflight.StatusCode)
	assert.Zero(t, preflight.ContentLength, "not the page for 403")

	unauthorized := get(t, "POST", edge+addItem, "Origin", shopper)
	assert.Equal(t, http.StatusUnauthorized, unauthorized.StatusCode)
	assert.Equal(t, []string{shopper}, unauthorized.Header["Access-Control-Allow-Origin"], "not the location's")
	body, err = io.ReadAll(unauthorized.Body)
	require.NoError(t, err)
	assert.Equal(t, "own 401", string(body))
	private := get(t, "GET", edge+"/private", "Origin", evil)
	body, err = io.ReadAll(private.Body)
	require.NoError(t, err)
	assert.Equal(t, "own 403", string(body))
	assert.Zero(t, backend.Total())

	changed := get(t, "POST", edge+setPrice, "Origin", console)
	assert.Equal(t, http.StatusOK, changed.StatusCode)
	assert.Equal(t, []string{console}, changed.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"own"}, changed.Header["X-Own"])
	assert.Equal(t, []string{"own"}, changed.Header["X-Server"])
	assert.Equal(t, 1, backend.Total())
	missing := get(t, "POST", edge+getProduct, "Origin", app, edgetest.HeaderRespond, "404")
	assert.Equal(t, http.StatusNotFound, missing.StatusCode)
	assert.Equal(t, []string{app}, missing.Header["Access-Control-Allow-Origin"], "the page of another path has the headers too")
	assert.Contains(t, missing.Header.Get("Access-Control-Expose-Headers"), "Grpc-Status")
	assert.Equal(t, []string{"Origin"}, missing.Header["Vary"])
	assert.Equal(t, http.StatusOK, get(t, "GET", edge+"/other/x", "Origin", evil).StatusCode)
}

// The page of an ErrorDocument is not judged, though Apache gets it with another
// method than the call's.
func TestApacheErrorPagesOfBindings(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := shopConfig()
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{cart + ".AddItem": {"POST /v1/items"}, catalog + ".GetProduct": {"GET /v1/items"}}
	edge := apacheTest{
		policy: mustPolicy(t, config), upstream: upstream,
		before: "ErrorDocument 404 /error.html\nProxyErrorOverride On\n<Location /error.html>\nProxyErrorOverride Off\n</Location>",
	}.start(t)
	assert.Equal(t, http.StatusForbidden, get(t, "GET", edge+"/v1/items", "Origin", shopper, "Cookie", "session=1").StatusCode)
	response := get(t, "POST", edge+"/v1/items", "Origin", shopper, "Cookie", "session=1", edgetest.HeaderRespond, "404")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"true"}, response.Header["Access-Control-Allow-Credentials"])
	assert.Contains(t, response.Header.Get("Access-Control-Expose-Headers"), "X-Request-Id")
	assert.Equal(t, []string{"Origin"}, response.Header["Vary"])
	assert.Equal(t, 2, backend.Total(), "it has the page too")
}

// What is no usual request line is compared all the same.
func TestApacheRequestLines(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := strings.TrimPrefix(apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream, before: "HttpProtocolOptions Unsafe"}.start(t), "http://")
	for _, line := range []string{
		"PRI /other HTTP/1.1",
		"POST\t" + setPrice + " HTTP/1.1",
		"POST  " + setPrice + "  HTTP/1.1",
		"POST " + setPrice + "#x HTTP/1.1",
		"POST /x " + setPrice + " HTTP/1.1",
		"POST http://other.test" + setPrice + " HTTP/1.1",
		"POST http://other.test/" + setPrice + "?x HTTP/1.1",
		"POST //other.test" + setPrice + " HTTP/1.1",
	} {
		conn, err := net.Dial("tcp", edge)
		require.NoError(t, err)
		_, err = io.WriteString(conn, line+"\r\nHost: api.example.com\r\nOrigin: "+evil+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, line)
		assert.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest}, response.StatusCode, line)
		require.NoError(t, conn.Close())
	}
	assert.Zero(t, backend.Total())
}

// An expression that Apache cannot try to its end may match, and does not match.
func TestApacheExpressionsWithoutEnd(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	a := &apache{plan: &plan{options: Options{Prefix: "p"}}}
	const endless = "/(?:x+x+)+y"
	a.setIf(when(mayMatch("%{REQUEST_URI}", endless)), "may=1")
	a.setIf(when(mayHave("%{REQUEST_URI}", endless)), "have=1")
	a.setIf(when(matches("%{REQUEST_URI}", "^"+endless)), "matches=1")
	edge := proxies.StartApache(t, "<VirtualHost "+proxies.ApacheListen+">\nServerName api.example.com\n"+a.out.String()+
		"Header always set X-Set \"%{may}e %{have}e %{matches}e\"\nRedirect 404 /\n</VirtualHost>\n")
	for path, want := range map[string]string{
		"/xxy":                        "1 1 1",
		"/xx":                         "(null) (null) (null)",
		"/" + strings.Repeat("x", 60): "1 1 (null)",
	} {
		assert.Equal(t, want, get(t, "GET", edge+path).Header.Get("X-Set"), path)
	}
}

// Apache itself refuses a path that is too long for a variable.
func TestApacheWithTooLongPaths(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream, raw: true}.config(t)
	edge := proxies.StartApache(t, "LimitRequestLine 200000\n"+config)
	for _, length := range []int{7000, 60_000, 64_000, 66_000, 70_000, 150_000} {
		response := get(t, "POST", edge+"/"+strings.Repeat("x", length)+setPrice, "Origin", evil)
		want := http.StatusForbidden
		if length > 64*1024 {
			want = http.StatusInternalServerError
		}
		assert.Equal(t, want, response.StatusCode, length)
	}
	assert.Zero(t, backend.Total())
}

// Headers of a request do not stand for the variables of the policy.
func TestApacheTakesNoVariablesFromHeaders(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream}.start(t)
	var header []string
	for _, name := range []string{"own", "no", "how", "site", "proc", "seen", "path", "pass", "l3"} {
		header = append(header, "corsrpc_"+name, "1", "REDIRECT_corsrpc_"+name, "1")
	}
	assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+setPrice, append(header, "Origin", evil)...).StatusCode)
	assert.Zero(t, backend.Total())
}

// Two policies govern different services of one server.
func TestApacheWithTwoPolicies(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	first, second := twoConfigs()
	other, err := Apache(mustPolicy(t, second), Options{Prefix: "two"})
	require.NoError(t, err)
	edge := apacheTest{policy: mustPolicy(t, first), options: Options{Prefix: "one"}, upstream: upstream, after: string(other.Files[0].Data)}.start(t)
	checkTwoPolicies(t, edge, backend, edgetest.HeaderRespond, "cors")
}

// Paths without a rule are the backend's, preflights and headers included.
func TestApacheLeavesOtherPathsAlone(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream}.start(t)
	for _, method := range []string{"GET", "OPTIONS"} {
		response := get(t, method, edge+"/other", "Origin", evil, "Access-Control-Request-Method", "PUT", edgetest.HeaderRespond, "cors")
		assert.Equal(t, http.Header{
			"Access-Control-Allow-Origin":      {"*"},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Methods":     {"GET, POST, PUT"},
			"Access-Control-Allow-Headers":     {"*"},
			"Access-Control-Max-Age":           {"86400"},
			"Access-Control-Expose-Headers":    {"X-Backend"},
		}, corsHeaders(response), method)
	}
	assert.Equal(t, 2, backend.Total())
}

// Long paths, which take an expression the most steps, hide nothing, and clean ones
// are allowed.
func TestApacheWithLongPaths(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := libraryConfig(t)
	config.Resources = map[string]corsrpc.Resource{"/files/": {Origins: []string{app}}}
	edge := apacheTest{policy: mustPolicy(t, config), upstream: upstream, raw: true}.start(t)
	const long = 7900 // of the 8190 that Apache reads
	for _, part := range []string{"x", "/x", "/xyz", ".x", "/..", "%25", "%2525", "/%2e", "/%252f", ";x", "%5C", "%C5%BF", "/acme.", "/acme.library.v1.LibraryServic", "//", "/v1", ":purge"} {
		filler := strings.Repeat(part, (long-100)/len(part))
		for _, path := range []string{
			"/x" + filler + "/acme.library.v1.LibraryService/GetBook",
			"/x" + filler + "/%61cme.library.v1.LibraryService%252FGetBook",
			"/v1/shelves" + filler + "/..%2fadmin:purge",
			"/v1/admin" + filler + "/../..%5Cadmin:purge",
			"/acme.library.v1.LibraryService;" + filler + "/GetBook",
		} {
			response := get(t, "POST", edge+path, "Origin", evil)
			assert.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest, http.StatusNotFound}, response.StatusCode, "%.40q", path)
		}
	}
	assert.Zero(t, backend.Total())
	for _, part := range []string{"x", "/x", "/xyz", ".x", "/..x", "%C3%A9", "/%2e%2E%2e", "-._~:@!$&'()*+,="} {
		for _, path := range []string{"/files/x", "/v1/archive/x"} {
			response := get(t, "GET", edge+path+strings.Repeat(part, long/len(part)), "Origin", app)
			assert.Equal(t, http.StatusOK, response.StatusCode, "%s %s", path, part)
			assert.Equal(t, []string{app}, response.Header["Access-Control-Allow-Origin"], "%s %s", path, part)
		}
	}
}

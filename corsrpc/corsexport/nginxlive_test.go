package corsexport

import (
	"io"
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

// shopConfig is a Config as the shop's operator would write it.
func shopConfig() corsrpc.Config {
	return corsrpc.Config{
		Origins: []string{app, "https://*.preview.example.com", "http://localhost:*"},
		Audiences: map[string][]string{
			"storefront": {shopper},
			"backoffice": {console},
		},
		Overrides: map[string]corsrpc.Override{cart: {Credentials: corsrpc.On}},
		Resources: map[string]corsrpc.Resource{
			"/fonts/":              {Origins: []string{"*"}},
			"/products/{id}/photo": {Origins: []string{app}, ResponseHeaders: []string{"ETag"}},
		},
	}
}

func mustPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

func mustNginx(t testing.TB, config corsrpc.Config, o Options) *Export {
	t.Helper()
	export, err := Nginx(mustPolicy(t, config), o)
	require.NoError(t, err)
	return export
}

func TestNginxIsCleanForPages(t *testing.T) {
	t.Parallel()
	checkClean(t, func(p *corsrpc.Policy, upstream string) string {
		export, err := Nginx(p, Options{})
		require.NoError(t, err)
		return startNginx(t, export, upstream, "proxy_buffering off;")
	})
}

// Whatever the policy is made of stands for itself.
func TestNginxQuotes(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Origins:         []string{"app://a.b-c_d~[x]:y", "https://a_b.example.com", "http://[::1]:*"},
		RequestHeaders:  []string{"X-'$`|~#&*+.^!%"},
		ResponseHeaders: []string{"Y-'$`|~#&*+.^!%"},
		Resources: map[string]corsrpc.Resource{
			"/$uri/'\";$1/{x}/": {Origins: []string{app}, Methods: []string{"X-PUT_IT"}},
			"/a.b/(c|d)*[e]+^":  {Origins: []string{shopper}},
			"/ü/日本":             {Origins: []string{console}},
		},
		Audiences: map[string][]string{"storefront": nil, "backoffice": nil},
	}
	policy := mustPolicy(t, config)
	export, err := Nginx(policy, Options{})
	require.NoError(t, err)
	backend, upstream := serve(t)
	compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, Size: 4000})
}

// get sends a request with headers, written as name, value.
func get(t testing.TB, method, url string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	return response
}

// corsHeaders returns the headers by which browsers and caches go, line by line.
func corsHeaders(response *http.Response) http.Header {
	header := http.Header{}
	for name, lines := range response.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" || name == "Cache-Control" {
			header[name] = lines
		}
	}
	return header
}

// A page can read that the backend is gone, and when nginx did not wait for it.
func TestNginxOwnErrors(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-waiting }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(waiting) })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	export := mustNginx(t, shopConfig(), Options{})
	for status, upstream := range map[int]string{http.StatusGatewayTimeout: silent.URL, http.StatusBadGateway: closed.URL} {
		edge := startNginx(t, export, upstream, "proxy_read_timeout 10ms;")
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

// Preflights are answered before authentication and limits, and a location with
// headers of its own has those of the policy once it includes them.
func TestNginxBesideOtherDirectives(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	export := mustNginx(t, shopConfig(), Options{})
	_, server := nginxConfig(t, export, upstream, `
		auth_basic realm;
		auth_basic_user_file /dev/null;
		add_header X-Own own always;`)
	server = `
		add_header X-Server own always;
		error_page 401 403 404 /error.html;
		location = /error.html { return 200 "own page"; }
		expires 1h;
		charset utf-8;
	` + server + `
		location /acme.shop.v1.AdminService/ {
			` + string(export.Files[2].Data) + `
			add_header X-Own own always;
			proxy_hide_header X-Backend;
			rewrite ^/acme\.shop\.v1\.(\w+)/(\w+)$ /rewritten/$1/$2 break;
			proxy_pass ` + upstream + `;
		}
		location /acme.shop.v1.CatalogService/ {
			add_header X-Own own always;
			proxy_pass ` + upstream + `;
		}
		location ~ ^/files/(.*)$ {
			proxy_pass ` + upstream + `/$1;
		}`
	edge := proxies.StartNginx(t, string(export.Files[0].Data), server)

	preflight := get(t, "OPTIONS", edge+addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode, "before authentication")
	assert.Equal(t, []string{shopper}, preflight.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, preflight.Header["Expires"])
	assert.Empty(t, preflight.Header["Cache-Control"])

	refused := get(t, "POST", edge+setPrice, "Origin", evil)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	assert.Equal(t, "corsrpc: origin not allowed\n", string(body))
	assert.Equal(t, http.Header{"Vary": {"Origin"}, "Cache-Control": {"no-store"}}, corsHeaders(refused))
	assert.Equal(t, []string{"text/plain; charset=utf-8"}, refused.Header["Content-Type"])

	preflight = get(t, "OPTIONS", edge+addItem, "Origin", evil, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusForbidden, preflight.StatusCode)
	assert.Zero(t, preflight.ContentLength, "not the page for 403")
	assert.Empty(t, preflight.Header["Content-Type"])

	unauthorized := get(t, "POST", edge+addItem, "Origin", shopper)
	assert.Equal(t, []string{shopper}, unauthorized.Header["Access-Control-Allow-Origin"], "the page for 401 has a location without headers of its own")
	assert.Zero(t, backend.Total())

	unread := get(t, "POST", edge+getProduct, "Origin", app)
	assert.Equal(t, http.StatusOK, unread.StatusCode)
	assert.Empty(t, unread.Header["Access-Control-Allow-Origin"], "the location has an add_header, and does not include the policy's")

	changed := get(t, "POST", edge+setPrice, "Origin", console)
	assert.Equal(t, http.StatusOK, changed.StatusCode)
	assert.Equal(t, []string{console}, changed.Header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"own"}, changed.Header["X-Own"])
	assert.Equal(t, 2, backend.Total())

	files := get(t, "GET", edge+"/files/x", "Origin", evil)
	assert.Equal(t, http.StatusOK, files.StatusCode, "a location's captures are still there")
}

// Two policies govern different services of one server.
func TestNginxWithTwoPolicies(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	first, second := twoConfigs()
	one, two := mustNginx(t, first, Options{Prefix: "one"}), mustNginx(t, second, Options{Prefix: "two"})
	_, server := nginxConfig(t, one, upstream, "")
	edge := proxies.StartNginx(t, string(one.Files[0].Data)+string(two.Files[0].Data), server+string(two.Files[1].Data))
	checkTwoPolicies(t, edge, backend)
}

// Behind a gate, only preflights are answered.
func TestNginxBehindGate(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, shopConfig())
	export, err := Nginx(policy, Options{BehindGate: true})
	require.NoError(t, err)
	backend, upstream := serve(t)
	edge := startNginx(t, export, upstream, "")
	compareEdge(t, edge, policy, edgetest.Options{Backend: backend, BehindGate: true, Requests: gateRequests(policy), Size: 3000})
	assert.Equal(t, http.StatusOK, get(t, "POST", edge+addItem, "Origin", evil).StatusCode)
	assert.Equal(t, http.StatusForbidden, get(t, "OPTIONS", edge+addItem, "Origin", evil, "Access-Control-Request-Method", "POST").StatusCode)
}

// Long paths, which take an expression the most steps, hide nothing.
func TestNginxWithLongPaths(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, longPathConfig())
	export, err := Nginx(policy, Options{})
	require.NoError(t, err)
	backend, upstream := serve(t)
	compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, Requests: longPathRequests(7000)})
}

// The shop's whole matrix.
func TestNginxWithTheShop(t *testing.T) {
	t.Parallel()
	policy := mustPolicy(t, shopConfig())
	export, err := Nginx(policy, Options{})
	require.NoError(t, err)
	backend, upstream := serve(t)
	size := 5000
	if *edgeAll {
		size = 0
	}
	compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, Size: size})
}

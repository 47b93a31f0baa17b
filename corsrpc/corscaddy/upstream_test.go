package corscaddy_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deadURL is the URL of a server that is not there any more.
func deadURL(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	return server.URL
}

// withCORS is a server that opens everything to everybody, as a CORS library does
// whose settings nobody has looked at.
func withCORS(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Allow-Methods", "DELETE")
		header.Set("Access-Control-Expose-Headers", "X-Extra, *")
		header.Set("Access-Control-Future", "1")
		header.Set("Vary", "Accept-Encoding")
		if r.URL.Query().Has("hints") {
			w.WriteHeader(http.StatusEarlyHints)
		}
		if r.URL.Query().Has("silent") {
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The backend's own headers are gone on governed paths, whichever origin asks, and
// as they were everywhere else.
func TestBackendWithCORS(t *testing.T) {
	caddy := start(t, shopPolicy+"reverse_proxy "+withCORS(t))
	everything := http.Header{
		"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Credentials": {"true"}, "Access-Control-Allow-Methods": {"DELETE"},
		"Access-Control-Expose-Headers": {"X-Extra, *"}, "Access-Control-Future": {"1"}, "Vary": {"Accept-Encoding"},
	}
	allowed := http.Header{
		"Access-Control-Allow-Origin": {app}, "Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers": {exposed(t, addItem), "X-Extra"}, "Vary": {"Origin", "Accept-Encoding"},
	}
	for _, test := range []struct {
		name, method, path, origin string
		want                       http.Header
	}{
		{"listed", http.MethodPost, addItem, app, allowed},
		{"listed, after 103 Early Hints", http.MethodPost, addItem + "?hints", app, allowed},
		{"listed, and the handler writes no header itself", http.MethodPost, addItem + "?silent", app, allowed},
		{"listed, GET", http.MethodGet, getProduct, app, http.Header{
			"Access-Control-Allow-Origin": {app}, "Access-Control-Expose-Headers": {exposed(t, getProduct), "X-Extra"}, "Vary": {"Origin, Accept-Encoding"},
		}},
		{"not a browser", http.MethodPost, addItem, "", http.Header{"Access-Control-Expose-Headers": {"X-Extra"}, "Vary": {"Accept-Encoding"}}},
		{"not a browser, GET", http.MethodGet, getProduct, "", http.Header{"Access-Control-Expose-Headers": {"X-Extra"}, "Vary": {"Origin, Accept-Encoding"}}},
		{"resource, not listed", http.MethodGet, "/pictures/1", evil, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}, "Vary": {"Origin, Accept-Encoding"}}},
		{"resource for everybody", http.MethodGet, "/fonts/a.woff2", evil, http.Header{
			"Access-Control-Allow-Origin": {"*"}, "Access-Control-Expose-Headers": {"X-Extra"}, "Vary": {"Accept-Encoding"},
		}},
		{"alternative spelling, listed", http.MethodPost, "/" + addItem, app, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}, "Vary": {"Accept-Encoding"}}},
		{"not governed", http.MethodPost, "/other", evil, everything},
		{"not governed, listed", http.MethodGet, "/other", app, everything},
	} {
		t.Run(test.name, func(t *testing.T) {
			var header []string
			if test.origin != "" {
				header = []string{"Origin", test.origin}
			}
			response := caddy.send(test.method, test.path, header...)
			assert.Contains(t, []int{http.StatusTeapot, http.StatusOK}, response.StatusCode)
			assert.Equal(t, test.want, cors(response))
		})
	}
}

// What Caddy responds itself has the CORS headers, once.
func TestErrorsOfCaddy(t *testing.T) {
	want := http.Header{
		"Access-Control-Allow-Origin": {app}, "Access-Control-Allow-Credentials": {"true"}, "Access-Control-Expose-Headers": {exposed(t, addItem)}, "Vary": {"Origin"},
	}
	dead := deadURL(t)
	backends := []string{"Access-Control-Expose-Headers", "X-Extra", "Vary", "Accept-Encoding"} // what stays of its headers
	for _, test := range []struct {
		name, site string
		status     int
		header     []string
	}{
		{"the upstream is dead", shopPolicy + "reverse_proxy " + dead, http.StatusBadGateway, nil},
		{"and an error page", shopPolicy + "reverse_proxy " + dead + "\nhandle_errors {\n respond `{\"code\":\"unavailable\"}` 503\n}", http.StatusServiceUnavailable, nil},
		{"and an error handler fails", shopPolicy + "reverse_proxy " + dead + "\nhandle_errors {\n reverse_proxy " + dead + "\n}", http.StatusBadGateway, nil},
		{"no upstream is healthy", shopPolicy + "reverse_proxy {\n dynamic a {\n  name 127.0.0.1.invalid\n  port 1\n  resolvers 127.0.0.1:1\n }\n}", http.StatusServiceUnavailable, nil},
		{"an error after the directive", shopPolicy + "error 504", http.StatusGatewayTimeout, nil},
		{"a retry", shopPolicy + "reverse_proxy " + dead + " " + withCORS(t) + " {\n lb_policy first\n lb_retries 1\n fail_duration 1m\n}", http.StatusTeapot, backends},
		{"the error page has CORS headers, and the directive too", shopPolicy + "reverse_proxy " + dead + "\nhandle_errors {\n " + shopPolicy + "\nreverse_proxy " + withCORS(t) + "\n}", http.StatusTeapot, backends},
		{"the directive is in a route", "route {\n" + shopPolicy + "reverse_proxy " + dead + "\n}", http.StatusBadGateway, nil},
		{"a subroute", "handle /acme.* {\n" + shopPolicy + "reverse_proxy " + dead + "\n}", http.StatusBadGateway, nil},
		{"basic_auth", shopPolicy + "basic_auth {\n ada $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\nrespond ok", http.StatusUnauthorized, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			caddy := start(t, test.site)
			expected := want.Clone()
			for i := 0; i < len(test.header); i += 2 {
				expected.Add(test.header[i], test.header[i+1])
			}
			response := caddy.send(http.MethodPost, addItem, "Origin", app)
			assert.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, expected, cors(response))

			preflight := caddy.send(http.MethodOptions, addItem, "Origin", app, "Access-Control-Request-Method", "POST")
			assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
			refused := caddy.send(http.MethodPost, addItem, "Origin", evil)
			assert.Equal(t, http.StatusForbidden, refused.StatusCode)
			assert.Equal(t, http.Header{"Vary": {"Origin"}}, cors(refused))
		})
	}
}

// The policy judges the path that the backend gets.
func TestRewrittenPaths(t *testing.T) {
	var ran atomic.Pointer[url.URL]
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ran.Store(r.URL) }))
	defer backend.Close()
	for _, test := range []struct{ name, site, path string }{
		{"uri strip_prefix", "uri strip_prefix /api\n" + shopPolicy + "reverse_proxy " + backend.URL, "/api" + addItem},
		{"the order in the Caddyfile does not matter", shopPolicy + "reverse_proxy " + backend.URL + "\nuri strip_prefix /api", "/api" + addItem},
		{"rewrite", "rewrite /add " + addItem + "\n" + shopPolicy + "reverse_proxy " + backend.URL, "/add"},
		{"handle_path", "handle_path /api/* {\n" + shopPolicy + "reverse_proxy " + backend.URL + "\n}", "/api" + addItem},
	} {
		t.Run(test.name, func(t *testing.T) {
			caddy := start(t, test.site)
			ran.Store(nil)
			assert.Equal(t, http.StatusForbidden, caddy.send(http.MethodPost, test.path, "Origin", evil).StatusCode)
			assert.Nil(t, ran.Load(), "the backend ran")
			response := caddy.send(http.MethodPost, test.path, "Origin", app)
			assert.Equal(t, http.StatusOK, response.StatusCode)
			assert.Equal(t, app, response.Header.Get("Access-Control-Allow-Origin"))
			require.NotNil(t, ran.Load())
			assert.Equal(t, addItem, ran.Load().Path)
		})
	}
}

// Without a matcher, alternative spellings of governed paths are refused. With one
// they do not get to the directive: the documentation warns of it.
func TestMatchers(t *testing.T) {
	for _, path := range []string{"/acme.shop.v1.CartService;v=1/AddItem", "/acme.shop.v1%252ECartService/AddItem"} {
		assert.Equal(t, http.StatusForbidden, start(t, shopPolicy+"respond ok").send(http.MethodPost, path, "Origin", evil).StatusCode, path)
		narrow := start(t, strings.Replace(shopPolicy, "corsrpc", "corsrpc /acme.shop.v1.CartService/*", 1)+"respond ok")
		assert.Equal(t, http.StatusForbidden, narrow.send(http.MethodPost, addItem, "Origin", evil).StatusCode)
		assert.Equal(t, http.StatusOK, narrow.send(http.MethodPost, path, "Origin", evil).StatusCode, path)
	}
}

// Handlers behind the directive rewrite the request in place. What they do to it
// does not change whose headers are removed.
func TestRewrittenBehind(t *testing.T) {
	caddy := start(t, "route {\n"+shopPolicy+"request_header -Origin\nmethod PUT\nrewrite * /other\nreverse_proxy "+withCORS(t)+"\n}")
	response := caddy.send(http.MethodPost, addItem, "Origin", app)
	assert.Equal(t, []string{app}, response.Header["Access-Control-Allow-Origin"])
	response = caddy.send(http.MethodPost, addItem)
	assert.Empty(t, response.Header["Access-Control-Allow-Origin"])
}

// Denials are logged, bounded, and with what the network sent escaped.
func TestLog(t *testing.T) {
	for name, directive := range map[string]string{"once": shopPolicy, "watch": strings.Replace(shopPolicy, "}", " watch\n}", 1)} {
		t.Run(name, func(t *testing.T) {
			caddy := start(t, directive+"respond ok")
			for range 25 { // twice each
				caddy.send(http.MethodPost, addItem, "Origin", "https://evil.example/\"\u2028{\"level\":\"panic\"}", "Sec-Fetch-Site", "cross-site")
			}
			text, err := os.ReadFile(caddy.log)
			require.NoError(t, err)
			var lines []string
			for line := range strings.Lines(string(text)) {
				if strings.Contains(line, "cross-origin request not allowed") {
					lines = append(lines, line)
				}
			}
			require.NotEmpty(t, lines)
			assert.Less(t, len(lines), 25)
			for _, want := range []string{`"level":"warn"`, `"logger":"http.handlers.corsrpc"`, `"reason":"origin not allowed"`, `"path":"` + addItem + `"`, `"outcome":"refused"`, `\\u2028`} {
				assert.Contains(t, lines[0], want)
			}
			assert.NotContains(t, string(text), "\u2028")
		})
	}
}

package corsexport

import (
	"bufio"
	"io"
	"iter"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// checkClean lets a strict page-side check try the shop behind an edge. start
// returns the URL of an edge with the policy in front of a backend.
func checkClean(t *testing.T, start func(p *corsrpc.Policy, upstream string) string) {
	t.Helper()
	var mu sync.Mutex
	var ran []string
	handler := shop.NewHandler()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			mu.Lock()
			ran = append(ran, r.URL.Path+" for "+origin)
			mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(backend.Close)
	config := shopConfig()
	config.Origins = append(config.Origins, shopper, console)
	edge, err := url.Parse(start(mustPolicy(t, config), backend.URL))
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(edge) }, ErrorLog: log.New(io.Discard, "", 0)}
	for origin, option := range map[string]corstest.CheckOption{
		app:                                corstest.WithAudiences(),
		"https://pr-1.preview.example.com": corstest.WithAudiences(),
		"http://localhost:5173":            corstest.WithAudiences(),
		shopper:                            corstest.WithAudiences("storefront"),
		console:                            corstest.WithAudiences("backoffice"),
		evil:                               corstest.WithNoAccess(),
	} {
		report := corstest.Check(proxy, origin, option)
		mu.Lock()
		called := ran
		ran = nil
		mu.Unlock()
		assert.GreaterOrEqual(t, len(report.Results), 20, origin)
		for _, result := range report.Results {
			// Edges speak HTTP/1.1 to the backend here, over which Connect takes
			// no bidirectional streams.
			bidirectional := result.Procedure == "/"+cart+"/NegotiatePrice" && result.Status == http.StatusHTTPVersionNotSupported
			assert.True(t, result.OK() || bidirectional && result.Blocked == nil && len(result.CannotSend)+len(result.CannotRead) == 0, "%s: %+v", origin, result)
		}
		if origin == evil {
			assert.Empty(t, called)
		} else {
			assert.NotEmpty(t, called, origin)
			assert.NotContains(t, called, purgeCarts+" for "+origin)
		}
	}
}

// checkNoUpgradeToHTTP2 checks that an edge passes no upgrade to HTTP/2 on. A
// connection that the backend took for HTTP/2 would go on past the policy.
func checkNoUpgradeToHTTP2(t *testing.T, start func(p *corsrpc.Policy, upstream string) string) {
	t.Helper()
	upgrades := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		upgrades <- r.Header.Get("Upgrade") + r.Header.Get("Http2-Settings")
	}))
	t.Cleanup(server.Close)
	edge := start(mustPolicy(t, shopConfig()), server.URL)
	for _, upgrade := range []string{"h2c", "other, H2C"} {
		response := get(t, "GET", edge+"/index.html", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", upgrade, "HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", upgrade, body)
		assert.Empty(t, <-upgrades)
	}
}

// checkWebSocket checks that a WebSocket is opened for pages that the policy
// lists, and not for others.
func checkWebSocket(t *testing.T, start func(p *corsrpc.Policy, upstream string) string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello")
	}))
	t.Cleanup(server.Close)
	edge, err := url.Parse(start(mustPolicy(t, shopConfig()), server.URL))
	require.NoError(t, err)
	for origin, want := range map[string]int{shopper: http.StatusSwitchingProtocols, evil: http.StatusForbidden} {
		conn, err := net.Dial("tcp", edge.Host)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET "+addItem+" HTTP/1.1\r\nHost: api.example.com\r\nOrigin: "+origin+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		require.NoError(t, err)
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		assert.Equal(t, want, response.StatusCode, origin)
		if want == http.StatusSwitchingProtocols {
			hello := make([]byte, 5)
			_, err := io.ReadFull(reader, hello)
			require.NoError(t, err)
			assert.Equal(t, "hello", string(hello))
		}
		require.NoError(t, conn.Close())
	}
}

// longPathConfig has rules whose expressions take many steps.
func longPathConfig() corsrpc.Config {
	config := shopConfig()
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{
		cart + ".PurgeCarts":     {"POST /v1/*/*/*:purge", "POST /v1/admin/**"},
		catalog + ".GetProduct":  {"GET /v2/*/*/*/*/*/items"},
		cart + ".AddItem":        {"POST /v1/cart/**"},
		admin + ".ReportProduct": {"PUT /v3/**"},
	}
	config.Audiences["storefront"] = append(config.Audiences["storefront"], console)
	config.Resources["/"] = corsrpc.Resource{Origins: []string{app}}
	return config
}

// longPathRequests are requests with paths that take an expression the most
// steps, of about a length.
func longPathRequests(length int) func(yield func(edgetest.Request) bool) {
	return func(yield func(edgetest.Request) bool) {
		for _, filler := range []string{"/a", "//", "/.", "a", "%2e", "/%61", "%252f", ";%2F", ";", "/acme.shop.v1.CartServic", "/acme.", "/v1", "s", "%C5%BF", "%25", ":purge", "/a:"} {
			long := strings.Repeat(filler, length/len(filler))
			for _, target := range []string{long, long + purgeCarts, purgeCarts + long, "/v1" + long + "/admin:purge", "/v1/a/b/c" + long + ":purge", "/v1/admin/" + long, "/v2" + long + "/items", "/fonts" + long} {
				if target[0] != '/' {
					target = "/" + target
				}
				for _, sender := range [][]edgetest.Line{
					{{Name: "Origin", Value: evil}},
					{{Name: "Origin", Value: console}, {Name: "Sec-Fetch-Site", Value: "cross-site"}},
					{{Name: "Origin", Value: "https://" + strings.Repeat("a.", 3000) + "preview.example.com"}},
				} {
					for _, method := range []string{"POST", "GET"} {
						if !yield(edgetest.Request{Method: method, Target: target, Header: sender}) {
							return
						}
					}
					preflight := append(slices.Clip(sender), edgetest.Line{Name: "Access-Control-Request-Method", Value: "POST"})
					if !yield(edgetest.Request{Method: "OPTIONS", Target: target, Header: preflight}) {
						return
					}
				}
			}
		}
	}
}

var ownHosts = []string{"api.example.com:80", "api.test:8443", "[::1]:8080"}

// optionTests change a Config, each by one thing.
var optionTests = map[string]struct {
	change  func(*corsrpc.Config)
	options Options
}{
	"nothing":                               {func(*corsrpc.Config) {}, Options{}},
	"RequireHosts":                          {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = ownHosts, true }, Options{}},
	"RequireFetchMetadata":                  {func(c *corsrpc.Config) { c.RequireFetchMetadata = true }, Options{}},
	"RequireHosts and RequireFetchMetadata": {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts, c.RequireFetchMetadata = ownHosts, true, true }, Options{}},
	"no hosts":                              {func(c *corsrpc.Config) { c.Hosts = []string{} }, Options{}},
	"other Hosts":                           {func(*corsrpc.Config) {}, Options{Hosts: []string{"api.example.com"}}},
	"Credentials":                           {func(c *corsrpc.Config) { c.Credentials = true }, Options{}},
	// The shop's cart has a procedure that is stricter than the service, then.
	"closed services": {func(c *corsrpc.Config) {
		if c.Files == nil {
			c.Services, c.Overrides = []string{catalog, admin}, nil
		}
	}, Options{}},
	"ReportOnly":                   {func(c *corsrpc.Config) { c.ReportOnly = true }, Options{}},
	"PathPrefix":                   {func(c *corsrpc.Config) { c.PathPrefix = "/api/it's-$1" }, Options{}},
	"BehindGate":                   {func(*corsrpc.Config) {}, Options{BehindGate: true}},
	"BehindGate with RequireHosts": {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = ownHosts, true }, Options{BehindGate: true}},
}

// withOptions tries each option alone, for a schema with and without bindings.
// compare compares an edge that has the policy, exported with the options, with
// Wrap.
func withOptions(t *testing.T, size int, compare func(t *testing.T, p *corsrpc.Policy, o Options, upstream string, run edgetest.Options)) {
	t.Helper()
	if *edgeAll {
		size = *edgeSize
	}
	for name, test := range optionTests {
		for schema, config := range map[string]corsrpc.Config{"shop": shopConfig(), "library": libraryConfig(t)} {
			t.Run(name+" "+schema, func(t *testing.T) {
				t.Parallel()
				test.change(&config)
				policy := mustPolicy(t, config)
				backend, upstream := serve(t)
				compare(t, policy, test.options, upstream, edgetest.Options{
					Backend: backend, BehindGate: test.options.BehindGate, Requests: optionRequests(policy, test.options), Size: size,
				})
			})
		}
	}
}

// optionRequests are the requests with which an export with options is compared.
func optionRequests(p *corsrpc.Policy, o Options) func(yield func(edgetest.Request) bool) {
	if o.BehindGate {
		return gateRequests(p)
	}
	return edgetest.Matrix(p, "api.example.com")
}

// gateRequests are the requests of the matrix, without OPTIONS that are not
// preflights: a gate does not set Vary on the responses to these.
func gateRequests(policy *corsrpc.Policy) func(yield func(edgetest.Request) bool) {
	return func(yield func(edgetest.Request) bool) {
		for r := range edgetest.Matrix(policy, "api.example.com") {
			if options := r.Method == http.MethodOptions && !slices.ContainsFunc(r.Header, func(l edgetest.Line) bool { return l.Name == "Origin" }); !options && !yield(r) {
				return
			}
		}
	}
}

// checkOtherMethods checks that an edge judges a request also by the bindings of
// methods that grpc-gateway can take it for.
func checkOtherMethods(t *testing.T, start func(p *corsrpc.Policy, upstream string) string) {
	t.Helper()
	backend, upstream := serve(t)
	edge := start(mustPolicy(t, libraryConfig(t)), upstream)
	// With credentials, which GET does not allow.
	post := []string{"Origin", app, "Cookie", "session=1", "Content-Type", "application/json"}
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"a POST", nil, http.StatusOK},
		{"a form", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusForbidden},
		{"a form in another spelling", []string{"Content-Type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}, http.StatusForbidden},
		{"an override", []string{"X-HTTP-Method-Override", "PUT"}, http.StatusForbidden},
	} {
		header := slices.Clone(post)
		if tt.header != nil && tt.header[0] == "Content-Type" {
			header = header[:4]
		}
		response := get(t, "POST", edge+"/v1/shelves", append(header, tt.header...)...)
		assert.Equal(t, tt.want, response.StatusCode, tt.name)
		if tt.want == http.StatusForbidden {
			// A spelling to which no binding grants anything.
			response := get(t, "POST", edge+"/v1/%73helves", append(header, tt.header...)...)
			assert.Equal(t, tt.want, response.StatusCode, "%s, escaped", tt.name)
		}
	}
	assert.Equal(t, 1, backend.Total())
}

// otherSpellings returns random requests, many of them to other spellings of
// bindings and resources, which the matrix does not have.
func otherSpellings(t *testing.T, seed uint64, size int) iter.Seq[edgetest.Request] {
	return func(yield func(edgetest.Request) bool) {
		r := rand.New(rand.NewPCG(seed, 21))
		for n := 0; n < size; {
			request, raw, ok := someRequest(t, r)
			if !ok {
				continue
			}
			n++
			sent := edgetest.Request{Method: request.Method, Target: raw, Host: request.Host}
			for _, name := range slices.Sorted(maps.Keys(request.Header)) {
				for _, value := range request.Header[name] {
					sent.Header = append(sent.Header, edgetest.Line{Name: name, Value: value})
				}
			}
			if !yield(sent) {
				return
			}
		}
	}
}

// twoConfigs govern different services of one server.
func twoConfigs() (first, second corsrpc.Config) {
	first, second = shopConfig(), shopConfig()
	first.Services, first.Resources, first.Overrides = []string{catalog, cart}, nil, nil
	first.Except = []string{admin, "acme.shop.v1.WarehouseService"}
	second.Services, second.Overrides = []string{admin, "acme.shop.v1.WarehouseService"}, nil
	second.Except = []string{catalog, cart}
	return first, second
}

// checkTwoPolicies checks an edge that has the policies of twoConfigs. header is
// sent with each call.
func checkTwoPolicies(t *testing.T, edge string, backend *edgetest.Backend, header ...string) {
	t.Helper()
	for path, origin := range map[string]string{addItem: shopper, setPrice: console, getProduct: app} {
		response := get(t, "POST", edge+path, append([]string{"Origin", origin}, header...)...)
		assert.Equal(t, http.StatusOK, response.StatusCode, path)
		assert.Equal(t, []string{origin}, response.Header["Access-Control-Allow-Origin"], path)
		assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+path, "Origin", evil).StatusCode, path)
		assert.Equal(t, http.StatusNoContent, get(t, "OPTIONS", edge+path, "Origin", origin, "Access-Control-Request-Method", "POST").StatusCode, path)
	}
	assert.Equal(t, 3, backend.Total())
}

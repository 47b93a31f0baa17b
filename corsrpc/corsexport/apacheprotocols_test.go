package corsexport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// A connection that the backend took for HTTP/2 would go on past the rules.
func TestApacheLetsNothingUpgradeToHTTP2(t *testing.T) {
	t.Parallel()
	upgrades := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		upgrades <- r.Header.Get("Upgrade") + r.Header.Get("Http2-Settings")
	}))
	t.Cleanup(server.Close)
	for _, pass := range []string{"", "ProxyPass /index.html " + server.URL + "/index.html upgrade=ANY", "Protocols h2c http/1.1"} {
		edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: server.URL, before: pass}.start(t)
		for _, upgrade := range []string{"h2c", "other, H2C"} {
			response := get(t, "GET", edge+"/index.html", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", upgrade, "HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")
			require.Equal(t, http.StatusOK, response.StatusCode, upgrade)
			assert.Empty(t, <-upgrades, pass)
		}
	}
}

// A WebSocket is opened for pages that the policy lists, and not for others.
func TestApacheWithWebSocket(t *testing.T) {
	t.Parallel()
	checkWebSocket(t, func(p *corsrpc.Policy, upstream string) string {
		return apacheTest{policy: p, upstream: upstream, before: "ProxyPass " + addItem + " " + upstream + addItem + " upgrade=websocket"}.start(t)
	})
}

// A cached response has the headers of the page that asks, and none is given to a
// page that is refused.
func TestApacheCache(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := shopConfig()
	config.Origins = append(config.Origins, shopper)
	edge := apacheTest{
		policy: mustPolicy(t, config), upstream: upstream,
		before: "CacheEnable socache /\nCacheSocache shmcb\nCacheDefaultExpire 3600\nCacheIgnoreNoLastMod On",
	}.start(t)
	for how, path := range map[string]string{"": getProduct, "cors": "/" + catalog + "/WatchPrices", "vary": "/" + catalog + "/SearchProducts"} {
		for _, origin := range []string{app, shopper, app} {
			response := get(t, "GET", edge+path, "Origin", origin, edgetest.HeaderRespond, how)
			assert.Equal(t, []string{origin}, response.Header["Access-Control-Allow-Origin"], how)
			assert.Contains(t, response.Header.Get("Vary"), "Origin", how)
			assert.Len(t, response.Header["Vary"], 1, how)
		}
		assert.Equal(t, http.StatusForbidden, get(t, "GET", edge+path, "Origin", evil).StatusCode)
		assert.Equal(t, http.StatusOK, get(t, "GET", edge+path).StatusCode, "a program")
		assert.Equal(t, http.StatusForbidden, get(t, "GET", edge+path, "Sec-Fetch-Site", "cross-site").StatusCode, "an image, which would get the program's response")
	}
	assert.Less(t, backend.Total(), 12, "something is cached")
}

// Over HTTP/2, paths are compared as they were sent, too.
func TestApacheHTTP2(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream, before: "Protocols h2c http/1.1"}.start(t)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	for _, tt := range []struct {
		method, path, origin string
		status               int
		allowed              []string
	}{
		{"POST", setPrice, console, http.StatusOK, []string{console}},
		{"OPTIONS", setPrice, console, http.StatusNoContent, []string{console}},
		{"POST", setPrice, evil, http.StatusForbidden, nil},
		{"OPTIONS", setPrice, evil, http.StatusForbidden, nil},
		{"POST", "/" + reportProduct, shopper, http.StatusForbidden, nil},
		{"OPTIONS", "/" + setPrice, console, http.StatusForbidden, nil},
		{"POST", strings.Replace(setPrice, "S", "%53", 1), evil, http.StatusForbidden, nil},
	} {
		r, err := http.NewRequest(tt.method, edge+tt.path, nil)
		require.NoError(t, err)
		r.Header = http.Header{"Origin": {tt.origin}, "Access-Control-Request-Method": {"POST"}}
		response, err := transport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, 2, response.ProtoMajor)
		assert.Equal(t, tt.status, response.StatusCode, "%s %s %s", tt.method, tt.path, tt.origin)
		assert.Equal(t, tt.allowed, response.Header["Access-Control-Allow-Origin"], "%s %s %s", tt.method, tt.path, tt.origin)
	}
	assert.Equal(t, 1, backend.Total())
}

// Native gRPC, over HTTP/2 to the backend.
func TestApacheGRPC(t *testing.T) {
	t.Parallel()
	backend := new(edgetest.Backend)
	upstream := httptest.NewUnstartedServer(backend)
	upstream.Config.Protocols = new(http.Protocols)
	upstream.Config.Protocols.SetUnencryptedHTTP2(true)
	upstream.Start()
	t.Cleanup(upstream.Close)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: strings.Replace(upstream.URL, "http:", "h2c:", 1)}.start(t)
	response := get(t, "POST", edge+addItem, "Origin", shopper, edgetest.HeaderRespond, "cors")
	assert.Equal(t, 1, backend.Total())
	assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, response.Header["Access-Control-Allow-Methods"])
	assert.Empty(t, response.Header["Access-Control-Max-Age"])
	assert.Len(t, response.Header["Access-Control-Expose-Headers"], 2)
	assert.Contains(t, response.Header["Access-Control-Expose-Headers"], "X-Backend")
	assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+addItem, "Origin", evil).StatusCode)
	assert.Equal(t, 1, backend.Total())
}

package corsexport

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// docs/edge-nginx.md names every difference, and its configuration loads.
func TestNginxDocumentation(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/edge-nginx.md")
	require.NoError(t, err)
	text := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(string(document), "`", "")), " "))
	for _, reason := range []string{badRequest, severalLines, ownLine, otherSpelling, otherReason, otherMethod, safeMethods} {
		assert.Contains(t, text, strings.ToLower(reason))
	}

	_, block, found := strings.Cut(string(document), "```nginx\nhttp {\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "\n}\n```")
	dir := t.TempDir()
	for _, file := range mustNginx(t, shopConfig(), Options{}).Files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600))
		require.Contains(t, block, "/etc/nginx/corsrpc/"+file.Name)
	}
	block = strings.ReplaceAll(block, "/etc/nginx/corsrpc", dir)
	block = strings.Replace(block, "listen 443 ssl http2;", "listen unix:documented;", 1) // there is no certificate
	output, err := proxies.CheckNginx(t, block, "")
	assert.NoError(t, err, "%s", output)
}

// A cached response has the headers of the page that asks.
func TestNginxCache(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	config := shopConfig()
	config.Origins = append(config.Origins, shopper)
	http, server := nginxConfig(t, mustNginx(t, config, Options{}), upstream, "proxy_cache shop; proxy_cache_valid 200 1h;")
	edge := proxies.StartNginx(t, "proxy_cache_path cache keys_zone=shop:1m;"+http, server)
	for _, how := range []string{"", "cors", "vary"} {
		for _, origin := range []string{app, shopper, app} {
			response := get(t, "GET", edge+getProduct+"?q="+how, "Origin", origin, edgetest.HeaderRespond, how)
			assert.Equal(t, []string{origin}, response.Header["Access-Control-Allow-Origin"], how)
			assert.Equal(t, "Origin", response.Header["Vary"][len(response.Header["Vary"])-1], how)
		}
	}
	assert.Equal(t, 3, backend.Total())
}

// grpc_pass hides headers by directives of its own.
func TestNginxGRPC(t *testing.T) {
	t.Parallel()
	backend := new(edgetest.Backend)
	upstream := httptest.NewUnstartedServer(backend)
	upstream.Config.Protocols = new(http.Protocols)
	upstream.Config.Protocols.SetUnencryptedHTTP2(true)
	upstream.Start()
	t.Cleanup(upstream.Close)
	export := mustNginx(t, shopConfig(), Options{})
	edge := proxies.StartNginx(t, string(export.Files[0].Data), string(export.Files[1].Data)+"location / { grpc_pass grpc://"+strings.TrimPrefix(upstream.URL, "http://")+"; }")
	response := get(t, "POST", edge+addItem, "Origin", shopper, edgetest.HeaderRespond, "cors")
	assert.Equal(t, 1, backend.Total())
	assert.Equal(t, []string{shopper}, response.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, response.Header["Access-Control-Allow-Methods"])
	assert.Empty(t, response.Header["Access-Control-Max-Age"])
	assert.Equal(t, "X-Backend", response.Header["Access-Control-Expose-Headers"][0])
	assert.Len(t, response.Header["Access-Control-Expose-Headers"], 2)
	refused := get(t, "POST", edge+addItem, "Origin", evil)
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Equal(t, 1, backend.Total())
}

// Paths without a rule are the backend's, preflights and headers included.
func TestNginxLeavesOtherPathsAlone(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startNginx(t, mustNginx(t, shopConfig(), Options{}), upstream, "")
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

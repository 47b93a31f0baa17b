package corsexport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// docs/edge-haproxy.md names every difference, and its configuration loads.
func TestHAProxyDocumentation(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	document, err := os.ReadFile("../../docs/edge-haproxy.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(document), "## Differences from Wrap")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	text := strings.Join(strings.Fields(section), " ")
	for _, d := range haproxyDifferences {
		assert.Contains(t, text, "* **"+d.name+"**: "+d.reason)
	}
	assert.Equal(t, len(haproxyDifferences), strings.Count(text, "**: "))

	dir := t.TempDir()
	export, err := HAProxy(mustPolicy(t, shopConfig()), Options{Dir: dir, Defaults: "http", Upstream: "rpc"})
	require.NoError(t, err)
	for _, file := range export.Files {
		writeFile(t, dir, file.Name, string(file.Data))
	}
	for _, name := range []string{"haproxy.cfg", "frontends.cfg"} {
		_, block, found := strings.Cut(string(document), "```haproxy\n# "+name+"\n")
		require.True(t, found, name)
		block, _, found = strings.Cut(block, "```")
		require.True(t, found, name)
		// There is no certificate.
		block = strings.Replace(block, "bind :443 ssl crt /etc/haproxy/api.example.com.pem alpn h2,http/1.1", "bind "+proxies.HAProxyBind, 1)
		writeFile(t, dir, name, block)
	}
	output, err := proxies.CheckHAProxy(t, filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "corsrpc.cfg"), filepath.Join(dir, "frontends.cfg"))
	assert.NoError(t, err, "%s", output)
	assert.NotContains(t, output, "[WARNING]")
}

package edge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// A target is a proxy with its configuration here.
type target struct {
	name string
	// start runs the proxy with its configuration, where these stand for others,
	// and returns its URL.
	start func(t *testing.T, other map[string]string) string
	// gone is its status if it cannot connect to the backend.
	gone int
}

var targets = []target{
	{"nginx", startNginx, 502},
	{"HAProxy", startHAProxy, 503},
	{"Apache", startApache, 503},
	{"Caddy", startCaddy, 502},
	{"Caddyfile", startCaddyfile, 503},
}

// What the configurations have for the backend.
const (
	upstream      = "127.0.0.1:8080"
	upstreamHTTP2 = "127.0.0.1:8081"
)

// read returns a file with all replacements. Each must replace something.
func read(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for i := 0; i < len(replacements); i += 2 {
		require.Contains(t, string(text), replacements[i], name)
	}
	return strings.NewReplacer(replacements...).Replace(string(text))
}

func backends(other map[string]string) []string {
	return []string{upstream, other[upstream], upstreamHTTP2, other[upstreamHTTP2]}
}

// The tests replace the port, the directories, and the addresses of the backend.

func startNginx(t *testing.T, other map[string]string) string {
	proxies.RequireNginx(t)
	corsrpc, err := filepath.Abs("nginx/corsrpc")
	require.NoError(t, err)
	return proxies.StartNginx(t, read(t, "nginx/shop.conf", append(backends(other),
		"listen 443", "listen "+proxies.NginxListen,
		"/etc/nginx/corsrpc", corsrpc,
		"/etc/nginx/tls", newCertificate(t).dir)...), "")
}

func startHAProxy(t *testing.T, other map[string]string) string {
	proxies.RequireHAProxy(t)
	dir := t.TempDir()
	const exported = "/etc/haproxy/corsrpc"
	for name := range readDir(t, "haproxy/corsrpc") {
		write(t, filepath.Join(dir, name), strings.ReplaceAll(read(t, filepath.Join("haproxy/corsrpc", name)), exported, dir))
	}
	return proxies.StartHAProxy(t,
		write(t, filepath.Join(dir, "haproxy.cfg"), read(t, "haproxy/haproxy.cfg", append(backends(other), "/dev/log local0", "stderr format raw local0")...)),
		filepath.Join(dir, "corsrpc.cfg"),
		write(t, filepath.Join(dir, "frontends.cfg"), read(t, "haproxy/frontends.cfg",
			":443", proxies.HAProxyBind,
			"/etc/haproxy/tls", newCertificate(t).dir)),
	).URL
}

// apacheConfig returns the configuration of Apache.
func apacheConfig(t *testing.T, replacements ...string) string {
	corsrpc, err := filepath.Abs("apache/corsrpc")
	require.NoError(t, err)
	return read(t, "apache/shop.conf", append(replacements,
		"*:443", proxies.ApacheListen,
		"/etc/apache2/corsrpc", corsrpc,
		"/etc/apache2/tls", newCertificate(t).dir)...)
}

func startApache(t *testing.T, other map[string]string) string {
	proxies.RequireApache(t)
	return proxies.StartApache(t, apacheConfig(t, backends(other)...))
}

func startCaddy(t *testing.T, other map[string]string) string {
	certificate := filepath.Join(newCertificate(t).dir, host+".pem")
	shop, err := filepath.Abs(image)
	require.NoError(t, err)
	policy, err := filepath.Abs("policy.yaml")
	require.NoError(t, err)
	return proxies.StartCaddy(t, read(t, "caddy/Caddyfile", append(backends(other),
		host+" {", "https://"+host+" {\n\tbind "+proxies.CaddyBind+"\n\ttls "+certificate+" "+certificate,
		"/etc/caddy/corsrpc/image.binpb", shop,
		"/etc/caddy/corsrpc/policy.yaml", policy)...))
}

func startCaddyfile(t *testing.T, other map[string]string) string {
	certificate := filepath.Join(newCertificate(t).dir, host+".pem")
	corsrpc, err := filepath.Abs("caddyfile/corsrpc")
	require.NoError(t, err)
	text := read(t, "caddyfile/Caddyfile", append(backends(other),
		"/etc/caddy/corsrpc", corsrpc,
		"\n"+host+" {", "\nhttps://"+host+" {\n\tbind "+proxies.CaddyBind+"\n\ttls "+certificate+" "+certificate)...)
	_, afterOptions, found := strings.Cut(text, "\n}\n") // StartCaddy has others
	require.True(t, found)
	return proxies.StartCaddy(t, afterOptions)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// nginx, HAProxy and Apache find nothing wrong with what README.md lets them test.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	t.Run("HAProxy", func(t *testing.T) {
		t.Parallel()
		proxies.RequireHAProxy(t)
		dir := t.TempDir()
		for name, text := range readDir(t, "haproxy/corsrpc") {
			write(t, filepath.Join(dir, name), strings.ReplaceAll(text, "/etc/haproxy/corsrpc", dir))
		}
		output, err := proxies.CheckHAProxy(t, "haproxy/haproxy.cfg", filepath.Join(dir, "corsrpc.cfg"),
			write(t, filepath.Join(dir, "frontends.cfg"), read(t, "haproxy/frontends.cfg", "/etc/haproxy/tls", newCertificate(t).dir)))
		require.NoError(t, err, output)
		assert.NotContains(t, output, "WARNING")
	})
	t.Run("nginx", func(t *testing.T) {
		t.Parallel()
		corsrpc, err := filepath.Abs("nginx/corsrpc")
		require.NoError(t, err)
		output, err := proxies.CheckNginx(t, read(t, "nginx/shop.conf", "listen 443", "listen "+proxies.NginxListen,
			"/etc/nginx/corsrpc", corsrpc, "/etc/nginx/tls", newCertificate(t).dir), "")
		require.NoError(t, err, output)
		assert.NotContains(t, output, "[warn]")
	})
	t.Run("Apache", func(t *testing.T) {
		t.Parallel()
		output, err := proxies.CheckApache(t, apacheConfig(t))
		require.NoError(t, err, output)
		assert.Equal(t, "Syntax OK\n", output)
	})
}

// Package edges runs real proxies that have a policy, for tests.
package edges

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// An Edge is a proxy that can have a policy.
type Edge struct {
	Name string
	find func() (path string, err error)
	// Start runs the proxy in front of a server until the test ends, and returns
	// its URL.
	Start func(t testing.TB, p Policy, upstream string) (url string)
}

// A Policy is the text of a policy file, about the services of an image.
type Policy struct {
	Image string // its path
	Text  string
}

var all = []Edge{
	{"nginx", proxies.FindNginx, startNginx},
	{"HAProxy", proxies.FindHAProxy, startHAProxy},
	{"Apache", proxies.FindApache, startApache},
	{"Caddy", proxies.FindCaddy, startCaddy},
	{"Caddyfile", proxies.FindCaddy, startCaddyfile},
}

// Installed returns the proxies that are installed. Others are left out, unless
// [proxies.Required]: then the test fails. It skips the test if there is none.
func Installed(t testing.TB) []Edge {
	t.Helper()
	var installed []Edge
	for _, edge := range all {
		_, err := edge.find()
		switch {
		case err == nil:
			installed = append(installed, edge)
		case proxies.Required():
			t.Fatal(err)
		default:
			t.Log("LEFT OUT: ", err)
		}
	}
	if installed == nil {
		t.Skip("no proxy is installed")
	}
	return installed
}

// file writes the policy file.
func (p Policy) file(t testing.TB) string {
	t.Helper()
	return write(t, t.TempDir(), "policy.yaml", p.Text)
}

// policy returns the policy as an export takes it.
func (p Policy) policy(t testing.TB) *corsrpc.Policy {
	t.Helper()
	files, err := corsconfig.ReadImage(p.Image)
	require.NoError(t, err)
	config, err := corsconfig.Load(files, p.file(t))
	require.NoError(t, err)
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func startNginx(t testing.TB, p Policy, upstream string) string {
	t.Helper()
	export, err := corsexport.Nginx(p.policy(t), corsexport.Options{})
	require.NoError(t, err)
	return proxies.StartNginx(t, string(export.Files[0].Data), string(export.Files[1].Data)+`
		location / {
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Connection $http_connection;
			proxy_set_header Upgrade $http_upgrade;
			proxy_buffering off;
			proxy_pass `+upstream+`;
		}`)
}

func startHAProxy(t testing.TB, p Policy, upstream string) string {
	t.Helper()
	dir := t.TempDir()
	export, err := corsexport.HAProxy(p.policy(t), corsexport.Options{Dir: dir, Defaults: "base", Upstream: "upstream"})
	require.NoError(t, err)
	for _, file := range export.Files {
		write(t, dir, file.Name, string(file.Data))
	}
	return proxies.StartHAProxy(t, write(t, dir, "base.cfg", fmt.Sprintf(`
defaults base
	mode http
	timeout connect 1m
	timeout client 5m
	timeout server 5m
backend upstream from base
	server upstream %s
`, strings.TrimPrefix(upstream, "http://"))),
		filepath.Join(dir, export.Files[0].Name),
		write(t, dir, "frontend.cfg", "frontend test from corsrpc\n\tbind "+proxies.HAProxyBind+"\n")).URL
}

func startApache(t testing.TB, p Policy, upstream string) string {
	t.Helper()
	export, err := corsexport.Apache(p.policy(t), corsexport.Options{})
	require.NoError(t, err)
	return proxies.StartApache(t, fmt.Sprintf(`
<VirtualHost %s>
	ServerName api.example.com
	%s
	AllowEncodedSlashes NoDecode
	ProxyPreserveHost On
	ProxyTimeout 300
	ProxyPass / %s/ nocanon upgrade=websocket flushpackets=on
</VirtualHost>
`, proxies.ApacheListen, export.Files[0].Data, upstream))
}

func startCaddy(t testing.TB, p Policy, upstream string) string {
	t.Helper()
	image, err := filepath.Abs(p.Image)
	require.NoError(t, err)
	return proxies.StartCaddy(t, fmt.Sprintf(`http:// {
	bind %s
	corsrpc {
		image %q
		policy %q
	}
	reverse_proxy %s
}
`, proxies.CaddyBind, image, p.file(t), upstream))
}

func startCaddyfile(t testing.TB, p Policy, upstream string) string {
	t.Helper()
	export, err := corsexport.Caddyfile(p.policy(t), corsexport.Options{})
	require.NoError(t, err)
	return proxies.StartCaddy(t, fmt.Sprintf(`%s
http:// {
	bind %s
	invoke corsrpc_policy
	reverse_proxy %s
}
`, export.Files[0].Data, proxies.CaddyBind, upstream))
}

package corscaddy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

const (
	app   = "https://app.example.com"
	admin = "https://admin.example.com"
	evil  = "https://evil.example"

	addItem    = "/acme.shop.v1.CartService/AddItem"
	purgeCarts = "/acme.shop.v1.CartService/PurgeCarts"
	getProduct = "/acme.shop.v1.CatalogService/GetProduct"
)

// The directive, as most tests have it.
const shopPolicy = "corsrpc {\n image testdata/shop.binpb\n policy testdata/policy.yaml\n}\n"

// A running is Caddy in this process. There can be one at a time, so tests that
// start one are not parallel.
type running struct {
	t      testing.TB
	dir    string
	socket string
	log    string // file
	// Clients of HTTP/1.1 and HTTP/2.
	client, client2 *http.Client
}

// start runs Caddy with one site until the test ends. It listens on a socket of
// the test's directory, so that no other program can take its port.
func start(t testing.TB, site string) *running {
	t.Helper()
	return startWith(t, "", site)
}

// startWith is start with what stands before the site in the Caddyfile.
func startWith(t testing.TB, before, site string) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "caddy") // a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &running{t: t, dir: dir, socket: filepath.Join(dir, "socket"), log: filepath.Join(dir, "log")}
	r.client = r.newClient((*http.Protocols).SetHTTP1)
	r.client2 = r.newClient((*http.Protocols).SetUnencryptedHTTP2)
	require.NoError(t, caddy.Load(r.configWith(before, site), true))
	t.Cleanup(func() { require.NoError(t, caddy.Stop()) })
	return r
}

func (r *running) newClient(protocol func(*http.Protocols, bool)) *http.Client {
	transport := &http.Transport{DialContext: r.dial, Protocols: new(http.Protocols)}
	protocol(transport.Protocols, true)
	r.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// config returns the JSON of a Caddyfile around a site.
func (r *running) config(site string) []byte {
	r.t.Helper()
	return r.configWith("", site)
}

func (r *running) configWith(before, site string) []byte {
	r.t.Helper()
	config, err := adapt(fmt.Sprintf(`{
	admin off
	persist_config off
	storage file_system %[1]s
	log {
		output file %[2]s
		format json
	}
	servers {
		protocols h1 h2c
	}
}
%[5]s
http:// {
	bind unix/%[3]s
	%[4]s
}
`, r.dir, r.log, r.socket, site, before))
	require.NoError(r.t, err)
	return config
}

func adapt(text string) ([]byte, error) {
	config, _, err := caddyfile.Adapter{ServerType: httpcaddyfile.ServerType{}}.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return config, err
}

func (r *running) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", r.socket)
}

// send sends a request with headers, given in pairs, over HTTP/1.1 and HTTP/2. The
// responses must be the same.
func (r *running) send(method, path string, header ...string) *http.Response {
	r.t.Helper()
	response := r.sendBy(r.client, method, path, header)
	response2 := r.sendBy(r.client2, method, path, header)
	require.Equal(r.t, []int{1, 2}, []int{response.ProtoMajor, response2.ProtoMajor})
	require.Equal(r.t, response.StatusCode, response2.StatusCode)
	require.Equal(r.t, cors(response), cors(response2))
	return response
}

func (r *running) sendBy(client *http.Client, method, path string, header []string) *http.Response {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, "http://api.example.com"+path, nil)
	require.NoError(r.t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := client.Do(request)
	require.NoError(r.t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(r.t, err)
	require.NoError(r.t, response.Body.Close())
	return response
}

// cors returns the headers of a response that decide what a page can read.
func cors(response *http.Response) http.Header {
	header := make(http.Header)
	for name, lines := range response.Header {
		if name == "Vary" || strings.HasPrefix(strings.ToLower(name), "access-control-") {
			header[name] = lines
		}
	}
	return header
}

// newPolicy returns the policy of files, as a server in Go has it.
func newPolicy(t testing.TB, names ...string) *corsrpc.Policy {
	t.Helper()
	files, err := corsconfig.ReadImage("testdata/shop.binpb")
	require.NoError(t, err)
	config, err := corsconfig.Load(files, names...)
	require.NoError(t, err)
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

// exposed returns the one line of Expose-Headers of a procedure's rule.
func exposed(t testing.TB, procedure string) string {
	t.Helper()
	rule, known := newPolicy(t, "testdata/policy.yaml").Rule(procedure)
	require.True(t, known)
	return strings.Join(rule.ResponseHeaders, ", ")
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

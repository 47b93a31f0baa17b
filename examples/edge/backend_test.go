package edge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const host = "api.example.com"

// A certificate is for the host of the configurations.
type certificate struct {
	dir  string // has it as nginx, HAProxy and Apache read it, with its key in both files
	pool *x509.CertPool
}

var certificates = httptest.NewTLSServer(nil)

func newCertificate(t *testing.T) certificate {
	t.Helper()
	pair := certificates.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	dir := t.TempDir()
	for _, ending := range []string{".pem", ".key"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, host+ending), both, 0o600))
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificates.Certificate())
	return certificate{dir, pool}
}

// tlsTo returns how to connect to a proxy as to the host.
func tlsTo(t *testing.T, protocols ...string) *tls.Config {
	t.Helper()
	return &tls.Config{RootCAs: newCertificate(t).pool, ServerName: host, NextProtos: protocols}
}

// dialer returns a function that connects to a proxy whatever the address is.
func dialer(proxy string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(proxy, "http://"))
	}
}

// transportTo returns a client's transport over HTTP/2 and TLS.
func transportTo(t *testing.T, proxy string) *http.Transport {
	t.Helper()
	dial := dialer(proxy)
	transport := &http.Transport{
		TLSClientConfig: tlsTo(t), Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return dial(ctx, address) },
	}
	transport.Protocols.SetHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// A backend is a running backend.js.
type backend struct {
	url   string
	other map[string]string // its addresses by those of the configurations

	mu       sync.Mutex
	requests []string // the lines it has printed, "POST /path"
	changed  chan struct{}
	markers  int
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CORSRPC_REQUIRE_PROXIES") == "" {
		t.Skip("LEFT OUT: the shop behind nginx, HAProxy, Apache and Caddy, since its server needs Node.js; with CORSRPC_REQUIRE_PROXIES, as in CI, this fails")
	}
	require.NoError(t, err)
	command := exec.Command(node, "backend/backend.js", "0", "0")
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	t.Cleanup(func() {
		assert.NoError(t, command.Process.Kill())
		<-ended
		_ = command.Wait() // it was killed
	})
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan(), "backend.js printed nothing")
	http1, http2, _ := strings.Cut(lines.Text(), " ")
	b := &backend{url: "http://" + http1, changed: make(chan struct{}, 1), other: map[string]string{upstream: http1, upstreamHTTP2: http2}}
	go func() {
		defer close(ended)
		for lines.Scan() {
			b.mu.Lock()
			b.requests = append(b.requests, lines.Text())
			b.mu.Unlock()
			select {
			case b.changed <- struct{}{}:
			default:
			}
		}
	}()
	return b
}

// arrived returns the requests that have arrived since it was last called. It
// sends one more, after which the backend has printed those before it.
func (b *backend) arrived(t *testing.T) []string {
	t.Helper()
	b.markers++
	marker := fmt.Sprintf("/marker/%d", b.markers)
	response, err := http.Get(b.url + marker)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for {
		b.mu.Lock()
		if n := len(b.requests); n > 0 && b.requests[n-1] == "GET "+marker {
			requests := b.requests[:n-1]
			b.requests = nil
			b.mu.Unlock()
			return requests
		}
		b.mu.Unlock()
		select {
		case <-b.changed:
		case <-t.Context().Done():
			t.Fatal("the backend does not print its requests")
		}
	}
}

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const (
	shopper = "https://shop.example.com"
	console = "https://console.example.com"
	evil    = "https://evil.test"
)

func TestExportIsFresh(t *testing.T) {
	t.Parallel()
	export, err := newExport("/etc/haproxy/corsrpc")
	require.NoError(t, err)
	var names []string
	for _, file := range export.Files {
		names = append(names, file.Name)
		committed, err := os.ReadFile(filepath.Join("corsrpc", file.Name))
		require.NoError(t, err)
		assert.Equal(t, string(committed), string(file.Data), "%s is stale: run `go run ./examples/edge/haproxy -o examples/edge/haproxy/corsrpc`", file.Name)
	}
	entries, err := os.ReadDir("corsrpc")
	require.NoError(t, err)
	for _, entry := range entries {
		assert.Contains(t, names, entry.Name(), "is of no export any more")
	}
}

func TestWriteReplacesFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "corsrpc")
	export, err := newExport(dir)
	require.NoError(t, err)
	require.NoError(t, write(dir, export))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "corsrpc-aliases-99.lst"), nil, 0o600))
	require.NoError(t, write(dir, export))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, len(export.Files))
}

// An example is the committed configuration, run with other addresses.
type example struct {
	url    string
	client *http.Client
	// stopRPC stops the RPC server.
	stopRPC func()

	mu  sync.Mutex
	ran []string // requests that reached the RPC server or the files
}

// take returns what ran since the last time.
func (e *example) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	ran := e.ran
	e.ran = nil
	return ran
}

// spy records requests before a handler, and serves HTTP/2 without TLS too.
func (e *example) spy(t *testing.T, name string, h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.ran = append(e.ran, name+" "+r.Method+" "+r.URL.Path)
		e.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func start(t *testing.T) *example {
	t.Helper()
	proxies.RequireHAProxy(t)
	e := &example{}
	mux := http.NewServeMux()
	mux.Handle("/", shop.NewHandler())
	mux.HandleFunc("/chat", chat)
	rpc := e.spy(t, "rpc", mux)
	static := e.spy(t, "static", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "file") }))

	e.stopRPC = rpc.Close

	dir := t.TempDir()
	certificate, pool := certificate(t, dir)
	// The longest first: one is part of another.
	replaced := []string{
		"/etc/haproxy/api.example.com.pem", certificate,
		"/etc/haproxy/corsrpc", dir,
		"127.0.0.1:8080", rpc.Listener.Addr().String(),
		"127.0.0.1:8081", static.Listener.Addr().String(),
		"bind :443", "bind " + proxies.HAProxyBind,
		"bind :80\n", "bind " + dir + "/plain\n",
	}
	var configs []string
	var all strings.Builder
	files, err := filepath.Glob("corsrpc/*")
	require.NoError(t, err)
	for _, file := range append(files, "haproxy.cfg", "frontends.cfg") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(data)
		path := filepath.Join(dir, filepath.Base(file))
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(replaced...).Replace(string(data))), 0o600))
	}
	for i := 0; i < len(replaced); i += 2 {
		require.Contains(t, all.String(), replaced[i])
	}
	for _, name := range []string{"haproxy.cfg", "corsrpc.cfg", "frontends.cfg"} {
		configs = append(configs, filepath.Join(dir, name))
	}
	output, err := proxies.CheckHAProxy(t, configs...)
	require.NoError(t, err, output)
	assert.NotContains(t, output, "WARNING")

	e.url = strings.Replace(proxies.StartHAProxy(t, configs...).URL, "http:", "https:", 1)
	e.client = &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com"}}}
	t.Cleanup(e.client.CloseIdleConnections)
	return e
}

// certificate writes a certificate with its key, as HAProxy reads it.
func certificate(t *testing.T, dir string) (path string, pool *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	path = filepath.Join(dir, "certificate")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	pool = x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return path, pool
}

// chat opens a WebSocket that says hello.
func chat(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello")
}

func (e *example) send(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.url+path, nil)
	require.NoError(t, err)
	r.Host = "api.example.com"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := e.client.Transport.RoundTrip(r)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, string(body)
}

func TestPagesThroughHAProxy(t *testing.T) {
	e := start(t)
	const addItem = "/acme.shop.v1.CartService/AddItem"

	preflight, _ := e.send(t, "OPTIONS", addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, 2, preflight.ProtoMajor)
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
	assert.Equal(t, shopper, preflight.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", preflight.Header.Get("Access-Control-Allow-Credentials"))
	assert.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), "Connect-Protocol-Version")

	refused, body := e.send(t, "POST", addItem, "Origin", evil, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Equal(t, "corsrpc: origin not allowed\n", body)
	assert.Empty(t, refused.Header["Access-Control-Allow-Origin"])
	assert.Empty(t, e.take())

	file, body := e.send(t, "GET", "/assets/logo.png", "Origin", evil, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, "file", body)
	assert.Equal(t, "*", file.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, []string{"static GET /v2/assets/logo.png"}, e.take())
	assert.Equal(t, "max-age=63072000", file.Header.Get("Strict-Transport-Security"))
}

// Clients of Connect, gRPC-Web and native gRPC use the same paths.
func TestCallsThroughHAProxy(t *testing.T) {
	e := start(t)
	for name, option := range map[string]connect.ClientOption{"connect": connect.WithClientOptions(), "grpc-web": connect.WithGRPCWeb(), "grpc": connect.WithGRPC()} {
		for _, origin := range []string{shopper, evil, ""} {
			client := shopv1connect.NewCatalogServiceClient(e.client, e.url, option)
			request := connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"})
			if origin != "" {
				request.Header().Set("Origin", origin)
			}
			response, err := client.GetProduct(t.Context(), request)
			if origin == evil {
				assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), "%s: %v", name, err)
				assert.Empty(t, e.take(), name)
				continue
			}
			require.NoError(t, err, "%s %s", name, origin)
			assert.Equal(t, "teapot", response.Msg.GetProduct().GetId())
			assert.Equal(t, origin, response.Header().Get("Access-Control-Allow-Origin"), name)
			assert.Equal(t, []string{"rpc POST /acme.shop.v1.CatalogService/GetProduct"}, e.take(), name)
		}
	}
}

// A page can read that the server is gone.
func TestErrorsThroughHAProxy(t *testing.T) {
	e := start(t)
	e.stopRPC()
	client := shopv1connect.NewCatalogServiceClient(e.client, e.url)
	request := connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"})
	request.Header().Set("Origin", shopper)
	_, err := client.GetProduct(t.Context(), request)
	var failure *connect.Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, connect.CodeUnavailable, failure.Code())
	assert.Equal(t, shopper, failure.Meta().Get("Access-Control-Allow-Origin"))
}

// Nothing is held back: each message gets its response before the next is sent.
func TestStreamsThroughHAProxy(t *testing.T) {
	e := start(t)
	for _, option := range []connect.ClientOption{connect.WithClientOptions(), connect.WithGRPC()} {
		client := shopv1connect.NewCartServiceClient(e.client, e.url, option)
		stream := client.NegotiatePrice(t.Context())
		stream.RequestHeader().Set("Origin", shopper)
		stream.RequestHeader().Set("Authorization", "Bearer ada")
		for range 3 {
			require.NoError(t, stream.Send(&shopv1.NegotiatePriceRequest{ProductId: "teapot", Offer: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 1}}))
			_, err := stream.Receive()
			require.NoError(t, err)
		}
		require.NoError(t, stream.CloseRequest())
		for {
			if _, err := stream.Receive(); err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
		}
		require.NoError(t, stream.CloseResponse())
	}
}

func TestWebSocketThroughHAProxy(t *testing.T) {
	e := start(t)
	transport := e.client.Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = false
	transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	e.client = &http.Client{Transport: transport}
	t.Cleanup(e.client.CloseIdleConnections)
	handshake := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	response, body := e.send(t, "GET", "/chat", slices.Concat(handshake, []string{"Origin", shopper})...)
	assert.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	assert.Equal(t, "hello", body)
	assert.Equal(t, []string{"rpc GET /chat"}, e.take())
	response, _ = e.send(t, "GET", "/acme.shop.v1.CartService/TrackOrder", slices.Concat(handshake, []string{"Origin", evil})...)
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
	assert.Empty(t, e.take())
}

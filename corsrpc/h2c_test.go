package corsrpc_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

//lint:file-ignore SA1019 servers still use h2c.NewHandler, in the wrong place too

// With h2c.NewHandler inside Wrap, which is the wrong way round, no connection
// becomes one that passes Wrap by.
func TestNoBypassThroughH2CInside(t *testing.T) {
	t.Parallel()
	s := &spy{}
	server := httptest.NewServer(newPolicy(t, shopConfig()).Wrap(h2c.NewHandler(s, &http2.Server{})))
	defer server.Close()
	for name, request := range map[string]string{
		"prior knowledge": http2.ClientPreface,
		"upgrade of a call without origin": "POST " + getProduct + " HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 0\r\n" +
			"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
		"upgrade of an ungoverned path": "GET / HTTP/1.1\r\nHost: api.example.com\r\n" +
			"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		assert.Equal(t, 1, response.ProtoMajor, name)
		assert.NotEqual(t, http.StatusSwitchingProtocols, response.StatusCode, name)
		require.NoError(t, conn.Close())
	}
}

// With h2c.NewHandler around Wrap, which is right, HTTP/2 without TLS works and
// is governed.
func TestH2COutside(t *testing.T) {
	t.Parallel()
	s := &spy{}
	server := httptest.NewServer(h2c.NewHandler(newPolicy(t, shopConfig()).Wrap(s), &http2.Server{}))
	defer server.Close()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for origin, status := range map[string]int{app: http.StatusTeapot, evil: http.StatusForbidden} {
		r, err := http.NewRequest(http.MethodPost, server.URL+getProduct, nil)
		require.NoError(t, err)
		r.Header.Set("Origin", origin)
		response, err := transport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, 2, response.ProtoMajor)
		assert.Equal(t, status, response.StatusCode, origin)
	}
	assert.Equal(t, 1, s.ran)
}

// No handler inside Wrap sees an upgrade to HTTP/2, and every other one.
func TestUpgradesToHTTP2AreTakenOut(t *testing.T) {
	t.Parallel()
	upgraded := make(chan string, 8)
	h2c := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As h2c.NewHandler of golang.org/x/net decides.
		if r.Method == "PRI" || len(r.Header["Http2-Settings"]) > 0 || len(r.Header["Upgrade"]) > 0 {
			upgraded <- r.Method + r.Header.Get("Upgrade")
		}
	})
	policy := newPolicy(t, shopConfig())
	handler := policy.Wrap(h2c)
	assert.Equal(t, refusal(corsrpc.ReasonHTTP2Preface), serve(handler, newRequest("PRI", "*")))
	for _, token := range []string{"h2c", "H2C", "websocket, h2c", "h2c\t", strings.Repeat("x", 257), strings.Repeat(",", 1<<20)} {
		r := newRequest("POST", getProduct, "Upgrade", token, "Connection", "Upgrade, HTTP2-Settings", "Http2-Settings", "AAMAAABkAAQAAP__")
		assert.Equal(t, 200, serve(handler, r).status)
		assert.Equal(t, token, r.Header.Get("Upgrade"), "the caller's request is not changed")
		assert.Equal(t, 200, serve(handler, newRequest("GET", "/", "Upgrade", token)).status)
	}
	assert.Empty(t, upgraded)
	assert.Equal(t, 200, serve(handler, newRequest("GET", "/socket", "Upgrade", "websocket")).status)
	assert.Equal(t, "GETwebsocket", <-upgraded, "other upgrades pass")
}

package edgetest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// listen calls serve with each connection, and returns the URL.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		connections.Wait()
	})
	return "http://" + listener.Addr().String()
}

const forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

// Requests are sent byte for byte.
func TestRunSendsRawBytes(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	url := listen(t, func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			var request strings.Builder
			for !strings.HasSuffix(request.String(), "\r\n\r\n") {
				line, err := reader.ReadString('\n')
				if err != nil {
					return
				}
				request.WriteString(line)
			}
			received <- request.String()
			_, _ = io.WriteString(conn, forbidden)
		}
	})
	policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)
	for _, target := range []string{
		"//acme.shop.v1.CartService/AddItem", "/a/%2e%2e/./b/../c", `/acme.shop.v1.CartService\AddItem`, "/acme.shop.v1.CartService/AddItem%zz?%zz", "/;x//",
		"/acme.\u017fhop.v1.CartService/AddItem", "http://other.test/acme.shop.v1.CartService/AddItem?a#b",
	} {
		report, err := edgetest.Run(t.Context(), url, policy, edgetest.Options{Backend: backend, Requests: slices.Values([]edgetest.Request{{
			Method: "GET", Target: target, Host: "Edge.test:80",
			Header: []edgetest.Line{{"oRigin", "https://a.test"}, {"Origin", "https://b.test"}, {"X-Empty", ""}},
		}})})
		require.NoError(t, err, target)
		assert.Equal(t, 1, report.Sent)
		text := <-received
		id := text[strings.LastIndex(text, "Edgetest-Id: "):]
		assert.Equal(t, "GET "+target+" HTTP/1.1\r\nHost: Edge.test:80\r\noRigin: https://a.test\r\nOrigin: https://b.test\r\nX-Empty: \r\n"+id, text)
	}
}

// What an edge sends is bounded, and no response is a difference.
func TestRunBoundsResponses(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	const endless = 64 << 20
	for name, test := range map[string]struct {
		begin, repeat string
		want          string
	}{
		"no response":             {"", "", "no response: EOF"},
		"no HTTP":                 {"SSH-2.0-OpenSSH_9.2\r\n", "", `malformed HTTP response \"SSH-2.0-OpenSSH_9.2\"`},
		"endless header":          {"HTTP/1.1 200 OK\r\n", "X-A: " + strings.Repeat("a", 1000) + "\r\n", "header is longer than 262144 bytes"},
		"endless header line":     {"HTTP/1.1 200 OK\r\nX-A: ", strings.Repeat("a", 1000), "header is longer than 262144 bytes"},
		"endless status line":     {"HTTP/1.1 200 ", strings.Repeat("a", 1000), "header is longer than 262144 bytes"},
		"endless early hints":     {"", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "more than 8 informational responses"},
		"endless body":            {"HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a", 1000), "body is longer than 1048576 bytes"},
		"endless chunks":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3e8\r\n" + strings.Repeat("a", 1000) + "\r\n", "body is longer than 1048576 bytes"},
		"endless chunk extension": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", strings.Repeat("a", 1000), "body: "},
		"endless trailers":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: " + strings.Repeat("a", 1000) + "\r\n", "body: "},
		"body cut off":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "", "body: unexpected EOF"},
		"negative length":         {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nab", "", `bad Content-Length \"-5\"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			url := listen(t, func(conn net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				n, err := io.WriteString(conn, test.begin)
				for sent.Add(int64(n)); err == nil && test.repeat != "" && sent.Load() < endless; sent.Add(int64(n)) {
					n, err = io.WriteString(conn, test.repeat)
				}
			})
			report, err := edgetest.Run(t.Context(), url, policy, edgetest.Options{Backend: new(edgetest.Backend), Requests: slices.Values([]edgetest.Request{
				{Method: "GET", Target: "/healthz", Clean: true},
			})})
			require.NoError(t, err)
			require.Len(t, report.Differences, 1)
			d := report.Differences[0]
			assert.Equal(t, edgetest.Loses, d.Class)
			assert.Equal(t, "the backend does not run", d.What)
			assert.Contains(t, d.Got, test.want)
			assert.Less(t, sent.Load(), int64(endless))
		})
	}
}

// A response that follows without a request is not taken for that of the next
// one.
func TestRunDropsSurplusResponses(t *testing.T) {
	t.Parallel()
	policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)
	h := policy.Wrap(keeper(policy, backend))
	url := listen(t, func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			response := w.Result()
			response.ContentLength = int64(w.Body.Len())
			var text strings.Builder
			_ = response.Write(&text)
			if _, err := io.WriteString(conn, text.String()+"HTTP/1.1 500 Surplus\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
		}
	})
	var requests []edgetest.Request
	for range 50 {
		requests = append(requests, edgetest.Request{Method: "POST", Target: "/healthz", Clean: true})
	}
	report, err := edgetest.Run(t.Context(), url, policy, edgetest.Options{Backend: backend, Requests: slices.Values(requests)})
	require.NoError(t, err)
	assert.Empty(t, report.Differences, "%s", report)
}

// An edge that closes idle connections is none that fails.
func TestRunConnectsAgain(t *testing.T) {
	t.Parallel()
	policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)
	var connections atomic.Int64
	h := policy.Wrap(keeper(policy, backend))
	url := listen(t, func(conn net.Conn) {
		connections.Add(1)
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		response := w.Result()
		response.ContentLength = int64(w.Body.Len())
		_ = response.Write(conn) // without Connection: close
	})
	report, err := edgetest.Run(t.Context(), url, policy, edgetest.Options{Backend: backend, Size: 40, Connections: 1})
	require.NoError(t, err)
	assert.Equal(t, 40, report.Sent)
	assert.Equal(t, int64(40), connections.Load())
	assert.Zero(t, report.Counts[edgetest.Opens]+report.Counts[edgetest.Loses], "%s", report)
}

func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)

	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	report, err := edgetest.Run(t.Context(), silent, policy, edgetest.Options{Backend: backend, Size: 10, Timeout: 100 * time.Millisecond})
	assert.ErrorContains(t, err, "no complete response within 100ms")
	assert.Equal(t, 10, report.Left)
	assert.Contains(t, report.String(), "10 requests were not sent: edgetest: ")

	_, err = edgetest.Run(t.Context(), "http://127.0.0.1:1", policy, edgetest.Options{Backend: backend, Size: 10})
	assert.ErrorContains(t, err, "edgetest: the edge cannot be reached: dial tcp 127.0.0.1:1")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = edgetest.Run(ctx, silent, policy, edgetest.Options{Backend: backend, Size: 10})
	assert.ErrorIs(t, err, context.Canceled)
	_, err = edgetest.Run(ctx, silent, policy, edgetest.Options{Size: 10})
	assert.ErrorIs(t, err, context.Canceled)
}

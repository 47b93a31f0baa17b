package corstest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func live(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	return server
}

// What a live server shows is what its handler shows.
func TestCheckURLReportsWhatCheckReports(t *testing.T) {
	t.Parallel()
	var calls, http1 atomic.Int32
	handler := handCORS{origin: "*", allow: protocolHeaders, expose: "Grpc-Status"}.wrap(spied(&calls))
	server := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 {
			http1.Add(1)
		}
		http.StripPrefix("/api", handler).ServeHTTP(w, r)
	}))
	server.StartTLS()
	audiences := corstest.WithAudiences("storefront")
	got, err := corstest.CheckURL(t.Context(), server.URL+"/api/", pageOrigin, audiences, corstest.WithTransport(server.Client().Transport))
	require.NoError(t, err)
	assert.Equal(t, corstest.Check(handler, pageOrigin, audiences).String(), got.String())
	assert.Zero(t, calls.Load(), "handlers ran")
	assert.Zero(t, http1.Load(), "HTTP/1.1 was used")
}

// Bidirectional streams need HTTP/2.
func TestCheckURLOverHTTP1(t *testing.T) {
	t.Parallel()
	server := live(t, handCORS{origin: "*", allow: "*, Authorization", expose: "*"}.wrap(shop.NewHandler()))
	server.Start()
	r, err := corstest.CheckURL(t.Context(), server.URL, "http://app.example", corstest.WithAudiences("storefront"), corstest.WithServices(cartService))
	require.NoError(t, err)
	for protocol, result := range of(r, "/"+cartService+"/NegotiatePrice") {
		assert.Equal(t, http.StatusHTTPVersionNotSupported, result.Status, protocol)
		assert.False(t, ok(result), protocol)
	}
	require.ErrorContains(t, r.Err(), "505, not RPC")
	require.ErrorContains(t, r.Err(), "/acme.shop.v1.CartService/NegotiatePrice: serve HTTP/2")
	assert.True(t, ok(of(r, "/"+cartService+"/AddItem")["Connect"]))
}

// raw serves connections without HTTP.
func raw(t *testing.T, serve func(conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// responding reads a request's head and writes the response.
func responding(response string) func(net.Conn) {
	return func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			if _, err := http.ReadRequest(reader); err != nil {
				return
			}
			if _, err := io.WriteString(conn, response); err != nil {
				return
			}
		}
	}
}

func TestCheckURLExplainsWhyItCannotCheck(t *testing.T) {
	t.Parallel()
	plain, secure := live(t, http.NotFoundHandler()), live(t, http.NotFoundHandler())
	plain.Start()
	secure.StartTLS()
	closed := raw(t, func(net.Conn) {})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	login := live(t, http.RedirectHandler("https://login.example/\u202e", http.StatusFound))
	login.Start()
	host := func(s *httptest.Server) string {
		return strings.TrimPrefix(strings.TrimPrefix(s.URL, "http://"), "https://")
	}
	impatient := corstest.WithTransport(&http.Transport{ResponseHeaderTimeout: time.Millisecond})
	for name, row := range map[string]struct {
		url         string
		opts        []corstest.CheckOption
		want        []string
		unreachable bool
	}{
		"not a URL":              {"api.example.com", nil, []string{"is not an absolute URL of http or https"}, false},
		"an unknown protocol":    {gone.URL, []corstest.CheckOption{corstest.WithProtocols("gRPC")}, []string{`"gRPC" is not a protocol`}, false},
		"a query":                {"https://api.example.com/?a=b", nil, []string{"write the URL without a query"}, false},
		"nothing listens":        {gone.URL, nil, []string{"nothing listens there: check the port, and whether the server is running"}, true},
		"no such host":           {"http://nohost.invalid", nil, []string{"there is no such host: check the name"}, true},
		"no TLS":                 {"https://" + host(plain), nil, []string{"does not speak TLS: try http://"}, true},
		"TLS alone":              {"http://" + host(secure), nil, []string{"takes HTTPS alone: try https://" + host(secure)}, true},
		"an unknown certificate": {secure.URL, nil, []string{"has a certificate that is not trusted here"}, true},
		"another protocol":       {"http://" + raw(t, responding("SSH-2.0-OpenSSH_9.2\x1b[31m\r\n")), nil, []string{"does not speak HTTP: check the port"}, true},
		"a closed connection":    {"http://" + closed, nil, []string{"closes the connection without an HTTP response"}, true},
		"no response":            {"http://" + raw(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }), []corstest.CheckOption{impatient}, []string{"does not respond in time: check the host, the port and the firewall"}, true},
		"endless headers":        {"http://" + raw(t, responding("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")), nil, []string{"sends endless headers", "exceeded 262144 bytes"}, true},
		"a redirect":             {login.URL, nil, []string{"redirects to 'https://login.example/%e2%80%ae': check the URL where it leads"}, true},
		"no RPC server":          {plain.URL, nil, []string{plain.URL + ": the server has none of the linked services: is the path missing"}, false},
		"the server's own page":  {plain.URL, []corstest.CheckOption{corstest.WithServices("x.v1.Unknown")}, []string{"x.v1.Unknown is not a linked service"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := corstest.CheckURL(t.Context(), row.url, "http://app.example", append(row.opts, corstest.WithAudiences())...)
			assert.Nil(t, r)
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			assert.Equal(t, row.unreachable, errors.Is(err, corstest.ErrUnreachable))
			assert.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestCheckURLEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address := raw(t, func(conn net.Conn) {
		cancel() // during the first request
		_, _ = io.Copy(io.Discard, conn)
	})
	_, err := corstest.CheckURL(ctx, "http://"+address, "http://app.example", corstest.WithNoAccess())
	require.ErrorContains(t, err, "context canceled")
}

// A body has no end and a header has bytes that are not for terminals.
func TestCheckURLOfHostileServers(t *testing.T) {
	t.Parallel()
	endless := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(allowOrigin, "*")
		w.WriteHeader(http.StatusUnsupportedMediaType)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	}))
	endless.Start()
	service := corstest.WithServices(catalogService)
	r, err := corstest.CheckURL(t.Context(), endless.URL, "http://app.example", service, corstest.WithCalls(nil, "*"))
	require.NoError(t, err)
	assert.Len(t, r.Results, 7)

	address := raw(t, responding("HTTP/1.1 415 No\r\nAccess-Control-Allow-Origin: \u202e\r\nAccess-Control-Allow-Headers: \u202e\r\n"+
		"Access-Control-Expose-Headers: \u202e\r\nGrpc-Message: \u202e\r\nContent-Length: 0\r\n\r\n"))
	r, err = corstest.CheckURL(t.Context(), "http://"+address, "http://app.example", service, corstest.WithCalls(nil, "*"))
	require.NoError(t, err)
	assert.NotContains(t, r.String(), "\u202e")

	address = raw(t, responding("HTTP/1.1 415 No\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: *, Authorization\r\nX-"+
		strings.Repeat("Long", 1000)+": \u202e\r\nContent-Length: 0\r\n\r\n"))
	r, err = corstest.CheckURL(t.Context(), "http://"+address, "http://app.example", service, corstest.WithCalls(nil, "*"))
	require.NoError(t, err)
	assert.Contains(t, r.String(), "X-Long")
	assert.NotContains(t, r.String(), "\u202e")
	assert.Less(t, len(r.String()), 4096)
}

// A server that goes away in the middle costs no more than a few requests.
func TestCheckURLGivesUp(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := live(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) > 10 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusUnsupportedMediaType)
	}))
	server.Start()
	_, err := corstest.CheckURL(t.Context(), server.URL, "http://app.example", corstest.WithNoAccess())
	require.ErrorContains(t, err, "closes the connection without an HTTP response")
	assert.Less(t, requests.Load(), int32(60), fmt.Sprint(requests.Load()))
}

package main

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A spy counts the handlers that ran.
type spy struct{ calls atomic.Int32 }

// connect returns the shop as connect-go serves it.
func (s *spy) connect() http.Handler { return shop.NewHandler(connect.WithInterceptors(connectSpy{s})) }

// grpc returns the shop as grpc-go serves it, for pages.
func (s *spy) grpc() http.Handler {
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			s.calls.Add(1)
			return handler(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			s.calls.Add(1)
			return handler(srv, stream)
		}),
	)
	shop.RegisterGRPC(server)
	return grpcweb.NewHandler(server, grpcweb.Config{})
}

type connectSpy struct{ *spy }

func (s connectSpy) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		s.calls.Add(1)
		return next(ctx, req)
	}
}

func (s connectSpy) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (s connectSpy) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		s.calls.Add(1)
		return next(ctx, conn)
	}
}

// withPolicy lets pages call as the library would.
func withPolicy(t *testing.T, handler http.Handler) http.Handler {
	t.Helper()
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{page}, RequestHeaders: []string{"Authorization"}, Audiences: map[string][]string{"storefront": {page}, "backoffice": {}},
	})
	require.NoError(t, err)
	return policy.Wrap(handler)
}

// byHand lets pages call as the Connect documentation has it.
func byHand(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Vary", "Origin")
		header.Set("Access-Control-Allow-Origin", page)
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", "GET, POST")
			header.Set("Access-Control-Allow-Headers", "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent, Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
		handler.ServeHTTP(w, r)
	})
}

// live serves a handler over HTTPS and HTTP/2. The arguments make the command
// trust it.
func live(t *testing.T, handler http.Handler) (url string, trust []string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, []string{"--cacert", directory(t.TempDir()).write(t, "ca.pem", certificate)}
}

// What the command reports of a live server is what corstest reports of its
// handler, and no handler runs.
func TestCheckReportsWhatCorstestReports(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	for name, row := range map[string]struct {
		wrap    func(http.Handler) http.Handler
		grpc    bool
		flags   []string
		options []corstest.CheckOption
		origin  string
		status  int
	}{
		"corsrpc":             {wrap: func(h http.Handler) http.Handler { return withPolicy(t, h) }, flags: []string{"--audience", "storefront"}, options: []corstest.CheckOption{corstest.WithAudiences("storefront")}, status: fine},
		"lists by hand":       {wrap: byHand, flags: []string{"--audience", "storefront"}, options: []corstest.CheckOption{corstest.WithAudiences("storefront")}, status: findings},
		"no CORS":             {wrap: func(h http.Handler) http.Handler { return h }, flags: []string{"--audience", "storefront"}, options: []corstest.CheckOption{corstest.WithAudiences("storefront")}, status: findings},
		"corsrpc, a stranger": {wrap: func(h http.Handler) http.Handler { return withPolicy(t, h) }, origin: "https://evil.example", flags: []string{"--no-access"}, options: []corstest.CheckOption{corstest.WithNoAccess()}, status: fine},
		"no CORS, a stranger": {wrap: func(h http.Handler) http.Handler { return h }, origin: "https://evil.example", flags: []string{"--no-access", "--profile", "webkit"}, options: []corstest.CheckOption{corstest.WithNoAccess(), corstest.WithProfile(corstest.WebKit)}, status: findings},
		"corsrpc before grpc-go": {
			wrap: func(h http.Handler) http.Handler { return withPolicy(t, h) }, grpc: true, flags: []string{"--audience", "storefront", "--protocol", "grpc-web"},
			options: []corstest.CheckOption{corstest.WithAudiences("storefront"), corstest.WithProtocols(corstest.GRPCWeb)}, status: fine,
		},
		"lists by hand before grpc-go": {
			wrap: byHand, grpc: true, flags: []string{"--no-audience", "--protocol", "grpc-web", "--credentials", "-H", "Authorization: Bearer t"},
			options: []corstest.CheckOption{
				corstest.WithAudiences(), corstest.WithProtocols(corstest.GRPCWeb), corstest.WithCredentials(corstest.CredentialsInclude), corstest.WithMetadata(http.Header{"Authorization": {"Bearer t"}}),
			}, status: findings,
		},
		"one service": {
			wrap: byHand, flags: []string{"--audience", "storefront", "--service", "acme.shop.v1.CartService"},
			options: []corstest.CheckOption{corstest.WithAudiences("storefront"), corstest.WithServices("acme.shop.v1.CartService")}, status: findings,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s spy
			handler := s.connect()
			if row.grpc {
				handler = s.grpc()
			}
			handler = row.wrap(handler)
			origin := row.origin
			if origin == "" {
				origin = page
			}
			files, err := corsconfig.ReadImage(dir.path("shop.binpb"))
			require.NoError(t, err)
			want := corstest.Check(handler, origin, append(row.options, corstest.WithFiles(files))...)

			url, args := live(t, http.StripPrefix("/api", handler))
			args = append(args, "check", url+"/api", "--image", dir.path("shop.binpb"), "--origin", origin)
			got := execute(t.Context(), append(append(args[2:], args[:2]...), row.flags...)...)
			assert.Equal(t, row.status, got.status)
			assert.Empty(t, got.stderr)
			assert.Equal(t, inFlags.Replace(want.String())+notChecked, got.stdout)
			assert.Zero(t, s.calls.Load(), "handlers ran")
			assert.NotContains(t, got.stdout, "With", "an option of package corstest")
		})
	}
}

func TestCheckOutput(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"check-fine": func(h http.Handler) http.Handler { return withPolicy(t, h) }, "check-findings": byHand,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, trust := live(t, wrap(new(spy).connect()))
			command := "check " + url + " --origin https://app.example.com --audience storefront --image shop.binpb"
			r := execute(t.Context(), append(dir.args(strings.Fields(command)...), trust...)...)
			assert.Empty(t, r.stderr)
			text := fmt.Sprintf("$ corsrpc %s\n%s[exit status %d]\n", command, r.stdout, r.status)
			golden(t, name, strings.ReplaceAll(text, url, "https://api.example.com"))
		})
	}
}

// A gateway that demands a token of preflights too.
func TestCheckSendsHeadersOnPreflightsIfTold(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	inner := withPolicy(t, new(spy).connect())
	url, trust := live(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer preview" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	args := append([]string{"check", url, "--image", dir.path("shop.binpb"), "--origin", page, "--audience", "storefront", "--service", "acme.shop.v1.CartService", "-H", "Authorization: Bearer preview"}, trust...)
	r := execute(t.Context(), args...)
	assert.Equal(t, findings, r.status, r.stdout)
	with := execute(t.Context(), append(args, "--H-on-preflights")...)
	assert.NotEqual(t, r.stdout, with.stdout)
	assert.NotContains(t, with.stdout, "PreflightInvalidStatus")
}

// raw serves connections without net/http.
func raw(t *testing.T, serve func(net.Conn)) string {
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
	return "http://" + listener.Addr().String()
}

// responding reads requests and writes the same bytes for each.
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

// A server that cannot be checked has the exit status 2 and an explanation,
// whether or not there is an image.
func TestCheckExplainsWhyItCannotCheck(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	redirecting := httptest.NewServer(http.RedirectHandler("https://login.example/\u202e", http.StatusFound))
	t.Cleanup(redirecting.Close)
	secure, _ := live(t, http.NotFoundHandler())
	for name, row := range map[string]struct{ url, want string }{
		"nothing listens":        {gone.URL, "nothing listens there: check the port, and whether the server is running"},
		"no TLS":                 {strings.Replace(plain.URL, "http", "https", 1), "does not speak TLS: try http://"},
		"TLS alone":              {strings.Replace(secure, "https", "http", 1), "takes HTTPS alone: try https://"},
		"an unknown certificate": {secure, "has a certificate that is not trusted here"},
		"a redirect":             {redirecting.URL, "redirects to 'https://login.example/%e2%80%ae': check the URL where it leads"},
		"SSH":                    {raw(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\x1b[31m\r\n") }), "does not speak HTTP: check the port"},
		"a closed connection":    {raw(t, func(net.Conn) {}), "closes the connection without an HTTP response"},
		"no response":            {raw(t, silent), "does not respond in time: check the host, the port and the firewall"},
		"endless headers":        {raw(t, responding("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")), "sends endless headers"},
		"invalid HTTP":           {raw(t, responding("HTTP/1.1 two hundred\r\n\r\n")), "does not speak HTTP"},
		"a query":                {plain.URL + "/?a=b", "write the URL without a query and a fragment"},
	} {
		for _, image := range []string{"", "shop.binpb"} {
			t.Run(name+" "+image, func(t *testing.T) {
				t.Parallel()
				args := []string{"check", row.url, "--origin", "http://app.localhost", "--no-access"}
				if image != "" {
					args = append(args, "--image", dir.path(image))
				}
				if name == "no response" {
					args = append(args, "--timeout", "50ms")
				}
				r := execute(t.Context(), args...)
				assert.Equal(t, failed, r.status)
				assert.Empty(t, r.stdout)
				assert.Contains(t, r.stderr, row.want)
				assert.NotContains(t, r.stderr, "\x1b")
				assert.NotContains(t, r.stderr, "corstest")
			})
		}
	}

	r := execute(t.Context(), "check", plain.URL, "--origin", "http://app.localhost", "--no-access", "--image", dir.path("shop.binpb"))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "the server has none of the schema's services: is the URL's path missing, or is this the schema of another server?")
	r = execute(t.Context(), "check", plain.URL, "--origin", "http://app.localhost", "--no-access")
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "does the server have gRPC reflection, and HTTP/2?; or give --image with what `buf build -o image.binpb` writes")
	r = execute(t.Context(), "check", plain.URL, "--origin", "http://app.localhost", "--image", dir.path("shop.binpb"))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "the schema has the audiences backoffice, storefront: pass with --audience those that")
	r = execute(t.Context(), "check", plain.URL, "--origin", plain.URL, "--no-audience", "--image", dir.path("shop.binpb"))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "is the server's own origin: its pages need no CORS")
	r = execute(t.Context(), "check", plain.URL, "--origin", page, "--audience", "storefrnt", "--image", dir.path("shop.binpb"))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, `--audience: no service of the schema has the audience "storefrnt"; the schema has: backoffice, storefront`)
}

// Bodies have no end, and headers have bytes that are not for terminals.
func TestCheckOfHostileServers(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("\x1b[31m", 1<<12)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	headers := raw(t, responding("HTTP/1.1 415 \x1b[31mNo\r\nAccess-Control-Allow-Origin: \u202e\x9b\r\nAccess-Control-Allow-Headers: \u202e\r\n"+
		"Access-Control-Expose-Headers: \u202e\r\nGrpc-Message: \u202e\r\nContent-Length: 0\r\n\r\n"))
	// The first responds 200 to everything, so it is not an RPC server.
	for url, status := range map[string]int{endless.URL: failed, headers: findings} {
		for _, access := range []string{"--no-access", "--no-audience"} {
			r := execute(t.Context(), "check", url, "--origin", "http://app.localhost", access, "--image", dir.path("shop.binpb"))
			assert.Equal(t, status, r.status, r.stderr)
			for _, hostile := range []string{"\x1b", "\u202e", "\x9b"} {
				assert.NotContains(t, r.stdout+r.stderr, hostile)
			}
		}
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	ctx, cancel := context.WithCancel(t.Context())
	url := raw(t, func(conn net.Conn) {
		cancel() // during the first request
		_, _ = io.Copy(io.Discard, conn)
	})
	r := execute(ctx, "check", url, "--origin", page, "--no-access", "--image", dir.path("shop.binpb"))
	assert.Equal(t, failed, r.status)
	assert.Contains(t, r.stderr, "context canceled")
}

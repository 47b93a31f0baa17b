package restgatewaytest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
)

// What the interceptors of a server refuse of calls that grpc-gateway makes for
// browsers, without Wrap around the gateway.
func TestInterceptorsBehindGRPCGateway(t *testing.T) {
	const (
		host   = "library.example.com"
		reader = "https://reader.example.com"
		evil   = "https://evil.test"
	)
	var calls []string
	books := library.New()
	books.OnCall = func(method string) { calls = append(calls, method) }
	matchers := map[string]runtime.HeaderMatcherFunc{
		"default":        runtime.DefaultHeaderMatcher,
		"IncomingHeader": corsgrpc.IncomingHeader(runtime.DefaultHeaderMatcher),
	}
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		runs               map[string]bool // by matcher
	}{
		{"a listed page", "GET", "/v1/shelves", http.Header{"Origin": {reader}, "Sec-Fetch-Site": {"same-site"}},
			map[string]bool{"default": true, "IncomingHeader": true}},
		{"the gateway's own page", "POST", "/v1/shelves", http.Header{"Origin": {"https://" + host}, "Sec-Fetch-Site": {"same-origin"}},
			map[string]bool{"default": true, "IncomingHeader": true}},
		{"the gateway's own page, in a browser without Fetch Metadata", "POST", "/v1/shelves", http.Header{"Origin": {"https://" + host}},
			map[string]bool{"default": true, "IncomingHeader": true}},
		{"the gateway's own page, with GET", "GET", "/v1/shelves", http.Header{"Sec-Fetch-Site": {"same-origin"}},
			map[string]bool{"default": true, "IncomingHeader": true}},
		{"another server", "POST", "/v1/shelves", nil,
			map[string]bool{"default": true, "IncomingHeader": true}},
		{"another page", "POST", "/v1/shelves/history:merge", http.Header{"Origin": {evil}, "Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"text/plain"}},
			map[string]bool{}},
		{"another page, which adds an origin", "POST", "/v1/shelves", http.Header{"Origin": {evil}, "Grpc-Metadata-Origin": {reader}},
			map[string]bool{}},
		{"another page, which adds a host", "POST", "/v1/shelves", http.Header{"Origin": {evil}, "Grpc-Metadata-X-Forwarded-Host": {"evil.test"}},
			map[string]bool{}},
		{"the internal method, by a listed page", "POST", "/v1/admin:purge", http.Header{"Origin": {reader}, "Sec-Fetch-Site": {"same-site"}},
			map[string]bool{}},
		{"the internal method, by another server", "POST", "/v1/admin:purge", nil,
			map[string]bool{"default": true, "IncomingHeader": true}},
		// Without Origin, only Sec-Fetch-Site tells.
		{"an image on another page", "GET", "/v1/shelves", http.Header{"Sec-Fetch-Site": {"cross-site"}},
			map[string]bool{"default": true}},
		{"a prefetch of another page", "GET", "/v1/shelves", http.Header{"Sec-Fetch-Site": {"none"}, "Sec-Purpose": {"prefetch"}},
			map[string]bool{"default": true}},
	} {
		for name, matcher := range matchers {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				cors, err := corsrpc.New(corsrpc.Config{
					Origins:  []string{reader},
					Services: []string{"acme.library.v1.LibraryService", "acme.library.v1.AdminService"},
					REST:     corsrpc.RESTGateway,
				})
				require.NoError(t, err)
				gateway := dialingGateway(t, books, matcher, grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors)))
				calls = nil
				r := httptest.NewRequest(test.method, "http://"+host+test.path, strings.NewReader("{}"))
				if test.header != nil {
					r.Header = test.header.Clone()
				}
				w := httptest.NewRecorder()
				gateway.ServeHTTP(w, r)
				assert.Equal(t, test.runs[name], len(calls) == 1, "%v", calls)
				if !test.runs[name] {
					assert.Equal(t, http.StatusForbidden, w.Code)
				}
			})
		}
	}
}

// dialingGateway returns a gateway in front of a server that listens.
func dialingGateway(t *testing.T, books *library.Library, matcher runtime.HeaderMatcherFunc, options ...grpc.ServerOption) http.Handler {
	t.Helper()
	server := grpc.NewServer(options...)
	libraryv1.RegisterLibraryServiceServer(server, books)
	libraryv1.RegisterAdminServiceServer(server, books)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	gateway := runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(matcher))
	require.NoError(t, libraryv1.RegisterLibraryServiceHandler(t.Context(), gateway, conn))
	require.NoError(t, libraryv1.RegisterAdminServiceHandler(t.Context(), gateway, conn))
	return gateway
}

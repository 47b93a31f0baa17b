package restgatewaytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/internal/library"
	"github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1/libraryv1connect"
)

// WithGate of a Connect server behind Vanguard refuses what Wrap would refuse:
// Vanguard hands on Origin, Sec-Fetch-Site and Host.
func TestGateBehindVanguard(t *testing.T) {
	const reader = "https://reader.example.com"
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{reader},
		Services: []string{"acme.library.v1.LibraryService", "acme.library.v1.AdminService"},
		REST:     corsrpc.RESTTranscoding,
	})
	require.NoError(t, err)
	var calls []string
	books := library.New()
	books.OnCall = func(method string) { calls = append(calls, method) }
	gate := connect.WithHandlerOptions(corsconnect.WithGate(cors))
	transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{
		vanguard.NewService(libraryv1connect.NewLibraryServiceHandler(books, gate)),
		vanguard.NewService(libraryv1connect.NewAdminServiceHandler(books, gate)),
	}, vanguard.WithDefaultServiceOptions(vanguard.WithTargetProtocols(vanguard.ProtocolConnect)))
	require.NoError(t, err)
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		calls              []string
	}{
		{"a listed page", "GET", "/v1/shelves", http.Header{"Origin": {reader}, "Sec-Fetch-Site": {"same-site"}}, []string{"ListShelves"}},
		{"the server's own page", "GET", "/v1/shelves", http.Header{"Origin": {"http://library.example.com"}}, []string{"ListShelves"}},
		{"another page", "GET", "/v1/shelves", http.Header{"Origin": {"https://evil.test"}, "Sec-Fetch-Site": {"cross-site"}}, nil},
		{"an image on another page", "GET", "/v1/shelves", http.Header{"Sec-Fetch-Site": {"cross-site"}}, nil},
		{"the internal method, by a listed page", "POST", "/v1/admin:purge", http.Header{"Origin": {reader}}, nil},
		{"the internal method, by another server", "POST", "/v1/admin:purge", http.Header{}, []string{"Purge"}},
	} {
		calls = nil
		var body io.Reader
		if test.method == "POST" {
			body = strings.NewReader("{}")
		}
		r := httptest.NewRequest(test.method, "http://library.example.com"+test.path, body)
		r.Header = test.header
		w := httptest.NewRecorder()
		transcoder.ServeHTTP(w, r)
		assert.Equal(t, test.calls, calls, test.name)
		if test.calls == nil {
			assert.Equal(t, http.StatusForbidden, w.Code, test.name)
		}
	}
}

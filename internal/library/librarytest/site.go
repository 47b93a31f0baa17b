// Package librarytest has the tests that every gateway of the library must pass.
package librarytest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/library"
)

// Origins of the tests.
const (
	Reader  = "https://reader.example.com"  // is listed
	Sibling = "https://www.example.com"     // of the same site
	Evil    = "https://evil.test"           // is not listed
	Server  = "https://library.example.com" // the library's own
)

// A Gateway is what is tested.
type Gateway struct {
	// NewServices returns the library behind the gateway, without CORS.
	NewServices func(*library.Library) (http.Handler, error)
	// NewConfig returns the Config of a policy that lists Reader, allows
	// credentials and has Links where other sites link to.
	NewConfig func() corsrpc.Config
	// Metadata is what the gateway puts before the names of metadata.
	Metadata string
}

// A site is the library behind a gateway, with the calls that ran there and the
// last decision of its policy.
type site struct {
	handler  http.Handler
	calls    []string
	decision corsrpc.Decision
}

// wrapped returns a site behind Wrap.
func (g *Gateway) wrapped(t *testing.T, config corsrpc.Config) *site {
	t.Helper()
	s := g.open(t)
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) { s.decision = d }
	cors, err := corsrpc.New(config)
	require.NoError(t, err)
	s.handler = cors.Wrap(s.handler)
	return s
}

// open returns a site without corsrpc.
func (g *Gateway) open(t *testing.T) *site {
	t.Helper()
	s := &site{}
	books := library.New()
	books.OnCall = func(method string) { s.calls = append(s.calls, method) }
	var err error
	s.handler, err = g.NewServices(books)
	require.NoError(t, err)
	return s
}

// fetch returns the response that a page gets, and its body. calls are those of
// this request alone.
func (s *site) fetch(t *testing.T, origin string, r corstest.Request) (*corstest.Response, string, error) {
	t.Helper()
	s.calls = nil
	r.URL = Server + r.URL
	r.Credentials = corstest.CredentialsInclude
	page := corstest.NewBrowser(origin, corstest.WithHandler(s.handler))
	page.SetCookie(Server, &http.Cookie{Name: "session", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode})
	res, err := page.Fetch(t.Context(), r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var compact bytes.Buffer // gateways vary the spaces in their JSON
	if json.Compact(&compact, body) == nil {
		body = compact.Bytes()
	}
	return res, string(body), nil
}

// preflight returns the headers of the response to a preflight of the reader's
// page.
func (s *site) preflight(path, method string) http.Header {
	r := httptest.NewRequest("OPTIONS", path, nil)
	r.Header.Set("Origin", Reader)
	r.Header.Set("Access-Control-Request-Method", method)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result().Header
}

package librarytest

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// A Call is a request to one binding, and what comes of it.
type Call struct {
	Name, Method, Path string
	Card               bool   // whether the request has one
	Body               string // JSON
	Runs               string // the method
	Status             int
	Response           string            // without white space that gateways vary
	Metadata           map[string]string // of the response, beside X-Request-Id
}

// Calls are of every binding of the library that is for pages, one or more each.
var Calls = []Call{
	{Name: "GET with a query", Method: "GET", Path: "/v1/shelves?theme=History", Runs: "ListShelves", Status: 200, Response: `{"shelves":[` + history + `]}`},
	{Name: "a variable of two segments", Method: "GET", Path: "/v1/shelves/history", Runs: "GetShelf", Status: 200, Response: history},
	{Name: "an additional binding, with a body of its own", Method: "GET", Path: "/v1/catalog/shelves/history", Runs: "GetShelf", Status: 200, Response: `{"shelf":` + history + `}`},
	{Name: "an error", Method: "GET", Path: "/v1/shelves/none", Runs: "GetShelf", Status: 404, Response: `{"code":5,"message":"no shelf shelves/none","details":[]}`},
	{Name: "a field as the body", Method: "POST", Path: "/v1/shelves", Card: true, Body: `{"name":"shelves/art","theme":"Art"}`, Runs: "CreateShelf", Status: 200, Response: `{"name":"shelves/art","theme":"Art"}`},
	{Name: "error metadata", Method: "POST", Path: "/v1/shelves", Card: true, Body: history, Runs: "CreateShelf", Status: 409, Response: `{"code":6,"message":"there is a shelf shelves/history","details":[]}`,
		Metadata: map[string]string{"X-Retry-Hint": "shelves/history-2"}},
	{Name: "no metadata", Method: "POST", Path: "/v1/shelves", Body: history, Runs: "CreateShelf", Status: 401, Response: `{"code":16,"message":"a library card is required","details":[]}`},
	{Name: "a nested variable", Method: "PATCH", Path: "/v1/shelves/history", Card: true, Body: `{"theme":"Past"}`, Runs: "UpdateShelf", Status: 200, Response: `{"shelf":{"name":"shelves/history","theme":"Past"}}`},
	{Name: "a verb, and a trailer that no page can read", Method: "POST", Path: "/v1/shelves/history:merge", Card: true, Body: `{"other":"shelves/poetry"}`, Runs: "MergeShelves", Status: 200, Response: `{"shelf":` + history + `}`},
	{Name: "DELETE", Method: "DELETE", Path: "/v1/shelves/history", Card: true, Runs: "DeleteShelf", Status: 200, Response: `{}`},
	{Name: "a variable of four segments", Method: "GET", Path: "/v1/shelves/history/books/spqr", Runs: "GetBook", Status: 200, Response: `{"book":{"name":"shelves/history/books/spqr","title":"SPQR"}}`},
	{Name: "a custom kind", Method: "HEAD", Path: "/v1/shelves/history/books/spqr", Runs: "CheckBook", Status: 200},
	{Name: "an image", Method: "GET", Path: "/v1/shelves/history/books/spqr/cover", Runs: "GetCover", Status: 200, Response: PNG},
	{Name: "a deep wildcard", Method: "GET", Path: "/v1/archive/letters/1887.txt", Runs: "Download", Status: 200, Response: "Dear reader,\n"},
	{Name: "a verb without a variable", Method: "GET", Path: "/v1/signin:finish?code=open%20sesame", Runs: "FinishSignIn", Status: 200, Response: `{"reader":"readers/ali"}`},
}

const (
	history = `{"name":"shelves/history","theme":"History"}`
	// PNG is the beginning of an image, which is all that is compared.
	PNG = "\x89PNG"
)

// TestBindings tests what pages see of each binding.
func (g *Gateway) TestBindings(t *testing.T) {
	for _, test := range Calls {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			request := func() corstest.Request {
				r := corstest.Request{Method: test.Method, URL: test.Path, Header: http.Header{}}
				if test.Body != "" {
					r.Header.Set("Content-Type", "application/json")
					r.Body = strings.NewReader(test.Body)
				}
				if test.Card {
					r.Header.Set(g.Metadata+"X-Library-Card", "7")
				}
				return r
			}

			s := g.wrapped(t, g.NewConfig())
			res, body, err := s.fetch(t, Reader, request())
			require.NoError(t, err)
			assert.Equal(t, test.Status, res.Status)
			assert.Equal(t, []string{test.Runs}, s.calls)
			if test.Response == PNG {
				assert.Equal(t, "image/png", res.Header.Get("Content-Type"))
				body = body[:len(PNG)]
			}
			assert.Equal(t, test.Response, body)
			visible := http.Header{g.Metadata + "X-Request-Id": {"library-1"}}
			for name, value := range test.Metadata {
				visible.Set(g.Metadata+name, value)
			}
			maps.DeleteFunc(res.Header, func(name string, _ []string) bool { return strings.HasPrefix(name, "Content-") })
			assert.Equal(t, visible, res.Header)

			// The server's own page sees at least the same, and another
			// site's nothing.
			s = g.wrapped(t, g.NewConfig())
			_, _, err = s.fetch(t, Evil, request())
			var blocked *corstest.BlockedError
			require.ErrorAs(t, err, &blocked)
			assert.Empty(t, s.calls)
			res, _, err = s.fetch(t, Server, request())
			require.NoError(t, err)
			assert.Equal(t, test.Status, res.Status)
			assert.Equal(t, []string{test.Runs}, s.calls)
			for name := range visible {
				assert.Equal(t, visible[name], res.Header[name])
			}
		})
	}
}

// TestPreflights tests that a preflight gets the lists of its binding.
func (g *Gateway) TestPreflights(t *testing.T, requestHeaders string) {
	s := g.wrapped(t, g.NewConfig())
	assert.Equal(t, http.Header{
		"Access-Control-Allow-Origin":      {Reader},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Allow-Methods":     {"POST"},
		"Access-Control-Allow-Headers":     {requestHeaders},
		"Access-Control-Max-Age":           {"7200"},
		"Vary":                             {"Origin"},
	}, s.preflight("/v1/shelves", "POST"))
	assert.Equal(t, []string{"GET"}, s.preflight("/v1/shelves", "GET")["Access-Control-Allow-Methods"])
	for _, path := range []string{"/v1/admin:purge", "/v1/ADMIN:purge", "/v1/admin%3Apurge"} {
		assert.NotContains(t, s.preflight(path, "POST"), "Access-Control-Allow-Origin", path)
	}
	assert.Empty(t, s.calls)
}

// TestLinks tests what Links opens to other sites, and that nothing else does.
func (g *Gateway) TestLinks(t *testing.T) {
	for _, test := range []struct {
		name, call string
		request    corstest.Request
	}{
		{"a callback", "FinishSignIn", corstest.Request{Method: "GET", URL: "/v1/signin:finish?code=open%20sesame", Mode: corstest.ModeNavigate, Destination: "document"}},
		{"a download link", "Download", corstest.Request{Method: "GET", URL: "/v1/archive/letters/1887.txt", Mode: corstest.ModeNavigate, Destination: "document"}},
		{"an image", "GetCover", corstest.Request{Method: "GET", URL: "/v1/shelves/history/books/spqr/cover", Mode: corstest.ModeNoCORS, Destination: "image"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, origin := range []string{Sibling, Evil} {
				s := g.wrapped(t, g.NewConfig())
				_, _, err := s.fetch(t, origin, test.request)
				require.NoError(t, err)
				assert.Equal(t, []string{test.call}, s.calls)

				config := g.NewConfig()
				config.Overrides = nil
				s = g.wrapped(t, config)
				_, _, err = s.fetch(t, origin, test.request)
				require.NoError(t, err, "browsers report nothing of such requests")
				assert.Empty(t, s.calls)
				assert.Equal(t, corsrpc.ReasonOriginMissing, s.decision.Reason)
				assert.Equal(t, `set Overrides["acme.library.v1.LibraryService.`+test.call+`"].Links to On`, s.decision.Fix)
			}
		})
	}
}

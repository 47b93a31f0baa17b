package productiontest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// What docs/production.md says of a CDN that drops request headers.
func TestDroppedByTheCDN(t *testing.T) {
	t.Parallel()
	page := http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}
	stranger := page.Clone()
	stranger.Set("Origin", evil)
	image := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}, "Cookie": {"session=1"}}
	prefetch := http.Header{"Sec-Fetch-Site": {"none"}, "Sec-Purpose": {"prefetch"}, "Cookie": {"session=1"}}
	link := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}
	preflight := page.Clone()
	preflight.Set("Access-Control-Request-Method", "POST")
	preflight.Set("Access-Control-Request-Headers", "x-new")
	all := []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Purpose"}

	for _, test := range []struct {
		name, method, path string
		sent               http.Header
		dropped            []string
		require            bool // RequireFetchMetadata
		reason             corsrpc.Reason
		runs, readable     bool
	}{
		{"nothing is dropped", "POST", addItem, page, nil, false, corsrpc.ReasonOK, true, true},
		{"Origin", "POST", addItem, page, []string{"Origin"}, false, corsrpc.ReasonOriginMissing, false, false},
		{"all of them: every page's call runs", "POST", addItem, stranger, all, false, corsrpc.ReasonOK, true, false},
		{"all of them: the page of a listed origin cannot read", "POST", addItem, page, all, false, corsrpc.ReasonOK, true, false},
		{"all of them, with RequireFetchMetadata", "POST", addItem, page, all, true, corsrpc.ReasonFetchMetadataMissing, false, false},
		{"a preflight's method", "OPTIONS", addItem, preflight, []string{"Access-Control-Request-Method"}, false, corsrpc.ReasonOK, true, true},
		{"a preflight's headers", "OPTIONS", addItem, preflight, []string{"Access-Control-Request-Headers"}, false, corsrpc.ReasonOK, false, true},
		{"an image, nothing is dropped", "GET", getProduct, image, nil, false, corsrpc.ReasonOriginMissing, false, false},
		{"an image", "GET", getProduct, image, []string{"Sec-Fetch-Site"}, false, corsrpc.ReasonOK, true, false},
		{"a prefetch, nothing is dropped", "GET", getProduct, prefetch, nil, false, corsrpc.ReasonOriginMissing, false, false},
		{"a prefetch", "GET", getProduct, prefetch, []string{"Sec-Purpose"}, false, corsrpc.ReasonOK, true, false},
		{"a link to a documentation page, nothing is dropped", "GET", "/docs" + addItem, link, nil, false, corsrpc.ReasonOriginMissing, true, false},
		{"a link to a documentation page: the mode", "GET", "/docs" + addItem, link, []string{"Sec-Fetch-Mode"}, false, corsrpc.ReasonOriginMissing, false, false},
		{"a link to a documentation page: the destination", "GET", "/docs" + addItem, link, []string{"Sec-Fetch-Dest"}, false, corsrpc.ReasonOriginMissing, false, false},
	} {
		policy, err := corsrpc.New(config(func(c *corsrpc.Config) { c.RequireFetchMetadata = test.require }))
		require.NoError(t, err)
		r := httptest.NewRequest(test.method, "https://api.example.com"+test.path, nil)
		r.Header = test.sent.Clone()
		for _, name := range test.dropped {
			r.Header.Del(name)
		}
		ran := false
		w := httptest.NewRecorder()
		policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(w, r)
		assert.Equal(t, test.reason, policy.Evaluate(r).Reason, test.name)
		assert.Equal(t, test.runs, ran, test.name)
		assert.Equal(t, test.readable, w.Header().Get("Access-Control-Allow-Origin") == app, test.name)
	}
}

package proxies_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A visitor is a sender of GETs that one cache serves.
type visitor struct {
	name   string
	header http.Header
	origin string // that may read the response
}

func pageOf(origin string) visitor {
	return visitor{origin, http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}}, origin}
}

var visitors = []visitor{
	pageOf("https://one.example.com"),
	pageOf("https://two.example.com"),
	{"program", http.Header{}, ""},
	{"image", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}, ""},
}

const cachePath = `proxy_cache_path cache keys_zone=shop:1m;`

// startCache runs nginx as a cache of 200s in front of a handler.
func startCache(t *testing.T, h http.Handler) string {
	t.Helper()
	upstream := httptest.NewServer(h)
	t.Cleanup(upstream.Close)
	return proxies.StartNginx(t, cachePath, `location / {
		proxy_pass `+upstream.URL+`;
		proxy_cache shop;
		proxy_cache_valid 200 1h;
		add_header X-Cache $upstream_cache_status always;
	}`)
}

// visit sends the same GET for each visitor, in order, and returns how often
// the cache had the response, and what is wrong with any.
func visit(t *testing.T, cache string, n int, order []visitor) (hits int, faults []string) {
	t.Helper()
	url := fmt.Sprintf(`%s%s?connect=v1&encoding=json&message=%%7B%%22productId%%22%%3A%%22teapot%%22%%7D&n=%d`, cache, shopv1connect.CatalogServiceGetProductProcedure, n)
	for _, v := range order {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		require.NoError(t, err)
		r.Header = v.header.Clone()
		response, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		if response.Header.Get("X-Cache") == "HIT" {
			hits++
		}
		switch allowed := response.Header.Get("Access-Control-Allow-Origin"); {
		case v.name == "image" && response.StatusCode == http.StatusForbidden:
		case response.StatusCode != http.StatusOK:
			faults = append(faults, fmt.Sprintf("%s gets status %d: %s", v.name, response.StatusCode, body))
		case allowed != v.origin:
			faults = append(faults, fmt.Sprintf("%s gets the response for %q", v.name, allowed))
		}
	}
	return hits, faults
}

// orders are all orders of the visitors. Each visitor comes twice.
func orders(of []visitor) [][]visitor {
	if len(of) == 0 {
		return [][]visitor{nil}
	}
	var all [][]visitor
	for i, first := range of {
		rest := append(append([]visitor(nil), of[:i]...), of[i+1:]...)
		for _, order := range orders(rest) {
			all = append(all, append([]visitor{first, first}, order...))
		}
	}
	return all
}

// Connect's responses to GET have Vary: Accept-Encoding.
func connectHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	return mux
}

// No origin gets the response for another one, nor does a page lose one to an
// image's refusal.
func TestNginxKeepsOriginsApart(t *testing.T) {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{shopv1connect.CatalogServiceName},
		Origins:  []string{"https://one.example.com", "https://two.example.com"},
	})
	require.NoError(t, err)
	cache := startCache(t, policy.Wrap(connectHandler()))
	for n, order := range orders(visitors) {
		hits, faults := visit(t, cache, n, order)
		assert.Empty(t, faults)
		assert.GreaterOrEqual(t, hits, 3, "each but the image comes a second time, and the image can")
	}
}

// That takes one line of Vary: nginx before 1.23 honors only the last of two.
func TestNginxMixesOriginsByTwoLinesOfVary(t *testing.T) {
	twoLines := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		connectHandler().ServeHTTP(w, r) // adds Accept-Encoding
	})
	cache := startCache(t, twoLines)
	_, faults := visit(t, cache, 0, visitors[:2])
	if proxies.NginxVersion(t) < 1023 {
		assert.Equal(t, []string{`https://two.example.com gets the response for "https://one.example.com"`}, faults)
	} else {
		assert.Empty(t, faults)
	}
}

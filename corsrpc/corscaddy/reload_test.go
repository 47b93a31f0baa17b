package corscaddy_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// TestReload needs a reload that is forced, since Caddy compares its configuration
// and not the files that it names.
func TestReload(t *testing.T) {
	shop, err := os.ReadFile("testdata/policy.yaml")
	require.NoError(t, err)
	policy := write(t, filepath.Join(t.TempDir(), "policy.yaml"), string(shop))
	site := "corsrpc {\n image testdata/shop.binpb\n policy " + policy + "\n}\nrespond ok"
	r := start(t, site)
	config := r.config(site)
	// A GET, which net/http repeats where Caddy has just closed the connection that
	// it was sent on.
	status := func(origin string) int { return r.send(http.MethodGet, getProduct, "Origin", origin).StatusCode }
	require.Equal(t, http.StatusOK, status(app))
	require.Equal(t, http.StatusForbidden, status(evil))

	write(t, policy, strings.ReplaceAll(string(shop), app, evil))
	require.NoError(t, caddy.Load(config, false))
	assert.Equal(t, http.StatusOK, status(app), "Caddy reloads although its configuration is the same: say so in the documentation")

	// Each response is that of either policy. Caddy can close a connection before
	// it reads a request, which is then not answered.
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	var responses atomic.Int32
	for _, origin := range []string{app, evil} {
		senders.Go(func() {
			for ctx.Err() == nil {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example.com"+getProduct, nil)
				assert.NoError(t, err)
				request.Header.Set("Origin", origin)
				response, err := r.client.Do(request)
				if err != nil {
					continue
				}
				responses.Add(1)
				assert.Contains(t, []int{http.StatusOK, http.StatusForbidden}, response.StatusCode)
				assert.Equal(t, response.StatusCode == http.StatusOK, response.Header.Get("Access-Control-Allow-Origin") == origin)
				assert.NoError(t, response.Body.Close())
			}
		})
	}
	for range 5 {
		require.NoError(t, caddy.Load(config, true))
	}
	stop()
	senders.Wait()
	assert.Positive(t, responses.Load())
	assert.Equal(t, http.StatusForbidden, status(app))
	assert.Equal(t, http.StatusOK, status(evil))

	// A mistake leaves everything as it was.
	write(t, policy, "origns: []\n")
	assert.ErrorContains(t, caddy.Load(config, true), policy+`:1:1: unknown field "origns"; did you mean origins?`)
	assert.Equal(t, http.StatusOK, status(evil))
}

// respond returns what a handler alone responds to a call.
func respond(t *testing.T, h *corscaddy.Handler, origin string) int {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, addItem, nil)
	r.Header.Set("Origin", origin)
	require.NoError(t, h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })))
	return w.Code
}

// The time of a bubble goes on when all wait, and it must have no goroutine at its
// end: Cleanup ends the one that watches.
func TestWatch(t *testing.T) {
	shop, err := os.ReadFile("testdata/policy.yaml")
	require.NoError(t, err)
	policy := write(t, filepath.Join(t.TempDir(), "policy.yaml"), string(shop))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		defer cancel()
		h := &corscaddy.Handler{Image: "testdata/shop.binpb", Policy: []string{policy}, Watch: caddy.Duration(time.Second)}
		require.NoError(t, h.Provision(ctx))
		assert.Equal(t, http.StatusOK, respond(t, h, app))
		assert.Equal(t, http.StatusForbidden, respond(t, h, evil))

		write(t, policy, strings.ReplaceAll(string(shop), app, evil))
		time.Sleep(3 * time.Second)
		assert.Equal(t, http.StatusForbidden, respond(t, h, app))
		assert.Equal(t, http.StatusOK, respond(t, h, evil))

		write(t, policy, "origns: []\n")
		time.Sleep(3 * time.Second)
		assert.Equal(t, http.StatusOK, respond(t, h, evil), "the last good policy stays")

		require.NoError(t, h.Cleanup())
	})
}

// Provision leaves nothing behind if it fails, and Cleanup can follow.
func TestWatchOfMistake(t *testing.T) {
	policy := write(t, filepath.Join(t.TempDir(), "policy.yaml"), "origns: []\n")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		defer cancel()
		h := &corscaddy.Handler{Image: "testdata/shop.binpb", Policy: []string{policy}, Watch: caddy.Duration(time.Second)}
		require.ErrorContains(t, h.Provision(ctx), `unknown field "origns"`)
		require.NoError(t, h.Cleanup())
	})
}

package corscaddy_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// rpcBackend takes every call to the shop for an invalid one. It remembers those
// that pages make.
type rpcBackend struct {
	mu     sync.Mutex
	called []string
}

func (b *rpcBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" {
		b.mu.Lock()
		b.called = append(b.called, r.URL.Path+" for "+origin)
		b.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r.Body)
	contentType := r.Header.Get("Content-Type")
	switch {
	case !strings.HasPrefix(r.URL.Path, "/acme.shop.v1.") && !strings.HasPrefix(r.URL.Path, "/v1/"):
		http.NotFound(w, r)
	case strings.HasPrefix(contentType, "application/grpc-web"):
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Grpc-Status", "3")
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":"invalid_argument"}`)
	}
}

// calls returns the calls since it was last called.
func (b *rpcBackend) calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	called := b.called
	b.called = nil
	return called
}

// A strict page-side check finds nothing wrong with the shop behind Caddy, and
// what is refused does not reach it.
func TestCleanForPages(t *testing.T) {
	files, err := corsconfig.ReadImage("testdata/shop.binpb")
	require.NoError(t, err)
	backend := new(rpcBackend)
	upstream := httptest.NewServer(backend)
	defer upstream.Close()
	const shopper = "https://shop.example.com"
	extra := write(t, filepath.Join(t.TempDir(), "extra.yaml"), `
origins: [https://app.example.com, "https://*.preview.example.com", "http://localhost:*", https://shop.example.com, https://admin.example.com]
audiences:
  storefront: [https://shop.example.com]
`)
	caddy := start(t, "corsrpc {\n image testdata/shop.binpb\n policy testdata/policy.yaml "+extra+"\n}\nreverse_proxy "+upstream.URL)
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, Transport: caddy.client.Transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "api.example.com"})
		},
	}
	for origin, option := range map[string]corstest.CheckOption{
		app:                                corstest.WithAudiences(),
		"https://pr-1.preview.example.com": corstest.WithAudiences(),
		"http://localhost:5173":            corstest.WithAudiences(),
		shopper:                            corstest.WithAudiences("storefront"),
		admin:                              corstest.WithAudiences("backoffice"),
		evil:                               corstest.WithNoAccess(),
	} {
		report := corstest.Check(proxy, origin, corstest.WithFiles(files), option)
		called := backend.calls()
		assert.GreaterOrEqual(t, len(report.Results), 20, "%s", report)
		assert.NoError(t, report.Err(), origin)
		if origin == evil {
			assert.Empty(t, called)
		} else {
			assert.NotEmpty(t, called, origin)
			assert.NotContains(t, called, purgeCarts+" for "+origin)
		}
	}
}

package corscaddy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

var (
	edgeAll  = flag.Bool("edge-all", false, "send the whole matrix for a hundred random policies through Caddy")
	edgeSize = flag.Int("edge-size", 0, "with -edge-all: send only so many requests for each policy")
)

// Caddy responds as a server in Go with Wrap does, byte for byte, and the backend
// runs if and only if it does there: for every rule, alternative spellings of its
// path, cookies, Sec-Purpose, backends with CORS headers of their own, and more.
func TestSameAsWrap(t *testing.T) {
	size := 2000 // of each
	if *edgeAll {
		size = *edgeSize
	}
	for i, test := range []struct{ name, extra string }{
		{"shop", "{}"},
		{"hosts", "hosts: [api.example.com, 'api.test:8443']\nrequire_hosts: true"},
		{"browsers only", "require_fetch_metadata: true"},
		{"report only", "report_only: true"},
		{"prefix", "path_prefix: /api"},
	} {
		t.Run(test.name, func(t *testing.T) {
			extra := write(t, filepath.Join(t.TempDir(), "extra.yaml"), test.extra)
			compare(t, size, i, "testdata/policy.yaml", extra)
		})
	}
}

// So it does with random policies.
func TestRandomPoliciesSameAsWrap(t *testing.T) {
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	sent := 0
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			sent += compare(t, size, seed, write(t, filepath.Join(t.TempDir(), "policy.yaml"), somePolicy(t, uint64(seed))))
		})
	}
	t.Logf("%d requests", sent)
}

// compare sends requests to Caddy with a policy, and returns how many. Size is
// how many at most, and 0 means the whole matrix.
func compare(t *testing.T, size, seed int, files ...string) int {
	t.Helper()
	policy := newPolicy(t, files...)
	backend := new(edgetest.Backend)
	upstream := httptest.NewServer(backend)
	defer upstream.Close()
	caddy := start(t, "corsrpc {\n image testdata/shop.binpb\n policy "+strings.Join(files, " ")+"\n}\nreverse_proxy "+upstream.URL)
	report, err := edgetest.Run(t.Context(), "http://caddy", policy, edgetest.Options{
		Backend: backend, Host: "api.example.com", DialContext: caddy.dial, Size: size, Seed: uint64(seed),
	})
	require.NoError(t, err, report)
	assert.Positive(t, report.Sent)
	assert.Zero(t, report.Left)
	if size > 0 {
		assert.Equal(t, size, report.Sent)
	}
	for _, d := range report.Differences {
		// net/http, in Caddy too, responds to these before any handler.
		if strings.Contains(d.Request.About, "invalid escape") {
			assert.Equal(t, edgetest.Differs, d.Class, "%s", d.Request)
			continue
		}
		assert.Fail(t, d.What, "%s (%s)\nWrap   %s\nCaddy  %s", d.Request, d.Request.About, d.Want, d.Got)
	}
	return report.Sent
}

// somePolicy returns a random policy file that can be loaded. Its values are near
// each other, so that allowances and confusions both happen.
func somePolicy(t testing.TB, seed uint64) string {
	t.Helper()
	files, err := corsconfig.ReadImage("testdata/shop.binpb")
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(seed, 23))
	for range 1000 {
		config := someConfig(r)
		config.Files = files
		if _, err := corsrpc.New(config); err != nil {
			continue
		}
		data, err := corsconfig.Marshal(config)
		require.NoError(t, err)
		return string(data)
	}
	t.Fatal("no random policy can be loaded")
	return ""
}

func someConfig(r *rand.Rand) corsrpc.Config {
	const cart, catalog = "acme.shop.v1.CartService", "acme.shop.v1.CatalogService"
	chance := func(one int) bool { return r.IntN(one) == 0 }
	origins := func() []string {
		if chance(8) {
			return []string{"*"}
		}
		list := []string{}
		for range r.IntN(5) {
			list = append(list, []string{app, admin, "http://localhost:*", "https://*.example.com", "https://*.example.com:8443", "http://[::1]:*", "capacitor://localhost"}[r.IntN(7)])
		}
		return list
	}
	config := corsrpc.Config{
		Origins:              origins(),
		Credentials:          chance(4),
		ReportOnly:           chance(8),
		Audiences:            map[string][]string{"storefront": origins(), "backoffice": origins()},
		Overrides:            map[string]corsrpc.Override{},
		Resources:            map[string]corsrpc.Resource{},
		RequireFetchMetadata: chance(6),
		MaxAge:               []time.Duration{0, -1, time.Minute}[r.IntN(3)],
	}
	for _, name := range []string{catalog, cart + ".AddItem", catalog + ".GetProduct"} {
		if chance(3) {
			config.Overrides[name] = corsrpc.Override{Origins: origins(), Internal: chance(4), ReportOnly: corsrpc.Switch(r.IntN(3))}
		}
	}
	if chance(2) {
		config.REST = corsrpc.RESTGateway
		config.Bindings = map[string][]string{
			catalog + ".GetProduct": {"GET /v1/products/*", "POST /v1/products/*:read"},
			cart + ".PurgeCarts":    {"POST /v1/admin:purge", "* /v1/admin/**"},
		}
	}
	for _, key := range []string{"/img/", "/upload", "/", "/{x}/{y}", "/docs/"} {
		if chance(3) {
			config.Resources[key] = corsrpc.Resource{Origins: origins(), Methods: []string{"PUT"}, ResponseHeaders: []string{"X-Seen"}}
		}
	}
	if chance(4) {
		config.PathPrefix = "/api"
	}
	switch r.IntN(3) {
	case 0:
		config.Hosts, config.RequireHosts = []string{"api.example.com:80", "www.example.com"}, chance(3)
	case 1:
		config.Hosts = []string{}
	}
	return config
}

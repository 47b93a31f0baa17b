package corscaddy_test

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// Caddy responds as a server in Go with Wrap does, byte for byte, and the backend
// runs if and only if it does there: for every rule, alternative spellings of its
// path, cookies, Sec-Purpose, backends with CORS headers of their own, and more.
func TestSameAsWrap(t *testing.T) {
	const size = 2000 // of each
	for i, test := range []struct{ name, extra string }{
		{"shop", "{}"},
		{"hosts", "hosts: [api.example.com, 'api.test:8443']\nrequire_hosts: true"},
		{"browsers only", "require_fetch_metadata: true"},
		{"report only", "report_only: true"},
		{"prefix", "path_prefix: /api"},
	} {
		t.Run(test.name, func(t *testing.T) {
			extra := write(t, filepath.Join(t.TempDir(), "extra.yaml"), test.extra)
			policy := newPolicy(t, "testdata/policy.yaml", extra)
			backend := new(edgetest.Backend)
			upstream := httptest.NewServer(backend)
			defer upstream.Close()
			caddy := start(t, "corsrpc {\n image testdata/shop.binpb\n policy testdata/policy.yaml "+extra+"\n}\nreverse_proxy "+upstream.URL)
			report, err := edgetest.Run(t.Context(), "http://caddy", policy, edgetest.Options{
				Backend: backend, Host: "api.example.com", DialContext: caddy.dial, Size: size, Seed: uint64(i),
			})
			require.NoError(t, err, report)
			assert.Equal(t, size, report.Sent)
			for _, d := range report.Differences {
				// net/http, in Caddy too, responds to these before any handler.
				if strings.Contains(d.Request.About, "invalid escape") {
					assert.Equal(t, edgetest.Differs, d.Class, "%s", d.Request)
					continue
				}
				assert.Fail(t, d.What, "%s (%s)\nWrap   %s\nCaddy  %s", d.Request, d.Request.About, d.Want, d.Got)
			}
		})
	}
}

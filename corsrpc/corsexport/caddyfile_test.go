package corsexport

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// startCaddyfile runs Caddy with an export in front of a backend at a URL.
// directives are further ones of the site.
func startCaddyfile(t testing.TB, e *Export, upstream, directives string) string {
	t.Helper()
	return startCaddySite(t, e, "invoke corsrpc_policy\n"+directives+"\nreverse_proxy "+upstream)
}

func mustCaddyfile(t testing.TB, config corsrpc.Config, o Options) *Export {
	t.Helper()
	export, err := Caddyfile(mustPolicy(t, config), o)
	require.NoError(t, err)
	return export
}

// Random policies behave in Caddy as they do in Wrap, apart from differences that
// open nothing and take nothing from pages that call as they should.
func TestCaddyfileWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireCaddy(t)
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	var mu sync.Mutex
	sent, reasons := 0, make(map[string]int)
	t.Cleanup(func() { t.Logf("%d requests; differences that were kept: %v", sent, reasons) })
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, uint64(seed))
			backend, upstream := serve(t)
			report := compareCaddyfile(t, startCaddyfilePolicy(t)(policy, upstream), policy, edgetest.Options{Backend: backend, Size: size, Seed: uint64(seed)})
			mu.Lock()
			defer mu.Unlock()
			sent += report.Sent
			for _, d := range report.Differences {
				reasons[caddyfileReason(policy, d)]++
			}
		})
	}
}

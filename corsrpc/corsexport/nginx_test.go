package corsexport

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

var (
	edgeAll  = flag.Bool("edge-all", false, "send the whole matrix for a hundred random policies to each proxy")
	edgeSize = flag.Int("edge-size", 0, "with -edge-all: send only so many requests for each policy")
)

// startNginx runs nginx with an export in front of a backend at a URL. location
// are further directives of the location.
func startNginx(t testing.TB, e *Export, upstream, location string) string {
	t.Helper()
	http, server := nginxConfig(t, e, upstream, location)
	return proxies.StartNginx(t, http, server)
}

// nginxConfig returns what stands in the http block and in the server block.
func nginxConfig(t testing.TB, e *Export, upstream, location string) (http, server string) {
	t.Helper()
	require.Len(t, e.Files, 3)
	return string(e.Files[0].Data), string(e.Files[1].Data) + `
		location / {
			proxy_pass ` + upstream + `;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			` + location + `
		}`
}

// serve runs a backend.
func serve(t testing.TB) (backend *edgetest.Backend, url string) {
	t.Helper()
	backend = new(edgetest.Backend)
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	return backend, server.URL
}

// Random policies behave in nginx as they do in Wrap, apart from differences that
// open nothing and take nothing from pages that call as they should.
func TestNginxWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireNginx(t)
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	type outcome struct {
		policy *corsrpc.Policy
		report *edgetest.Report
	}
	outcomes := make(chan outcome, policies)
	t.Cleanup(func() {
		close(outcomes)
		sent, differ, reasons := 0, 0, make(map[string]int)
		for o := range outcomes {
			sent += o.report.Sent
			differ += len(o.report.Differences)
			for _, d := range o.report.Differences {
				reasons[nginxReason(o.policy, d)]++
			}
		}
		t.Logf("%d requests; of %d differences that were kept: %v", sent, differ, reasons)
	})
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, uint64(seed))
			export, err := Nginx(policy, Options{})
			require.NoError(t, err)
			backend, upstream := serve(t)
			outcomes <- outcome{policy, compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, Size: size, Seed: uint64(seed)})}
		})
	}
}

// compareEdge compares an edge with Wrap.
func compareEdge(t testing.TB, edge string, p *corsrpc.Policy, o edgetest.Options) *edgetest.Report {
	t.Helper()
	return compareEdgeBy(t, edge, p, o, nginxReason)
}

// compareEdgeBy compares an edge with Wrap. reasonOf returns why there is a
// difference.
func compareEdgeBy(t testing.TB, edge string, p *corsrpc.Policy, o edgetest.Options, reasonOf func(*corsrpc.Policy, edgetest.Difference) string) *edgetest.Report {
	t.Helper()
	o.Host = "api.example.com"
	report, err := edgetest.Run(t.Context(), edge, p, o)
	require.NoError(t, err)
	assert.Zero(t, report.Left)
	assert.Positive(t, report.Sent)
	unknown := 0
	for _, d := range report.Differences {
		reason := reasonOf(p, d)
		if o.BehindGate && d.Class == edgetest.Differs {
			continue // refusals are the gate's
		}
		if reason == "" || d.Class == edgetest.Opens || d.Class == edgetest.Loses && reason != otherMethod {
			if unknown++; unknown < 4 {
				t.Errorf("%s: %s: %s: Wrap %s, edge %s", d.Class, d.Request, d.What, d.Want, d.Got)
			}
		}
	}
	assert.Zero(t, unknown)
	return report
}

// somePolicy returns a random policy that can be exported.
func somePolicy(t testing.TB, seed uint64) *corsrpc.Policy {
	t.Helper()
	for r := rand.New(rand.NewPCG(seed, 17)); ; {
		policy, err := newPolicy(someConfig(r))
		require.NoError(t, err)
		if _, err := newPlan(policy, Options{}); err == nil {
			return policy
		}
	}
}

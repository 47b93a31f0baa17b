package corsexport

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// A haproxyTest is what HAProxy is started with.
type haproxyTest struct {
	policy   *corsrpc.Policy
	options  Options
	upstream string // URL
	// global, backend and frontend are further lines of these sections.
	global, backend, frontend string
}

// files returns the configuration files, in order.
func (h haproxyTest) files(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	h.options.Dir, h.options.Defaults, h.options.Upstream = dir, "base", "upstream"
	export, err := HAProxy(h.policy, h.options)
	require.NoError(t, err)
	files := []string{writeFile(t, dir, "base.cfg", fmt.Sprintf(`
global
	nbthread 1
	%s
defaults base
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
backend upstream from base
	server upstream %s
	%s
`, h.global, strings.TrimPrefix(h.upstream, "http://"), h.backend))}
	for _, file := range export.Files {
		path := writeFile(t, dir, file.Name, string(file.Data))
		if strings.HasSuffix(path, ".cfg") {
			files = append(files, path)
		}
	}
	require.Len(t, files, 2)
	return append(files, writeFile(t, dir, "frontend.cfg", fmt.Sprintf(`
frontend test from corsrpc
	bind %s
	%s
`, proxies.HAProxyBind, h.frontend)))
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// start runs HAProxy and returns its URL.
func (h haproxyTest) start(t testing.TB) string {
	t.Helper()
	proxies.RequireHAProxy(t)
	return proxies.StartHAProxy(t, h.files(t)...).URL
}

// compareHAProxy compares HAProxy with Wrap, and returns how many requests it
// responds to otherwise, by the name of the difference.
func compareHAProxy(t *testing.T, edge string, policy *corsrpc.Policy, o edgetest.Options) map[string]int {
	t.Helper()
	o.Host = "api.example.com"
	if o.Requests == nil {
		o.Requests = edgetest.Matrix(policy, o.Host)
	}
	requests := edgetest.Sample(o.Requests, o.Size, o.Seed)
	o.Size = 0
	counts := make(map[string]int)
	// A report of so few has all differences of each.
	for some := range slices.Chunk(requests, 1000) {
		o.Requests = slices.Values(some)
		report, err := edgetest.Run(t.Context(), edge, policy, o)
		require.NoError(t, err)
		counts["requests"] += report.Sent
		if len(report.Opens()) > 0 || len(report.Loses()) > 0 {
			t.Error(report)
		}
		countHAProxyDifferences(t, report, counts)
		if t.Failed() {
			break
		}
	}
	assert.Positive(t, counts["requests"])
	return counts
}

// The whole matrix, for policies that have everything between them.
func TestHAProxyWithWholeMatrix(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	for name, config := range map[string]corsrpc.Config{"shop": shopConfig(), "library": libraryConfig(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := mustPolicy(t, config)
			backend, upstream := serve(t)
			edge := haproxyTest{policy: policy, upstream: upstream}.start(t)
			t.Log(compareHAProxy(t, edge, policy, edgetest.Options{Backend: backend}))
		})
	}
}

// Random policies behave in HAProxy as they do in Wrap, apart from differences
// that open nothing and take nothing from pages that call as they should.
func TestHAProxyWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	totals := make(chan map[string]int, policies)
	t.Cleanup(func() {
		close(totals)
		sum := make(map[string]int)
		for counts := range totals {
			for name, n := range counts {
				sum[name] += n
			}
		}
		t.Log(sum)
	})
	for seed := range uint64(policies) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, seed)
			backend, upstream := serve(t)
			edge := haproxyTest{policy: policy, upstream: upstream}.start(t)
			totals <- compareHAProxy(t, edge, policy, edgetest.Options{Backend: backend, Size: size, Seed: seed})
		})
	}
}

// Requests to other spellings of bindings and resources, which the matrix does not
// have.
func TestHAProxyOtherSpellingsWithRandomPolicies(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	policies, size := uint64(8), 600
	if *edgeAll {
		policies, size = 100, 20_000
	}
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := somePolicy(t, seed)
			backend, upstream := serve(t)
			edge := haproxyTest{policy: policy, upstream: upstream}.start(t)
			compareHAProxy(t, edge, policy, edgetest.Options{Backend: backend, Requests: otherSpellings(t, seed, size)})
		})
	}
}

// Each option alone, for a schema with and without bindings.
func TestHAProxyWithOptions(t *testing.T) {
	t.Parallel()
	proxies.RequireHAProxy(t)
	withOptions(t, 2000, func(t *testing.T, p *corsrpc.Policy, o Options, upstream string, run edgetest.Options) {
		compareHAProxy(t, haproxyTest{policy: p, options: o, upstream: upstream}.start(t), p, run)
	})
}

// Options.Hosts are in place of Config.Hosts.
func TestHAProxyWithOtherHosts(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts = []string{"api.example.com"}
	_, upstream := serve(t)
	edge := haproxyTest{policy: mustPolicy(t, config), options: Options{Hosts: []string{"edge.example.com"}}, upstream: upstream}.start(t)
	assert.Equal(t, http.StatusOK, get(t, "POST", edge+addItem, "Origin", "https://edge.example.com").StatusCode)
	assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+addItem, "Origin", "https://api.example.com").StatusCode)
}

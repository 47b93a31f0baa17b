package corsexport

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// restConfig is the shop's with bindings.
func restConfig() corsrpc.Config {
	config := shopConfig()
	config.RequestHeaders = []string{"Authorization"}
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{
		catalog + ".GetProduct": {"GET /v1/products/{product_id}"},
		admin + ".SetPrice":     {"PUT /v1/products/{product_id}"}, // other pages may call it
		cart + ".AddItem":       {"POST /v1/cart/items"},
		cart + ".PurgeCarts":    {"POST /v1/admin:purge"},
	}
	return config
}

// startWorker runs the example's proxy with an export until the test ends, and
// returns its URL.
func startWorker(t *testing.T, export *Export, backend string) string {
	t.Helper()
	node := requireNode(t)
	rules := filepath.Join(t.TempDir(), "corsrpc.json")
	require.NoError(t, os.WriteFile(rules, export.Files[0].Data, 0o600))
	command := exec.Command(node, filepath.Join(worker, "serve.mjs"), rules, backend)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		assert.NoError(t, stdin.Close())
		assert.NoError(t, command.Wait())
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(url)
}

// compareWorker sends requests to the example's proxy with an export.
func compareWorker(t *testing.T, policy *corsrpc.Policy, o Options, size int) {
	t.Helper()
	export, err := JSON(policy, o)
	require.NoError(t, err)
	backend := new(edgetest.Backend)
	upstream := httptest.NewServer(backend)
	defer upstream.Close()
	report, err := edgetest.Run(t.Context(), startWorker(t, export, upstream.URL), policy, edgetest.Options{
		Backend: backend, BehindGate: o.BehindGate, Size: size, Seed: 1,
	})
	require.NoError(t, err, "%s", report)
	assert.Zero(t, report.Left)
	assert.Positive(t, report.Sent)
	t.Logf("%d requests, %d harmless differences", report.Sent, report.Counts[edgetest.Differs])
	if len(report.Opens()) > 0 || len(report.Loses()) > 0 {
		t.Error(report)
	}
	for _, d := range report.Differs() {
		clean := d.Request.Clean && !d.Request.Forged
		if clean && d.What != "Vary" { // which is one line for POST as well
			t.Errorf("no reason is known why this differs: %s: %s: Wrap %s, edge %s", d.Request, d.What, d.Want, d.Got)
			break
		}
	}
}

// A live edge that decides by the JSON form opens nothing and loses nothing.
func TestJSONEdge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options Options
		change  func(*corsrpc.Config)
	}{
		"rest": {},
		"hosts and fetch metadata": {change: func(c *corsrpc.Config) {
			c.Hosts, c.RequireHosts, c.RequireFetchMetadata = []string{"api.example.com", "api.test:8443"}, true, true
		}},
		"prefix":        {change: func(c *corsrpc.Config) { c.PathPrefix = "/api" }},
		"report only":   {change: func(c *corsrpc.Config) { c.ReportOnly = true }},
		"links":         {change: func(c *corsrpc.Config) { c.Overrides[catalog] = corsrpc.Override{Links: corsrpc.On} }},
		"behind a gate": {options: Options{BehindGate: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := restConfig()
			if test.change != nil {
				test.change(&config)
			}
			compareWorker(t, mustPolicy(t, config), test.options, 2000)
		})
	}
}

// Random policies, and with -edge-all a hundred with the whole matrix each.
func TestJSONWithRandomPolicies(t *testing.T) {
	t.Parallel()
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := range uint64(policies) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			compareWorker(t, somePolicy(t, 1000+seed), Options{}, size)
		})
	}
}

// The example's worker answers the cases as Wrap does.
func TestJSONWorker(t *testing.T) {
	t.Parallel()
	node := requireNode(t)
	export, err := JSON(mustPolicy(t, restConfig()), Options{})
	require.NoError(t, err)
	dir := t.TempDir()
	for _, file := range export.Files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600))
	}
	for _, name := range []string{"worker.mjs", "corsrpc.mjs"} {
		text, err := os.ReadFile(filepath.Join(worker, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(edgetest.HeaderID, "1")
	}))
	defer upstream.Close()
	output, err := exec.Command(node, "--no-warnings", "testdata/worker.mjs", dir, upstream.URL).CombinedOutput()
	require.NoError(t, err, "%s", output)
	var n int
	_, err = fmt.Sscanf(string(output), "%d cases", &n)
	require.NoError(t, err)
	assert.Greater(t, n, 200)
}

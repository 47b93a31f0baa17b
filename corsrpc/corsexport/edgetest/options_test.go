package edgetest_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// Without a Backend, nothing runs behind a right edge, and no call is sent to
// one that answers preflights in another way.
func TestRunWithoutBackend(t *testing.T) {
	t.Parallel()
	requests := slices.DeleteFunc(edgetest.Sample(edgetest.Matrix(newPolicy(t, shopConfig()), "edge.test"), 3000, 1), isOfNetHTTP)
	for _, test := range []struct {
		name  string
		edge  edge
		calls bool   // whether any is sent
		why   string // in the report
	}{
		{"right", right, true, "Wrap does not answer them itself"},
		{"no edge", letting(func(*corsrpc.Policy, *http.Request) bool { return true }), false, "the response to a request before differs"},
		{"one alias is not refused", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/docs/") }), false, "the response to a request before differs"},
		{"refusals can be cached", without("Cache-Control", refused), false, "the response to a request before differs"},
		{"more headers", configured(t, func(c *corsrpc.Config) { c.RequestHeaders = append(c.RequestHeaders, "X-Debug") }), false, "the response to a request before differs"},
		{"another order", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if w.Header().Get("Access-Control-Max-Age") != "" {
				w.Header().Set("Access-Control-Max-Age", "60")
			}
		}), true, "Wrap does not answer them itself"},
		{"refused by a firewall", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusForbidden {
				w.Code = http.StatusBadRequest
			}
		}), true, "Wrap does not answer them itself"},
		{"preflights alone are right", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return !isPreflight(r) }), true, "the response to a request before differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			policy := newPolicy(t, shopConfig())
			preflights, calls, ran := 0, 0, 0
			inUse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Empty(t, r.Header.Get(edgetest.HeaderID))
				ran++
			})
			h := test.edge(policy, inUse)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if isPreflight(r) {
					assert.Zero(t, calls, "preflights come first")
					preflights++
				} else {
					calls++
				}
				h.ServeHTTP(w, r)
			}))
			defer server.Close()
			report, err := edgetest.Run(t.Context(), server.URL, policy, edgetest.Options{Host: "edge.test", Requests: slices.Values(requests)})
			require.NoError(t, err)
			assert.Greater(t, preflights, 500)
			assert.Equal(t, test.calls, calls > 0, "%s", report)
			assert.Equal(t, preflights+calls, report.Sent)
			assert.Len(t, requests, report.Sent+report.Left)
			assert.Contains(t, report.Why, test.why)
			if test.calls && !strings.Contains(test.why, "before") {
				assert.Zero(t, ran)
				assert.Greater(t, calls, 500)
			} else {
				assert.LessOrEqual(t, calls, 1, "no further call after the first that differs")
			}
		})
	}
}

// A Backend in another process is asked what it received.
func TestRunWithBackendURL(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	backend := new(edgetest.Backend)
	upstream := httptest.NewServer(backend)
	defer upstream.Close()
	unseen := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backend.ServeHTTP(httptest.NewRecorder(), r)
		policy.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	}))
	defer unseen.Close()
	request := edgetest.Request{Method: "POST", Target: "/acme.shop.v1.CartService/AddItem", Header: []edgetest.Line{{Name: "Origin", Value: "https://evil.test"}}, Clean: true}
	options := edgetest.Options{BackendURL: upstream.URL, Requests: slices.Values([]edgetest.Request{request})}

	report, err := edgetest.Run(t.Context(), unseen.URL, policy, options)
	require.NoError(t, err)
	require.Len(t, report.Opens(), 1)
	assert.Equal(t, "the backend runs", report.Opens()[0].What)

	edge := httptest.NewServer(policy.Wrap(keeper(policy, backend)))
	defer edge.Close()
	options.Requests, options.Size = nil, 500
	report, err = edgetest.Run(t.Context(), edge.URL, policy, options)
	require.NoError(t, err)
	assert.Equal(t, 500, report.Sent)
	assert.Empty(t, report.Opens(), "%s", report)
	assert.Empty(t, report.Loses(), "%s", report)
	assert.Greater(t, backend.Total(), 50)

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	options.BackendURL = other.URL
	_, err = edgetest.Run(t.Context(), edge.URL, policy, options)
	assert.ErrorContains(t, err, other.URL+" is not a Backend: it answered")
}

// In front of a gate, an edge can let every call pass.
func TestRunBehindGate(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts, config.RequireHosts = []string{"api.example.com"}, true
	policy, backend := newPolicy(t, config), new(edgetest.Backend)
	config.ReportOnly = true
	headersOnly := newPolicy(t, config)
	run := func(edge http.Handler) *edgetest.Report {
		server := httptest.NewServer(edge)
		defer server.Close()
		requests := slices.DeleteFunc(edgetest.Sample(edgetest.Matrix(policy, "api.example.com"), 2500, 1), isOfNetHTTP)
		report, err := edgetest.Run(t.Context(), server.URL, policy, edgetest.Options{Backend: backend, BehindGate: true, Requests: slices.Values(requests)})
		require.NoError(t, err)
		return report
	}
	assert.Empty(t, run(headersOnly.Wrap(keeper(headersOnly, backend))).Differences)
	assert.Empty(t, run(policy.Wrap(keeper(policy, backend))).Differences, "an edge can also refuse")
	config.Origins = append(config.Origins, "https://evil.test")
	wider := newPolicy(t, config)
	report := run(wider.Wrap(keeper(wider, backend)))
	assert.NotEmpty(t, report.Opens())
	for _, d := range report.Opens() {
		assert.Contains(t, []string{"what a page can read", "whether the preflight succeeds"}, d.What)
	}
}

func TestRunOverTLS(t *testing.T) {
	t.Parallel()
	policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)
	edge := httptest.NewUnstartedServer(policy.Wrap(keeper(policy, backend)))
	edge.Config.ErrorLog = log.New(io.Discard, "", 0)
	edge.StartTLS()
	defer edge.Close()
	_, err := edgetest.Run(t.Context(), edge.URL, policy, edgetest.Options{Backend: backend, Size: 100})
	assert.ErrorContains(t, err, "certificate")
	roots := x509.NewCertPool()
	roots.AddCert(edge.Certificate())
	report, err := edgetest.Run(t.Context(), edge.URL, policy, edgetest.Options{Backend: backend, Size: 100, TLS: &tls.Config{RootCAs: roots}})
	require.NoError(t, err)
	assert.Equal(t, 100, report.Sent)
	assert.Empty(t, report.Loses(), "%s", report)
}

func TestRunRefusesBadOptions(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	for _, test := range []struct {
		edge    string
		policy  *corsrpc.Policy
		options edgetest.Options
		want    string
	}{
		{"edge.test:80", policy, edgetest.Options{}, `"edge.test:80" is not the URL of an edge: write scheme, host and port alone`},
		{"http://edge.test/api", policy, edgetest.Options{}, "is not the URL of an edge"},
		{"ftp://edge.test", policy, edgetest.Options{}, "is not the URL of an edge"},
		{"http://edge.test", nil, edgetest.Options{}, "nil policy: make one with corsrpc.New"},
		{"http://edge.test", new(corsrpc.Policy), edgetest.Options{}, "the policy has no Config: make it with corsrpc.New"},
		{"http://edge.test", policy, edgetest.Options{Backend: new(edgetest.Backend), BackendURL: "http://x"}, "Backend and BackendURL are both set: leave one out"},
		{"http://edge.test", policy, edgetest.Options{Backend: new(edgetest.Backend), Requests: slices.Values([]edgetest.Request{{Method: "GE T", Target: "/"}})}, "edgetest: "},
	} {
		_, err := edgetest.Run(t.Context(), test.edge, test.policy, test.options)
		assert.ErrorContains(t, err, test.want)
	}
}

// What an edge does not have is left out.
func TestRunIgnoresExplainToAndHooks(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	plain, backend := newPolicy(t, config), new(edgetest.Backend)
	config.ExplainTo, config.ExplainIgnore = []string{"http://localhost:*", "https://dev.example.com"}, []string{"X-Proxy"}
	config.OnDecision = corsrpc.LogDenied(nil)
	explaining := newPolicy(t, config)
	edge := httptest.NewServer(plain.Wrap(keeper(plain, backend)))
	defer edge.Close()
	report, err := edgetest.Run(t.Context(), edge.URL, explaining, edgetest.Options{Backend: backend, Size: 2000})
	require.NoError(t, err)
	assert.Empty(t, report.Opens(), "%s", report)
	assert.Empty(t, report.Loses(), "%s", report)
}

func TestSample(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	matrix := edgetest.Matrix(policy, "edge.test")
	all := edgetest.Sample(matrix, 0, 0)
	some := edgetest.Sample(matrix, 1000, 7)
	assert.Len(t, some, 1000)
	assert.Equal(t, some, edgetest.Sample(matrix, 1000, 7), "the same seed")
	assert.NotEqual(t, some, edgetest.Sample(matrix, 1000, 8), "another seed")
	groups := make(map[[2]bool]int)
	for _, r := range some {
		groups[[2]bool{r.Clean, r.Method == "OPTIONS" && strings.Contains(r.String(), "Access-Control-Request-Method")}]++
	}
	assert.Equal(t, map[[2]bool]int{{false, false}: 250, {false, true}: 250, {true, false}: 250, {true, true}: 250}, groups)
	assert.Len(t, edgetest.Sample(slices.Values(all[:10]), 1000, 7), 10)
	seen := make(map[string]bool)
	for _, r := range all {
		seen[r.Target] = true
	}
	for r := range policy.Rules() {
		assert.True(t, seen[r.SamplePath("edgetest")], r.Path)
	}
}

// A request is clean if clients of its path send it: of a binding, with its HTTP
// method alone.
func TestMatrixOfBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{"acme.shop.v1.CartService.AddItem": {"POST /v1/items"}, "acme.shop.v1.CartService.TrackOrder": {"PUT /v1/order"}, "acme.shop.v1.CatalogService.GetProduct": {"GET /v1/products/{product_id}"}}
	clean := make(map[string]map[string]bool)
	for r := range edgetest.Matrix(newPolicy(t, config), "edge.test") {
		path, _, _ := strings.Cut(r.Target, "?")
		if !strings.HasPrefix(path, "/v1/") || !r.Clean || r.Forged {
			continue
		}
		if clean[path] == nil {
			clean[path] = make(map[string]bool)
		}
		asked := ""
		for _, line := range r.Header {
			switch line.Name {
			case "Access-Control-Request-Method":
				asked = " for " + line.Value
			case "Content-Type":
				assert.Equal(t, "application/json", line.Value)
			default:
				assert.NotEqual(t, "X-HTTP-Method-Override", line.Name)
			}
		}
		clean[path][r.Method+asked] = true
	}
	assert.Equal(t, map[string]map[string]bool{
		"/v1/items":             {"POST": true, "OPTIONS for POST": true},
		"/v1/order":             {"PUT": true, "OPTIONS for PUT": true},
		"/v1/products/edgetest": {"GET": true, "HEAD": true, "OPTIONS for GET": true},
	}, clean)
}

package envoytest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

var (
	edgeAll  = flag.Bool("edge-all", false, "send the whole matrix for a hundred random policies to the model")
	edgeSize = flag.Int("edge-size", 0, "with -edge-all: send only so many requests for each policy")
)

func mustPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

func mustModel(t testing.TB, p *corsrpc.Policy, o corsexport.Options) (*model, *edgetest.Backend) {
	t.Helper()
	o.Upstream = cluster
	export, err := corsexport.Envoy(p, o)
	require.NoError(t, err)
	backend := new(edgetest.Backend)
	return newModel(t, export, backend), backend
}

// compareModel compares the model with Wrap.
func compareModel(t testing.TB, p *corsrpc.Policy, options corsexport.Options, o edgetest.Options) *edgetest.Report {
	t.Helper()
	m, backend := mustModel(t, p, options)
	o.Backend, o.DialContext, o.Host, o.BehindGate = backend, m.dial, host, options.BehindGate
	report, err := edgetest.Run(t.Context(), "http://"+host, p, o)
	require.NoError(t, err)
	assert.Zero(t, report.Left)
	assert.Positive(t, report.Sent)
	unknown := 0
	for _, d := range report.Differences {
		if o.BehindGate && d.Class == edgetest.Differs {
			continue // refusals are the gate's
		}
		if d.Class != edgetest.Differs || reason(d) == "" {
			if unknown++; unknown < 6 {
				t.Errorf("%s: %s: %s: Wrap %s, model %s (%s)", d.Class, d.Request, d.What, d.Want, d.Got, d.Request.About)
			}
		}
	}
	assert.Zero(t, unknown)
	return report
}

// The reasons for which responses differ from Wrap's. docs/edge-envoy.md has
// them.
const (
	okPreflight   = "preflights that succeed have status 200"
	otherType     = "refusals have Content-Type text/plain without a charset"
	joined        = "values are joined to the backend's by commas, in its order"
	otherReason   = "where several rules refuse a call, the body can give a different one of their reasons"
	otherSpelling = "another spelling of a path grants nothing and cannot be preflighted; a call to it is refused if the strictest rule that it could mean refuses it; one with characters outside ASCII gets 400"
	severalLines  = "several lines of one header count as one value"
	emptyMethod   = "an empty Access-Control-Request-Method is no preflight that succeeds"
)

// reason returns why there is a difference, or nothing if there is no reason for
// it.
func reason(d edgetest.Difference) string {
	values := make(map[string][]string)
	for _, line := range d.Request.Header {
		values[line.Name] = append(values[line.Name], line.Value)
	}
	if asked := values["Access-Control-Request-Method"]; slices.Equal(asked, []string{""}) {
		return emptyMethod
	}
	for _, lines := range values {
		if len(lines) > 1 || strings.Contains(lines[0], ",") && d.Request.Forged {
			return severalLines
		}
	}
	switch {
	case d.What == "status" && d.Want == "204" && d.Got == "200":
		return okPreflight
	case d.What == "Content-Type" && d.Got == `"text/plain"`, d.What == "Content-Type" && d.Got == "text/plain":
		return otherType
	case (d.What == "Vary" || d.What == "Access-Control-Expose-Headers") && sameNames(d.Want, d.Got), d.What == "Vary" && sameNames(d.Want+", Origin", d.Got):
		return joined
	case !d.Request.Clean:
		return otherSpelling
	case d.What == "body" && strings.HasPrefix(d.Want, `"corsrpc: `) && strings.HasPrefix(d.Got, `"corsrpc: `):
		return otherReason
	}
	return ""
}

// sameNames reports whether two lists, in one line or several, have the same
// names.
func sameNames(a, b string) bool {
	names := func(s string) []string {
		list := strings.FieldsFunc(strings.ReplaceAll(s, " | ", ","), func(r rune) bool { return r == ',' || r == ' ' || r == '"' })
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(names(a), names(b))
}

// Random policies behave in the model as they do in Wrap, apart from differences
// that open nothing and take nothing from pages that call as they should.
func TestRandomPolicies(t *testing.T) {
	t.Parallel()
	policies, size := 5, 500
	if *edgeAll {
		policies, size = 100, *edgeSize
	}
	for seed := range policies {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			policy := mustPolicy(t, someConfig(rand.New(rand.NewPCG(uint64(seed), 17))))
			report := compareModel(t, policy, corsexport.Options{}, edgetest.Options{Size: size, Seed: uint64(seed)})
			reasons := make(map[string]int)
			for _, d := range report.Differences {
				reasons[reason(d)]++
			}
			t.Logf("%d requests; of the differences that were kept: %v", report.Sent, reasons)
		})
	}
}

// The shop's matrix.
func TestShop(t *testing.T) {
	t.Parallel()
	size := 4000
	if *edgeAll {
		size = 0
	}
	report := compareModel(t, mustPolicy(t, shopConfig()), corsexport.Options{}, edgetest.Options{Size: size})
	t.Logf("%d requests", report.Sent)
}

// What the policy can require besides.
func TestRequirements(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.RequireHosts, config.RequireFetchMetadata = true, true
	compareModel(t, mustPolicy(t, config), corsexport.Options{}, edgetest.Options{Size: 1500})
}

// Behind a gate, only preflights are answered.
func TestBehindGate(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts = nil
	policy := mustPolicy(t, config)
	// The responses to OPTIONS that are no preflights have no Vary, as with Wrap,
	// where these are not refused.
	requests := func(yield func(edgetest.Request) bool) {
		for r := range edgetest.Matrix(policy, host) {
			if options := r.Method == http.MethodOptions && !slices.ContainsFunc(r.Header, func(l edgetest.Line) bool { return l.Name == "Origin" }); !options && !yield(r) {
				return
			}
		}
	}
	compareModel(t, policy, corsexport.Options{BehindGate: true}, edgetest.Options{Requests: requests, Size: 1500})
	m, backend := mustModel(t, policy, corsexport.Options{BehindGate: true})
	assert.Equal(t, http.StatusOK, m.send("POST", addItem, "origin", evil).status)
	assert.Equal(t, 1, backend.Total())
	assert.Equal(t, http.StatusForbidden, m.send("OPTIONS", addItem, "origin", evil, "access-control-request-method", "POST").status)
	assert.Equal(t, 1, backend.Total())
}

// Whatever the policy is made of stands for itself.
func TestSpecialCharacters(t *testing.T) {
	t.Parallel()
	compareModel(t, mustPolicy(t, corsrpc.Config{
		Services:        shopServices,
		Hosts:           []string{host},
		Origins:         []string{"app://a.b-c_d~[x]:y", "https://a_b.example.com", "http://[::1]:*"},
		RequestHeaders:  []string{"X-'$`|~#&*+.^!%"},
		ResponseHeaders: []string{"Y-'$`|~#&*+.^!%"},
		Resources: map[string]corsrpc.Resource{
			"/$uri/'\";$1/{x}/": {Origins: []string{app}, Methods: []string{"X-'$`|~#&*+.^!%"}},
			"/a.b/(c|d)*[e]+^":  {Origins: []string{shopper}},
			"/ü/日本":             {Origins: []string{console}},
		},
		Audiences: map[string][]string{"storefront": nil, "backoffice": nil},
	}), corsexport.Options{}, edgetest.Options{Size: 2000})
}

// send returns the model's response to a request with headers, written as name,
// value.
func (m *model) send(method, path string, header ...string) *response {
	r := &request{path: path, header: map[string]string{":method": method, ":path": path, ":authority": host}, lines: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
		r.lines.Set(header[i], header[i+1])
	}
	return m.serve(r)
}

// A request without a host is not for the server's.
func TestWithoutHost(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.RequireHosts = true
	m, backend := mustModel(t, mustPolicy(t, config), corsexport.Options{})
	r := &request{path: addItem, header: map[string]string{":method": "POST", ":path": addItem}}
	assert.Equal(t, http.StatusForbidden, m.serve(r).status)
	assert.Zero(t, backend.Total())
	r.header[":authority"] = host + ":443"
	assert.Equal(t, http.StatusOK, m.serve(r).status)
}

// Another spelling of a resource has no permissions of one that is more general.
func TestResourcesInResources(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = map[string]corsrpc.Resource{"/img/{id}/secret": {Origins: []string{shopper}}, "/img/": {Origins: []string{"*"}}}
	m, _ := mustModel(t, mustPolicy(t, config), corsexport.Options{})
	for path, want := range map[string][]string{"/img/a/b": {"*"}, "/img/a/secret": nil, "/img/a/%73ecret": nil, "/img/a/%73ecret?x": nil, "/img/a?/secret": {"*"}} {
		assert.Equal(t, want, m.send("GET", path, "origin", evil).header["Access-Control-Allow-Origin"], path)
	}
}

// A service that Config does not name has an internal method, whose other
// spellings are refused for it, and others that are not.
func TestServiceThatIsNotConfigured(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Services, config.Overrides = []string{catalog, admin}, nil
	policy := mustPolicy(t, config)
	m, _ := mustModel(t, policy, corsexport.Options{})
	for path, want := range map[string]int{
		addItem:                           http.StatusOK,
		"/" + cart + "/Newer":             http.StatusOK,
		"/" + cart + "/PurgeCarts":        http.StatusForbidden,
		"/" + cart + "/purgecarts":        http.StatusForbidden,
		"/" + cart + "/purgecarts?x=y":    http.StatusForbidden,
		"/" + cart + "/PurgeCarts;x":      http.StatusForbidden,
		"/x/" + cart + "/AddItem":         http.StatusForbidden,
		"/x/" + cart + "/Newer?a=b/c":     http.StatusForbidden,
		"/x/y?" + "/" + cart + "/AddItem": http.StatusOK,
	} {
		assert.Equal(t, want, m.send("POST", path, "sec-fetch-site", "same-origin").status, path)
	}
	compareModel(t, policy, corsexport.Options{}, edgetest.Options{Size: 1000})
}

// Responses are these, header by header.
func TestResponses(t *testing.T) {
	t.Parallel()
	m, backend := mustModel(t, mustPolicy(t, shopConfig()), corsexport.Options{})
	refused := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}}
	refusedCall := http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}, "X-Content-Type-Options": {"nosniff"}, "Content-Type": {"text/plain"}}
	asked := []string{"access-control-request-method", "POST"}
	for name, test := range map[string]struct {
		method, path string
		header       []string
		want         response
	}{
		"preflight of another page": {"OPTIONS", addItem, append([]string{"origin", evil}, asked...), response{http.StatusForbidden, refused, ""}},
		"preflight of an internal method": {
			"OPTIONS", reserveStock, append([]string{"origin", app}, asked...),
			response{http.StatusForbidden, refused, ""},
		},
		"preflight of a page, to any path below fonts": {
			"OPTIONS", "/fonts/x", append([]string{"origin", evil}, "access-control-request-method", "GET"),
			response{http.StatusOK, http.Header{"Access-Control-Allow-Origin": {"*"}, "Access-Control-Max-Age": {"7200"}}, ""},
		},
		"another page's call":        {"POST", setPrice, []string{"origin", evil}, response{http.StatusForbidden, refusedCall, "corsrpc: origin not allowed\n"}},
		"a call for a password":      {"POST", setPrice, []string{"origin", console, "cookie", "a=b"}, response{http.StatusForbidden, refusedCall, "corsrpc: credentials not allowed\n"}},
		"a page's internal call":     {"POST", reserveStock, []string{"origin", app}, response{http.StatusForbidden, refusedCall, "corsrpc: internal method\n"}},
		"another spelling":           {"POST", "/acme.shop.v1.Cart%53ervice/AddItem", []string{"origin", evil}, response{http.StatusForbidden, refusedCall, "corsrpc: internal method\n"}},
		"a byte that is not escaped": {"POST", "/acme.shop.v1.CartService\xc5/AddItem", []string{"origin", evil}, response{http.StatusBadRequest, http.Header{}, ""}},
		"native gRPC that is refused": {
			"POST", setPrice, []string{"origin", evil, "content-type", "application/grpc"},
			response{http.StatusOK, http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}, "X-Content-Type-Options": {"nosniff"}, "Content-Type": {"application/grpc"}, "Grpc-Status": {"7"}, "Grpc-Message": {"corsrpc:%20origin%20not%20allowed%0A"}}, ""},
		},
	} {
		assert.Equal(t, test.want, *m.send(test.method, test.path, test.header...), name)
	}
	assert.Zero(t, backend.Total())
	own := m.send("POST", addItem, "origin", "https://"+host)
	assert.Equal(t, http.StatusOK, own.status, "an old browser's call to its own server")
	assert.Equal(t, 1, backend.Total())
	listed := m.send("POST", addItem, "origin", shopper, "cookie", "a=b")
	assert.Equal(t, []string{shopper}, listed.header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"true"}, listed.header["Access-Control-Allow-Credentials"])
	assert.Equal(t, 2, backend.Total())
}

package corsotel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsotel"
)

const (
	app  = "https://app.example.com"
	evil = "https://evil.example"
	host = "https://api.example.com"

	addItem = "/acme.shop.v1.CartService/AddItem"
)

// read returns the series of the counter by their attributes, in the form
// corsrpc.kind=preflight,….
func read(t testing.TB, reader sdk.Reader) map[string]int64 {
	t.Helper()
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &collected))
	counts := make(map[string]int64)
	for _, scope := range collected.ScopeMetrics {
		assert.Equal(t, "github.com/corsrpc/corsrpc-go/corsrpc/corsotel", scope.Scope.Name)
		require.Len(t, scope.Metrics, 1)
		m := scope.Metrics[0]
		assert.Equal(t, "corsrpc.decisions", m.Name)
		assert.Equal(t, "{decision}", m.Unit)
		sum, ok := m.Data.(metricdata.Sum[int64])
		require.True(t, ok, "%T", m.Data)
		assert.True(t, sum.IsMonotonic)
		for _, point := range sum.DataPoints {
			counts[point.Attributes.Encoded(attribute.DefaultEncoder())] += point.Value
		}
	}
	return counts
}

// config has something of everything: a closed service, an internal method, a
// binding and resources.
func config() corsrpc.Config {
	return corsrpc.Config{
		Files:          shop,
		Services:       []string{"acme.shop.v1.CartService", "acme.shop.v1.AdminService"},
		Origins:        []string{app},
		RequestHeaders: []string{"Authorization"},
		REST:           corsrpc.RESTGateway,
		Bindings:       map[string][]string{"acme.shop.v1.CartService.GetCart": {"GET /v1/carts/{id}"}},
		Resources:      map[string]corsrpc.Resource{"/fonts/": {Origins: []string{app}}},
	}
}

// A server is a policy whose decisions an SDK counts.
type server struct {
	policy  *corsrpc.Policy
	handler http.Handler
	reader  *sdk.ManualReader
}

func newServer(t testing.TB, config corsrpc.Config, opts ...corsotel.Option) server {
	t.Helper()
	reader := sdk.NewManualReader()
	count, err := corsotel.OnDecision(sdk.NewMeterProvider(sdk.WithReader(reader)), opts...)
	require.NoError(t, err)
	config.OnDecision = count
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	handler := policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return server{policy, handler, reader}
}

func newRequest(method, path string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, host+path, nil)
	r.Header = header
	return r
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	preflight := func(origin, names string) http.Header {
		return http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {names}}
	}
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		want               string // empty if the request is not reported
	}{
		{"allowed call", "POST", addItem, http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=allowed,corsrpc.reason=ok,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"allowed call of the server's own page", "POST", addItem, http.Header{"Sec-Fetch-Site": {"same-origin"}},
			"corsrpc.kind=same_origin,corsrpc.outcome=allowed,corsrpc.reason=ok,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"refused call", "POST", addItem, http.Header{"Origin": {evil}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=origin_not_allowed,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"refused call, another spelling of the path", "POST", "/" + addItem, http.Header{"Origin": {evil}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=origin_not_allowed,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"allowed preflight", "OPTIONS", addItem, preflight(app, "authorization"),
			"corsrpc.kind=preflight,corsrpc.outcome=allowed,corsrpc.reason=ok,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"blocked preflight", "OPTIONS", addItem, preflight(app, "x-new"),
			"corsrpc.kind=preflight,corsrpc.outcome=blocked,corsrpc.reason=header_not_allowed,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"refused preflight", "OPTIONS", addItem, preflight(evil, "authorization"),
			"corsrpc.kind=preflight,corsrpc.outcome=refused,corsrpc.reason=origin_not_allowed,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"internal method", "POST", "/acme.shop.v1.AdminService/Purge", http.Header{"Origin": {app}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=internal_method,rpc.method=acme.shop.v1.AdminService/Purge"},
		{"unknown method", "POST", "/acme.shop.v1.CartService/Invented", http.Header{"Origin": {app}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=allowed,corsrpc.reason=ok,rpc.method=_OTHER"},
		{"method of a service that Services does not name", "POST", "/acme.shop.v1.ClosedService/Call", http.Header{"Origin": {app}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=not_configured,rpc.method=_OTHER"},
		{"binding", "GET", "/v1/carts/7", http.Header{"Origin": {evil}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=origin_not_allowed,rpc.method=acme.shop.v1.CartService/GetCart"},
		{"resource", "GET", "/fonts/a.woff2", http.Header{"Origin": {app}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=allowed,corsrpc.reason=ok"},
		{"resource, origin not listed", "GET", "/fonts/a.woff2", http.Header{"Origin": {evil}},
			"corsrpc.kind=cross_origin,corsrpc.outcome=blocked,corsrpc.reason=origin_not_allowed"},
		{"preflight below another prefix", "OPTIONS", "/api" + addItem, preflight(app, ""),
			"corsrpc.kind=ungoverned,corsrpc.outcome=blocked,corsrpc.reason=wrong_path_prefix,rpc.method=acme.shop.v1.CartService/AddItem"},
		{"HTTP/2 preface", "PRI", "/", http.Header{},
			"corsrpc.kind=non_browser,corsrpc.outcome=refused,corsrpc.reason=http2_preface"},
		{"call of a client that is not a browser", "POST", addItem, http.Header{}, ""},
		{"ungoverned path", "GET", "/about", http.Header{"Origin": {evil}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, config())
			want := map[string]int64{}
			for range 3 {
				s.handler.ServeHTTP(httptest.NewRecorder(), newRequest(test.method, test.path, test.header))
			}
			if test.want != "" {
				want[test.want] = 3
			}
			assert.Equal(t, want, read(t, s.reader))
		})
	}
}

// Interceptors report as Wrap does.
func TestAdmit(t *testing.T) {
	t.Parallel()
	s := newServer(t, config())
	s.policy.Admit(t.Context(), corsrpc.Call{Procedure: addItem, Header: http.Header{"Origin": {evil}}})
	assert.Equal(t, map[string]int64{
		"corsrpc.kind=cross_origin,corsrpc.outcome=refused,corsrpc.reason=origin_not_allowed,rpc.method=acme.shop.v1.CartService/AddItem": 1,
	}, read(t, s.reader))
}

func TestWithAttributes(t *testing.T) {
	t.Parallel()
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	for _, policy := range []string{"enforced", "candidate"} {
		count, err := corsotel.OnDecision(provider, corsotel.WithAttributes(attribute.String("corsrpc.policy", policy)), corsotel.WithAttributes(attribute.Bool("canary", true)))
		require.NoError(t, err)
		count(t.Context(), corsrpc.Decision{Kind: corsrpc.KindPreflight, Allowed: true, Procedure: addItem})
	}
	const rest = ",corsrpc.reason=ok,rpc.method=acme.shop.v1.CartService/AddItem"
	assert.Equal(t, map[string]int64{
		"canary=true,corsrpc.kind=preflight,corsrpc.outcome=allowed,corsrpc.policy=enforced" + rest:  1,
		"canary=true,corsrpc.kind=preflight,corsrpc.outcome=allowed,corsrpc.policy=candidate" + rest: 1,
	}, read(t, reader), "two policies share the counter")
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		provider metric.MeterProvider
		option   corsotel.Option
		want     string
	}{
		{"no provider", nil, corsotel.WithAttributes(),
			"corsotel: the MeterProvider is nil: pass the one of your SDK, or otel.GetMeterProvider()"},
		{"a provider without counters", brokenProvider{}, corsotel.WithAttributes(),
			"corsotel: the MeterProvider does not make the counter corsrpc.decisions: broken"},
		{"an attribute without a name", noop.NewMeterProvider(), corsotel.WithAttributes(attribute.String("", "x")),
			"corsotel: WithAttributes: an attribute has no name: write attribute.String(name, value)"},
		{"an attribute that is set anyway", noop.NewMeterProvider(), corsotel.WithAttributes(attribute.String("corsrpc.kind", "x")),
			`corsotel: WithAttributes: "corsrpc.kind" is set for each decision: use another name`},
		{"the method", noop.NewMeterProvider(), corsotel.WithAttributes(attribute.String("rpc.method", "x")),
			`corsotel: WithAttributes: "rpc.method" is set for each decision: use another name`},
	} {
		count, err := corsotel.OnDecision(test.provider, test.option)
		assert.EqualError(t, err, test.want, test.name)
		assert.Nil(t, count, test.name)
	}
}

type brokenProvider struct{ noop.MeterProvider }

func (brokenProvider) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

type brokenMeter struct{ noop.Meter }

func (brokenMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("broken")
}

// Concurrent first decisions of a series are all counted, in that series.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	s := newServer(t, corsrpc.Config{Files: many(50), Origins: []string{app}})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 50 * 20 {
				call := corsrpc.Call{Procedure: manyMethod(i % 50), Header: http.Header{"Origin": {app}}}
				s.policy.Admit(context.Background(), call)
			}
		})
	}
	all.Wait()
	counts := read(t, s.reader)
	assert.Len(t, counts, 50)
	for attributes, n := range counts {
		assert.Equal(t, int64(8*20), n, attributes)
	}
}

// Of decisions that are counted again, none allocates, whatever the SDK has to
// do for them.
func TestAllocations(t *testing.T) {
	sampled := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
	}))
	dropMethod := sdk.NewView(sdk.Instrument{Name: "corsrpc.decisions"}, sdk.Stream{AttributeFilter: attribute.NewDenyKeysFilter("rpc.method")})
	for _, test := range []struct {
		name    string
		ctx     context.Context
		options []sdk.Option
		allocs  float64
	}{
		{"cumulative", context.Background(), nil, 0},
		{"in a sampled trace", sampled, nil, 0},
		{"delta", context.Background(), []sdk.Option{sdk.WithReader(sdk.NewManualReader(sdk.WithTemporalitySelector(
			func(sdk.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality })))}, 0},
		{"without methods", context.Background(), []sdk.Option{sdk.WithView(dropMethod)}, 0},
	} {
		count, err := corsotel.OnDecision(
			sdk.NewMeterProvider(append(test.options, sdk.WithReader(sdk.NewManualReader()))...),
			corsotel.WithAttributes(attribute.String("corsrpc.policy", "main")))
		require.NoError(t, err)
		policy, err := corsrpc.New(config())
		require.NoError(t, err)
		for _, d := range []corsrpc.Decision{
			policy.Evaluate(newRequest("POST", addItem, http.Header{"Origin": {app}})),
			policy.Evaluate(newRequest("POST", addItem, http.Header{"Origin": {evil}})),
			policy.Evaluate(newRequest("POST", addItem+"X", http.Header{"Origin": {evil}})),
			policy.Evaluate(newRequest("GET", "/fonts/a", http.Header{"Origin": {evil}})),
		} {
			assert.Equal(t, test.allocs, testing.AllocsPerRun(200, func() { count(test.ctx, d) }), "%s: %+v", test.name, d)
		}
	}
}

func manyMethod(i int) string { return fmt.Sprintf("/many.Service/M%d", i) }

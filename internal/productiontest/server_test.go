package productiontest

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsotel"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1" // the schema
)

const (
	app  = "https://app.example.com"
	evil = "https://evil.example"

	addItem    = "/acme.shop.v1.CartService/AddItem"
	getProduct = "/acme.shop.v1.CatalogService/GetProduct"
)

// A server is one process: a policy, whose decisions it counts and prints.
type server struct {
	handler, metrics http.Handler
}

func config(change func(*corsrpc.Config)) corsrpc.Config {
	c := corsrpc.Config{
		Services:       []string{"acme.shop.v1.CatalogService", "acme.shop.v1.CartService"},
		Except:         []string{"acme.shop.v1.AdminService"},
		Origins:        []string{app},
		Audiences:      map[string][]string{"storefront": {app}, "backoffice": {}},
		RequestHeaders: []string{"Authorization"},
		Resources:      map[string]corsrpc.Resource{"/fonts/": {Origins: []string{app}}},
	}
	if change != nil {
		change(&c)
	}
	return c
}

func newServer(t testing.TB, config corsrpc.Config) *server {
	t.Helper()
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	config.OnDecision, err = corsotel.OnDecision(sdk.NewMeterProvider(sdk.WithReader(reader)))
	require.NoError(t, err)
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return &server{
		handler: policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})),
		metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}),
	}
}

// A sample is a line of what the exporter prints.
type sample struct {
	labels labels.Labels
	value  float64
}

// page returns what the server prints at /metrics.
func (s *server) page(t testing.TB) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	text, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return string(text)
}

// scrape returns the samples of the page.
func (s *server) scrape(t testing.TB) []sample {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(s.page(t)))
	require.NoError(t, err)
	var samples []sample
	for name, family := range families {
		for _, metric := range family.Metric {
			builder := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name))
			for _, label := range metric.Label {
				builder.Set(label.GetName(), label.GetValue())
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			require.False(t, math.IsNaN(value))
			samples = append(samples, sample{builder.Labels(), value})
		}
	}
	return samples
}

// send sends n requests.
func (s *server) send(n int, method, path string, header ...string) {
	r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for range n {
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// call sends n calls of a page, and preflight what its browser sends before.
func (s *server) call(n int, path, origin string, header ...string) {
	s.send(n, "POST", path, append([]string{"Origin", origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, header...)...)
}

func (s *server) preflight(n int, path, origin, names string) {
	s.send(n, "OPTIONS", path, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", names)
}

package edgetest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

var shopServices = []string{
	"acme.shop.v1.AdminService", "acme.shop.v1.CartService", "acme.shop.v1.CatalogService", "acme.shop.v1.WarehouseService",
}

func shopConfig() corsrpc.Config {
	return corsrpc.Config{
		Services:       shopServices,
		Origins:        []string{"https://app.example.com", "https://*.preview.example.com", "http://localhost:*"},
		Audiences:      map[string][]string{"backoffice": {"https://admin.example.com"}, "storefront": {"https://app.example.com", "https://*.preview.example.com", "http://localhost:*"}},
		RequestHeaders: []string{"Authorization"},
		REST:           corsrpc.RESTNone,
		Overrides:      map[string]corsrpc.Override{"acme.shop.v1.CartService": {Credentials: corsrpc.On}},
		Resources: map[string]corsrpc.Resource{
			"/fonts/":        {Origins: []string{"*"}},
			"/products/{id}": {Origins: []string{"https://app.example.com"}, Credentials: true, Methods: []string{"PUT"}, ResponseHeaders: []string{"ETag"}},
		},
	}
}

func newPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

// keeper does with a backend's CORS headers what edges do: those on
// Expose-Headers are added, others dropped where Wrap wrote some.
func keeper(policy *corsrpc.Policy, backend http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		backend.ServeHTTP(response, r)
		governed := policy.Evaluate(r).Path != ""
		header := w.Header()
		for name, lines := range response.Header() {
			switch {
			case name == "Vary" || name == "Access-Control-Expose-Headers":
				header[name] = append(header[name], lines...)
			case !governed || !strings.HasPrefix(name, "Access-Control-"):
				header[name] = lines
			}
		}
		w.WriteHeader(response.Code)
		_, _ = response.Body.WriteTo(w)
	})
}

func TestRunAgainstWrap(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*corsrpc.Config){
		"shop":         func(*corsrpc.Config) {},
		"hosts":        func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = []string{"api.example.com", "api.test:8443"}, true },
		"browser only": func(c *corsrpc.Config) { c.RequireFetchMetadata = true },
		"prefix":       func(c *corsrpc.Config) { c.PathPrefix = "/api" },
		"report only":  func(c *corsrpc.Config) { c.ReportOnly = true },
		"closed":       func(c *corsrpc.Config) { c.Services, c.Overrides = []string{"acme.shop.v1.CatalogService"}, nil },
		"rest": func(c *corsrpc.Config) {
			c.REST = corsrpc.RESTGateway
			c.Bindings = map[string][]string{
				"acme.shop.v1.CatalogService.GetProduct": {"GET /v1/products/{product_id}"},
				"acme.shop.v1.CartService.AddItem":       {"POST /v1/cart/items"},
				"acme.shop.v1.CartService.PurgeCarts":    {"* /v1/admin:purge"},
			}
			c.Overrides["acme.shop.v1.CatalogService"] = corsrpc.Override{Links: corsrpc.On}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := shopConfig()
			change(&config)
			policy := newPolicy(t, config)
			backend := new(edgetest.Backend)
			edge := httptest.NewServer(policy.Wrap(keeper(policy, backend)))
			defer edge.Close()
			report, err := edgetest.Run(t.Context(), edge.URL, policy, edgetest.Options{Backend: backend, Size: 5000, Seed: 1})
			require.NoError(t, err, report)
			assert.Equal(t, 5000, report.Sent)
			others := slices.DeleteFunc(report.Differences, func(d edgetest.Difference) bool { return isOfNetHTTP(d.Request) && d.Class == edgetest.Differs })
			assert.Empty(t, others, "%s", report)
		})
	}
}

// isOfNetHTTP reports whether servers of net/http do not hand the request to
// their handler as it was sent: they refuse invalid escapes, and take the host
// from an absolute form.
func isOfNetHTTP(r edgetest.Request) bool {
	return strings.Contains(r.About, "invalid escape") || strings.Contains(r.About, "absolute form")
}

package corsexport

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Each option alone, for a schema with and without bindings.
func TestNginxWithOptions(t *testing.T) {
	t.Parallel()
	proxies.RequireNginx(t)
	hosts := []string{"api.example.com", "api.test:8443", "[::1]:8080"}
	size := 800
	if *edgeAll {
		size = *edgeSize
	}
	for name, test := range map[string]struct {
		change  func(*corsrpc.Config)
		options Options
	}{
		"nothing":                               {func(*corsrpc.Config) {}, Options{}},
		"RequireHosts":                          {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = hosts, true }, Options{}},
		"RequireFetchMetadata":                  {func(c *corsrpc.Config) { c.RequireFetchMetadata = true }, Options{}},
		"RequireHosts and RequireFetchMetadata": {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts, c.RequireFetchMetadata = hosts, true, true }, Options{}},
		"no hosts":                              {func(c *corsrpc.Config) { c.Hosts = []string{} }, Options{}},
		"ReportOnly":                            {func(c *corsrpc.Config) { c.ReportOnly = true }, Options{}},
		"PathPrefix":                            {func(c *corsrpc.Config) { c.PathPrefix = "/api/it's-$1" }, Options{}},
		"BehindGate with RequireHosts":          {func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = hosts, true }, Options{BehindGate: true}},
	} {
		for schema, config := range map[string]corsrpc.Config{"shop": shopConfig(), "library": libraryConfig(t)} {
			t.Run(name+" "+schema, func(t *testing.T) {
				t.Parallel()
				test.change(&config)
				policy := mustPolicy(t, config)
				export, err := Nginx(policy, test.options)
				require.NoError(t, err)
				backend, upstream := serve(t)
				requests := func(yield func(edgetest.Request) bool) {
					for r := range edgetest.Matrix(policy, "api.example.com") {
						// See TestNginxBehindGate.
						plain := r.Method == http.MethodOptions && !slices.ContainsFunc(r.Header, func(l edgetest.Line) bool { return l.Name == "Origin" })
						if !(plain && test.options.BehindGate) && !yield(r) {
							return
						}
					}
				}
				compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, BehindGate: test.options.BehindGate, Requests: requests, Size: size})
			})
		}
	}
}

// What grpc-gateway takes for another method is judged by that one too.
func TestNginxAsksOtherMethods(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startNginx(t, mustNginx(t, libraryConfig(t), Options{}), upstream, "")
	// With credentials, which GET does not allow.
	post := []string{"Origin", app, "Cookie", "session=1", "Content-Type", "application/json"}
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"a POST", nil, http.StatusOK},
		{"a form", []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusForbidden},
		{"a form in another spelling", []string{"Content-Type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}, http.StatusForbidden},
		{"an override", []string{"X-HTTP-Method-Override", "PUT"}, http.StatusForbidden},
	} {
		header := slices.Clone(post)
		if tt.header != nil && tt.header[0] == "Content-Type" {
			header = header[:4]
		}
		response := get(t, "POST", edge+"/v1/shelves", append(header, tt.header...)...)
		assert.Equal(t, tt.want, response.StatusCode, tt.name)
	}
	assert.Equal(t, 1, backend.Total())
}

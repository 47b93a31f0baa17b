package corsexport

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

var kubeOptions = Options{BehindGate: true, Gateway: "infra/public", Upstream: "shop", Port: 8080}

// routableConfig is the shop's Config with what the filter can say.
func routableConfig() corsrpc.Config {
	config := shopConfig()
	config.Origins = []string{app, "https://*.preview.example.com", "http://localhost:5173"}
	config.Resources = map[string]corsrpc.Resource{
		"/upload":      {Origins: []string{shopper}, Credentials: true, Methods: []string{"PUT"}, RequestHeaders: []string{"Content-Type"}},
		"/fonts/a.otf": {Origins: []string{"*"}},
	}
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{
		cart + ".AddItem":        {"POST /v1/cart", "PUT /v1/cart"},
		cart + ".PurgeCarts":     {"POST /v1/admin:purge"},
		catalog + ".GetProduct":  {"GET /v1/product"},
		admin + ".ReportProduct": {"* /v1/report"},
	}
	return config
}

func mustHTTPRoute(t testing.TB, config corsrpc.Config, o Options) *Export {
	t.Helper()
	export, err := HTTPRoute(mustPolicy(t, config), o)
	require.NoError(t, err)
	return export
}

// What the filter cannot say is refused, with the rule, the field and the value.
func TestHTTPRouteRefusals(t *testing.T) {
	t.Parallel()
	with := func(change func(*corsrpc.Config)) corsrpc.Config {
		config := routableConfig()
		change(&config)
		return config
	}
	option := func(change func(*Options)) Options {
		o := kubeOptions
		change(&o)
		return o
	}
	resource := func(key string, r corsrpc.Resource) corsrpc.Config {
		return with(func(c *corsrpc.Config) { c.Resources = map[string]corsrpc.Resource{key: r} })
	}
	origins := func(origins ...string) corsrpc.Config {
		return with(func(c *corsrpc.Config) {
			c.Origins, c.DangerouslyAllowInsecureOrigins = origins, true
		})
	}
	var many, names []string
	for i := range 65 {
		many = append(many, fmt.Sprintf("https://app%d.example.com", i))
		names = append(names, fmt.Sprintf("X-Name-%d", i))
	}
	first := "/" + cart + "/TrackOrder"
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    []Refusal // without Problem and Fix
	}{
		{"nothing", routableConfig(), kubeOptions, nil},
		{"no gate", routableConfig(), option(func(o *Options) { o.BehindGate = false }), []Refusal{{Field: "Options.BehindGate"}}},
		{"no options", routableConfig(), Options{BehindGate: true}, []Refusal{{Field: "Options.Gateway"}, {Field: "Options.Upstream"}, {Field: "Options.Port", Value: "0"}}},
		{"names", routableConfig(), Options{BehindGate: true, Name: "A", Namespace: "b.c", Gateway: "/x", Upstream: "1a", Port: 65536}, []Refusal{
			{Field: "Options.Name", Value: "A"}, {Field: "Options.Namespace", Value: "b.c"}, {Field: "Options.Gateway", Value: "/x"}, {Field: "Options.Upstream", Value: "1a"}, {Field: "Options.Port", Value: "65536"}}},
		{"a Gateway in no namespace", routableConfig(), option(func(o *Options) { o.Gateway = "A b/c" }), []Refusal{{Field: "Options.Gateway", Value: "A b"}}},
		{"an address as host", routableConfig(), option(func(o *Options) { o.Hosts = []string{"127.0.0.1:80", "[::1]", "a_b.example.com", "api.example.com"} }), []Refusal{
			{Field: "Options.Hosts[0]", Value: "127.0.0.1:80"}, {Field: "Options.Hosts[1]", Value: "[::1]"}, {Field: "Options.Hosts[2]", Value: "a_b.example.com"}}},
		{"17 hosts", routableConfig(), option(func(o *Options) {
			for i := range 17 {
				o.Hosts = append(o.Hosts, fmt.Sprintf("h%d.example.com", i))
			}
		}), []Refusal{{Field: "Options.Hosts", Value: "17"}}},
		{"any port", origins("http://localhost:*"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "http://localhost:*"}}},
		{"another scheme", origins("capacitor://localhost"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "capacitor://localhost"}}},
		{"an IPv6 address", origins("http://[::1]:8080"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "http://[::1]:8080"}}},
		{"an underscore", origins("https://a_b.example.com"), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "https://a_b.example.com"}}},
		{"65 origins", origins(many...), kubeOptions, []Refusal{{Rule: first, Field: "Origins", Value: "65"}}},
		{"64 origins", origins(many[:64]...), kubeOptions, nil},
		{"no caching", resource("/upload", corsrpc.Resource{Origins: []string{app}, MaxAge: -1}), kubeOptions, []Refusal{{Rule: "/upload", Field: "MaxAge", Value: "0"}}},
		{"names of request headers", resource("/upload", corsrpc.Resource{Origins: []string{app}, RequestHeaders: names}), kubeOptions, []Refusal{{Rule: "/upload", Field: "RequestHeaders", Value: "65"}}},
		{"names of response headers", resource("/upload", corsrpc.Resource{Origins: []string{app}, ResponseHeaders: names}), kubeOptions, []Refusal{{Rule: "/upload", Field: "ResponseHeaders", Value: "65"}}},
		{"a method of one's own", resource("/upload", corsrpc.Resource{Origins: []string{app}, Methods: []string{"PROPFIND"}}), kubeOptions, []Refusal{{Rule: "/upload", Field: "Methods", Value: "PROPFIND"}}},
		{"a subtree", resource("/fonts/", corsrpc.Resource{Origins: []string{app}}), kubeOptions, []Refusal{{Rule: "/fonts/", Field: "Path", Value: "/fonts/"}}},
		{"braces", resource("/a/{id}", corsrpc.Resource{Origins: []string{app}}), kubeOptions, []Refusal{{Rule: "/a/{id}", Field: "Path", Value: "/a/{id}"}}},
		{"a path that needs escapes", resource("/a b", corsrpc.Resource{Origins: []string{app}}), kubeOptions, []Refusal{{Rule: "/a b", Field: "Path", Value: "/a%20b"}}},
		{"a long path", resource("/"+strings.Repeat("a", 1024), corsrpc.Resource{Origins: []string{app}}), kubeOptions, []Refusal{{Rule: "/" + strings.Repeat("a", 1024), Field: "Path", Value: "/" + strings.Repeat("a", 1024)}}},
		{"a resource that could be a binding", resource("/v1/CART", corsrpc.Resource{Origins: []string{app}}), kubeOptions, []Refusal{{Rule: "/v1/CART", Field: "Path", Value: "/v1/CART"}}},
		{"a binding with a variable part", with(func(c *corsrpc.Config) {
			c.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /v1/products/*"}}
		}), kubeOptions, []Refusal{{Rule: "/v1/products/*", Field: "Path", Value: "/v1/products/*"}}},
		{"bindings that differ", with(func(c *corsrpc.Config) {
			c.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /v1/cart"}, cart + ".AddItem": {"POST /v1/cart"}}
		}), kubeOptions, []Refusal{{Rule: "/v1/cart", Field: "Methods"}}},
	} {
		export, err := HTTPRoute(mustPolicy(t, tt.config), tt.options)
		if tt.want == nil {
			assert.NoError(t, err, tt.name)
			continue
		}
		require.Error(t, err, tt.name)
		assert.Nil(t, export, tt.name)
		var got []Refusal
		for _, r := range checkRefusals(t, err) {
			short := Refusal{Rule: r.Rule, Field: r.Field, Value: r.Value}
			if tt.name == "bindings that differ" {
				short.Value = ""
			}
			got = append(got, short)
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

// A prefix matches itself without the slash, which is not the service's; and a
// resource there or below a service has no effect on the service.
func TestHTTPRouteBesideServices(t *testing.T) {
	t.Parallel()
	config := routableConfig()
	config.Resources = map[string]corsrpc.Resource{
		"/" + admin:           {Origins: []string{evil}},
		"/" + cart + "/Newer": {Origins: []string{evil}},
	}
	_, upstream := serve(t)
	edge := httptest.NewServer(newModelGateway(t, mustHTTPRoute(t, config, kubeOptions), upstream))
	t.Cleanup(edge.Close)
	for _, tt := range []struct{ path, origin, want string }{
		{"/" + catalog + "/Newer", app, app},
		{"/" + catalog, app, ""},
		{"/" + catalog + "x/Newer", app, ""},
		{"/" + admin, evil, evil},
		{"/" + admin, console, ""},
		{"/" + cart + "/Newer", evil, ""},
	} {
		assert.Equal(t, tt.want, get(t, "POST", edge.URL+tt.path, "Origin", tt.origin).Header.Get(allowOrigin), "%s of %s", tt.path, tt.origin)
	}
}

// Names are longer behind the prefixes of protocols.
func TestHTTPRouteRefusesLongNames(t *testing.T) {
	t.Parallel()
	config := routableConfig()
	config.ResponseTrailers = []string{strings.Repeat("A", 255)}
	_, err := HTTPRoute(mustPolicy(t, config), kubeOptions)
	require.Error(t, err)
	for _, r := range checkRefusals(t, err) {
		assert.Equal(t, "ResponseHeaders", r.Field)
		assert.Equal(t, "Trailer-A"+strings.Repeat("a", 254), r.Value)
	}
}

// A thousand paths take several objects, none larger than the schema takes.
func TestHTTPRouteIsDivided(t *testing.T) {
	t.Parallel()
	config := routableConfig()
	config.Resources = map[string]corsrpc.Resource{}
	for i := range 1000 {
		age := time.Duration(0)
		if i%10 == 0 {
			age = time.Duration(i+1) * time.Second
		}
		config.Resources[fmt.Sprintf("/files/%d", i)] = corsrpc.Resource{Origins: []string{app}, MaxAge: age}
	}
	objects := parseRoutes(t, mustHTTPRoute(t, config, kubeOptions))
	assert.Greater(t, len(objects), 8)
	seen := map[string]bool{}
	names := map[string]bool{}
	for i := range objects {
		o := &objects[i]
		assert.False(t, names[o.Metadata.Name])
		names[o.Metadata.Name] = true
		assert.Equal(t, "corsrpc", o.Metadata.Labels["app.kubernetes.io/instance"])
		assert.LessOrEqual(t, len(o.Spec.Rules), 16)
		matches := 0
		for _, rule := range o.Spec.Rules {
			assert.LessOrEqual(t, len(rule.Matches), 64)
			matches += len(rule.Matches)
			for _, m := range rule.Matches {
				assert.False(t, seen[m.Path.Type+m.Path.Value])
				seen[m.Path.Type+m.Path.Value] = true
			}
		}
		assert.LessOrEqual(t, matches, 128)
	}
	for i := range 1000 {
		assert.True(t, seen[fmt.Sprintf("Exact/files/%d", i)])
	}
	assert.True(t, names["corsrpc"] && names["corsrpc-2"])
}

// The options are where Kubernetes looks for them.
func TestHTTPRouteOptions(t *testing.T) {
	t.Parallel()
	o := kubeOptions
	o.Name, o.Namespace, o.Prefix = "shop.cors", "shop", "cors"
	o.Hosts = []string{"api.example.com:8443", "api.example.com", "www.example.com"}
	export := mustHTTPRoute(t, routableConfig(), o)
	assert.Equal(t, "cors_httproute.yaml", export.Files[0].Name)
	object := parseRoutes(t, export)[0]
	assert.Equal(t, "gateway.networking.k8s.io/v1 HTTPRoute", object.APIVersion+" "+object.Kind)
	assert.Equal(t, "shop shop.cors", object.Metadata.Namespace+" "+object.Metadata.Name)
	assert.Equal(t, "infra public", object.Spec.ParentRefs[0].Namespace+" "+object.Spec.ParentRefs[0].Name)
	assert.Equal(t, []string{"api.example.com", "www.example.com"}, object.Spec.Hostnames)
	for _, rule := range object.Spec.Rules {
		assert.Equal(t, "shop 8080", fmt.Sprint(rule.BackendRefs[0].Name, " ", rule.BackendRefs[0].Port))
		if len(rule.Filters) > 0 {
			require.Len(t, rule.Filters, 2)
			assert.Equal(t, "CORS ResponseHeaderModifier", rule.Filters[0].Type+" "+rule.Filters[1].Type)
			added := rule.Filters[1].ResponseHeaderModifier.Add
			assert.Equal(t, "Vary: Origin", added[0].Name+": "+added[0].Value, "also to any origin")
		}
	}
}

// Notes say what is weaker or stricter than Wrap.
func TestHTTPRouteNotes(t *testing.T) {
	t.Parallel()
	always := mustHTTPRoute(t, routableConfig(), kubeOptions).Notes
	for _, words := range []string{"No call is refused", "200, 204 or 403", noPage, "no CORS headers of its own", "another spelling"} {
		assert.Contains(t, strings.Join(always, "\n"), words)
	}
	config := routableConfig()
	config.Hosts, config.RequireHosts = []string{"api.example.com"}, true
	notes := mustHTTPRoute(t, config, kubeOptions).Notes
	for _, words := range []string{"without its port", "other hosts"} {
		assert.NotContains(t, strings.Join(always, "\n"), words)
		assert.Contains(t, strings.Join(notes, "\n"), words)
	}
	for _, note := range notes {
		assert.Regexp(t, `^[A-Z][^\n]*\.$`, note, "one sentence")
	}
}

// Bindings on one path share a rule only if nothing but their method differs.
func TestHTTPRouteSharesRules(t *testing.T) {
	t.Parallel()
	one, two := &originSet{entries: []originEntry{{text: app}}}, &originSet{entries: []originEntry{{text: console}}}
	for name, tt := range map[string]struct {
		change func(*grant)
		want   bool
	}{
		"nothing":          {func(*grant) {}, true},
		"methods":          {func(g *grant) { g.methods, g.methodNames = "PUT", []string{"PUT"} }, true},
		"report only":      {func(g *grant) { g.reportOnly = true }, true},
		"origins":          {func(g *grant) { g.origins = two }, false},
		"no origins":       {func(g *grant) { g.origins = new(originSet) }, false},
		"internal":         {func(g *grant) { g.internal = true }, false},
		"credentials":      {func(g *grant) { g.credentials = true }, false},
		"request headers":  {func(g *grant) { g.requestHeaders = "Content-Type" }, false},
		"response headers": {func(g *grant) { g.responseHeaders = "X-Seen" }, false},
		"max-age":          {func(g *grant) { g.maxAge = "5" }, false},
	} {
		x, y := &grant{origins: one, maxAge: "60"}, &grant{origins: one, maxAge: "60"}
		tt.change(y)
		assert.Equal(t, tt.want, sameButMethods(x, y), name)
		assert.Equal(t, tt.want, sameButMethods(y, x), name)
	}
	assert.True(t, sameButMethods(&grant{origins: one, internal: true}, &grant{origins: new(originSet), maxAge: "5"}), "no page may call either")
}

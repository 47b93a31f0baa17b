package corsdiff_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

const (
	app  = "https://app.example.com"
	desk = "https://desk.example.com"
	open = "/acme.diff.v1.CartService/Open"
	read = "/acme.diff.v1.CartService/Read"
)

// cart is the schema of most rows: Open, and Read, which has no side effects and
// a binding.
func cart(t *testing.T) *protoregistry.Files {
	t.Helper()
	return schema(t, map[string][]method{"CartService": {{name: "Open"}, {name: "Read", noSideEffects: true, get: "/v1/read"}}})
}

// base is the old Config of each row.
func base(t *testing.T) corsrpc.Config {
	t.Helper()
	return corsrpc.Config{Origins: []string{app}, REST: corsrpc.RESTNone, Files: cart(t)}
}

func lost(t *testing.T, old, changed corsrpc.Config) []corsdiff.Change {
	t.Helper()
	from, err := corsrpc.New(old)
	require.NoError(t, err)
	to, err := corsrpc.New(changed)
	require.NoError(t, err)
	report := corsdiff.Compare(from, to)
	assert.Equal(t, &corsdiff.Report{Lost: report.Gained, Gained: report.Lost}, corsdiff.Compare(to, from), "what one way loses, the other gains")
	assert.Equal(t, &corsdiff.Report{}, corsdiff.Compare(from, from))
	assert.True(t, corsdiff.Compare(to, to).Empty())
	return report.Lost
}

// Each row takes one permission away. The whole of what pages lose is one cause.
func TestCauses(t *testing.T) {
	t.Parallel()
	all := []string{"/acme.diff.v1.CartService/", open, read}
	calls := []string{open, read}
	type config = corsrpc.Config
	withMethod := func(t *testing.T, c *config, m method) {
		m.name = "Read"
		c.Files = schema(t, map[string][]method{"CartService": {{name: "Open"}, m}})
	}
	for name, row := range map[string]struct {
		with func(*testing.T, *config) // the permission
		want []corsdiff.Change
	}{
		"an origin": {
			func(_ *testing.T, c *config) { c.Origins = []string{app, desk} },
			[]corsdiff.Change{{Kind: corsdiff.Call, Value: desk, Cause: "Origins[1]", Paths: all}},
		},
		"an origin of an override": {
			func(_ *testing.T, c *config) {
				c.Overrides = map[string]corsrpc.Override{"acme.diff.v1.CartService.Open": {Origins: []string{desk, app}}}
			},
			[]corsdiff.Change{{Kind: corsdiff.Call, Value: desk, Cause: `Overrides["acme.diff.v1.CartService.Open"].Origins[0]`, Paths: []string{open}}},
		},
		"credentials": {
			func(_ *testing.T, c *config) { c.Credentials = true },
			[]corsdiff.Change{{Kind: corsdiff.Credentials, Value: app, Cause: "Credentials", Paths: all}},
		},
		"credentials of a method": {
			func(_ *testing.T, c *config) {
				c.Overrides = map[string]corsrpc.Override{"acme.diff.v1.CartService.Open": {Credentials: corsrpc.On}}
			},
			[]corsdiff.Change{{Kind: corsdiff.Credentials, Value: app, Cause: `Overrides["acme.diff.v1.CartService.Open"].Credentials`, Paths: []string{open}}},
		},
		"a request header": {
			func(_ *testing.T, c *config) { c.RequestHeaders = []string{"x-a", "x-b"} },
			[]corsdiff.Change{
				{Kind: corsdiff.Send, Value: "X-A", Cause: "RequestHeaders[0]", Paths: all},
				{Kind: corsdiff.Send, Value: "X-B", Cause: "RequestHeaders[1]", Paths: all},
			},
		},
		"a request header in the schema": {
			func(t *testing.T, c *config) {
				withMethod(t, c, method{noSideEffects: true, options: &corsrpcv1.MethodOptions{RequestHeaders: []string{"x-a"}}})
			},
			[]corsdiff.Change{{Kind: corsdiff.Send, Value: "X-A", Cause: "(corsrpc.v1.method).request_headers of acme.diff.v1.CartService.Read", Paths: []string{read}}},
		},
		"a response header": {
			func(_ *testing.T, c *config) { c.ResponseHeaders = []string{"x-c"} },
			[]corsdiff.Change{{Kind: corsdiff.Read, Value: "X-C", Cause: "ResponseHeaders[0]", Paths: all}},
		},
		"a response trailer in the schema": {
			func(t *testing.T, c *config) {
				withMethod(t, c, method{noSideEffects: true, options: &corsrpcv1.MethodOptions{ResponseTrailers: []string{"x-t"}}})
			},
			[]corsdiff.Change{
				{Kind: corsdiff.Read, Value: "Trailer-X-T", Cause: "(corsrpc.v1.method).response_trailers of acme.diff.v1.CartService.Read", Paths: []string{read}},
				{Kind: corsdiff.Read, Value: "X-T", Cause: "(corsrpc.v1.method).response_trailers of acme.diff.v1.CartService.Read", Paths: []string{read}},
			},
		},
		"report only": {
			func(_ *testing.T, c *config) { c.ReportOnly = true },
			[]corsdiff.Change{
				{Kind: corsdiff.Run, Value: "call", Cause: "ReportOnly", Paths: calls},
				{Kind: corsdiff.Run, Value: "link", Cause: "ReportOnly", Paths: []string{read}},
			},
		},
		"a resource": {
			func(_ *testing.T, c *config) {
				c.Resources = map[string]corsrpc.Resource{"/files/": {Origins: []string{"*"}}}
			},
			[]corsdiff.Change{{Kind: corsdiff.Call, Value: "*", Cause: `Resources["/files/"].Origins[0]`, Paths: []string{"/files/"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := base(t)
			row.with(t, &old)
			assert.Equal(t, row.want, lost(t, old, base(t)))
		})
	}
}

// Patterns are sets: what one list says in other words is no difference.
func TestPatternsAreSets(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ old, changed, lost []string }{
		"another order":         {[]string{app, desk}, []string{desk, app}, nil},
		"covered by a pattern":  {[]string{app}, []string{"https://*.example.com"}, nil},
		"covered by a wider":    {[]string{"https://*.a.example.com", "http://localhost:3000"}, []string{"https://*.example.com", "http://localhost:*"}, nil},
		"redundant":             {[]string{app, "https://*.example.com"}, []string{"https://*.example.com"}, nil},
		"covered by every":      {[]string{app, "https://*.example.com", "http://localhost:*"}, []string{"*"}, nil},
		"narrower":              {[]string{"https://*.example.com"}, []string{"https://*.a.example.com", app}, []string{"https://*.example.com"}},
		"the parent itself":     {[]string{"https://example.com"}, []string{"https://*.example.com"}, []string{"https://example.com"}},
		"another port":          {[]string{"http://localhost:*"}, []string{"http://localhost:3000"}, []string{"http://localhost:*"}},
		"another scheme":        {[]string{app}, []string{"chrome-extension://abcdefghijklmnopabcdefghijklmnop"}, []string{app}},
		"every page":            {[]string{"*"}, []string{app}, []string{"*"}},
		"a pattern with a port": {[]string{"https://*.example.com:8443"}, []string{"https://*.example.com"}, []string{"https://*.example.com:8443"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, changed := base(t), base(t)
			old.Origins, changed.Origins = row.old, row.changed
			var values []string
			for _, c := range lost(t, old, changed) {
				assert.Equal(t, corsdiff.Call, c.Kind)
				values = append(values, c.Value)
			}
			assert.Equal(t, row.lost, values)
		})
	}
}

// Pages that keep a pattern's call can lose what they could send.
func TestNarrowerPatternsAreCompared(t *testing.T) {
	t.Parallel()
	old, changed := base(t), base(t)
	old.Origins, old.RequestHeaders = []string{"*"}, []string{"x-a"}
	changed.Origins = []string{app}
	changes := lost(t, old, changed)
	require.Len(t, changes, 2)
	assert.Equal(t, "call from * (Origins[0]): 3 paths", changes[0].String())
	assert.Equal(t, "send the header X-A (RequestHeaders[0]): 3 paths", changes[1].String())
}

func TestLinks(t *testing.T) {
	t.Parallel()
	old, changed := base(t), base(t)
	old.REST, changed.REST = corsrpc.RESTGateway, corsrpc.RESTGateway
	old.Overrides = map[string]corsrpc.Override{"acme.diff.v1.CartService.Read": {Links: corsrpc.On}}
	assert.Equal(t, []corsdiff.Change{{
		Kind: corsdiff.Run, Value: "link", Cause: `Overrides["acme.diff.v1.CartService.Read"].Links`, Paths: []string{"GET /v1/read"},
	}}, lost(t, old, changed))
}

// What a schema loses, pages lose.
func TestSchemas(t *testing.T) {
	t.Parallel()
	old, changed := base(t), base(t)
	changed.Files = schema(t, map[string][]method{"CartService": {{name: "Open"}}})
	assert.Equal(t, []corsdiff.Change{{Kind: corsdiff.Call, Value: app, Cause: "Origins[0]", Paths: []string{read}}}, lost(t, old, changed), "a method")

	changed.Files = schema(t, map[string][]method{"CartService": {{name: "Open"}, {name: "Read"}}})
	assert.Equal(t, []corsdiff.Change{{Kind: corsdiff.Method, Value: http.MethodGet, Cause: "Connect", Paths: []string{read}}}, lost(t, old, changed), "NO_SIDE_EFFECTS")

	changed.Files = schema(t, map[string][]method{"CartService": {{name: "Open", options: &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}}, {name: "Read", noSideEffects: true}}})
	assert.Equal(t, []corsdiff.Change{{Kind: corsdiff.Call, Value: app, Cause: "Origins[0]", Paths: []string{"/acme.diff.v1.CartService/", open}}}, lost(t, old, changed), "ACCESS_INTERNAL")

	old.REST, changed.REST, changed.Files = corsrpc.RESTGateway, corsrpc.RESTGateway, schema(t, map[string][]method{"CartService": {{name: "Open"}, {name: "Read", noSideEffects: true, get: "/v2/read"}}})
	assert.Equal(t, []corsdiff.Change{{Kind: corsdiff.Call, Value: app, Cause: "Origins[0]", Paths: []string{"GET /v1/read"}}}, lost(t, old, changed), "a binding")
}

// Fields that are not about one path.
func TestConfigFields(t *testing.T) {
	t.Parallel()
	type config = corsrpc.Config
	for name, row := range map[string]struct {
		old, changed func(*config)
		want         corsdiff.Change
		text         string
	}{
		"RequireHosts": {
			func(c *config) { c.Hosts = []string{"api.example.com"} },
			func(c *config) { c.Hosts, c.RequireHosts = []string{"api.example.com"}, true },
			corsdiff.Change{Kind: corsdiff.Config, Value: "RequireHosts", Cause: "RequireHosts"}, "call through hosts that are not in Hosts (RequireHosts)",
		},
		"RequireFetchMetadata": {
			func(*config) {}, func(c *config) { c.RequireFetchMetadata = true },
			corsdiff.Change{Kind: corsdiff.Config, Value: "RequireFetchMetadata", Cause: "RequireFetchMetadata"}, "call without Origin and Sec-Fetch-Site (RequireFetchMetadata)",
		},
		"DangerouslyAllowInsecureOrigins": {
			func(c *config) { c.DangerouslyAllowInsecureOrigins = true }, func(*config) {},
			corsdiff.Change{Kind: corsdiff.Config, Value: "DangerouslyAllowInsecureOrigins", Cause: "DangerouslyAllowInsecureOrigins"}, "be served over plain HTTP and listed (DangerouslyAllowInsecureOrigins)",
		},
		"DangerouslyAllowPublicSuffixes": {
			func(c *config) { c.DangerouslyAllowPublicSuffixes = true }, func(*config) {},
			corsdiff.Change{Kind: corsdiff.Config, Value: "DangerouslyAllowPublicSuffixes", Cause: "DangerouslyAllowPublicSuffixes"}, "be listed by a pattern on a public suffix (DangerouslyAllowPublicSuffixes)",
		},
		"ExplainTo": {
			func(c *config) { c.ExplainTo = []string{app, "http://localhost:*"} }, func(c *config) { c.ExplainTo = []string{app} },
			corsdiff.Change{Kind: corsdiff.Config, Value: "ExplainTo http://localhost:*", Cause: "ExplainTo[1]"}, "read why calls from http://localhost:* are refused (ExplainTo[1])",
		},
		"Hosts": {
			func(c *config) { c.Hosts = []string{"api.example.com", "api2.example.com"} }, func(c *config) { c.Hosts = []string{"api.example.com"} },
			corsdiff.Change{Kind: corsdiff.Config, Value: "Hosts api2.example.com", Cause: "Hosts[1]"}, "call as pages of api2.example.com itself, from browsers that do not say so (Hosts[1])",
		},
		"any host": {
			func(*config) {}, func(c *config) { c.Hosts = []string{"api.example.com"} },
			corsdiff.Change{Kind: corsdiff.Config, Value: "Hosts", Cause: "Hosts"}, "call as pages of each host of the server itself, from browsers that do not say so (Hosts)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, changed := base(t), base(t)
			row.old(&old)
			row.changed(&changed)
			changes := lost(t, old, changed)
			assert.Equal(t, []corsdiff.Change{row.want}, changes)
			assert.Equal(t, row.text, changes[0].String())
		})
	}
}

// Hooks of the two policies see nothing of it, and the zero Policy is one that
// refuses everything.
func TestCompareIsSilent(t *testing.T) {
	t.Parallel()
	config := base(t)
	config.OnDecision = func(context.Context, corsrpc.Decision) { t.Error("OnDecision was called") }
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	report := corsdiff.Compare(policy, policy)
	assert.True(t, report.Empty())
	assert.Empty(t, report.Lost)
	assert.NotEmpty(t, corsdiff.Compare(policy, new(corsrpc.Policy)).Lost)
}

func TestKindText(t *testing.T) {
	t.Parallel()
	for kind := corsdiff.Call; kind <= corsdiff.Config; kind++ {
		text, err := json.Marshal(kind)
		require.NoError(t, err)
		var back corsdiff.Kind
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, kind, back)
		assert.Equal(t, `"`+kind.String()+`"`, string(text))
	}
	assert.Equal(t, "Kind(99)", corsdiff.Kind(99).String())
	_, err := corsdiff.Kind(99).MarshalText()
	require.EqualError(t, err, "corsdiff: there is no kind 99")
	require.EqualError(t, new(corsdiff.Kind).UnmarshalText([]byte("fly")), `corsdiff: there is no kind "fly"`)
}

package corsexport

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

var istioOptions = Options{Gateway: "infra/public", Upstream: "shop", Port: 8080}

func mustVirtualService(t testing.TB, config corsrpc.Config, o Options) *Export {
	t.Helper()
	export, err := VirtualService(mustPolicy(t, config), o)
	require.NoError(t, err)
	return export
}

// What a VirtualService cannot say is refused, with the rule, the field and the
// value.
func TestVirtualServiceRefusals(t *testing.T) {
	t.Parallel()
	with := func(change func(*corsrpc.Config)) corsrpc.Config {
		config := hostedConfig()
		change(&config)
		return config
	}
	option := func(change func(*Options)) Options {
		o := istioOptions
		change(&o)
		return o
	}
	bindings := with(func(c *corsrpc.Config) {
		c.REST, c.Bindings = corsrpc.RESTGateway, map[string][]string{cart + ".AddItem": {"POST /v1/cart/items"}}
	})
	for _, tt := range []struct {
		name    string
		config  corsrpc.Config
		options Options
		want    []Refusal // without Problem and Fix; a Value that is not given is not compared
	}{
		{"nothing", hostedConfig(), istioOptions, nil},
		{"no options", hostedConfig(), Options{}, []Refusal{{Field: "Options.Gateway"}, {Field: "Options.Upstream"}, {Field: "Options.Port", Value: "0"}}},
		{"names", hostedConfig(), Options{Name: "A", Namespace: "b.c", Gateway: "/x", Upstream: "1a", Port: 65536}, []Refusal{
			{Field: "Options.Name", Value: "A"}, {Field: "Options.Namespace", Value: "b.c"}, {Field: "Options.Gateway", Value: "/x"}, {Field: "Options.Upstream", Value: "1a"}, {Field: "Options.Port", Value: "65536"}}},
		{"a Service elsewhere", hostedConfig(), option(func(o *Options) { o.Upstream = "shop.prod.svc.cluster.local" }), nil},
		{"a Service that is no name", hostedConfig(), option(func(o *Options) { o.Upstream = "shop..prod" }), []Refusal{{Field: "Options.Upstream", Value: "shop..prod"}}},
		{"a Service with a long label", hostedConfig(), option(func(o *Options) { o.Upstream = strings.Repeat("a", 64) + ".prod" }), []Refusal{{Field: "Options.Upstream"}}},
		{"all sidecars", hostedConfig(), option(func(o *Options) { o.Gateway = "mesh" }), []Refusal{{Field: "Options.Gateway", Value: "mesh"}}},
		{"a Gateway with a dot", hostedConfig(), option(func(o *Options) { o.Gateway = "infra/public.example" }), []Refusal{{Field: "Options.Gateway", Value: "infra/public.example"}}},
		{"a long Gateway", hostedConfig(), option(func(o *Options) { o.Gateway = strings.Repeat("a", 64) }), []Refusal{{Field: "Options.Gateway"}}},
		{"an address as host", hostedConfig(), option(func(o *Options) { o.Hosts = []string{"127.0.0.1:80", "a_b.example.com"} }), []Refusal{
			{Field: "Options.Hosts[0]", Value: "127.0.0.1:80"}, {Field: "Options.Hosts[1]", Value: "a_b.example.com"}}},
		{"no hosts", with(func(c *corsrpc.Config) { c.Hosts = nil }), istioOptions, []Refusal{{Field: "Options.Hosts"}}},
		{"no hosts, behind a gate", with(func(c *corsrpc.Config) { c.Hosts = nil }), option(func(o *Options) { o.BehindGate = true }), nil},
		{"no hosts, and none wanted", with(func(c *corsrpc.Config) { c.Hosts = []string{} }), istioOptions, nil},
		{"a binding", bindings, istioOptions, []Refusal{{Rule: "/v1/cart/items", Field: "Methods", Value: "POST"}}},
		{"a binding, behind a gate", bindings, option(func(o *Options) { o.BehindGate = true }), nil},
		{"many origins", with(func(c *corsrpc.Config) {
			for i := range 60 {
				c.Origins = append(c.Origins, fmt.Sprintf("https://%d-app.example.com", i))
			}
		}), istioOptions, []Refusal{{Field: "Origins"}}},
		{"many hosts", with(func(c *corsrpc.Config) {
			c.RequireHosts = true
			for i := range 60 {
				c.Hosts = append(c.Hosts, fmt.Sprintf("%d.api.example.com", i))
			}
		}), istioOptions, []Refusal{{Field: "Options.Hosts", Value: "api.example.com"}}},
		{"a long resource", with(func(c *corsrpc.Config) {
			c.Resources = map[string]corsrpc.Resource{"/" + strings.Repeat("a", 120): {Origins: []string{app}}}
		}), istioOptions, []Refusal{{Rule: "/" + strings.Repeat("a", 120), Field: "Path"}}},
		{"a long list of request headers", with(func(c *corsrpc.Config) {
			for i := range 100 {
				c.RequestHeaders = append(c.RequestHeaders, "X-"+strings.Repeat("a", 150+i))
			}
		}), istioOptions, []Refusal{{Field: "RequestHeaders"}}},
		{"a long list of response headers", with(func(c *corsrpc.Config) {
			for i := range 100 {
				c.ResponseHeaders = append(c.ResponseHeaders, "X-"+strings.Repeat("a", 150+i))
			}
		}), istioOptions, []Refusal{{Field: "ResponseHeaders"}}},
		{"more than an object has", with(func(c *corsrpc.Config) {
			for i := range 400 {
				c.Resources[fmt.Sprintf("/%d/{id}", i)] = corsrpc.Resource{Origins: []string{fmt.Sprintf("https://app%d.example.com", i)}}
			}
		}), istioOptions, []Refusal{{Field: "Config.Services"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			export, err := VirtualService(mustPolicy(t, tt.config), tt.options)
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Nil(t, export)
			found := map[Refusal]bool{}
			for _, r := range checkRefusals(t, err) {
				for _, want := range tt.want {
					if (want.Rule == "" || want.Rule == r.Rule) && want.Field == r.Field && (want.Value == "" || want.Value == r.Value) {
						found[want] = true
					}
				}
				assert.Less(t, len(r.Value), 300)
			}
			assert.Len(t, found, len(tt.want), "%v", err)
			if len(tt.want) > 0 && strings.HasPrefix(tt.want[0].Field, "Options.") && tt.name != "many hosts" {
				assert.Len(t, checkRefusals(t, err), len(tt.want), "%v", err)
			}
		})
	}
}

// The options are where Kubernetes and Istio look for them.
func TestVirtualServiceOptions(t *testing.T) {
	t.Parallel()
	o := istioOptions
	o.Name, o.Namespace, o.Prefix, o.Gateway = "shop.cors", "shop", "cors", "public"
	o.Hosts = []string{"api.example.com:8443", "api.example.com", "www.example.com"}
	export := mustVirtualService(t, shopConfig(), o)
	assert.Equal(t, "cors_virtualservice.yaml", export.Files[0].Name)
	head, _, _ := strings.Cut(string(export.Files[0].Data), "  http:")
	assert.Equal(t, `# Written by corsrpc from a policy. Do not edit it: write it again.
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: "shop.cors"
  namespace: "shop"
  labels:
    app.kubernetes.io/managed-by: corsrpc
    app.kubernetes.io/instance: "shop.cors"
spec:
  hosts:
  - "api.example.com"
  - "www.example.com"
  gateways:
  - "public"
`, head)
	o.Hosts = []string{}
	o.BehindGate = true
	head, _, _ = strings.Cut(string(mustVirtualService(t, shopConfig(), o).Files[0].Data), "  http:")
	assert.Contains(t, head, "  hosts:\n  - \"*\"\n")
	assert.Contains(t, head, "# No call is refused here")
}

// Notes say what is weaker or stricter than Wrap.
func TestVirtualServiceNotes(t *testing.T) {
	t.Parallel()
	config := hostedConfig()
	enforced := strings.Join(mustVirtualService(t, config, istioOptions).Notes, "\n")
	config.Hosts = []string{}
	config.REST, config.Bindings = corsrpc.RESTGateway, map[string][]string{cart + ".AddItem": {"POST /v1/shopping-carts/items/additions"}}
	o := istioOptions
	o.BehindGate = true
	gated := strings.Join(mustVirtualService(t, config, o).Notes, "\n")
	for words, in := range map[string]string{
		"No other VirtualService": enforced + gated, `goes to the Service "shop"`: enforced + gated,
		"other hosts than Hosts": enforced, "another spelling than the rule's": enforced, "grpc-status 7": enforced,
		"No call is refused": gated, "spelling of a long binding's path": gated,
	} {
		assert.Contains(t, in, words)
		if in != enforced+gated {
			other := gated
			if in == gated {
				other = enforced
			}
			assert.NotContains(t, other, words)
		}
	}
	for note := range strings.SplitSeq(enforced+"\n"+gated, "\n") {
		assert.Regexp(t, `^[A-Z][^\n]*\.$`, note, "one sentence")
	}
}

// A route has no more than one condition in each map of Istio about a header.
func TestVirtualServiceConditions(t *testing.T) {
	t.Parallel()
	for _, config := range []corsrpc.Config{hostedConfig(), libraryConfig(t)} {
		plan, err := newPlan(mustPolicy(t, config), Options{BehindGate: config.Hosts == nil})
		require.NoError(t, err)
		e := newEnvoy(plan, envoyLimits{group: maxIstioExpression, program: maxIstioProgram})
		e.addRoutes()
		for _, r := range e.routes {
			seen := map[string]bool{}
			for _, h := range r.headers {
				key := fmt.Sprint(h.name, h.invert)
				assert.False(t, seen[key], "%v", r)
				seen[key] = true
			}
		}
	}
}

func TestMergeHeaders(t *testing.T) {
	t.Parallel()
	present, absent := envoyHeader{name: "a"}, envoyHeader{name: "a", invert: true}
	exact, other := envoyHeader{name: "a", exact: "x.y"}, envoyHeader{name: "a", exact: "z"}
	regex, some := envoyHeader{name: "a", regex: "x..|z"}, envoyHeader{name: "a", regex: notEmpty}
	not := func(h envoyHeader) envoyHeader { h.invert = true; return h }
	for _, tt := range []struct {
		name     string
		headers  []envoyHeader
		want     []envoyHeader
		possible bool
	}{
		{"none", nil, nil, true},
		{"the same", []envoyHeader{exact, exact}, []envoyHeader{exact}, true},
		{"a value is present", []envoyHeader{present, exact, present}, []envoyHeader{exact}, true},
		{"an expression is present", []envoyHeader{present, regex}, []envoyHeader{regex}, true},
		{"not empty is present", []envoyHeader{present, some}, []envoyHeader{some}, true},
		{"not empty is still present", []envoyHeader{some, present}, []envoyHeader{some}, true},
		{"an expression is not empty", []envoyHeader{some, regex, some}, []envoyHeader{regex}, true},
		{"a value of an expression", []envoyHeader{regex, exact}, []envoyHeader{exact}, true},
		{"an expression of a value", []envoyHeader{exact, regex}, []envoyHeader{exact}, true},
		{"two values", []envoyHeader{exact, other}, nil, false},
		{"a value of another expression", []envoyHeader{{name: "a", regex: "y"}, exact}, nil, false},
		{"another expression than a value", []envoyHeader{exact, {name: "a", regex: "y"}}, nil, false},
		{"neither", []envoyHeader{not(exact), not(regex)}, []envoyHeader{{name: "a", regex: `x\.y|x..|z`, invert: true}}, true},
		{"both kinds", []envoyHeader{present, not(regex)}, []envoyHeader{present, not(regex)}, true},
		{"absent", []envoyHeader{absent, not(regex)}, []envoyHeader{absent, not(regex)}, true},
		{"others", []envoyHeader{present, {name: "b"}}, []envoyHeader{present, {name: "b"}}, true},
	} {
		got, possible := mergeHeaders(tt.headers)
		assert.Equal(t, tt.want, got, tt.name)
		assert.Equal(t, tt.possible, possible, tt.name)
	}
}

// The VirtualService of a thousand procedures stays small.
func TestVirtualServiceOfAThousandProcedures(t *testing.T) {
	t.Parallel()
	config := largeConfig(t)
	config.Hosts = []string{"api.example.com"}
	export := mustVirtualService(t, config, istioOptions)
	rules := strings.Count(string(export.Files[0].Data), "\n  - ") - 2
	t.Logf("%d rules, %d bytes", rules, len(export.Files[0].Data))
	assert.Less(t, rules, 300)
	assert.Less(t, len(export.Files[0].Data), 300_000)
}

package corsexport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Each option alone, for a schema with and without bindings.
func TestCaddyfileWithOptions(t *testing.T) {
	t.Parallel()
	proxies.RequireCaddy(t)
	withOptions(t, 500, func(t *testing.T, p *corsrpc.Policy, o Options, upstream string, run edgetest.Options) {
		export, err := Caddyfile(p, o)
		require.NoError(t, err)
		compareCaddyfile(t, startCaddyfile(t, export, upstream, ""), p, run)
	})
}

// What grpc-gateway takes for another method is judged by that one too.
func TestCaddyfileAsksOtherMethods(t *testing.T) {
	t.Parallel()
	checkOtherMethods(t, startCaddyfilePolicy(t))
}

// What several lines of one header hide is not let pass, and neither is an empty
// line taken for none.
func TestCaddyfileWithSeveralLines(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startCaddyfilePolicy(t)(mustPolicy(t, shopConfig()), upstream)
	for _, header := range [][]string{
		{"Origin", app, "Origin", evil},
		{"Origin", evil, "Origin", app},
		{"Origin", app, "Origin", app},
		{"Origin", ""},
		{"Origin", "", "Origin", app},
		{"Origin", evil, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"},
		{"Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Site", "same-origin"},
		{"Origin", evil, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "same-origin"},
		{"Origin", evil, "Sec-Fetch-Site", "", "Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", ""},
		{"Sec-Fetch-Site", "none", "Sec-Purpose", ""},
		{"Sec-Fetch-Site", "none", "Sec-Purpose", "", "Sec-Purpose", "prefetch"},
		{"Origin", app, "Cookie", ""},
		{"Origin", app, "Cookie", "", "Cookie", "session=1"},
	} {
		response := get(t, "POST", edge+getProduct, header...)
		assert.Equal(t, http.StatusForbidden, response.StatusCode, "%q", header)
	}
	preflight := get(t, "OPTIONS", edge+getProduct, "Origin", app, "Access-Control-Request-Method", "")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
	assert.Zero(t, backend.Total())
}

// What the Caddyfile cannot say is refused, with the field and the value. A list
// of any length can be said.
func TestCaddyfileRefusals(t *testing.T) {
	t.Parallel()
	overlapping := shopConfig()
	overlapping.REST = corsrpc.RESTGateway
	overlapping.Overrides = nil
	overlapping.Audiences = map[string][]string{"storefront": {shopper, app}, "backoffice": {console, app}}
	overlapping.Bindings = map[string][]string{
		cart + ".AddItem":        {"POST /v1/*/items"},
		admin + ".ReportProduct": {"POST /v1/cart/*"},
	}
	long := shopConfig()
	long.Resources["/"+strings.Repeat("a", 3000)] = corsrpc.Resource{}
	for i := range 100 {
		long.ResponseHeaders = append(long.ResponseHeaders, fmt.Sprintf("X-%s-%d", strings.Repeat("a", 100), i))
	}
	for name, tt := range map[string]struct {
		config  corsrpc.Config
		options Options
		want    *Refusal // without Problem and Fix
	}{
		"long lists and paths":      {long, Options{}, nil},
		"a long prefix":             {shopConfig(), Options{Prefix: strings.Repeat("a", 64)}, nil},
		"a prefix with a brace":     {shopConfig(), Options{Prefix: "a{b"}, &Refusal{Field: "Options.Prefix", Value: "a{b"}},
		"a host with a scheme":      {shopConfig(), Options{Hosts: []string{"https://x"}}, &Refusal{Field: "Options.Hosts[0]", Value: "https://x"}},
		"bindings that overlap":     {overlapping, Options{}, &Refusal{Rule: "/v1/*/items", Field: "Methods", Value: "POST"}},
		"the name of a directive":   {shopConfig(), Options{Prefix: "respond"}, nil},
		"a prefix with a space":     {shopConfig(), Options{Prefix: "a b"}, &Refusal{Field: "Options.Prefix", Value: "a b"}},
		"a prefix with a backquote": {shopConfig(), Options{Prefix: "a`"}, &Refusal{Field: "Options.Prefix", Value: "a`"}},
	} {
		export, err := Caddyfile(mustPolicy(t, tt.config), tt.options)
		if tt.want == nil {
			assert.NoError(t, err, name)
			continue
		}
		require.Error(t, err, name)
		assert.Nil(t, export, name)
		refusals := checkRefusals(t, err)
		require.Len(t, refusals, 1, name)
		assert.Equal(t, tt.want, &Refusal{Rule: refusals[0].Rule, Field: refusals[0].Field, Value: refusals[0].Value}, name)
	}
	_, err := Caddyfile(nil, Options{})
	assert.ErrorContains(t, err, "nil policy")
}

// Notes say what is weaker or stricter than Wrap.
func TestCaddyfileNotes(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	notes := func(o Options) string { return strings.Join(mustCaddyfile(t, config, o).Notes, "\n") }
	always := notes(Options{})
	for _, words := range []string{"another spelling", "Links from other sites", "order invoke first", "byte for byte"} {
		assert.Contains(t, always, words)
	}
	assert.NotContains(t, always, "No call is refused")
	assert.NotContains(t, notes(Options{Hosts: []string{"api.example.com"}}), "byte for byte")
	behind := notes(Options{BehindGate: true})
	assert.Contains(t, behind, "No call is refused")
	assert.NotContains(t, behind, "strictest rule")
	for note := range strings.SplitSeq(always+"\n"+behind, "\n") {
		assert.Regexp(t, `^[A-Z][^\n]*\.$`, note, "one sentence")
	}
}

// The name of a method can be a word of Caddy's, and stands for itself.
func TestCaddyfileWithOddMethods(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Overrides = nil
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{
		cart + ".AddItem":   {"default /v1/d", "~x /v1/d", "- /v1/d"},
		admin + ".SetPrice": {"POST /v1/d"},
	}
	backend, upstream := serve(t)
	edge := startCaddyfilePolicy(t)(mustPolicy(t, config), upstream)
	for method, want := range map[string]int{
		"default": http.StatusNoContent, "~x": http.StatusNoContent, "-": http.StatusNoContent,
		"POST": http.StatusForbidden, "OTHER": http.StatusForbidden, "x": http.StatusForbidden,
	} {
		response := get(t, "OPTIONS", edge+"/v1/d", "Origin", shopper, "Access-Control-Request-Method", method)
		assert.Equal(t, want, response.StatusCode, method)
	}
	assert.Zero(t, backend.Total())
}

// With "order invoke first", no other directive of the site changes what the route
// judges or what it responds.
func TestCaddyfileComesFirst(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := startCaddySite(t, mustCaddyfile(t, shopConfig(), Options{}), `
		header ?Access-Control-Allow-Origin *
		request_header Origin `+shopper+`
		request_header Sec-Fetch-Site same-origin
		uri strip_prefix /x
		intercept {
			@refused status 403
			handle_response @refused {
				reverse_proxy `+upstream+`
			}
		}
		reverse_proxy `+upstream+`
		invoke corsrpc_policy`)
	refused := get(t, "POST", edge+addItem, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Cookie", "session=1")
	assert.Equal(t, http.StatusForbidden, refused.StatusCode)
	assert.Equal(t, http.Header{"Vary": {"Origin"}, "Cache-Control": {"no-store"}}, corsHeaders(refused))
	assert.Zero(t, backend.Total())
	allowed := get(t, "POST", edge+addItem, "Origin", shopper)
	assert.Equal(t, http.StatusOK, allowed.StatusCode)
	assert.Equal(t, []string{shopper}, allowed.Header["Access-Control-Allow-Origin"])
}

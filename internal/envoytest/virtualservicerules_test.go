package envoytest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// Two bindings on one path grant by the HTTP method; what neither has, and forms,
// get what both grant.
func TestVirtualServiceBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Hosts = []string{}
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{catalog + ".GetProduct": {"GET /v1/item"}, cart + ".AddItem": {"POST /v1/item"}}
	config.Overrides = map[string]corsrpc.Override{
		catalog + ".GetProduct": {Origins: []string{app}},
		cart + ".AddItem":       {Origins: []string{shopper}},
	}
	m := newIstioModel(t, mustVirtualService(t, mustPolicy(t, config), corsexport.Options{BehindGate: true}), new(edgetest.Backend))
	for _, tt := range []struct {
		method, origin, contentType, want string
	}{
		{"GET", app, "", app},
		{"HEAD", app, "", app},
		{"GET", shopper, "", ""},
		{"POST", shopper, "application/json", shopper},
		{"POST", app, "application/json", ""},
		{"POST", shopper, "application/x-www-form-urlencoded", ""},
		{"POST", shopper, "Application/X-WWW-Form-Urlencoded; charset=utf-8", ""},
		{"PUT", app, "", ""},
		{"PUT", shopper, "", ""},
	} {
		header := []string{"origin", tt.origin}
		if tt.contentType != "" {
			header = append(header, "content-type", tt.contentType)
		}
		assert.Equal(t, tt.want, m.send(tt.method, "/v1/item", header...).header.Get("Access-Control-Allow-Origin"), tt)
		header = []string{"origin", tt.origin, "access-control-request-method", tt.method}
		if tt.contentType != "application/json" && tt.contentType != "" {
			continue // no preflight announces a form
		}
		status := http.StatusForbidden
		if tt.want != "" {
			status = http.StatusNoContent
		}
		assert.Equal(t, status, m.send("OPTIONS", "/v1/item", header...).status, tt)
	}
}

// A resource above bindings grants nothing on their paths, in no spelling.
func TestResourceAboveBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.REST, config.Bindings = corsrpc.RESTGateway, map[string][]string{cart + ".AddItem": {"POST /v1/item"}}
	config.Resources = map[string]corsrpc.Resource{"/v1/": {Origins: []string{"*"}}}
	policy, backend := mustPolicy(t, config), new(edgetest.Backend)
	o := corsexport.Options{BehindGate: true}
	envoy, _ := mustModel(t, policy, o)
	for name, m := range map[string]*model{"Envoy": envoy, "Istio": newIstioModel(t, mustVirtualService(t, policy, o), backend)} {
		for path, want := range map[string]string{"/v1/item": "", "/v1/ITEM": "", "/v1/%69tem": "", "/v1/other": "*"} {
			assert.Equal(t, want, m.send("POST", path, "origin", evil).header.Get("Access-Control-Allow-Origin"), "%s: %s", name, path)
		}
		assert.Equal(t, shopper, m.send("POST", "/v1/item", "origin", shopper).header.Get("Access-Control-Allow-Origin"), name)
	}
	// What would leave another spelling of the binding to the resource is refused.
	config.Bindings[cart+".AddItem"] = []string{"POST /v1/shopping-carts/items/additions"}
	_, err := corsexport.VirtualService(mustPolicy(t, config), corsexport.Options{BehindGate: true, Gateway: "infra/public", Upstream: cluster, Port: 8080})
	checkRefusals(t, err)
	config.Resources = map[string]corsrpc.Resource{"/v2/": {Origins: []string{"*"}}}
	m := newIstioModel(t, mustVirtualService(t, mustPolicy(t, config), o), backend)
	assert.Empty(t, m.send("POST", "/v1/shopping-carts/items/Additions", "origin", shopper).header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, shopper, m.send("POST", "/v1/shopping-carts/items/additions", "origin", shopper).header.Get("Access-Control-Allow-Origin"))
}

// A resource beside bindings grants on paths that end in a procedure's.
func TestDocumentationBesideBindings(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.REST, config.Bindings = corsrpc.RESTGateway, map[string][]string{cart + ".AddItem": {"POST /v1/item"}}
	config.Resources = map[string]corsrpc.Resource{"/api/docs/": {Origins: []string{"*"}}}
	policy, backend := mustPolicy(t, config), new(edgetest.Backend)
	o := corsexport.Options{BehindGate: true}
	envoy, _ := mustModel(t, policy, o)
	for name, m := range map[string]*model{"Envoy": envoy, "Istio": newIstioModel(t, mustVirtualService(t, policy, o), backend)} {
		got := m.send("GET", "/api/docs/"+cart+"/AddItem", "origin", evil, "sec-fetch-site", "cross-site")
		assert.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"), name)
	}
}

// A resource above services grants nothing on their paths.
func TestResourceAboveServices(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Resources = map[string]corsrpc.Resource{"/api/": {Origins: []string{"*"}}}
	policy, backend := mustPolicy(t, config), new(edgetest.Backend)
	envoy, _ := mustModel(t, policy, corsexport.Options{})
	for name, m := range map[string]*model{
		"Envoy": envoy, "Istio": newIstioModel(t, mustVirtualService(t, policy, corsexport.Options{}), backend),
	} {
		own := m.send("POST", "/api/"+cart+"/Newer", "origin", evil, "sec-fetch-site", "cross-site")
		assert.Equal(t, http.StatusForbidden, own.status, name)
		other := m.send("GET", "/api/file", "origin", evil, "sec-fetch-site", "cross-site")
		assert.Equal(t, http.StatusOK, other.status, name)
		assert.Equal(t, "*", other.header.Get("Access-Control-Allow-Origin"), name)
	}
}

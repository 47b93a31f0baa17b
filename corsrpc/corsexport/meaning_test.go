package corsexport

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// pathsConfig is that of paths.
func pathsConfig() corsrpc.Config {
	config := shopConfig()
	config.Services = []string{catalog, cart}
	config.PathPrefix = "/api"
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{
		catalog + ".GetProduct": {"GET /v1/products/*"},
		cart + ".AddItem":       {"POST /v1/products/*"},
		cart + ".PurgeCarts":    {"POST /v1/admin:purge"},
	}
	config.Resources["/docs/"] = corsrpc.Resource{}
	config.Resources["/{x}/{y}"] = corsrpc.Resource{Origins: []string{app}}
	return config
}

const (
	runs, refused, allowed = 0, http.StatusForbidden, http.StatusNoContent
	warehouse              = "/api/acme.shop.v1.WarehouseService"
)

// paths are single paths and what becomes of requests to them.
var paths = []struct {
	name, raw, origin string
	call, preflight   int
	allowOrigin       string // of the call
}{
	{"a procedure", "/api" + addItem, shopper, runs, allowed, shopper},
	{"a procedure, for another page", "/api" + addItem, app, refused, refused, ""},
	{"an internal procedure", "/api" + purgeCarts, shopper, refused, refused, ""},
	{"an unknown method", "/api/" + catalog + "/Newer", app, runs, allowed, app},
	{"an unknown method beside an internal one", "/api/" + cart + "/Newer", shopper, refused, refused, ""},
	{"a closed service", warehouse + "/ReserveStock", app, refused, refused, ""},
	{"a procedure in other case, for a page that its service lists", "/api/acme.shop.v1.catalogservice/GetProduct", app, runs, refused, ""},
	{"an escaped procedure", "/api/" + catalog + "/Get%50roduct", app, runs, allowed, app}, // it is below the service
	{"an escaped service", "/api/acme.shop.v1.Catalog%53ervice/GetProduct", app, runs, refused, ""},
	{"a procedure without the prefix", getProduct, app, runs, refused, ""},
	{"a procedure without the prefix, for another page", getProduct, evil, refused, refused, ""},
	{"a procedure behind another", "/api/" + catalog + "/.." + addItem, app, refused, refused, ""},
	{"an exempt resource", "/docs" + addItem, evil, runs, refused, ""},
	{"a hidden dot segment below it, cut at a semicolon", "/docs/..;" + purgeCarts, app, refused, refused, ""},
	{"a hidden dot segment below it, escaped twice", "/docs/%252e%252e" + purgeCarts, app, refused, refused, ""},
	{"a hidden separator below it", "/docs/a%252f..%252f.." + purgeCarts, app, refused, refused, ""},
	{"a resource", "/fonts/a/b", evil, runs, allowed, "*"},
	{"a resource with an escaped slash", "/fonts/a%2Fb", evil, runs, refused, ""},
	{"a resource in another spelling", "/f%6Fnts/a", evil, runs, refused, ""},
	{"a resource with a dot segment", "/fonts/%2e%2e", evil, runs, refused, ""},
	{"a resource with a parameter in its path", "/products/7/photo", app, runs, allowed, app},
	{"a resource whose path means a procedure", "/x" + getProduct, app, runs, refused, ""},
	{"a binding", "/api/v1/products/7", shopper, runs, allowed, shopper},
	{"a binding that is for another page", "/api/v1/products/7", app, refused, refused, ""},
	{"a binding with an escaped slash", "/api/v1/products/7%2F8", shopper, runs, refused, ""},
	{"an internal binding in capitals", "/api/V1/ADMIN:purge", shopper, refused, refused, ""},
	{"an internal binding behind a dot segment", "/api/v1/x/%252e%252e/admin%3Apurge", shopper, refused, refused, ""},
	{"an internal binding with an empty segment before its verb", "/api/v1/admin/:purge", shopper, refused, refused, ""},
	{"no rule", "/x", evil, runs, runs, ""},
}

// ownPaths are what a page of the server itself can call: what Config does not
// name, apart from what is internal, in any spelling.
var ownPaths = map[string]int{
	"/api" + setPrice:           runs,
	warehouse + "/ReserveStock": refused,
	warehouse + "/reservestock": refused,
	warehouse + "/Newer":        runs,
	"/x" + warehouse + "/Newer": refused,
}

// What a plan makes of single paths, for those who print one.
func TestPlanOfPaths(t *testing.T) {
	t.Parallel()
	p, err := newPlan(mustPolicy(t, pathsConfig()), Options{})
	require.NoError(t, err)
	m := newModel(p)
	for _, tt := range paths {
		request, err := readRequest("POST", tt.raw, http.Header{"Origin": {tt.origin}})
		require.NoError(t, err)
		got := m.decide(request, tt.raw)
		assert.Equal(t, tt.call, got.status, "call: %s", tt.name)
		if tt.call == runs {
			assert.Equal(t, tt.allowOrigin, got.allowOrigin, "call: %s", tt.name)
		}
		request.Method = http.MethodOptions
		request.Header.Set("Access-Control-Request-Method", "POST")
		assert.Equal(t, tt.preflight, m.decide(request, tt.raw).status, "preflight: %s", tt.name)
	}
	for raw, want := range ownPaths {
		request, err := readRequest("POST", raw, http.Header{"Sec-Fetch-Site": {"same-origin"}})
		require.NoError(t, err)
		assert.Equal(t, want, m.decide(request, raw).status, raw)
	}
}

// nginx does the same.
func TestNginxOfPaths(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	checkPaths(t, startNginx(t, mustNginx(t, pathsConfig(), Options{}), upstream, ""), backend)
}

// HAProxy does the same.
func TestHAProxyOfPaths(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	checkPaths(t, haproxyTest{policy: mustPolicy(t, pathsConfig()), upstream: upstream}.start(t), backend)
}

// checkPaths sends requests for paths to an edge in front of the backend.
func checkPaths(t *testing.T, edge string, backend *edgetest.Backend) {
	t.Helper()
	ran := 0
	send := func(method, raw string, header ...string) *http.Response {
		r, err := http.NewRequest(method, edge, nil)
		require.NoError(t, err)
		r.URL.Opaque = raw
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	for _, tt := range paths {
		for want, response := range map[*int]*http.Response{
			&tt.call:      send("POST", tt.raw, "Origin", tt.origin),
			&tt.preflight: send("OPTIONS", tt.raw, "Origin", tt.origin, "Access-Control-Request-Method", "POST"),
		} {
			if *want == runs {
				ran++
				assert.Equal(t, http.StatusOK, response.StatusCode, tt.name)
				assert.Equal(t, tt.allowOrigin, response.Header.Get("Access-Control-Allow-Origin"), tt.name)
			} else {
				assert.Equal(t, *want, response.StatusCode, tt.name)
			}
		}
	}
	for raw, want := range ownPaths {
		response := send("POST", raw, "Sec-Fetch-Site", "same-origin")
		assert.Equal(t, want == refused, response.StatusCode == http.StatusForbidden, raw)
		if want == runs {
			ran++
		}
	}
	// HAProxy itself takes this for a malformed request.
	assert.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest}, send("PRI", "/x").StatusCode)
	assert.Equal(t, ran, backend.Total())
}

// No rule is right for a path that means two services alike.
func TestNginxOfServicesThatDifferInCase(t *testing.T) {
	t.Parallel()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/case.proto"), Package: proto.String("acme"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
	}
	for _, name := range []string{"Service", "SERVICE"} {
		file.Service = append(file.Service, &descriptorpb.ServiceDescriptorProto{Name: proto.String(name), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Get"), InputType: proto.String(".acme.Empty"), OutputType: proto.String(".acme.Empty")},
		}})
	}
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(fd))
	config := corsrpc.Config{Origins: []string{app}, Files: files, Overrides: map[string]corsrpc.Override{"acme.SERVICE": {Origins: []string{app, shopper}}}}
	backend, upstream := serve(t)
	edge := startNginx(t, mustNginx(t, config, Options{}), upstream, "")
	assert.Equal(t, http.StatusOK, get(t, "POST", edge+"/acme.Service/Get", "Origin", app).StatusCode)
	assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+"/acme.Service/Get", "Origin", shopper).StatusCode)
	assert.Equal(t, http.StatusOK, get(t, "POST", edge+"/acme.SERVICE/Get", "Origin", shopper).StatusCode)
	response := get(t, "POST", edge+"//acme.Service/Get", "Origin", app)
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
	assert.Equal(t, "corsrpc: policy not configured\n", body(t, response))
	assert.Equal(t, 2, backend.Total())
}

func body(t testing.TB, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// To an HTTP method that no binding of a path has, the path grants what all of its
// bindings grant.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	p, err := newPlan(mustPolicy(t, libraryConfig(t)), Options{})
	require.NoError(t, err)
	found := make(map[string]*grant)
	for _, f := range p.fallbacks {
		found[f.template] = f.grant
	}
	shelves, shelf, purge := found["/v1/shelves"], found["/v1/{name=shelves/*}"], found["/v1/admin:purge"]
	assert.Equal(t, "GET, POST", shelves.methods)
	assert.False(t, shelves.credentials, "which POST alone allows")
	assert.NotContains(t, shelves.responseNames, "X-Retry-Hint", "which POST alone exposes")
	assert.Equal(t, "DELETE, GET, PATCH", shelf.methods)
	assert.True(t, purge.internal)
	assert.Len(t, found, len(p.fallbacks), "one for each template")
}

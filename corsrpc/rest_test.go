package corsrpc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

const shelves = "acme.library.v1.ShelfService"

// A boundMethod is a method of the test's schema, with its bindings as pairs of
// HTTP method and template.
type boundMethod struct {
	name     string
	options  *corsrpcv1.MethodOptions
	bindings [][2]string
}

// httpRule is google.api.http (field 72295728 of MethodOptions) on the wire: the
// root module does not have google/api/annotations.proto.
func httpRule(bindings [][2]string) []byte {
	var rule []byte
	for i, binding := range bindings {
		numbers := map[string]protowire.Number{"GET": 2, "PUT": 3, "POST": 4, "DELETE": 5, "PATCH": 6}
		var one []byte
		if number, ok := numbers[binding[0]]; ok {
			one = protowire.AppendTag(one, number, protowire.BytesType)
			one = protowire.AppendString(one, binding[1])
		} else {
			var custom []byte
			custom = protowire.AppendTag(custom, 1, protowire.BytesType)
			custom = protowire.AppendString(custom, binding[0])
			custom = protowire.AppendTag(custom, 2, protowire.BytesType)
			custom = protowire.AppendString(custom, binding[1])
			one = protowire.AppendTag(one, 8, protowire.BytesType)
			one = protowire.AppendBytes(one, custom)
		}
		if i > 0 {
			rule = protowire.AppendTag(rule, 11, protowire.BytesType)
			one = protowire.AppendBytes(nil, one)
		}
		rule = append(rule, one...)
	}
	option := protowire.AppendTag(nil, 72295728, protowire.BytesType)
	return protowire.AppendBytes(option, rule)
}

// boundFiles returns the descriptors of one service with these methods.
func boundFiles(t testing.TB, methods ...boundMethod) *protoregistry.Files {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/library/v1/shelf.proto"), Package: proto.String("acme.library.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("Shelf"),
			Field: []*descriptorpb.FieldDescriptorProto{
				{Name: proto.String("id"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()},
				{Name: proto.String("name"), Number: proto.Int32(2), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()},
			},
		}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("ShelfService")}},
	}
	for _, m := range methods {
		options := &descriptorpb.MethodOptions{}
		if m.options != nil {
			proto.SetExtension(options, corsrpcv1.E_Method, m.options)
		}
		if len(m.bindings) > 0 {
			options.ProtoReflect().SetUnknown(httpRule(m.bindings))
		}
		file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(m.name), InputType: proto.String(".acme.library.v1.Shelf"), OutputType: proto.String(".acme.library.v1.Shelf"), Options: options,
		})
	}
	fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(fd))
	return files
}

func shelfMethods() []boundMethod {
	internal := &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}
	return []boundMethod{
		{"GetShelf", &corsrpcv1.MethodOptions{ResponseHeaders: []string{"etag"}}, [][2]string{{"GET", "/v1/shelves/{id}"}, {"GET", "/v1/{name=libraries/*/shelves/*}"}}},
		{"CreateShelf", &corsrpcv1.MethodOptions{RequestHeaders: []string{"x-tenant-id"}}, [][2]string{{"POST", "/v1/shelves"}}},
		{"DeleteShelf", nil, [][2]string{{"DELETE", "/v1/shelves/{id}"}}},
		{"MergeShelf", nil, [][2]string{{"POST", "/v1/shelves/{id}:merge"}}},
		{"Purge", internal, [][2]string{{"POST", "/v1/admin:purge"}}},
		{"Watch", nil, nil},
	}
}

func libraryConfig(t testing.TB) corsrpc.Config {
	return corsrpc.Config{Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t, shelfMethods()...)}
}

func TestBindingRules(t *testing.T) {
	t.Parallel()
	var paths []string
	for rule := range newPolicy(t, libraryConfig(t)).Rules() {
		if rule.Match == corsrpc.MatchBinding {
			paths = append(paths, rule.Methods[0]+" "+rule.Path+" "+rule.Procedure)
		}
	}
	assert.Equal(t, []string{
		"POST /v1/admin:purge /" + shelves + "/Purge",
		"POST /v1/shelves /" + shelves + "/CreateShelf",
		"DELETE /v1/shelves/{id} /" + shelves + "/DeleteShelf",
		"GET /v1/shelves/{id} /" + shelves + "/GetShelf",
		"POST /v1/shelves/{id}:merge /" + shelves + "/MergeShelf",
		"GET /v1/{name=libraries/*/shelves/*} /" + shelves + "/GetShelf",
	}, paths)
}

// Each row is a request to a binding, and the whole response to it.
func TestBindings(t *testing.T) {
	t.Parallel()
	const allowHeaders = "Content-Type, Grpc-Timeout"
	ran := func(lines ...string) answer {
		return answer{status: http.StatusTeapot, header: header(lines...), ran: true}
	}
	preflight := func(methods, headers string) answer {
		return answer{status: http.StatusNoContent, header: header("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", methods,
			"Access-Control-Allow-Headers", headers, "Access-Control-Max-Age", "7200", "Vary", "Origin")}
	}
	policy := newPolicy(t, libraryConfig(t))
	for _, test := range []struct {
		name string
		r    *http.Request
		want answer
	}{
		{"a listed page reads", newRequest("GET", "/v1/shelves/7", "Origin", app),
			ran("Access-Control-Allow-Origin", app, "Access-Control-Expose-Headers", "Etag, Grpc-Metadata-Etag", "Vary", "Origin")},
		{"another page reads", newRequest("GET", "/v1/shelves/7", "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"an image", newRequest("GET", "/v1/shelves/7", "Sec-Fetch-Site", "cross-site"), refusal(corsrpc.ReasonOriginMissing)},
		{"HEAD is GET", newRequest("HEAD", "/v1/shelves/7", "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"a program", newRequest("DELETE", "/v1/shelves/7"), ran()},
		{"an internal method, text/plain", newRequest("POST", "/v1/admin:purge", "Origin", app, "Content-Type", "text/plain"), refusal(corsrpc.ReasonInternalMethod)},
		{"an internal method, escaped", newRequest("POST", "/v1/admin%3Apurge", "Origin", app), refusal(corsrpc.ReasonInternalMethod)},
		{"an internal method in capitals", newRequest("POST", "/V1/ADMIN:purge", "Origin", app), refusal(corsrpc.ReasonInternalMethod)},
		{"an internal method, unclean", newRequest("POST", "//v1/./admin:purge", "Origin", app), refusal(corsrpc.ReasonInternalMethod)},
		{"an internal method's preflight", newPreflight("/v1/admin:purge", app, "POST"),
			answer{status: 403, header: header("Vary", "Origin", "Cache-Control", "no-store")}},
		{"preflight for DELETE", newPreflight("/v1/shelves/7", app, "DELETE"), preflight("DELETE", allowHeaders)},
		{"preflight for GET", newPreflight("/v1/shelves/7", app, "GET"), preflight("GET", allowHeaders)},
		{"preflight for POST with metadata", newPreflight("/v1/shelves", app, "POST"),
			preflight("POST", "Content-Type, Grpc-Metadata-X-Tenant-Id, Grpc-Timeout, X-Tenant-Id")},
		{"preflight for a method without a binding", newPreflight("/v1/shelves/7", app, "PUT"), preflight("DELETE, GET", allowHeaders)},
		{"two segments in one", newRequest("GET", "/v1/libraries/1/shelves/2", "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"no binding", newRequest("GET", "/v2/shelves", "Origin", evil), ran()},
	} {
		assert.Equal(t, test.want, exchange(policy, test.r), test.name)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	config := libraryConfig(t)
	image := newRequest("GET", "/v1/shelves/7", "Sec-Fetch-Site", "same-site", "Cookie", "a=b")
	d := newPolicy(t, config).Evaluate(image)
	assert.Equal(t, corsrpc.ReasonOriginMissing, d.Reason)
	assert.Equal(t, `set Overrides["`+shelves+`.GetShelf"].Links to On`, d.Fix)
	config.Overrides = map[string]corsrpc.Override{shelves: {Links: corsrpc.On}}
	policy := newPolicy(t, config)
	assert.True(t, exchange(policy, image).ran)
	for name, r := range map[string]*http.Request{
		"a method without GET bindings": newRequest("DELETE", "/v1/shelves/7", "Sec-Fetch-Site", "cross-site"),
		"an internal method":            newRequest("GET", "/v1/admin:purge", "Sec-Fetch-Site", "cross-site"),
		"a form":                        newRequest("POST", "/v1/shelves/7", "Origin", evil, "Content-Type", "application/x-www-form-urlencoded"),
		"its procedure":                 newRequest("GET", "/"+shelves+"/GetShelf", "Sec-Fetch-Site", "cross-site"),
	} {
		assert.False(t, exchange(policy, r).ran, name)
	}
}

func TestRESTConfigErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		change  func(*corsrpc.Config)
		methods []boundMethod
		want    string
	}{
		{"REST is not decided", func(c *corsrpc.Config) { c.REST = corsrpc.RESTUnspecified }, shelfMethods(),
			`corsrpc: REST: is not set, and acme.library.v1.ShelfService.GetShelf has the binding "GET /v1/shelves/{id}": write RESTGateway or RESTTranscoding for what serves it, or RESTNone if nothing does`},
		{"a method that does not exist", func(c *corsrpc.Config) { c.Bindings = map[string][]string{"acme.X.Y": {"GET /x"}} }, shelfMethods(),
			`corsrpc: Bindings["acme.X.Y"]: is not a method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem`},
		{"a binding twice", nil, []boundMethod{{"A", nil, [][2]string{{"GET", "/v1/{id}"}}}, {"B", nil, [][2]string{{"GET", "/v1/{name}"}}}},
			`corsrpc: (google.api.http) of acme.library.v1.ShelfService.B: "GET /v1/{name}" is the same binding as "GET /v1/{id}" of acme.library.v1.ShelfService.A: gateways serve one of them alone, so remove the other`},
		{"a resource at a binding's template", func(c *corsrpc.Config) {
			c.Resources = map[string]corsrpc.Resource{"/v1/shelves/{x}": {}}
		}, shelfMethods(),
			`corsrpc: Resources["/v1/shelves/{x}"]: is the template of "DELETE /v1/shelves/{id}" of acme.library.v1.ShelfService.DeleteShelf, which has a rule already: remove the key`},
		{"too many segments below the prefix", func(c *corsrpc.Config) { c.PathPrefix = "/api" }, []boundMethod{{"Deep", nil, [][2]string{{"GET", "/v1" + strings.Repeat("/x", 31)}}}},
			`corsrpc: (google.api.http) of acme.library.v1.ShelfService.Deep: "GET /v1` + strings.Repeat("/x", 31) + `" has too many segments below PathPrefix: shorten it, or the prefix`},
		{"a method that another shadows", func(c *corsrpc.Config) {
			c.Overrides = map[string]corsrpc.Override{shelves + ".Wide": {Origins: []string{shopper}}}
		}, []boundMethod{{"Narrow", nil, [][2]string{{"GET", "/v1/shelves/{id}"}}}, {"Wide", nil, [][2]string{{"GET", "/v1/{name=**}"}}}},
			`corsrpc: (google.api.http) of acme.library.v1.ShelfService.Narrow: "GET /v1/shelves/{id}" cannot be called: every path of it is also one of "GET /v1/{name=**}" of /acme.library.v1.ShelfService/Wide, which does not list "https://app.example.com"; give both methods the same permissions, or change one template`},
	} {
		config := corsrpc.Config{Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t, test.methods...)}
		if test.change != nil {
			test.change(&config)
		}
		_, err := corsrpc.New(config)
		assert.EqualError(t, err, test.want, test.name)
	}
}

// A judged path is one that some gateway could route to the binding.
func TestBindingSpellings(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, libraryConfig(t))
	for _, target := range []string{
		"/v1/admin:purge", "/v1/admin%3Apurge", "/v1/admin%3apurge", "/v1%2Fadmin:purge", "/v1/%61dmin:purge", "/v1/%2561dmin:purge", "/V1/Admin:Purge", "/v1//admin:purge", "/v1/x/../admin:purge", "/v1/admin:purge/", `/v1\admin:purge`,
	} {
		u, err := url.ParseRequestURI(target)
		require.NoError(t, err)
		r := newRequest("POST", "", "Origin", app)
		r.URL = u
		assert.Equal(t, corsrpc.OutcomeRefused, policy.Evaluate(r).Outcome, target)
	}
}

// Each method of a closed service has its own bindings.
func TestBindingsOfClosedServices(t *testing.T) {
	t.Parallel()
	config := libraryConfig(t)
	config.Services, config.Resources = []string{}, map[string]corsrpc.Resource{"/upload": {}}
	policy := newPolicy(t, config)
	for rule := range policy.Rules() {
		if rule.Match == corsrpc.MatchBinding {
			assert.Contains(t, []string{"GetShelf", "CreateShelf", "DeleteShelf", "MergeShelf", "Purge"}, strings.TrimPrefix(rule.Procedure, "/"+shelves+"/"), rule.Path)
		}
	}
	d := policy.Evaluate(newRequest("DELETE", "/v1/shelves/7", "Origin", app))
	assert.Equal(t, corsrpc.OutcomeRefused, d.Outcome)
	assert.Equal(t, "/"+shelves+"/DeleteShelf", d.Procedure)
	assert.Equal(t, `add "`+shelves+`" to Services`, d.Fix)
}

// overlappingMethods have templates with the path /v1/y/x in common.
func overlappingMethods() []boundMethod {
	return []boundMethod{
		{"First", nil, [][2]string{{"GET", "/v1/{id}/x"}, {"DELETE", "/v1/{id}/x"}}},
		{"Second", nil, [][2]string{{"GET", "/v1/y/{id}"}}},
	}
}

// A Decision names the bindings that were asked, and no others.
func TestOverlappingBindings(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t, overlappingMethods()...)})
	const both = `the path matches the bindings "GET /v1/{id}/x" of /` + shelves + `/First, "GET /v1/y/{id}" of /` + shelves + `/Second`
	for _, test := range []struct {
		r    *http.Request
		want string
	}{
		{newRequest("GET", "/v1/y/x", "Origin", evil), both},
		{newPreflight("/v1/y/x", evil, "GET"), both},
		{newRequest("DELETE", "/v1/y/x", "Origin", evil), ""},
		{newPreflight("/v1/y/x", evil, "DELETE"), ""},
		{newRequest("GET", "/v1/z/x", "Origin", evil), ""},
	} {
		assert.Equal(t, test.want, policy.Evaluate(test.r).Detail, "%s %s", test.r.Method, test.r.URL.Path)
	}
}

// What two bindings grant together costs no more than what one grants.
func TestOverlappingBindingsDoNotAllocate(t *testing.T) {
	policy := newPolicy(t, corsrpc.Config{
		Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t, overlappingMethods()...),
		Overrides: map[string]corsrpc.Override{shelves + ".First": {RequestHeaders: []string{"X-First"}, ResponseHeaders: []string{"X-Cost"}}},
	})
	h, w := policy.Wrap(nothing{}), &reusableWriter{header: http.Header{}}
	allocations := func(r *http.Request) float64 {
		return testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
	}
	assert.Equal(t, allocations(newRequest("GET", "/v1/z/x", "Origin", app)), allocations(newRequest("GET", "/v1/y/x", "Origin", app)))
	assert.Equal(t, allocations(newPreflight("/v1/z/x", app, "GET")), allocations(newPreflight("/v1/y/x", app, "GET")))
}

// Routers that keep escapes take an escaped slash for part of a segment, so what
// looks like a procedure's path once it is decoded goes to the gateway.
func TestEscapedProceduresAreBindingsToo(t *testing.T) {
	t.Parallel()
	internal := &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}
	policy := newPolicy(t, corsrpc.Config{Origins: []string{app}, REST: corsrpc.RESTGateway, Files: boundFiles(t,
		boundMethod{"Watch", nil, nil}, boundMethod{"Purge", internal, [][2]string{{"POST", "/{id}/{name}"}}})})
	for target, runs := range map[string]bool{
		"/" + shelves + "/Watch":         true,
		"/" + shelves + "%2FWatch":       false,
		"/" + shelves + "%2fWatch":       false,
		"/" + shelves + "/W%61tch":       false, // http.ServeMux finds Connect's handler; others do not
		"/" + shelves + "/Watch?%2F=%2F": true,
	} {
		u, err := url.ParseRequestURI(target)
		require.NoError(t, err)
		r := newRequest("POST", "/", "Origin", app)
		r.URL = u
		assert.Equal(t, runs, exchange(policy, r).ran, target)
	}
}

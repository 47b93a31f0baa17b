package corsrpc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Whatever a path means to some handlers, what that procedure's rule refuses is
// refused. A path that means a procedure of another service grants nothing of
// its.
func TestAliases(t *testing.T) {
	t.Parallel()
	const (
		unknownGet = "/" + catalog + "/"
		unknownSet = "/" + admin + "/"
		none       = ""
	)
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Resources = map[string]corsrpc.Resource{
		"/files/": {Origins: []string{evil}}, "/{x}/{y}": {Origins: []string{evil}}, "/": {},
	}
	policy := newPolicy(t, config)
	for target, procedure := range map[string]string{
		// Below another prefix, or none.
		getProduct:                                     getProduct,
		"/docs" + getProduct:                           getProduct,
		"/x/y" + getProduct + "/z":                     getProduct,
		"/x/y/z" + setPrice:                            setPrice,
		"/docs/" + catalog:                             none,
		"/docs/" + catalog + "/":                       none,
		"/docs/" + catalog + "x/GetProduct":            none,
		"/docs/x" + catalog + "/GetProduct":            none,
		"/docs/" + catalog + "/Newer":                  unknownGet,
		"/docs/acme.shop.v1.CatalogService.GetProduct": none,
		// Cleaned.
		"//api" + getProduct:                        getProduct,
		"/api/" + getProduct:                        getProduct,
		"/x//" + catalog + "///GetProduct//":        getProduct,
		"/x/../" + catalog + "/./GetProduct":        getProduct,
		"/x/.." + getProduct:                        getProduct,
		"/api/x/../" + catalog + "/x/../GetProduct": getProduct,
		"/api/" + admin + "/.." + getProduct:        unknownSet, // its own path is below AdminService
		"/" + admin + "/.." + getProduct:            getProduct, // from the right
		getProduct + "/../../x/y":                   getProduct,
		// Decoded once more.
		"/x/%2561cme.shop.v1.CatalogService/GetProduct": getProduct,
		"/x/%61cme.shop.v1.CatalogService/GetProduct":   getProduct,
		"/x/" + catalog + "%2FGetProduct":               getProduct,
		"/x/" + catalog + "%252FGetProduct":             getProduct,
		"/x/" + catalog + "%25252FGetProduct":           none,
		"/x/%252e%252e" + getProduct:                    getProduct,
		"/x/%zz" + getProduct + "%":                     unknownGet,
		// Parameters.
		"/x/" + catalog + ";v=1/GetProduct;w=2": getProduct,
		"/x/" + catalog + "%3Bv=1/GetProduct":   getProduct,
		"/x/" + catalog + "%253Bv=1/GetProduct": getProduct,
		"/x;" + catalog + "/GetProduct":         none,
		"/x/;/" + catalog + "/;x/GetProduct":    getProduct,
		// Backslashes.
		`\api\` + catalog + `\GetProduct`:   getProduct,
		"/x/" + catalog + "%5CGetProduct":   getProduct,
		"/x/" + catalog + "%255cGetProduct": getProduct,
		`/x/..\` + catalog + `/GetProduct`:  getProduct,
		// Case, as strings.EqualFold has it.
		"/x" + strings.ToUpper(getProduct):                         getProduct,
		"/api" + strings.ToLower(getProduct):                       getProduct,
		"/api/" + catalog + "/getproduct":                          unknownGet, // its own path is below CatalogService
		"/x/acme.\u017fhop.v1.CatalogService/GetProduct":           getProduct,
		"/x/acme.%C5%BFhop.v1.CatalogService/GetProduct":           getProduct,
		"/x/acme.%25C5%25BFhop.v1.CatalogService/GetProduct":       getProduct,
		"/x/acme.%C5%25BFhop.v1.CatalogService/GetProduct":         getProduct,
		"/x/" + cart + "/Chec\u212aout":                            "/" + cart + "/Checkout",
		"/x/" + cart + "/Chec%25E2%2584%25AAout":                   "/" + cart + "/Checkout",
		"/x/acme.shop.v1.CatalogService\u0301/GetProduct":          none,
		"/x/acme.shop.v1.C\u0430talogService/GetProduct":           none, // Cyrillic
		"/x/" + catalog + "/" + strings.Repeat("x", 1<<16):         unknownGet,
		"/x/" + strings.Repeat("x", 1<<16) + "/" + catalog + "/y/": unknownGet,
		// Resources whose key begins with a literal segment.
		"/files" + getProduct: none,
		"/files/x":            none,
	} {
		r := newRequest("POST", "")
		r.URL = targetURL(target)
		r.Header.Set("Origin", evil)
		decision, got := policy.Evaluate(r), exchange(policy, r)
		if procedure == none {
			assert.True(t, got.ran, target)
			continue
		}
		assert.Equal(t, procedure, decision.Procedure, target)
		assert.Equal(t, corsrpc.OutcomeRefused, decision.Outcome, target)
		assert.Equal(t, refusal(decision.Reason), got, target)

		r.Method = "OPTIONS"
		r.Header.Set("Access-Control-Request-Method", "POST")
		assert.Equal(t, refusedPreflight, exchange(policy, r), "preflight of %s", target)

		delete(r.Header, "Access-Control-Request-Method")
		r.Method, r.Header = "POST", header()
		assert.True(t, exchange(policy, r).ran, "another program: %s", target)
	}
}

// What a path grants is its own rule's alone.
func TestAliasesGrantNothing(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Origins = []string{app, shopper}
	config.Resources = map[string]corsrpc.Resource{"/": {Origins: []string{console}}}
	policy := newPolicy(t, config)
	for _, path := range []string{"/docs" + addItem, "//" + cart + "/AddItem", "/" + cart + "/additem"} {
		for _, r := range []string{"POST", "OPTIONS"} {
			request := newRequest(r, path, "Origin", shopper)
			if r == "OPTIONS" {
				request.Header.Set("Access-Control-Request-Method", "POST")
			}
			got := exchange(policy, request)
			assert.Empty(t, got.header["Access-Control-Allow-Origin"], "%s %s", r, path)
		}
	}
	// The path of a procedure of one service, which means one of another: both
	// must let the page call.
	both := "/" + catalog + "/.." + addItem
	assert.Equal(t, corsrpc.ReasonOriginNotAllowed, policy.Evaluate(newRequest("POST", both, "Origin", app)).Reason, "listed for the first only")
	assert.Equal(t, addItem, policy.Evaluate(newRequest("POST", both, "Origin", app)).Procedure)
	got := exchange(policy, newRequest("POST", "/"+catalog+"/"+catalog+"/GetProduct", "Origin", shopper))
	assert.True(t, got.ran)
	assert.Equal(t, []string{shopper}, got.header["Access-Control-Allow-Origin"], "listed for both")
}

// Decisions say what the path means and, for documentation, what to change.
func TestAliasDecisions(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Services = []string{catalog, cart}
	reportOnly := config
	reportOnly.ReportOnly = true
	const docs, meansGet = "/docs" + getProduct, `to some handlers the path means "/acme.shop.v1.CatalogService/GetProduct"`
	const image = `Sec-Fetch-Site is "cross-site": an image, script, frame, form or navigation of another site; pages call with fetch; ` + meansGet
	of := func(procedure string, d corsrpc.Decision) corsrpc.Decision {
		d.Path, d.Procedure = procedure, procedure
		return d
	}
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	const refused, reported, cross = corsrpc.OutcomeRefused, corsrpc.OutcomeReported, corsrpc.KindCrossOrigin
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		target string
		method string
		header []string
		want   corsrpc.Decision
	}{
		{"an unlisted page", config, "//" + catalog + "/GetProduct", "POST", []string{"Origin", evil},
			of(getProduct, corsrpc.Decision{Kind: cross, Outcome: refused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Origin: `"https://evil.test"`, Detail: meansGet, Fix: `add "https://evil.test" to Origins`})},
		{"an unlisted page's preflight", config, docs, "OPTIONS", []string{"Origin", evil, "Access-Control-Request-Method", "POST"},
			of(getProduct, corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: refused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Origin: `"https://evil.test"`, Detail: meansGet, Fix: `add "https://evil.test" to Origins`})},
		{"an unlisted page, only reported", reportOnly, docs, "POST", []string{"Origin", evil},
			of(getProduct, corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonOriginNotAllowed, Origin: `"https://evil.test"`, Detail: meansGet, Fix: `add "https://evil.test" to Origins`})},
		{"an image", config, docs, "GET", []string{"Sec-Fetch-Site", "cross-site"},
			of(getProduct, corsrpc.Decision{Kind: cross, Outcome: refused, Status: 403, Reason: corsrpc.ReasonOriginMissing, Detail: image, Fix: `Resources["/docs/"] = {}`})},
		{"a link", config, docs, "GET", link,
			of(getProduct, corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonOriginMissing, Detail: image, Fix: `Resources["/docs/"] = {}`})},
		{"a link to the page of an unknown method", config, "/docs/" + catalog + "/Newer", "GET", link,
			of("/"+catalog+"/", corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonOriginMissing, Detail: strings.Replace(image, "GetProduct", "", 1), Fix: `Resources["/docs/"] = {}`})},
		{"a link to the page of an internal method", config, "/docs/v1" + purgeCarts, "GET", link,
			of(purgeCarts, corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonInternalMethod, Detail: `to some handlers the path means "/acme.shop.v1.CartService/PurgeCarts"`, Fix: `Resources["/docs/"] = {}`})},
		{"a link to the page of a closed service", config, "/docs" + setPrice, "GET", link,
			of("/"+admin+"/", corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonNotConfigured,
				Detail: `neither Services nor Except names the service; to some handlers the path means "/acme.shop.v1.AdminService/"`, Fix: `Resources["/docs/"] = {}`})},
		{"an image of a closed service", config, "/docs" + setPrice, "GET", []string{"Sec-Fetch-Site", "cross-site"},
			of("/"+admin+"/", corsrpc.Decision{Kind: cross, Outcome: refused, Status: 403, Reason: corsrpc.ReasonNotConfigured,
				Detail: `neither Services nor Except names the service; to some handlers the path means "/acme.shop.v1.AdminService/"`, Fix: `add "acme.shop.v1.AdminService" to Services`})},
		{"a link to another spelling", config, "/docs/%61" + getProduct[2:], "GET", link, // decoded by the server
			of(getProduct, corsrpc.Decision{Kind: cross, Outcome: reported, Reason: corsrpc.ReasonOriginMissing, Detail: image, Fix: `Resources["/docs/"] = {}`})},
	} {
		r := newRequest(tt.method, "", tt.header...)
		r.URL = targetURL(tt.target)
		policy := newPolicy(t, tt.config)
		assert.Equal(t, tt.want, policy.Evaluate(r), tt.name)
		assert.Equal(t, tt.want.Outcome == refused, exchange(policy, r).status == 403, tt.name)
	}
}

// A link of another site opens a documentation page. Nothing else passes, and a
// handler that ignores the path sees no more than a user's click.
func TestDocumentationNavigation(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	policy := newPolicy(t, config)
	config.Resources = map[string]corsrpc.Resource{"/": {}, "/{x}/": {}}
	resources := newPolicy(t, config)
	config.Resources = map[string]corsrpc.Resource{"/docs/": {}}
	exempt := newPolicy(t, config)
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Cookie", "session=1"}
	with := func(name, value string) []string {
		for i := 0; i < len(link); i += 2 {
			if link[i] == name {
				changed := append([]string{}, link...)
				changed[i+1] = value
				return changed
			}
		}
		return append(append([]string{}, link...), name, value)
	}
	const page = "/docs" + getProduct
	for _, tt := range []struct {
		name, method, target string
		header               []string
		ran                  bool
	}{
		{"a link", "GET", page, link, true},
		{"a link to a page below", "GET", page + "/examples", link, true},
		{"a link with a slash at the end", "GET", page + "/", link, true},
		{"a sibling's link", "GET", page, with("Sec-Fetch-Site", "same-site"), true},
		{"the user", "GET", page, with("Sec-Fetch-Site", "none"), true},
		{"HEAD", "HEAD", page, link, false},
		{"a form", "POST", page, with("Origin", evil), false},
		{"a GET with Origin", "GET", page, with("Origin", evil), false},
		{"a frame", "GET", page, with("Sec-Fetch-Dest", "iframe"), false},
		{"an image", "GET", page, with("Sec-Fetch-Mode", "no-cors"), false},
		{"a script's fetch", "GET", page, with("Sec-Fetch-Mode", "cors"), false},
		{"speculation rules", "GET", page, with("Sec-Purpose", "prefetch"), false},
		{"at the policy's own prefix", "GET", "/api" + getProduct, link, false},
		{"without a prefix", "GET", getProduct, link, false},
		{"not clean", "GET", "/docs/" + getProduct, link, false},
		{"with dot segments", "GET", "/x/../docs" + getProduct, link, false},
		{"another case", "GET", "/docs/acme.shop.v1.catalogservice/GetProduct", link, false},
		{"another case of the method", "GET", "/docs/" + catalog + "/getProduct", link, false},
		{"encoded twice", "GET", "/docs/%2561" + getProduct[2:], link, false},
		{"with a parameter", "GET", page + ";x", link, false},
		{"a percent sign elsewhere", "GET", "/100%25" + page, link, false},
	} {
		r := newRequest(tt.method, "", tt.header...)
		r.URL = targetURL(tt.target)
		assert.Equal(t, tt.ran, exchange(policy, r).ran, tt.name)
		assert.Equal(t, tt.ran, exchange(resources, r).ran, "%s, below other resources", tt.name)
		if strings.HasPrefix(tt.target, "/docs/acme") {
			assert.True(t, exchange(exempt, r).ran, "%s, below a resource of its own", tt.name)
		}
	}
}

// No rule is right for a path that means two services alike.
func TestAliasesOfServicesThatDifferInCase(t *testing.T) {
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
	policy := newPolicy(t, corsrpc.Config{Origins: []string{app}, Files: files})
	assert.True(t, exchange(policy, newRequest("POST", "/acme.Service/Get", "Origin", app)).ran)
	r := newRequest("POST", "//acme.Service/Get", "Origin", app)
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(policy, r))
	assert.Equal(t, "to some handlers the path means one of two services whose names differ only in case", policy.Evaluate(r).Detail)
	assert.True(t, exchange(policy, newRequest("POST", "//acme.Service/Get")).ran)
}

// A path that leads out of a resource for some servers is judged by the procedure
// that they find, although the resource's key begins with a literal segment.
func TestHiddenDotSegmentsLeaveResources(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = map[string]corsrpc.Resource{"/docs/": {Origins: []string{app}}}
	policy := newPolicy(t, config)
	for _, c := range []struct {
		path string
		runs bool
	}{
		{"/docs" + purgeCarts, true},
		{"/docs/a;v=2.png" + purgeCarts, true},
		{"/docs/100%25" + purgeCarts, true},
		{"/docs/..." + purgeCarts, true},
		{"/docs/..;" + purgeCarts, false},
		{"/docs/..;a" + purgeCarts, false},
		{"/docs/%2e.%3b" + purgeCarts, false},
		{"/docs/%252e%252e" + purgeCarts, false},
		{"/docs/.%252E" + purgeCarts, false},
		{"/docs/a/..%252f.." + purgeCarts, false},
		{"/docs/..%252facme.shop.v1.CartService/PurgeCarts", false},
		{"/docs/..%255cacme.shop.v1.CartService/PurgeCarts", false},
	} {
		for _, origin := range []string{app, evil} {
			ran := 0
			handler := policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ }))
			request := httptest.NewRequest("POST", c.path, nil)
			request.Header.Set("Origin", origin)
			request.Header.Set("Sec-Fetch-Site", "cross-site")
			handler.ServeHTTP(httptest.NewRecorder(), request)
			assert.Equal(t, c.runs, ran == 1, "%s from %s", c.path, origin)
		}
	}
}

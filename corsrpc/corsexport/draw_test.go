package corsexport

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	app     = "https://app.example.com"
	shopper = "https://shop.example.com"
	console = "https://console.example.com"
	evil    = "https://evil.test"

	getProduct    = "/acme.shop.v1.CatalogService/GetProduct"
	addItem       = "/acme.shop.v1.CartService/AddItem"
	purgeCarts    = "/acme.shop.v1.CartService/PurgeCarts"
	setPrice      = "/acme.shop.v1.AdminService/SetPrice"
	reportProduct = "/acme.shop.v1.AdminService/ReportProduct"
	reserveStock  = "/acme.shop.v1.WarehouseService/ReserveStock"

	catalog = "acme.shop.v1.CatalogService"
	cart    = "acme.shop.v1.CartService"
	admin   = "acme.shop.v1.AdminService"
)

// Configs and requests are drawn from values that are near each other, so that
// allowances and confusions both happen.
var (
	someEntries = []string{
		app, shopper, console, "http://localhost:8080", "http://localhost:*", "https://*.example.com", "https://*.example.com:8443", "https://*.shop.example.com:*",
		"https://*.foo.test", "http://[::1]:*", "capacitor://localhost", "http://127.0.0.1:3000",
	}
	someOrigins = []string{
		app, shopper, console, app, shopper, console, evil, "null", "http://localhost", "http://localhost:8080", "http://localhost:80", "http://localhost:99999", "https://a.example.com", "https://a.b.example.com:8443",
		"https://example.com", "https://aexample.com", "https://x.shop.example.com:1", "https://barfoo.test", "https://bar.foo.test", "http://[::1]", "http://[::1]:9", "capacitor://localhost",
		"https://api.example.com", "http://api.example.com:80", "https://API.example.com", "https://x..example.com", "https://evil.test/.example.com", "https://evil.test:1.example.com", "http://127.0.0.1:3000",
		app + ",", app + ":443", strings.ToUpper(app), "https://appXexample.com", "https://" + strings.Repeat("a", 64) + ".example.com",
	}
	someSites    = []string{"same-origin", "none", "same-site", "cross-site", "cross-site", "Same-Origin", "x"}
	someMethods  = []string{"GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"}
	someBindings = map[string][]string{
		catalog + ".GetProduct":     {"GET /v1/products/*", "POST /v1/products/*:read"},
		catalog + ".SearchProducts": {"GET /v1/products"},
		cart + ".AddItem":           {"POST /v1/cart/items", "GET /v1/cart/items/**"},
		cart + ".PurgeCarts":        {"POST /v1/admin:purge", "* /v1/admin/**"},
		admin + ".SetPrice":         {"PUT /v1/products/*", "POST /v1/products/*"},
	}
	someTargets = []string{
		"/" + catalog + "/", "/" + catalog + "/Newer", "/" + cart + "/Newer", "/" + admin + "/Newer/x", "/" + catalog, "/api/" + catalog + "/Newer",
		"/", "/img/x", "/img/", "/img", "/img/a%2Fb", "/img/%2e%2e/x", "/img/..%2Fx", "/img/a%5C..%5Cx", "/img//x", "/im%67/x", "/IMG/x", "/upload", "/upload/", "/upload%2Fx",
		"/files/a", "/files/a%2Fb", "/files/", "/files/a/b", "/docs/x", "/grpc.health.v1.Health/Check", "/x/y",
		"/v1/products", "/v1/products/", "/v1/products/a", "/v1/products/a%2Fb", "/v1/products/a:read", "/v1/products/a%3Aread", "/v1/Products/a", "/v1/%70roducts/a", "/v1/products/a;b", "/v1//products/a", "/v1/products//",
		"/v1/x/..%2Fproducts", "/v1/cart/items", "/v1/cart/items/x/y", "/v1/cart/items/", "/v1/admin:purge", "/v1/ADMIN:purge", "/v1/admin%253Apurge", "/v1/admin/:purge", "/v1/admin//%3Apurge", "/v1/x/..%2fadmin/:purge", "/v1/products/a/:read", "/v1/products/:read", "/v1/x/%252e%252e/admin:purge", "/v1/admin", "/v1/admin/x/y", "/v1/admin;x/y", "/v1%2Fadmin:purge",
	}
	someProcedures = []string{getProduct, addItem, purgeCarts, setPrice, reportProduct, reserveStock}
	// Spellings of a path that some servers take for it.
	someSpellings = []func(path string) string{
		func(path string) string { return "/" + path },
		func(path string) string { return path + "/" },
		func(path string) string { return "/docs" + path },
		func(path string) string { return "/docs/v1" + path + "/more" },
		func(path string) string { return "/api" + path },
		func(path string) string { return "/img" + path },
		strings.ToLower,
		strings.ToUpper,
		func(path string) string { return strings.ReplaceAll(path, "s", "%C5%BF") },
		func(path string) string { return strings.ReplaceAll(path, "s", "%25C5%25BF") },
		func(path string) string { return strings.ReplaceAll(path, "s", "%C5%25BF") },
		func(path string) string { return "/x" + strings.ReplaceAll(path, "k", "%E2%84%AA") },
		func(path string) string { return strings.ReplaceAll(path, "a", "%2561") },
		func(path string) string { return strings.ReplaceAll(path, "a", "%25%36%31") },
		func(path string) string { return strings.ReplaceAll(path, "a", "%61") },
		func(path string) string { return strings.ReplaceAll(path, "/", "//") },
		func(path string) string { return path[:1] + strings.ReplaceAll(path[1:], "/", "%2F") },
		func(path string) string { return "/x" + strings.ReplaceAll(path, "/", "%252f") },
		func(path string) string { return strings.ReplaceAll(path, "/", "/./") },
		func(path string) string { return "/x/.." + path },
		func(path string) string { return "/x/%2e%2e" + path },
		func(path string) string { return "/x/%252e%252e" + path },
		func(path string) string { return path + "/.." },
		func(path string) string { return path + "/../GetProduct" },
		func(path string) string { return "/" + admin + "/.." + path },
		func(path string) string { return "/" + admin + "/..%2F" + path[1:] },
		func(path string) string { return "/" + catalog + path },
		func(path string) string { return path + path },
		func(path string) string { return path + ";v=1" },
		func(path string) string { return strings.Replace(path, "Service/", "Service;v=1/", 1) },
		func(path string) string { return strings.Replace(path, "Service/", "Service%253Bv=1/", 1) },
		func(path string) string { return strings.Replace(path, "Service/", "Service;v=1%2F", 1) },
		func(path string) string { return "/..;x" + path },
		func(path string) string { return strings.ReplaceAll(path, "/", "/%5C") },
		func(path string) string { return path + "x" },
		func(path string) string { return "/x" + path[1:] },
	}
)

func pick[T any](r *rand.Rand, values []T) T { return values[r.IntN(len(values))] }

func chance(r *rand.Rand, one int) bool { return r.IntN(one) == 0 }

func some(r *rand.Rand, values []string, most int) []string {
	list := []string{}
	for range r.IntN(most + 1) {
		list = append(list, pick(r, values))
	}
	return list
}

// someConfig returns a Config that New takes.
func someConfig(r *rand.Rand) corsrpc.Config {
	credentials := chance(r, 3) // with which no list is of any origin
	originList := func() []string {
		if !credentials && chance(r, 8) {
			return []string{"*"}
		}
		return some(r, someEntries, 4)
	}
	config := corsrpc.Config{
		Origins:                         originList(),
		Credentials:                     credentials && !chance(r, 4),
		ReportOnly:                      chance(r, 8),
		Audiences:                       map[string][]string{"storefront": originList(), "backoffice": originList()},
		Overrides:                       map[string]corsrpc.Override{},
		Resources:                       map[string]corsrpc.Resource{},
		RequireFetchMetadata:            chance(r, 6),
		RequestHeaders:                  some(r, []string{"Authorization", "X-Tenant-Id", "X-'$`|~"}, 2),
		ResponseHeaders:                 some(r, []string{"X-Request-Id", "Cache-Control"}, 2),
		MaxAge:                          pick(r, []time.Duration{0, -1, time.Minute}),
		DangerouslyAllowInsecureOrigins: true,
		DangerouslyAllowPublicSuffixes:  true,
	}
	if chance(r, 4) {
		config.Services = pick(r, [][]string{{catalog, admin}, {"*", "grpc.health.v1.Health"}})
	}
	if chance(r, 5) {
		config.Except = []string{"acme.shop.v1.WarehouseService"}
	}
	governed := func(name string) bool {
		return config.Services == nil || config.Services[0] == "*" || slices.ContainsFunc(config.Services, func(service string) bool { return strings.HasPrefix(name, service) })
	}
	for _, name := range []string{catalog, admin, cart + ".AddItem", catalog + ".GetProduct"} {
		if !governed(name) || !chance(r, 3) {
			continue
		}
		o := corsrpc.Override{Internal: chance(r, 6), ReportOnly: corsrpc.Switch(r.IntN(3)), Links: corsrpc.Switch(r.IntN(3))}
		if chance(r, 2) {
			o.Origins = originList()
		}
		if credentials {
			o.Credentials = corsrpc.Switch(r.IntN(3))
		}
		config.Overrides[name] = o
	}
	if chance(r, 2) {
		config.REST = pick(r, []corsrpc.REST{corsrpc.RESTGateway, corsrpc.RESTTranscoding})
		config.Bindings = map[string][]string{}
		for _, name := range slices.Sorted(maps.Keys(someBindings)) {
			if bindings := someBindings[name]; governed(name) && chance(r, 2) {
				config.Bindings[name] = bindings[:1+r.IntN(len(bindings))]
			}
		}
	} else {
		config.REST = corsrpc.RESTNone
	}
	for _, key := range []string{"/img/", "/img/{id}", "/upload", "/", "/{x}/{y}", "/files/{name}", "/docs/", "/docs/v1/"} {
		if chance(r, 3) {
			config.Resources[key] = corsrpc.Resource{Origins: originList(), Credentials: credentials && chance(r, 2), Methods: []string{"PUT"}, ResponseHeaders: []string{"X-Seen"}}
		}
	}
	if chance(r, 4) {
		config.PathPrefix = "/api"
	}
	switch r.IntN(3) {
	case 0:
		config.Hosts = []string{"api.example.com:80", "www.example.com"}
		config.RequireHosts = chance(r, 3)
	case 1:
		config.Hosts = []string{}
	}
	return config
}

// newPolicy returns a policy like config, or one with fewer bindings if these
// cannot be called.
func newPolicy(config corsrpc.Config) (*corsrpc.Policy, error) {
	policy, err := corsrpc.New(config)
	for _, name := range slices.Sorted(maps.Keys(config.Bindings)) {
		if err != nil {
			config.Bindings = maps.Clone(config.Bindings)
			delete(config.Bindings, name)
			policy, err = corsrpc.New(config)
		}
	}
	return policy, err
}

// someRequest returns a request as a server reads it, and its raw path. It
// reports false if no server reads it.
func someRequest(t *testing.T, r *rand.Rand) (*http.Request, string, bool) {
	t.Helper()
	raw := pick(r, someTargets)
	if chance(r, 2) {
		raw = pick(r, someProcedures)
		if chance(r, 3) {
			raw = "/api" + raw
		}
	}
	for range pick(r, []int{0, 0, 1, 2}) {
		raw = pick(r, someSpellings)(raw)
	}
	header := http.Header{}
	for range pick(r, []int{0, 1, 1, 1, 1, 1, 1, 2}) {
		header.Add("Origin", pick(r, someOrigins))
	}
	for range pick(r, []int{0, 1, 1}) {
		header.Add("Sec-Fetch-Site", pick(r, someSites))
	}
	for name, values := range map[string][]string{
		"Sec-Purpose":                   {"prefetch"},
		"Cookie":                        {"session=1"},
		"Access-Control-Request-Method": someMethods,
		"Content-Type":                  {"application/json", "application/x-www-form-urlencoded", "Application/X-WWW-Form-urlencoded; charset=utf-8", "text/plain"},
		"X-Http-Method-Override":        {"PUT"},
		"Sec-Fetch-Mode":                {"cors", "no-cors", "navigate"},
		"Sec-Fetch-Dest":                {"document"},
	} {
		if chance(r, 4) && (name != "X-Http-Method-Override" || chance(r, 3)) {
			header.Set(name, pick(r, values))
		}
	}
	method := pick(r, someMethods)
	if chance(r, 5) {
		method = http.MethodOptions
		header.Set("Access-Control-Request-Method", pick(r, someMethods))
	}
	request, err := readRequest(method, raw, header)
	if err != nil {
		return nil, "", false
	}
	request.Host = pick(r, []string{"api.example.com", "api.example.com", "API.example.com:443", "evil.test", "localhost:8080"})
	return request, raw, true
}

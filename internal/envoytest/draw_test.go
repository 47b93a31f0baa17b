package envoytest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	app     = "https://app.example.com"
	shopper = "https://shop.example.com"
	console = "https://console.example.com"
	evil    = "https://evil.test"

	catalog   = "acme.shop.v1.CatalogService"
	cart      = "acme.shop.v1.CartService"
	admin     = "acme.shop.v1.AdminService"
	warehouse = "acme.shop.v1.WarehouseService"

	addItem      = "/" + cart + "/AddItem"
	setPrice     = "/" + admin + "/SetPrice"
	reserveStock = "/" + warehouse + "/ReserveStock"

	host    = "api.example.com"
	cluster = "shop"
)

// shopConfig is a Config as the shop's operator would write it.
func shopConfig() corsrpc.Config {
	return corsrpc.Config{
		Services: shopServices,
		Hosts:    []string{host},
		Origins:  []string{app, "https://*.preview.example.com", "http://localhost:*"},
		Audiences: map[string][]string{
			"storefront": {shopper},
			"backoffice": {console},
		},
		Overrides: map[string]corsrpc.Override{cart: {Credentials: corsrpc.On}},
		Resources: map[string]corsrpc.Resource{
			"/fonts/":              {Origins: []string{"*"}},
			"/products/{id}/photo": {Origins: []string{app}, ResponseHeaders: []string{"ETag"}},
		},
	}
}

// shopServices are the shop's services. Those of Envoy's API are registered as well.
var shopServices = []string{catalog, cart, admin, warehouse}

func pick[T any](r *rand.Rand, values []T) T { return values[r.IntN(len(values))] }

func chance(r *rand.Rand, one int) bool { return r.IntN(one) == 0 }

func some(r *rand.Rand, values []string, most int) []string {
	list := []string{}
	for range r.IntN(most + 1) {
		list = append(list, pick(r, values))
	}
	return list
}

var someEntries = []string{
	app, shopper, console, "http://localhost:8080", "http://localhost:*", "https://*.example.com", "https://*.example.com:8443", "https://*.shop.example.com:*",
	"https://*.foo.test", "http://[::1]:*", "capacitor://localhost", "http://127.0.0.1:3000",
}

// someConfig returns a Config that New takes, from values that are near each
// other.
func someConfig(r *rand.Rand) corsrpc.Config {
	credentials := chance(r, 3) // with which no list is of any origin
	originList := func() []string {
		if !credentials && chance(r, 8) {
			return []string{"*"}
		}
		return some(r, someEntries, 4)
	}
	config := corsrpc.Config{
		Services:                        shopServices,
		Origins:                         originList(),
		Credentials:                     credentials && !chance(r, 4),
		ReportOnly:                      chance(r, 8),
		Audiences:                       map[string][]string{"storefront": originList(), "backoffice": originList()},
		Overrides:                       map[string]corsrpc.Override{},
		Resources:                       map[string]corsrpc.Resource{},
		RequireFetchMetadata:            chance(r, 6),
		RequestHeaders:                  some(r, []string{"Authorization", "X-Tenant-Id", "X-'$`|~%REQ"}, 2),
		ResponseHeaders:                 some(r, []string{"X-Request-Id", "Cache-Control", "X-%-%%"}, 2),
		MaxAge:                          pick(r, []time.Duration{0, -1, time.Minute}),
		REST:                            corsrpc.RESTNone,
		DangerouslyAllowInsecureOrigins: true,
		DangerouslyAllowPublicSuffixes:  true,
	}
	if chance(r, 4) {
		config.Services = pick(r, [][]string{{catalog, admin}, append(slices.Clone(shopServices), "grpc.health.v1.Health")})
	}
	if chance(r, 5) {
		config.Except, config.Services = []string{warehouse}, slices.DeleteFunc(slices.Clone(config.Services), func(name string) bool { return name == warehouse })
	}
	governed := func(name string) bool {
		return slices.ContainsFunc(config.Services, func(service string) bool { return strings.HasPrefix(name, service) })
	}
	for _, name := range []string{catalog, admin, cart + ".AddItem", catalog + ".GetProduct"} {
		if !governed(name) || !chance(r, 3) {
			continue
		}
		o := corsrpc.Override{Internal: chance(r, 6), ReportOnly: corsrpc.Switch(r.IntN(3))}
		if chance(r, 2) {
			o.Origins = originList()
		}
		if credentials {
			o.Credentials = corsrpc.Switch(r.IntN(3))
		}
		config.Overrides[name] = o
	}
	for _, key := range []string{"/img/", "/img/{id}", "/upload", "/", "/{x}/{y}", "/files/{name}", "/docs/", "/docs/v1/", "/api/x/"} {
		if chance(r, 3) {
			config.Resources[key] = corsrpc.Resource{Origins: originList(), Credentials: credentials && chance(r, 2), Methods: []string{"PUT"}, ResponseHeaders: []string{"X-Seen"}}
		}
	}
	if chance(r, 4) {
		config.PathPrefix = "/api"
	}
	config.Hosts = pick(r, [][]string{{host + ":80", "www.example.com"}, {}, {"[::1]:8080", host}})
	config.RequireHosts = len(config.Hosts) > 0 && chance(r, 3)
	return config
}

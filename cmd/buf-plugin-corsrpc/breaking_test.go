package main

import (
	"testing"

	"buf.build/go/bufplugin/check/checktest"
)

// The schemas are in testdata/breaking. What is not in the table is not reported.
func TestBreaking(t *testing.T) {
	t.Parallel()
	type at [4]int // line and column of start and end
	type finding struct {
		rule        string
		at, against at
		message     string
	}
	for name, findings := range map[string][]finding{
		"call": {
			{pageCanCall, at{1, 1, 1, 1}, at{42, 1, 45, 2}, `pages of Config.Origins can no longer call /acme.shop.v1.StockService/GetStock and /acme.shop.v1.StockService/WatchStock: the service acme.shop.v1.StockService is gone`},
			{pageCanCall, at{13, 1, 27, 2}, at{16, 3, 16, 43}, `pages of the audience "storefront" can no longer call /acme.shop.v1.CartService/AddItem: the method acme.shop.v1.CartService.AddItem is gone`},
			{pageCanCall, at{14, 34, 14, 56}, at{19, 5, 19, 54}, `pages of the audience "checkout" can no longer call /acme.shop.v1.CartService/Checkout: its audience is now "storefront"`},
			{pageCanCall, at{21, 5, 21, 57}, at{22, 3, 22, 46}, `pages of the audience "storefront" can no longer call /acme.shop.v1.CartService/PurgeCarts: acme.shop.v1.CartService.PurgeCarts is internal now`},
			{pageCanCall, at{25, 5, 25, 56}, at{25, 5, 28, 7}, `pages of the audience "storefront" can no longer call GET /v1/carts:mine: the binding has changed`},
			{pageCanCall, at{30, 34, 30, 56}, at{33, 3, 35, 4}, `pages of Config.Origins can no longer call /acme.shop.v1.CatalogService/GetProduct and GET /v1/products/{id}: its audience is now "storefront"`},
			{pageCanCall, at{39, 3, 41, 4}, at{38, 1, 40, 2}, `pages of Config.Origins get "Failed to fetch" instead of unimplemented when they call a method of acme.shop.v1.PriceService that the server does not have, since not all of its methods are for them now: declare the new method in a service of its own`},
			{pageCanCall, at{45, 3, 45, 56}, at{48, 3, 48, 46}, `pages of Config.Origins can no longer call /acme.shop.v1.OrderService/TrackOrder: acme.shop.v1.OrderService.TrackOrder is internal now`},
		},
		"method": {
			{pageCanCall, at{9, 3, 9, 46}, at{10, 5, 10, 48}, `pages can no longer call /acme.shop.v1.CatalogService/GetProduct with GET; keep idempotency_level = NO_SIDE_EFFECTS as long as pages do`},
			{pageCanCall, at{12, 5, 12, 43}, at{14, 5, 14, 48}, `pages can no longer call /acme.shop.v1.CatalogService/GetPrice with GET; keep idempotency_level = NO_SIDE_EFFECTS as long as pages do`},
			{pageCanCall, at{16, 5, 16, 48}, at{18, 5, 18, 48}, `pages can no longer call /acme.shop.v1.CatalogService/SearchProducts with GET, since the method streams now`},
		},
		"send": {
			{pageCanSend, at{11, 34, 11, 66}, at{13, 5, 13, 31}, `pages can no longer send X-Brand to /acme.shop.v1.CartService/AddItem and /acme.shop.v1.CartService/Checkout; keep "x-brand" in request_headers as long as pages need it`},
			{pageCanSend, at{16, 7, 16, 37}, at{19, 7, 19, 34}, `pages can no longer send X-Locale to /acme.shop.v1.CartService/AddItem; keep "x-locale" in request_headers as long as pages need it`},
			{pageCanSend, at{22, 25, 22, 33}, at{28, 9, 28, 19}, `pages can no longer send X-Coupon to /acme.shop.v1.CartService/Checkout; keep "x-coupon" in request_headers as long as pages need it`},
			{pageCanSend, at{29, 35, 29, 61}, at{36, 5, 36, 59}, `pages can no longer send X-View to /acme.shop.v1.CartService/GetCart; keep "x-view" in request_headers as long as pages need it`},
			{pageCanSend, at{32, 3, 32, 46}, at{41, 5, 41, 60}, `pages can no longer send X-Brand to /acme.shop.v1.CartService/MergeCarts; keep "x-brand" in request_headers as long as pages need it`},
		},
		"read": {
			{pageCanRead, at{14, 27, 14, 36}, at{15, 9, 15, 17}, `pages can no longer read Trailer-X-Cost, X-Cost from /acme.shop.v1.CartService/AddItem; keep "x-cost" in response_trailers as long as pages need it`},
			{pageCanRead, at{19, 5, 19, 63}, at{22, 35, 22, 62}, `pages can no longer read Trailer-X-Cost from /acme.shop.v1.CartService/Checkout; keep "x-cost" in response_trailers as long as pages need it`},
			{pageCanRead, at{24, 7, 24, 35}, at{27, 7, 27, 35}, `pages can no longer read Trailer-X-Total from /acme.shop.v1.CartService/TrackOrder, since the method streams now`},
			{pageCanRead, at{25, 7, 25, 37}, at{28, 7, 28, 37}, `pages can no longer read Trailer-X-Updates from /acme.shop.v1.CartService/TrackOrder, since the method streams now`},
			{pageCanRead, at{29, 3, 29, 46}, at{33, 5, 33, 60}, `pages can no longer read X-Next from /acme.shop.v1.CartService/ListOrders; keep "x-next" in response_headers as long as pages need it`},
		},
		"unchanged": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []checktest.ExpectedAnnotation
			for _, f := range findings {
				want = append(want, checktest.ExpectedAnnotation{
					RuleID: f.rule, Message: f.message,
					FileLocation:        location("shop.proto", f.at[0], f.at[1], f.at[2], f.at[3]),
					AgainstFileLocation: location("shop.proto", f.against[0], f.against[1], f.against[2], f.against[3]),
				})
			}
			request := &checktest.RequestSpec{
				Files: protos("breaking/"+name+"/new", "shop.proto"), AgainstFiles: protos("breaking/"+name+"/old", "shop.proto"), RuleIDs: breakingRules,
			}
			checktest.CheckTest{Spec: spec, Request: request, ExpectedAnnotations: want}.Run(t)
			// The same schema loses nothing.
			request.AgainstFiles = request.Files
			checktest.CheckTest{Spec: spec, Request: request}.Run(t)
		})
	}
}

// breakingRules are named, since buf asks either for these or for lint rules.
var breakingRules = []string{pageCanCall, pageCanSend, pageCanRead}

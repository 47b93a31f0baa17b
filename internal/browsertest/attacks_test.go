package browsertest

import (
	"net/url"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// The names of the pages and of the API. Those below shop.localhost are of one
// site.
const (
	shopPage    = "app.shop.localhost"     // the storefront
	consolePage = "console.shop.localhost" // the back office
	partnerPage = "partner.localhost"      // listed, on a site of its own
	siblingPage = "evil.shop.localhost"
	foreignPage = "evil.localhost"
	apiName     = "api.shop.localhost"
)

// What attacks ask the API for.
var (
	connectGet    = getOf("acme.shop.v1.CatalogService/GetProduct", `{"productId":"teapot"}`)
	internalGet   = getOf("acme.shop.v1.WarehouseService/ReserveStock", `{"productId":"teapot","quantity":1}`)
	documentation = "/docs/acme.shop.v1.CatalogService/GetProduct"
	about         = "/about" // means no procedure
)

func getOf(procedure, message string) string {
	return "/" + procedure + "?" + url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {message}}.Encode()
}

// An attack is a way in which a page can have a request made.
type attack struct {
	how    string // as web/browsertest/attacks.ts has it
	path   string // connectGet where it is empty
	method string
	mode   string // Sec-Fetch-Mode
	site   string // Sec-Fetch-Site where the page has no say in it
	// purpose is Sec-Purpose.
	purpose string
	origin  string // what the Origin header holds: "" for none, "page", "null"
	// cookie is set if the request carries the API's cookies, where the page is of its
	// site.
	cookie bool
	// preflighted is set if a preflight comes first, after which nothing comes.
	preflighted bool
	// script is what a script learns of the response, "" if it cannot ask.
	script string
	// engines are those that can do it; nil for all.
	engines []*browsers.Engine
}

const (
	blockedFetch = "(the browser's word for a failure)"
	opaque       = "opaque 0"
)

// title returns the row of the matrix that the attack has.
func (a *attack) title() string {
	switch a.path {
	case internalGet:
		return a.how + ", of an internal method"
	case documentation:
		return a.how + ", of a documentation page"
	case about:
		return a.how + ", of a page"
	default:
		return a.how
	}
}

// titleWithCookies is the title of an attack by a page that is listed without
// Credentials.
func (a *attack) titleWithCookies() string { return a.how + ", from a listed page, Credentials off" }

var attacks = []attack{
	{how: "image", method: "GET", mode: "no-cors", cookie: true},
	{how: "script", method: "GET", mode: "no-cors", cookie: true},
	{how: "stylesheet", method: "GET", mode: "no-cors", cookie: true},
	{how: "video", method: "GET", mode: "no-cors", cookie: true},
	{how: "style image", method: "GET", mode: "no-cors", cookie: true},
	{how: "fetch no-cors", method: "GET", mode: "no-cors", cookie: true, script: opaque},
	{how: "frame", method: "GET", mode: "navigate", cookie: true},
	{how: "object", method: "GET", mode: "navigate", cookie: true},
	{how: "embed", method: "GET", mode: "navigate", cookie: true},
	{how: "form GET", method: "GET", mode: "navigate", cookie: true},
	{how: "form POST", method: "POST", mode: "navigate", origin: "page", cookie: true},
	{how: "beacon", method: "POST", mode: "no-cors", origin: "page", cookie: true},
	{how: "module script", method: "GET", mode: "cors", origin: "page"},
	{how: "EventSource", method: "GET", mode: "cors", origin: "page"},
	{how: "WebSocket", method: "GET", mode: "websocket", origin: "page", cookie: true},
	{how: "fetch GET", method: "GET", mode: "cors", origin: "page", script: blockedFetch},
	{how: "fetch GET with credentials", method: "GET", mode: "cors", origin: "page", cookie: true, script: blockedFetch},
	{how: "fetch POST of text", method: "POST", mode: "cors", origin: "page", script: blockedFetch},
	{how: "fetch POST of JSON", method: "POST", mode: "cors", origin: "page", preflighted: true, script: blockedFetch},
	{how: "sandboxed frame, fetch GET", method: "GET", mode: "cors", origin: "null", script: blockedFetch},
	{how: "sandboxed frame, fetch POST of JSON", method: "POST", mode: "cors", origin: "null", preflighted: true, script: blockedFetch},

	{how: "image", path: documentation, method: "GET", mode: "no-cors", cookie: true},
	{how: "frame", path: documentation, method: "GET", mode: "navigate", cookie: true},
	{how: "fetch no-cors", path: documentation, method: "GET", mode: "no-cors", cookie: true, script: opaque},
	{how: "fetch GET", path: documentation, method: "GET", mode: "cors", origin: "page", script: blockedFetch},
}

// prefetches are requests that a page lets the browser make ahead. Those of
// <script type="speculationrules"> are navigations: Chromium sends them as if the user
// had typed the address, and only Sec-Purpose shows what they are. It sends none to
// another site that the user has cookies of.
//
// They are made by pages that do nothing else: Firefox waits until frames are loaded.
var prefetches = []attack{
	{how: linkPrefetch, method: "GET", mode: "no-cors", purpose: "prefetch", cookie: true, engines: prefetching},
	{how: rulesPrefetch, method: "GET", mode: "navigate", site: "none", purpose: "prefetch", cookie: true, engines: speculating},
	{how: rulesPrerender, method: "GET", mode: "navigate", site: "none", purpose: "prefetch;prerender", cookie: true, engines: speculating},
	{how: rulesPrefetch, path: internalGet, method: "GET", mode: "navigate", site: "none", purpose: "prefetch", cookie: true, engines: speculating},
	{how: rulesPrerender, path: internalGet, method: "GET", mode: "navigate", site: "none", purpose: "prefetch;prerender", cookie: true, engines: speculating},
}

const (
	linkPrefetch   = "link rel=prefetch"
	rulesPrefetch  = "speculation rules, prefetch"
	rulesPrerender = "speculation rules, prerender"
)

var (
	prefetching = []*browsers.Engine{browsers.Chromium, browsers.Firefox}
	speculating = []*browsers.Engine{browsers.Chromium}
)

// ownPrefetches are those of a page of the API's own origin. Nothing tells speculation
// rules of such a page from those of a sibling's, so they cannot prefetch procedures.
var ownPrefetches = []ownPrefetch{
	{attack{how: linkPrefetch, method: "GET", mode: "no-cors", purpose: "prefetch", cookie: true, engines: prefetching}, true},
	{attack{how: rulesPrefetch, path: about, method: "GET", mode: "navigate", site: "none", purpose: "prefetch", cookie: true, engines: speculating}, true},
	{attack{how: rulesPrefetch, method: "GET", mode: "navigate", site: "none", purpose: "prefetch", cookie: true, engines: speculating}, false},
}

// An ownPrefetch is made by a page of the API's own origin.
type ownPrefetch struct {
	attack
	allowed bool
}

// title returns the row of the matrix.
func (p *ownPrefetch) title() string {
	if p.allowed {
		return p.attack.title() + ", from the API's own origin, which works"
	}
	return p.attack.title() + ", from the API's own origin"
}

// credentialed are requests with the user's cookies, which a listed page can make
// whether or not the policy has Credentials.
var credentialed = []attack{
	{how: "fetch GET with credentials", method: "GET", mode: "cors", origin: "page", cookie: true, script: blockedFetch},
	{how: "fetch POST of text with credentials", method: "POST", mode: "cors", origin: "page", cookie: true, script: blockedFetch},
	{how: "fetch POST of JSON with credentials", method: "POST", mode: "cors", origin: "page", cookie: true, preflighted: true, script: blockedFetch},
	{how: "EventSource with credentials", method: "GET", mode: "cors", origin: "page", cookie: true},
	{how: "image with credentials", method: "GET", mode: "cors", origin: "page", cookie: true},
	{how: "form POST", method: "POST", mode: "navigate", origin: "page", cookie: true},
	{how: "beacon", method: "POST", mode: "no-cors", origin: "page", cookie: true},
	{how: "WebSocket", method: "GET", mode: "websocket", origin: "page", cookie: true},
}

// A navigation of the whole page, by a link, is an attack that cannot be made beside
// others.
var navigation = attack{how: "navigation", method: "GET", mode: "navigate", cookie: true}

// linkToDocumentation is not an attack: the page opens.
const linkToDocumentation = "link to a documentation page, which opens"

// fromAnywhere are calls that no page may make but the storefront's, one of each
// client.
func fromAnywhere() []cell {
	addItem := callNamed("unary with metadata, Authorization, header and trailer")
	getProduct := callNamed("unary without side effects")
	return []cell{
		{client: clientWithID("connect-get"), call: getProduct}, // comes without a preflight
		{client: googleWithoutPreflight, call: addItem},         // likewise
		{client: clientWithID("connect-json"), call: addItem},
		{client: clientWithID("connect-binary"), call: addItem},
		{client: clientWithID("connect-grpc-web"), call: addItem},
		{client: clientWithID("connect-grpc-web-json"), call: addItem},
		{client: clientWithID("google-binary"), call: addItem},
		{client: clientWithID("improbable"), call: addItem},
		{client: clientWithID("protobuf-ts-binary"), call: addItem},
		{client: clientWithID("nice-grpc-web"), call: addItem},
	}
}

// googleWithoutPreflight is Google's grpc-web with suppressCorsPreflight: it puts
// the headers into the query, and the content type of a form before the message.
var googleWithoutPreflight = &client{
	id: "google-no-preflight", title: "grpc-web, suppressCorsPreflight", protocol: grpcWeb, unsupported: true, sees: googleSees,
}

// Calls that are for no page, or for pages of the back office alone.
var (
	purgeCarts = &call{
		name: "internal method", procedure: "CartService/PurgeCarts",
		metadata: fields("authorization", "Bearer ada"), request: &shopv1.PurgeCartsRequest{},
		messages: one(&shopv1.PurgeCartsResponse{Purged: 7}),
	}
	reserveStock = &call{
		name: "internal service", procedure: "WarehouseService/ReserveStock",
		request:  &shopv1.ReserveStockRequest{ProductId: "kettle", Quantity: 2},
		messages: one(&shopv1.ReserveStockResponse{ReservationId: "reservation-kettle", Left: 1}),
	}
	// It may be an internal one, for all that Wrap knows.
	unknownMethod = &call{
		name: "unknown method beside an internal one", procedure: "CartService/RecommendItems", like: "CatalogService/GetProduct",
		request: &shopv1.GetProductRequest{ProductId: "teapot"},
	}
	setPrice = &call{
		name: "the back office's method", procedure: "AdminService/SetPrice",
		metadata: fields("authorization", "Bearer bob", "x-change-reason", "sale"),
		request:  &shopv1.SetPriceRequest{ProductId: "teapot", Price: euros(1999)},
		messages: one(&shopv1.SetPriceResponse{Product: &shopv1.Product{Id: "teapot", Name: "Stoneware teapot", Price: euros(1999), Stock: 12}}),
		header:   fields("x-audit-id", "set-price-bob-sale"),
	}
	reportProduct = &call{
		name: "the storefront's method", procedure: "AdminService/ReportProduct",
		metadata: fields("authorization", "Bearer ada"),
		request:  &shopv1.ReportProductRequest{ProductId: "mug", Complaint: "it leaks"},
		messages: one(&shopv1.ReportProductResponse{ReportId: "report-mug"}),
		header:   fields("x-audit-id", "report-product-ada"),
	}
)

func callNamed(name string) *call {
	for i := range calls {
		if calls[i].name == name {
			return &calls[i]
		}
	}
	panic("no call " + name)
}

func clientWithID(id string) *client {
	for _, c := range clients {
		if c.id == id {
			return c
		}
	}
	panic("no client " + id)
}

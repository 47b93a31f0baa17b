package browsertest

import (
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The names of the pages and of the API. Those below shop.localhost are of one
// site.
const (
	shopPage    = "app.shop.localhost"     // the storefront
	consolePage = "console.shop.localhost" // the back office
	siblingPage = "evil.shop.localhost"
	foreignPage = "evil.localhost"
	apiName     = "api.shop.localhost"
)

// An attack is a way in which a page can have a request made, to a Connect GET
// where nothing else is said.
type attack struct {
	how    string // as web/src/attacks.ts has it
	method string
	mode   string // Sec-Fetch-Mode
	origin string // what the Origin header holds: "" for none, "page", "null"
	// cookie says that the request carries the API's cookies if the page is of
	// its site.
	cookie bool
	// preflighted says that a preflight comes before it, and nothing after that.
	preflighted bool
	// script is what a script learns of the answer, "" where it cannot ask.
	script string
}

const (
	blockedFetch = "(the browser's word for a failure)"
	opaque       = "opaque 0"
)

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
	{how: "fetch POST of text", method: "POST", mode: "cors", origin: "page", script: blockedFetch},
	{how: "fetch POST of JSON", method: "POST", mode: "cors", origin: "page", preflighted: true, script: blockedFetch},
	{how: "sandboxed frame, fetch GET", method: "GET", mode: "cors", origin: "null", script: blockedFetch},
	{how: "sandboxed frame, fetch POST of JSON", method: "POST", mode: "cors", origin: "null", preflighted: true, script: blockedFetch},
}

// A navigation of the whole page is an attack that cannot be made beside others.
var navigation = attack{how: "navigation", method: "GET", mode: "navigate", cookie: true}

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

package browsertest

import (
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// A call is one call of a page and all that the shop sends back. The facts are
// those that proto/acme/shop/v1 promises.
type call struct {
	name      string
	procedure string            // "CatalogService/GetProduct", in acme.shop.v1
	like      string            // the procedure whose types it has, if proto/ does not have it
	metadata  map[string]string // lower-case, as all names here
	deadline  deadline
	request   proto.Message

	// What is sent by the shop, in whichever form the protocol carries it.
	messages []proto.Message
	code     connect.Code // 0: success
	message  string
	details  []proto.Message
	header   map[string]string // response header
	trailer  map[string]string
	meta     map[string]string // error metadata

	// errorWriter says that the answer is that of connect.ErrorWriter, which
	// writes it at once, so that net/http knows its length.
	errorWriter bool
	// plain is the answer of something that knows nothing of RPC, in place of
	// the shop's.
	plain *plainAnswer
}

// A plainAnswer is an HTTP answer with text in it.
type plainAnswer struct {
	status int
	text   string
	header map[string]string // other than every text's
}

// A deadline is what a page asks for, and whether the shop meets it.
type deadline uint8

const (
	noDeadline deadline = iota
	farDeadline
	missedDeadline
)

const (
	farTimeoutMs = 60_000
	// The answer to a call that misses its deadline never comes, so that the
	// time it takes is all that hangs on this.
	missedTimeoutMs = 250
)

var calls = []call{
	{
		name:      "unary without side effects",
		procedure: "CatalogService/GetProduct",
		request:   &shopv1.GetProductRequest{ProductId: "teapot"},
		messages:  one(&shopv1.GetProductResponse{Product: teapot()}),
		header:    fields("x-catalog-version", "2026-10"),
	},
	{
		name:      "unary error alone",
		procedure: "CatalogService/GetProduct",
		// Not ASCII, so that Grpc-Message is percent-encoded.
		request: &shopv1.GetProductRequest{ProductId: "théière"},
		code:    connect.CodeNotFound,
		message: `no product "théière"`,
	},
	{
		name:      "unary with metadata, Authorization, header and trailer",
		procedure: "CartService/AddItem",
		metadata:  fields("authorization", "Bearer ada", "x-tenant-id", "acme"),
		request:   &shopv1.AddItemRequest{Item: item("teapot", 2)},
		messages:  one(&shopv1.AddItemResponse{Item: item("teapot", 2), Total: euros(4900), Customer: "ada", Tenant: "acme"}),
		header:    fields("x-request-id", "add-item-ada"),
		trailer:   fields("x-cost", "1"),
	},
	{
		name:      "unary error with header, trailer and detail",
		procedure: "CartService/AddItem",
		metadata:  fields("authorization", "Bearer ada", "x-tenant-id", "acme"),
		request:   &shopv1.AddItemRequest{Item: item("teapot", 13)},
		code:      connect.CodeFailedPrecondition,
		message:   `only 12 of "teapot" left`,
		details:   one(&shopv1.OutOfStock{ProductId: "teapot", Available: 12}),
		header:    fields("x-request-id", "add-item-ada"),
		trailer:   fields("x-cost", "1"),
	},
	{
		name:      "unary error with metadata, trailer and detail",
		procedure: "CartService/Checkout",
		metadata:  fields("authorization", "Bearer ada"),
		request:   &shopv1.CheckoutRequest{PaymentToken: "tok_expired"},
		code:      connect.CodeFailedPrecondition,
		message:   "the payment was declined",
		details:   one(&shopv1.PaymentDeclined{PaymentToken: "tok_expired", Reason: "the card has expired"}),
		trailer:   fields("x-cost", "5"),
		meta:      fields("x-retry-hint", "use-another-card"),
	},
	{
		name:      "stream with header and trailer",
		procedure: "CartService/TrackOrder",
		metadata:  fields("authorization", "Bearer ada"),
		request:   &shopv1.TrackOrderRequest{OrderId: "order-ada"},
		messages: []proto.Message{
			&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_PACKED, Location: "Acme warehouse"},
			&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_SHIPPED, Location: "Harbour depot"},
			&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_DELIVERED, Location: "Front door"},
		},
		header:  fields("x-request-id", "track-order-ada"),
		trailer: fields("x-updates", "3"),
	},
	{
		name:      "stream without header",
		procedure: "CatalogService/SearchProducts",
		request:   &shopv1.SearchProductsRequest{Query: "teapot"},
		messages:  one(&shopv1.SearchProductsResponse{Product: teapot()}),
		trailer:   fields("x-hits", "1"),
	},
	{
		name:      "empty stream",
		procedure: "CatalogService/SearchProducts",
		request:   &shopv1.SearchProductsRequest{Query: "unicorn"},
		trailer:   fields("x-hits", "0"),
	},
	{
		name:      "stream error before the first message",
		procedure: "CartService/TrackOrder",
		metadata:  fields("authorization", "Bearer ada"),
		request:   &shopv1.TrackOrderRequest{OrderId: "order-bob"},
		code:      connect.CodeNotFound,
		message:   `no order "order-bob"`,
		trailer:   fields("x-updates", "0"),
		meta:      fields("x-retry-hint", "check-order-id"),
	},
	{
		name:      "stream error after a message",
		procedure: "CartService/TrackOrder",
		metadata:  fields("authorization", "Bearer ada"),
		request:   &shopv1.TrackOrderRequest{OrderId: "order-lost"},
		messages:  one(&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_PACKED, Location: "Acme warehouse"}),
		code:      connect.CodeDataLoss,
		message:   "the parcel got lost",
		details:   one(&shopv1.ParcelLost{LastLocation: "Acme warehouse"}),
		header:    fields("x-request-id", "track-order-ada"),
		trailer:   fields("x-updates", "1"),
		meta:      fields("x-retry-hint", "order-again"),
	},
	{
		name:      "stream error after a message, without metadata",
		procedure: "CatalogService/WatchPrices",
		request:   &shopv1.WatchPricesRequest{ProductIds: []string{"mug", "unicorn"}},
		messages:  one(&shopv1.WatchPricesResponse{ProductId: "mug", Price: euros(975)}),
		code:      connect.CodeNotFound,
		message:   `no product "unicorn"`,
		header:    fields("x-catalog-version", "2026-10"),
		trailer:   fields("x-updates", "1"),
	},
	{
		name:      "deadline that is met",
		procedure: "CartService/Checkout",
		metadata:  fields("authorization", "Bearer ada"),
		deadline:  farDeadline,
		request:   &shopv1.CheckoutRequest{PaymentToken: "tok_visa"},
		messages:  one(&shopv1.CheckoutResponse{OrderId: "order-ada"}),
		header:    fields("x-request-id", "checkout-ada"),
		trailer:   fields("x-cost", "5"),
	},
	{
		name:      "deadline that is missed",
		procedure: "CatalogService/GetProduct",
		deadline:  missedDeadline,
		request:   &shopv1.GetProductRequest{ProductId: slowProduct},
		code:      connect.CodeDeadlineExceeded,
		message:   "context deadline exceeded",
	},
	{
		name:      "method that the server does not have",
		procedure: "CatalogService/RecommendProducts",
		like:      "CatalogService/GetProduct",
		request:   &shopv1.GetProductRequest{ProductId: "teapot"},
		plain:     &plainAnswer{status: 404, text: "404 page not found\n"},
	},
	{
		name:      "streaming method that the server does not have",
		procedure: "CatalogService/RecommendMany",
		like:      "CatalogService/SearchProducts",
		request:   &shopv1.SearchProductsRequest{Query: "teapot"},
		plain:     &plainAnswer{status: 404, text: "404 page not found\n"},
	},
	{
		name:      "401 from authentication, unary",
		procedure: "CartService/Checkout",
		metadata:  fields("authorization", expiredToken),
		request:   &shopv1.CheckoutRequest{PaymentToken: "tok_visa"},
		plain:     &plainAnswer{status: 401, text: "the token has expired\n", header: fields("www-authenticate", "Bearer")},
	},
	{
		name:      "401 from authentication, stream",
		procedure: "CartService/TrackOrder",
		metadata:  fields("authorization", expiredToken),
		request:   &shopv1.TrackOrderRequest{OrderId: "order-ada"},
		plain:     &plainAnswer{status: 401, text: "the token has expired\n", header: fields("www-authenticate", "Bearer")},
	},
	{
		name:        "unauthenticated from authentication, unary",
		procedure:   "CartService/Checkout",
		metadata:    fields("authorization", revokedToken),
		request:     &shopv1.CheckoutRequest{PaymentToken: "tok_visa"},
		code:        connect.CodeUnauthenticated,
		message:     "the token was revoked",
		errorWriter: true,
	},
	{
		name:        "unauthenticated from authentication, stream",
		procedure:   "CartService/TrackOrder",
		metadata:    fields("authorization", revokedToken),
		request:     &shopv1.TrackOrderRequest{OrderId: "order-ada"},
		code:        connect.CodeUnauthenticated,
		message:     "the token was revoked",
		errorWriter: true,
	},
}

// exposed are the names that the policy has pages read, by procedure, beside
// Grpc-Status, Grpc-Message and Grpc-Status-Details-Bin: what the options in
// proto/acme/shop/v1 declare, and each trailer in the form of its protocol.
var exposed = map[string][]string{
	"CatalogService/GetProduct":     {"x-catalog-version"},
	"CatalogService/SearchProducts": {"x-hits"},
	"CatalogService/WatchPrices":    {"x-catalog-version", "x-updates"},
	"CartService/AddItem":           {"x-request-id", "trailer-x-cost", "x-cost"},
	"CartService/Checkout":          {"x-request-id", "x-retry-hint", "trailer-x-cost", "x-cost"},
	"CartService/TrackOrder":        {"x-request-id", "x-retry-hint", "x-updates"},
	"AdminService/SetPrice":         {"x-audit-id"},
	"AdminService/ReportProduct":    {"x-audit-id"},
}

func (c *call) fullName(procedure string) string { return "acme.shop.v1." + procedure }

// typed returns the procedure whose types the call has.
func (c *call) typed() string {
	if c.like != "" {
		return c.like
	}
	return c.procedure
}

func (c *call) descriptor() protoreflect.MethodDescriptor {
	name := protoreflect.FullName(strings.ReplaceAll(c.fullName(c.typed()), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic(err)
	}
	return d.(protoreflect.MethodDescriptor)
}

func (c *call) unary() bool { return !c.descriptor().IsStreamingServer() }

// viaGet reports whether Connect may use GET: proto/ says so.
func (c *call) viaGet() bool {
	options := c.descriptor().Options().(*descriptorpb.MethodOptions)
	return c.unary() && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

func fields(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func one(message proto.Message) []proto.Message { return []proto.Message{message} }

func euros(cents int32) *shopv1.Money {
	return &shopv1.Money{CurrencyCode: "EUR", MinorUnits: cents}
}

func teapot() *shopv1.Product {
	return &shopv1.Product{Id: "teapot", Name: "Stoneware teapot", Price: euros(2450), Stock: 12}
}

func item(product string, quantity int32) *shopv1.CartItem {
	return &shopv1.CartItem{ProductId: product, Quantity: quantity}
}

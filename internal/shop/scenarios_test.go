package shop_test

import (
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// A scenario is one call of a procedure and everything that its caller may see.
type scenario struct {
	name      string
	procedure string
	send      map[string]string // request metadata
	requests  []proto.Message
	want      outcome
}

// An outcome is what came of a call. Names are lower-case.
type outcome struct {
	messages []proto.Message
	code     connect.Code // 0 on success
	message  string
	details  []proto.Message
	header   map[string]string // x-* response headers
	trailer  map[string]string // x-* trailers
	meta     map[string]string // x-* error metadata
}

var (
	ada     = map[string]string{"authorization": "Bearer ada"}
	adaAcme = map[string]string{"authorization": "Bearer ada", "x-tenant-id": "acme"}
	clerk   = map[string]string{"authorization": "Bearer bob", "x-change-reason": "sale"}
	nobody  = map[string]string{}
)

const needsAuthorization = `send the metadata authorization: "Bearer " and a name`

var scenarios = []scenario{
	{
		name:      "a product",
		procedure: shopv1connect.CatalogServiceGetProductProcedure,
		requests:  one(&shopv1.GetProductRequest{ProductId: "teapot"}),
		want: outcome{
			messages: one(&shopv1.GetProductResponse{Product: teapot()}),
			header:   map[string]string{"x-catalog-version": "2026-10"},
		},
	},
	{
		name:      "an unknown product, without a header",
		procedure: shopv1connect.CatalogServiceGetProductProcedure,
		requests:  one(&shopv1.GetProductRequest{ProductId: "unicorn"}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
	{
		name:      "an unknown product with a hostile name is quoted and cut",
		procedure: shopv1connect.CatalogServiceGetProductProcedure,
		requests:  one(&shopv1.GetProductRequest{ProductId: "\r\nx: " + strings.Repeat("y", 1000)}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "\r\nx: ` + strings.Repeat("y", 27) + `"`},
	},
	{
		name:      "two hits, in the catalogue's order",
		procedure: shopv1connect.CatalogServiceSearchProductsProcedure,
		requests:  one(&shopv1.SearchProductsRequest{Query: "STONE"}),
		want: outcome{
			messages: []proto.Message{
				&shopv1.SearchProductsResponse{Product: teapot()},
				&shopv1.SearchProductsResponse{Product: &shopv1.Product{Id: "mug", Name: "Stoneware mug", Price: euros(975), Stock: 40}},
			},
			trailer: map[string]string{"x-hits": "2"},
		},
	},
	{
		name:      "no hit is an empty success",
		procedure: shopv1connect.CatalogServiceSearchProductsProcedure,
		requests:  one(&shopv1.SearchProductsRequest{Query: "unicorn"}),
		want:      outcome{trailer: map[string]string{"x-hits": "0"}},
	},
	{
		name:      "two prices, in the request's order",
		procedure: shopv1connect.CatalogServiceWatchPricesProcedure,
		requests:  one(&shopv1.WatchPricesRequest{ProductIds: []string{"kettle", "mug"}}),
		want: outcome{
			messages: []proto.Message{
				&shopv1.WatchPricesResponse{ProductId: "kettle", Price: euros(8900)},
				&shopv1.WatchPricesResponse{ProductId: "mug", Price: euros(975)},
			},
			header:  map[string]string{"x-catalog-version": "2026-10"},
			trailer: map[string]string{"x-updates": "2"},
		},
	},
	{
		name:      "a price, then an unknown product",
		procedure: shopv1connect.CatalogServiceWatchPricesProcedure,
		requests:  one(&shopv1.WatchPricesRequest{ProductIds: []string{"mug", "unicorn"}}),
		want: outcome{
			messages: one(&shopv1.WatchPricesResponse{ProductId: "mug", Price: euros(975)}),
			code:     connect.CodeNotFound,
			message:  `no product "unicorn"`,
			header:   map[string]string{"x-catalog-version": "2026-10"},
			trailer:  map[string]string{"x-updates": "1"},
		},
	},
	{
		name:      "two teapots",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      adaAcme,
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 2)}),
		want: outcome{
			messages: one(&shopv1.AddItemResponse{Item: item("teapot", 2), Total: euros(4900), Customer: "ada", Tenant: "acme"}),
			header:   map[string]string{"x-request-id": "add-item-ada"},
			trailer:  map[string]string{"x-cost": "1"},
		},
	},
	{
		name:      "more teapots than there are: failure with header, trailer and detail",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      adaAcme,
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 13)}),
		want: outcome{
			code:    connect.CodeFailedPrecondition,
			message: `only 12 of "teapot" left`,
			details: one(&shopv1.OutOfStock{ProductId: "teapot", Available: 12}),
			header:  map[string]string{"x-request-id": "add-item-ada"},
			trailer: map[string]string{"x-cost": "1"},
		},
	},
	{
		name:      "no teapots",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      adaAcme,
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 0)}),
		want: outcome{
			code:    connect.CodeInvalidArgument,
			message: "quantity must be at least 1",
			header:  map[string]string{"x-request-id": "add-item-ada"},
			trailer: map[string]string{"x-cost": "1"},
		},
	},
	{
		name:      "an unknown product in the cart",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      adaAcme,
		requests:  one(&shopv1.AddItemRequest{Item: item("unicorn", 1)}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
	{
		name:      "an item without authorization",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      map[string]string{"x-tenant-id": "acme"},
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 2)}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "an item without a tenant",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      ada,
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 2)}),
		want:      outcome{code: connect.CodeInvalidArgument, message: "send the metadata x-tenant-id: a name"},
	},
	{
		name:      "a tenant that is no name",
		procedure: shopv1connect.CartServiceAddItemProcedure,
		send:      map[string]string{"authorization": "Bearer ada", "x-tenant-id": "ACME, Inc."},
		requests:  one(&shopv1.AddItemRequest{Item: item("teapot", 2)}),
		want:      outcome{code: connect.CodeInvalidArgument, message: "send the metadata x-tenant-id: a name"},
	},
	{
		name:      "authorization that is not a bearer's",
		procedure: shopv1connect.CartServiceCheckoutProcedure,
		send:      map[string]string{"authorization": "Basic ada"},
		requests:  one(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "authorization with too long a name",
		procedure: shopv1connect.CartServiceCheckoutProcedure,
		send:      map[string]string{"authorization": "Bearer " + strings.Repeat("a", 33)},
		requests:  one(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "a payment",
		procedure: shopv1connect.CartServiceCheckoutProcedure,
		send:      ada,
		requests:  one(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"}),
		want: outcome{
			messages: one(&shopv1.CheckoutResponse{OrderId: "order-ada"}),
			header:   map[string]string{"x-request-id": "checkout-ada"},
			trailer:  map[string]string{"x-cost": "5"},
		},
	},
	{
		name:      "a declined payment: failure with detail, error metadata and trailer, without a header",
		procedure: shopv1connect.CartServiceCheckoutProcedure,
		send:      ada,
		requests:  one(&shopv1.CheckoutRequest{PaymentToken: "tok_expired"}),
		want: outcome{
			code:    connect.CodeFailedPrecondition,
			message: "the payment was declined",
			details: one(&shopv1.PaymentDeclined{PaymentToken: "tok_expired", Reason: "the card has expired"}),
			trailer: map[string]string{"x-cost": "5"},
			meta:    map[string]string{"x-retry-hint": "use-another-card"},
		},
	},
	{
		name:      "an order that arrives",
		procedure: shopv1connect.CartServiceTrackOrderProcedure,
		send:      ada,
		requests:  one(&shopv1.TrackOrderRequest{OrderId: "order-ada"}),
		want: outcome{
			messages: []proto.Message{
				&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_PACKED, Location: "Acme warehouse"},
				&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_SHIPPED, Location: "Harbour depot"},
				&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_DELIVERED, Location: "Front door"},
			},
			header:  map[string]string{"x-request-id": "track-order-ada"},
			trailer: map[string]string{"x-updates": "3"},
		},
	},
	{
		name:      "an order that fails after one message",
		procedure: shopv1connect.CartServiceTrackOrderProcedure,
		send:      ada,
		requests:  one(&shopv1.TrackOrderRequest{OrderId: "order-lost"}),
		want: outcome{
			messages: one(&shopv1.TrackOrderResponse{Stage: shopv1.OrderStage_ORDER_STAGE_PACKED, Location: "Acme warehouse"}),
			code:     connect.CodeDataLoss,
			message:  "the parcel got lost",
			details:  one(&shopv1.ParcelLost{LastLocation: "Acme warehouse"}),
			header:   map[string]string{"x-request-id": "track-order-ada"},
			trailer:  map[string]string{"x-updates": "1"},
			meta:     map[string]string{"x-retry-hint": "order-again"},
		},
	},
	{
		name:      "somebody else's order fails before any message, without a header",
		procedure: shopv1connect.CartServiceTrackOrderProcedure,
		send:      ada,
		requests:  one(&shopv1.TrackOrderRequest{OrderId: "order-bob"}),
		want: outcome{
			code:    connect.CodeNotFound,
			message: `no order "order-bob"`,
			trailer: map[string]string{"x-updates": "0"},
			meta:    map[string]string{"x-retry-hint": "check-order-id"},
		},
	},
	{
		name:      "an order without authorization",
		procedure: shopv1connect.CartServiceTrackOrderProcedure,
		send:      nobody,
		requests:  one(&shopv1.TrackOrderRequest{OrderId: "order-ada"}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "two items imported",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      ada,
		requests: []proto.Message{
			&shopv1.ImportItemsRequest{Item: item("mug", 4)},
			&shopv1.ImportItemsRequest{Item: item("kettle", 1)},
		},
		want: outcome{
			messages: one(&shopv1.ImportItemsResponse{Items: 2, Total: euros(12800)}),
			header:   map[string]string{"x-request-id": "import-items-ada"},
			trailer:  map[string]string{"x-cost": "2"},
		},
	},
	{
		name:      "no items imported",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      ada,
		want: outcome{
			messages: one(&shopv1.ImportItemsResponse{Total: euros(0)}),
			header:   map[string]string{"x-request-id": "import-items-ada"},
			trailer:  map[string]string{"x-cost": "0"},
		},
	},
	{
		name:      "an import of too many kettles",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      ada,
		requests:  one(&shopv1.ImportItemsRequest{Item: item("kettle", 4)}),
		want: outcome{
			code:    connect.CodeFailedPrecondition,
			message: `only 3 of "kettle" left`,
			details: one(&shopv1.OutOfStock{ProductId: "kettle", Available: 3}),
		},
	},
	{
		name:      "an import of an unknown product",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      ada,
		requests:  one(&shopv1.ImportItemsRequest{Item: item("unicorn", 1)}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
	{
		name:      "an import of too many items",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      ada,
		requests:  slices.Repeat(one(&shopv1.ImportItemsRequest{Item: item("mug", 1)}), 101),
		want:      outcome{code: connect.CodeResourceExhausted, message: "import at most 100 items at once"},
	},
	{
		name:      "an import without authorization",
		procedure: shopv1connect.CartServiceImportItemsProcedure,
		send:      nobody,
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "two offers, the second accepted",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      ada,
		requests: []proto.Message{
			&shopv1.NegotiatePriceRequest{ProductId: "kettle", Offer: euros(5000)},
			&shopv1.NegotiatePriceRequest{ProductId: "kettle", Offer: euros(8010)},
		},
		want: outcome{
			messages: []proto.Message{
				&shopv1.NegotiatePriceResponse{Counteroffer: euros(6950)},
				&shopv1.NegotiatePriceResponse{Counteroffer: euros(8455), Accepted: true},
			},
			header:  map[string]string{"x-request-id": "negotiate-price-ada"},
			trailer: map[string]string{"x-rounds": "2"},
		},
	},
	{
		name:      "an offer given up",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      ada,
		requests:  one(&shopv1.NegotiatePriceRequest{ProductId: "kettle", Offer: euros(0)}),
		want: outcome{
			messages: one(&shopv1.NegotiatePriceResponse{Counteroffer: euros(4450)}),
			header:   map[string]string{"x-request-id": "negotiate-price-ada"},
			trailer:  map[string]string{"x-rounds": "1"},
		},
	},
	{
		name:      "an offer far above the price",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      ada,
		requests:  one(&shopv1.NegotiatePriceRequest{ProductId: "kettle", Offer: euros(1<<31 - 1)}),
		want: outcome{
			messages: one(&shopv1.NegotiatePriceResponse{Counteroffer: euros(8900), Accepted: true}),
			header:   map[string]string{"x-request-id": "negotiate-price-ada"},
			trailer:  map[string]string{"x-rounds": "1"},
		},
	},
	{
		name:      "an offer in another currency",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      ada,
		requests:  one(&shopv1.NegotiatePriceRequest{ProductId: "kettle", Offer: &shopv1.Money{CurrencyCode: "USD", MinorUnits: 8900}}),
		want: outcome{
			code:    connect.CodeInvalidArgument,
			message: "offer zero or more EUR",
			header:  map[string]string{"x-request-id": "negotiate-price-ada"},
			trailer: map[string]string{"x-rounds": "0"},
		},
	},
	{
		name:      "an offer for an unknown product",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      ada,
		requests:  one(&shopv1.NegotiatePriceRequest{ProductId: "unicorn", Offer: euros(1)}),
		want: outcome{
			code:    connect.CodeNotFound,
			message: `no product "unicorn"`,
			header:  map[string]string{"x-request-id": "negotiate-price-ada"},
			trailer: map[string]string{"x-rounds": "0"},
		},
	},
	{
		name:      "an offer without authorization",
		procedure: shopv1connect.CartServiceNegotiatePriceProcedure,
		send:      nobody,
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "a purge",
		procedure: shopv1connect.CartServicePurgeCartsProcedure,
		send:      ada,
		requests:  one(&shopv1.PurgeCartsRequest{}),
		want:      outcome{messages: one(&shopv1.PurgeCartsResponse{Purged: 7})},
	},
	{
		name:      "a purge without authorization",
		procedure: shopv1connect.CartServicePurgeCartsProcedure,
		send:      nobody,
		requests:  one(&shopv1.PurgeCartsRequest{}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "a new price",
		procedure: shopv1connect.AdminServiceSetPriceProcedure,
		send:      clerk,
		requests:  one(&shopv1.SetPriceRequest{ProductId: "teapot", Price: euros(1999)}),
		want: outcome{
			messages: one(&shopv1.SetPriceResponse{Product: &shopv1.Product{Id: "teapot", Name: "Stoneware teapot", Price: euros(1999), Stock: 12}}),
			header:   map[string]string{"x-audit-id": "set-price-bob-sale"},
		},
	},
	{
		name:      "a new price without a reason",
		procedure: shopv1connect.AdminServiceSetPriceProcedure,
		send:      ada,
		requests:  one(&shopv1.SetPriceRequest{ProductId: "teapot", Price: euros(1999)}),
		want:      outcome{code: connect.CodeInvalidArgument, message: "send the metadata x-change-reason: a name"},
	},
	{
		name:      "a new price of nothing",
		procedure: shopv1connect.AdminServiceSetPriceProcedure,
		send:      clerk,
		requests:  one(&shopv1.SetPriceRequest{ProductId: "teapot"}),
		want:      outcome{code: connect.CodeInvalidArgument, message: "price must be above zero EUR"},
	},
	{
		name:      "a new price of an unknown product",
		procedure: shopv1connect.AdminServiceSetPriceProcedure,
		send:      clerk,
		requests:  one(&shopv1.SetPriceRequest{ProductId: "unicorn", Price: euros(1999)}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
	{
		name:      "a new price without authorization",
		procedure: shopv1connect.AdminServiceSetPriceProcedure,
		send:      nobody,
		requests:  one(&shopv1.SetPriceRequest{ProductId: "teapot", Price: euros(1999)}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "a report",
		procedure: shopv1connect.AdminServiceReportProductProcedure,
		send:      ada,
		requests:  one(&shopv1.ReportProductRequest{ProductId: "mug", Complaint: "it leaks"}),
		want: outcome{
			messages: one(&shopv1.ReportProductResponse{ReportId: "report-mug"}),
			header:   map[string]string{"x-audit-id": "report-product-ada"},
		},
	},
	{
		name:      "a report of an unknown product",
		procedure: shopv1connect.AdminServiceReportProductProcedure,
		send:      ada,
		requests:  one(&shopv1.ReportProductRequest{ProductId: "unicorn"}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
	{
		name:      "a report without authorization",
		procedure: shopv1connect.AdminServiceReportProductProcedure,
		send:      nobody,
		requests:  one(&shopv1.ReportProductRequest{ProductId: "mug"}),
		want:      outcome{code: connect.CodeUnauthenticated, message: needsAuthorization},
	},
	{
		name:      "a reservation",
		procedure: shopv1connect.WarehouseServiceReserveStockProcedure,
		requests:  one(&shopv1.ReserveStockRequest{ProductId: "kettle", Quantity: 2}),
		want:      outcome{messages: one(&shopv1.ReserveStockResponse{ReservationId: "reservation-kettle", Left: 1})},
	},
	{
		name:      "a reservation of too many",
		procedure: shopv1connect.WarehouseServiceReserveStockProcedure,
		requests:  one(&shopv1.ReserveStockRequest{ProductId: "kettle", Quantity: 4}),
		want: outcome{
			code:    connect.CodeFailedPrecondition,
			message: `only 3 of "kettle" left`,
			details: one(&shopv1.OutOfStock{ProductId: "kettle", Available: 3}),
		},
	},
	{
		name:      "a reservation of an unknown product",
		procedure: shopv1connect.WarehouseServiceReserveStockProcedure,
		requests:  one(&shopv1.ReserveStockRequest{ProductId: "unicorn", Quantity: 4}),
		want:      outcome{code: connect.CodeNotFound, message: `no product "unicorn"`},
	},
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

package shop

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// maxImport bounds an ImportItems, and with it the sum of its prices.
const maxImport = 100

func addItem(c call, req *shopv1.AddItemRequest) (*shopv1.AddItemResponse, error) {
	customer, err := authenticate(c)
	if err != nil {
		return nil, err
	}
	tenant, err := nameIn(c, "x-tenant-id")
	if err != nil {
		return nil, err
	}
	product, err := findProduct(req.GetItem().GetProductId())
	if err != nil {
		return nil, err
	}
	// What is in stock is a question for the warehouse, which costs quota and
	// is logged whatever the answer.
	c.setHeader("x-request-id", "add-item-"+customer)
	c.setTrailer("x-cost", "1")
	total, err := priceOf(product, req.GetItem().GetQuantity())
	if err != nil {
		return nil, err
	}
	return &shopv1.AddItemResponse{Item: req.GetItem(), Total: total, Customer: customer, Tenant: tenant}, nil
}

// priceOf returns what so many pieces cost, if there are as many.
func priceOf(product *shopv1.Product, quantity int32) (*shopv1.Money, error) {
	if quantity < 1 {
		return nil, fail(connect.CodeInvalidArgument, "quantity must be at least 1")
	}
	if stock := product.GetStock(); quantity > stock {
		return nil, fail(connect.CodeFailedPrecondition,
			fmt.Sprintf("only %d of %q left", stock, product.GetId()),
			&shopv1.OutOfStock{ProductId: product.GetId(), Available: stock})
	}
	return euros(quantity * product.GetPrice().GetMinorUnits()), nil
}

func checkout(c call, req *shopv1.CheckoutRequest) (*shopv1.CheckoutResponse, error) {
	customer, err := authenticate(c)
	if err != nil {
		return nil, err
	}
	c.setTrailer("x-cost", "5")
	if req.GetPaymentToken() != "tok_visa" {
		return nil, withRetryHint(fail(connect.CodeFailedPrecondition, "the payment was declined",
			&shopv1.PaymentDeclined{PaymentToken: req.GetPaymentToken(), Reason: "the card has expired"}),
			"use-another-card")
	}
	c.setHeader("x-request-id", "checkout-"+customer)
	return &shopv1.CheckoutResponse{OrderId: orderOf(customer)}, nil
}

// orderOf returns the id of the one order that a customer has.
func orderOf(customer string) string { return "order-" + customer }

// lostOrder is everybody's, so that everybody can see it fail.
const lostOrder = "order-lost"

func trackOrder(c call, req *shopv1.TrackOrderRequest, send func(*shopv1.TrackOrderResponse) error) error {
	customer, err := authenticate(c)
	if err != nil {
		return err
	}
	updates := 0
	defer func() { c.setTrailer("x-updates", strconv.Itoa(updates)) }()

	order := req.GetOrderId()
	if order != orderOf(customer) && order != lostOrder {
		return withRetryHint(fail(connect.CodeNotFound, fmt.Sprintf("no order %.32q", order)), "check-order-id")
	}
	c.setHeader("x-request-id", "track-order-"+customer)
	for _, stop := range []*shopv1.TrackOrderResponse{
		{Stage: shopv1.OrderStage_ORDER_STAGE_PACKED, Location: "Acme warehouse"},
		{Stage: shopv1.OrderStage_ORDER_STAGE_SHIPPED, Location: "Harbour depot"},
		{Stage: shopv1.OrderStage_ORDER_STAGE_DELIVERED, Location: "Front door"},
	} {
		if err := send(stop); err != nil {
			return err
		}
		updates++
		if order == lostOrder {
			return withRetryHint(fail(connect.CodeDataLoss, "the parcel got lost",
				&shopv1.ParcelLost{LastLocation: stop.GetLocation()}), "order-again")
		}
	}
	return nil
}

// importItems reads items until receive returns [io.EOF].
func importItems(c call, receive func() (*shopv1.ImportItemsRequest, error)) (*shopv1.ImportItemsResponse, error) {
	customer, err := authenticate(c)
	if err != nil {
		return nil, err
	}
	var items, cents int32
	for {
		req, err := receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if items == maxImport {
			return nil, fail(connect.CodeResourceExhausted, fmt.Sprintf("import at most %d items at once", maxImport))
		}
		product, err := findProduct(req.GetItem().GetProductId())
		if err != nil {
			return nil, err
		}
		total, err := priceOf(product, req.GetItem().GetQuantity())
		if err != nil {
			return nil, err
		}
		items++
		cents += total.GetMinorUnits()
	}
	c.setHeader("x-request-id", "import-items-"+customer)
	c.setTrailer("x-cost", strconv.Itoa(int(items)))
	return &shopv1.ImportItemsResponse{Items: items, Total: euros(cents)}, nil
}

// negotiatePrice answers offers until receive returns [io.EOF] or one is good
// enough.
func negotiatePrice(
	c call,
	receive func() (*shopv1.NegotiatePriceRequest, error),
	send func(*shopv1.NegotiatePriceResponse) error,
) error {
	customer, err := authenticate(c)
	if err != nil {
		return err
	}
	c.setHeader("x-request-id", "negotiate-price-"+customer)
	rounds := 0
	defer func() { c.setTrailer("x-rounds", strconv.Itoa(rounds)) }()
	for {
		req, err := receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		product, err := findProduct(req.GetProductId())
		if err != nil {
			return err
		}
		price, offer := product.GetPrice().GetMinorUnits(), req.GetOffer().GetMinorUnits()
		if offer < 0 || req.GetOffer().GetCurrencyCode() != currency {
			return fail(connect.CodeInvalidArgument, "offer zero or more "+currency)
		}
		// No more than the price, so that the sum below cannot overflow.
		offer = min(offer, price)
		accepted := offer >= price-price/10
		if err := send(&shopv1.NegotiatePriceResponse{
			Counteroffer: euros((offer + price) / 2),
			Accepted:     accepted,
		}); err != nil {
			return err
		}
		rounds++
		if accepted {
			return nil
		}
	}
}

func purgeCarts(c call, _ *shopv1.PurgeCartsRequest) (*shopv1.PurgeCartsResponse, error) {
	if _, err := authenticate(c); err != nil {
		return nil, err
	}
	return &shopv1.PurgeCartsResponse{Purged: 7}, nil
}

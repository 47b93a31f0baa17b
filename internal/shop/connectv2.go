package shop

import (
	"context"
	"errors"

	connectv1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

type v2Catalog struct{}

func (v2Catalog) GetProduct(ctx context.Context, req *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	return v2Unary(ctx, req, getProduct)
}

func (v2Catalog) SearchProducts(ctx context.Context, req *shopv1.SearchProductsRequest, stream shopv1connect.CatalogServiceSearchProductsServerStream) error {
	c := v2CallIn(ctx)
	return v2StreamError(c, searchProducts(c, req, stream.Send))
}

func (v2Catalog) WatchPrices(ctx context.Context, req *shopv1.WatchPricesRequest, stream shopv1connect.CatalogServiceWatchPricesServerStream) error {
	c := v2CallIn(ctx)
	return v2StreamError(c, watchPrices(c, req, stream.Send))
}

type v2Cart struct{}

func (v2Cart) AddItem(ctx context.Context, req *shopv1.AddItemRequest) (*shopv1.AddItemResponse, error) {
	return v2Unary(ctx, req, addItem)
}

func (v2Cart) Checkout(ctx context.Context, req *shopv1.CheckoutRequest) (*shopv1.CheckoutResponse, error) {
	return v2Unary(ctx, req, checkout)
}

func (v2Cart) TrackOrder(ctx context.Context, req *shopv1.TrackOrderRequest, stream shopv1connect.CartServiceTrackOrderServerStream) error {
	c := v2CallIn(ctx)
	return v2StreamError(c, trackOrder(c, req, stream.Send))
}

func (v2Cart) ImportItems(ctx context.Context, stream shopv1connect.CartServiceImportItemsServerStream) (*shopv1.ImportItemsResponse, error) {
	c := v2CallIn(ctx)
	res, err := importItems(c, stream.Receive)
	return res, v2StreamError(c, err)
}

func (v2Cart) NegotiatePrice(ctx context.Context, stream shopv1connect.CartServiceNegotiatePriceServerStream) error {
	c := v2CallIn(ctx)
	return v2StreamError(c, negotiatePrice(c, stream.Receive, stream.Send))
}

func (v2Cart) PurgeCarts(ctx context.Context, req *shopv1.PurgeCartsRequest) (*shopv1.PurgeCartsResponse, error) {
	return v2Unary(ctx, req, purgeCarts)
}

type v2Admin struct{}

func (v2Admin) SetPrice(ctx context.Context, req *shopv1.SetPriceRequest) (*shopv1.SetPriceResponse, error) {
	return v2Unary(ctx, req, setPrice)
}

func (v2Admin) ReportProduct(ctx context.Context, req *shopv1.ReportProductRequest) (*shopv1.ReportProductResponse, error) {
	return v2Unary(ctx, req, reportProduct)
}

type v2Warehouse struct{}

func (v2Warehouse) ReserveStock(ctx context.Context, req *shopv1.ReserveStockRequest) (*shopv1.ReserveStockResponse, error) {
	return v2Unary(ctx, req, reserveStock)
}

func v2Unary[Req, Res any](ctx context.Context, req *Req, procedure func(call, *Req) (*Res, error)) (*Res, error) {
	c := v2CallIn(ctx)
	res, err := procedure(c, req)
	if err != nil {
		// Errors have no metadata in v2. As a header it has the name that the
		// schema declares under response_headers; as a trailer, Connect would
		// send Trailer-X-Retry-Hint.
		return nil, v2Error(err, c.info.ResponseHeader())
	}
	return res, nil
}

// v2StreamError makes error metadata trailers, since the header of a stream is
// gone with its first message. Streams have trailers under their own names.
func v2StreamError(c v2Call, err error) error {
	return v2Error(err, c.info.ResponseTrailer())
}

// v2Error returns err as Connect v2 has it: code, message and details. Its
// metadata goes into a header or trailer.
func v2Error(err error, metadata *connect.Header) error {
	var v1 *connectv1.Error
	if !errors.As(err, &v1) {
		return err
	}
	for name, lines := range v1.Meta() {
		for _, line := range lines {
			metadata.Add(name, line)
		}
	}
	v2 := connect.NewError(connect.Code(v1.Code()), v1.Message())
	for _, detail := range v1.Details() {
		v2 = v2.WithDetail(&connect.ErrorDetail{Type: detail.Type(), Value: detail.Bytes()})
	}
	return v2
}

// v2Call is a call that Connect v2 handles.
type v2Call struct{ info *connect.CallInfo }

// v2CallIn returns the call whose handler runs with ctx.
func v2CallIn(ctx context.Context) v2Call {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		panic("shop: not the context of a handler of Connect v2; call through a server with RegisterV2")
	}
	return v2Call{info}
}

func (c v2Call) metadata(name string) string   { return c.info.RequestHeader().Get(name) }
func (c v2Call) setHeader(name, value string)  { c.info.ResponseHeader().Set(name, value) }
func (c v2Call) setTrailer(name, value string) { c.info.ResponseTrailer().Set(name, value) }

package shop

import (
	"context"
	"io"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// Catalog is the CatalogService for connect-go. Its zero value is ready.
type Catalog struct{}

func (Catalog) GetProduct(ctx context.Context, req *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	return unary(ctx, req, getProduct)
}

func (Catalog) SearchProducts(ctx context.Context, req *connect.Request[shopv1.SearchProductsRequest], stream *connect.ServerStream[shopv1.SearchProductsResponse]) error {
	return searchProducts(connectCallIn(ctx), req.Msg, stream.Send)
}

func (Catalog) WatchPrices(ctx context.Context, req *connect.Request[shopv1.WatchPricesRequest], stream *connect.ServerStream[shopv1.WatchPricesResponse]) error {
	return watchPrices(connectCallIn(ctx), req.Msg, stream.Send)
}

// Cart is the CartService for connect-go. Its zero value is ready.
type Cart struct{}

func (Cart) AddItem(ctx context.Context, req *connect.Request[shopv1.AddItemRequest]) (*connect.Response[shopv1.AddItemResponse], error) {
	return unary(ctx, req, addItem)
}

func (Cart) Checkout(ctx context.Context, req *connect.Request[shopv1.CheckoutRequest]) (*connect.Response[shopv1.CheckoutResponse], error) {
	return unary(ctx, req, checkout)
}

func (Cart) TrackOrder(ctx context.Context, req *connect.Request[shopv1.TrackOrderRequest], stream *connect.ServerStream[shopv1.TrackOrderResponse]) error {
	return trackOrder(connectCallIn(ctx), req.Msg, stream.Send)
}

func (Cart) ImportItems(ctx context.Context, stream *connect.ClientStream[shopv1.ImportItemsRequest]) (*connect.Response[shopv1.ImportItemsResponse], error) {
	receive := func() (*shopv1.ImportItemsRequest, error) {
		if stream.Receive() {
			return stream.Msg(), nil
		}
		if err := stream.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	return respond(importItems(connectCallIn(ctx), receive))
}

func (Cart) NegotiatePrice(ctx context.Context, stream *connect.BidiStream[shopv1.NegotiatePriceRequest, shopv1.NegotiatePriceResponse]) error {
	return negotiatePrice(connectCallIn(ctx), stream.Receive, stream.Send)
}

func (Cart) PurgeCarts(ctx context.Context, req *connect.Request[shopv1.PurgeCartsRequest]) (*connect.Response[shopv1.PurgeCartsResponse], error) {
	return unary(ctx, req, purgeCarts)
}

// Admin is the AdminService for connect-go. Its zero value is ready.
type Admin struct{}

func (Admin) SetPrice(ctx context.Context, req *connect.Request[shopv1.SetPriceRequest]) (*connect.Response[shopv1.SetPriceResponse], error) {
	return unary(ctx, req, setPrice)
}

func (Admin) ReportProduct(ctx context.Context, req *connect.Request[shopv1.ReportProductRequest]) (*connect.Response[shopv1.ReportProductResponse], error) {
	return unary(ctx, req, reportProduct)
}

// Warehouse is the WarehouseService for connect-go. Its zero value is ready.
type Warehouse struct{}

func (Warehouse) ReserveStock(ctx context.Context, req *connect.Request[shopv1.ReserveStockRequest]) (*connect.Response[shopv1.ReserveStockResponse], error) {
	return unary(ctx, req, reserveStock)
}

func unary[Req, Res any](
	ctx context.Context,
	req *connect.Request[Req],
	procedure func(call, *Req) (*Res, error),
) (*connect.Response[Res], error) {
	return respond(procedure(connectCallIn(ctx), req.Msg))
}

func respond[Res any](res *Res, err error) (*connect.Response[Res], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(res), nil
}

// connectCall is a call that connect-go handles.
type connectCall struct{ info connect.CallInfo }

// connectCallIn returns the call whose handler runs with ctx. Headers and
// trailers go through the context rather than the *connect.Response, since a
// call that fails has none.
func connectCallIn(ctx context.Context) connectCall {
	info, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		panic("shop: not the context of a connect-go handler; call through NewHandler or a generated constructor")
	}
	return connectCall{info}
}

func (c connectCall) metadata(name string) string   { return c.info.RequestHeader().Get(name) }
func (c connectCall) setHeader(name, value string)  { c.info.ResponseHeader().Set(name, value) }
func (c connectCall) setTrailer(name, value string) { c.info.ResponseTrailer().Set(name, value) }

package shop

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

type grpcCatalog struct {
	shopv1.UnsafeCatalogServiceServer
}

func (grpcCatalog) GetProduct(ctx context.Context, req *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	return grpcUnary(ctx, req, getProduct)
}

func (grpcCatalog) SearchProducts(req *shopv1.SearchProductsRequest, stream grpc.ServerStreamingServer[shopv1.SearchProductsResponse]) error {
	return grpcError(stream.Context(), searchProducts(grpcCall{stream.Context()}, req, stream.Send))
}

func (grpcCatalog) WatchPrices(req *shopv1.WatchPricesRequest, stream grpc.ServerStreamingServer[shopv1.WatchPricesResponse]) error {
	return grpcError(stream.Context(), watchPrices(grpcCall{stream.Context()}, req, stream.Send))
}

type grpcCart struct{ shopv1.UnsafeCartServiceServer }

func (grpcCart) AddItem(ctx context.Context, req *shopv1.AddItemRequest) (*shopv1.AddItemResponse, error) {
	return grpcUnary(ctx, req, addItem)
}

func (grpcCart) Checkout(ctx context.Context, req *shopv1.CheckoutRequest) (*shopv1.CheckoutResponse, error) {
	return grpcUnary(ctx, req, checkout)
}

func (grpcCart) TrackOrder(req *shopv1.TrackOrderRequest, stream grpc.ServerStreamingServer[shopv1.TrackOrderResponse]) error {
	return grpcError(stream.Context(), trackOrder(grpcCall{stream.Context()}, req, stream.Send))
}

func (grpcCart) ImportItems(stream grpc.ClientStreamingServer[shopv1.ImportItemsRequest, shopv1.ImportItemsResponse]) error {
	res, err := importItems(grpcCall{stream.Context()}, stream.Recv)
	if err != nil {
		return grpcError(stream.Context(), err)
	}
	return stream.SendAndClose(res)
}

func (grpcCart) NegotiatePrice(stream grpc.BidiStreamingServer[shopv1.NegotiatePriceRequest, shopv1.NegotiatePriceResponse]) error {
	return grpcError(stream.Context(), negotiatePrice(grpcCall{stream.Context()}, stream.Recv, stream.Send))
}

func (grpcCart) PurgeCarts(ctx context.Context, req *shopv1.PurgeCartsRequest) (*shopv1.PurgeCartsResponse, error) {
	return grpcUnary(ctx, req, purgeCarts)
}

type grpcAdmin struct {
	shopv1.UnsafeAdminServiceServer
}

func (grpcAdmin) SetPrice(ctx context.Context, req *shopv1.SetPriceRequest) (*shopv1.SetPriceResponse, error) {
	return grpcUnary(ctx, req, setPrice)
}

func (grpcAdmin) ReportProduct(ctx context.Context, req *shopv1.ReportProductRequest) (*shopv1.ReportProductResponse, error) {
	return grpcUnary(ctx, req, reportProduct)
}

type grpcWarehouse struct {
	shopv1.UnsafeWarehouseServiceServer
}

func (grpcWarehouse) ReserveStock(ctx context.Context, req *shopv1.ReserveStockRequest) (*shopv1.ReserveStockResponse, error) {
	return grpcUnary(ctx, req, reserveStock)
}

func grpcUnary[Req, Res any](ctx context.Context, req *Req, procedure func(call, *Req) (*Res, error)) (*Res, error) {
	res, err := procedure(grpcCall{ctx}, req)
	return res, grpcError(ctx, err)
}

// grpcCall is a call that grpc-go handles: the context of its handler.
type grpcCall struct{ ctx context.Context }

func (c grpcCall) metadata(name string) string {
	if values := metadata.ValueFromIncomingContext(c.ctx, name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// The two setters fail only where the call has ended in the meantime, because
// its client went away: then nobody is left to read what they set.

func (c grpcCall) setHeader(name, value string) {
	_ = grpc.SetHeader(c.ctx, metadata.Pairs(name, value))
}

func (c grpcCall) setTrailer(name, value string) {
	_ = grpc.SetTrailer(c.ctx, metadata.Pairs(name, value))
}

// grpcError returns err as grpc-go wants it: code, message and details in a
// status, error metadata as trailers. Connect's codes have gRPC's numbers.
func grpcError(ctx context.Context, err error) error {
	var connectErr *connect.Error
	if !errors.As(err, &connectErr) {
		return err
	}
	for name, values := range connectErr.Meta() {
		for _, value := range values {
			grpcCall{ctx}.setTrailer(strings.ToLower(name), value)
		}
	}
	var details []protoadapt.MessageV1
	for _, detail := range connectErr.Details() {
		message, err := detail.Value()
		if err != nil {
			return status.Errorf(codes.Internal, "shop: error detail: %v", err)
		}
		details = append(details, protoadapt.MessageV1Of(message))
	}
	st, err := status.New(codes.Code(connectErr.Code()), connectErr.Message()).WithDetails(details...)
	if err != nil {
		return status.Errorf(codes.Internal, "shop: error details: %v", err)
	}
	return st.Err()
}

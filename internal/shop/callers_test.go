package shop_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// A caller calls one procedure through a generated client.
type caller func(ctx context.Context, send map[string]string, requests []proto.Message) outcome

// application returns the application metadata in header, lower-case. A name
// with several values has them all, so that no scenario expects it.
func application(header map[string][]string) map[string]string {
	names := map[string]string{}
	for name, values := range header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-") {
			names[name] = strings.Join(values, ", ")
		}
	}
	return names
}

func connectCallers(client *http.Client, url string, options ...connect.ClientOption) map[string]caller {
	catalog := shopv1connect.NewCatalogServiceClient(client, url, options...)
	cart := shopv1connect.NewCartServiceClient(client, url, options...)
	admin := shopv1connect.NewAdminServiceClient(client, url, options...)
	warehouse := shopv1connect.NewWarehouseServiceClient(client, url, options...)
	return map[string]caller{
		shopv1connect.CatalogServiceGetProductProcedure:     connectUnary(catalog.GetProduct),
		shopv1connect.CatalogServiceSearchProductsProcedure: connectServerStream(catalog.SearchProducts),
		shopv1connect.CatalogServiceWatchPricesProcedure:    connectServerStream(catalog.WatchPrices),
		shopv1connect.CartServiceAddItemProcedure:           connectUnary(cart.AddItem),
		shopv1connect.CartServiceCheckoutProcedure:          connectUnary(cart.Checkout),
		shopv1connect.CartServiceTrackOrderProcedure:        connectServerStream(cart.TrackOrder),
		shopv1connect.CartServiceImportItemsProcedure:       connectClientStream(cart.ImportItems),
		shopv1connect.CartServiceNegotiatePriceProcedure:    connectBidi(cart.NegotiatePrice),
		shopv1connect.CartServicePurgeCartsProcedure:        connectUnary(cart.PurgeCarts),
		shopv1connect.AdminServiceSetPriceProcedure:         connectUnary(admin.SetPrice),
		shopv1connect.AdminServiceReportProductProcedure:    connectUnary(admin.ReportProduct),
		shopv1connect.WarehouseServiceReserveStockProcedure: connectUnary(warehouse.ReserveStock),
	}
}

func connectUnary[Req, Res any](call func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		req := connect.NewRequest(any(requests[0]).(*Req))
		setAll(req.Header(), send)
		return connectResponse(call(ctx, req))
	}
}

func connectServerStream[Req, Res any](call func(context.Context, *connect.Request[Req]) (*connect.ServerStreamForClient[Res], error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		req := connect.NewRequest(any(requests[0]).(*Req))
		setAll(req.Header(), send)
		stream, err := call(ctx, req)
		if err != nil {
			return connectFailure(outcome{}, err)
		}
		defer stream.Close()
		var got outcome
		for stream.Receive() {
			got.messages = append(got.messages, any(stream.Msg()).(proto.Message))
		}
		got.header, got.trailer = application(stream.ResponseHeader()), application(stream.ResponseTrailer())
		return connectFailure(got, stream.Err())
	}
}

func connectClientStream[Req, Res any](call func(context.Context) *connect.ClientStreamForClient[Req, Res]) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		stream := call(ctx)
		setAll(stream.RequestHeader(), send)
		for _, req := range requests {
			// io.EOF: the server has answered already.
			if err := stream.Send(any(req).(*Req)); err != nil && !errors.Is(err, io.EOF) {
				return connectFailure(outcome{}, err)
			}
		}
		return connectResponse(stream.CloseAndReceive())
	}
}

func connectBidi[Req, Res any](call func(context.Context) *connect.BidiStreamForClient[Req, Res]) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		stream := call(ctx)
		defer stream.CloseResponse()
		setAll(stream.RequestHeader(), send)
		var got outcome
		for _, req := range requests {
			if err := stream.Send(any(req).(*Req)); err != nil && !errors.Is(err, io.EOF) {
				return connectFailure(got, err)
			}
		}
		if err := stream.CloseRequest(); err != nil {
			return connectFailure(got, err)
		}
		for {
			res, err := stream.Receive()
			if err != nil {
				got.header, got.trailer = application(stream.ResponseHeader()), application(stream.ResponseTrailer())
				if errors.Is(err, io.EOF) {
					return got
				}
				return connectFailure(got, err)
			}
			got.messages = append(got.messages, any(res).(proto.Message))
		}
	}
}

func setAll(header http.Header, metadata map[string]string) {
	for name, value := range metadata {
		header.Set(name, value)
	}
}

func connectResponse[Res any](res *connect.Response[Res], err error) outcome {
	if err != nil {
		return connectFailure(outcome{}, err)
	}
	return outcome{
		messages: one(any(res.Msg).(proto.Message)),
		header:   application(res.Header()),
		trailer:  application(res.Trailer()),
	}
}

// connectFailure adds err, if there is one, to what was got before it.
func connectFailure(got outcome, err error) outcome {
	if err == nil {
		return got
	}
	var connectErr *connect.Error
	if !errors.As(err, &connectErr) {
		got.message = "not a *connect.Error: " + err.Error()
		return got
	}
	got.code, got.message = connectErr.Code(), connectErr.Message()
	for _, detail := range connectErr.Details() {
		message, err := detail.Value()
		if err != nil {
			got.message = "bad detail: " + err.Error()
			return got
		}
		got.details = append(got.details, message)
	}
	got.meta = application(connectErr.Meta())
	return got
}

func grpcCallers(conn *grpc.ClientConn) map[string]caller {
	catalog := shopv1.NewCatalogServiceClient(conn)
	cart := shopv1.NewCartServiceClient(conn)
	admin := shopv1.NewAdminServiceClient(conn)
	warehouse := shopv1.NewWarehouseServiceClient(conn)
	return map[string]caller{
		shopv1.CatalogService_GetProduct_FullMethodName:     grpcUnary(catalog.GetProduct),
		shopv1.CatalogService_SearchProducts_FullMethodName: grpcServerStream(catalog.SearchProducts),
		shopv1.CatalogService_WatchPrices_FullMethodName:    grpcServerStream(catalog.WatchPrices),
		shopv1.CartService_AddItem_FullMethodName:           grpcUnary(cart.AddItem),
		shopv1.CartService_Checkout_FullMethodName:          grpcUnary(cart.Checkout),
		shopv1.CartService_TrackOrder_FullMethodName:        grpcServerStream(cart.TrackOrder),
		shopv1.CartService_ImportItems_FullMethodName:       grpcClientStream(cart.ImportItems),
		shopv1.CartService_NegotiatePrice_FullMethodName:    grpcBidi(cart.NegotiatePrice),
		shopv1.CartService_PurgeCarts_FullMethodName:        grpcUnary(cart.PurgeCarts),
		shopv1.AdminService_SetPrice_FullMethodName:         grpcUnary(admin.SetPrice),
		shopv1.AdminService_ReportProduct_FullMethodName:    grpcUnary(admin.ReportProduct),
		shopv1.WarehouseService_ReserveStock_FullMethodName: grpcUnary(warehouse.ReserveStock),
	}
}

func grpcUnary[Req, Res any](call func(context.Context, *Req, ...grpc.CallOption) (*Res, error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		var header, trailer metadata.MD
		ctx = metadata.NewOutgoingContext(ctx, metadata.New(send))
		res, err := call(ctx, any(requests[0]).(*Req), grpc.Header(&header), grpc.Trailer(&trailer))
		got := outcome{header: application(header), trailer: application(trailer)}
		if err == nil {
			got.messages = one(any(res).(proto.Message))
		}
		return grpcFailure(got, err)
	}
}

func grpcServerStream[Req, Res any](call func(context.Context, *Req, ...grpc.CallOption) (grpc.ServerStreamingClient[Res], error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		ctx = metadata.NewOutgoingContext(ctx, metadata.New(send))
		stream, err := call(ctx, any(requests[0]).(*Req))
		if err != nil {
			return grpcFailure(outcome{}, err)
		}
		return grpcReceive(stream)
	}
}

func grpcClientStream[Req, Res any](call func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[Req, Res], error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		ctx = metadata.NewOutgoingContext(ctx, metadata.New(send))
		stream, err := call(ctx)
		if err != nil {
			return grpcFailure(outcome{}, err)
		}
		for _, req := range requests {
			if err := stream.Send(any(req).(*Req)); err != nil && !errors.Is(err, io.EOF) {
				return grpcFailure(outcome{}, err)
			}
		}
		res, err := stream.CloseAndRecv()
		got := grpcMetadata(stream)
		if err == nil {
			got.messages = one(any(res).(proto.Message))
		}
		return grpcFailure(got, err)
	}
}

func grpcBidi[Req, Res any](call func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[Req, Res], error)) caller {
	return func(ctx context.Context, send map[string]string, requests []proto.Message) outcome {
		ctx = metadata.NewOutgoingContext(ctx, metadata.New(send))
		stream, err := call(ctx)
		if err != nil {
			return grpcFailure(outcome{}, err)
		}
		for _, req := range requests {
			if err := stream.Send(any(req).(*Req)); err != nil && !errors.Is(err, io.EOF) {
				return grpcFailure(outcome{}, err)
			}
		}
		if err := stream.CloseSend(); err != nil {
			return grpcFailure(outcome{}, err)
		}
		return grpcReceive(stream)
	}
}

// grpcReceive reads a stream to its end.
func grpcReceive[Res any](stream interface {
	Recv() (*Res, error)
	grpc.ClientStream
}) outcome {
	var messages []proto.Message
	for {
		res, err := stream.Recv()
		if err != nil {
			got := grpcMetadata(stream)
			got.messages = messages
			if errors.Is(err, io.EOF) {
				return got
			}
			return grpcFailure(got, err)
		}
		messages = append(messages, any(res).(proto.Message))
	}
}

// grpcMetadata returns the metadata of a stream that has ended.
func grpcMetadata(stream grpc.ClientStream) outcome {
	header, err := stream.Header()
	if err != nil {
		return outcome{message: "no header: " + err.Error()}
	}
	return outcome{header: application(header), trailer: application(stream.Trailer())}
}

// grpcFailure adds err, if there is one, to what was got before it.
func grpcFailure(got outcome, err error) outcome {
	if err == nil {
		return got
	}
	st := status.Convert(err)
	got.code, got.message = connect.Code(st.Code()), st.Message()
	for _, detail := range st.Details() {
		message, ok := detail.(proto.Message)
		if !ok {
			got.message = "bad detail"
			return got
		}
		got.details = append(got.details, message)
	}
	return got
}

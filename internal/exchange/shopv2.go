package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

// NewServerV2 returns a shop of Connect v2 that does what behave returns for
// the request's header, whatever is called. Its errors have no metadata: what
// v1 has as error metadata is in the trailers, as it is over gRPC.
func NewServerV2(behave func(http.Header) Behaviour, interceptors ...connect.ServerInterceptor) *connect.Server {
	server := connect.NewServer(interceptors...)
	shopv1connect.RegisterCatalogServiceHandler(server, shopOfV2{behave: behave})
	shopv1connect.RegisterCartServiceHandler(server, shopOfV2{behave: behave})
	return server
}

type shopOfV2 struct {
	shopv1connect.UnimplementedCatalogServiceHandler
	shopv1connect.UnimplementedCartServiceHandler

	behave func(http.Header) Behaviour
}

func (s shopOfV2) GetProduct(ctx context.Context, _ *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	return respondV2[shopv1.GetProductResponse](ctx, s.behave)
}

func (s shopOfV2) ImportItems(ctx context.Context, stream shopv1connect.CartServiceImportItemsServerStream) (*shopv1.ImportItemsResponse, error) {
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return respondV2[shopv1.ImportItemsResponse](ctx, s.behave)
}

func (s shopOfV2) SearchProducts(ctx context.Context, _ *shopv1.SearchProductsRequest, stream shopv1connect.CatalogServiceSearchProductsServerStream) error {
	return streamV2(ctx, s.behave, stream, &shopv1.SearchProductsResponse{Product: &shopv1.Product{Id: "mug"}})
}

func (s shopOfV2) NegotiatePrice(ctx context.Context, stream shopv1connect.CartServiceNegotiatePriceServerStream) error {
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	return streamV2(ctx, s.behave, stream, &shopv1.NegotiatePriceResponse{Accepted: true})
}

func respondV2[Message any](ctx context.Context, behave func(http.Header) Behaviour) (*Message, error) {
	info, b := behaviourV2(ctx, behave)
	addAll(info.ResponseHeader(), b.Header)
	addAll(info.ResponseTrailer(), b.Trailer)
	if err := b.errV2(info); err != nil {
		return nil, err
	}
	return new(Message), nil
}

func streamV2[Message any](ctx context.Context, behave func(http.Header) Behaviour, stream interface {
	SendHeaders() error
	Send(message Message) error
}, message Message) error {
	info, b := behaviourV2(ctx, behave)
	addAll(info.ResponseHeader(), b.Header)
	if b.SendHeaders {
		if err := stream.SendHeaders(); err != nil {
			return err
		}
	}
	for range b.Messages {
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	addAll(info.ResponseTrailer(), b.Trailer)
	return b.errV2(info)
}

func behaviourV2(ctx context.Context, behave func(http.Header) Behaviour) (*connect.CallInfo, Behaviour) {
	info, _ := connect.CallInfoForServerContext(ctx)
	header := http.Header{}
	for name, lines := range info.RequestHeader().All() {
		header[name] = lines
	}
	return info, behave(header)
}

// errV2 returns the error in Connect v2's form, and makes its metadata
// trailers.
func (b Behaviour) errV2(info *connect.CallInfo) error {
	switch {
	case b.V2 != nil:
		return b.V2
	case b.Error == nil:
		return nil
	case b.Error.Form != Remote: // whose metadata is not sent
		addAll(info.ResponseTrailer(), b.Error.Metadata)
	}
	switch b.Error.Form {
	case Bare:
		return connect.NewError(connect.CodeResourceExhausted, bareMessage)
	case Around:
		return fmt.Errorf("while adding: %w", newErrorV2())
	case Joined:
		return errors.Join(errors.New("disk full"), newErrorV2())
	case Foreign:
		return errors.New("disk full")
	case OfContext:
		return context.DeadlineExceeded
	case NilPointer:
		return (*connect.Error)(nil)
	case Remote:
		return connect.NewError(connect.CodeUnavailable, "upstream").WithRemote()
	}
	return newErrorV2()
}

func newErrorV2() *connect.Error {
	detail, err := connectproto.NewErrorDetail(outOfStock)
	if err != nil {
		panic(err)
	}
	return connect.NewError(connect.CodeFailedPrecondition, detailedMessage).WithDetail(detail)
}

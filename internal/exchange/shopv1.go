package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// NewShop returns a shop of Connect v1 that does what behave returns for the
// request's header, whatever is called.
func NewShop(behave func(http.Header) Behaviour, options ...connect.HandlerOption) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop{behave: behave}, options...))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop{behave: behave}, options...))
	return mux
}

type shop struct {
	shopv1connect.UnimplementedCatalogServiceHandler
	shopv1connect.UnimplementedCartServiceHandler

	behave func(http.Header) Behaviour
}

func (s shop) GetProduct(ctx context.Context, req *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	return respond[shopv1.GetProductResponse](ctx, s.behave(req.Header()))
}

func (s shop) ImportItems(ctx context.Context, stream *connect.ClientStream[shopv1.ImportItemsRequest]) (*connect.Response[shopv1.ImportItemsResponse], error) {
	for stream.Receive() {
	}
	return respond[shopv1.ImportItemsResponse](ctx, s.behave(stream.RequestHeader()))
}

func (s shop) SearchProducts(_ context.Context, req *connect.Request[shopv1.SearchProductsRequest], stream *connect.ServerStream[shopv1.SearchProductsResponse]) error {
	b := s.behave(req.Header())
	addAll(stream.ResponseHeader(), b.Header)
	for range b.Messages {
		if err := stream.Send(&shopv1.SearchProductsResponse{Product: &shopv1.Product{Id: "mug"}}); err != nil {
			return err
		}
	}
	addAll(stream.ResponseTrailer(), b.Trailer)
	return b.err()
}

func (s shop) NegotiatePrice(_ context.Context, stream *connect.BidiStream[shopv1.NegotiatePriceRequest, shopv1.NegotiatePriceResponse]) error {
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	b := s.behave(stream.RequestHeader())
	addAll(stream.ResponseHeader(), b.Header)
	for range b.Messages {
		if err := stream.Send(&shopv1.NegotiatePriceResponse{Accepted: true}); err != nil {
			return err
		}
	}
	addAll(stream.ResponseTrailer(), b.Trailer)
	return b.err()
}

// respond sets the metadata on the response, or, if there is none, through the
// context.
func respond[Message any](ctx context.Context, b Behaviour) (*connect.Response[Message], error) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	if err := b.err(); err != nil {
		addAll(info.ResponseHeader(), b.Header)
		addAll(info.ResponseTrailer(), b.Trailer)
		return nil, err
	}
	res := connect.NewResponse(new(Message))
	header, trailer := res.Header(), res.Trailer()
	if b.InContext {
		header, trailer = info.ResponseHeader(), info.ResponseTrailer()
	}
	addAll(header, b.Header)
	addAll(trailer, b.Trailer)
	return res, nil
}

// err returns the error in Connect v1's form. Calls share it, as they share
// package-level errors in applications.
func (b Behaviour) err() error {
	switch {
	case b.V1 != nil:
		return b.V1
	case b.Error == nil:
		return nil
	}
	return b.Error.V1()
}

// V1 returns the error in Connect v1's form, the same one each time.
func (e *Error) V1() error {
	e.once.Do(func() { e.v1 = e.newV1() })
	return e.v1
}

func (e *Error) newV1() error {
	switch e.Form {
	case Bare:
		return connect.NewError(connect.CodeResourceExhausted, errors.New(bareMessage))
	case Around:
		return fmt.Errorf("while adding: %w", NewError(e.Metadata))
	case Joined:
		return errors.Join(errors.New("disk full"), NewError(e.Metadata))
	case Foreign:
		return errors.New("disk full")
	case OfContext:
		return context.DeadlineExceeded
	case NilPointer:
		return (*connect.Error)(nil)
	case Remote:
		err := connect.NewWireError(connect.CodeUnavailable, errors.New("upstream"))
		addAll(err.Meta(), e.Metadata)
		return err
	}
	return NewError(e.Metadata)
}

// NewError returns an error of Connect v1 with a detail and this metadata.
func NewError(metadata http.Header) *connect.Error {
	err := connect.NewError(connect.CodeFailedPrecondition, errors.New(detailedMessage))
	detail, detailErr := connect.NewErrorDetail(outOfStock)
	if detailErr != nil {
		panic(detailErr)
	}
	err.AddDetail(detail)
	addAll(err.Meta(), metadata)
	return err
}

package corsgrpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	app  = "https://app.example.com"
	evil = "https://evil.test"
)

// newPolicy lets the app's page call everything that is not internal.
func newPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	config.Origins = []string{app}
	config.Audiences = map[string][]string{"storefront": {app}, "backoffice": {app}}
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

func intercepted(policy *corsrpc.Policy) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(policy)),
		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(policy)),
	}
}

// A transport is one of grpc-go's two ways to serve.
type transport struct {
	name  string
	serve func(testing.TB, *grpc.Server) (address string)
}

var transports = []transport{
	{"Serve", func(t testing.TB, server *grpc.Server) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(listener) }()
		t.Cleanup(func() { server.Stop(); <-done })
		return listener.Addr().String()
	}},
	{"ServeHTTP", func(t testing.TB, server *grpc.Server) string {
		front := httptest.NewUnstartedServer(server)
		front.Config.Protocols = new(http.Protocols)
		front.Config.Protocols.SetUnencryptedHTTP2(true)
		front.Start()
		t.Cleanup(front.Close)
		return strings.TrimPrefix(front.URL, "http://")
	}},
}

func dial(t testing.TB, address string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address,
		append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// An answer is what a client is told.
type answer struct {
	Code            codes.Code
	Message         string
	Details         []string
	Messages        int
	Header, Trailer metadata.MD
}

func (a *answer) fail(err error) {
	st := status.Convert(err)
	a.Code, a.Message = st.Code(), st.Message()
	for _, detail := range st.Proto().GetDetails() {
		a.Details = append(a.Details, detail.String())
	}
}

// withoutTransport returns the answer without grpc-go's own fields.
func (a answer) withoutTransport() answer {
	a.Header, a.Trailer = a.Header.Copy(), a.Trailer.Copy()
	a.Header.Delete("content-type")
	a.Header.Delete("trailer")
	a.Header.Delete("date")
	return a
}

// A kind of call is one of a procedure's.
type kind struct {
	name      string
	procedure string
	call      func(context.Context, *grpc.ClientConn) answer
}

var (
	unary = kind{"unary", shopv1.CatalogService_GetProduct_FullMethodName, func(ctx context.Context, conn *grpc.ClientConn) (a answer) {
		_, err := shopv1.NewCatalogServiceClient(conn).GetProduct(ctx, &shopv1.GetProductRequest{ProductId: "mug"},
			grpc.Header(&a.Header), grpc.Trailer(&a.Trailer))
		if err == nil {
			a.Messages++
		}
		a.fail(err)
		return a
	}}
	serverStream = kind{"server stream", shopv1.CatalogService_SearchProducts_FullMethodName, func(ctx context.Context, conn *grpc.ClientConn) answer {
		stream, err := shopv1.NewCatalogServiceClient(conn).SearchProducts(ctx, &shopv1.SearchProductsRequest{Query: "mug"})
		if err != nil {
			a := answer{}
			a.fail(err)
			return a
		}
		return receive(stream)
	}}
	clientStream = kind{"client stream", shopv1.CartService_ImportItems_FullMethodName, func(ctx context.Context, conn *grpc.ClientConn) (a answer) {
		stream, err := shopv1.NewCartServiceClient(conn).ImportItems(ctx)
		if err == nil {
			if err = stream.Send(&shopv1.ImportItemsRequest{}); err == nil || errors.Is(err, io.EOF) {
				if _, err = stream.CloseAndRecv(); err == nil {
					a.Messages++
				}
			}
			a.Header, _ = stream.Header()
			a.Trailer = stream.Trailer()
		}
		a.fail(err)
		return a
	}}
	bidi = kind{"bidi stream", shopv1.CartService_NegotiatePrice_FullMethodName, func(ctx context.Context, conn *grpc.ClientConn) answer {
		stream, err := shopv1.NewCartServiceClient(conn).NegotiatePrice(ctx)
		if err == nil {
			if err = stream.Send(&shopv1.NegotiatePriceRequest{}); err == nil || errors.Is(err, io.EOF) {
				err = stream.CloseSend()
			}
		}
		if err != nil {
			a := answer{}
			a.fail(err)
			return a
		}
		return receive(stream)
	}}
	kinds = []kind{unary, serverStream, clientStream, bidi}
)

func receive[Res any](stream interface {
	Recv() (*Res, error)
	grpc.ClientStream
}) (a answer) {
	for {
		_, err := stream.Recv()
		if err == nil {
			a.Messages++
			continue
		}
		if !errors.Is(err, io.EOF) {
			a.fail(err)
		}
		a.Header, _ = stream.Header()
		a.Trailer = stream.Trailer()
		return a
	}
}

// A behaviour is what a handler does in one call.
type behaviour struct {
	header, sent, trailer metadata.MD // sent goes out at once
	err                   error
	// onStream has the handlers of streams set metadata by the methods of the
	// stream and not through the context.
	onStream bool
}

// A spyShop behaves the same in every procedure.
type spyShop struct {
	shopv1.UnimplementedCatalogServiceServer
	shopv1.UnimplementedCartServiceServer

	behaviour behaviour
	handled   *atomic.Int32
}

func newServer(b behaviour, handled *atomic.Int32, options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	if handled == nil {
		handled = new(atomic.Int32)
	}
	shopv1.RegisterCatalogServiceServer(server, spyShop{behaviour: b, handled: handled})
	shopv1.RegisterCartServiceServer(server, spyShop{behaviour: b, handled: handled})
	return server
}

func (s spyShop) handle(ctx context.Context, stream grpc.ServerStream) error {
	s.handled.Add(1)
	setHeader := func(md metadata.MD) error { return grpc.SetHeader(ctx, md) }
	sendHeader := func(md metadata.MD) error { return grpc.SendHeader(ctx, md) }
	setTrailer := func(md metadata.MD) { _ = grpc.SetTrailer(ctx, md) }
	if stream != nil && s.behaviour.onStream {
		setHeader, sendHeader, setTrailer = stream.SetHeader, stream.SendHeader, stream.SetTrailer
	}
	if err := setHeader(s.behaviour.header); err != nil {
		return err
	}
	if s.behaviour.sent != nil {
		if err := sendHeader(s.behaviour.sent); err != nil {
			return err
		}
	}
	setTrailer(s.behaviour.trailer)
	return s.behaviour.err
}

func (s spyShop) GetProduct(ctx context.Context, _ *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	return &shopv1.GetProductResponse{}, s.handle(ctx, nil)
}

func (s spyShop) SearchProducts(_ *shopv1.SearchProductsRequest, stream grpc.ServerStreamingServer[shopv1.SearchProductsResponse]) error {
	if err := s.handle(stream.Context(), stream); err != nil {
		return err
	}
	return stream.Send(&shopv1.SearchProductsResponse{})
}

func (s spyShop) ImportItems(stream grpc.ClientStreamingServer[shopv1.ImportItemsRequest, shopv1.ImportItemsResponse]) error {
	if err := s.handle(stream.Context(), stream); err != nil {
		return err
	}
	return stream.SendAndClose(&shopv1.ImportItemsResponse{})
}

func (s spyShop) NegotiatePrice(stream grpc.BidiStreamingServer[shopv1.NegotiatePriceRequest, shopv1.NegotiatePriceResponse]) error {
	if err := s.handle(stream.Context(), stream); err != nil {
		return err
	}
	return stream.Send(&shopv1.NegotiatePriceResponse{})
}

package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// A Kind of call is one of a procedure's.
type Kind struct {
	Name      string
	Procedure string
	HTTP2     bool // is required
	Unary     bool
	GET       bool
	// Call makes a call of the kind and returns its error.
	Call func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error
}

// The kinds of calls. Two are streams of responses.
var (
	Unary = Kind{
		Name: "unary", Procedure: shopv1connect.CatalogServiceGetProductProcedure, Unary: true,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			_, err := shopv1connect.NewCatalogServiceClient(client, url, options...).
				GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
			return err
		},
	}
	GET = Kind{
		Name: "GET", Procedure: Unary.Procedure, Unary: true, GET: true,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			return Unary.Call(ctx, client, url, append(options, connect.WithHTTPGet())...)
		},
	}
	ServerStream = Kind{
		Name: "server stream", Procedure: shopv1connect.CatalogServiceSearchProductsProcedure,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			stream, err := shopv1connect.NewCatalogServiceClient(client, url, options...).
				SearchProducts(ctx, connect.NewRequest(&shopv1.SearchProductsRequest{Query: "mug"}))
			if err != nil {
				return err
			}
			defer stream.Close()
			for stream.Receive() {
			}
			return stream.Err()
		},
	}
	ClientStream = Kind{
		Name: "client stream", Procedure: shopv1connect.CartServiceImportItemsProcedure,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			stream := shopv1connect.NewCartServiceClient(client, url, options...).ImportItems(ctx)
			if err := stream.Send(&shopv1.ImportItemsRequest{Item: &shopv1.CartItem{ProductId: "mug"}}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			_, err := stream.CloseAndReceive()
			return err
		},
	}
	Bidi = Kind{
		Name: "bidi stream", Procedure: shopv1connect.CartServiceNegotiatePriceProcedure, HTTP2: true,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			stream := shopv1connect.NewCartServiceClient(client, url, options...).NegotiatePrice(ctx)
			defer stream.CloseResponse()
			if err := stream.Send(&shopv1.NegotiatePriceRequest{ProductId: "mug"}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if err := stream.CloseRequest(); err != nil {
				return err
			}
			for {
				if _, err := stream.Receive(); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
			}
		},
	}
	Kinds   = []Kind{Unary, GET, ServerStream, ClientStream, Bidi}
	Streams = []Kind{ServerStream, Bidi}
)

// A Protocol is one of the RPC protocols over one version of HTTP.
type Protocol struct {
	Name    string
	Web     bool
	GRPC    bool
	HTTP2   bool
	Options []connect.ClientOption
}

// Uncompressed makes what differs between two responses readable.
var Uncompressed = connect.WithAcceptCompression("gzip", nil, nil)

// Protocols are all of them. The first five are for pages.
var Protocols = []Protocol{
	{Name: "Connect, HTTP/1.1", Options: []connect.ClientOption{Uncompressed}},
	{Name: "Connect, HTTP/2", HTTP2: true, Options: []connect.ClientOption{Uncompressed}},
	{Name: "Connect JSON, HTTP/1.1", Options: []connect.ClientOption{Uncompressed, connect.WithProtoJSON()}},
	{Name: "gRPC-Web, HTTP/1.1", Web: true, Options: []connect.ClientOption{Uncompressed, connect.WithGRPCWeb()}},
	{Name: "gRPC-Web, HTTP/2", Web: true, HTTP2: true, Options: []connect.ClientOption{Uncompressed, connect.WithGRPCWeb()}},
	{Name: "gRPC", GRPC: true, HTTP2: true, Options: []connect.ClientOption{Uncompressed, connect.WithGRPC()}},
}

// Speaks reports whether there are such calls over the protocol.
func (p Protocol) Speaks(k Kind) bool {
	return (p.HTTP2 || !k.HTTP2) && (!k.GET || !p.Web && !p.GRPC)
}

// A Failure is all that a client learns of an error.
type Failure struct {
	Code    connect.Code
	Message string
	Details []string
}

// FailureOf returns the failure of a call, the zero one for nil.
func FailureOf(t testing.TB, err error) Failure {
	t.Helper()
	if err == nil {
		return Failure{}
	}
	var connectErr *connect.Error
	require.ErrorAs(t, err, &connectErr)
	f := Failure{Code: connectErr.Code(), Message: connectErr.Message()}
	for _, detail := range connectErr.Details() {
		f.Details = append(f.Details, detail.Type()+" "+string(detail.Bytes()))
	}
	return f
}

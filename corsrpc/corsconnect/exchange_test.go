package corsconnect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
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

// serve starts a server for HTTP/1.1 and HTTP/2 without TLS.
func serve(t testing.TB, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// An answer is one as it was on the wire.
type answer struct {
	Status  int
	Header  http.Header
	Body    string
	Trailer http.Header
}

// accessControl returns the fields of CORS.
func accessControl(fields http.Header) http.Header {
	cors := http.Header{}
	for name, lines := range fields {
		if strings.HasPrefix(strings.ToLower(name), "access-control-") {
			cors[name] = lines
		}
	}
	return cors
}

// withoutCORS returns all the rest of an answer, but for the time.
func (a answer) withoutCORS() answer {
	a.Header = a.Header.Clone()
	a.Header.Del("Date")
	for name := range accessControl(a.Header) {
		a.Header.Del(name)
	}
	return a
}

// A wire sends requests with these fields, and records the last answer.
type wire struct {
	transport *http.Transport
	send      http.Header
	answer    answer
}

func newWire(t testing.TB, http2 bool, send http.Header) *wire {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &wire{transport: transport, send: send}
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, lines := range w.send {
		req.Header[name] = lines
	}
	res, err := w.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	w.answer = answer{Status: res.StatusCode, Header: res.Header.Clone(), Body: string(body), Trailer: res.Trailer.Clone()}
	return res, nil
}

// A kind of call is one of a procedure's.
type kind struct {
	name      string
	procedure string
	http2     bool // is required
	unary     bool
	get       bool
	// call makes a call of the kind and returns its error.
	call func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error
}

var (
	unary = kind{
		name: "unary", procedure: shopv1connect.CatalogServiceGetProductProcedure, unary: true,
		call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			_, err := shopv1connect.NewCatalogServiceClient(client, url, options...).
				GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
			return err
		},
	}
	get = kind{
		name: "GET", procedure: unary.procedure, unary: true, get: true,
		call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			return unary.call(ctx, client, url, append(options, connect.WithHTTPGet())...)
		},
	}
	serverStream = kind{
		name: "server stream", procedure: shopv1connect.CatalogServiceSearchProductsProcedure,
		call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
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
	clientStream = kind{
		name: "client stream", procedure: shopv1connect.CartServiceImportItemsProcedure,
		call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			stream := shopv1connect.NewCartServiceClient(client, url, options...).ImportItems(ctx)
			if err := stream.Send(&shopv1.ImportItemsRequest{Item: &shopv1.CartItem{ProductId: "mug"}}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			_, err := stream.CloseAndReceive()
			return err
		},
	}
	bidi = kind{
		name: "bidi stream", procedure: shopv1connect.CartServiceNegotiatePriceProcedure, http2: true,
		call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
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
	kinds   = []kind{unary, get, serverStream, clientStream, bidi}
	streams = []kind{serverStream, bidi}
)

// A protocol is one of the RPC protocols over one version of HTTP.
type protocol struct {
	name    string
	web     bool
	grpc    bool
	http2   bool
	options []connect.ClientOption
}

// Uncompressed, so that what differs between two answers can be read.
var uncompressed = connect.WithAcceptCompression("gzip", nil, nil)

var protocols = []protocol{
	{name: "Connect, HTTP/1.1", options: []connect.ClientOption{uncompressed}},
	{name: "Connect, HTTP/2", http2: true, options: []connect.ClientOption{uncompressed}},
	{name: "Connect JSON, HTTP/1.1", options: []connect.ClientOption{uncompressed, connect.WithProtoJSON()}},
	{name: "gRPC-Web, HTTP/1.1", web: true, options: []connect.ClientOption{uncompressed, connect.WithGRPCWeb()}},
	{name: "gRPC-Web, HTTP/2", web: true, http2: true, options: []connect.ClientOption{uncompressed, connect.WithGRPCWeb()}},
	{name: "gRPC", grpc: true, http2: true, options: []connect.ClientOption{uncompressed, connect.WithGRPC()}},
}

// speaks reports whether there are such calls over the protocol.
func (p protocol) speaks(k kind) bool {
	return (p.http2 || !k.http2) && (!k.get || !p.web && !p.grpc)
}

// A failure is everything that a client is told of an error.
type failure struct {
	Code    connect.Code
	Message string
	Details []string
}

func failureOf(t testing.TB, err error) failure {
	t.Helper()
	if err == nil {
		return failure{}
	}
	var connectErr *connect.Error
	require.ErrorAs(t, err, &connectErr)
	f := failure{Code: connectErr.Code(), Message: connectErr.Message()}
	for _, detail := range connectErr.Details() {
		f.Details = append(f.Details, detail.Type()+" "+string(detail.Bytes()))
	}
	return f
}

// A behaviour is what a handler does in one call.
type behaviour struct {
	header, trailer http.Header
	messages        int // that streams send; others send theirs if they succeed
	err             error
	inContext       bool // sets fields through the context also if it succeeds
}

// shop does what behave says to the request's header, whatever is called.
type shop struct {
	shopv1connect.UnimplementedCatalogServiceHandler
	shopv1connect.UnimplementedCartServiceHandler

	behave func(http.Header) behaviour
}

func newShop(behave func(http.Header) behaviour, options ...connect.HandlerOption) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop{behave: behave}, options...))
	mux.Handle(shopv1connect.NewCartServiceHandler(shop{behave: behave}, options...))
	return mux
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
	addAll(stream.ResponseHeader(), b.header)
	for range b.messages {
		if err := stream.Send(&shopv1.SearchProductsResponse{Product: &shopv1.Product{Id: "mug"}}); err != nil {
			return err
		}
	}
	addAll(stream.ResponseTrailer(), b.trailer)
	return b.err
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
	addAll(stream.ResponseHeader(), b.header)
	for range b.messages {
		if err := stream.Send(&shopv1.NegotiatePriceResponse{Accepted: true}); err != nil {
			return err
		}
	}
	addAll(stream.ResponseTrailer(), b.trailer)
	return b.err
}

// respond sets the fields on the response, or, if there is none, through the
// context.
func respond[Message any](ctx context.Context, b behaviour) (*connect.Response[Message], error) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	if b.err != nil {
		addAll(info.ResponseHeader(), b.header)
		addAll(info.ResponseTrailer(), b.trailer)
		return nil, b.err
	}
	res := connect.NewResponse(new(Message))
	header, trailer := res.Header(), res.Trailer()
	if b.inContext {
		header, trailer = info.ResponseHeader(), info.ResponseTrailer()
	}
	addAll(header, b.header)
	addAll(trailer, b.trailer)
	return res, nil
}

func addAll(into, from http.Header) {
	for name, lines := range from {
		for _, line := range lines {
			into.Add(name, line)
		}
	}
}

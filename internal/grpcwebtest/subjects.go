package grpcwebtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard/vanguardgrpc"
	improbable "github.com/improbable-eng/grpc-web/go/grpcweb"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// BurstMessages is how many messages a burst has.
const BurstMessages = 10_000

// A Subject is one gRPC-Web server of the same service.
type Subject struct {
	Name    string
	Handler http.Handler
	Text    bool // whether it has the text form
}

// Names of the subjects.
const (
	Grpcweb    = "corsrpc/grpcweb"
	Forwarded  = "corsrpc/grpcweb, forwarded"
	Improbable = "improbable-eng/grpc-web"
	Vanguard   = "vanguard"
	ConnectGo  = "connect-go"
	Held       = "grpc-go, sent at the end"
	Canned     = "canned response"
)

// Subjects returns all of them. Forwarded sends the calls to the same server over
// HTTP/2 and loopback; that server runs until the process ends. ConnectGo is a framework of its own and not in
// front of grpc-go. Held collects what grpc-go's ServeHTTP writes and sends it
// in one piece: no handler that delivers a stream as it comes can be faster in
// front of it. Canned writes bytes that it was given, so that it is the floor.
func Subjects() ([]Subject, error) {
	server := grpc.NewServer()
	shopv1.RegisterCatalogServiceServer(server, catalog{})
	transcoder, err := vanguardgrpc.NewTranscoder(server)
	if err != nil {
		return nil, fmt.Errorf("vanguard: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(connectCatalog{}))
	wrapped := improbable.WrapServer(server, improbable.WithOriginFunc(func(string) bool { return true }))
	ours := grpcweb.NewHandler(server, grpcweb.Config{})
	forwarded, err := forward(server)
	if err != nil {
		return nil, err
	}
	canned, err := record(ours)
	if err != nil {
		return nil, err
	}
	return []Subject{
		{Grpcweb, ours, true},
		{Forwarded, forwarded, false},
		{Improbable, wrapped, true},
		{Vanguard, transcoder, false},
		{ConnectGo, mux, false},
		{Held, hold(server), false},
		{Canned, canned, false},
	}, nil
}

// forward returns a handler that forwards to the server.
func forward(server *grpc.Server) (http.Handler, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = server.Serve(listener) }()
	forwarder, err := grpcweb.NewForwarder(&url.URL{Scheme: "http", Host: listener.Addr().String()}, nil)
	if err != nil {
		return nil, err
	}
	return grpcweb.NewHandler(forwarder, grpcweb.Config{Methods: func(procedure string) (clientStreams, serverStreams, known bool) {
		return false, procedure == shopv1.CatalogService_WatchPrices_FullMethodName, true
	}}), nil
}

// product makes a response of about 100 bytes.
var product = &shopv1.Product{Id: "teapot", Name: strings.Repeat("stoneware ", 8), Price: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 2450}, Stock: 12}

var price = &shopv1.WatchPricesResponse{ProductId: "teapot", Price: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 2450}}

// catalog serves the benchmarks' two methods with grpc-go.
type catalog struct {
	shopv1.UnimplementedCatalogServiceServer
}

func (catalog) GetProduct(context.Context, *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	return &shopv1.GetProductResponse{Product: product}, nil
}

func (catalog) WatchPrices(_ *shopv1.WatchPricesRequest, stream grpc.ServerStreamingServer[shopv1.WatchPricesResponse]) error {
	for range BurstMessages {
		if err := stream.Send(price); err != nil {
			return err
		}
	}
	return nil
}

// connectCatalog serves them with connect-go.
type connectCatalog struct {
	shopv1connect.UnimplementedCatalogServiceHandler
}

func (connectCatalog) GetProduct(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	return connect.NewResponse(&shopv1.GetProductResponse{Product: product}), nil
}

func (connectCatalog) WatchPrices(_ context.Context, _ *connect.Request[shopv1.WatchPricesRequest], stream *connect.ServerStream[shopv1.WatchPricesResponse]) error {
	for range BurstMessages {
		if err := stream.Send(price); err != nil {
			return err
		}
	}
	return nil
}

package corsrpc_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// newServer serves HTTP/1.1 and HTTP/2 without TLS on one port.
func newServer(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// fromPage sets Origin and the rest of what a browser would on each request,
// and checks that each response lets the page read it.
type fromPage struct {
	t    *testing.T
	next http.RoundTripper
}

func (f fromPage) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Origin", shopper)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := f.next.RoundTrip(r)
	if err == nil {
		assert.Equal(f.t, []string{shopper}, response.Header["Access-Control-Allow-Origin"], r.URL.Path)
	}
	return response, err
}

// Generated clients of every protocol work through Wrap unchanged: unary,
// streams, errors, trailers; as backends and as pages; over HTTP/1.1 and 2.
func TestConnectClientsThroughWrap(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Origins = []string{shopper}
	server := newServer(t, newPolicy(t, config).Wrap(shop.NewHandler()))

	for name, option := range map[string]connect.ClientOption{
		"Connect":           connect.WithClientOptions(),
		"Connect, JSON":     connect.WithProtoJSON(),
		"Connect, with GET": connect.WithHTTPGet(),
		"gRPC-Web":          connect.WithGRPCWeb(),
		"gRPC":              connect.WithGRPC(),
	} {
		for _, http2 := range []bool{false, true} {
			for _, page := range []bool{false, true} {
				if name == "gRPC" && !http2 {
					continue
				}
				t.Run(name+map[bool]string{false: " over HTTP/1.1", true: " over HTTP/2"}[http2]+map[bool]string{false: "", true: " from a page"}[page], func(t *testing.T) {
					t.Parallel()
					transport := &http.Transport{Protocols: new(http.Protocols)}
					transport.Protocols.SetHTTP1(!http2)
					transport.Protocols.SetUnencryptedHTTP2(http2)
					t.Cleanup(transport.CloseIdleConnections)
					client := &http.Client{Transport: transport}
					if page {
						client.Transport = fromPage{t, transport}
					}
					testConnectClient(t, client, server.URL, http2, option)
				})
			}
		}
	}
}

func testConnectClient(t *testing.T, client *http.Client, url string, http2 bool, option connect.ClientOption) {
	ctx := t.Context()
	catalogs := shopv1connect.NewCatalogServiceClient(client, url, option)
	carts := shopv1connect.NewCartServiceClient(client, url, option)

	product, err := catalogs.GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
	require.NoError(t, err)
	assert.Equal(t, "teapot", product.Msg.GetProduct().GetId())
	assert.NotEmpty(t, product.Header().Get("X-Catalog-Version"))

	_, err = catalogs.GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "nothing"}))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))

	add := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 2}})
	add.Header().Set("Authorization", "Bearer ada")
	add.Header().Set("X-Tenant-Id", "acme")
	added, err := carts.AddItem(ctx, add)
	require.NoError(t, err)
	assert.NotEmpty(t, added.Header().Get("X-Request-Id"))
	assert.NotEmpty(t, added.Trailer().Get("X-Cost"))

	checkout := connect.NewRequest(&shopv1.CheckoutRequest{PaymentToken: "tok_declined"})
	checkout.Header().Set("Authorization", "Bearer ada")
	_, err = carts.Checkout(ctx, checkout)
	var failure *connect.Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, connect.CodeFailedPrecondition, failure.Code())
	assert.NotEmpty(t, failure.Meta().Get("X-Retry-Hint"))
	require.Len(t, failure.Details(), 1)
	assert.Equal(t, "acme.shop.v1.PaymentDeclined", failure.Details()[0].Type())

	prices, err := catalogs.WatchPrices(ctx, connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: []string{"teapot", "mug"}}))
	require.NoError(t, err)
	messages := 0
	for prices.Receive() {
		messages++
	}
	require.NoError(t, prices.Err())
	assert.Equal(t, 2, messages)
	assert.Equal(t, "2", prices.ResponseTrailer().Get("X-Updates"))
	require.NoError(t, prices.Close())

	imported := carts.ImportItems(ctx)
	imported.RequestHeader().Set("Authorization", "Bearer ada")
	imported.RequestHeader().Set("X-Tenant-Id", "acme")
	require.NoError(t, imported.Send(&shopv1.ImportItemsRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 1}}))
	summary, err := imported.CloseAndReceive()
	require.NoError(t, err)
	assert.NotEmpty(t, summary.Trailer().Get("X-Cost"))

	if http2 {
		negotiation := carts.NegotiatePrice(ctx)
		negotiation.RequestHeader().Set("Authorization", "Bearer ada")
		require.NoError(t, negotiation.Send(&shopv1.NegotiatePriceRequest{ProductId: "mug", Offer: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 1}}))
		counter, err := negotiation.Receive()
		require.NoError(t, err)
		assert.False(t, counter.GetAccepted())
		require.NoError(t, negotiation.CloseRequest())
		_, err = negotiation.Receive()
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, "1", negotiation.ResponseTrailer().Get("X-Rounds"))
		require.NoError(t, negotiation.CloseResponse())
	}
}

// A refused call reads as permission_denied in every protocol.
func TestRefusalThroughConnectClients(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	server := newServer(t, newPolicy(t, config).Wrap(shop.NewHandler()))
	for name, option := range map[string]connect.ClientOption{
		"Connect": connect.WithClientOptions(), "gRPC-Web": connect.WithGRPCWeb(), "gRPC": connect.WithGRPC(),
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := shopv1connect.NewCatalogServiceClient(&http.Client{Transport: transport}, server.URL, option)
		request := connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"})
		request.Header().Set("Origin", evil)
		_, err := client.GetProduct(t.Context(), request)
		assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), "%s: %v", name, err)
		transport.CloseIdleConnections()
	}
}

// grpc-go speaks to connect-go and to grpc-go's ServeHTTP through Wrap.
func TestGRPCClientThroughWrap(t *testing.T) {
	t.Parallel()
	grpcServer := grpc.NewServer()
	shop.RegisterGRPC(grpcServer)
	for name, h := range map[string]http.Handler{"connect-go": shop.NewHandler(), "grpc-go": grpcServer} {
		server := newServer(t, newPolicy(t, shopConfig()).Wrap(h))
		conn, err := grpc.NewClient(server.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer ada", "x-tenant-id", "acme")
		catalogs, carts := shopv1.NewCatalogServiceClient(conn), shopv1.NewCartServiceClient(conn)

		var header, trailer metadata.MD
		_, err = carts.AddItem(ctx, &shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 1}}, grpc.Header(&header), grpc.Trailer(&trailer))
		require.NoError(t, err, name)
		assert.NotEmpty(t, header.Get("x-request-id"), name)
		assert.NotEmpty(t, trailer.Get("x-cost"), name)
		assert.Empty(t, header.Get("access-control-allow-origin"), name)

		_, err = carts.Checkout(ctx, &shopv1.CheckoutRequest{PaymentToken: "tok_declined"}, grpc.Trailer(&trailer))
		assert.Equal(t, codes.FailedPrecondition, status.Code(err), name)
		assert.Len(t, status.Convert(err).Details(), 1, name)
		assert.NotEmpty(t, trailer.Get("x-retry-hint"), name)

		stream, err := catalogs.WatchPrices(ctx, &shopv1.WatchPricesRequest{ProductIds: []string{"teapot", "mug"}})
		require.NoError(t, err, name)
		messages := 0
		for err == nil {
			if _, err = stream.Recv(); err == nil {
				messages++
			}
		}
		require.ErrorIs(t, err, io.EOF, name)
		assert.Equal(t, 2, messages, name)
		assert.Equal(t, []string{"2"}, stream.Trailer().Get("x-updates"), name)

		upload, err := carts.ImportItems(ctx)
		require.NoError(t, err, name)
		for range 2 {
			require.NoError(t, upload.Send(&shopv1.ImportItemsRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 1}}), name)
		}
		imported, err := upload.CloseAndRecv()
		require.NoError(t, err, name)
		assert.EqualValues(t, 2, imported.GetItems(), name)
		assert.NotEmpty(t, upload.Trailer().Get("x-cost"), name)

		bidi, err := carts.NegotiatePrice(ctx)
		require.NoError(t, err, name)
		require.NoError(t, bidi.Send(&shopv1.NegotiatePriceRequest{ProductId: "mug", Offer: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 1}}), name)
		_, err = bidi.Recv()
		require.NoError(t, err, name)
		require.NoError(t, bidi.CloseSend(), name)
		_, err = bidi.Recv()
		require.ErrorIs(t, err, io.EOF, name)
		assert.Equal(t, []string{"1"}, bidi.Trailer().Get("x-rounds"), name)

		_, err = catalogs.GetProduct(metadata.AppendToOutgoingContext(ctx, "origin", evil), &shopv1.GetProductRequest{ProductId: "teapot"})
		assert.Equal(t, codes.PermissionDenied, status.Code(err), name)
		_, err = carts.PurgeCarts(ctx, &shopv1.PurgeCartsRequest{})
		assert.NotEqual(t, codes.PermissionDenied, status.Code(err), "%s: internal, by another server", name)
		require.NoError(t, conn.Close())
	}
}

package grpcweb_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// connect-go's client reads metadata, errors and details wherever they are.
func TestConnectGoClient(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, version := range versions {
			t.Run(way.name+"/"+version.name, func(t *testing.T) {
				t.Parallel()
				server := grpc.NewServer()
				t.Cleanup(server.Stop)
				shop.RegisterGRPC(server)
				front := version.serve(t, way.wrap(t, server, grpcweb.Config{}))
				cart := shopv1connect.NewCartServiceClient(front.client, front.URL, connect.WithGRPCWeb())
				ada := func(h http.Header) { h.Set("Authorization", "Bearer ada"); h.Set("X-Tenant-Id", "acme") }

				add := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "teapot", Quantity: 1}})
				ada(add.Header())
				added, err := cart.AddItem(t.Context(), add)
				require.NoError(t, err)
				assert.NotEmpty(t, added.Header().Get("X-Request-Id"))
				assert.NotEmpty(t, added.Trailer().Get("X-Cost"))

				tooMany := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "teapot", Quantity: 13}})
				ada(tooMany.Header())
				_, err = cart.AddItem(t.Context(), tooMany)
				assert.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err))
				var failure *connect.Error
				require.ErrorAs(t, err, &failure)
				require.Len(t, failure.Details(), 1)
				detail, err := failure.Details()[0].Value()
				require.NoError(t, err)
				assert.IsType(t, &shopv1.OutOfStock{}, detail)
				assert.NotEmpty(t, failure.Meta().Get("X-Cost"))

				track := connect.NewRequest(&shopv1.TrackOrderRequest{OrderId: "order-lost"})
				ada(track.Header())
				stream, err := cart.TrackOrder(t.Context(), track)
				require.NoError(t, err)
				messages := 0
				for stream.Receive() {
					messages++
				}
				assert.Equal(t, 1, messages)
				assert.Equal(t, connect.CodeDataLoss, connect.CodeOf(stream.Err()))

				items := cart.ImportItems(t.Context())
				ada(items.RequestHeader())
				for range 3 {
					require.NoError(t, items.Send(&shopv1.ImportItemsRequest{Item: &shopv1.CartItem{ProductId: "mug", Quantity: 1}}))
				}
				imported, err := items.CloseAndReceive()
				require.NoError(t, err)
				assert.NotEmpty(t, imported.Trailer().Get("X-Cost"))
			})
		}
	}
}

// A handler of connect-go gains the text form, and its responses become the same
// as grpc-go's.
func TestConnectGoHandler(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer()
	t.Cleanup(server.Stop)
	shop.RegisterGRPC(server)
	config := grpcweb.Config{Methods: shopMethods(), Codecs: []string{"proto", "json"}}
	for _, version := range []version{http1, http2} {
		fronts := []front{
			version.serve(t, grpcweb.NewHandler(shop.NewHandler(), config)),
			version.serve(t, grpcweb.NewHandler(server, grpcweb.Config{})),
		}
		for _, row := range []struct {
			procedure string
			body      string
		}{
			{shopv1.CatalogService_GetProduct_FullMethodName, rawFrame(t, &shopv1.GetProductRequest{ProductId: "teapot"})},
			{shopv1.CatalogService_GetProduct_FullMethodName, rawFrame(t, &shopv1.GetProductRequest{ProductId: "unicorn"})},
			{shopv1.CatalogService_SearchProducts_FullMethodName, rawFrame(t, &shopv1.SearchProductsRequest{Query: "stone"})},
			{shopv1.CartService_TrackOrder_FullMethodName, rawFrame(t, &shopv1.TrackOrderRequest{OrderId: "order-lost"})},
			{shopv1.CatalogService_GetProduct_FullMethodName, "\x00"},
		} {
			var views []view
			for _, front := range fronts {
				got := front.do(t, call{
					procedure: row.procedure, contentType: "application/grpc-web-text", header: map[string]string{"Authorization": "Bearer ada"},
					body: strings.NewReader(text(row.body)),
				})
				views = append(views, viewOf(observe(got)))
			}
			assert.Equal(t, views[1], views[0], row.procedure)
		}
		// connect-go's own codec.
		got := fronts[0].do(t, call{
			procedure: shopv1.CatalogService_GetProduct_FullMethodName, contentType: "application/grpc-web+json",
			body: strings.NewReader("\x00\x00\x00\x00\x16{\"productId\": \"unico\"}"),
		})
		assert.Equal(t, "5", got.status["grpc-status"])
		assert.Equal(t, "application/grpc-web+json", got.header.Get("Content-Type"))
		// Everything else is connect-go's own, such as the Connect protocol.
		got = fronts[0].do(t, call{
			procedure: shopv1.CatalogService_GetProduct_FullMethodName, contentType: "application/json",
			body: strings.NewReader(`{"productId": "teapot"}`),
		})
		assert.Equal(t, 200, got.code)
		assert.Contains(t, got.raw, "teapot")
	}
}

// Around the handler, a policy answers preflights, exposes the status and
// refuses other pages. The handler writes no CORS header itself.
func TestBehindAPolicy(t *testing.T) {
	t.Parallel()
	policy, err := corsrpc.New(corsrpc.Config{
		Origins:   []string{"https://app.example.com"},
		Audiences: map[string][]string{"storefront": {"https://app.example.com"}, "backoffice": {"https://app.example.com"}},
	})
	require.NoError(t, err)
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(policy)), grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(policy)))
	t.Cleanup(server.Stop)
	shop.RegisterGRPC(server)
	handler := grpcweb.NewHandler(server, grpcweb.Config{})
	front := http1.serve(t, policy.Wrap(handler))
	body := func() io.Reader {
		return strings.NewReader(rawFrame(t, &shopv1.GetProductRequest{ProductId: "unicorn"}))
	}

	got := front.do(t, call{procedure: shopv1.CatalogService_GetProduct_FullMethodName, header: map[string]string{"Origin": "https://app.example.com"}, body: body()})
	assert.Equal(t, "https://app.example.com", got.header.Get("Access-Control-Allow-Origin"))
	assert.Contains(t, got.header.Get("Access-Control-Expose-Headers"), "Grpc-Status")
	assert.Equal(t, "5", got.header.Get("Grpc-Status"))

	got = front.do(t, call{procedure: shopv1.CatalogService_GetProduct_FullMethodName, header: map[string]string{"Origin": "https://evil.test"}, body: body()})
	assert.NotContains(t, got.header, "Access-Control-Allow-Origin")
	assert.NotEqual(t, "5", got.status["grpc-status"])

	// Without Wrap the interceptor still refuses.
	front = http1.serve(t, handler)
	got = front.do(t, call{procedure: shopv1.CatalogService_GetProduct_FullMethodName, header: map[string]string{"Origin": "https://evil.test"}, body: body()})
	assert.Equal(t, "7", got.status["grpc-status"])
	for name := range got.header {
		assert.False(t, strings.HasPrefix(name, "Access-Control-"), name)
	}
}

// corstest checks such a server like any other, and runs none of its methods.
func TestCorstest(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for _, way := range ways {
		ran := make(chan string, 100)
		server := grpc.NewServer(
			grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				ran <- info.FullMethod
				return handler(ctx, req)
			}),
			grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				ran <- info.FullMethod
				return handler(srv, stream)
			}))
		t.Cleanup(server.Stop)
		shop.RegisterGRPC(server)
		handler := way.wrap(t, server, grpcweb.Config{Methods: shopMethods()})
		policy, err := corsrpc.New(corsrpc.Config{Origins: []string{app}, Audiences: map[string][]string{"storefront": {app}, "backoffice": {}}})
		require.NoError(t, err)

		report := corstest.Check(policy.Wrap(handler), app, corstest.WithAudiences("storefront"), corstest.WithProtocols(corstest.GRPCWeb))
		assert.NoError(t, report.Err(), way.name)
		report = corstest.Check(policy.Wrap(handler), "https://evil.test", corstest.WithNoAccess(), corstest.WithProtocols(corstest.GRPCWeb))
		assert.NoError(t, report.Err(), way.name)
		assert.Empty(t, ran, way.name)

		// Without the policy it is not what pages need.
		report = corstest.Check(handler, app, corstest.WithAudiences("storefront"), corstest.WithProtocols(corstest.GRPCWeb))
		assert.Error(t, report.Err(), way.name)
	}
}

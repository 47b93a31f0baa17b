package corstest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// hidden returns the names that the browser found needed and unreadable.
func hidden(b *corstest.Browser) (names []string) {
	for _, exchange := range b.Exchanges() {
		for _, problem := range exchange.NotExposed {
			names = append(names, problem.Name)
		}
	}
	return names
}

// What breaks silently where nothing is exposed, per case of the shop: the
// names under which each protocol has what the schema declares.
func TestNotExposedOfGeneratedClients(t *testing.T) {
	t.Parallel()
	bearer := func(header http.Header) { header.Set("Authorization", "Bearer ada"); header.Set("X-Tenant-Id", "acme") }
	calls := []struct {
		name  string
		call  func(t *testing.T, client connect.HTTPClient, options ...connect.ClientOption)
		wants map[string][]string // by protocol
	}{
		{
			"a success with header and trailer",
			func(t *testing.T, client connect.HTTPClient, options ...connect.ClientOption) {
				request := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "teapot", Quantity: 1}})
				bearer(request.Header())
				response, err := shopv1connect.NewCartServiceClient(client, apiURL, options...).AddItem(t.Context(), request)
				require.NoError(t, err)
				assert.Empty(t, response.Header().Get("X-Request-Id"), "the page sees a header that is not exposed")
			},
			map[string][]string{"Connect": {"Trailer-X-Cost", "X-Request-Id"}, "gRPC-Web": {"X-Request-Id"}},
		},
		{
			"a failure with error metadata and trailer",
			func(t *testing.T, client connect.HTTPClient, options ...connect.ClientOption) {
				request := connect.NewRequest(&shopv1.CheckoutRequest{PaymentToken: "tok_declined"})
				bearer(request.Header())
				_, err := shopv1connect.NewCartServiceClient(client, apiURL, options...).Checkout(t.Context(), request)
				require.Error(t, err)
			},
			map[string][]string{
				"Connect":  {"Trailer-X-Cost", "X-Retry-Hint"},
				"gRPC-Web": {"Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin", "X-Cost", "X-Retry-Hint"},
			},
		},
		{
			"an empty stream",
			func(t *testing.T, client connect.HTTPClient, options ...connect.ClientOption) {
				stream, err := shopv1connect.NewCatalogServiceClient(client, apiURL, options...).SearchProducts(t.Context(),
					connect.NewRequest(&shopv1.SearchProductsRequest{Query: "no such thing"}))
				require.NoError(t, err)
				assert.False(t, stream.Receive())
			},
			map[string][]string{"Connect": nil, "gRPC-Web": {"Grpc-Status", "X-Hits"}},
		},
		{
			"a stream with messages",
			func(t *testing.T, client connect.HTTPClient, options ...connect.ClientOption) {
				stream, err := shopv1connect.NewCatalogServiceClient(client, apiURL, options...).WatchPrices(t.Context(),
					connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: []string{"teapot"}}))
				require.NoError(t, err)
				for stream.Receive() {
				}
				require.NoError(t, stream.Err())
			},
			map[string][]string{"Connect": {"X-Catalog-Version"}, "gRPC-Web": {"X-Catalog-Version"}},
		},
	}
	for _, call := range calls {
		for _, protocol := range []string{"Connect", "gRPC-Web"} {
			t.Run(call.name+" over "+protocol, func(t *testing.T) {
				t.Parallel()
				b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(shop.NewHandler())))
				call.call(t, b.Client(), rpcClients[protocol]...)
				got := hidden(b)
				assert.Equal(t, call.wants[protocol], got)

				if err := b.Err(); len(call.wants[protocol]) == 0 {
					require.NoError(t, err)
				} else {
					var blocked *corstest.BlockedError
					require.ErrorAs(t, err, &blocked)
					assert.Equal(t, corstest.ResponseHeaderNotExposed, blocked.Code)
					assert.Contains(t, blocked.Fix, "'Access-Control-Expose-Headers'")
				}

				exposing := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(shop.NewHandler(), call.wants[protocol]...)))
				if call.name != "a success with header and trailer" {
					call.call(t, exposing.Client(), rpcClients[protocol]...)
					require.NoError(t, exposing.Err())
				}
			})
		}
	}
}

func TestNotExposedOfPlainFetches(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		opts   []corstest.Option
		path   string
		header http.Header
		answer []string
		want   []string
	}{
		{"nothing is declared of plain HTTP", nil, "x", nil, []string{"X-Request-Id", "1"}, nil},
		{"what the test declares of everything", []corstest.Option{corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"x-request-id"}})}, "x", nil, []string{"X-Request-Id", "1"}, []string{"X-Request-Id"}},
		{"what the test declares of a method, below any prefix", []corstest.Option{corstest.Declare("acme.shop.v1.CatalogService.GetProduct", corstest.Metadata{ResponseHeaders: []string{"X-Trace"}})}, "api/v2/acme.shop.v1.CatalogService/GetProduct", nil, []string{"X-Trace", "1"}, []string{"X-Trace"}},
		{"and not of another", []corstest.Option{corstest.Declare("acme.shop.v1.CatalogService.GetProduct", corstest.Metadata{ResponseHeaders: []string{"X-Trace"}})}, "acme.shop.v1.CatalogService/WatchPrices", nil, []string{"X-Trace", "1"}, nil},
		{"what the test declares of a service", []corstest.Option{corstest.Declare("acme.shop.v1.CatalogService", corstest.Metadata{ResponseHeaders: []string{"X-Trace"}})}, "acme.shop.v1.CatalogService/WatchPrices", nil, []string{"X-Trace", "1"}, []string{"X-Trace"}},
		{"a Connect trailer that nobody declared", nil, "x", http.Header{"Connect-Protocol-Version": {"1"}, "Content-Type": {"application/json"}}, []string{"Trailer-X-Other", "1"}, []string{"Trailer-X-Other"}},
		{"no Connect trailer", nil, "x", nil, []string{"Trailer-X-Other", "1"}, nil},
		{"a Connect GET", nil, "x?connect=v1", nil, []string{"Trailer-X-Other", "1"}, []string{"Trailer-X-Other"}},
		{"a trailers-only response", nil, "x", nil, []string{"Content-Type", "application/grpc-web+proto", "Grpc-Status", "0"}, []string{"Grpc-Status"}},
		{"no gRPC-Web", nil, "x", nil, []string{"Grpc-Status", "0"}, nil},
		{"what is absent", []corstest.Option{corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"X-Request-Id"}})}, "x", nil, nil, nil},
		{"what is safelisted", []corstest.Option{corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"Expires"}})}, "x", nil, []string{"Expires", "0"}, nil},
		{"what no page may read", []corstest.Option{corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"Set-Cookie"}})}, "x", nil, []string{"Set-Cookie", "a=b"}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			pairs := append([]string{allowOrigin, "*", allowHeaders, "*"}, row.answer...)
			b := on(saying(pairs...), row.opts...)
			r := corstest.Request{URL: apiURL + row.path, Header: row.header}
			if row.header != nil {
				r.Method, r.Body = http.MethodPost, strings.NewReader("{}")
			}
			response := requireAnswered(t, b, r)
			assert.Equal(t, row.want, hidden(b))
			assert.Len(t, response.NotExposed, len(row.want))
		})
	}
}

func TestNotExposedOfTheOwnOriginIsNothing(t *testing.T) {
	t.Parallel()
	b := on(saying("X-Request-Id", "1"), corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"X-Request-Id"}}))
	requireAnswered(t, b, corstest.Request{URL: pageOrigin})
	assert.Empty(t, hidden(b))
}

// Of an image no page reads headers, so that it misses none.
func TestNotExposedOfAnImageIsNothing(t *testing.T) {
	t.Parallel()
	b := on(saying("X-Request-Id", "1"), corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"X-Request-Id"}}))
	requireAnswered(t, b, corstest.Request{URL: apiURL, Mode: corstest.ModeNoCORS, Destination: "image"})
	assert.Empty(t, hidden(b))
	require.NoError(t, b.Err())
}

// Err reports a repeated problem once.
func TestErrReportsEachProblemOnce(t *testing.T) {
	t.Parallel()
	b := on(saying())
	for range 3 {
		_, err := b.Client().Get(apiURL)
		require.Error(t, err)
	}
	_, err := b.Client().Post(apiURL, "application/json", strings.NewReader("{}"))
	require.Error(t, err)
	joined, ok := b.Err().(interface{ Unwrap() []error })
	require.True(t, ok)
	assert.Len(t, joined.Unwrap(), 2)
	_, err = io.WriteString(io.Discard, b.Err().Error())
	require.NoError(t, err)
}

// A misspelt name would be a check that finds nothing.
func TestDeclareOfUnknownNames(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.Declare("*", corstest.Metadata{}), corstest.Declare(cartService, corstest.Metadata{}), corstest.Declare(cartService+".AddItem", corstest.Metadata{}))
	assert.NoError(t, b.Err())
	b = corstest.NewBrowser(pageOrigin, corstest.Declare(cartService+".AddItm", corstest.Metadata{}))
	assert.EqualError(t, b.Err(), `corstest: Declare: "acme.shop.v1.CartService.AddItm" is not a linked service or method: write a full name, such as acme.shop.v1.CartService.AddItem, and import the generated code`)
}

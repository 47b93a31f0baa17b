package edge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

const (
	app    = "https://app.example.com"
	evil   = "https://evil.example"
	origin = "https://" + host

	getProduct  = shopv1connect.CatalogServiceGetProductProcedure
	watchPrices = shopv1connect.CatalogServiceWatchPricesProcedure
)

// Each proxy, with its configuration, in front of backend.js.
func TestEdges(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			b := startBackend(t)
			proxy := target.start(t, b.other)
			for _, test := range []struct {
				name string
				run  func(*testing.T, string, *backend)
			}{
				{"pages", testPages},
				{"what does not reach the backend", testRefusals},
				{"gRPC", testGRPC},
				{"WebSocket", testWebSocket},
				{"directives of its own", testOwnDirectives},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, proxy, b) })
			}
		})
	}
}

// send sends a request with headers, given in pairs, and reads the response.
func send(t *testing.T, transport http.RoundTripper, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, origin+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, string(body)
}

// cors returns the headers that decide what a page can read, without Vary.
func cors(response *http.Response) http.Header {
	header := http.Header{}
	for name, lines := range response.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			header[name] = lines
		}
	}
	return header
}

// expose returns what the rule of a path exposes.
func expose(t *testing.T, path string) string {
	t.Helper()
	rule, ok := newPolicy(t, "policy.yaml").Rule(path)
	require.True(t, ok)
	return strings.Join(rule.ResponseHeaders, ", ")
}

// What a page calls and reads.
func testPages(t *testing.T, proxy string, b *backend) {
	for _, row := range []struct {
		name    string
		options []connect.ClientOption
		method  string
	}{
		{"Connect", nil, "POST"},
		{"Connect, GET", []connect.ClientOption{connect.WithHTTPGet(), connect.WithProtoJSON()}, "GET"},
		{"gRPC-Web", []connect.ClientOption{connect.WithGRPCWeb()}, "POST"},
	} {
		for _, from := range []string{app, "https://pr-1.preview.example.com"} {
			page := corstest.NewBrowser(from, corstest.WithTransport(transportTo(t, proxy)))
			catalog := shopv1connect.NewCatalogServiceClient(page.Client(), origin, row.options...)
			product, err := catalog.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
			require.NoError(t, err, row.name)
			assert.Equal(t, "Stoneware mug", product.Msg.GetProduct().GetName(), row.name)
			assert.Equal(t, "2026-10", product.Header().Get("X-Catalog-Version"), row.name)

			prices, err := catalog.WatchPrices(t.Context(), connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: []string{"mug", "none"}}))
			require.NoError(t, err, row.name)
			require.True(t, prices.Receive(), row.name)
			assert.EqualValues(t, 975, prices.Msg().GetPrice().GetMinorUnits(), row.name)
			assert.False(t, prices.Receive(), row.name)
			assert.Equal(t, connect.CodeNotFound, connect.CodeOf(prices.Err()), row.name)
			assert.Equal(t, "1", prices.ResponseTrailer().Get("X-Updates"), row.name)
			assert.Equal(t, []string{row.method + " " + getProduct, "POST " + watchPrices}, withoutQueries(b.arrived(t)), row.name)
		}
		page := corstest.NewBrowser(evil, corstest.WithTransport(transportTo(t, proxy)))
		_, err := shopv1connect.NewCatalogServiceClient(page.Client(), origin, row.options...).
			GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
		assert.ErrorAs(t, err, new(*corstest.BlockedError), row.name)
		assert.Empty(t, b.arrived(t), row.name)
	}
}

func withoutQueries(requests []string) []string {
	for i := range requests {
		requests[i], _, _ = strings.Cut(requests[i], "?")
	}
	return requests
}

// The proxy answers preflights and refuses calls itself, also where the page reads
// nothing.
func testRefusals(t *testing.T, proxy string, b *backend) {
	transport := transportTo(t, proxy)
	for _, row := range []struct {
		name, method, path string
		header             []string
		status             int
	}{
		{"preflight", "OPTIONS", getProduct, []string{"Origin", app, "Access-Control-Request-Method", "POST"}, 204},
		{"preflight of another origin", "OPTIONS", getProduct, []string{"Origin", evil, "Access-Control-Request-Method", "POST"}, 403},
		{"call of another origin", "POST", getProduct, []string{"Origin", evil}, 403},
		{"image", "GET", getProduct + "?connect=v1&encoding=json&message=%7B%7D", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another spelling of a path", "POST", "/acme.shop.v1.CatalogService%2fGetProduct", []string{"Origin", evil}, 403},
		{"a service that the policy does not name", "POST", "/acme.shop.v1.CartService/AddItem", []string{"Origin", app}, 403},
	} {
		response, _ := send(t, transport, row.method, row.path, row.header...)
		assert.Equal(t, "HTTP/2.0", response.Proto)
		assert.Equal(t, row.status, response.StatusCode, row.name)
		assert.Empty(t, b.arrived(t), row.name)
	}
	response, _ := send(t, transport, "POST", "/acme.shop.v1.CartService/AddItem")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Len(t, b.arrived(t), 1, "programs are not refused")
}

// Native gRPC on the paths that pages call.
func testGRPC(t *testing.T, proxy string, b *backend) {
	conn, err := grpc.NewClient("passthrough:///"+host, grpc.WithContextDialer(dialer(proxy)), grpc.WithTransportCredentials(credentials.NewTLS(tlsTo(t))))
	require.NoError(t, err)
	defer conn.Close()
	var header metadata.MD
	catalog := shopv1.NewCatalogServiceClient(conn)
	product, err := catalog.GetProduct(t.Context(), &shopv1.GetProductRequest{ProductId: "kettle"}, grpc.Header(&header))
	require.NoError(t, err)
	assert.Equal(t, "Copper kettle", product.GetProduct().GetName())
	assert.Equal(t, []string{"2026-10"}, header["x-catalog-version"])
	assert.Empty(t, header["access-control-allow-origin"])

	stream, err := catalog.SearchProducts(t.Context(), &shopv1.SearchProductsRequest{Query: "stoneware"})
	require.NoError(t, err)
	for range 2 {
		_, err = stream.Recv()
		require.NoError(t, err)
	}
	_, err = stream.Recv()
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, []string{"2"}, stream.Trailer()["x-hits"])
	assert.Equal(t, []string{"POST " + getProduct, "POST /acme.shop.v1.CatalogService/SearchProducts"}, b.arrived(t))
}

func testWebSocket(t *testing.T, proxy string, b *backend) {
	connect := func(from string) (*websocket.Conn, error) {
		config, err := websocket.NewConfig("wss://"+host+"/chat", from)
		require.NoError(t, err)
		conn, err := dialer(proxy)(t.Context(), "")
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return websocket.NewClient(config, tls.Client(conn, tlsTo(t, "http/1.1")))
	}
	socket, err := connect(app)
	require.NoError(t, err)
	for _, text := range []string{"hello", "again"} {
		require.NoError(t, websocket.Message.Send(socket, text))
		var echo string
		require.NoError(t, websocket.Message.Receive(socket, &echo))
		assert.Equal(t, text, echo)
	}
	_, err = connect(evil)
	assert.ErrorIs(t, err, websocket.ErrBadStatus, "the server checks the origin")
	assert.Equal(t, []string{"GET /chat", "GET /chat"}, b.arrived(t))

	request, err := http.NewRequest(http.MethodGet, "https://"+host+"/chat", nil)
	require.NoError(t, err)
	request.Header = http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}, "Http2-Settings": {"AAMAAABkAAQAoAAAAAIAAAAA"}}
	conn, err := dialer(proxy)(t.Context(), "")
	require.NoError(t, err)
	secured := tls.Client(conn, tlsTo(t, "http/1.1"))
	t.Cleanup(func() { _ = secured.Close() })
	require.NoError(t, request.Write(secured))
	response, err := http.ReadResponse(bufio.NewReader(secured), request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.NotEqual(t, http.StatusSwitchingProtocols, response.StatusCode)
	assert.NotContains(t, string(body), "Invalid Upgrade header", "the server was asked to become HTTP/2")
	_ = b.arrived(t)
}

// What was there before the policy keeps its own headers, paths and errors, and
// has the policy's headers as well.
func testOwnDirectives(t *testing.T, proxy string, b *backend) {
	transport := transportTo(t, proxy)
	found, _ := send(t, transport, "GET", "/photos/teapot.svg", "Origin", app)
	assert.Equal(t, http.StatusOK, found.StatusCode)
	assert.Equal(t, http.Header{"Access-Control-Allow-Origin": {app}, "Access-Control-Expose-Headers": {"Etag"}}, cors(found))
	assert.Equal(t, []string{"no-referrer"}, found.Header["Referrer-Policy"])
	assert.Equal(t, []string{"GET /static/teapot.svg"}, b.arrived(t))

	missing, body := send(t, transport, "GET", "/photos/cup.svg", "Origin", app)
	assert.Equal(t, http.StatusNotFound, missing.StatusCode)
	assert.Equal(t, "no such photo\n", body)
	assert.Equal(t, "text/plain", missing.Header.Get("Content-Type"))
	assert.Equal(t, http.Header{"Access-Control-Allow-Origin": {app}, "Access-Control-Expose-Headers": {"Etag"}}, cors(missing))

	other, _ := send(t, transport, "GET", "/photos/teapot.svg", "Origin", evil)
	assert.Equal(t, http.StatusOK, other.StatusCode)
	assert.Empty(t, cors(other))
}

// A page can read that the backend is gone.
func TestErrorsOfTheProxy(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	address := closed.Listener.Addr().String()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			transport := transportTo(t, target.start(t, map[string]string{upstream: address, upstreamHTTP2: address}))
			for _, contentType := range []string{"application/proto", "application/grpc-web+proto"} {
				response, _ := send(t, transport, "POST", getProduct, "Origin", app, "Content-Type", contentType)
				assert.Equal(t, target.gone, response.StatusCode)
				assert.Equal(t, http.Header{"Access-Control-Allow-Origin": {app}, "Access-Control-Expose-Headers": {expose(t, getProduct)}}, cors(response))
				assert.Equal(t, []string{"Origin"}, response.Header["Vary"])
			}
		})
	}
}

// A patientCatalog sends one price at a time, and the next once the client has
// the last.
type patientCatalog struct {
	shopv1connect.UnimplementedCatalogServiceHandler
	received chan string
}

func (c patientCatalog) WatchPrices(ctx context.Context, request *connect.Request[shopv1.WatchPricesRequest], stream *connect.ServerStream[shopv1.WatchPricesResponse]) error {
	for _, id := range request.Msg.GetProductIds() {
		if err := stream.Send(&shopv1.WatchPricesResponse{ProductId: id}); err != nil {
			return err
		}
		select {
		case <-c.received:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func TestStreams(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			received := make(chan string)
			mux := http.NewServeMux()
			mux.Handle(shopv1connect.NewCatalogServiceHandler(patientCatalog{received: received}))
			server := httptest.NewUnstartedServer(mux)
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(true)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			address := server.Listener.Addr().(*net.TCPAddr).String()
			proxy := target.start(t, map[string]string{upstream: address, upstreamHTTP2: address})
			// Nothing takes as long, except for waiting for a message that is held back.
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()

			page := corstest.NewBrowser(app, corstest.WithTransport(transportTo(t, proxy))).Client()
			for name, catalog := range map[string]shopv1connect.CatalogServiceClient{
				"Connect":  shopv1connect.NewCatalogServiceClient(page, origin),
				"gRPC-Web": shopv1connect.NewCatalogServiceClient(page, origin, connect.WithGRPCWeb()),
				"gRPC":     shopv1connect.NewCatalogServiceClient(&http.Client{Transport: transportTo(t, proxy)}, origin, connect.WithGRPC()),
			} {
				ids := []string{"teapot", "mug", "kettle"}
				stream, err := catalog.WatchPrices(ctx, connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: ids}))
				require.NoError(t, err, name)
				var got []string
				for stream.Receive() {
					got = append(got, stream.Msg().GetProductId())
					received <- stream.Msg().GetProductId()
				}
				require.NoError(t, stream.Err(), name)
				assert.True(t, slices.Equal(ids, got), "%s: %v", name, got)
			}
		})
	}
}

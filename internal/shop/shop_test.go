package shop_test

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	connectv2 "connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func TestShop(t *testing.T) {
	t.Parallel()
	connectURL, v2URL := serveConnect(t, shop.NewHandler()), serveConnect(t, newV2Handler())
	http1 := transport(t, func(p *http.Protocols) { p.SetHTTP1(true) })
	http2 := transport(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })

	for _, client := range []struct {
		name    string
		callers map[string]caller
		// HTTP/1.1 has no streams in both directions; connect-go answers 505.
		halfDuplex bool
		// The trailers of a trailers-only answer are HTTP headers, and connect-go
		// shows them as both.
		trailersOnly bool
	}{
		{name: "connect-go, Connect, HTTP/1.1", callers: connectCallers(http1, connectURL), halfDuplex: true},
		{name: "connect-go, Connect with JSON and GET, HTTP/1.1", callers: connectCallers(http1, connectURL, connect.WithProtoJSON(), connect.WithHTTPGet()), halfDuplex: true},
		{name: "connect-go, gRPC-Web, HTTP/1.1", callers: connectCallers(http1, connectURL, connect.WithGRPCWeb()), halfDuplex: true, trailersOnly: true},
		{name: "connect-go, Connect, HTTP/2", callers: connectCallers(http2, connectURL)},
		{name: "connect-go, gRPC-Web, HTTP/2", callers: connectCallers(http2, connectURL, connect.WithGRPCWeb()), trailersOnly: true},
		{name: "connect-go, gRPC", callers: connectCallers(http2, connectURL, connect.WithGRPC())},
		{name: "grpc-go", callers: grpcCallers(dial(t, connectURL))},
		{name: "grpc-go to grpc-go", callers: grpcCallers(dial(t, serveGRPC(t)))},
		{name: "connect-go, gRPC, to grpc-go", callers: connectCallers(http2, serveGRPC(t), connect.WithGRPC()), trailersOnly: true},
		{name: "connect-go to v2, Connect, HTTP/1.1", callers: connectCallers(http1, v2URL), halfDuplex: true},
		{name: "connect-go to v2, Connect with JSON and GET, HTTP/1.1", callers: connectCallers(http1, v2URL, connect.WithProtoJSON(), connect.WithHTTPGet()), halfDuplex: true},
		{name: "connect-go to v2, gRPC-Web, HTTP/1.1", callers: connectCallers(http1, v2URL, connect.WithGRPCWeb()), halfDuplex: true, trailersOnly: true},
		{name: "connect-go to v2, Connect, HTTP/2", callers: connectCallers(http2, v2URL)},
		{name: "connect-go to v2, gRPC-Web, HTTP/2", callers: connectCallers(http2, v2URL, connect.WithGRPCWeb()), trailersOnly: true},
		{name: "connect-go to v2, gRPC", callers: connectCallers(http2, v2URL, connect.WithGRPC())},
		{name: "grpc-go to v2", callers: grpcCallers(dial(t, v2URL))},
	} {
		t.Run(client.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range scenarios {
				if client.halfDuplex && s.procedure == shopv1connect.CartServiceNegotiatePriceProcedure {
					continue
				}
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					got := client.callers[s.procedure](t.Context(), s.send, s.requests)
					assert.Equal(t, s.want.code, got.code, "code; message: %s", got.message)
					assert.Equal(t, s.want.message, got.message)
					assertMessages(t, s.want.details, got.details)
					assertMessages(t, s.want.messages, got.messages)
					// An error's metadata cannot be told from headers and trailers by
					// a client: what counts is that all of it arrives, and nothing else.
					assert.Equal(t, union(s.want.header, s.want.trailer, s.want.meta), union(got.header, got.trailer, got.meta))
					if s.want.code == 0 {
						header := union(s.want.header)
						if client.trailersOnly && len(s.want.header) == 0 && len(s.want.messages) == 0 {
							header = union(s.want.trailer)
						}
						assert.Equal(t, header, got.header, "response headers")
						assert.Equal(t, union(s.want.trailer), got.trailer, "trailers")
					}
				})
			}
		})
	}
}

func assertMessages(t *testing.T, want, got []proto.Message) {
	t.Helper()
	if assert.Len(t, got, len(want)) {
		for i := range want {
			assert.Truef(t, proto.Equal(want[i], got[i]), "message %d:\nwant %v\ngot  %v", i, want[i], got[i])
		}
	}
}

func union(metadata ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range metadata {
		maps.Copy(all, m)
	}
	return all
}

// newV2Handler returns the shop as Connect v2 serves it.
func newV2Handler() http.Handler {
	server := connectv2.NewServer()
	shop.RegisterV2(server)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	return mux
}

func serveConnect(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func serveGRPC(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String()
}

func transport(t *testing.T, set func(*http.Protocols)) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	set(protocols)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func dial(t *testing.T, url string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	return conn
}

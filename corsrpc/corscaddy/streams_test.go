package corscaddy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Each part of a stream arrives before the next is sent.
func TestStreams(t *testing.T) {
	arrived := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "part %d\n", i)
			assert.NoError(t, http.NewResponseController(w).Flush())
			select {
			case <-arrived:
			case <-r.Context().Done():
				return
			}
		}
	}))
	defer backend.Close()
	caddy := start(t, shopPolicy+"reverse_proxy "+backend.URL)
	for _, contentType := range []string{"application/connect+json", "application/grpc-web+proto", "text/event-stream"} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(method+" "+contentType, func(t *testing.T) {
				request, err := http.NewRequestWithContext(t.Context(), method, "http://api.example.com/acme.shop.v1.CatalogService/WatchPrices", nil)
				require.NoError(t, err)
				request.Header = http.Header{"Origin": {app}, "Accept": {contentType}}
				response, err := caddy.client.Do(request)
				require.NoError(t, err)
				defer response.Body.Close()
				assert.Equal(t, app, response.Header.Get("Access-Control-Allow-Origin"))
				lines := bufio.NewReader(response.Body)
				for i := range 3 {
					line, err := lines.ReadString('\n')
					require.NoError(t, err)
					assert.Equal(t, fmt.Sprintf("part %d\n", i), line)
					arrived <- struct{}{}
				}
				_, err = lines.ReadByte()
				assert.Equal(t, io.EOF, err)
			})
		}
	}
}

// A handshake is judged as a call is, and what follows passes in both directions.
func TestWebSocket(t *testing.T) {
	var ran atomic.Int32
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ran.Add(1)
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		line, _ := both.ReadString('\n')
		_, _ = both.WriteString("echo " + line)
		_ = both.Flush()
	}))
	defer backend.Close()
	caddy := start(t, shopPolicy+"reverse_proxy "+backend.URL)
	for _, test := range []struct {
		name, path, header string
		status             int
		allow              []string
	}{
		{"listed", addItem, "Origin: " + app + "\r\n", http.StatusSwitchingProtocols, []string{app}},
		{"listed, with cookies", addItem, "Origin: " + app + "\r\nCookie: a=b\r\n", http.StatusSwitchingProtocols, []string{app}},
		{"listed, with cookies, without credentials", getProduct, "Origin: " + app + "\r\nCookie: a=b\r\n", http.StatusForbidden, nil},
		{"not listed", addItem, "Origin: " + evil + "\r\n", http.StatusForbidden, nil},
		{"not a browser", addItem, "", http.StatusSwitchingProtocols, nil},
		{"not governed", "/chat", "Origin: " + evil + "\r\n", http.StatusSwitchingProtocols, []string{"*"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := ran.Load()
			conn, err := caddy.dial(t.Context(), "", "")
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n", test.path, test.header)
			require.NoError(t, err)
			reader := bufio.NewReader(conn)
			response, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, test.allow, response.Header["Access-Control-Allow-Origin"])
			if test.status != http.StatusSwitchingProtocols {
				assert.Equal(t, before, ran.Load(), "the backend ran")
				return
			}
			_, err = io.WriteString(conn, "hello\n")
			require.NoError(t, err)
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, "echo hello\n", line)
		})
	}
}

// grpc-go on the paths that pages call by other protocols.
func TestGRPC(t *testing.T) {
	var ran atomic.Int32
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		ran.Add(1)
		stream.SetTrailer(metadata.Pairs("x-cost", "3"))
		for {
			message := new(emptypb.Empty)
			switch err := stream.RecvMsg(message); err {
			case nil:
				if err := stream.SendMsg(message); err != nil {
					return err
				}
			case io.EOF:
				return status.Error(codes.ResourceExhausted, "enough")
			default:
				return err
			}
		}
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	caddy := start(t, shopPolicy+"reverse_proxy h2c://"+listener.Addr().String())
	conn, err := grpc.NewClient("passthrough:///api.example.com", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return caddy.dial(ctx, "", "") }))
	require.NoError(t, err)
	defer conn.Close()

	for _, test := range []struct {
		name, procedure string
		metadata        metadata.MD
		code            codes.Code
	}{
		{"client", addItem, nil, codes.ResourceExhausted},
		{"client of an internal method", purgeCarts, nil, codes.ResourceExhausted},
		{"page, internal method", purgeCarts, metadata.Pairs("origin", app, "sec-fetch-site", "cross-site"), codes.PermissionDenied},
		{"page that is not listed", addItem, metadata.Pairs("origin", evil, "sec-fetch-site", "cross-site"), codes.PermissionDenied},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := ran.Load()
			stream, err := conn.NewStream(metadata.NewOutgoingContext(t.Context(), test.metadata), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, test.procedure)
			require.NoError(t, err)
			if test.code == codes.PermissionDenied {
				assert.Equal(t, test.code, status.Code(stream.RecvMsg(new(emptypb.Empty))))
				assert.Equal(t, before, ran.Load(), "the backend ran")
				return
			}
			for range 3 { // in turn, so that nothing is buffered
				require.NoError(t, stream.SendMsg(new(emptypb.Empty)))
				require.NoError(t, stream.RecvMsg(new(emptypb.Empty)))
			}
			require.NoError(t, stream.CloseSend())
			assert.Equal(t, test.code, status.Code(stream.RecvMsg(new(emptypb.Empty))))
			assert.Equal(t, []string{"3"}, stream.Trailer()["x-cost"])
		})
	}
}

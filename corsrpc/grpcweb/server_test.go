package grpcweb_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// The procedures of a service with one method of each shape.
const (
	unary        = "/test.v1.TestService/Unary"
	serverStream = "/test.v1.TestService/ServerStream"
	clientStream = "/test.v1.TestService/ClientStream"
	bidi         = "/test.v1.TestService/Bidi"
)

type (
	message = wrapperspb.BytesValue
	stream  = grpc.GenericServerStream[message, message]
)

// A service says what the methods do. A nil function echoes: a client stream its
// last message.
type service struct {
	unary        func(context.Context, *message) (*message, error)
	serverStream func(*message, *stream) error
	clientStream func(*stream) error
	bidi         func(*stream) error
}

func (s service) server(t testing.TB, options ...grpc.ServerOption) *grpc.Server {
	t.Helper()
	server := grpc.NewServer(options...)
	t.Cleanup(server.Stop)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.v1.TestService",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: s.handleUnary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", ServerStreams: true, Handler: s.handleServerStream},
			{StreamName: "ClientStream", ClientStreams: true, Handler: s.handleClientStream},
			{StreamName: "Bidi", ClientStreams: true, ServerStreams: true, Handler: s.handleBidi},
		},
	}, s)
	return server
}

func (s service) handleUnary(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	in := new(message)
	if err := decode(in); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, in any) (any, error) {
		if s.unary == nil {
			return in, nil
		}
		return s.unary(ctx, in.(*message))
	}
	if interceptor == nil {
		return handle(ctx, in)
	}
	return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: unary}, handle)
}

func (s service) handleServerStream(_ any, server grpc.ServerStream) error {
	in := new(message)
	if err := server.RecvMsg(in); err != nil {
		return err
	}
	if s.serverStream == nil {
		return server.SendMsg(in)
	}
	return s.serverStream(in, &stream{ServerStream: server})
}

func (s service) handleClientStream(_ any, server grpc.ServerStream) error {
	if s.clientStream != nil {
		return s.clientStream(&stream{ServerStream: server})
	}
	last := new(message)
	for {
		in := new(message)
		switch err := server.RecvMsg(in); {
		case err == io.EOF:
			return server.SendMsg(last)
		case err != nil:
			return err
		}
		last = in
	}
}

func (s service) handleBidi(_ any, server grpc.ServerStream) error {
	if s.bidi != nil {
		return s.bidi(&stream{ServerStream: server})
	}
	for {
		in := new(message)
		switch err := server.RecvMsg(in); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := server.SendMsg(in); err != nil {
			return err
		}
	}
}

// A way is how the handler reaches a grpc-go server.
type way struct {
	name string
	wrap func(testing.TB, *grpc.Server, grpcweb.Config) http.Handler
}

var (
	inProcess = way{"ServeHTTP", func(_ testing.TB, server *grpc.Server, config grpcweb.Config) http.Handler {
		return grpcweb.NewHandler(server, config)
	}}
	forwarded = way{"forwarder", func(t testing.TB, server *grpc.Server, config grpcweb.Config) http.Handler {
		return grpcweb.NewHandler(forwarder(t, serve(t, server)), config)
	}}
	ways = []way{inProcess, forwarded}
)

// serve runs the server over TCP and returns its address.
func serve(t testing.TB, server *grpc.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; !errors.Is(err, grpc.ErrServerStopped) {
			require.NoError(t, err)
		}
	})
	return listener.Addr().String()
}

func forwarder(t testing.TB, address string) http.Handler {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	handler, err := grpcweb.NewForwarder(&url.URL{Scheme: "http", Host: address}, transport)
	require.NoError(t, err)
	return handler
}

// A version is a version of HTTP between the client and the handler.
type version struct {
	name      string
	major     int
	encrypted bool
}

var (
	http1    = version{"HTTP/1.1", 1, false}
	http2    = version{"HTTP/2", 2, false}
	versions = []version{http1, http2, {"HTTP/1.1 with TLS", 1, true}, {"HTTP/2 with TLS", 2, true}}
)

// A front serves a handler to clients.
type front struct {
	*httptest.Server
	client      *http.Client
	connections *connections
}

func (v version) serve(t testing.TB, handler http.Handler) front {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(v.major == 1)
	protocols.SetHTTP2(v.major == 2 && v.encrypted)
	protocols.SetUnencryptedHTTP2(v.major == 2 && !v.encrypted)
	server.Config.Protocols = protocols
	connections := &connections{open: map[net.Conn]bool{}}
	server.Config.ConnState = connections.set
	if v.encrypted {
		server.EnableHTTP2 = v.major == 2
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	client := server.Client()
	transport := client.Transport.(*http.Transport)
	transport.Protocols = protocols
	transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10} // it is in the same heap
	t.Cleanup(client.CloseIdleConnections)
	return front{server, client, connections}
}

// connections are those that a server has accepted and not closed.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
}

func (c *connections) set(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(c.open, conn)
	} else {
		c.open[conn] = true
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// shapes knows the service's methods, for a handler that cannot ask.
func shapes(procedure string) (clientStreams, serverStreams, known bool) {
	switch procedure {
	case unary:
		return false, false, true
	case serverStream:
		return false, true, true
	case clientStream:
		return true, false, true
	case bidi:
		return true, true, true
	}
	return false, false, false
}

func itoa(n int) string { return strconv.Itoa(n) }

package grpcweb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	xhttp2 "golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

func TestNewForwarderErrors(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"localhost:50051":             `grpcweb: target "localhost:50051": the scheme must be http or https`,
		"grpc://localhost":            `grpcweb: target "grpc://localhost": the scheme must be http or https`,
		"http://":                     `grpcweb: target "http:": it has no host: write it as http://localhost:50051`,
		"http://:50051":               `grpcweb: target "http://:50051": it has no host: write it as http://localhost:50051`,
		"http://ada:secret@localhost": `grpcweb: target "http://ada:xxxxx@localhost": credentials do not belong there: send them as metadata`,
		"http://localhost?a=b":        `grpcweb: target "http://localhost?a=b": it must end with the path`,
		"http://localhost/#a":         `grpcweb: target "http://localhost/#a": it must end with the path`,
		"http://localhost/a%2Fb":      `grpcweb: target "http://localhost/a%2Fb": its path must not have escaped slashes`,
	} {
		u, err := url.Parse(target)
		require.NoError(t, err)
		handler, err := grpcweb.NewForwarder(u, nil)
		assert.EqualError(t, err, want)
		assert.Nil(t, handler)
	}
	_, err := grpcweb.NewForwarder(nil, nil)
	assert.EqualError(t, err, "grpcweb: no target: name the server, such as http://localhost:50051")
}

// A roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newForwarder(t testing.TB, target string, transport http.RoundTripper) http.Handler {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	handler, err := grpcweb.NewForwarder(u, transport)
	require.NoError(t, err)
	return handler
}

// The request that the server gets, header by header.
func TestForwardedRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, frame(t, "1"), string(body))
		return nil, errors.New("enough")
	})
	for target, path := range map[string]string{"https://grpc.example.com": unary, "https://grpc.example.com/": unary, "https://grpc.example.com/api/": "/api" + unary} {
		handler := grpcweb.NewHandler(newForwarder(t, target, transport), grpcweb.Config{})
		r := newRequest(t, unary, strings.NewReader(text(frame(t, "1"))))
		r.Host, r.RemoteAddr = "public.example.com", "192.0.2.1:4711"
		r.Header = http.Header{
			"Content-Type":      {"application/grpc-web-text+proto"},
			"Authorization":     {"Bearer ada"},
			"Origin":            {"https://app.example.com"},
			"X-Grpc-Web":        {"1"},
			"Grpc-Timeout":      {"10S"},
			"Accept-Encoding":   {"gzip, br"},
			"Content-Length":    {"17"},
			"Connection":        {"keep-alive, X-Hop"},
			"X-Hop":             {"1"},
			"Keep-Alive":        {"1"},
			"Transfer-Encoding": {"chunked"},
			"Te":                {"gzip"},
			"Upgrade":           {"h2c"},
			"X-Forwarded-For":   {"203.0.113.1"},
			"X-Forwarded-Host":  {"forged.example.com"},
			"X-Forwarded-Proto": {"https"},
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
		require.NotNil(t, got)
		assert.Equal(t, "https://grpc.example.com"+path, got.URL.String())
		assert.Empty(t, got.Host, "the target's")
		assert.Equal(t, http.Header{
			"Content-Type":      {"application/grpc+proto"},
			"Te":                {"trailers"},
			"Authorization":     {"Bearer ada"},
			"Origin":            {"https://app.example.com"},
			"X-Grpc-Web":        {"1"},
			"Grpc-Timeout":      {"10S"},
			"Accept-Encoding":   {"identity"},
			"User-Agent":        {""},
			"X-Forwarded-For":   {"192.0.2.1"},
			"X-Forwarded-Host":  {"public.example.com"},
			"X-Forwarded-Proto": {"http"},
		}, got.Header)
		deadline, ok := got.Context().Deadline()
		assert.True(t, ok)
		assert.False(t, deadline.IsZero())
	}
}

// Requests that are not gRPC calls do not reach the server.
func TestForwarderRefuses(t *testing.T) {
	t.Parallel()
	forward := newForwarder(t, "http://grpc.example.com/api", roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("forwarded: %s", r.URL)
		return nil, errors.New("no")
	}))
	for _, row := range []struct {
		name, method, path, contentType string
		major, code                     int
		header, value                   string
	}{
		{"GET", "GET", unary, "application/grpc", 2, 405, "Allow", "POST"},
		{"a form", "POST", unary, "text/plain", 2, 415, "Accept-Post", "application/grpc"},
		{"gRPC-Web without NewHandler", "POST", unary, "application/grpc-web", 2, 415, "Accept-Post", "application/grpc"},
		{"gRPC over HTTP/1.1", "POST", unary, "application/grpc", 1, 505, "Content-Type", "text/plain; charset=utf-8"},
		{"a path out of the target's", "POST", "/../admin.Service/Method", "application/grpc", 2, 200, "Grpc-Status", "12"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), row.method, "/", strings.NewReader(""))
		r.URL.Path, r.ProtoMajor = row.path, row.major
		r.Header.Set("Content-Type", row.contentType)
		recorder := httptest.NewRecorder()
		forward.ServeHTTP(recorder, r)
		assert.Equal(t, row.code, recorder.Code, row.name)
		assert.Equal(t, row.value, recorder.Header().Get(row.header), row.name)
	}
}

// How an error of the connection becomes a status (PROTOCOL-HTTP2.md, "Errors").
func TestForwardedErrors(t *testing.T) {
	t.Parallel()
	reset := func(code xhttp2.ErrCode) error { return xhttp2.StreamError{StreamID: 1, Code: code} }
	for _, row := range []struct {
		err     error
		status  string
		message string
	}{
		{reset(xhttp2.ErrCodeNo), "13", "grpcweb: the server has reset the call: NO_ERROR"},
		{reset(xhttp2.ErrCodeProtocol), "13", "grpcweb: the server has reset the call: PROTOCOL_ERROR"},
		{reset(xhttp2.ErrCodeInternal), "13", "grpcweb: the server has reset the call: INTERNAL_ERROR"},
		{reset(xhttp2.ErrCodeFlowControl), "13", "grpcweb: the server has reset the call: FLOW_CONTROL_ERROR"},
		{reset(xhttp2.ErrCodeRefusedStream), "14", "grpcweb: the server has reset the call: REFUSED_STREAM"},
		{reset(xhttp2.ErrCodeCancel), "1", "grpcweb: the server has reset the call: CANCEL"},
		{reset(xhttp2.ErrCodeEnhanceYourCalm), "8", "grpcweb: the server has reset the call: ENHANCE_YOUR_CALM"},
		{reset(xhttp2.ErrCodeInadequateSecurity), "7", "grpcweb: the server has reset the call: INADEQUATE_SECURITY"},
		{errors.New("dial tcp 10.0.0.1:50051: connection refused"), "14", "grpcweb: the server cannot be reached"},
		{io.ErrUnexpectedEOF, "14", "grpcweb: the server cannot be reached"},
	} {
		for _, atOnce := range []bool{true, false} {
			transport := roundTrip(func(*http.Request) (*http.Response, error) {
				if atOnce {
					return nil, fmt.Errorf("round trip: %w", row.err)
				}
				return &http.Response{
					StatusCode: 200, Header: http.Header{"Content-Type": {"application/grpc"}},
					Body: io.NopCloser(io.MultiReader(strings.NewReader(frame(t, "1")), failingReader{row.err})),
				}, nil
			})
			recorder := httptest.NewRecorder()
			grpcweb.NewHandler(newForwarder(t, "http://grpc.example.com", transport), grpcweb.Config{}).
				ServeHTTP(recorder, newRequest(t, unary, strings.NewReader("")))
			got := read(t, recorder.Result())
			assert.Equal(t, map[string]string{"grpc-status": row.status, "grpc-message": row.message}, got.status, "%v", row.err)
			assert.Equal(t, !atOnce, got.inFrame)
		}
	}
}

// The real thing: a server that resets a call, and one that is not there.
func TestForwardedReset(t *testing.T) {
	t.Parallel()
	backend := http2.serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	front := http1.serve(t, grpcweb.NewHandler(forwarder(t, backend.Listener.Addr().String()), grpcweb.Config{}))
	got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, map[string]string{"grpc-status": "13", "grpc-message": "grpcweb: the server has reset the call: INTERNAL_ERROR"}, got.status)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	front = http1.serve(t, grpcweb.NewHandler(forwarder(t, listener.Addr().String()), grpcweb.Config{}))
	got = front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, map[string]string{"grpc-status": "14", "grpc-message": "grpcweb: the server cannot be reached"}, got.status)
	assert.NotContains(t, fmt.Sprint(got.header), "127.0.0.1", "pages learn no addresses")
}

// Responses that do not come from a gRPC server are passed on unchanged.
func TestForwardedRefusal(t *testing.T) {
	t.Parallel()
	backend := http2.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Www-Authenticate", "Bearer")
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	front := http1.serve(t, grpcweb.NewHandler(forwarder(t, backend.Listener.Addr().String()), grpcweb.Config{}))
	got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, 401, got.code)
	assert.Equal(t, "who are you?\n", got.raw)
	assert.Equal(t, "Bearer", got.header.Get("Www-Authenticate"))
}

// Without a transport of the caller's, with TLS too.
func TestDefaultTransport(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: serve(t, service{}.server(t))}
	handler, err := grpcweb.NewForwarder(u, nil)
	require.NoError(t, err)
	front := http1.serve(t, grpcweb.NewHandler(handler, grpcweb.Config{}))
	got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, []string{"1"}, got.messages)

	// The certificate is not one that the system trusts.
	backend := versions[3].serve(t, service{}.server(t))
	handler = newForwarder(t, backend.URL, nil)
	front = http1.serve(t, grpcweb.NewHandler(handler, grpcweb.Config{}))
	got = front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, "14", got.status["grpc-status"])

	handler = newForwarder(t, backend.URL, backend.client.Transport)
	front = http1.serve(t, grpcweb.NewHandler(handler, grpcweb.Config{}))
	got = front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	assert.Equal(t, []string{"1"}, got.messages)
}

// Native gRPC clients use the same port, in both ways.
func TestNativeClients(t *testing.T) {
	t.Parallel()
	server := func() *grpc.Server {
		return service{
			unary: func(ctx context.Context, in *message) (*message, error) {
				_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "1"))
				if len(in.Value) == 0 {
					return nil, status.Error(5, "empty")
				}
				return in, nil
			},
		}.server(t)
	}
	for _, way := range ways {
		front := http2.serve(t, way.wrap(t, server(), grpcweb.Config{}))
		conn, err := grpc.NewClient("passthrough:///"+front.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		var trailer metadata.MD
		out := new(message)
		require.NoError(t, conn.Invoke(t.Context(), unary, &message{Value: []byte("1")}, out, grpc.Trailer(&trailer)), way.name)
		assert.Equal(t, "1", string(out.Value))
		assert.Equal(t, []string{"1"}, trailer["x-trailer"])

		err = conn.Invoke(t.Context(), unary, &message{}, out, grpc.Trailer(&trailer))
		assert.Equal(t, status.Error(5, "empty").Error(), err.Error(), way.name)
		assert.Equal(t, []string{"1"}, trailer["x-trailer"])

		stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, bidi)
		require.NoError(t, err)
		for i := range 3 {
			require.NoError(t, stream.SendMsg(&message{Value: []byte(itoa(i))}))
			require.NoError(t, stream.RecvMsg(out), way.name)
			assert.Equal(t, itoa(i), string(out.Value))
		}
		require.NoError(t, stream.CloseSend())
		assert.Equal(t, io.EOF, stream.RecvMsg(out), way.name)
	}
}

package grpcweb_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// What failed in other implementations, or in a prototype of this one.

// A client over HTTP/1.1 that sends all of a bidirectional call before it reads
// loses no message. By default, net/http throws away what a handler has not
// read when it sends the header.
func TestHalfDuplexOverHTTP1(t *testing.T) {
	t.Parallel()
	const messages = 2000
	for _, way := range ways {
		for _, config := range []grpcweb.Config{{}, {Methods: shapes}} {
			t.Run(way.name, func(t *testing.T) {
				t.Parallel()
				conn := http1.serve(t, way.wrap(t, service{}.server(t), config)).dial(t)
				content := strings.Repeat("x", 200)
				conn.begin(t, bidi)
				for range messages {
					conn.chunk(t, frame(t, content))
				}
				conn.end(t)
				got := conn.read(t)
				assert.Equal(t, "0", got.status["grpc-status"])
				require.Len(t, got.messages, messages)
				for _, message := range got.messages {
					require.Equal(t, content, message)
				}
			})
		}
	}
}

// A client over HTTP/1.1 that reads only after it has sent everything gets the
// response of a call that fails early, and no connection reset.
func TestEarlyErrorOverHTTP1(t *testing.T) {
	t.Parallel()
	refuse := func(*stream) error { return status.Error(codes.PermissionDenied, "no") }
	refuseLater := func(stream *stream) error {
		_ = stream.Send(&message{})
		return status.Error(codes.PermissionDenied, "no")
	}
	for _, row := range []struct {
		name      string
		procedure string
		bidi      func(*stream) error
		status    string
		inFrame   bool
	}{
		{"a unary call over the message limit", unary, nil, "8", false},
		{"a server stream over the message limit", serverStream, nil, "8", false},
		{"a client stream", clientStream, nil, "7", false},
		{"a bidirectional stream", bidi, refuse, "7", false},
		{"a bidirectional stream after a message", bidi, refuseLater, "7", true},
	} {
		for _, way := range ways {
			t.Run(row.name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				server := service{clientStream: refuse, bidi: row.bidi}.server(t, grpc.MaxRecvMsgSize(1<<20))
				conn := http1.serve(t, way.wrap(t, server, grpcweb.Config{Methods: shapes})).dial(t)
				conn.begin(t, row.procedure)
				message := frame(t, strings.Repeat("x", 3<<20))
				for len(message) > 0 {
					n := min(len(message), 64<<10)
					conn.chunk(t, message[:n])
					message = message[n:]
				}
				conn.end(t)
				got := conn.read(t)
				assert.Equal(t, row.status, got.status["grpc-status"])
				assert.Equal(t, row.inFrame, got.inFrame)
			})
		}
	}
}

// A call that fails early does not wait for its client, though net/http cannot
// close an HTTP/1.1 body that is being read.
func TestEarlyErrorToAWaitingClient(t *testing.T) {
	t.Parallel()
	refuse := func(stream *stream) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		return status.Error(codes.PermissionDenied, "no")
	}
	for _, procedure := range []string{clientStream, bidi} {
		for _, way := range ways {
			t.Run(procedure+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				server := service{clientStream: refuse, bidi: refuse}.server(t)
				conn := http1.serve(t, way.wrap(t, server, grpcweb.Config{})).dial(t)
				conn.begin(t, procedure)
				conn.chunk(t, frame(t, "1"))
				got := conn.read(t) // the body has no end yet
				assert.Equal(t, map[string]string{"grpc-status": "7", "grpc-message": "no"}, got.status)
				assert.True(t, got.closes, "the rest of the body must not be read as another request")
			})
		}
	}
}

// A connection over which everything was received is used again.
func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			conn := http1.serve(t, way.wrap(t, service{}.server(t), grpcweb.Config{Methods: shapes})).dial(t)
			for range 3 {
				for _, procedure := range []string{unary, serverStream, clientStream} {
					conn.begin(t, procedure)
					conn.chunk(t, frame(t, strings.Repeat("1", 100<<10)))
					conn.end(t)
					got := conn.read(t)
					assert.Len(t, got.messages, 1, procedure)
					assert.Equal(t, "0", got.status["grpc-status"], procedure)
					assert.False(t, got.closes, procedure)
				}
			}
		})
	}
}

// So is one whose call ended before it was received, if the client said how much
// there is.
func TestConnectionIsReusedAfterAnEarlyError(t *testing.T) {
	t.Parallel()
	refuse := func(*stream) error { return status.Error(codes.PermissionDenied, "no") }
	for _, way := range ways {
		front := http1.serve(t, way.wrap(t, service{clientStream: refuse, bidi: refuse}.server(t), grpcweb.Config{}))
		for _, procedure := range []string{clientStream, bidi, "/test.v1.TestService/Unknown"} {
			for _, size := range []int{1, 100 << 10} {
				got := front.do(t, call{procedure: procedure, body: strings.NewReader(frame(t, strings.Repeat("x", size)))})
				assert.Contains(t, []string{"7", "12"}, got.status["grpc-status"])
				assert.False(t, got.closes, procedure)
			}
		}
	}
}

// A client that sends faster than the handler reads does not fill the memory:
// grpc.Server.ServeHTTP reads ahead without bound.
func TestMaxRequestBytes(t *testing.T) {
	t.Parallel()
	twoMessages := int64(2 * len(frame(t, "12345")))
	for _, row := range []struct {
		name   string
		limit  int64
		status map[string]string
	}{
		{"as much", twoMessages, map[string]string{"grpc-status": "0"}},
		{"more", twoMessages - 1, map[string]string{
			"grpc-status": "8", "grpc-message": "grpcweb: the call's messages are larger than " + itoa(int(twoMessages-1)) + " bytes together",
		}},
		{"no limit", -1, map[string]string{"grpc-status": "0"}},
		{"the default", 0, map[string]string{"grpc-status": "0"}},
	} {
		for _, version := range []version{http1, http2} {
			for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
				t.Run(row.name+"/"+version.name+"/"+contentType, func(t *testing.T) {
					t.Parallel()
					front := version.serve(t, grpcweb.NewHandler(service{}.server(t), grpcweb.Config{MaxRequestBytes: row.limit}))
					body := frame(t, "12345") + frame(t, "12345")
					if strings.HasSuffix(contentType, "text") {
						body = text(body)
					}
					got := front.do(t, call{procedure: clientStream, contentType: contentType, body: strings.NewReader(body)})
					assert.Equal(t, row.status, got.status)

					// One message is the business of the server's own limit.
					large := frame(t, "12345678901234567890")
					if strings.HasSuffix(contentType, "text") {
						large = text(large)
					}
					got = front.do(t, call{procedure: unary, contentType: contentType, body: strings.NewReader(large)})
					assert.Equal(t, "0", got.status["grpc-status"])
				})
			}
		}
	}
}

// A forwarder has flow control.
func TestMaxRequestBytesIsNotForForwarders(t *testing.T) {
	t.Parallel()
	front := http2.serve(t, forwarded.wrap(t, service{}.server(t), grpcweb.Config{MaxRequestBytes: 1}))
	got := front.do(t, call{procedure: clientStream, body: strings.NewReader(frame(t, "12345"))})
	assert.Equal(t, "0", got.status["grpc-status"])
}

// An error of the request's body does not become UNAVAILABLE, which clients
// retry.
func TestReadErrorIsNotRetried(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		err     error
		status  string
		message string
	}{
		{"a timeout", errors.New("i/o timeout"), "13", "grpcweb: the request body could not be read"},
		{"http.MaxBytesHandler", &http.MaxBytesError{Limit: 1}, "8", "grpcweb: the request body is larger than the server accepts"},
	} {
		for _, procedure := range []string{unary, clientStream, bidi} {
			for _, way := range ways {
				t.Run(row.name+procedure+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					handler := way.wrap(t, service{}.server(t), grpcweb.Config{})
					recorder := httptest.NewRecorder()
					body := io.MultiReader(strings.NewReader(frame(t, "1")), failingReader{row.err})
					handler.ServeHTTP(recorder, newRequest(t, procedure, body))
					got := read(t, recorder.Result())
					assert.Equal(t, row.status, got.status["grpc-status"])
					assert.Equal(t, row.message, got.status["grpc-message"])
				})
			}
		}
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func newRequest(t testing.TB, procedure string, body io.Reader) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, procedure, body)
	r.Header.Set("Content-Type", "application/grpc-web")
	return r
}

// A stopped server does not make a 200 without a status, which is a success for
// Google's client.
func TestStoppedServer(t *testing.T) {
	t.Parallel()
	for _, version := range []version{http1, http2} {
		for _, stop := range []struct {
			name string
			stop func(*grpc.Server)
		}{{"Stop", (*grpc.Server).Stop}, {"GracefulStop", (*grpc.Server).GracefulStop}} {
			for _, way := range ways {
				t.Run(version.name+"/"+stop.name+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					server := service{}.server(t)
					front := version.serve(t, way.wrap(t, server, grpcweb.Config{}))
					got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
					require.Equal(t, "0", got.status["grpc-status"])
					stop.stop(server)
					for _, procedure := range []string{unary, serverStream, clientStream, bidi} {
						got := front.do(t, call{procedure: procedure, body: strings.NewReader(frame(t, "1"))})
						assert.Equal(t, "14", got.status["grpc-status"], procedure)
						assert.False(t, got.inFrame, procedure)
					}
				})
			}
		}
	}
}

// The http.Server is shut down first: then a call that is running ends well. In
// the other order grpc-go gives it up, and the client reads that in the trailer
// frame.
func TestShutdownOrder(t *testing.T) {
	t.Parallel()
	for _, version := range []version{http1, http2} {
		for _, httpFirst := range []bool{true, false} {
			name := map[bool]string{true: "http.Server first", false: "grpc.Server first"}[httpFirst]
			t.Run(version.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				goOn := make(chan struct{})
				server := service{serverStream: func(in *message, stream *stream) error {
					if err := stream.Send(in); err != nil {
						return err
					}
					<-goOn
					return stream.Send(in)
				}}.server(t)
				front := version.serve(t, grpcweb.NewHandler(server, grpcweb.Config{}))
				res := front.start(t, t.Context(), call{procedure: serverStream, body: strings.NewReader(frame(t, "1"))})
				first := make([]byte, len(frame(t, "1")))
				_, err := io.ReadFull(res.Body, first)
				require.NoError(t, err)

				var stopped sync.WaitGroup
				if httpFirst {
					shutdown := make(chan struct{})
					front.Config.RegisterOnShutdown(func() { close(shutdown) })
					stopped.Go(func() {
						assert.NoError(t, front.Config.Shutdown(context.Background()))
						server.GracefulStop()
					})
					<-shutdown
					close(goOn)
				} else {
					stopped.Go(server.GracefulStop)
				}
				rest, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				if !httpFirst {
					close(goOn)
				}
				stopped.Wait()
				got := parse(t, res, append(first, rest...))
				assert.True(t, got.inFrame)
				if httpFirst {
					assert.Equal(t, map[string]string{"grpc-status": "0"}, got.status)
					assert.Equal(t, []string{"1", "1"}, got.messages)
				} else {
					assert.Equal(t, "14", got.status["grpc-status"])
					assert.Equal(t, []string{"1"}, got.messages)
				}
			})
		}
	}
}

// Metadata cannot forge a status, frame a response anew or answer for the CORS
// policy.
func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	hostile := metadata.MD{
		"x-line":                           {"a\r\ngrpc-status: 0\r\n", "b\nc\x00\x7fd"},
		"x-fine":                           {"tab\tand größe"},
		"x name":                           {"1"},
		"x\r\ngrpc-status":                 {"0"},
		"x:y":                              {"1"},
		"":                                 {"1"},
		"grpc-status":                      {"0"},
		"grpc-message":                     {"fine"},
		"content-type":                     {"text/html"},
		"content-length":                   {"1"},
		"content-encoding":                 {"gzip"},
		"transfer-encoding":                {"chunked"},
		"connection":                       {"close"},
		"keep-alive":                       {"1"},
		"upgrade":                          {"h2c"},
		"te":                               {"trailers"},
		"trailer":                          {"x-other"},
		"access-control-allow-origin":      {"*"},
		"access-control-allow-credentials": {"true"},
		"access-control-expose-headers":    {"*"},
	}
	handle := func(set func(context.Context) error, first bool) func(*message, *stream) error {
		return func(in *message, stream *stream) error {
			if err := set(stream.Context()); err != nil {
				return err
			}
			if first {
				return status.Error(codes.Aborted, "no")
			}
			_ = stream.Send(in)
			return status.Error(codes.Aborted, "no")
		}
	}
	setTrailer := func(ctx context.Context) error { return grpc.SetTrailer(ctx, hostile) }
	setHeader := func(ctx context.Context) error { return grpc.SetHeader(ctx, hostile) }
	for _, row := range []struct {
		name   string
		handle func(*message, *stream) error
		want   map[string]string // the trailers
		header []string          // names
	}{
		{"in a trailer frame", handle(setTrailer, false), map[string]string{
			"grpc-status": "10", "grpc-message": "no",
			"x-line": "a  grpc-status: 0  , b c  d", "x-fine": "tab\tand größe",
		}, []string{"Content-Type", "Content-Length", "Date"}},
		{"trailers-only", handle(setTrailer, true), map[string]string{
			"grpc-status": "10", "grpc-message": "no",
			"x-line": "a  grpc-status: 0, b c  d", "x-fine": "tab\tand größe",
		}, []string{"Content-Type", "Content-Length", "Date", "Grpc-Status", "Grpc-Message", "X-Line", "X-Fine"}},
		{"in the header", handle(setHeader, true), map[string]string{
			"grpc-status": "10", "grpc-message": "no",
		}, []string{"Content-Type", "Content-Length", "Date", "X-Line", "X-Fine"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := service{serverStream: row.handle}.server(t)
			front := http1.serve(t, grpcweb.NewHandler(server, grpcweb.Config{}))
			got := front.do(t, call{procedure: serverStream, body: strings.NewReader(frame(t, "1"))})
			assert.Equal(t, row.want, got.status)
			assert.Equal(t, "application/grpc-web", got.header.Get("Content-Type"))
			var names []string
			for name := range got.header {
				if name != "Content-Length" { // depends on whether the stream was sent at once
					names = append(names, name)
				}
			}
			want := make([]string, 0, len(row.header))
			for _, name := range row.header {
				if name != "Content-Length" {
					want = append(want, name)
				}
			}
			assert.ElementsMatch(t, want, names)
		})
	}
}

// Google's client throws an exception at a percent sign that encodes nothing.
func TestMessageThatClientsCannotDecode(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"fine":            "fine",
		"100%":            "100%25",
		"100%25":          "100%25",
		"100%zz":          "100%25zz",
		"%e4%F6":          "%EF%BF%BD",
		"gr%C3%B6%c3%9fe": "gr%C3%B6%C3%9Fe",
		"größe":           "gr%C3%B6%C3%9Fe",
		"a\tb":            "a%09b",
	} {
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "5")
			w.Header().Set("Grpc-Message", sent)
		})
		recorder := httptest.NewRecorder()
		grpcweb.NewHandler(next, grpcweb.Config{}).ServeHTTP(recorder, newRequest(t, unary, strings.NewReader("")))
		assert.Equal(t, want, recorder.Header().Get("Grpc-Message"), sent)
	}
}

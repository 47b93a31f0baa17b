package grpcweb_test

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// waiting is a service whose methods call running and wait for the end of their
// context.
func waiting(running func(ctx context.Context), ended chan<- error) service {
	wait := func(ctx context.Context) error {
		running(ctx)
		<-ctx.Done()
		ended <- ctx.Err()
		return status.FromContextError(ctx.Err()).Err()
	}
	return service{
		unary: func(ctx context.Context, _ *message) (*message, error) { return nil, wait(ctx) },
		serverStream: func(in *message, stream *stream) error {
			_ = stream.Send(in)
			return wait(stream.Context())
		},
		clientStream: func(stream *stream) error { return wait(stream.Context()) },
		bidi:         func(stream *stream) error { return wait(stream.Context()) },
	}
}

// A client that goes away ends the handler's context. Over HTTP/1.1, net/http
// notices only after the request was read to its end, so the handler reads it.
// A forwarder can do so only within the server's window: the methods that do not
// read get no more.
func TestCancellation(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for _, way := range ways {
			for procedure, size := range map[string]int{unary: 100 << 10, serverStream: 100 << 10, clientStream: 10 << 10, bidi: 10 << 10} {
				for _, size := range []int{1, size} {
					t.Run(version.name+"/"+way.name+procedure+"/"+itoa(size), func(t *testing.T) {
						t.Parallel()
						running, ended := make(chan struct{}), make(chan error, 1)
						service := waiting(func(context.Context) { close(running) }, ended)
						front := version.serve(t, way.wrap(t, service.server(t), grpcweb.Config{Methods: shapes}))
						ctx, cancel := context.WithCancel(t.Context())
						done := make(chan struct{})
						go func() {
							defer close(done)
							body := strings.NewReader(frame(t, strings.Repeat("x", size)))
							res, err := front.try(t, ctx, call{procedure: procedure, body: body})
							if err == nil {
								<-ctx.Done()
								_ = res.Body.Close()
							}
						}()
						<-running
						cancel()
						assert.Equal(t, context.Canceled, <-ended)
						<-done
					})
				}
			}
		}
	}
}

// A deadline reaches the handler, and the client reads that it passed: behind a
// forwarder too, though the server resets the call then.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for _, version := range []version{http1, http2} {
		for _, way := range ways {
			for _, procedure := range []string{unary, serverStream, clientStream, bidi} {
				t.Run(version.name+"/"+way.name+procedure, func(t *testing.T) {
					t.Parallel()
					running, ended := make(chan struct{}), make(chan error, 1)
					service := waiting(func(context.Context) { close(running) }, ended)
					front := version.serve(t, way.wrap(t, service.server(t), grpcweb.Config{}))
					got := front.do(t, call{
						procedure: procedure, header: map[string]string{"Grpc-Timeout": "100m"}, body: strings.NewReader(frame(t, "1")),
					})
					assert.Equal(t, "4", got.status["grpc-status"])
					<-running
					if err := <-ended; way.name == inProcess.name || err != context.Canceled { // grpc-go's own reset can come first
						assert.Equal(t, context.DeadlineExceeded, err)
					}
				})
			}
		}
	}
}

// Nothing is left of 300 canceled calls.
func TestNothingIsLeftOfCanceledCalls(t *testing.T) {
	const calls, parallel = 300, 10
	for _, version := range []version{http1, http2} {
		for _, way := range ways {
			t.Run(version.name+"/"+way.name, func(t *testing.T) {
				var cancels [calls]context.CancelFunc
				var contexts [calls]context.Context
				for i := range calls {
					contexts[i], cancels[i] = context.WithCancel(t.Context())
				}
				ended := make(chan error, calls)
				service := waiting(func(ctx context.Context) {
					i, err := strconv.Atoi(metadata.ValueFromIncomingContext(ctx, "x-call")[0])
					if assert.NoError(t, err) {
						cancels[i]()
					}
				}, ended)
				front := version.serve(t, way.wrap(t, service.server(t), grpcweb.Config{Methods: shapes}))
				// What is kept for other calls is there before.
				_ = front.do(t, call{procedure: "/no.Such/Method", body: strings.NewReader(frame(t, "1"))})
				front.client.CloseIdleConnections()
				before := runtime.NumGoroutine()

				limit := make(chan struct{}, parallel)
				var clients sync.WaitGroup
				for i := range calls {
					procedure := []string{unary, serverStream, clientStream, bidi}[i%4]
					limit <- struct{}{}
					clients.Go(func() {
						defer func() { <-limit }()
						body := strings.NewReader(frame(t, strings.Repeat("x", i%3*10<<10)))
						call := call{procedure: procedure, header: map[string]string{"X-Call": itoa(i)}, body: body}
						if res, err := front.try(t, contexts[i], call); err == nil {
							<-contexts[i].Done()
							_ = res.Body.Close()
						}
					})
				}
				clients.Wait()
				for range calls {
					<-ended
				}
				assert.Eventually(t, func() bool {
					front.client.CloseIdleConnections() // those whose last call has been cleaned up by now
					return front.connections.count() == 0
				}, 10*time.Second, 10*time.Millisecond)
				assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 10*time.Second, 10*time.Millisecond,
					"goroutines before and after")
			})
		}
	}
}

// Interceptors see a call as any other: its metadata, its peer and the values
// of the request's context.
func TestInterceptors(t *testing.T) {
	t.Parallel()
	type key struct{}
	seen := make(chan any, 1)
	server := service{}.server(t, grpc.ChainUnaryInterceptor(
		func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			seen <- ctx.Value(key{})
			if info.FullMethod != unary {
				return nil, status.Error(codes.Internal, info.FullMethod)
			}
			return handler(ctx, req)
		}))
	handler := grpcweb.NewHandler(server, grpcweb.Config{})
	front := http1.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "value")))
	}))
	got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, "1"))})
	require.Equal(t, "0", got.status["grpc-status"])
	assert.Equal(t, "value", <-seen)
}

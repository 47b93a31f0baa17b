package grpcweb_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// streamOf returns a gRPC server that sends that many messages and then calls
// after.
func streamOf(message string, count int, after func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		prefix, payload := []byte(message[:5]), []byte(message[5:])
		for range count { // as grpc-go does it
			_, _ = w.Write(prefix)
			_, _ = w.Write(payload)
			w.(http.Flusher).Flush()
		}
		after()
		w.Header().Set("Grpc-Status", "0")
	})
}

// What a stream allocates does not depend on how many messages it has.
func TestMessagesAllocateNothing(t *testing.T) {
	for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
		allocations := func(messages int) float64 {
			handler := grpcweb.NewHandler(streamOf(frame(t, "1"), messages, func() {}), grpcweb.Config{Methods: shapes})
			body := frame(t, "")
			if strings.HasSuffix(contentType, "text") {
				body = text(body)
			}
			return testing.AllocsPerRun(10, func() {
				r := newRequest(t, serverStream, strings.NewReader(body))
				r.Header.Set("Content-Type", contentType)
				handler.ServeHTTP(&discard{header: http.Header{}}, r)
			})
		}
		assert.InDelta(t, allocations(10), allocations(10_000), 100, contentType)
	}
}

// A stream that waits for its next message keeps no large buffer, however much
// it has sent before.
func TestWaitingStreamsAreSmall(t *testing.T) {
	const streams, maxEach = 20, 32 << 10
	for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
		var burst, calls sync.WaitGroup
		goOn := make(chan struct{})
		handler := grpcweb.NewHandler(streamOf(frame(t, strings.Repeat("x", 1000)), 200, func() {
			burst.Done()
			<-goOn
		}), grpcweb.Config{Methods: shapes})
		body := frame(t, "")
		if strings.HasSuffix(contentType, "text") {
			body = text(body)
		}
		before := heap()
		burst.Add(streams)
		for range streams {
			calls.Go(func() {
				r := newRequest(t, serverStream, strings.NewReader(body))
				r.Header.Set("Content-Type", contentType)
				handler.ServeHTTP(nowhere{http.Header{}}, r)
			})
		}
		burst.Wait()
		// The last bytes are on their way, and a sync.Pool keeps its buffers over
		// one collection.
		assert.Eventually(t, func() bool { return int64(heap())-int64(before) < streams*maxEach }, time.Minute, 10*time.Millisecond, contentType)
		close(goOn)
		calls.Wait()
	}
}

// nowhere is a connection that keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Flush()                      {}
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }

// A handler that writes to a connection that has broken learns of it.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, procedure := range []string{unary, serverStream} {
		for _, size := range []int{1, 10_000, 100_000} {
			var got error
			next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/grpc")
				for range 10_000 {
					if _, got = io.WriteString(w, frame(t, strings.Repeat("x", size))); got != nil {
						return
					}
					w.(http.Flusher).Flush()
				}
			})
			handler := grpcweb.NewHandler(next, grpcweb.Config{Methods: shapes})
			w := brokenWriter{httptest.NewRecorder(), broken}
			handler.ServeHTTP(w, newRequest(t, procedure, strings.NewReader(frame(t, ""))))
			assert.ErrorIs(t, got, broken, "%s, messages of %d bytes", procedure, size)
		}
	}
}

type brokenWriter struct {
	*httptest.ResponseRecorder
	err error
}

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

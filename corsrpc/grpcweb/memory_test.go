package grpcweb_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

const (
	flood      = 300 << 20
	maxGrowth  = 8 << 20
	floodPiece = 64 << 10
)

// A client that sends 300 MiB to a handler that does not read, and one that does
// not read a stream of 300 MiB, cost less than 8 MiB. In process, that is so
// because the test sets MaxRequestBytes: grpc.Server.ServeHTTP reads ahead.
func TestMemory(t *testing.T) {
	config := grpcweb.Config{MaxRequestBytes: 2 << 20}
	for _, version := range []version{http1, http2} {
		for _, way := range ways {
			t.Run("a client that floods/"+version.name+"/"+way.name, func(t *testing.T) {
				stuck, goOn := make(chan struct{}), make(chan struct{})
				server := service{clientStream: func(stream *stream) error {
					close(stuck)
					<-goOn
					return stream.Context().Err()
				}}.server(t)
				front := version.serve(t, way.wrap(t, server, config))
				ctx, cancel := context.WithCancel(t.Context())
				flood := &floodReader{message: frame(t, strings.Repeat("x", floodPiece)), left: flood}
				before := heap()
				done := make(chan struct{})
				go func() {
					defer close(done)
					if res, err := front.try(t, ctx, call{procedure: clientStream, body: flood}); err == nil {
						_ = res.Body.Close()
					}
				}()
				<-stuck
				settle(&flood.sent)
				growth := int64(heap()) - int64(before)
				t.Logf("%d bytes sent, heap grew by %d", flood.sent.Load(), growth)
				assert.Less(t, growth, int64(maxGrowth))
				assert.Less(t, flood.sent.Load(), int64(32<<20), "the client is held back")
				cancel()
				close(goOn)
				<-done
			})
			t.Run("a client that does not read/"+version.name+"/"+way.name, func(t *testing.T) {
				var sent atomic.Int64
				ended := make(chan struct{})
				server := service{serverStream: func(_ *message, stream *stream) error {
					defer close(ended)
					piece := &message{Value: make([]byte, floodPiece)}
					for sent.Load() < flood {
						if err := stream.Send(piece); err != nil {
							return err
						}
						sent.Add(floodPiece)
					}
					return nil
				}}.server(t)
				front := version.serve(t, way.wrap(t, server, config))
				ctx, cancel := context.WithCancel(t.Context())
				before := heap()
				res := front.start(t, ctx, call{procedure: serverStream, body: strings.NewReader(frame(t, ""))})
				settle(&sent)
				growth := int64(heap()) - int64(before)
				t.Logf("%d bytes sent, heap grew by %d", sent.Load(), growth)
				assert.Less(t, growth, int64(maxGrowth))
				assert.Less(t, sent.Load(), int64(64<<20), "the handler is held back")
				cancel()
				<-ended
				_ = res.Body.Close()
			})
		}
	}
}

// settle waits until a counter has stopped.
func settle(counter *atomic.Int64) {
	for last := int64(-1); ; time.Sleep(100 * time.Millisecond) {
		now := counter.Load()
		if now == last {
			return
		}
		last = now
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// A floodReader repeats a message.
type floodReader struct {
	message string
	offset  int
	left    int
	sent    atomic.Int64
}

func (f *floodReader) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, f.message[f.offset:])
	f.offset = (f.offset + n) % len(f.message)
	f.left -= n
	f.sent.Add(int64(n))
	return n, nil
}

// A handler of a large stream delivers it whole.
func TestLargeStream(t *testing.T) {
	const messages = 300
	size := func(i int) int { return i*37%5000 + i/290*200_000 }
	for _, version := range []version{http1, http2} {
		for _, way := range ways {
			for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
				t.Run(version.name+"/"+way.name+"/"+contentType, func(t *testing.T) {
					server := service{serverStream: func(_ *message, stream *stream) error {
						for i := range messages {
							if err := stream.Send(&message{Value: []byte(strings.Repeat("x", size(i)))}); err != nil {
								return err
							}
						}
						return nil
					}}.server(t)
					front := version.serve(t, way.wrap(t, server, grpcweb.Config{Methods: shapes}))
					body := frame(t, "")
					if strings.HasSuffix(contentType, "text") {
						body = text(body)
					}
					got := front.do(t, call{procedure: serverStream, contentType: contentType, body: strings.NewReader(body)})
					require.Equal(t, "0", got.status["grpc-status"])
					require.Len(t, got.messages, messages)
					for i, m := range got.messages {
						require.Len(t, m, size(i))
					}
				})
			}
		}
	}
}

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
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// A unary response is one write without a flush, and a stream of messages that
// are ready at once takes few: a flush costs more than a small message.
func TestWrites(t *testing.T) {
	t.Parallel()
	const messages = 1000
	one := frame(t, "1")
	for _, row := range []struct {
		name      string
		config    grpcweb.Config
		procedure string
		batched   bool
		writes    int
		flushes   int
	}{
		{"unary", grpcweb.Config{Methods: shapes}, unary, false, 1, 0},
		{"client stream", grpcweb.Config{Methods: shapes}, clientStream, false, 1, 0},
		{"server stream", grpcweb.Config{Methods: shapes}, serverStream, true, 0, 0},
		{"bidirectional stream", grpcweb.Config{Methods: shapes}, bidi, true, 0, 0},
		{"unknown: message by message", grpcweb.Config{}, serverStream, false, messages + 1, messages},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			connection := &busyWriter{ResponseRecorder: httptest.NewRecorder(), sent: make(chan struct{})}
			if !row.batched {
				close(connection.sent)
			}
			next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/grpc")
				for range messages {
					_, _ = io.WriteString(w, one)
					w.(http.Flusher).Flush()
				}
				w.Header().Set("Grpc-Status", "0")
				if row.batched {
					close(connection.sent)
				}
			})
			handler := grpcweb.NewHandler(next, row.config)
			handler.ServeHTTP(connection, newRequest(t, row.procedure, strings.NewReader(one)))
			if row.batched { // the first message can already be ready together with others
				assert.LessOrEqual(t, connection.writes, 3)
				assert.LessOrEqual(t, connection.flushes, 2)
			} else {
				assert.Equal(t, row.writes, connection.writes)
				assert.Equal(t, row.flushes, connection.flushes)
			}
			got := read(t, connection.Result())
			assert.Len(t, got.messages, messages)
			assert.Equal(t, "0", got.status["grpc-status"])
		})
	}
}

// A busyWriter is a connection whose first flush lasts until sent is closed.
type busyWriter struct {
	*httptest.ResponseRecorder
	sent    chan struct{}
	writes  int
	flushes int
}

func (w *busyWriter) Write(p []byte) (int, error) {
	w.writes++
	return w.ResponseRecorder.Write(p)
}

func (w *busyWriter) Flush() {
	<-w.sent
	w.flushes++
	w.ResponseRecorder.Flush()
}

// Messages of a stream reach the client when they are sent, not when the stream
// ends; so does a header by itself. In text, each piece is padded.
func TestStreamsAreSentAtOnce(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for _, way := range ways {
			for _, config := range []grpcweb.Config{{}, {Methods: shapes}} {
				for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
					t.Run(strings.Join([]string{version.name, way.name, contentType}, "/"), func(t *testing.T) {
						t.Parallel()
						goOn := make(chan struct{})
						server := service{serverStream: func(_ *message, stream *stream) error {
							if err := stream.SendHeader(nil); err != nil {
								return err
							}
							for range 3 {
								<-goOn
								if err := stream.Send(&message{Value: []byte("1")}); err != nil {
									return err
								}
							}
							<-goOn
							return nil
						}}.server(t)
						front := version.serve(t, way.wrap(t, server, config))
						body, want := frame(t, ""), frame(t, "1")
						if strings.HasSuffix(contentType, "text") {
							body, want = text(body), text(want)
						}
						res := front.start(t, t.Context(), call{procedure: serverStream, contentType: contentType, body: strings.NewReader(body)})
						for range 3 {
							goOn <- struct{}{}
							piece := make([]byte, len(want))
							_, err := io.ReadFull(res.Body, piece)
							require.NoError(t, err)
							assert.Equal(t, want, string(piece))
						}
						goOn <- struct{}{}
						rest, err := io.ReadAll(res.Body)
						require.NoError(t, err)
						assert.Equal(t, map[string]string{"grpc-status": "0"}, parse(t, res, rest).status)
					})
				}
			}
		}
	}
}

// A client can answer the messages of a bidirectional stream, over HTTP/1.1 too.
func TestFullDuplex(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for _, way := range ways {
			for _, config := range []grpcweb.Config{{}, {Methods: shapes}} {
				t.Run(version.name+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					front := version.serve(t, way.wrap(t, service{}.server(t), config))
					requests, send := io.Pipe()
					sent := make(chan struct{})
					go func() {
						defer close(sent)
						_, _ = io.WriteString(send, frame(t, "1")) // or there would be no response header
					}()
					res := front.start(t, t.Context(), call{procedure: bidi, body: requests})
					<-sent
					for i := range 5 {
						piece := make([]byte, len(frame(t, "1")))
						_, err := io.ReadFull(res.Body, piece)
						require.NoError(t, err)
						assert.Equal(t, frame(t, itoa(i+1)), string(piece))
						if i < 4 {
							_, err = io.WriteString(send, frame(t, itoa(i+2)))
							require.NoError(t, err)
						}
					}
					require.NoError(t, send.Close())
					rest, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					assert.Equal(t, map[string]string{"grpc-status": "0"}, parse(t, res, rest).status)
				})
			}
		}
	}
}

// A text request can consist of several padded pieces, cut anywhere.
func TestTextRequests(t *testing.T) {
	t.Parallel()
	one, two := frame(t, "1"), frame(t, "22")
	for name, body := range map[string]string{
		"one piece":          text(one + two),
		"a piece a message":  text(one) + text(two),
		"a piece a byte":     strings.Join(strings.Split(text(one+two), ""), ""),
		"padding everywhere": pieces(one + two),
		"lines":              text(one + two)[:5] + "\r\n" + text(one + two)[5:] + "\n",
	} {
		for _, way := range ways {
			for _, version := range []version{http1, http2} {
				front := version.serve(t, way.wrap(t, service{}.server(t), grpcweb.Config{}))
				// One byte a read, so that nothing depends on how it arrives.
				got := front.do(t, call{procedure: bidi, contentType: "application/grpc-web-text", body: &oneByteReader{strings.NewReader(body)}})
				assert.Equal(t, []string{"1", "22"}, got.messages, name)
				assert.Equal(t, "0", got.status["grpc-status"], name)
			}
		}
	}
}

// pieces encodes byte by byte.
func pieces(s string) string {
	var encoded strings.Builder
	for i := range len(s) {
		encoded.WriteString(text(s[i : i+1]))
	}
	return encoded.String()
}

type oneByteReader struct{ io.Reader }

func (r *oneByteReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

// A connection that panics, as http.TimeoutHandler's can, does not end the
// process, though a goroutine of the handler writes to it.
func TestPanicOfTheConnection(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = io.WriteString(w, frame(t, "1"))
		w.(http.Flusher).Flush()
		w.Header().Set("Grpc-Status", "0")
	})
	handler := grpcweb.NewHandler(next, grpcweb.Config{Methods: shapes})
	assert.PanicsWithValue(t, "broken", func() {
		handler.ServeHTTP(panickingWriter{httptest.NewRecorder()}, newRequest(t, serverStream, strings.NewReader(frame(t, ""))))
	})
}

type panickingWriter struct{ *httptest.ResponseRecorder }

func (panickingWriter) Write([]byte) (int, error) { panic("broken") }

// A panic of next does not wait for a client that does not read.
func TestPanicWhileTheClientDoesNotRead(t *testing.T) {
	t.Parallel()
	w := &stuckWriter{ResponseRecorder: httptest.NewRecorder(), cut: make(chan struct{})}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = io.WriteString(w, frame(t, "1"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	handler := grpcweb.NewHandler(next, grpcweb.Config{Methods: shapes})
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		handler.ServeHTTP(w, newRequest(t, serverStream, strings.NewReader(frame(t, ""))))
	})
}

// A stuckWriter takes nothing until its write deadline has passed.
type stuckWriter struct {
	*httptest.ResponseRecorder
	once sync.Once
	cut  chan struct{}
}

func (w *stuckWriter) Write([]byte) (int, error) {
	<-w.cut
	return 0, context.DeadlineExceeded
}

func (w *stuckWriter) SetWriteDeadline(t time.Time) error {
	if t.After(time.Now()) {
		return errors.New("not in the past")
	}
	w.once.Do(func() { close(w.cut) })
	return nil
}

package grpcweb_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// Requests that are not for the handler, or for nobody.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		method      string
		contentType string
		passed      bool
		code        int
		header      map[string]string
		body        string
	}{
		{"a GET", "GET", "application/grpc-web", false, 405, map[string]string{"Allow": "POST"}, "gRPC-Web calls are POST requests\n"},
		{"a PUT", "PUT", "application/grpc-web-text", false, 405, map[string]string{"Allow": "POST"}, "gRPC-Web calls are POST requests\n"},
		{"a preflight", "OPTIONS", "", true, 418, nil, "next"},
		{"a page", "GET", "", true, 418, nil, "next"},
		{"native gRPC", "POST", "application/grpc+proto", true, 418, nil, "next"},
		{"Connect", "POST", "application/proto", true, 418, nil, "next"},
		{"a form", "POST", "text/plain", true, 418, nil, "next"},
		{"almost gRPC-Web", "POST", "application/grpc-websocket", true, 418, nil, "next"},
		{"almost text", "POST", "application/grpc-web-textual", true, 418, nil, "next"},
		{"JSON without a codec", "POST", "application/grpc-web+json", false, 415,
			map[string]string{"Accept-Post": "application/grpc-web, application/grpc-web-text"}, "the server has no message codec \"json\"\n"},
		{"Thrift", "POST", "application/grpc-web-text+thrift", false, 415,
			map[string]string{"Accept-Post": "application/grpc-web, application/grpc-web-text"}, "the server has no message codec \"thrift\"\n"},
		{"a codec that is markup, cut", "POST", "application/grpc-web+<b>\x01" + strings.Repeat("x", 100), false, 415,
			map[string]string{"Accept-Post": "application/grpc-web, application/grpc-web-text"},
			"the server has no message codec \"<b>\\x01" + strings.Repeat("x", 60) + "\"\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var seen *http.Request
			next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = r
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "next")
			})
			r := httptest.NewRequestWithContext(t.Context(), row.method, unary, strings.NewReader("body"))
			if row.contentType != "" {
				r.Header.Set("Content-Type", row.contentType)
			}
			recorder := httptest.NewRecorder()
			grpcweb.NewHandler(next, grpcweb.Config{}).ServeHTTP(recorder, r)
			if row.passed {
				assert.Same(t, r, seen, "untouched")
			} else {
				assert.Nil(t, seen)
			}
			assert.Equal(t, row.code, recorder.Code)
			assert.Equal(t, row.body, recorder.Body.String())
			for name, value := range row.header {
				assert.Equal(t, value, recorder.Header().Get(name), name)
			}
			for name := range recorder.Header() {
				assert.False(t, strings.HasPrefix(name, "Access-Control-"), name)
			}
		})
	}
}

func TestCodecs(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("Grpc-Status", "0")
	})
	for _, row := range []struct {
		codecs      []string
		contentType string
		code        int
		response    string
	}{
		{nil, "application/grpc-web", 200, "application/grpc-web"},
		{nil, "application/grpc-web+PROTO", 200, "application/grpc-web+proto"},
		{nil, "application/grpc-web+", 200, "application/grpc-web"},
		{nil, "application/grpc-web+json", 415, "text/plain; charset=utf-8"},
		{[]string{"json"}, "application/grpc-web+json", 200, "application/grpc-web+json"},
		{[]string{"json"}, "application/grpc-web-text+json", 200, "application/grpc-web-text+json"},
		{[]string{"json"}, "application/grpc-web", 415, "text/plain; charset=utf-8"},
		{[]string{}, "application/grpc-web", 415, "text/plain; charset=utf-8"},
	} {
		r := newRequest(t, unary, strings.NewReader(""))
		r.Header.Set("Content-Type", row.contentType)
		recorder := httptest.NewRecorder()
		grpcweb.NewHandler(next, grpcweb.Config{Codecs: row.codecs}).ServeHTTP(recorder, r)
		assert.Equal(t, row.code, recorder.Code, "%v", row)
		assert.Equal(t, row.response, recorder.Header().Get("Content-Type"), "%v", row)
	}
}

// Calls that cannot be understood: the status, and whether the method ran.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	one := frame(t, "1")
	large := frame(t, strings.Repeat("x", 100<<10)) // not read ahead
	const (
		badText   = "grpcweb: the request body is not valid base64"
		truncated = "grpcweb: the request ends in the middle of a message"
		none      = "grpcweb: the request has no message, but the method takes one"
		several   = "grpcweb: the request has more than one message, but the method takes one"
	)
	for _, row := range []struct {
		name       string
		procedures []string
		text       bool
		body       string
		code       string
		message    string
	}{
		{"no message", []string{unary, serverStream}, false, "", "13", none},
		{"no message in text", []string{unary, serverStream}, true, "", "13", none},
		{"two messages", []string{unary, serverStream}, false, one + one, "13", several},
		{"two messages, the first large", []string{unary, serverStream}, false, large + one, "13", several},
		{"a message and a bit", []string{unary, serverStream}, false, one + "\x00", "13", several},
		{"a prefix cut", []string{unary, serverStream, clientStream, bidi}, false, one[:3], "13", truncated},
		{"a message cut", []string{unary, serverStream, clientStream, bidi}, false, one[:len(one)-1], "13", truncated},
		{"a large message cut", []string{unary, serverStream, clientStream, bidi}, false, large[:len(large)-1], "13", truncated},
		{"a second message cut", []string{clientStream, bidi}, false, one + one[:6], "13", truncated},
		{"not base64", []string{unary, serverStream, clientStream, bidi}, true, "????", "13", badText},
		{"not base64 later", []string{unary, serverStream, clientStream, bidi}, true, text(one) + "A=B=", "13", badText},
		{"large, and not base64 at the end", []string{unary, serverStream, clientStream, bidi}, true, text(large) + "*", "13", badText},
		{"no padding", []string{unary, serverStream, clientStream, bidi}, true, "AAAAAAI", "13", badText},
		{"over the server's message limit", []string{unary, serverStream, clientStream, bidi}, false, frame(t, strings.Repeat("x", 300<<10)), "8",
			"grpc: received message larger than max (307204 vs. 262144)"},
		{"not protobuf", []string{unary, serverStream}, false, "\x00\x00\x00\x00\x01\xff", "13", ""},
		{"a trailer frame", []string{unary, serverStream, clientStream, bidi}, false, "\x80" + one[1:], "13", ""},
		{"compressed by nothing", []string{unary, serverStream, clientStream, bidi}, false, "\x01" + one[1:], "13", ""},
	} {
		for _, procedure := range row.procedures {
			for _, way := range ways {
				for _, version := range []version{http1, http2} {
					t.Run(strings.Join([]string{row.name, way.name, version.name}, "/")+procedure, func(t *testing.T) {
						t.Parallel()
						var ran atomic.Bool
						server := service{
							unary:        func(context.Context, *message) (*message, error) { ran.Store(true); return &message{}, nil },
							serverStream: func(*message, *stream) error { ran.Store(true); return nil },
						}.server(t, grpc.MaxRecvMsgSize(256<<10))
						front := version.serve(t, way.wrap(t, server, grpcweb.Config{Methods: shapes}))
						call := call{procedure: procedure, body: strings.NewReader(row.body)}
						if row.text {
							call.contentType = "application/grpc-web-text"
						}
						got := front.do(t, call)
						assert.Equal(t, 200, got.code)
						assert.Equal(t, row.code, got.status["grpc-status"])
						if row.message != "" {
							assert.Equal(t, row.message, got.status["grpc-message"])
						}
						assert.False(t, ran.Load(), "the method ran")
					})
				}
			}
		}
	}
}

// What grpc-go says of malformed metadata is passed on as it is.
func TestMalformedMetadata(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, value, want string }{
		{"Grpc-Timeout", "soon", "malformed grpc-timeout: strconv.ParseUint: parsing \"soo\": invalid syntax\n"},
		{"X-Data-Bin", "?", "malformed binary metadata \"\" in header \"x-data-bin\": illegal base64 data at input byte 0\n"},
	} {
		front := http1.serve(t, grpcweb.NewHandler(service{}.server(t), grpcweb.Config{}))
		got := front.do(t, call{procedure: unary, header: map[string]string{row.name: row.value}, body: strings.NewReader(frame(t, "1"))})
		assert.Equal(t, 400, got.code, row.name)
		assert.Equal(t, row.want, got.raw, row.name)
		assert.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"), row.name)
	}
}

// Responses that are not gRPC's are passed on unchanged.
func TestOtherResponses(t *testing.T) {
	t.Parallel()
	for _, code := range []int{200, 302, 401, 403, 404, 503} {
		for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
			next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Www-Authenticate", "Basic")
				w.Header().Set("Access-Control-Allow-Origin", "https://other.example.com")
				w.Header().Add("Vary", "Cookie")
				w.Header().Add("Trailer", "X-Sum")
				w.WriteHeader(code)
				_, _ = io.WriteString(w, "<p>")
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, "</p>")
				w.Header().Set("X-Sum", "1")
				w.Header().Set(http.TrailerPrefix+"X-Other", "2")
			})
			outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Vary", "Origin")
				w.Header().Set("Content-Type", "text/plain")
				grpcweb.NewHandler(next, grpcweb.Config{}).ServeHTTP(w, r)
			})
			front := http1.serve(t, outer)
			front.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			res := front.start(t, t.Context(), call{procedure: unary, contentType: contentType, body: strings.NewReader("")})
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, code, res.StatusCode)
			assert.Equal(t, "<p></p>", string(body))
			assert.Equal(t, "text/html", res.Header.Get("Content-Type"))
			assert.Equal(t, []string{"Origin", "Cookie"}, res.Header["Vary"])
			assert.Equal(t, "Basic", res.Header.Get("Www-Authenticate"))
			assert.Equal(t, "https://other.example.com", res.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, http.Header{"X-Sum": {"1"}, "X-Other": {"2"}}, res.Trailer)
		}
	}
}

// next ends without a status.
func TestNoStatus(t *testing.T) {
	t.Parallel()
	const unavailable = "grpcweb: the server ended the call without a status"
	whole := frame(t, "1")
	for _, row := range []struct {
		name    string
		next    func(http.ResponseWriter)
		message bool
		frame   bool
	}{
		{"nothing at all", func(http.ResponseWriter) {}, false, false},
		{"only a flush", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, false, false},
		{"a header", func(w http.ResponseWriter) { w.WriteHeader(200) }, false, true},
		{"a message", func(w http.ResponseWriter) { _, _ = io.WriteString(w, whole) }, true, true},
		{"a message, sent", func(w http.ResponseWriter) { _, _ = io.WriteString(w, whole); w.(http.Flusher).Flush() }, true, true},
		{"a status that is not a number", func(w http.ResponseWriter) { w.Header().Set("Grpc-Status", "fine") }, false, false},
	} {
		for _, config := range []grpcweb.Config{{}, {Methods: shapes}} {
			for _, procedure := range []string{unary, serverStream} {
				next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/grpc")
					row.next(w)
				})
				front := http1.serve(t, grpcweb.NewHandler(next, config))
				got := front.do(t, call{procedure: procedure, body: strings.NewReader(frame(t, ""))})
				assert.Equal(t, "14", got.status["grpc-status"], row.name)
				assert.Equal(t, unavailable, got.status["grpc-message"], row.name)
				assert.Equal(t, row.message, len(got.messages) == 1, row.name)
				assert.Equal(t, row.frame, got.inFrame, row.name)
			}
		}
	}
}

// A response that ends in the middle of a message is never a success: what can
// be taken back is, and else the connection is cut.
func TestCutResponse(t *testing.T) {
	t.Parallel()
	part := frame(t, "1")[:6]
	next := func(flush bool, status string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			_, _ = io.WriteString(w, part)
			if flush {
				w.(http.Flusher).Flush()
			}
			if status != "" {
				w.Header().Set("Grpc-Status", status)
			}
		})
	}
	for sent, want := range map[string]string{"": "14", "0": "13", "5": "5"} {
		front := http1.serve(t, grpcweb.NewHandler(next(false, sent), grpcweb.Config{Methods: shapes}))
		got := front.do(t, call{procedure: unary, body: strings.NewReader(frame(t, ""))})
		assert.Equal(t, want, got.status["grpc-status"])
		assert.Empty(t, got.messages)
	}
	for _, version := range []version{http1, http2} {
		front := version.serve(t, grpcweb.NewHandler(next(true, "0"), grpcweb.Config{Methods: shapes}))
		res := front.start(t, t.Context(), call{procedure: serverStream, body: strings.NewReader(frame(t, ""))})
		body, err := io.ReadAll(res.Body)
		assert.Error(t, err, version.name)
		assert.Equal(t, part, string(body))
		require.NoError(t, res.Body.Close())
	}
}

// next panics: the panic goes on, and the client reads no status.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		next func(http.ResponseWriter)
	}{
		{"at once", func(http.ResponseWriter) {}},
		{"after a message", func(w http.ResponseWriter) { _, _ = io.WriteString(w, frame(t, "1")) }},
		{"after a message that was sent", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, frame(t, "1"))
			w.(http.Flusher).Flush()
		}},
		{"after the status", func(w http.ResponseWriter) { w.Header().Set("Grpc-Status", "0") }},
	} {
		for _, config := range []grpcweb.Config{{}, {Methods: shapes}} {
			for _, procedure := range []string{unary, serverStream} {
				for _, version := range []version{http1, http2} {
					t.Run(row.name+"/"+version.name+procedure, func(t *testing.T) {
						t.Parallel()
						panicked := make(chan any, 1)
						next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
							w.Header().Set("Content-Type", "application/grpc")
							row.next(w)
							panic(http.ErrAbortHandler)
						})
						front := version.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							defer func() {
								p := recover()
								panicked <- p
								panic(p)
							}()
							grpcweb.NewHandler(next, config).ServeHTTP(w, r)
						}))
						res, err := front.try(t, t.Context(), call{procedure: procedure, body: strings.NewReader(frame(t, ""))})
						if err == nil {
							var body []byte
							body, err = io.ReadAll(res.Body)
							assert.NotContains(t, string(body), "grpc-status")
							assert.NotContains(t, res.Header, "Grpc-Status")
							_ = res.Body.Close()
						}
						assert.Error(t, err, "the connection is cut")
						assert.Equal(t, http.ErrAbortHandler, <-panicked)
					})
				}
			}
		}
	}
}

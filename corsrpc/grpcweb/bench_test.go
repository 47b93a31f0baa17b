package grpcweb_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// What the handler adds to grpc-go, without a network.
func BenchmarkUnary(b *testing.B) {
	body := frame(b, strings.Repeat("x", 100))
	server := service{}.server(b)
	handler := grpcweb.NewHandler(server, grpcweb.Config{})
	for _, row := range []struct {
		name        string
		handler     http.Handler
		contentType string
		body        string
	}{
		{"native", server, "application/grpc", body},
		{"binary", handler, "application/grpc-web", body},
		{"text", handler, "application/grpc-web-text", text(body)},
	} {
		b.Run(row.name, func(b *testing.B) {
			r := newRequest(b, unary, nil)
			r.Header.Set("Content-Type", row.contentType)
			r.ProtoMajor, r.ContentLength = 2, int64(len(row.body))
			reader := strings.NewReader(row.body)
			r.Body = io.NopCloser(reader)
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(row.body)
				clear(w.header)
				row.handler.ServeHTTP(w, r)
			}
		})
	}
}

// discard is a connection that takes everything at once.
type discard struct {
	header http.Header
	body   bytes.Buffer
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Flush()              {}
func (d *discard) Write(p []byte) (int, error) {
	d.body.Reset()
	return d.body.Write(p)
}

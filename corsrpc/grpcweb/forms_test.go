package grpcweb_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
)

// Which form a response has, to the byte: over every version of HTTP and both
// ways to the server.
func TestForms(t *testing.T) {
	t.Parallel()
	const (
		web     = "application/grpc-web"
		webText = "application/grpc-web-text"
	)
	ok := "\x80\x00\x00\x00\x10grpc-status: 0\r\n"
	hi := frame(t, "hi")
	for _, row := range []struct {
		name        string
		contentType string
		accept      string
		want        string // Content-Type
		body        string
	}{
		{"binary", web, "", web, hi + ok},
		{"binary, codec echoed", web + "+proto", "", web + "+proto", hi + ok},
		{"parameters and case do not matter", "Application/GRPC-Web+Proto; charset=utf-8", "", web + "+proto", hi + ok},
		{"text", webText, "", webText, text(hi + ok)},
		{"text, codec echoed", webText + "+proto", "", webText + "+proto", text(hi + ok)},
		{"Accept says text", web, webText, webText, text(hi + ok)},
		{"Accept says binary", webText, web, web, hi + ok},
		{"the first in Accept counts", web, "text/html;q=1, " + webText + "+proto;q=0.1, " + web, webText, text(hi + ok)},
		{"Accept without gRPC-Web", webText, "*/*", webText, text(hi + ok)},
	} {
		for _, way := range ways {
			for _, version := range versions {
				t.Run(row.name+"/"+way.name+"/"+version.name, func(t *testing.T) {
					t.Parallel()
					front := version.serve(t, way.wrap(t, service{}.server(t), grpcweb.Config{Methods: shapes}))
					body := hi
					if strings.Contains(row.contentType, "text") {
						body = text(body)
					}
					got := front.do(t, call{
						procedure: unary, contentType: row.contentType,
						header: map[string]string{"Accept": row.accept}, body: strings.NewReader(body),
					})
					assert.Equal(t, version.major, got.major)
					assert.Equal(t, 200, got.code)
					assert.Equal(t, row.body, got.raw)
					assert.Equal(t, map[string]string{
						"Content-Type": row.want, "Content-Length": itoa(len(row.body)),
					}, got.headers())
				})
			}
		}
	}
}

// Where header and trailers are, by what the handler does.
func TestHeaderAndTrailers(t *testing.T) {
	t.Parallel()
	failure := status.Error(codes.NotFound, "no größe 100%\n")
	const encoded = "no gr%C3%B6%C3%9Fe 100%25%0A"
	setHeader := func(ctx context.Context) { _ = grpc.SetHeader(ctx, metadata.Pairs("x-header", "1", "x-header", "2")) }
	sendHeader := func(ctx context.Context) { _ = grpc.SendHeader(ctx, metadata.Pairs("x-header", "1", "x-header", "2")) }
	setTrailer := func(ctx context.Context) {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("x-Trailer", "1", "x-trailer", "2", "x-data-bin", "\xff\x00"))
	}
	inTrailer := map[string]string{"x-trailer": "1, 2", "x-data-bin": "/wA"}
	for _, row := range []struct {
		name     string
		do       func(context.Context)
		message  bool
		err      error
		inHeader bool // x-header
		inFrame  bool // the trailers
	}{
		{"a message", setTrailer, true, nil, false, true},
		{"a message after a header", func(ctx context.Context) { setHeader(ctx); setTrailer(ctx) }, true, nil, true, true},
		{"a message after a sent header", func(ctx context.Context) { sendHeader(ctx); setTrailer(ctx) }, true, nil, true, true},
		{"an error", setTrailer, false, failure, false, false},
		{"an error after a header", func(ctx context.Context) { setHeader(ctx); setTrailer(ctx) }, false, failure, true, true},
		{"an error after a sent header", func(ctx context.Context) { sendHeader(ctx); setTrailer(ctx) }, false, failure, true, true},
		{"an error after a message", setTrailer, true, failure, false, true},
		{"nothing", setTrailer, false, nil, false, false},
		{"nothing after a header", func(ctx context.Context) { setHeader(ctx); setTrailer(ctx) }, false, nil, true, true},
	} {
		handle := func(_ *message, s *stream) error {
			row.do(s.Context())
			if row.message {
				_ = s.Send(&message{Value: []byte("hi")})
			}
			return row.err
		}
		for _, way := range ways {
			for _, version := range []version{http1, http2} {
				for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text"} {
					t.Run(strings.Join([]string{row.name, way.name, version.name, contentType}, "/"), func(t *testing.T) {
						t.Parallel()
						front := version.serve(t, way.wrap(t, service{serverStream: handle}.server(t), grpcweb.Config{}))
						body := frame(t, "")
						if strings.HasSuffix(contentType, "text") {
							body = text(body)
						}
						got := front.do(t, call{procedure: serverStream, contentType: contentType, body: strings.NewReader(body)})
						want := map[string]string{"grpc-status": "0", "x-trailer": inTrailer["x-trailer"], "x-data-bin": inTrailer["x-data-bin"]}
						if row.err != nil {
							want["grpc-status"], want["grpc-message"] = "5", encoded
						}
						assert.Equal(t, want, got.status)
						assert.Equal(t, row.inFrame, got.inFrame)
						assert.Equal(t, row.message, len(got.messages) == 1)
						if row.inHeader {
							assert.Equal(t, []string{"1", "2"}, got.header["X-Header"])
						} else {
							assert.NotContains(t, got.header, "X-Header")
						}
						assert.Equal(t, contentType, got.header.Get("Content-Type"))
						if row.inFrame {
							assert.NotContains(t, got.header, "Grpc-Status")
						} else {
							assert.Equal(t, "0", got.header.Get("Content-Length"))
						}
					})
				}
			}
		}
	}
}

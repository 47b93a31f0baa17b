package corsgrpc_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
)

// What the interceptors add to a call, without a network: the handler sets a
// header and a trailer.
func BenchmarkCall(b *testing.B) {
	policy := newPolicy(b, corsrpc.Config{})
	header, trailer := metadata.Pairs("x-request-id", "1"), metadata.Pairs("x-cost", "1")
	handle := func(ctx context.Context) error {
		if err := grpc.SetHeader(ctx, header); err != nil {
			return err
		}
		return grpc.SetTrailer(ctx, trailer)
	}
	unaryHandler := func(ctx context.Context, _ any) (any, error) { return nil, handle(ctx) }
	streamHandler := func(_ any, stream grpc.ServerStream) error { return handle(stream.Context()) }

	sent := []string{
		":authority", "api.example.com", "content-type", "application/grpc", "user-agent", "grpc-go/1.85.0",
		"grpc-accept-encoding", "gzip", "authorization", "Bearer ada", "x-tenant-id", "acme",
	}
	for _, call := range []struct {
		name string
		md   metadata.MD
	}{
		{"server", metadata.Pairs(sent...)},
		{"page", metadata.Pairs(append(sent, "origin", app, "sec-fetch-site", "cross-site")...)},
	} {
		ctx := grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(b.Context(), call.md), sink{})
		b.Run("unary/"+call.name+"/none", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = unaryHandler(ctx, nil)
			}
		})
		b.Run("unary/"+call.name+"/interceptor", func(b *testing.B) {
			interceptor, info := corsgrpc.UnaryServerInterceptor(policy), &grpc.UnaryServerInfo{FullMethod: unary.procedure}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := interceptor(ctx, nil, info, unaryHandler); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("stream/"+call.name+"/none", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = streamHandler(nil, sinkStream{ctx: ctx})
			}
		})
		b.Run("stream/"+call.name+"/interceptor", func(b *testing.B) {
			interceptor, info := corsgrpc.StreamServerInterceptor(policy), &grpc.StreamServerInfo{FullMethod: serverStream.procedure}
			b.ReportAllocs()
			for b.Loop() {
				if err := interceptor(nil, sinkStream{ctx: ctx}, info, streamHandler); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sink takes metadata and forgets it.
type sink struct{}

func (sink) Method() string               { return "" }
func (sink) SetHeader(metadata.MD) error  { return nil }
func (sink) SendHeader(metadata.MD) error { return nil }
func (sink) SetTrailer(metadata.MD) error { return nil }

type sinkStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s sinkStream) Context() context.Context { return s.ctx }

package corsgrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/corsrpc/corsrpc-go/internal/expose"
)

// stripping returns a context through which no access-control-* metadata gets
// to the call's stream.
func stripping(ctx context.Context) context.Context {
	stream := grpc.ServerTransportStreamFromContext(ctx)
	if stream == nil { // no call of grpc-go's own: nothing can be set on it
		return ctx
	}
	return grpc.NewContextWithServerTransportStream(ctx, transportStream{stream})
}

// A transportStream is what grpc.SetHeader and its siblings write to.
type transportStream struct{ grpc.ServerTransportStream }

func (s transportStream) SetHeader(md metadata.MD) error {
	return s.ServerTransportStream.SetHeader(expose.Without(md))
}

func (s transportStream) SendHeader(md metadata.MD) error {
	return s.ServerTransportStream.SendHeader(expose.Without(md))
}

func (s transportStream) SetTrailer(md metadata.MD) error {
	return s.ServerTransportStream.SetTrailer(expose.Without(md))
}

// A serverStream is what the handlers of streams get. Its methods write past
// its context's transport stream.
type serverStream struct {
	grpc.ServerStream

	ctx context.Context
}

func (s *serverStream) Context() context.Context { return s.ctx }

func (s *serverStream) SetHeader(md metadata.MD) error {
	return s.ServerStream.SetHeader(expose.Without(md))
}

func (s *serverStream) SendHeader(md metadata.MD) error {
	return s.ServerStream.SendHeader(expose.Without(md))
}

func (s *serverStream) SetTrailer(md metadata.MD) {
	s.ServerStream.SetTrailer(expose.Without(md))
}

package browsertest

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	connectv1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// slowShopV2 is [slowShop] as Connect v2 serves it.
func slowShopV2() http.Handler {
	server := connect.NewServer(func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			return next(ctx, spec, slowStream{stream, ctx})
		}
	})
	shop.RegisterV2(server)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	return mux
}

// A slowStream takes its time to receive a request for slowProduct.
type slowStream struct {
	connect.ServerStream

	ctx context.Context
}

func (s slowStream) Receive(message any) error {
	if err := s.ServerStream.Receive(message); err != nil {
		return err
	}
	if wanted, ok := message.(*shopv1.GetProductRequest); !ok || wanted.GetProductId() != slowProduct {
		return nil
	}
	wait := s.ctx
	if cell, _ := wait.Value(requestContextKey{}).(requestContext); cell.clientKeepsTime {
		wait = cell.Context
	}
	<-wait.Done()
	return s.ctx.Err()
}

// connectV2Call returns the call with what Connect v2 sends: see
// docs/connect-v2.md.
func connectV2Call(s *setting, c *client, k *call) *call {
	own := *k
	switch {
	case k.deadline == missedDeadline:
		own.message = "" // it is the context's error, not Connect's
	case k.unary() && len(k.meta) > 0:
		// Errors have no metadata: unary methods of the shop send it as headers.
		own.header, own.meta = maps.Clone(k.meta), nil
		maps.Copy(own.header, k.header)
	case k.like == "":
	case c.unsupported:
		own.plain = nil // the content type comes first
	case c.get && k.viaGet():
	case s.tls || c.protocol == connectProtocol && k.unary():
		own.plain = nil
		own.code = connectv1.CodeUnimplemented
		own.message = fmt.Sprintf("procedure %q not registered", "/"+k.fullName(k.procedure))
	default:
		// It could be a stream in both directions, which HTTP/1.1 does not have.
		own.plain = &plainAnswer{status: http.StatusHTTPVersionNotSupported}
	}
	return &own
}

// connectV2Answer is [connectGoAnswer] for v2.
func connectV2Answer(c *client, k *call) answer {
	if k.plain != nil && k.plain.status == http.StatusHTTPVersionNotSupported {
		return answer{status: k.plain.status, header: fields("content-length", aLength)}
	}
	return connectGoAnswer(c, k)
}

package browsertest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// grpcGoShop is slowShop with grpc-go, behind corsrpc/grpcweb.
func grpcGoShop() http.Handler {
	slow := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		wanted, ok := req.(*shopv1.GetProductRequest)
		if !ok || wanted.GetProductId() != slowProduct {
			return handler(ctx, req)
		}
		return nil, status.FromContextError(waitFor(ctx)).Err()
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(slow))
	shop.RegisterGRPC(server)
	return grpcweb.NewHandler(server, grpcweb.Config{})
}

// grpcWebClients are those of gRPC-Web, which is what grpc-go serves. The text
// format is among it.
func grpcWebClients() []*client {
	return slices.DeleteFunc(slices.Clone(clients), func(c *client) bool { return c.protocol != grpcWeb })
}

// grpcGoAnswer returns the answer to a call that this client makes.
func grpcGoAnswer(c *client, k *call) answer {
	if k.errorWriter || k.plain != nil && k.plain.status != http.StatusNotFound {
		return connectGoAnswer(c, k) // of authentication, in front of the server
	}
	if k.deadline == missedDeadline && c.keepsTime {
		return answer{never: true}
	}
	if k.plain != nil { // grpc-go knows its services, and has no 404
		_, method, _ := strings.Cut(k.procedure, "/")
		unknown := *k
		unknown.plain, unknown.code = nil, connect.CodeUnimplemented
		unknown.message = "unknown method " + method + " for service acme.shop.v1.CatalogService"
		k = &unknown
	}
	a := grpcWebAnswer(c, k)
	delete(a.header, "grpc-accept-encoding")
	if c.unsupported { // by connect-go: these are the clients of the text format
		a.header["content-type"] = "application/grpc-web-text"
	}
	if k.unary() || a.trailer == nil {
		a.header["content-length"] = aLength // sent in one piece
	}
	return a
}

// A jsonCodec is what a grpc-go server registers whose pages send JSON.
type jsonCodec struct{}

func init() { encoding.RegisterCodec(jsonCodec{}) }

func (jsonCodec) Name() string                    { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)   { return protojson.Marshal(v.(proto.Message)) }
func (jsonCodec) Unmarshal(b []byte, v any) error { return protojson.Unmarshal(b, v.(proto.Message)) }

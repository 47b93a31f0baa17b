package corsconnect_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// What gate and interceptor add to a call, without a network.
func BenchmarkCall(b *testing.B) {
	policy := newPolicy(b, corsrpc.Config{ResponseHeaders: []string{"X-Declared"}, ResponseTrailers: []string{"X-Cost"}})
	page := http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}}
	declared := behaviour{Header: declared, Trailer: cost, Messages: 1}
	undeclared := behaviour{Header: extra, Trailer: sum, Messages: 1}
	for _, call := range []struct {
		name        string
		contentType string
		stream      bool
		send        http.Header
		behaviour   behaviour
	}{
		{"unary/server", "application/proto", false, nil, declared},
		{"unary/page/declared", "application/proto", false, page, declared},
		{"unary/page/undeclared", "application/proto", false, page, undeclared},
		{"unary/page/error", "application/proto", false, page, behaviour{Trailer: cost, V1: errHint}},
		{"unary/page/forwarded", "application/proto", false, page, behaviour{V1: errForwarded}},
		{"stream/server", "application/connect+proto", true, nil, declared},
		{"stream/page/declared", "application/connect+proto", true, page, declared},
		{"stream/page/undeclared", "application/connect+proto", true, page, undeclared},
		{"grpcweb/page/empty", "application/grpc-web+proto", true, page, behaviour{Trailer: sum}},
	} {
		for _, with := range []struct {
			name    string
			options []connect.HandlerOption
		}{
			{"none", nil},
			{"gate", []connect.HandlerOption{corsconnect.WithGate(policy)}},
			{"interceptor", []connect.HandlerOption{connect.WithInterceptors(corsconnect.NewInterceptor(policy))}},
		} {
			b.Run(call.name+"/"+with.name, func(b *testing.B) {
				handler := newShop(func(http.Header) behaviour { return call.behaviour }, with.options...)
				procedure, message := unary.Procedure, proto.Message(&shopv1.GetProductRequest{ProductId: "mug"})
				if call.stream {
					procedure, message = serverStream.Procedure, &shopv1.SearchProductsRequest{Query: "mug"}
				}
				body, err := proto.Marshal(message)
				if err != nil {
					b.Fatal(err)
				}
				if call.stream {
					body = append([]byte{0, 0, 0, 0, byte(len(body))}, body...)
				}
				req := httptest.NewRequest(http.MethodPost, procedure, nil)
				req.Header.Set("Content-Type", call.contentType)
				addAll(req.Header, call.send)
				reader := bytes.NewReader(body)
				req.Body = io.NopCloser(reader)
				header := http.Header{}
				b.ReportAllocs()
				for b.Loop() {
					reader.Reset(body)
					clear(header)
					handler.ServeHTTP(discard{header}, req)
				}
			})
		}
	}
}

// discard is a ResponseWriter that keeps the header alone.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) Flush()                      {}

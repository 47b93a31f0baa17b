package exchange_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	connectv1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/exchange"
)

// What becomes of a request that no handler serves: the status and, over
// gRPC-Web, the code in the header; and whether interceptors ran.
type outcome struct {
	status      int
	grpc        string
	intercepted bool
}

// Requests that no handler serves end alike with v1 and v2, except that v2 runs
// interceptors before it decodes the message, and responds to unknown methods in
// the protocol of the call. docs/connect-v2.md is about these.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	const catalog, cart = "/acme.shop.v1.CatalogService/", "/acme.shop.v1.CartService/"
	same := func(o outcome) [2]outcome { return [2]outcome{o, o} }
	for _, row := range []struct {
		name, method, path, contentType string
		header                          http.Header
		body                            string
		v1                              [2]outcome // over HTTP/1.1 and over HTTP/2
		v2                              [2]outcome
	}{
		{"GET of a method with side effects", "GET", cart + "AddItem?connect=v1&encoding=json&message=%7B%7D", "", nil, "",
			same(outcome{405, "", false}), same(outcome{405, "", false})},
		{"GET without an encoding", "GET", catalog + "GetProduct?connect=v1&message=%7B%7D", "", nil, "",
			same(outcome{415, "", false}), same(outcome{415, "", false})},
		{"GET of a message that is none", "GET", catalog + "GetProduct?connect=v1&encoding=json&message=x", "", nil, "",
			same(outcome{400, "", false}), same(outcome{400, "", true})},
		{"OPTIONS", "OPTIONS", catalog + "GetProduct", "", nil, "",
			same(outcome{405, "", false}), same(outcome{405, "", false})},
		{"HEAD", "HEAD", catalog + "GetProduct?connect=v1&encoding=json&message=%7B%7D", "", nil, "",
			same(outcome{405, "", false}), same(outcome{405, "", false})},
		{"a form's content type", "POST", catalog + "GetProduct", "text/plain", nil, "x",
			same(outcome{415, "", false}), same(outcome{415, "", false})},
		{"no content type", "POST", catalog + "GetProduct", "", nil, "x",
			same(outcome{415, "", false}), same(outcome{415, "", false})},
		{"an unknown compression", "POST", catalog + "GetProduct", "application/json", http.Header{"Content-Encoding": {"zz"}}, "{}",
			same(outcome{501, "", false}), same(outcome{501, "", false})},
		{"a bad timeout", "POST", catalog + "GetProduct", "application/json", http.Header{"Connect-Timeout-Ms": {"x"}}, "{}",
			same(outcome{400, "", false}), same(outcome{400, "", false})},
		{"a bad timeout over gRPC-Web", "POST", catalog + "GetProduct", "application/grpc-web+proto", http.Header{"Grpc-Timeout": {"x"}}, "\x00\x00\x00\x00\x00",
			same(outcome{200, "3", false}), same(outcome{200, "3", false})},
		{"a message that is none", "POST", catalog + "GetProduct", "application/json", nil, "{",
			same(outcome{400, "", false}), same(outcome{400, "", true})},
		{"a stream in both directions", "POST", cart + "NegotiatePrice", "application/connect+json", nil, "",
			[2]outcome{{505, "", false}, {200, "", true}}, [2]outcome{{505, "", false}, {200, "", true}}},
		{"an unknown method", "POST", catalog + "Rate", "application/json", nil, "{}",
			same(outcome{404, "", false}), same(outcome{501, "", false})},
		{"an unknown stream", "POST", catalog + "Rate", "application/connect+json", nil, "",
			same(outcome{404, "", false}), [2]outcome{{505, "", false}, {200, "", false}}},
		{"an unknown method over gRPC-Web", "POST", catalog + "Rate", "application/grpc-web+proto", nil, "\x00\x00\x00\x00\x00",
			same(outcome{404, "", false}), [2]outcome{{505, "", false}, {200, "12", false}}},
		{"GET of an unknown method", "GET", catalog + "Rate?connect=v1&encoding=json&message=%7B%7D", "", nil, "",
			same(outcome{404, "", false}), same(outcome{404, "", false})},
		{"an unknown method without a protocol", "POST", catalog + "Rate", "text/plain", nil, "",
			same(outcome{404, "", false}), same(outcome{404, "", false})},
		{"an unknown service", "POST", "/acme.shop.v1.Reviews/Rate", "application/json", nil, "{}",
			same(outcome{404, "", false}), same(outcome{404, "", false})},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var intercepted bool
			behave := func(http.Header) exchange.Behaviour { return exchange.Behaviour{Messages: 1} }
			v1 := exchange.Serve(t, exchange.NewShop(behave, connectv1.WithInterceptors(observer{&intercepted})))
			mux := http.NewServeMux()
			connecthttp.Mount(mux, exchange.NewServerV2(behave, func(next connect.ServerFunc) connect.ServerFunc {
				return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
					intercepted = true
					return next(ctx, spec, stream)
				}
			}))
			send := func(url string, http2 bool) outcome {
				intercepted = false
				req, err := http.NewRequestWithContext(t.Context(), row.method, url+row.path, strings.NewReader(row.body))
				require.NoError(t, err)
				for name, lines := range row.header {
					req.Header[name] = lines
				}
				if row.contentType != "" {
					req.Header.Set("Content-Type", row.contentType)
				}
				w := exchange.NewWire(t, http2, nil)
				res, err := w.Client().Do(req)
				require.NoError(t, err)
				res.Body.Close()
				return outcome{res.StatusCode, res.Header.Get("Grpc-Status"), intercepted}
			}
			v2 := exchange.Serve(t, mux)
			assert.Equal(t, row.v1, [2]outcome{send(v1, false), send(v1, true)}, "v1")
			assert.Equal(t, row.v2, [2]outcome{send(v2, false), send(v2, true)}, "v2")
		})
	}
}

// An observer notes that it ran.
type observer struct{ ran *bool }

func (o observer) WrapUnary(next connectv1.UnaryFunc) connectv1.UnaryFunc {
	return func(ctx context.Context, req connectv1.AnyRequest) (connectv1.AnyResponse, error) {
		*o.ran = true
		return next(ctx, req)
	}
}

func (o observer) WrapStreamingHandler(next connectv1.StreamingHandlerFunc) connectv1.StreamingHandlerFunc {
	return func(ctx context.Context, conn connectv1.StreamingHandlerConn) error {
		*o.ran = true
		return next(ctx, conn)
	}
}

func (observer) WrapStreamingClient(next connectv1.StreamingClientFunc) connectv1.StreamingClientFunc {
	return next
}

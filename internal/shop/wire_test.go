package shop_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// Where metadata stands on the wire decides what a page can read, and which
// names a policy must expose. In particular an answer is trailers-only, with
// trailers and error metadata as plain response headers, only where nothing was
// sent and no response header set before the end.
func TestWire(t *testing.T) {
	t.Parallel()
	var (
		getTeapot  = call{shopv1connect.CatalogServiceGetProductProcedure, nil, &shopv1.GetProductRequest{ProductId: "teapot"}}
		findNone   = call{shopv1connect.CatalogServiceSearchProductsProcedure, nil, &shopv1.SearchProductsRequest{Query: "unicorn"}}
		addTeapot  = call{shopv1connect.CartServiceAddItemProcedure, adaAcme, &shopv1.AddItemRequest{Item: item("teapot", 1)}}
		addTooMany = call{shopv1connect.CartServiceAddItemProcedure, adaAcme, &shopv1.AddItemRequest{Item: item("teapot", 13)}}
		decline    = call{shopv1connect.CartServiceCheckoutProcedure, ada, &shopv1.CheckoutRequest{PaymentToken: "tok_expired"}}
		lose       = call{shopv1connect.CartServiceTrackOrderProcedure, ada, &shopv1.TrackOrderRequest{OrderId: "order-lost"}}
		trackNone  = call{shopv1connect.CartServiceTrackOrderProcedure, ada, &shopv1.TrackOrderRequest{OrderId: "order-bob"}}

		protocolConnect = []connect.ClientOption(nil)
		protocolGet     = []connect.ClientOption{connect.WithHTTPGet()}
		protocolGRPCWeb = []connect.ClientOption{connect.WithGRPCWeb()}
	)
	v1, v2 := serveConnect(t, shop.NewHandler()), serveConnect(t, newV2Handler())
	for _, row := range []struct {
		name     string
		protocol []connect.ClientOption
		call     call
		want     answer
		v2       *answer // if it is another one
	}{
		{"Connect GET", protocolGet, getTeapot, answer{"GET", 200, []string{"X-Catalog-Version"}, true}, nil},
		{"Connect unary", protocolConnect, addTeapot, answer{"POST", 200, []string{"Trailer-X-Cost", "X-Request-Id"}, true}, nil},
		{"Connect unary error after a header", protocolConnect, addTooMany, answer{"POST", 400, []string{"Trailer-X-Cost", "X-Request-Id"}, true}, nil},
		{"Connect unary error without a header", protocolConnect, decline, answer{"POST", 400, []string{"Trailer-X-Cost", "X-Retry-Hint"}, true}, nil},
		{"Connect empty stream", protocolConnect, findNone, answer{"POST", 200, nil, true}, nil},
		{"Connect stream that fails at once", protocolConnect, trackNone, answer{"POST", 200, nil, true}, nil},
		{"Connect stream that fails late", protocolConnect, lose, answer{"POST", 200, []string{"X-Request-Id"}, true}, nil},

		{"gRPC-Web unary without side effects", protocolGRPCWeb, getTeapot, answer{"POST", 200, []string{"X-Catalog-Version"}, true}, nil},
		{"gRPC-Web unary", protocolGRPCWeb, addTeapot, answer{"POST", 200, []string{"X-Request-Id"}, true}, nil},
		{"gRPC-Web unary error after a header", protocolGRPCWeb, addTooMany, answer{"POST", 200, []string{"X-Request-Id"}, true}, nil},
		{"gRPC-Web unary error without a header: trailers-only", protocolGRPCWeb, decline, answer{
			"POST", 200, []string{"Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin", "X-Cost", "X-Retry-Hint"}, false,
		}, &answer{"POST", 200, []string{"X-Retry-Hint"}, true}}, // error metadata is a header
		{"gRPC-Web empty stream: trailers-only", protocolGRPCWeb, findNone, answer{
			"POST", 200, []string{"Grpc-Status", "X-Hits"}, false,
		}, nil},
		{"gRPC-Web stream that fails at once: trailers-only", protocolGRPCWeb, trackNone, answer{
			"POST", 200, []string{"Grpc-Message", "Grpc-Status", "X-Retry-Hint", "X-Updates"}, false,
		}, nil},
		{"gRPC-Web stream that fails late", protocolGRPCWeb, lose, answer{"POST", 200, []string{"X-Request-Id"}, true}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			send := func(url string) answer {
				wire := &wire{RoundTripper: &http.Transport{}}
				t.Cleanup(wire.RoundTripper.(*http.Transport).CloseIdleConnections)
				callers := connectCallers(&http.Client{Transport: wire}, url, row.protocol...)
				callers[row.call.procedure](t.Context(), row.call.send, []proto.Message{row.call.request})
				require.Len(t, wire.answers, 1)
				return wire.answers[0]
			}
			assert.Equal(t, row.want, send(v1))
			if row.v2 != nil {
				row.want = *row.v2
			}
			assert.Equal(t, row.want, send(v2), "Connect v2")
		})
	}
}

type call struct {
	procedure string
	send      map[string]string
	request   proto.Message
}

// An answer is what a page can tell apart before it decodes a body.
type answer struct {
	method  string
	status  int
	names   []string // of header fields that carry metadata, sorted
	hasBody bool
}

// A wire keeps the answers that pass through it, one at a time.
type wire struct {
	http.RoundTripper
	answers []answer
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(res.Header)), func(name string) bool {
		switch name {
		case "Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Vary",
			"Connect-Accept-Encoding", "Connect-Content-Encoding", "Grpc-Accept-Encoding", "Grpc-Encoding":
			return true
		default:
			return false
		}
	})
	if len(names) == 0 {
		names = nil
	}
	w.answers = append(w.answers, answer{req.Method, res.StatusCode, names, len(body) > 0})
	return res, nil
}

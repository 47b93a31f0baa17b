package corsconnectv2_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// A cost is a call whose cost is measured, by the names that corsconnect's
// benchmark has.
type cost struct {
	name        string
	contentType string
	stream      bool
	send        http.Header
	behaviour   exchange.Behaviour
	// How many allocations the interceptor adds, alone and behind Wrap.
	judging, behindWrap float64
}

var (
	fromPage   = http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}}
	declared   = exchange.Behaviour{Header: exchange.Declared, Trailer: exchange.Cost, Messages: 1}
	undeclared = exchange.Behaviour{Header: exchange.Extra, Trailer: exchange.Sum, Messages: 1}
)

var costs = []cost{
	{"unary/server", "application/proto", false, nil, declared, 0, 0},
	{"unary/page/declared", "application/proto", false, fromPage, declared, 6, 4},
	{"unary/page/undeclared", "application/proto", false, fromPage, undeclared, 12, 10},
	{"unary/page/error", "application/proto", false, fromPage, exchange.Behaviour{Trailer: exchange.Cost, Error: exchange.Hinting}, 12, 10},
	{"unary/page/forwarded", "application/proto", false, fromPage, exchange.Behaviour{Error: exchange.Forwarding}, 10, 8},
	{"stream/server", "application/connect+proto", true, nil, declared, 0, 0},
	{"stream/page/declared", "application/connect+proto", true, fromPage, declared, 4, 2},
	{"stream/page/undeclared", "application/connect+proto", true, fromPage, undeclared, 7, 5},
	{"grpcweb/page/empty", "application/grpc-web+proto", true, fromPage, exchange.Behaviour{Trailer: exchange.Sum}, 7, 5},
}

// caller returns a function that makes the call, without a network.
func (c cost) caller(t testing.TB, interceptors ...connect.ServerInterceptor) func() {
	handler := mounted(exchange.NewServerV2(always(c.behaviour), interceptors...))
	kind, message := exchange.Unary, proto.Message(&shopv1.GetProductRequest{ProductId: "mug"})
	if c.stream {
		kind, message = exchange.ServerStream, &shopv1.SearchProductsRequest{Query: "mug"}
	}
	body, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if c.stream {
		body = append([]byte{0, 0, 0, 0, byte(len(body))}, body...)
	}
	req := httptest.NewRequest(http.MethodPost, kind.Procedure, nil)
	req.Header.Set("Content-Type", c.contentType)
	for name, lines := range c.send {
		req.Header[name] = lines
	}
	reader := bytes.NewReader(body)
	req.Body = io.NopCloser(reader)
	header := http.Header{}
	return func() {
		reader.Reset(body)
		clear(header)
		handler.ServeHTTP(discard{header}, req)
	}
}

// What the interceptor adds to a call.
func BenchmarkCall(b *testing.B) {
	policy := exchange.NewPolicy(b, corsrpc.Config{ResponseHeaders: []string{"X-Declared"}, ResponseTrailers: []string{"X-Cost"}})
	for _, call := range costs {
		for _, with := range []struct {
			name         string
			interceptors []connect.ServerInterceptor
		}{
			{"none", nil},
			{"interceptor", []connect.ServerInterceptor{corsconnectv2.NewServerInterceptor(policy)}},
			{"behindwrap", []connect.ServerInterceptor{corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap())}},
		} {
			b.Run(call.name+"/"+with.name, func(b *testing.B) {
				run := call.caller(b, with.interceptors...)
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
			})
		}
	}
}

// What the interceptor allocates, without a transport: connecthttp has pools.
func TestAllocations(t *testing.T) {
	policy := exchange.NewPolicy(t, corsrpc.Config{ResponseHeaders: []string{"X-Declared"}, ResponseTrailers: []string{"X-Cost"}})
	for _, call := range costs {
		none := testing.AllocsPerRun(100, call.dispatcher())
		judging := testing.AllocsPerRun(100, call.dispatcher(corsconnectv2.NewServerInterceptor(policy)))
		behindWrap := testing.AllocsPerRun(100, call.dispatcher(corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap())))
		assert.LessOrEqual(t, judging-none, call.judging, call.name)
		assert.LessOrEqual(t, behindWrap-none, call.behindWrap, "%s, behind Wrap", call.name)
	}
}

// dispatcher returns a function that makes the call as a transport does.
func (c cost) dispatcher(interceptors ...connect.ServerInterceptor) func() {
	server := exchange.NewServerV2(always(c.behaviour), interceptors...)
	spec := connect.Spec{Procedure: exchange.Unary.Procedure}
	if c.stream {
		spec = connect.Spec{Procedure: exchange.ServerStream.Procedure, StreamType: connect.StreamTypeServer}
	}
	protocol := connect.ProtocolNameConnect
	if c.contentType == "application/grpc-web+proto" {
		protocol = connect.ProtocolNameGRPCWeb
	}
	return func() {
		info := &connect.CallInfo{Spec: spec, Protocol: protocol, TransportInfo: &connecthttp.ServerInfo{}}
		info.RequestHeader().SetValues("Content-Type", nil)
		for name, lines := range c.send {
			info.RequestHeader().SetValues(name, lines)
		}
		_ = server.Call(context.Background(), spec.Procedure, info, sink{})
	}
}

// sink takes messages and forgets them.
type sink struct{}

func (sink) Receive(any) error  { return nil }
func (sink) SendHeaders() error { return nil }
func (sink) Send(any) error     { return nil }

// discard is a ResponseWriter that keeps the header alone.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) Flush()                      {}

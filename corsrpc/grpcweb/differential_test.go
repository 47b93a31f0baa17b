package grpcweb_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/grpcweb"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// The two ways to a server, in process and over HTTP/2, give the same responses:
// for the shop, with every outcome that it has.
func TestWaysAgreeOnTheShop(t *testing.T) {
	t.Parallel()
	ada := map[string]string{"Authorization": "Bearer ada"}
	adaAcme := map[string]string{"Authorization": "Bearer ada", "X-Tenant-Id": "acme"}
	bob := map[string]string{"Authorization": "Bearer bob", "X-Change-Reason": "sale"}
	item := func(id string, n int32) *shopv1.CartItem { return &shopv1.CartItem{ProductId: id, Quantity: n} }
	euros := func(cents int32) *shopv1.Money { return &shopv1.Money{CurrencyCode: "EUR", MinorUnits: cents} }
	fronts := shopFronts(t)
	var outcomes []string
	for _, row := range []struct {
		procedure string
		send      map[string]string
		requests  []proto.Message
	}{
		{shopv1.CatalogService_GetProduct_FullMethodName, nil, []proto.Message{&shopv1.GetProductRequest{ProductId: "teapot"}}},
		{shopv1.CatalogService_GetProduct_FullMethodName, nil, []proto.Message{&shopv1.GetProductRequest{ProductId: "\r\ngrpc-status: 0 größe %"}}},
		{shopv1.CatalogService_SearchProducts_FullMethodName, nil, []proto.Message{&shopv1.SearchProductsRequest{Query: "stone"}}},
		{shopv1.CatalogService_SearchProducts_FullMethodName, nil, []proto.Message{&shopv1.SearchProductsRequest{Query: "unicorn"}}},
		{shopv1.CatalogService_SearchProducts_FullMethodName, nil, []proto.Message{&shopv1.SearchProductsRequest{}}},
		{shopv1.CatalogService_WatchPrices_FullMethodName, nil, []proto.Message{&shopv1.WatchPricesRequest{ProductIds: []string{"teapot"}}}},
		{shopv1.CatalogService_WatchPrices_FullMethodName, nil, []proto.Message{&shopv1.WatchPricesRequest{ProductIds: []string{"unicorn"}}}},
		{shopv1.CartService_AddItem_FullMethodName, adaAcme, []proto.Message{&shopv1.AddItemRequest{Item: item("teapot", 1)}}},
		{shopv1.CartService_AddItem_FullMethodName, adaAcme, []proto.Message{&shopv1.AddItemRequest{Item: item("teapot", 13)}}},
		{shopv1.CartService_AddItem_FullMethodName, adaAcme, []proto.Message{&shopv1.AddItemRequest{Item: item("unicorn", 1)}}},
		{shopv1.CartService_AddItem_FullMethodName, ada, []proto.Message{&shopv1.AddItemRequest{Item: item("teapot", 1)}}},
		{shopv1.CartService_AddItem_FullMethodName, nil, []proto.Message{&shopv1.AddItemRequest{Item: item("teapot", 1)}}},
		{shopv1.CartService_Checkout_FullMethodName, ada, []proto.Message{&shopv1.CheckoutRequest{PaymentToken: "tok_visa"}}},
		{shopv1.CartService_Checkout_FullMethodName, ada, []proto.Message{&shopv1.CheckoutRequest{PaymentToken: "tok_expired"}}},
		{shopv1.CartService_TrackOrder_FullMethodName, ada, []proto.Message{&shopv1.TrackOrderRequest{OrderId: "order-ada"}}},
		{shopv1.CartService_TrackOrder_FullMethodName, ada, []proto.Message{&shopv1.TrackOrderRequest{OrderId: "order-lost"}}},
		{shopv1.CartService_TrackOrder_FullMethodName, ada, []proto.Message{&shopv1.TrackOrderRequest{OrderId: "order-bob"}}},
		{shopv1.CartService_ImportItems_FullMethodName, ada, []proto.Message{
			&shopv1.ImportItemsRequest{Item: item("teapot", 1)}, &shopv1.ImportItemsRequest{Item: item("mug", 2)},
		}},
		{shopv1.CartService_ImportItems_FullMethodName, ada, nil},
		{shopv1.CartService_ImportItems_FullMethodName, ada, []proto.Message{&shopv1.ImportItemsRequest{Item: item("unicorn", 1)}}},
		{shopv1.CartService_NegotiatePrice_FullMethodName, ada, []proto.Message{
			&shopv1.NegotiatePriceRequest{ProductId: "teapot", Offer: euros(1)}, &shopv1.NegotiatePriceRequest{ProductId: "teapot", Offer: euros(3000)},
		}},
		{shopv1.CartService_NegotiatePrice_FullMethodName, ada, []proto.Message{&shopv1.NegotiatePriceRequest{ProductId: "unicorn", Offer: euros(1)}}},
		{shopv1.CartService_PurgeCarts_FullMethodName, ada, []proto.Message{&shopv1.PurgeCartsRequest{}}},
		{shopv1.AdminService_SetPrice_FullMethodName, bob, []proto.Message{&shopv1.SetPriceRequest{ProductId: "mug", Price: euros(5)}}},
		{shopv1.AdminService_ReportProduct_FullMethodName, bob, []proto.Message{&shopv1.ReportProductRequest{ProductId: "mug"}}},
		{shopv1.WarehouseService_ReserveStock_FullMethodName, ada, []proto.Message{&shopv1.ReserveStockRequest{}}},
		{"/acme.shop.v1.CartService/Unknown", ada, []proto.Message{&shopv1.PurgeCartsRequest{}}},
		{"/unknown.Service/Method", ada, []proto.Message{&shopv1.PurgeCartsRequest{}}},
		{"/malformed", ada, []proto.Message{&shopv1.PurgeCartsRequest{}}},
	} {
		body := ""
		for _, request := range row.requests {
			body += rawFrame(t, request)
		}
		for _, contentType := range []string{"application/grpc-web", "application/grpc-web-text+proto"} {
			var answers []observation
			for _, front := range fronts {
				call := call{procedure: row.procedure, contentType: contentType, header: row.send, body: strings.NewReader(body)}
				if strings.Contains(contentType, "text") {
					call.body = strings.NewReader(text(body))
				}
				answers = append(answers, observe(front.do(t, call)))
			}
			for i, answer := range answers {
				assert.Equal(t, answers[0], answer, "%s %s %v", row.procedure, fronts[i].name, row.requests)
			}
			outcomes = append(outcomes, fmt.Sprintf("%s inFrame=%t messages=%t", answers[0].status["grpc-status"], answers[0].inFrame, answers[0].body != ""))
		}
	}
	slices.Sort(outcomes)
	outcomes = slices.Compact(outcomes)
	assert.Greater(t, len(outcomes), 8, "the calls differ: %v", outcomes)
}

type namedFront struct {
	front
	name string
}

// shopFronts serve the shop over both versions of HTTP, in both ways.
func shopFronts(t *testing.T) []namedFront {
	methods := shopMethods()
	var fronts []namedFront
	for _, way := range ways {
		for _, version := range []version{http1, http2} {
			server := grpc.NewServer()
			t.Cleanup(server.Stop)
			shop.RegisterGRPC(server)
			fronts = append(fronts, namedFront{version.serve(t, way.wrap(t, server, grpcweb.Config{Methods: methods})), way.name + " " + version.name})
		}
	}
	return fronts
}

// shopMethods knows the shop's methods, for a handler that cannot ask.
func shopMethods() func(string) (bool, bool, bool) {
	server := grpc.NewServer()
	shop.RegisterGRPC(server)
	infos := server.GetServiceInfo()
	return func(procedure string) (clientStreams, serverStreams, known bool) {
		service, name, _ := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
		for _, method := range infos[service].Methods {
			if method.Name == name {
				return method.IsClientStream, method.IsServerStream, true
			}
		}
		return false, false, false
	}
}

func rawFrame(t testing.TB, m proto.Message) string {
	t.Helper()
	payload, err := proto.Marshal(m)
	require.NoError(t, err)
	return string([]byte{0, byte(len(payload) >> 24), byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload))}) + string(payload)
}

// observation is what a page can tell of a response.
type observation struct {
	code    int
	header  map[string]string
	body    string // decoded, without the trailer frame
	inFrame bool
	status  map[string]string
}

func observe(r response) observation {
	header := r.headers()
	// Whether a stream was sent at once is a matter of time.
	delete(header, "Content-Length")
	return observation{r.code, header, strings.Join(r.messages, "\x00"), r.inFrame, r.status}
}

// A script is what a handler does, drawn at random. It travels in the request.
type script struct {
	Steps []step
}

type step struct {
	Do    string // header, send, trailer, message, error
	Name  string
	Value string // hexadecimal
	Code  uint32
}

func randomScript(r *rand.Rand) script {
	names := []string{"x-a", "x-b", "X-Mixed", "x-data-bin"}
	value := func() string {
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return hex.EncodeToString(b)
	}
	printable := func() string {
		b := make([]byte, 1+r.IntN(20))
		for i := range b {
			b[i] = byte('!' + r.IntN('~'-'!'))
		}
		return hex.EncodeToString(b)
	}
	var s script
	for range r.IntN(8) {
		switch r.IntN(6) {
		case 0, 1, 2:
			do := []string{"header", "send", "trailer", "trailer"}[r.IntN(4)]
			s.Steps = append(s.Steps, step{Do: do, Name: names[r.IntN(len(names))], Value: printable()})
		case 3, 4:
			s.Steps = append(s.Steps, step{Do: "message", Value: value()})
		case 5:
			s.Steps = append(s.Steps, step{Do: "error", Code: r.Uint32N(17), Value: value()})
		}
	}
	return s
}

// run does what the script says.
func (s script) run(stream grpc.ServerStream) error {
	for _, step := range s.Steps {
		value, err := hex.DecodeString(step.Value)
		if err != nil {
			return err
		}
		md := metadata.Pairs(step.Name, string(value))
		switch step.Do {
		case "header":
			_ = stream.SetHeader(md)
		case "send":
			_ = stream.SendHeader(md)
		case "trailer":
			stream.SetTrailer(md)
		case "message":
			if err := stream.SendMsg(&message{Value: value}); err != nil {
				return err
			}
		case "error":
			st, err := status.New(codes.Code(step.Code), strings.ToValidUTF8(string(value), "?")).WithDetails(durationpb.New(1))
			if err != nil {
				return status.Error(codes.Code(step.Code), "")
			}
			return st.Err()
		}
	}
	return nil
}

// The ways agree on handlers drawn at random, and both with grpc-go's own client
// as to status, metadata and messages.
func TestWaysAgreeOnRandomHandlers(t *testing.T) {
	t.Parallel()
	const rounds = 100
	run := func(stream grpc.ServerStream) error {
		in := new(message)
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		var s script
		if err := json.Unmarshal(in.Value, &s); err != nil {
			return err
		}
		return s.run(stream)
	}
	service := service{
		bidi: func(s *stream) error { return run(s.ServerStream) },
		serverStream: func(in *message, s *stream) error {
			var script script
			if err := json.Unmarshal(in.Value, &script); err != nil {
				return err
			}
			return script.run(s.ServerStream)
		},
	}
	var fronts []front
	for _, way := range ways {
		fronts = append(fronts, http1.serve(t, way.wrap(t, service.server(t), grpcweb.Config{Methods: shapes})))
	}
	conn, err := grpc.NewClient("passthrough:///"+serve(t, service.server(t)), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	r, framed := rand.New(rand.NewPCG(1, 2)), 0
	for range rounds {
		script := randomScript(r)
		encoded, err := json.Marshal(script)
		require.NoError(t, err)
		for _, procedure := range []string{serverStream, bidi} {
			var answers []observation
			for _, front := range fronts {
				answers = append(answers, observe(front.do(t, call{procedure: procedure, body: strings.NewReader(frame(t, string(encoded)))})))
			}
			require.Equal(t, answers[0], answers[1], "%s %s", procedure, encoded)
			if answers[0].inFrame {
				framed++
			}
			require.Equal(t, nativeView(t, conn, procedure, encoded), viewOf(answers[0]), "%s %s", procedure, encoded)
		}
	}
	assert.Greater(t, framed, rounds/4, "responses with a trailer frame")
	assert.Greater(t, 2*rounds-framed, rounds/4, "trailers-only responses")
}

// A view is what grpc-go's client and a gRPC-Web client both see.
type view struct {
	status   string
	messages string
	values   map[string]string // metadata, wherever it is
}

func viewOf(c observation) view {
	v := view{status: c.status["grpc-status"], messages: c.body, values: map[string]string{}}
	for name, value := range c.status {
		v.values[name] = value
	}
	if c.inFrame {
		for name, value := range c.header {
			name = strings.ToLower(name)
			if before, both := v.values[name]; both {
				value += ", " + before
			}
			v.values[name] = value
		}
	}
	for name := range v.values {
		if !strings.HasPrefix(name, "x-") {
			delete(v.values, name)
		}
	}
	return v
}

func nativeView(t *testing.T, conn *grpc.ClientConn, procedure string, request []byte) view {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, procedure)
	require.NoError(t, err)
	require.NoError(t, stream.SendMsg(&message{Value: request}))
	require.NoError(t, stream.CloseSend())
	var messages []string
	for err == nil {
		m := new(message)
		if err = stream.RecvMsg(m); err == nil {
			messages = append(messages, string(m.Value))
		}
	}
	v := view{messages: strings.Join(messages, "\x00"), values: map[string]string{}, status: "0"}
	if err.Error() != "EOF" {
		v.status = itoa(int(status.Code(err)))
	}
	header, _ := stream.Header()
	for name, values := range metadata.Join(header, stream.Trailer()) {
		if strings.HasPrefix(name, "x-") {
			encoded := make([]string, len(values))
			for i, value := range values {
				if encoded[i] = value; strings.HasSuffix(name, "-bin") {
					encoded[i] = strings.TrimRight(text(value), "=")
				}
			}
			v.values[name] = strings.Join(encoded, ", ")
		}
	}
	return v
}

package corsconnect_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// Who may call is the same for every protocol and kind; a refused call is told
// so in its own protocol, and nothing of it is decoded.
func TestGate(t *testing.T) {
	t.Parallel()
	for _, s := range exchange.Sites {
		for _, p := range protocols {
			for _, k := range kinds {
				if !p.Speaks(k) {
					continue
				}
				t.Run(strings.Join([]string{s.Name, p.Name, k.Name}, "/"), func(t *testing.T) {
					t.Parallel()
					var decisions []corsrpc.Decision
					policy := newPolicy(t, corsrpc.Config{
						OnDecision: func(_ context.Context, d corsrpc.Decision) { decisions = append(decisions, d) },
					})
					var spy spy
					url := serve(t, newShop(spy.behave, spy.options(corsconnect.WithGate(policy))...))

					w := newWire(t, p.HTTP2, s.Send)
					err := k.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...)

					if s.Reason == corsrpc.ReasonOK {
						require.NoError(t, err)
						assert.EqualValues(t, 1, spy.handled.Load())
						assert.NotZero(t, spy.intercepted.Load())
						assert.NotZero(t, spy.decoded.Load())
						if s.Send == nil {
							assert.Empty(t, decisions, "nobody marked the call")
						} else if assert.Len(t, decisions, 1) {
							assert.Equal(t, corsrpc.OutcomeAllowed, decisions[0].Outcome)
						}
						return
					}
					assert.Equal(t, failure{Code: connect.CodePermissionDenied, Message: "corsrpc: " + s.Reason.String()}, failureOf(t, err))
					assert.Zero(t, spy.handled.Load(), "handler")
					assert.Zero(t, spy.intercepted.Load(), "interceptor")
					assert.Zero(t, spy.decoded.Load(), "message decoder")
					if assert.Len(t, decisions, 1) {
						assert.Equal(t, corsrpc.OutcomeRefused, decisions[0].Outcome)
						assert.Equal(t, s.Reason, decisions[0].Reason)
						assert.Equal(t, k.Procedure, decisions[0].Procedure)
						assert.Equal(t, http.StatusForbidden, decisions[0].Status)
					}

					assert.Empty(t, accessControl(w.Response.Header))
					wantStatus := http.StatusOK
					if !p.Web && !p.GRPC && k.Unary {
						wantStatus = http.StatusForbidden
					}
					assert.Equal(t, wantStatus, w.Response.Status)
				})
			}
		}
	}
}

// spy counts what a server does with calls.
type spy struct{ handled, intercepted, decoded atomic.Int32 }

func (s *spy) behave(http.Header) behaviour {
	s.handled.Add(1)
	return behaviour{Messages: 1}
}

func (s *spy) options(more ...connect.HandlerOption) []connect.HandlerOption {
	return append([]connect.HandlerOption{
		connect.WithCodec(spyCodec{"proto", s, proto.Marshal, proto.Unmarshal}),
		connect.WithCodec(spyCodec{"json", s, protojson.Marshal, protojson.Unmarshal}),
		connect.WithInterceptors(spyInterceptor{s}),
	}, more...)
}

// A spyCodec decodes as connect-go's own do.
type spyCodec struct {
	name      string
	spy       *spy
	marshal   func(proto.Message) ([]byte, error)
	unmarshal func([]byte, proto.Message) error
}

func (c spyCodec) Name() string                        { return c.name }
func (c spyCodec) Marshal(message any) ([]byte, error) { return c.marshal(message.(proto.Message)) }

func (c spyCodec) Unmarshal(data []byte, message any) error {
	c.spy.decoded.Add(1)
	return c.unmarshal(data, message.(proto.Message))
}

type spyInterceptor struct{ spy *spy }

func (i spyInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		i.spy.intercepted.Add(1)
		return next(ctx, req)
	}
}

func (i spyInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		i.spy.intercepted.Add(1)
		return next(ctx, conn)
	}
}

func (i spyInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// The body of a refused call is not read, not even to count its bytes.
func TestGateDoesNotReadBodies(t *testing.T) {
	t.Parallel()
	handler := newShop(func(http.Header) behaviour { panic("handler ran") }, corsconnect.WithGate(newPolicy(t, corsrpc.Config{})))
	for _, row := range []struct{ contentType, procedure string }{
		{"application/json", unary.Procedure},
		{"application/proto", unary.Procedure},
		{"application/connect+proto", serverStream.Procedure},
		{"application/connect+proto", clientStream.Procedure},
		{"application/connect+proto", bidi.Procedure},
		{"application/grpc-web+proto", unary.Procedure},
		{"application/grpc-web+proto", serverStream.Procedure},
		{"application/grpc+proto", unary.Procedure},
		{"application/grpc+proto", bidi.Procedure},
	} {
		body := &countingBody{}
		req := httptest.NewRequest(http.MethodPost, row.procedure, body)
		req.ProtoMajor = 2
		req.Header.Set("Content-Type", row.contentType)
		req.Header.Set("Origin", evil)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, req)
		assert.Zero(t, body.reads, "%s to %s", row.contentType, row.procedure)
		answer := recorder.Body.String() + recorder.Header().Get("Grpc-Message") + recorder.Header().Get("Trailer:Grpc-Message")
		assert.Contains(t, answer, "corsrpc: origin not allowed", "%s to %s", row.contentType, row.procedure)
	}
}

type countingBody struct {
	bytes.Reader
	reads int
}

func (b *countingBody) Read(p []byte) (int, error) {
	b.reads++
	return 0, io.EOF
}

// Caches keep the answer to no refused GET, which has the URL of good ones.
func TestGateAndCaches(t *testing.T) {
	t.Parallel()
	sideEffects := kind{
		Name: "unary with side effects", Procedure: shopv1connect.CartServiceAddItemProcedure, Unary: true,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			_, err := shopv1connect.NewCartServiceClient(client, url, options...).AddItem(ctx, connect.NewRequest(&shopv1.AddItemRequest{}))
			return err
		},
	}
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{Messages: 1} },
		corsconnect.WithGate(newPolicy(t, corsrpc.Config{})),
	))
	for _, row := range []struct {
		kind     kind
		protocol protocol
		send     http.Header
		want     []string
	}{
		{get, protocols[0], http.Header{"Origin": {evil}}, []string{"no-store"}},
		{get, protocols[1], http.Header{"Sec-Fetch-Site": {"cross-site"}}, []string{"no-store"}},
		{get, protocols[0], http.Header{"Origin": {app}}, nil},
		{unary, protocols[0], http.Header{"Origin": {evil}}, []string{"no-store"}}, // it might have been a GET
		{sideEffects, protocols[0], http.Header{"Origin": {evil}}, nil},
		{clientStream, protocols[0], http.Header{"Origin": {evil}}, nil},
		{unary, protocols[3], http.Header{"Origin": {evil}}, nil},
	} {
		w := newWire(t, row.protocol.HTTP2, row.send)
		_ = row.kind.Call(t.Context(), &http.Client{Transport: w}, url, row.protocol.Options...)
		assert.Equal(t, row.want, w.Response.Header["Cache-Control"], "%s, %s, %v", row.protocol.Name, row.kind.Name, row.send)
	}
}

// Without Sec-Fetch-Site, the server's own host decides.
func TestGateComparesHosts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, origin string
		hosts        []string
		want         connect.Code
	}{
		{"the request's own host", "http://%s", nil, 0},
		{"another host", "http://example.com", nil, connect.CodePermissionDenied},
		{"a public host behind a proxy", "http://shop.example.com", []string{"shop.example.com"}, 0},
		{"the proxy's own name for the server is not public", "http://%s", []string{"shop.example.com"}, connect.CodePermissionDenied},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			policy := newPolicy(t, corsrpc.Config{Hosts: row.hosts})
			url := serve(t, newShop(func(http.Header) behaviour { return behaviour{Messages: 1} }, corsconnect.WithGate(policy)))
			origin := strings.Replace(row.origin, "%s", strings.TrimPrefix(url, "http://"), 1)
			for _, p := range protocols {
				w := newWire(t, p.HTTP2, http.Header{"Origin": {origin}})
				err := unary.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...)
				assert.Equal(t, row.want, failureOf(t, err).Code, p.Name)
			}
		})
	}
}

// Which procedures are judged, and how, is the policy's affair.
func TestGateAsksThePolicy(t *testing.T) {
	t.Parallel()
	internal := kind{
		Name: "internal", Procedure: shopv1connect.CartServicePurgeCartsProcedure, Unary: true,
		Call: func(ctx context.Context, client *http.Client, url string, options ...connect.ClientOption) error {
			_, err := shopv1connect.NewCartServiceClient(client, url, options...).
				PurgeCarts(ctx, connect.NewRequest(&shopv1.PurgeCartsRequest{}))
			return err
		},
	}
	var zero corsrpc.Policy
	for _, row := range []struct {
		name   string
		policy *corsrpc.Policy
		prefix string
		kind   kind
		send   http.Header
		want   failure
	}{
		{"a service that another policy owns", newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}}), "", unary,
			http.Header{"Origin": {evil}}, failure{}},
		{"an internal method, by a permitted page", newPolicy(t, corsrpc.Config{}), "", internal,
			http.Header{"Origin": {app}}, failure{Code: connect.CodePermissionDenied, Message: "corsrpc: internal method"}},
		{"an internal method, by a page of the server", newPolicy(t, corsrpc.Config{}), "", internal,
			http.Header{"Sec-Fetch-Site": {"same-origin"}}, failure{Code: connect.CodePermissionDenied, Message: "corsrpc: internal method"}},
		{"an internal method, by another server", newPolicy(t, corsrpc.Config{}), "", internal,
			nil, failure{Code: connect.CodeUnimplemented, Message: "acme.shop.v1.CartService.PurgeCarts is not implemented"}},
		{"report only", newPolicy(t, corsrpc.Config{ReportOnly: true}), "", unary,
			http.Header{"Origin": {evil}}, failure{}},
		{"below a prefix", newPolicy(t, corsrpc.Config{PathPrefix: "/api"}), "/api", unary,
			http.Header{"Origin": {evil}}, failure{Code: connect.CodePermissionDenied, Message: "corsrpc: origin not allowed"}},
		{"a zero policy, by a page", &zero, "", unary,
			http.Header{"Origin": {app}}, failure{Code: connect.CodePermissionDenied, Message: "corsrpc: policy not configured"}},
		{"a zero policy, by another server", &zero, "", unary, nil, failure{}},
		{"cookies, where Credentials is on", newPolicy(t, corsrpc.Config{Credentials: true}), "", unary,
			http.Header{"Origin": {app}, "Cookie": {"a=b"}}, failure{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			shop := newShop(func(http.Header) behaviour { return behaviour{Messages: 1} }, corsconnect.WithGate(row.policy))
			url := serve(t, http.StripPrefix(row.prefix, shop)) + row.prefix
			w := newWire(t, false, row.send)
			err := row.kind.Call(t.Context(), &http.Client{Transport: w}, url)
			assert.Equal(t, row.want, failureOf(t, err))
		})
	}
}

// Behind Wrap both say the same: the gate lets pass what Wrap lets pass.
func TestGateBehindWrap(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	var spy spy
	url := serve(t, policy.Wrap(newShop(spy.behave, spy.options(corsconnect.WithGate(policy))...)))
	for _, s := range exchange.Sites {
		before := spy.handled.Load()
		w := newWire(t, false, s.Send)
		err := unary.Call(t.Context(), &http.Client{Transport: w}, url)
		if s.Reason == corsrpc.ReasonOK {
			require.NoError(t, err, s.Name)
			assert.Equal(t, before+1, spy.handled.Load(), s.Name)
		} else {
			assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), s.Name)
			assert.Equal(t, before, spy.handled.Load(), s.Name)
		}
	}
}

func TestGateOfNoPolicy(t *testing.T) {
	t.Parallel()
	assert.PanicsWithError(t, "corsconnect: nil policy; make one with corsrpc.New", func() { corsconnect.WithGate(nil) })
}

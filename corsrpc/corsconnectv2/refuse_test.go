package corsconnectv2_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	v1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	v1connect "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// Who may call is the same for every protocol and kind. A refused call ends as
// permission_denied in its own protocol, and nothing of it is decoded.
func TestRefuse(t *testing.T) {
	t.Parallel()
	for _, s := range exchange.Sites {
		for _, p := range exchange.Protocols {
			for _, k := range exchange.Kinds {
				if !p.Speaks(k) {
					continue
				}
				t.Run(strings.Join([]string{s.Name, p.Name, k.Name}, "/"), func(t *testing.T) {
					t.Parallel()
					var decisions []corsrpc.Decision
					policy := exchange.NewPolicy(t, corsrpc.Config{
						OnDecision: func(_ context.Context, d corsrpc.Decision) { decisions = append(decisions, d) },
					})
					var spy spy
					url := exchange.Serve(t, spy.mounted(corsconnectv2.NewServerInterceptor(policy)))

					w := exchange.NewWire(t, p.HTTP2, s.Send)
					err := k.Call(t.Context(), w.Client(), url, p.Options...)

					if s.Reason == corsrpc.ReasonOK {
						require.NoError(t, err)
						assert.EqualValues(t, 1, spy.handled.Load())
						assert.EqualValues(t, 1, spy.intercepted.Load())
						assert.NotZero(t, spy.decoded.Load())
						if s.Send == nil {
							assert.Empty(t, decisions, "nobody marked the call")
						} else if assert.Len(t, decisions, 1) {
							assert.Equal(t, corsrpc.OutcomeAllowed, decisions[0].Outcome)
						}
						return
					}
					assert.Equal(t, exchange.Failure{Code: v1.CodePermissionDenied, Message: "corsrpc: " + s.Reason.String()}, exchange.FailureOf(t, err))
					assert.Zero(t, spy.handled.Load(), "handler")
					assert.Zero(t, spy.intercepted.Load(), "interceptor")
					assert.Zero(t, spy.decoded.Load(), "message decoder")
					if assert.Len(t, decisions, 1) {
						assert.Equal(t, corsrpc.OutcomeRefused, decisions[0].Outcome)
						assert.Equal(t, s.Reason, decisions[0].Reason)
						assert.Equal(t, k.Procedure, decisions[0].Procedure)
					}

					assert.Empty(t, exchange.AccessControl(w.Response.Header))
					wantStatus := http.StatusOK
					if !p.Web && !p.GRPC && k.Unary {
						wantStatus = http.StatusForbidden
					}
					assert.Equal(t, wantStatus, w.Response.Status)
					// The URL of a GET is that of calls which are allowed.
					var wantCache []string
					if k.GET {
						wantCache = []string{"no-store"}
					}
					assert.Equal(t, wantCache, w.Response.Header["Cache-Control"])
				})
			}
		}
	}
}

// spy counts what a server does with calls.
type spy struct{ handled, intercepted, decoded atomic.Int32 }

func (s *spy) mounted(first ...connect.ServerInterceptor) *http.ServeMux {
	behave := func(http.Header) exchange.Behaviour {
		s.handled.Add(1)
		return exchange.Behaviour{Messages: 1}
	}
	intercept := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			s.intercepted.Add(1)
			return next(ctx, spec, stream)
		}
	}
	return mounted(exchange.NewServerV2(behave, append(first, intercept)...), connecthttp.WithCodecs(
		spyCodec{connectproto.NewBinaryCodec(), s}, spyCodec{connectproto.NewJSONCodec(), s},
	))
}

// A spyCodec decodes as Connect's own do.
type spyCodec struct {
	connect.Codec

	spy *spy
}

func (c spyCodec) UnmarshalRead(ctx context.Context, src io.Reader, message any) error {
	c.spy.decoded.Add(1)
	return c.Codec.UnmarshalRead(ctx, src, message)
}

// The body of a refused call is not read, not even to count its bytes.
func TestRefuseDoesNotReadBodies(t *testing.T) {
	t.Parallel()
	handler := mounted(exchange.NewServerV2(
		func(http.Header) exchange.Behaviour { panic("handler ran") },
		corsconnectv2.NewServerInterceptor(exchange.NewPolicy(t, corsrpc.Config{})),
	))
	for _, row := range []struct {
		contentType string
		kind        exchange.Kind
	}{
		{"application/json", exchange.Unary},
		{"application/proto", exchange.Unary},
		{"application/connect+proto", exchange.ServerStream},
		{"application/connect+proto", exchange.ClientStream},
		{"application/connect+proto", exchange.Bidi},
		{"application/grpc-web+proto", exchange.Unary},
		{"application/grpc-web+proto", exchange.ServerStream},
		{"application/grpc+proto", exchange.Unary},
		{"application/grpc+proto", exchange.Bidi},
	} {
		body := &countingBody{}
		req := httptest.NewRequest(http.MethodPost, row.kind.Procedure, body)
		req.ProtoMajor = 2
		req.Header.Set("Content-Type", row.contentType)
		req.Header.Set("Origin", evil)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, req)
		assert.Zero(t, body.reads, "%s to %s", row.contentType, row.kind.Name)
		response := recorder.Body.String() + recorder.Header().Get("Grpc-Message") + recorder.Header().Get("Trailer:Grpc-Message")
		assert.Contains(t, response, "corsrpc: origin not allowed", "%s to %s", row.contentType, row.kind.Name)
	}
}

type countingBody struct {
	bytes.Reader
	reads int
}

func (b *countingBody) Read([]byte) (int, error) {
	b.reads++
	return 0, io.EOF
}

// Without Sec-Fetch-Site, the server's own host decides.
func TestRefuseComparesHosts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, origin string
		hosts        []string
		want         v1.Code
	}{
		{"the request's own host", "http://%s", nil, 0},
		{"another host", "http://example.com", nil, v1.CodePermissionDenied},
		{"a public host behind a proxy", "http://shop.example.com", []string{"shop.example.com"}, 0},
		{"the proxy's own name for the server is not public", "http://%s", []string{"shop.example.com"}, v1.CodePermissionDenied},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			policy := exchange.NewPolicy(t, corsrpc.Config{Hosts: row.hosts})
			url := exchange.Serve(t, mounted(exchange.NewServerV2(always(exchange.Behaviour{Messages: 1}), corsconnectv2.NewServerInterceptor(policy))))
			origin := strings.Replace(row.origin, "%s", strings.TrimPrefix(url, "http://"), 1)
			for _, p := range exchange.Protocols {
				w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {origin}})
				err := exchange.Unary.Call(t.Context(), w.Client(), url, p.Options...)
				assert.Equal(t, row.want, exchange.FailureOf(t, err).Code, p.Name)
			}
		})
	}
}

// Which procedures are judged, and how, is up to the policy.
func TestRefuseAsksThePolicy(t *testing.T) {
	t.Parallel()
	internal := exchange.Kind{
		Call: func(ctx context.Context, client *http.Client, url string, options ...v1.ClientOption) error {
			_, err := v1connect.NewCartServiceClient(client, url, options...).PurgeCarts(ctx, v1.NewRequest(&shopv1.PurgeCartsRequest{}))
			return err
		},
	}
	denied := func(reason corsrpc.Reason) exchange.Failure {
		return exchange.Failure{Code: v1.CodePermissionDenied, Message: "corsrpc: " + reason.String()}
	}
	unimplemented := exchange.Failure{Code: v1.CodeUnimplemented, Message: "acme.shop.v1.CartService.PurgeCarts is not implemented"}
	for _, row := range []struct {
		name   string
		policy *corsrpc.Policy
		prefix string
		kind   exchange.Kind
		send   http.Header
		want   exchange.Failure
	}{
		{"a service that another policy owns", exchange.NewPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}}), "", exchange.Unary,
			http.Header{"Origin": {evil}}, exchange.Failure{}},
		{"an internal method, by a listed page", exchange.NewPolicy(t, corsrpc.Config{}), "", internal,
			http.Header{"Origin": {app}}, denied(corsrpc.ReasonInternalMethod)},
		{"an internal method, by a page of the server", exchange.NewPolicy(t, corsrpc.Config{}), "", internal,
			http.Header{"Sec-Fetch-Site": {"same-origin"}}, denied(corsrpc.ReasonInternalMethod)},
		{"an internal method, by another server", exchange.NewPolicy(t, corsrpc.Config{}), "", internal, nil, unimplemented},
		{"report only", exchange.NewPolicy(t, corsrpc.Config{ReportOnly: true}), "", exchange.Unary, http.Header{"Origin": {evil}}, exchange.Failure{}},
		{"below a prefix", exchange.NewPolicy(t, corsrpc.Config{PathPrefix: "/api"}), "/api", exchange.Unary,
			http.Header{"Origin": {evil}}, denied(corsrpc.ReasonOriginNotAllowed)},
		{"a policy without Config, by a page", new(corsrpc.Policy), "", exchange.Unary, http.Header{"Origin": {app}}, denied(corsrpc.ReasonNotConfigured)},
		{"a policy without Config, by another server", new(corsrpc.Policy), "", exchange.Unary, nil, exchange.Failure{}},
		{"cookies, where Credentials is on", exchange.NewPolicy(t, corsrpc.Config{Credentials: true}), "", exchange.Unary,
			http.Header{"Origin": {app}, "Cookie": {"a=b"}}, exchange.Failure{}},
		{"no browser, where one is required", exchange.NewPolicy(t, corsrpc.Config{RequireFetchMetadata: true}), "", exchange.Unary,
			nil, denied(corsrpc.ReasonFetchMetadataMissing)},
		{"another host, where the server's are required", exchange.NewPolicy(t, corsrpc.Config{Hosts: []string{"api.example.com"}, RequireHosts: true}), "", exchange.Unary,
			nil, denied(corsrpc.ReasonHostNotAllowed)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			shop := mounted(exchange.NewServerV2(always(exchange.Behaviour{Messages: 1}), corsconnectv2.NewServerInterceptor(row.policy)))
			url := exchange.Serve(t, http.StripPrefix(row.prefix, shop)) + row.prefix
			w := exchange.NewWire(t, false, row.send)
			err := row.kind.Call(t.Context(), w.Client(), url)
			assert.Equal(t, row.want, exchange.FailureOf(t, err))
		})
	}
}

// A method that only the unknown handler serves is judged by its service's
// rule, and its metadata exposed as Connect sends it: its spec is that of a
// stream also for a unary request.
func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	handled := 0
	server := exchange.NewServerV2(nil, corsconnectv2.NewServerInterceptor(policy))
	server.SetUnknownHandler(func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		handled++
		info, _ := connect.CallInfoForServerContext(ctx)
		info.ResponseHeader().Set("X-Extra", "1")
		info.ResponseTrailer().Set("X-Sum", "1")
		return stream.Send(&shopv1.GetProductResponse{})
	})
	url := exchange.Serve(t, policy.Wrap(mounted(server)))
	alone := exchange.Serve(t, mounted(server))
	for _, row := range []struct {
		name string
		// URL and procedure.
		url, procedure string
		options        []v1.ClientOption
		origin         string
		want           v1.Code
		expose         string
	}{
		{"a listed page over Connect", url, "/acme.shop.v1.CatalogService/Rate", nil, app, 0, "Trailer-X-Sum, X-Extra"},
		{"a listed page over gRPC-Web", url, "/acme.shop.v1.CatalogService/Rate", []v1.ClientOption{v1.WithGRPCWeb()}, app, 0, "X-Extra"},
		{"another page over Connect", url, "/acme.shop.v1.CatalogService/Rate", nil, evil, v1.CodePermissionDenied, ""},
		{"another page around Wrap", alone, "/acme.shop.v1.CatalogService/Rate", nil, evil, v1.CodePermissionDenied, ""},
		{"another page around Wrap, over gRPC-Web", alone, "/acme.shop.v1.CatalogService/Rate", []v1.ClientOption{v1.WithGRPCWeb()}, evil, v1.CodePermissionDenied, ""},
		{"another page around Wrap, a segment further down", alone, "/acme.shop.v1.CatalogService/Rate/It", nil, evil, v1.CodePermissionDenied, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := handled
			w := exchange.NewWire(t, true, http.Header{"Origin": {row.origin}})
			client := v1.NewClient[shopv1.GetProductRequest, shopv1.GetProductResponse](w.Client(), row.url+row.procedure, row.options...)
			_, err := client.CallUnary(t.Context(), v1.NewRequest(&shopv1.GetProductRequest{}))
			assert.Equal(t, row.want, exchange.FailureOf(t, err).Code)
			if row.want != 0 {
				assert.Equal(t, before, handled)
				return
			}
			require.Equal(t, before+1, handled)
			rule, ok := policy.Rule(row.procedure)
			require.True(t, ok)
			assert.Equal(t, []string{strings.Join(rule.ResponseHeaders, ", "), row.expose}, w.Response.Header["Access-Control-Expose-Headers"])
		})
	}
}

// Behind Wrap, calls are reported once; without BehindWrap by both.
func TestBehindWrap(t *testing.T) {
	t.Parallel()
	var decisions atomic.Int32
	policy := exchange.NewPolicy(t, corsrpc.Config{OnDecision: func(context.Context, corsrpc.Decision) { decisions.Add(1) }})
	for _, row := range []struct {
		name    string
		options []corsconnectv2.Option
		want    int32
	}{
		{"with BehindWrap", []corsconnectv2.Option{corsconnectv2.BehindWrap()}, 1},
		{"without", nil, 2},
	} {
		url := exchange.Serve(t, policy.Wrap(mounted(exchange.NewServerV2(
			always(exchange.Behaviour{Messages: 1}), corsconnectv2.NewServerInterceptor(policy, row.options...),
		))))
		decisions.Store(0)
		require.NoError(t, exchange.Unary.Call(t.Context(), exchange.NewWire(t, false, http.Header{"Origin": {app}}).Client(), url))
		assert.Equal(t, row.want, decisions.Load(), row.name)
		decisions.Store(0)
		require.Error(t, exchange.Unary.Call(t.Context(), exchange.NewWire(t, false, http.Header{"Origin": {evil}}).Client(), url))
		assert.EqualValues(t, 1, decisions.Load(), "%s: what Wrap refuses does not arrive", row.name)
	}
}

// Calls of a transport that is not HTTP are judged by their metadata. Only
// those without a transport come from within the process.
func TestRefuseOtherTransports(t *testing.T) {
	t.Parallel()
	server := exchange.NewServerV2(always(exchange.Behaviour{}), corsconnectv2.NewServerInterceptor(exchange.NewPolicy(t, corsrpc.Config{})))
	for origin, want := range map[string]connect.Code{app: 0, evil: connect.CodePermissionDenied} {
		info := &connect.CallInfo{TransportInfo: "pigeon"}
		info.RequestHeader().Set("Origin", origin)
		err := server.Call(t.Context(), exchange.Unary.Procedure, info, sink{})
		if want == 0 {
			assert.NoError(t, err, origin)
		} else {
			assert.Equal(t, want, connect.CodeOf(err), origin)
		}
	}
}

package corsgrpc_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func TestAdmission(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		send   metadata.MD
		reason corsrpc.Reason // OK: it passes
	}{
		{"a program", nil, corsrpc.ReasonOK},
		{"a program with a cookie", metadata.Pairs("cookie", "a=b"), corsrpc.ReasonOK},
		{"the app's page", metadata.Pairs("origin", app), corsrpc.ReasonOK},
		{"the app's page, marked", metadata.Pairs("origin", app, "sec-fetch-site", "cross-site"), corsrpc.ReasonOK},
		{"the server's own page", metadata.Pairs("origin", "https://api.example.com", "sec-fetch-site", "same-origin"), corsrpc.ReasonOK},
		{"the server's own page by its host", metadata.Pairs("origin", "http://shop.internal:8080"), corsrpc.ReasonOK},
		{"another page", metadata.Pairs("origin", evil), corsrpc.ReasonOriginNotAllowed},
		{"another page, marked", metadata.Pairs("origin", evil, "sec-fetch-site", "cross-site"), corsrpc.ReasonOriginNotAllowed},
		{"a sandboxed page", metadata.Pairs("origin", "null"), corsrpc.ReasonOriginNotAllowed},
		{"an empty origin", metadata.Pairs("origin", ""), corsrpc.ReasonOriginMalformed},
		{"two origins", metadata.Pairs("origin", app, "origin", evil), corsrpc.ReasonOriginMalformed},
		{"a cross-site call without an origin", metadata.Pairs("sec-fetch-site", "cross-site"), corsrpc.ReasonOriginMissing},
		{"the user", metadata.Pairs("sec-fetch-site", "none", "cookie", "a=b"), corsrpc.ReasonOK},
		{"a page's speculation rules", metadata.Pairs("sec-fetch-site", "none", "sec-purpose", "prefetch"), corsrpc.ReasonOriginMissing},
		{"the app's page with a cookie", metadata.Pairs("origin", app, "cookie", "a=b"), corsrpc.ReasonCredentialsNotAllowed},
		{"the app's page with a cookie, through grpc-gateway", metadata.Pairs("origin", app, "grpcgateway-cookie", "a=b"), corsrpc.ReasonCredentialsNotAllowed},
		{"the server's own page with a cookie", metadata.Pairs("origin", "http://shop.internal:8080", "cookie", "a=b"), corsrpc.ReasonOK},
		{"the app's page, through grpc-gateway", metadata.Pairs("grpcgateway-origin", app), corsrpc.ReasonOK},
		{"another page, through grpc-gateway", metadata.Pairs("grpcgateway-origin", evil), corsrpc.ReasonOriginNotAllowed},
		{"a page of the gateway's host", metadata.Pairs("grpcgateway-origin", "https://rest.example.com", "x-forwarded-host", "rest.example.com"), corsrpc.ReasonOK},
		{"a page of another host", metadata.Pairs("grpcgateway-origin", evil, "x-forwarded-host", "rest.example.com"), corsrpc.ReasonOriginNotAllowed},
		{"a page of the host that the gateway dials", metadata.Pairs("grpcgateway-origin", "http://shop.internal:8080", "x-forwarded-host", "rest.example.com"), corsrpc.ReasonOriginNotAllowed},
		{"a page of one of two hosts", metadata.Pairs("grpcgateway-origin", evil, "x-forwarded-host", "evil.test", "x-forwarded-host", "rest.example.com"), corsrpc.ReasonOriginNotAllowed},
		{"another page behind no gateway", metadata.Pairs("origin", evil, "x-forwarded-host", "evil.test"), corsrpc.ReasonOriginNotAllowed},
		{"an origin of either kind", metadata.Pairs("origin", app, "grpcgateway-origin", evil), corsrpc.ReasonOriginMalformed},
	} {
		for _, tr := range transports {
			for _, k := range kinds {
				t.Run(strings.Join([]string{row.name, tr.name, k.name}, "/"), func(t *testing.T) {
					t.Parallel()
					var reported []corsrpc.Decision
					policy := newPolicy(t, corsrpc.Config{
						OnDecision: func(_ context.Context, d corsrpc.Decision) { reported = append(reported, d) },
					})
					var handled, next atomic.Int32
					options := append(intercepted(policy),
						grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
							next.Add(1)
							return handler(ctx, req)
						}),
						grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
							next.Add(1)
							return handler(srv, stream)
						}))
					address := tr.serve(t, newServer(behaviour{}, &handled, options...))
					conn := dial(t, address, grpc.WithAuthority("shop.internal:8080"))
					got := k.call(metadata.NewOutgoingContext(t.Context(), row.send), conn)

					if row.reason == corsrpc.ReasonOK {
						assert.Equal(t, codes.OK, got.Code, got.Message)
						assert.EqualValues(t, 1, handled.Load())
						assert.EqualValues(t, 1, next.Load())
						if len(row.send.Get("origin")) == 0 && len(row.send.Get("grpcgateway-origin")) == 0 && len(row.send.Get("sec-fetch-site")) == 0 {
							assert.Empty(t, reported)
						} else if assert.Len(t, reported, 1) {
							assert.True(t, reported[0].Allowed)
							assert.Equal(t, k.procedure, reported[0].Procedure)
						}
						return
					}
					assert.Equal(t, codes.PermissionDenied, got.Code)
					assert.Equal(t, "corsrpc: "+row.reason.String(), got.Message)
					assert.Empty(t, got.Details)
					assert.Zero(t, handled.Load(), "handler")
					assert.Zero(t, next.Load(), "interceptors inside")
					if assert.Len(t, reported, 1) {
						assert.Equal(t, row.reason, reported[0].Reason)
						assert.Equal(t, k.procedure, reported[0].Procedure)
					}
				})
			}
		}
	}
}

// Which procedures are judged, and how, is up to the policy.
func TestAdmissionAsksThePolicy(t *testing.T) {
	t.Parallel()
	internal := kind{"internal", shopv1.CartService_PurgeCarts_FullMethodName, func(ctx context.Context, conn *grpc.ClientConn) (a answer) {
		_, err := shopv1.NewCartServiceClient(conn).PurgeCarts(ctx, &shopv1.PurgeCartsRequest{})
		a.fail(err)
		return a
	}}
	var zero corsrpc.Policy
	for _, row := range []struct {
		name    string
		policy  *corsrpc.Policy
		kind    kind
		send    metadata.MD
		code    codes.Code
		message string
	}{
		{"a service that another policy owns", newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}}), unary,
			metadata.Pairs("origin", evil), codes.OK, ""},
		{"the other service", newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}}), clientStream,
			metadata.Pairs("origin", evil), codes.PermissionDenied, "corsrpc: origin not allowed"},
		{"an internal method, by a permitted page", newPolicy(t, corsrpc.Config{}), internal,
			metadata.Pairs("origin", app), codes.PermissionDenied, "corsrpc: internal method"},
		{"an internal method, by a page of the server", newPolicy(t, corsrpc.Config{}), internal,
			metadata.Pairs("sec-fetch-site", "same-origin"), codes.PermissionDenied, "corsrpc: internal method"},
		{"an internal method, by another server", newPolicy(t, corsrpc.Config{}), internal,
			nil, codes.Unimplemented, "method PurgeCarts not implemented"},
		{"an internal method, opened by a user", newPolicy(t, corsrpc.Config{}), internal,
			metadata.Pairs("sec-fetch-site", "none"), codes.PermissionDenied, "corsrpc: internal method"},
		{"a service that is neither listed nor another policy's", newPolicy(t, corsrpc.Config{Services: []string{"acme.shop.v1.CartService"}}), unary,
			metadata.Pairs("origin", app), codes.PermissionDenied, "corsrpc: policy not configured"},
		{"the same, by another server", newPolicy(t, corsrpc.Config{Services: []string{"acme.shop.v1.CartService"}}), unary,
			nil, codes.OK, ""},
		{"another host than the server's", newPolicy(t, corsrpc.Config{RequireHosts: true, Hosts: []string{"other.example.com"}}), unary,
			nil, codes.PermissionDenied, "corsrpc: host not allowed"},
		{"neither Origin nor Sec-Fetch-Site where one is required", newPolicy(t, corsrpc.Config{RequireFetchMetadata: true}), unary,
			nil, codes.PermissionDenied, "corsrpc: fetch metadata missing"},
		{"report only", newPolicy(t, corsrpc.Config{ReportOnly: true}), bidi,
			metadata.Pairs("origin", evil), codes.OK, ""},
		{"a host that is not listed", newPolicy(t, corsrpc.Config{Hosts: []string{"shop.example.com"}}), unary,
			metadata.Pairs("origin", "http://shop.internal:8080"), codes.PermissionDenied, "corsrpc: origin not allowed"},
		{"a host that is", newPolicy(t, corsrpc.Config{Hosts: []string{"shop.example.com"}}), unary,
			metadata.Pairs("origin", "https://shop.example.com"), codes.OK, ""},
		{"a zero policy, by a page", &zero, unary,
			metadata.Pairs("origin", app), codes.PermissionDenied, "corsrpc: policy not configured"},
		{"a zero policy, by another server", &zero, unary, nil, codes.OK, ""},
	} {
		for _, tr := range transports {
			t.Run(row.name+"/"+tr.name, func(t *testing.T) {
				t.Parallel()
				address := tr.serve(t, newServer(behaviour{}, nil, intercepted(row.policy)...))
				conn := dial(t, address, grpc.WithAuthority("shop.internal:8080"))
				got := row.kind.call(metadata.NewOutgoingContext(t.Context(), row.send), conn)
				assert.Equal(t, row.code, got.Code)
				assert.Equal(t, row.message, got.Message)
			})
		}
	}
}

// foreign is metadata of another server, shared by all calls.
var foreign = metadata.MD{
	"access-control-allow-origin":      {"https://upstream.example.com"},
	"access-control-allow-credentials": {"true"},
	"access-control-expose-headers":    {"x-upstream"},
}

func with(all ...metadata.MD) metadata.MD { return metadata.Join(all...) }

// What handlers set reaches a page without access-control-*, and everybody else
// as it is; nothing else differs.
func TestStrip(t *testing.T) {
	t.Parallel()
	header, sent, trailer := metadata.Pairs("x-request-id", "1"), metadata.Pairs("x-early", "1", "x-early", "2"), metadata.Pairs("x-cost", "1")
	failed, err := status.New(codes.FailedPrecondition, "only 3 left").WithDetails(&shopv1.OutOfStock{ProductId: "kettle", Available: 3})
	require.NoError(t, err)

	policy := newPolicy(t, corsrpc.Config{})
	for _, row := range []struct {
		name string
		behaviour
		baseline behaviour
	}{
		{
			"nothing",
			behaviour{},
			behaviour{},
		}, {
			"nothing foreign",
			behaviour{header: header, trailer: trailer},
			behaviour{header: header, trailer: trailer},
		}, {
			"header and trailer",
			behaviour{header: with(header, foreign), trailer: with(trailer, foreign)},
			behaviour{header: header, trailer: trailer},
		}, {
			"header sent early",
			behaviour{header: with(header, foreign), sent: with(sent, foreign), trailer: with(trailer, foreign)},
			behaviour{header: header, sent: sent, trailer: trailer},
		}, {
			"header and trailer alone",
			behaviour{header: foreign, trailer: foreign},
			behaviour{},
		}, {
			"error",
			behaviour{header: with(header, foreign), trailer: with(trailer, foreign), err: failed.Err()},
			behaviour{header: header, trailer: trailer, err: failed.Err()},
		}, {
			"error with a trailer alone",
			behaviour{trailer: with(trailer, foreign), err: failed.Err()},
			behaviour{trailer: trailer, err: failed.Err()},
		},
	} {
		for _, tr := range transports {
			for _, k := range kinds {
				for _, onStream := range []bool{false, true} {
					if onStream && k.name == unary.name {
						continue
					}
					name := strings.Join([]string{row.name, tr.name, k.name, map[bool]string{false: "context", true: "stream"}[onStream]}, "/")
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						call := func(b behaviour, send metadata.MD, options ...grpc.ServerOption) answer {
							b.onStream = onStream
							conn := dial(t, tr.serve(t, newServer(b, nil, options...)))
							return k.call(metadata.NewOutgoingContext(t.Context(), send), conn).withoutTransport()
						}
						page := metadata.Pairs("origin", app)
						got := call(row.behaviour, page, intercepted(policy)...)
						assert.Equal(t, call(row.baseline, page), got, "a page")
						for name := range maps.Keys(with(got.Header, got.Trailer)) {
							assert.NotContains(t, name, "access-control-")
						}

						assert.Equal(t, call(row.behaviour, nil), call(row.behaviour, nil, intercepted(policy)...), "no page")
					})
				}
			}
		}
	}
	t.Cleanup(func() {
		assert.Equal(t, metadata.MD{
			"access-control-allow-origin":      {"https://upstream.example.com"},
			"access-control-allow-credentials": {"true"},
			"access-control-expose-headers":    {"x-upstream"},
		}, foreign, "metadata that calls share is left alone")
	})
}

// A trailers-only answer remains one: a proxy makes headers of all of it, which
// is how foreign fields would get to a browser.
func TestStripLeavesTrailersOnly(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	b := behaviour{trailer: with(metadata.Pairs("x-cost", "1"), foreign), err: status.Error(codes.NotFound, "no product")}
	address := transports[0].serve(t, newServer(b, nil, intercepted(policy)...))

	res := callHTTP2(t, "http://"+address+unary.procedure)
	assert.Equal(t, http.Header{
		"Content-Type": {"application/grpc"},
		"Grpc-Status":  {"5"},
		"Grpc-Message": {"no product"},
		"X-Cost":       {"1"},
	}, res.Header)
	assert.Empty(t, res.Trailer)
}

// With ServeHTTP behind Wrap, there is one line of each field: Wrap's.
func TestStripBehindWrap(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	for _, row := range []struct {
		name    string
		options []grpc.ServerOption
		want    []string
	}{
		{"without interceptors", nil, []string{app, "https://upstream.example.com"}},
		{"with them", intercepted(policy), []string{app}},
	} {
		front := httptest.NewUnstartedServer(policy.Wrap(newServer(behaviour{header: foreign, trailer: foreign}, nil, row.options...)))
		front.Config.Protocols = new(http.Protocols)
		front.Config.Protocols.SetUnencryptedHTTP2(true)
		front.Start()
		t.Cleanup(front.Close)
		res := callHTTP2(t, front.URL+unary.procedure)
		assert.Equal(t, row.want, res.Header["Access-Control-Allow-Origin"], row.name)
		assert.Equal(t, []string{"0"}, res.Trailer["Grpc-Status"], row.name)
	}
}

// callHTTP2 calls as a proxy does for the app's page.
func callHTTP2(t *testing.T, url string) *http.Response {
	t.Helper()
	http2 := &http.Transport{Protocols: new(http.Protocols)}
	http2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(http2.CloseIdleConnections)
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("\x00\x00\x00\x00\x00"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	req.Header.Set("Origin", app)
	res, err := http2.RoundTrip(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}

// What an interceptor outside has set is its own affair, and out of reach.
func TestStripLeavesInterceptorsOutside(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	outside := metadata.Pairs("access-control-allow-origin", "https://outside.example.com")
	options := append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			_ = grpc.SetHeader(ctx, outside)
			return handler(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			_ = stream.SetHeader(outside)
			return handler(srv, stream)
		}),
	}, intercepted(policy)...)
	conn := dial(t, transports[0].serve(t, newServer(behaviour{header: foreign}, nil, options...)))
	for _, k := range kinds {
		got := k.call(metadata.AppendToOutgoingContext(t.Context(), "origin", app), conn).withoutTransport()
		assert.Equal(t, outside, got.Header, k.name)
	}
}

func TestStripLeavesUngovernedProceduresAlone(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}})
	conn := dial(t, transports[0].serve(t, newServer(behaviour{header: foreign}, nil, intercepted(policy)...)))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "origin", app)
	for _, k := range []kind{unary, serverStream} {
		assert.Len(t, k.call(ctx, conn).withoutTransport().Header, len(foreign), k.name)
	}
	for _, k := range []kind{clientStream, bidi} {
		assert.Empty(t, k.call(ctx, conn).withoutTransport().Header, k.name)
	}
}

// The price of stripping, as the documentation states it.
func TestCompressorsInCallsWithOrigin(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	choose := func(ctx context.Context) error {
		if _, err := grpc.ClientSupportedCompressors(ctx); err != nil {
			return err
		}
		return grpc.SetSendCompressor(ctx, "identity")
	}
	options := append(intercepted(policy),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := choose(ctx); err != nil {
				return nil, status.Error(codes.Internal, "no compressor")
			}
			return handler(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if err := choose(stream.Context()); err != nil {
				return status.Error(codes.Internal, "no compressor")
			}
			return handler(srv, stream)
		}))
	conn := dial(t, transports[0].serve(t, newServer(behaviour{}, nil, options...)))
	for _, k := range kinds {
		assert.Equal(t, codes.OK, k.call(t.Context(), conn).Code, "%s, no page", k.name)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "sec-fetch-site", "none")
		assert.Equal(t, codes.OK, k.call(ctx, conn).Code, "%s, no origin", k.name)
		got := k.call(metadata.AppendToOutgoingContext(t.Context(), "origin", app), conn)
		assert.Equal(t, "no compressor", got.Message, "%s, a page", k.name)
	}
}

// Outside a server, as in tests of handlers, there is no stream to strip.
func TestUnaryWithoutServer(t *testing.T) {
	t.Parallel()
	interceptor := corsgrpc.UnaryServerInterceptor(newPolicy(t, corsrpc.Config{}))
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("Origin", app))
	info := &grpc.UnaryServerInfo{FullMethod: unary.procedure}
	got, err := interceptor(ctx, "request", info, func(ctx context.Context, req any) (any, error) {
		assert.Error(t, grpc.SetHeader(ctx, metadata.Pairs("x-request-id", "1")))
		return req, nil
	})
	require.NoError(t, err)
	assert.Equal(t, "request", got)

	ctx = metadata.NewIncomingContext(t.Context(), metadata.Pairs("Origin", evil))
	_, err = interceptor(ctx, "request", info, func(context.Context, any) (any, error) {
		t.Error("handler ran")
		return nil, nil
	})
	assert.Equal(t, codes.PermissionDenied, status.Code(err))
}

// A handler that sets metadata too late is told so.
func TestStripHandsOnErrors(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	md := metadata.Pairs("x-request-id", "1")
	page := metadata.NewIncomingContext(t.Context(), metadata.Pairs("origin", app))
	ctx := grpc.NewContextWithServerTransportStream(page, lateTransport{})
	throughContext := func(ctx context.Context) {
		assert.ErrorIs(t, grpc.SetHeader(ctx, md), errLate)
		assert.ErrorIs(t, grpc.SendHeader(ctx, md), errLate)
		assert.ErrorIs(t, grpc.SetTrailer(ctx, md), errLate)
	}
	ran := 0

	_, err := corsgrpc.UnaryServerInterceptor(policy)(ctx, nil, &grpc.UnaryServerInfo{FullMethod: unary.procedure}, func(ctx context.Context, _ any) (any, error) {
		ran++
		throughContext(ctx)
		return nil, nil
	})
	require.NoError(t, err)
	err = corsgrpc.StreamServerInterceptor(policy)(nil, lateStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: serverStream.procedure}, func(_ any, stream grpc.ServerStream) error {
		ran++
		throughContext(stream.Context())
		assert.ErrorIs(t, stream.SetHeader(md), errLate)
		assert.ErrorIs(t, stream.SendHeader(md), errLate)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, ran)
}

var errLate = status.Error(codes.Internal, "header is sent")

// A lateTransport is that of a call whose status is written.
type lateTransport struct{}

func (lateTransport) Method() string               { return "" }
func (lateTransport) SetHeader(metadata.MD) error  { return errLate }
func (lateTransport) SendHeader(metadata.MD) error { return errLate }
func (lateTransport) SetTrailer(metadata.MD) error { return errLate }

type lateStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s lateStream) Context() context.Context   { return s.ctx }
func (lateStream) SetHeader(metadata.MD) error  { return errLate }
func (lateStream) SendHeader(metadata.MD) error { return errLate }

// The shop's answers are the same with and without the interceptors.
func TestShop(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	for _, tr := range transports {
		servers := [2]*grpc.Server{grpc.NewServer(), grpc.NewServer(intercepted(policy)...)}
		var answers [2][]answer
		for i, server := range servers {
			shop.RegisterGRPC(server)
			conn := dial(t, tr.serve(t, server))
			for _, authorization := range []string{"", "Bearer ada"} {
				for _, k := range kinds {
					ctx := metadata.AppendToOutgoingContext(t.Context(), "origin", app, "authorization", authorization)
					answers[i] = append(answers[i], k.call(ctx, conn).withoutTransport())
				}
			}
		}
		assert.Equal(t, answers[0], answers[1], tr.name)
	}
}

func TestUngoverned(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer()
	assert.Empty(t, corsgrpc.Ungoverned(newPolicy(t, corsrpc.Config{}), server), "nothing is registered")
	shop.RegisterGRPC(server)
	healthv1.RegisterHealthServer(server, health.NewServer())

	var denied []corsrpc.Decision
	onDenied := func(_ context.Context, d corsrpc.Decision) { denied = append(denied, d) }
	for _, row := range []struct {
		name   string
		config corsrpc.Config
		want   []string
	}{
		{"infrastructure is not governed unless it is named", corsrpc.Config{OnDecision: onDenied},
			[]string{"grpc.health.v1.Health"}},
		{"all", corsrpc.Config{Services: []string{"*", "grpc.health.v1.Health"}}, nil},
		{"what another policy owns", corsrpc.Config{Except: []string{"acme.shop.v1.WarehouseService", "acme.shop.v1.AdminService"}},
			[]string{"acme.shop.v1.AdminService", "acme.shop.v1.WarehouseService", "grpc.health.v1.Health"}},
		{"the services beside one are closed", corsrpc.Config{Services: []string{"acme.shop.v1.CartService"}},
			[]string{"grpc.health.v1.Health"}},
	} {
		got := corsgrpc.Ungoverned(newPolicy(t, row.config), server)
		assert.Equal(t, row.want, got, row.name)
		assert.True(t, slices.IsSorted(got))
	}
	assert.Empty(t, denied, "nothing is reported")
	assert.Empty(t, corsgrpc.Ungoverned(new(corsrpc.Policy), server), "a zero policy governs everything, and refuses pages")
}

func TestNoPolicy(t *testing.T) {
	t.Parallel()
	const message = "corsgrpc: nil policy; make one with corsrpc.New"
	assert.PanicsWithError(t, message, func() { corsgrpc.UnaryServerInterceptor(nil) })
	assert.PanicsWithError(t, message, func() { corsgrpc.StreamServerInterceptor(nil) })
	assert.PanicsWithError(t, message, func() { corsgrpc.Ungoverned(nil, grpc.NewServer()) })
}

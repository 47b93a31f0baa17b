package corsconnectv2_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectinprocess"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

const (
	app  = exchange.App
	evil = exchange.Evil
)

// mounted returns a mux with all of a server's procedures.
func mounted(server *connect.Server, options ...connecthttp.Option) *http.ServeMux {
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server, options...)
	return mux
}

// always returns the behaviour for every call.
func always(b exchange.Behaviour) func(http.Header) exchange.Behaviour {
	return func(http.Header) exchange.Behaviour { return b }
}

// The response to a page has the CORS lines of the table and no others, and
// differs in nothing else from the one without the interceptor.
func TestInterceptor(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{
		ResponseHeaders:  []string{"X-Declared"},
		ResponseTrailers: []string{"X-Cost"},
	})
	behaviours := map[string]exchange.Behaviour{}
	for _, row := range exchange.Rows {
		behaviours[row.Name] = row.Behaviour
		behaviours["baseline of "+row.Name] = row.BaselineOf()
	}
	behave := func(header http.Header) exchange.Behaviour { return behaviours[header.Get("X-Row")] }
	plain := mounted(exchange.NewServerV2(behave))
	judging := mounted(exchange.NewServerV2(behave, corsconnectv2.NewServerInterceptor(policy)))
	behindWrap := exchange.NewServerV2(behave, corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap()))
	wrapped := http.NewServeMux()
	corsconnectv2.Mount(wrapped, behindWrap, policy)

	plainURL, plainWrappedURL := exchange.Serve(t, plain), exchange.Serve(t, policy.Wrap(plain))
	for _, in := range []struct {
		name               string
		plain, intercepted string
		allowOrigin        bool
	}{
		{name: "alone", plain: plainURL, intercepted: exchange.Serve(t, judging)},
		{name: "behind Wrap", plain: plainWrappedURL, intercepted: exchange.Serve(t, policy.Wrap(mounted(behindWrap))), allowOrigin: true},
		{name: "mounted", plain: plainWrappedURL, intercepted: exchange.Serve(t, wrapped), allowOrigin: true},
	} {
		for _, p := range exchange.Protocols {
			for _, row := range exchange.Rows {
				for _, k := range row.KindsOf() {
					if !p.Speaks(k) {
						continue
					}
					t.Run(strings.Join([]string{in.name, p.Name, k.Name, row.Name}, "/"), func(t *testing.T) {
						t.Parallel()
						send := func(url, name string) (exchange.Response, exchange.Failure) {
							w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}, "X-Row": {name}})
							err := k.Call(t.Context(), w.Client(), url, p.Options...)
							return w.Response, exchange.FailureOf(t, err)
						}
						want, wantFailure := send(in.plain, "baseline of "+row.Name)
						got, gotFailure := send(in.intercepted, row.Name)

						wantLines := http.Header{}
						if in.allowOrigin {
							rule, ok := policy.Rule(k.Procedure)
							require.True(t, ok)
							wantLines.Set("Access-Control-Allow-Origin", app)
							wantLines.Set("Access-Control-Expose-Headers", strings.Join(rule.ResponseHeaders, ", "))
						}
						lines := row.Want
						if row.V2 != nil {
							lines = *row.V2
						}
						if line := lines.Of(p, k); line != "" {
							wantLines.Add("Access-Control-Expose-Headers", line)
						}
						assert.Equal(t, wantLines, exchange.AccessControl(got.Header))
						assert.Empty(t, exchange.AccessControl(got.Trailer))
						assert.NotContains(t, strings.ToLower(got.Body), "access-control-")

						assert.Equal(t, want.WithoutCORS(), got.WithoutCORS())
						assert.Equal(t, wantFailure, gotFailure)
					})
				}
			}
		}
	}
}

// The rows themselves: a page over gRPC-Web does get trailers-only responses
// where the table assumes them, and two lines of Access-Control-Allow-Origin
// where nothing removes one.
func TestInterceptorIsNeeded(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	url := exchange.Serve(t, policy.Wrap(mounted(exchange.NewServerV2(always(exchange.Behaviour{Error: exchange.Forwarding, Header: exchange.ForeignCORS})))))
	for _, p := range exchange.Protocols[:5] {
		w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {app}})
		require.Error(t, exchange.Unary.Call(t.Context(), w.Client(), url, p.Options...))
		assert.Equal(t, []string{app, "*"}, w.Response.Header["Access-Control-Allow-Origin"], p.Name)
	}
	url = exchange.Serve(t, policy.Wrap(mounted(exchange.NewServerV2(always(exchange.Behaviour{Error: exchange.Forwarding})))))
	for _, p := range exchange.Protocols[3:5] {
		w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {app}})
		require.Error(t, exchange.Unary.Call(t.Context(), w.Client(), url, p.Options...))
		assert.Equal(t, []string{app, "https://upstream.example.com"}, w.Response.Header["Access-Control-Allow-Origin"], p.Name)
		assert.Equal(t, []string{"9"}, w.Response.Header["Grpc-Status"], p.Name)
		assert.Empty(t, w.Response.Body, p.Name)
	}
}

// A GET gets the same response for every Origin and for none, since a cache can
// give it to any page. Other calls without Origin are left alone.
func TestInterceptorWithoutOrigin(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Join(exchange.Extra, exchange.ForeignCORS), Messages: 1}),
		corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap()),
	)))
	exposed := http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}
	for _, row := range []struct {
		name string
		kind exchange.Kind
		send http.Header
		want http.Header
	}{
		{"POST without Origin", exchange.Unary, nil, exchange.ForeignCORS},
		{"stream without Origin", exchange.ServerStream, nil, exchange.ForeignCORS},
		{"POST, marked by a browser", exchange.Unary, http.Header{"Sec-Fetch-Site": {"same-origin"}}, exchange.ForeignCORS},
		{"POST with an Origin that is not allowed", exchange.Unary, http.Header{"Origin": {evil}}, exposed},
		{"GET without Origin", exchange.GET, nil, exposed},
		{"GET with Origin", exchange.GET, http.Header{"Origin": {app}}, exposed},
		{"GET with an Origin that is not allowed", exchange.GET, http.Header{"Origin": {evil}}, exposed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := exchange.NewWire(t, false, row.send)
			require.NoError(t, row.kind.Call(t.Context(), w.Client(), url, exchange.Uncompressed))
			assert.Equal(t, row.want, exchange.AccessControl(w.Response.Header))
		})
	}
}

func TestInterceptorLeavesUngovernedProceduresAlone(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}})
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Join(exchange.Extra, exchange.ForeignCORS), Messages: 1}),
		corsconnectv2.NewServerInterceptor(policy),
	)))
	for _, k := range []exchange.Kind{exchange.Unary, exchange.GET, exchange.ServerStream} {
		w := exchange.NewWire(t, false, http.Header{"Origin": {evil}})
		require.NoError(t, k.Call(t.Context(), w.Client(), url))
		assert.Equal(t, exchange.ForeignCORS, exchange.AccessControl(w.Response.Header), k.Name)
	}
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, exchange.ClientStream.Call(t.Context(), w.Client(), url))
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, exchange.AccessControl(w.Response.Header), "the other service is governed")
}

// What HTTP middleware set stays, and is not listed.
func TestInterceptorLeavesMiddlewareAlone(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{Credentials: true})
	shop := mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: http.Header{"X-Extra": {"1"}, "X-Tag": {"handler's"}}, Messages: 1}),
		corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap()),
	))
	url := exchange.Serve(t, policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("X-Tag", "middleware's")
		w.Header().Add("Access-Control-Expose-Headers", "X-Tag-Id")
		shop.ServeHTTP(w, r)
	})))
	for _, p := range exchange.Protocols {
		for _, k := range exchange.Kinds {
			if !p.Speaks(k) {
				continue
			}
			w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {app}})
			require.NoError(t, k.Call(t.Context(), w.Client(), url, p.Options...))
			rule, _ := policy.Rule(k.Procedure)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":      {app},
				"Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers":    {strings.Join(rule.ResponseHeaders, ", "), "X-Tag-Id", "X-Extra, X-Tag"},
			}, exchange.AccessControl(w.Response.Header), "%s, %s", p.Name, k.Name)
			assert.Equal(t, "DENY", w.Response.Header.Get("X-Frame-Options"))
			assert.Equal(t, []string{"middleware's", "handler's"}, w.Response.Header["X-Tag"])
		}
	}
}

// What connecthttp drops from a header decides whether a failure is
// trailers-only over gRPC-Web.
func TestInterceptorKnowsWhatConnectDrops(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	behave := func(header http.Header) exchange.Behaviour {
		return exchange.Behaviour{Header: http.Header{header.Get("X-Name"): {"1"}}, Trailer: exchange.Sum, Error: exchange.Hinting}
	}
	plain := exchange.Serve(t, mounted(exchange.NewServerV2(behave)))
	intercepted := exchange.Serve(t, mounted(exchange.NewServerV2(behave, corsconnectv2.NewServerInterceptor(policy))))
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Post", "Allow", "Cache-Control", "Connect-Accept-Encoding",
		"Connect-Content-Encoding", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Content-Encoding",
		"Content-Language", "Content-Length", "Content-Type", "Date", "Etag", "Expires", "Grpc-Accept-Encoding",
		"Grpc-Encoding", "Grpc-Message", "Grpc-Message-Type", "Grpc-Previous-Rpc-Attempts", "Grpc-Status",
		"Grpc-Status-Details-Bin", "Grpc-Timeout", "Host", "Last-Modified", "Pragma", "Server", "Set-Cookie",
		"Te", "Trailer", "Trailer-", "Trailer-X-Sum", "User-Agent", "Vary", "X-Extra", "X-Grpc-Web", "X-User-Agent",
	} {
		w := exchange.NewWire(t, false, http.Header{"Origin": {app}, "X-Name": {name}})
		require.Error(t, exchange.Unary.Call(t.Context(), w.Client(), plain, v1.WithGRPCWeb(), exchange.Uncompressed))
		trailersOnly := w.Response.Body == ""
		require.Error(t, exchange.Unary.Call(t.Context(), w.Client(), intercepted, v1.WithGRPCWeb(), exchange.Uncompressed))
		assert.Equal(t, trailersOnly, w.Response.Body == "", "%s: a trailers-only response remains one, and no other becomes one", name)
		exposed := strings.Split(strings.Join(w.Response.Header["Access-Control-Expose-Headers"], ", "), ", ")
		if trailersOnly {
			assert.Subset(t, exposed, []string{"X-Hint", "X-Sum"}, name)
		} else {
			assert.NotContains(t, exposed, "X-Sum", name)
			assert.NotContains(t, strings.ToLower(w.Response.Body), "access-control-", name)
		}
	}
}

// A header without lines is one for connecthttp: the failure is not
// trailers-only, with the interceptor as without.
func TestInterceptorOfHeaderWithoutLines(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	inner := func(connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			info.ResponseHeader().SetValues("X-Extra", nil)
			info.ResponseTrailer().Set("X-Sum", "1")
			return connect.NewError(connect.CodeAborted, "try again")
		}
	}
	for _, interceptors := range [][]connect.ServerInterceptor{{inner}, {corsconnectv2.NewServerInterceptor(policy), inner}} {
		w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
		url := exchange.Serve(t, mounted(exchange.NewServerV2(nil, interceptors...)))
		require.Error(t, exchange.Unary.Call(t.Context(), w.Client(), url, v1.WithGRPCWeb(), exchange.Uncompressed))
		assert.Contains(t, w.Response.Body, "x-sum: 1")
		assert.Empty(t, exchange.AccessControl(w.Response.Header))
	}
}

// A unary call has no headers to send before its message.
func TestInterceptorOfUnarySendHeaders(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(policy))
	server.Register(connect.Method{
		Spec: connect.Spec{Procedure: exchange.Unary.Procedure},
		Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.SendHeaders(); err != nil {
				return err
			}
			info, _ := connect.CallInfoForServerContext(ctx)
			info.ResponseHeader().Set("X-Extra", "1")
			return stream.Send(&shopv1.GetProductResponse{})
		},
	})
	url := exchange.Serve(t, mounted(server))
	for _, p := range exchange.Protocols {
		w := exchange.NewWire(t, p.HTTP2, http.Header{"Origin": {app}})
		require.NoError(t, exchange.Unary.Call(t.Context(), w.Client(), url, p.Options...))
		assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, exchange.AccessControl(w.Response.Header), p.Name)
	}
}

// A conditional GET gets its 304.
func TestInterceptorNotModified(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	notModified := connecthttp.NewNotModifiedError()
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Join(http.Header{"Etag": {`"1"`}}, exchange.ForeignCORS), V2: notModified}),
		corsconnectv2.NewServerInterceptor(policy),
	)))
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	err := exchange.GET.Call(t.Context(), w.Client(), url)
	assert.True(t, v1.IsNotModifiedError(err), "%v", err)
	assert.Equal(t, http.StatusNotModified, w.Response.Status)
	assert.Equal(t, []string{`"1"`}, w.Response.Header["Etag"])
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Etag"}}, exchange.AccessControl(w.Response.Header))
}

// Interceptors outside get the very error that the handler returned: some
// compare errors with ==. The handler gets that of its stream.
func TestInterceptorHandsOnErrors(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	diskFull, broken := errors.New("disk full"), errors.New("connection lost")
	var seen error
	outer := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			seen = next(ctx, spec, brokenStream{stream, broken})
			return seen
		}
	}
	var result error
	server := exchange.NewServerV2(nil, outer, corsconnectv2.NewServerInterceptor(policy), func(connect.ServerFunc) connect.ServerFunc {
		return func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if result == nil {
				return stream.Send(&shopv1.SearchProductsResponse{})
			}
			return result
		}
	})
	url := exchange.Serve(t, mounted(server))
	for _, result = range []error{diskFull, (*connect.Error)(nil), connect.NewError(connect.CodeAborted, "try again"), nil} {
		w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
		require.Error(t, exchange.ServerStream.Call(t.Context(), w.Client(), url))
		want := result
		if want == nil {
			want = broken
		}
		assert.True(t, seen == want, "%#v instead of %#v", seen, want)
	}
}

// A brokenStream fails to send.
type brokenStream struct {
	connect.ServerStream

	err error
}

func (s brokenStream) Send(any) error { return s.err }

// What interceptors outside of this one put there is treated as a handler's.
func TestInterceptorAfterAnother(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	outer := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			info.ResponseHeader().Set("Access-Control-Allow-Origin", "*")
			info.ResponseHeader().Set("X-Outside", "1")
			return next(ctx, spec, stream)
		}
	}
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Extra, Messages: 1}), outer, corsconnectv2.NewServerInterceptor(policy),
	)))
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, exchange.Unary.Call(t.Context(), w.Client(), url))
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra, X-Outside"}}, exchange.AccessControl(w.Response.Header))
}

// Two interceptors do what one does.
func TestInterceptorTwice(t *testing.T) {
	t.Parallel()
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Extra, Trailer: exchange.Sum, Messages: 1}),
		corsconnectv2.NewServerInterceptor(policy), corsconnectv2.NewServerInterceptor(policy),
	)))
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, exchange.Unary.Call(t.Context(), w.Client(), url))
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Trailer-X-Sum, X-Extra"}}, exchange.AccessControl(w.Response.Header))
}

// The policy is asked anew for every call.
func TestInterceptorAfterUpdate(t *testing.T) {
	t.Parallel()
	policy := new(corsrpc.Policy)
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Extra}), corsconnectv2.NewServerInterceptor(policy),
	)))
	call := func() (http.Header, exchange.Failure) {
		w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
		err := exchange.Unary.Call(t.Context(), w.Client(), url)
		return exchange.AccessControl(w.Response.Header), exchange.FailureOf(t, err)
	}
	_, failure := call()
	assert.Equal(t, exchange.Failure{Code: v1.CodePermissionDenied, Message: "corsrpc: policy not configured"}, failure)

	config := exchange.NewPolicy(t, corsrpc.Config{}).Config()
	require.NoError(t, policy.Update(config))
	header, failure := call()
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, header)
	assert.Zero(t, failure)

	config.ResponseHeaders = []string{"X-Extra"}
	require.NoError(t, policy.Update(config))
	header, failure = call()
	assert.Empty(t, header)
	assert.Zero(t, failure)
}

// Calls within the process come from no browser, whatever metadata they have.
func TestInterceptorInProcess(t *testing.T) {
	t.Parallel()
	server := exchange.NewServerV2(
		always(exchange.Behaviour{Header: exchange.Join(exchange.Extra, exchange.ForeignCORS), Messages: 1}),
		corsconnectv2.NewServerInterceptor(exchange.NewPolicy(t, corsrpc.Config{RequireFetchMetadata: true})),
	)
	catalog := shopv1connect.NewCatalogServiceClient(connect.NewClient(connectinprocess.New(server)))
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Origin", evil)
	_, err := catalog.GetProduct(ctx, &shopv1.GetProductRequest{ProductId: "mug"})
	require.NoError(t, err)
	got := http.Header{}
	for name, lines := range info.ResponseHeader().All() {
		got[name] = lines
	}
	assert.Equal(t, exchange.Join(exchange.Extra, exchange.ForeignCORS), got)

	stream, err := catalog.SearchProducts(ctx, &shopv1.SearchProductsRequest{Query: "mug"})
	require.NoError(t, err)
	_, err = stream.Receive()
	require.NoError(t, err)
	_, err = stream.Receive()
	assert.ErrorIs(t, err, io.EOF)
}

// Without the call's context nobody knows who calls.
func TestInterceptorWithoutTheCallsContext(t *testing.T) {
	t.Parallel()
	var seen error
	outer := func(next connect.ServerFunc) connect.ServerFunc {
		return func(_ context.Context, spec connect.Spec, stream connect.ServerStream) error {
			seen = next(context.Background(), spec, stream)
			return seen
		}
	}
	handled := false
	url := exchange.Serve(t, mounted(exchange.NewServerV2(
		func(http.Header) exchange.Behaviour { handled = true; return exchange.Behaviour{} },
		outer, corsconnectv2.NewServerInterceptor(exchange.NewPolicy(t, corsrpc.Config{})),
	)))
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	err := exchange.Unary.Call(t.Context(), w.Client(), url)
	assert.Equal(t, exchange.Failure{Code: v1.CodeInternal}, exchange.FailureOf(t, err))
	assert.False(t, handled)
	assert.ErrorContains(t, errors.Unwrap(seen), "list NewServerInterceptor first")
}

func TestInterceptorOfNoPolicy(t *testing.T) {
	t.Parallel()
	const want = "corsconnectv2: nil policy; make one with corsrpc.New"
	assert.PanicsWithError(t, want, func() { corsconnectv2.NewServerInterceptor(nil) })
	assert.PanicsWithError(t, want, func() { corsconnectv2.Mount(http.NewServeMux(), connect.NewServer(), nil) })
}

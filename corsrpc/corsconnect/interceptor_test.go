package corsconnect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// The answer to a page has the CORS lines of the table and no others, and
// differs in nothing else from the one without the interceptor.
func TestInterceptor(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{
		ResponseHeaders:  []string{"X-Declared"},
		ResponseTrailers: []string{"X-Cost"},
	})
	behaviours := map[string]behaviour{}
	for _, row := range exchange.Rows {
		behaviours[row.Name] = row.Behaviour
		behaviours["baseline of "+row.Name] = row.BaselineOf()
	}
	behave := func(header http.Header) behaviour { return behaviours[header.Get("X-Row")] }
	plain := newShop(behave)
	intercepted := newShop(behave, connect.WithInterceptors(corsconnect.NewInterceptor(policy)))

	for _, in := range []struct {
		name                  string
		plain, intercepted    string
		allowOrigin, withList bool
	}{
		{name: "alone", plain: serve(t, plain), intercepted: serve(t, intercepted)},
		{name: "behind Wrap", plain: serve(t, policy.Wrap(plain)), intercepted: serve(t, policy.Wrap(intercepted)), allowOrigin: true},
	} {
		for _, p := range protocols {
			for _, row := range exchange.Rows {
				for _, k := range row.KindsOf() {
					if row.OnlyV2 || !p.Speaks(k) {
						continue
					}
					t.Run(strings.Join([]string{in.name, p.Name, k.Name, row.Name}, "/"), func(t *testing.T) {
						t.Parallel()
						send := func(url, name string) (exchange.Response, failure) {
							w := newWire(t, p.HTTP2, http.Header{"Origin": {app}, "X-Row": {name}})
							err := k.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...)
							return w.Response, failureOf(t, err)
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
						if line := row.Want.Of(p, k); line != "" {
							wantLines.Add("Access-Control-Expose-Headers", line)
						}
						assert.Equal(t, wantLines, accessControl(got.Header))
						assert.Empty(t, accessControl(got.Trailer))
						assert.NotContains(t, strings.ToLower(got.Body), "access-control-")

						assert.Equal(t, want.WithoutCORS(), got.WithoutCORS())
						assert.Equal(t, wantFailure, gotFailure)
					})
				}
			}
		}
	}
	t.Cleanup(func() { // once all rows are through
		for _, row := range exchange.Rows {
			var err *connect.Error
			if row.Error != nil && errors.As(row.Error.V1(), &err) && err != nil {
				assert.Equal(t, with(row.Error.Metadata), with(err.Meta()), "%s: errors that calls share are left alone", row.Name)
			}
		}
	})
}

// The rows themselves: a page over gRPC-Web does get trailers-only answers
// where the table assumes them, and two lines of Access-Control-Allow-Origin
// where nothing strips them.
func TestInterceptorIsNeeded(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, policy.Wrap(newShop(func(http.Header) behaviour { return behaviour{V1: errForwarded} })))
	for _, p := range protocols[:5] {
		w := newWire(t, p.HTTP2, http.Header{"Origin": {app}})
		require.Error(t, unary.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...))
		assert.Equal(t, []string{app, "https://upstream.example.com"}, w.Response.Header["Access-Control-Allow-Origin"], p.Name)
		if p.Web {
			assert.Equal(t, []string{"9"}, w.Response.Header["Grpc-Status"], p.Name)
			assert.Empty(t, w.Response.Body, p.Name)
		}
	}
}

// A GET is answered the same for every Origin and for none, since a cache may
// give it to any page; other calls without Origin are none of our business.
func TestInterceptorWithoutOrigin(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	handler := newShop(
		func(http.Header) behaviour { return behaviour{Header: with(extra, foreign), Messages: 1} },
		connect.WithInterceptors(corsconnect.NewInterceptor(policy)),
	)
	url := serve(t, handler)
	for _, row := range []struct {
		name string
		kind kind
		send http.Header
		want http.Header
	}{
		{"POST without Origin", unary, nil, foreign},
		{"stream without Origin", serverStream, nil, foreign},
		{"POST, marked by a browser", unary, http.Header{"Sec-Fetch-Site": {"same-origin"}}, foreign},
		{"POST with an Origin that is not permitted", unary, http.Header{"Origin": {evil}}, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}},
		{"GET without Origin", get, nil, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}},
		{"GET with Origin", get, http.Header{"Origin": {app}}, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}},
		{"GET with an Origin that is not permitted", get, http.Header{"Origin": {evil}}, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, false, row.send)
			require.NoError(t, row.kind.Call(t.Context(), &http.Client{Transport: w}, url, uncompressed))
			assert.Equal(t, row.want, accessControl(w.Response.Header))
		})
	}
}

func TestInterceptorLeavesUngovernedProceduresAlone(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}})
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{Header: with(extra, foreign), Messages: 1} },
		connect.WithInterceptors(corsconnect.NewInterceptor(policy)),
	))
	for _, k := range []kind{unary, get, serverStream} {
		w := newWire(t, false, http.Header{"Origin": {app}})
		require.NoError(t, k.Call(t.Context(), &http.Client{Transport: w}, url))
		assert.Equal(t, foreign, accessControl(w.Response.Header), k.Name)
	}
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, clientStream.Call(t.Context(), &http.Client{Transport: w}, url))
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, accessControl(w.Response.Header), "the other service is governed")
}

// Middleware's headers look like the handler's own in Connect streams.
func TestInterceptorLeavesMiddlewareAlone(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Credentials: true})
	shop := newShop(
		func(http.Header) behaviour {
			return behaviour{Header: http.Header{"X-Extra": {"1"}, "X-Tag": {"handler's"}}, Messages: 1}
		},
		connect.WithInterceptors(corsconnect.NewInterceptor(policy)),
	)
	url := serve(t, policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("X-Tag", "middleware's")
		w.Header().Add("Access-Control-Expose-Headers", "X-Tag-Id")
		shop.ServeHTTP(w, r)
	})))
	for _, p := range protocols {
		for _, k := range kinds {
			if !p.Speaks(k) {
				continue
			}
			w := newWire(t, p.HTTP2, http.Header{"Origin": {app}})
			require.NoError(t, k.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...))
			rule, _ := policy.Rule(k.Procedure)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":      {app},
				"Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers":    {strings.Join(rule.ResponseHeaders, ", "), "X-Tag-Id", "X-Extra, X-Tag"},
			}, accessControl(w.Response.Header), "%s, %s", p.Name, k.Name)
			assert.Equal(t, "DENY", w.Response.Header.Get("X-Frame-Options"))
		}
	}
}

// What connect-go drops from a unary call's header decides whether its failure
// is trailers-only over gRPC-Web.
func TestInterceptorKnowsWhatConnectDrops(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	behave := func(header http.Header) behaviour {
		fields := http.Header{header.Get("X-Name"): {"1"}}
		return behaviour{Header: fields, Trailer: sum, V1: errHint}
	}
	plain := serve(t, newShop(behave))
	intercepted := serve(t, newShop(behave, connect.WithInterceptors(corsconnect.NewInterceptor(policy))))
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Post", "Allow", "Cache-Control", "Connect-Accept-Encoding",
		"Connect-Content-Encoding", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Content-Encoding",
		"Content-Language", "Content-Length", "Content-Type", "Date", "Etag", "Expires", "Grpc-Accept-Encoding",
		"Grpc-Encoding", "Grpc-Message", "Grpc-Message-Type", "Grpc-Previous-Rpc-Attempts", "Grpc-Status",
		"Grpc-Status-Details-Bin", "Grpc-Timeout", "Host", "Last-Modified", "Pragma", "Server", "Set-Cookie",
		"Te", "Trailer", "Trailer-", "Trailer-X-Sum", "User-Agent", "Vary", "X-Extra", "X-Grpc-Web", "X-User-Agent",
	} {
		w := newWire(t, false, http.Header{"Origin": {app}, "X-Name": {name}})
		require.Error(t, unary.Call(t.Context(), &http.Client{Transport: w}, plain, connect.WithGRPCWeb(), uncompressed))
		trailersOnly := w.Response.Body == ""
		require.Error(t, unary.Call(t.Context(), &http.Client{Transport: w}, intercepted, connect.WithGRPCWeb(), uncompressed))
		assert.Equal(t, trailersOnly, w.Response.Body == "", "%s: a trailers-only answer remains one, and no other becomes one", name)
		exposed := strings.Split(strings.Join(w.Response.Header["Access-Control-Expose-Headers"], ", "), ", ")
		if trailersOnly {
			assert.Subset(t, exposed, []string{"X-Hint", "X-Sum"}, name)
		} else {
			assert.NotContains(t, exposed, "X-Sum", name)
			assert.NotContains(t, strings.ToLower(w.Response.Body), "access-control-", name)
		}
	}
}

// A key without lines is no header: the failure is trailers-only.
func TestInterceptorOfHeaderWithoutLines(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	var inner connect.UnaryInterceptorFunc = func(connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, _ connect.AnyRequest) (connect.AnyResponse, error) {
			info, _ := connect.CallInfoForHandlerContext(ctx)
			info.ResponseHeader()["X-Extra"] = nil
			return nil, errHint
		}
	}
	url := serve(t, newShop(nil, connect.WithInterceptors(corsconnect.NewInterceptor(policy), inner)))
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.Error(t, unary.Call(t.Context(), &http.Client{Transport: w}, url, connect.WithGRPCWeb(), uncompressed))
	assert.Empty(t, w.Response.Body)
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Hint"}}, accessControl(w.Response.Header))
}

// A response that calls share is sent without its foreign fields, and keeps
// them.
func TestInterceptorNeverChangesResponses(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	shared := connect.NewResponse(&shopv1.GetProductResponse{Product: &shopv1.Product{Id: "mug"}})
	addAll(shared.Header(), with(extra, foreign))
	addAll(shared.Trailer(), with(sum, foreign))
	var outer connect.UnaryInterceptorFunc = func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			res, err := next(ctx, req)
			if assert.NoError(t, err) {
				assert.Same(t, shared.Msg, res.Any())
				assert.Equal(t, extra, res.Header())
				assert.Equal(t, sum, res.Trailer())
			}
			return res, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle(unary.Procedure, connect.NewUnaryHandler(unary.Procedure,
		func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
			return shared, nil
		},
		connect.WithInterceptors(outer, corsconnect.NewInterceptor(policy)),
	))
	url := serve(t, mux)
	t.Run("calls", func(t *testing.T) {
		for range 8 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				w := newWire(t, false, http.Header{"Origin": {app}})
				require.NoError(t, unary.Call(t.Context(), &http.Client{Transport: w}, url))
				assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Trailer-X-Sum, X-Extra"}}, accessControl(w.Response.Header))
			})
		}
	})
	assert.Equal(t, with(extra, foreign), shared.Header())
	assert.Equal(t, with(sum, foreign), shared.Trailer())
}

// Interceptors outside see the handler's own response, unless a part of it had
// to be replaced.
func TestInterceptorReplacesFewResponses(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	for _, row := range []struct {
		name                    string
		header, trailer         http.Header
		wantHeader, wantTrailer http.Header
		replaced                bool
	}{
		{"nothing set", nil, nil, http.Header{}, http.Header{}, false},
		{"nothing foreign", extra, sum, extra, sum, false},
		{"foreign header", with(extra, foreign), sum, extra, sum, true},
		{"foreign trailer", extra, with(sum, foreign), extra, sum, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			own := connect.NewResponse(&shopv1.GetProductResponse{})
			addAll(own.Header(), row.header)
			addAll(own.Trailer(), row.trailer)
			var outer connect.UnaryInterceptorFunc = func(next connect.UnaryFunc) connect.UnaryFunc {
				return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
					res, err := next(ctx, req)
					if assert.NoError(t, err) {
						assert.Equal(t, row.replaced, res != connect.AnyResponse(own))
						assert.Equal(t, row.wantHeader, res.Header())
						assert.Equal(t, row.wantTrailer, res.Trailer())
					}
					return res, err
				}
			}
			mux := http.NewServeMux()
			mux.Handle(unary.Procedure, connect.NewUnaryHandler(unary.Procedure,
				func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
					return own, nil
				},
				connect.WithInterceptors(outer, corsconnect.NewInterceptor(policy)),
			))
			w := newWire(t, false, http.Header{"Origin": {app}})
			require.NoError(t, unary.Call(t.Context(), &http.Client{Transport: w}, serve(t, mux)))
		})
	}
}

// Interceptors outside see the handler's own error, unless its metadata had to
// be replaced: some compare errors with ==.
func TestInterceptorHandsOnErrors(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	diskFull := errors.New("disk full")
	for _, row := range []struct {
		name string
		err  error
	}{
		{"none", nil},
		{"connect's, without metadata", errBare},
		{"connect's, with metadata", errHint},
		{"connect's, nil", (*connect.Error)(nil)},
		{"around connect's", fmt.Errorf("while adding: %w", errHint)},
		{"of another type", diskFull},
	} {
		for from, send := range map[string]http.Header{"a page": {"Origin": {app}}, "no page": nil} {
			for _, k := range kinds[:4] {
				t.Run(strings.Join([]string{row.name, from, k.Name}, "/"), func(t *testing.T) {
					t.Parallel()
					seen := make(chan error, 1)
					url := serve(t, newShop(
						func(http.Header) behaviour { return behaviour{Messages: 1, V1: row.err} },
						connect.WithInterceptors(observer{func(err error) { seen <- err }}, corsconnect.NewInterceptor(policy)),
					))
					_ = k.Call(t.Context(), &http.Client{Transport: newWire(t, false, send)}, url)
					if err := <-seen; err != row.err {
						assert.Fail(t, "another error", "%#v instead of %#v", err, row.err)
					}
				})
			}
		}
	}
}

// An observer sees each error that a handler returns.
type observer struct{ tell func(error) }

func (o observer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		res, err := next(ctx, req)
		o.tell(err)
		return res, err
	}
}

func (o observer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		err := next(ctx, conn)
		o.tell(err)
		return err
	}
}

func (observer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// A handler whose message cannot be sent is told so.
func TestInterceptorHandsOnSendErrors(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	seen := make(chan error, 1)
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{Messages: 2} },
		connect.WithInterceptors(brokenConns{}, corsconnect.NewInterceptor(policy), observer{func(err error) { seen <- err }}),
	))
	require.Error(t, serverStream.Call(t.Context(), &http.Client{Transport: newWire(t, false, http.Header{"Origin": {app}})}, url))
	assert.ErrorIs(t, <-seen, errBroken)
}

var errBroken = errors.New("connection lost")

// brokenConns fail to send.
type brokenConns struct{ observer }

func (brokenConns) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }

func (brokenConns) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		return next(ctx, brokenConn{conn})
	}
}

type brokenConn struct{ connect.StreamingHandlerConn }

func (brokenConn) Send(any) error { return errBroken }

// Interceptors outside see the original of an error whose metadata had to be
// replaced, and can add to what is sent.
func TestInterceptorErrorsForOthers(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	type codeOnly interface{ Code() connect.Code }
	var outer connect.UnaryInterceptorFunc = func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			res, err := next(ctx, req)
			assert.ErrorIs(t, err, errForwarded)
			assert.ErrorIs(t, err, errForwardedWrapped)
			assert.Equal(t, errForwardedWrapped.Error(), err.Error())
			assert.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err))
			assert.False(t, connect.IsWireError(err))
			var coded codeOnly
			if assert.ErrorAs(t, err, &coded) {
				assert.Equal(t, connect.CodeFailedPrecondition, coded.Code())
			}
			var none *corsrpc.ConfigError
			assert.False(t, errors.As(err, &none), "it is nothing that the original is not")
			var connectErr *connect.Error
			if assert.ErrorAs(t, err, &connectErr) {
				assert.NotSame(t, errForwarded, connectErr)
				assert.Equal(t, http.Header{"X-Hint": {"wait"}}, connectErr.Meta())
				connectErr.Meta().Add("X-Hint", "long")
			}
			return res, err
		}
	}
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{V1: errForwardedWrapped} },
		connect.WithInterceptors(outer, corsconnect.NewInterceptor(policy)),
	))
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.Error(t, unary.Call(t.Context(), &http.Client{Transport: w}, url))
	assert.Equal(t, []string{"wait", "long"}, w.Response.Header["X-Hint"])
	assert.Equal(t, []string{"wait"}, errForwarded.Meta()["X-Hint"])
}

// What interceptors outside of this one put there before is theirs.
func TestInterceptorKeepsWhatWasThereOnEntry(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, newShop(
		func(http.Header) behaviour {
			return behaviour{Header: with(extra, foreign), Trailer: foreign, V1: errHint}
		},
		connect.WithInterceptors(outside{}, corsconnect.NewInterceptor(policy)),
	))
	want := http.Header{
		"Access-Control-Allow-Origin":   {"https://outside.example.com"},
		"Access-Control-Expose-Headers": {"X-Extra"},
	}
	for _, p := range protocols {
		for _, k := range kinds {
			if !p.Speaks(k) {
				continue
			}
			w := newWire(t, p.HTTP2, http.Header{"Origin": {app}})
			require.Error(t, k.Call(t.Context(), &http.Client{Transport: w}, url, p.Options...))
			row := want.Clone()
			if !p.Web && !p.GRPC && k.Unary {
				row.Set("Access-Control-Expose-Headers", "X-Extra, X-Hint")
			}
			assert.Equal(t, row, accessControl(w.Response.Header), "%s, %s", p.Name, k.Name)
		}
	}
}

// outside sets a CORS header, another one and a trailer before the call goes on.
type outside struct{}

func (outside) set(header, trailer http.Header) {
	header.Set("Access-Control-Allow-Origin", "https://outside.example.com")
	header.Set("X-Outside", "1")
	trailer.Set("X-Outside", "1")
}

func (o outside) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		info, _ := connect.CallInfoForHandlerContext(ctx)
		o.set(info.ResponseHeader(), info.ResponseTrailer())
		return next(ctx, req)
	}
}

func (o outside) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		o.set(conn.ResponseHeader(), conn.ResponseTrailer())
		return next(ctx, conn)
	}
}

func (outside) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// Without the call's context the interceptor cannot reach the answer.
func TestInterceptorWithoutTheCallsContext(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	var outer connect.UnaryInterceptorFunc = func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(_ context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			return next(context.Background(), req)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(unary.Procedure, connect.NewUnaryHandler(unary.Procedure,
		func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
			return nil, errHint
		},
		connect.WithInterceptors(outer, corsconnect.NewInterceptor(policy)),
	))
	w := newWire(t, false, http.Header{"Origin": {app}})
	err := unary.Call(t.Context(), &http.Client{Transport: w}, serve(t, mux))
	assert.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err))
	assert.Empty(t, accessControl(w.Response.Header))
}

// A conditional GET gets its 304, also where its metadata had to be replaced.
func TestInterceptorNotModified(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	for _, forwarded := range []http.Header{nil, foreign} {
		notModified := connect.NewNotModifiedError(with(http.Header{"Etag": {`"1"`}}, forwarded))
		url := serve(t, newShop(
			func(http.Header) behaviour { return behaviour{V1: notModified} },
			connect.WithInterceptors(corsconnect.NewInterceptor(policy)),
		))
		w := newWire(t, false, http.Header{"Origin": {app}})
		err := get.Call(t.Context(), &http.Client{Transport: w}, url)
		assert.True(t, connect.IsNotModifiedError(err), "%v", err)
		assert.Equal(t, http.StatusNotModified, w.Response.Status)
		assert.Equal(t, []string{`"1"`}, w.Response.Header["Etag"])
		assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Etag"}}, accessControl(w.Response.Header))
	}
}

// A client with the interceptor sees all that its server sent, also if it calls
// from within a handler, whose answer is another one.
func TestInterceptorAroundClients(t *testing.T) {
	t.Parallel()
	interceptor := connect.WithInterceptors(corsconnect.NewInterceptor(newPolicy(t, corsrpc.Config{})))
	upstream := shopv1connect.NewCatalogServiceClient(http.DefaultClient, serve(t, newShop(
		func(http.Header) behaviour { return behaviour{Header: with(extra, foreign), Trailer: sum, Messages: 1} },
	)), interceptor)
	mux := http.NewServeMux()
	mux.Handle(unary.Procedure, connect.NewUnaryHandler(unary.Procedure,
		func(ctx context.Context, _ *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
			req := connect.NewRequest(&shopv1.GetProductRequest{})
			req.Header().Set("Origin", app)
			res, err := upstream.GetProduct(ctx, req)
			if !assert.NoError(t, err) {
				return nil, err
			}
			assert.Equal(t, foreign, accessControl(res.Header()))
			streamReq := connect.NewRequest(&shopv1.SearchProductsRequest{})
			streamReq.Header().Set("Origin", app)
			stream, err := upstream.SearchProducts(ctx, streamReq)
			if !assert.NoError(t, err) {
				return nil, err
			}
			defer stream.Close()
			assert.True(t, stream.Receive())
			assert.Equal(t, foreign, accessControl(stream.ResponseHeader()))
			return connect.NewResponse(res.Msg), nil
		}, interceptor))
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, unary.Call(t.Context(), &http.Client{Transport: w}, serve(t, mux)))
	assert.Empty(t, accessControl(w.Response.Header))
}

// A policy that is updated under load is asked anew for every call.
func TestInterceptorAfterUpdate(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{Header: extra} },
		connect.WithInterceptors(corsconnect.NewInterceptor(policy)),
	))
	call := func() http.Header {
		w := newWire(t, false, http.Header{"Origin": {app}})
		require.NoError(t, unary.Call(t.Context(), &http.Client{Transport: w}, url))
		return accessControl(w.Response.Header)
	}
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, call())
	config := policy.Config()
	config.ResponseHeaders = []string{"X-Extra"}
	require.NoError(t, policy.Update(config))
	assert.Empty(t, call())
}

func TestInterceptorOfNoPolicy(t *testing.T) {
	t.Parallel()
	assert.PanicsWithError(t, "corsconnect: nil policy; make one with corsrpc.New", func() { corsconnect.NewInterceptor(nil) })
}

// The detail that errors of these tests carry is one that clients can read.
func TestErrorDetail(t *testing.T) {
	t.Parallel()
	value, err := exchange.NewError(nil).Details()[0].Value()
	require.NoError(t, err)
	assert.True(t, proto.Equal(&shopv1.OutOfStock{ProductId: "kettle", Available: 3}, value))
}

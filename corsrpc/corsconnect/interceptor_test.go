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
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

// failing returns an error with a detail and this metadata.
func failing(metadata http.Header) *connect.Error {
	err := connect.NewError(connect.CodeFailedPrecondition, errors.New("only 3 left"))
	detail, detailErr := connect.NewErrorDetail(&shopv1.OutOfStock{ProductId: "kettle", Available: 3})
	if detailErr != nil {
		panic(detailErr)
	}
	err.AddDetail(detail)
	addAll(err.Meta(), metadata)
	return err
}

// wireError is as an upstream's client returns it.
func wireError(metadata http.Header) error {
	err := connect.NewWireError(connect.CodeUnavailable, errors.New("upstream"))
	addAll(err.Meta(), metadata)
	return err
}

// Errors of package level, as applications have them. All calls share them.
var (
	errBare = connect.NewError(connect.CodeResourceExhausted, errors.New("quota exceeded"))
	errHint = failing(http.Header{"X-Hint": {"wait"}})
	// Another server's metadata in it.
	errForwarded = failing(http.Header{
		"X-Hint":                           {"wait"},
		"Access-Control-Allow-Origin":      {"https://upstream.example.com"},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"X-Upstream"},
	})
	errForwardedWrapped = fmt.Errorf("while calling upstream: %w", errForwarded)
)

// foreign are CORS fields as a handler sets them that means well, or forwards.
var foreign = http.Header{
	"Access-Control-Allow-Origin":      {"*"},
	"Access-Control-Allow-Credentials": {"true"},
	"Access-Control-Expose-Headers":    {"X-Foreign", "X-Extra"},
	"Access-Control-Max-Age":           {"86400"},
}

func with(all ...http.Header) http.Header {
	fields := http.Header{}
	for _, part := range all {
		addAll(fields, part)
	}
	return fields
}

// lines are what Access-Control-Expose-Headers must have beside the static
// list, by the form in which the protocol carries metadata; "" for no line.
type lines struct {
	connectUnary, connectStream, grpcWeb, grpc string
}

func everywhere(line string) lines { return lines{line, line, line, line} }

func (l lines) of(p protocol, k kind) string {
	switch {
	case p.web:
		return l.grpcWeb
	case p.grpc:
		return l.grpc
	case k.unary:
		return l.connectUnary
	}
	return l.connectStream
}

// The policy of all rows declares X-Declared and X-Cost; the schema declares
// more. The others are undeclared.
var (
	extra    = http.Header{"X-Extra": {"1"}}
	sum      = http.Header{"X-Sum": {"1"}}
	cookie   = http.Header{"Set-Cookie": {"session=1"}}
	declared = http.Header{"X-Declared": {"1"}}
	cost     = http.Header{"X-Cost": {"1"}}
)

var rows = []struct {
	name  string
	kinds []kind // nil: all
	behaviour
	// baseline is the behaviour without foreign fields, if it has any.
	baseline *behaviour
	want     lines
}{
	{
		name:      "ok, with nothing set",
		behaviour: behaviour{messages: 2},
	},
	{
		name:      "ok, with what is declared",
		behaviour: behaviour{header: declared, messages: 1, trailer: cost},
	},
	{
		name:      "ok, with what is safelisted or a protocol's",
		behaviour: behaviour{header: http.Header{"Cache-Control": {"no-store"}, "Content-Language": {"en"}, "Vary": {"Accept-Language"}}, messages: 1},
	},
	{
		name:      "ok, header and trailer",
		behaviour: behaviour{header: with(extra, declared), messages: 2, trailer: with(sum, cost)},
		want:      lines{connectUnary: "Trailer-X-Sum, X-Extra", connectStream: "X-Extra", grpcWeb: "X-Extra", grpc: "X-Extra"},
	},
	{
		name:      "ok, header and trailer set through the context",
		behaviour: behaviour{header: extra, messages: 1, trailer: sum, inContext: true},
		want:      lines{connectUnary: "Trailer-X-Sum, X-Extra", connectStream: "X-Extra", grpcWeb: "X-Extra", grpc: "X-Extra"},
	},
	{
		name:      "ok, trailer alone",
		behaviour: behaviour{messages: 1, trailer: sum},
		want:      lines{connectUnary: "Trailer-X-Sum"},
	},
	{
		name:      "ok, several names, several lines, a binary one",
		behaviour: behaviour{header: http.Header{"X-Zone": {"b"}, "X-Extra": {"1", "2"}, "X-Key-Bin": {"AAEC"}, "Etag": {`"1"`}}, messages: 1},
		want:      everywhere("Etag, X-Extra, X-Key-Bin, X-Zone"),
	},
	{
		name:      "ok, cookies",
		behaviour: behaviour{header: cookie, messages: 1, trailer: cookie},
	},
	{
		name: "empty stream", kinds: streams,
	},
	{
		name: "empty stream, trailer", kinds: streams,
		behaviour: behaviour{trailer: with(sum, cost)},
		want:      lines{grpcWeb: "X-Sum"},
	},
	{
		name: "empty stream, header and trailer", kinds: streams,
		behaviour: behaviour{header: extra, trailer: sum},
		want:      everywhere("X-Extra"),
	},
	{
		name: "empty stream, declared header and trailer", kinds: streams,
		behaviour: behaviour{header: declared, trailer: sum},
	},
	{
		name:      "error, with nothing set",
		behaviour: behaviour{err: errBare},
	},
	{
		name:      "error, metadata",
		behaviour: behaviour{err: errHint},
		want:      lines{connectUnary: "X-Hint", grpcWeb: "X-Hint"},
	},
	{
		name:      "error, trailer and metadata",
		behaviour: behaviour{trailer: with(sum, cost), err: errHint},
		want:      lines{connectUnary: "Trailer-X-Sum, X-Hint", grpcWeb: "X-Hint, X-Sum"},
	},
	{
		name:      "error, header, trailer and metadata",
		behaviour: behaviour{header: extra, trailer: sum, err: errHint},
		want:      lines{connectUnary: "Trailer-X-Sum, X-Extra, X-Hint", connectStream: "X-Extra", grpcWeb: "X-Extra", grpc: "X-Extra"},
	},
	{
		name:      "error, cookies",
		behaviour: behaviour{trailer: cookie, err: failing(cookie)},
	},
	{
		name:      "error of another type",
		behaviour: behaviour{trailer: sum, err: errors.New("disk full")},
		want:      lines{connectUnary: "Trailer-X-Sum", grpcWeb: "X-Sum"},
	},
	{
		name:      "error of the context",
		behaviour: behaviour{err: context.DeadlineExceeded},
	},
	{
		name:      "error around another",
		behaviour: behaviour{err: fmt.Errorf("while adding: %w", errHint)},
		want:      lines{connectUnary: "X-Hint", grpcWeb: "X-Hint"},
	},
	{
		name:      "error of connect's type that is nil",
		behaviour: behaviour{trailer: sum, err: (*connect.Error)(nil)},
		want:      lines{connectUnary: "Trailer-X-Sum", grpcWeb: "X-Sum"},
	},
	{
		name:      "error of an upstream, whose metadata is not sent",
		behaviour: behaviour{err: wireError(with(foreign, http.Header{"X-Hint": {"wait"}}))},
	},
	{
		name: "error after a message", kinds: streams,
		behaviour: behaviour{messages: 1, trailer: sum, err: errHint},
	},
	{
		name: "error after a message, header", kinds: streams,
		behaviour: behaviour{header: extra, messages: 2, trailer: sum, err: errHint},
		want:      everywhere("X-Extra"),
	},
	{
		name:      "ok, the handler sets CORS headers",
		behaviour: behaviour{header: with(extra, foreign), messages: 1, trailer: foreign},
		baseline:  &behaviour{header: extra, messages: 1},
		want:      everywhere("X-Extra"),
	},
	{
		name:      "ok, the handler sets CORS headers through the context",
		behaviour: behaviour{header: with(extra, foreign), messages: 1, trailer: foreign, inContext: true},
		baseline:  &behaviour{header: extra, messages: 1},
		want:      everywhere("X-Extra"),
	},
	{
		name: "empty stream, the handler sets CORS headers alone", kinds: streams,
		behaviour: behaviour{header: foreign, trailer: with(foreign, sum)},
		baseline:  &behaviour{trailer: sum},
		want:      lines{grpcWeb: "X-Sum"},
	},
	{
		name:      "error, the handler sets CORS headers alone",
		behaviour: behaviour{header: foreign, trailer: with(foreign, sum), err: errHint},
		baseline:  &behaviour{trailer: sum, err: errHint},
		want:      lines{connectUnary: "Trailer-X-Sum, X-Hint", grpcWeb: "X-Hint, X-Sum"},
	},
	{
		name:      "error that forwards an upstream's CORS headers",
		behaviour: behaviour{err: errForwarded},
		baseline:  &behaviour{err: errHint},
		want:      lines{connectUnary: "X-Hint", grpcWeb: "X-Hint"},
	},
	{
		name:      "error around one that forwards an upstream's CORS headers",
		behaviour: behaviour{header: extra, err: errForwardedWrapped},
		baseline:  &behaviour{header: extra, err: fmt.Errorf("while calling upstream: %w", errHint)},
		want:      lines{connectUnary: "X-Extra, X-Hint", connectStream: "X-Extra", grpcWeb: "X-Extra", grpc: "X-Extra"},
	},
	{
		name:      "errors, one of which forwards an upstream's CORS headers",
		behaviour: behaviour{err: errors.Join(errors.New("disk full"), errForwarded)},
		baseline:  &behaviour{err: errors.Join(errors.New("disk full"), errHint)},
		want:      lines{connectUnary: "X-Hint", grpcWeb: "X-Hint"},
	},
	{
		name: "error after a message that forwards an upstream's CORS headers", kinds: streams,
		behaviour: behaviour{messages: 1, trailer: foreign, err: errForwarded},
		baseline:  &behaviour{messages: 1, err: errHint},
	},
}

// The answer to a page has the CORS lines of the table and no others, and
// differs in nothing else from the one without the interceptor.
func TestInterceptor(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{
		ResponseHeaders:  []string{"X-Declared"},
		ResponseTrailers: []string{"X-Cost"},
	})
	behaviours := map[string]behaviour{}
	for _, row := range rows {
		behaviours[row.name] = row.behaviour
		baseline := row.behaviour
		if row.baseline != nil {
			baseline = *row.baseline
		}
		behaviours["baseline of "+row.name] = baseline
	}
	behave := func(header http.Header) behaviour { return behaviours[header.Get("X-Row")] }
	plain := newShop(behave)
	intercepted := newShop(behave, connect.WithInterceptors(corsconnect.Interceptor(policy)))

	for _, in := range []struct {
		name                  string
		plain, intercepted    string
		allowOrigin, withList bool
	}{
		{name: "alone", plain: serve(t, plain), intercepted: serve(t, intercepted)},
		{name: "behind Wrap", plain: serve(t, policy.Wrap(plain)), intercepted: serve(t, policy.Wrap(intercepted)), allowOrigin: true},
	} {
		for _, p := range protocols {
			for _, row := range rows {
				rowKinds := row.kinds
				if rowKinds == nil {
					rowKinds = kinds
				}
				for _, k := range rowKinds {
					if !p.speaks(k) {
						continue
					}
					t.Run(strings.Join([]string{in.name, p.name, k.name, row.name}, "/"), func(t *testing.T) {
						t.Parallel()
						send := func(url, name string) (answer, failure) {
							w := newWire(t, p.http2, http.Header{"Origin": {app}, "X-Row": {name}})
							err := k.call(t.Context(), &http.Client{Transport: w}, url, p.options...)
							return w.answer, failureOf(t, err)
						}
						want, wantFailure := send(in.plain, "baseline of "+row.name)
						got, gotFailure := send(in.intercepted, row.name)

						wantLines := http.Header{}
						if in.allowOrigin {
							rule, ok := policy.Rule(k.procedure)
							require.True(t, ok)
							wantLines.Set("Access-Control-Allow-Origin", app)
							wantLines.Set("Access-Control-Expose-Headers", strings.Join(rule.ResponseHeaders, ", "))
						}
						if line := row.want.of(p, k); line != "" {
							wantLines.Add("Access-Control-Expose-Headers", line)
						}
						assert.Equal(t, wantLines, accessControl(got.Header))
						assert.Empty(t, accessControl(got.Trailer))
						assert.NotContains(t, strings.ToLower(got.Body), "access-control-")

						assert.Equal(t, want.withoutCORS(), got.withoutCORS())
						assert.Equal(t, wantFailure, gotFailure)
					})
				}
			}
		}
	}
	t.Cleanup(func() { // once all rows are through
		assert.Empty(t, errBare.Meta())
		assert.Equal(t, http.Header{"X-Hint": {"wait"}}, errHint.Meta())
		assert.Equal(t, http.Header{
			"X-Hint":                           {"wait"},
			"Access-Control-Allow-Origin":      {"https://upstream.example.com"},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Expose-Headers":    {"X-Upstream"},
		}, errForwarded.Meta(), "errors of package level are left alone")
	})
}

// The rows themselves: a page over gRPC-Web does get trailers-only answers
// where the table assumes them, and two lines of Access-Control-Allow-Origin
// where nothing strips them.
func TestInterceptorIsNeeded(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, policy.Wrap(newShop(func(http.Header) behaviour { return behaviour{err: errForwarded} })))
	for _, p := range protocols[:5] {
		w := newWire(t, p.http2, http.Header{"Origin": {app}})
		require.Error(t, unary.call(t.Context(), &http.Client{Transport: w}, url, p.options...))
		assert.Equal(t, []string{app, "https://upstream.example.com"}, w.answer.Header["Access-Control-Allow-Origin"], p.name)
		if p.web {
			assert.Equal(t, []string{"9"}, w.answer.Header["Grpc-Status"], p.name)
			assert.Empty(t, w.answer.Body, p.name)
		}
	}
}

// A GET is answered the same for every Origin and for none, since a cache may
// give it to any page; other calls without Origin are none of our business.
func TestInterceptorWithoutOrigin(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	handler := newShop(
		func(http.Header) behaviour { return behaviour{header: with(extra, foreign), messages: 1} },
		connect.WithInterceptors(corsconnect.Interceptor(policy)),
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
			require.NoError(t, row.kind.call(t.Context(), &http.Client{Transport: w}, url, uncompressed))
			assert.Equal(t, row.want, accessControl(w.answer.Header))
		})
	}
}

func TestInterceptorLeavesUngovernedProceduresAlone(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CatalogService"}})
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{header: with(extra, foreign), messages: 1} },
		connect.WithInterceptors(corsconnect.Interceptor(policy)),
	))
	for _, k := range []kind{unary, get, serverStream} {
		w := newWire(t, false, http.Header{"Origin": {app}})
		require.NoError(t, k.call(t.Context(), &http.Client{Transport: w}, url))
		assert.Equal(t, foreign, accessControl(w.answer.Header), k.name)
	}
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.NoError(t, clientStream.call(t.Context(), &http.Client{Transport: w}, url))
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, accessControl(w.answer.Header), "the other service is governed")
}

// Middleware's headers look like the handler's own in Connect streams.
func TestInterceptorLeavesMiddlewareAlone(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Credentials: true})
	shop := newShop(
		func(http.Header) behaviour {
			return behaviour{header: http.Header{"X-Extra": {"1"}, "X-Tag": {"handler's"}}, messages: 1}
		},
		connect.WithInterceptors(corsconnect.Interceptor(policy)),
	)
	url := serve(t, policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("X-Tag", "middleware's")
		w.Header().Add("Access-Control-Expose-Headers", "X-Tag-Id")
		shop.ServeHTTP(w, r)
	})))
	for _, p := range protocols {
		for _, k := range kinds {
			if !p.speaks(k) {
				continue
			}
			w := newWire(t, p.http2, http.Header{"Origin": {app}})
			require.NoError(t, k.call(t.Context(), &http.Client{Transport: w}, url, p.options...))
			rule, _ := policy.Rule(k.procedure)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin":      {app},
				"Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers":    {strings.Join(rule.ResponseHeaders, ", "), "X-Tag-Id", "X-Extra, X-Tag"},
			}, accessControl(w.answer.Header), "%s, %s", p.name, k.name)
			assert.Equal(t, "DENY", w.answer.Header.Get("X-Frame-Options"))
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
		return behaviour{header: fields, trailer: sum, err: errHint}
	}
	plain := serve(t, newShop(behave))
	intercepted := serve(t, newShop(behave, connect.WithInterceptors(corsconnect.Interceptor(policy))))
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Post", "Allow", "Cache-Control", "Connect-Accept-Encoding",
		"Connect-Content-Encoding", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Content-Encoding",
		"Content-Language", "Content-Length", "Content-Type", "Date", "Etag", "Expires", "Grpc-Accept-Encoding",
		"Grpc-Encoding", "Grpc-Message", "Grpc-Message-Type", "Grpc-Previous-Rpc-Attempts", "Grpc-Status",
		"Grpc-Status-Details-Bin", "Grpc-Timeout", "Host", "Last-Modified", "Pragma", "Server", "Set-Cookie",
		"Te", "Trailer", "Trailer-", "Trailer-X-Sum", "User-Agent", "Vary", "X-Extra", "X-Grpc-Web", "X-User-Agent",
	} {
		w := newWire(t, false, http.Header{"Origin": {app}, "X-Name": {name}})
		require.Error(t, unary.call(t.Context(), &http.Client{Transport: w}, plain, connect.WithGRPCWeb(), uncompressed))
		trailersOnly := w.answer.Body == ""
		require.Error(t, unary.call(t.Context(), &http.Client{Transport: w}, intercepted, connect.WithGRPCWeb(), uncompressed))
		assert.Equal(t, trailersOnly, w.answer.Body == "", "%s: a trailers-only answer remains one, and no other becomes one", name)
		exposed := strings.Split(strings.Join(w.answer.Header["Access-Control-Expose-Headers"], ", "), ", ")
		if trailersOnly {
			assert.Subset(t, exposed, []string{"X-Hint", "X-Sum"}, name)
		} else {
			assert.NotContains(t, exposed, "X-Sum", name)
			assert.NotContains(t, strings.ToLower(w.answer.Body), "access-control-", name)
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
	url := serve(t, newShop(nil, connect.WithInterceptors(corsconnect.Interceptor(policy), inner)))
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.Error(t, unary.call(t.Context(), &http.Client{Transport: w}, url, connect.WithGRPCWeb(), uncompressed))
	assert.Empty(t, w.answer.Body)
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Hint"}}, accessControl(w.answer.Header))
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
	mux.Handle(unary.procedure, connect.NewUnaryHandler(unary.procedure,
		func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
			return shared, nil
		},
		connect.WithInterceptors(outer, corsconnect.Interceptor(policy)),
	))
	url := serve(t, mux)
	t.Run("calls", func(t *testing.T) {
		for range 8 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				w := newWire(t, false, http.Header{"Origin": {app}})
				require.NoError(t, unary.call(t.Context(), &http.Client{Transport: w}, url))
				assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Trailer-X-Sum, X-Extra"}}, accessControl(w.answer.Header))
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
			mux.Handle(unary.procedure, connect.NewUnaryHandler(unary.procedure,
				func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
					return own, nil
				},
				connect.WithInterceptors(outer, corsconnect.Interceptor(policy)),
			))
			w := newWire(t, false, http.Header{"Origin": {app}})
			require.NoError(t, unary.call(t.Context(), &http.Client{Transport: w}, serve(t, mux)))
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
				t.Run(strings.Join([]string{row.name, from, k.name}, "/"), func(t *testing.T) {
					t.Parallel()
					seen := make(chan error, 1)
					url := serve(t, newShop(
						func(http.Header) behaviour { return behaviour{messages: 1, err: row.err} },
						connect.WithInterceptors(observer{func(err error) { seen <- err }}, corsconnect.Interceptor(policy)),
					))
					_ = k.call(t.Context(), &http.Client{Transport: newWire(t, false, send)}, url)
					if err := <-seen; err != row.err {
						assert.Fail(t, "another error", "%#v instead of %#v", err, row.err)
					}
				})
			}
		}
	}
}

// An observer is told of each error that a handler returns.
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
		func(http.Header) behaviour { return behaviour{messages: 2} },
		connect.WithInterceptors(brokenConns{}, corsconnect.Interceptor(policy), observer{func(err error) { seen <- err }}),
	))
	require.Error(t, serverStream.call(t.Context(), &http.Client{Transport: newWire(t, false, http.Header{"Origin": {app}})}, url))
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
		func(http.Header) behaviour { return behaviour{err: errForwardedWrapped} },
		connect.WithInterceptors(outer, corsconnect.Interceptor(policy)),
	))
	w := newWire(t, false, http.Header{"Origin": {app}})
	require.Error(t, unary.call(t.Context(), &http.Client{Transport: w}, url))
	assert.Equal(t, []string{"wait", "long"}, w.answer.Header["X-Hint"])
	assert.Equal(t, []string{"wait"}, errForwarded.Meta()["X-Hint"])
}

// What interceptors outside of this one put there before is theirs.
func TestInterceptorKeepsWhatWasThereOnEntry(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, newShop(
		func(http.Header) behaviour {
			return behaviour{header: with(extra, foreign), trailer: foreign, err: errHint}
		},
		connect.WithInterceptors(outside{}, corsconnect.Interceptor(policy)),
	))
	want := http.Header{
		"Access-Control-Allow-Origin":   {"https://outside.example.com"},
		"Access-Control-Expose-Headers": {"X-Extra"},
	}
	for _, p := range protocols {
		for _, k := range kinds {
			if !p.speaks(k) {
				continue
			}
			w := newWire(t, p.http2, http.Header{"Origin": {app}})
			require.Error(t, k.call(t.Context(), &http.Client{Transport: w}, url, p.options...))
			row := want.Clone()
			if !p.web && !p.grpc && k.unary {
				row.Set("Access-Control-Expose-Headers", "X-Extra, X-Hint")
			}
			assert.Equal(t, row, accessControl(w.answer.Header), "%s, %s", p.name, k.name)
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
	mux.Handle(unary.procedure, connect.NewUnaryHandler(unary.procedure,
		func(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
			return nil, errHint
		},
		connect.WithInterceptors(outer, corsconnect.Interceptor(policy)),
	))
	w := newWire(t, false, http.Header{"Origin": {app}})
	err := unary.call(t.Context(), &http.Client{Transport: w}, serve(t, mux))
	assert.Equal(t, connect.CodeFailedPrecondition, connect.CodeOf(err))
	assert.Empty(t, accessControl(w.answer.Header))
}

// A conditional GET gets its 304, also where its metadata had to be replaced.
func TestInterceptorNotModified(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	for _, forwarded := range []http.Header{nil, foreign} {
		notModified := connect.NewNotModifiedError(with(http.Header{"Etag": {`"1"`}}, forwarded))
		url := serve(t, newShop(
			func(http.Header) behaviour { return behaviour{err: notModified} },
			connect.WithInterceptors(corsconnect.Interceptor(policy)),
		))
		w := newWire(t, false, http.Header{"Origin": {app}})
		err := get.call(t.Context(), &http.Client{Transport: w}, url)
		assert.True(t, connect.IsNotModifiedError(err), "%v", err)
		assert.Equal(t, http.StatusNotModified, w.answer.Status)
		assert.Equal(t, []string{`"1"`}, w.answer.Header["Etag"])
		assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"Etag"}}, accessControl(w.answer.Header))
	}
}

// A client with the interceptor sees all that its server sent, also if it calls
// from within a handler, whose answer is another one.
func TestInterceptorAroundClients(t *testing.T) {
	t.Parallel()
	interceptor := connect.WithInterceptors(corsconnect.Interceptor(newPolicy(t, corsrpc.Config{})))
	upstream := shopv1connect.NewCatalogServiceClient(http.DefaultClient, serve(t, newShop(
		func(http.Header) behaviour { return behaviour{header: with(extra, foreign), trailer: sum, messages: 1} },
	)), interceptor)
	mux := http.NewServeMux()
	mux.Handle(unary.procedure, connect.NewUnaryHandler(unary.procedure,
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
	require.NoError(t, unary.call(t.Context(), &http.Client{Transport: w}, serve(t, mux)))
	assert.Empty(t, accessControl(w.answer.Header))
}

// A policy that is updated under load is asked anew for every call.
func TestInterceptorAfterUpdate(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{})
	url := serve(t, newShop(
		func(http.Header) behaviour { return behaviour{header: extra} },
		connect.WithInterceptors(corsconnect.Interceptor(policy)),
	))
	call := func() http.Header {
		w := newWire(t, false, http.Header{"Origin": {app}})
		require.NoError(t, unary.call(t.Context(), &http.Client{Transport: w}, url))
		return accessControl(w.answer.Header)
	}
	assert.Equal(t, http.Header{"Access-Control-Expose-Headers": {"X-Extra"}}, call())
	config := policy.Config()
	config.ResponseHeaders = []string{"X-Extra"}
	require.NoError(t, policy.Update(config))
	assert.Empty(t, call())
}

func TestInterceptorOfNoPolicy(t *testing.T) {
	t.Parallel()
	assert.PanicsWithError(t, "corsconnect: nil policy; make one with corsrpc.New", func() { corsconnect.Interceptor(nil) })
}

// The detail that errors of these tests carry is one that clients can read.
func TestFailing(t *testing.T) {
	t.Parallel()
	value, err := failing(nil).Details()[0].Value()
	require.NoError(t, err)
	assert.True(t, proto.Equal(&shopv1.OutOfStock{ProductId: "kettle", Available: 3}, value))
}

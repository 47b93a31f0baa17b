package corsconnect

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/expose"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// NewInterceptor returns an interceptor that lets pages read what a handler
// sends. To Access-Control-Expose-Headers it adds the names of the application's
// headers, trailers and error metadata that this response carries among its HTTP
// headers and that the policy's lists lack, in the form that the caller's protocol
// gives them: X-Cost as a trailer of a unary call is Trailer-X-Cost over Connect,
// and X-Cost over gRPC-Web if the call fails before anything was sent. The
// policy's lists are sent by Wrap, or by the proxy, beside this line. Cookies are
// never exposed, since no browser shows them to pages.
//
// It also removes Access-Control-* from headers, trailers and error metadata,
// where handlers put them that forward what another server sent: two lines of
// Access-Control-Allow-Origin make a browser block the whole response. What was
// there before the handler ran stays. A handler's errors and responses are never
// changed, since calls can share them: a copy is sent instead, behind which
// [errors.Is] still finds the original.
//
// Both apply to requests with Origin, whatever it is, and to every GET, so cached
// responses are the same for every origin. An expose line alone permits nothing.
// All other responses pass untouched, and so do procedures that the policy does
// not govern. A trailers-only response remains one.
//
// List the interceptor first, as the outermost. It does not reach what
// interceptors outside of it add, nor responses that Connect writes without
// running interceptors: those of gates, and those to requests that it cannot
// decode. A declared name is readable in all of those. Also declare the names that
// responses with Etag carry: a 304 carries fewer, and its list replaces the one
// that the browser has stored.
//
// Its line is added to that of Wrap, so handlers between the two must add headers
// and not replace them. [http.TimeoutHandler] replaces them: its inner handler
// must first copy Wrap's headers, as examples/routers/timeout.go does.
//
// For the calls of a client it does nothing. NewInterceptor panics if the policy
// is nil.
func NewInterceptor(policy *corsrpc.Policy) connect.Interceptor {
	requirePolicy(policy)
	return &interceptor{policy: policy, errors: newErrorReader()}
}

type interceptor struct {
	policy *corsrpc.Policy
	errors errorReader
}

func (i *interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		spec := req.Spec()
		// A client's call can have the context of a handler that makes it.
		if spec.IsClient || !i.concerned(spec, req.HTTPMethod(), req.Header()) {
			return next(ctx, req)
		}
		info, ok := connect.CallInfoForHandlerContext(ctx)
		if !ok { // an interceptor outside replaced the context
			return next(ctx, req)
		}
		a := i.begin(spec, req.Peer(), info.ResponseHeader(), info.ResponseTrailer())
		res, err := next(ctx, req)
		a.strip()
		if err != nil {
			metadata, err := i.errors.strip(err)
			a.expose(metadata, !survives(a.header))
			return nil, err
		}
		res = stripResponse(res)
		a.names.Add("", res.Header(), nil)
		if a.form.InResponse(false) {
			a.names.Add(a.form.Prefix, res.Trailer(), nil)
		}
		a.expose(nil, false)
		return res, nil
	}
}

func (i *interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		spec := conn.Spec()
		if !i.concerned(spec, http.MethodPost, conn.RequestHeader()) {
			return next(ctx, conn)
		}
		c := &handlerConn{
			StreamingHandlerConn: conn,
			response:             i.begin(spec, conn.Peer(), conn.ResponseHeader(), conn.ResponseTrailer()),
		}
		err := next(ctx, c)
		c.response.strip()
		metadata, err := i.errors.strip(err)
		if !c.sent {
			c.response.expose(metadata, len(c.response.header) == 0)
		}
		return err
	}
}

// WrapStreamingClient does nothing.
func (i *interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// concerned reports whether the interceptor has anything to do with a call.
func (i *interceptor) concerned(spec connect.Spec, method string, header http.Header) bool {
	if !expose.Readable(method, header["Origin"]) {
		return false
	}
	return i.policy.Governs(spec.Procedure)
}

// A handlerConn treats the header before it is sent: with the first message.
type handlerConn struct {
	connect.StreamingHandlerConn

	response sentResponse
	sent     bool
}

func (c *handlerConn) Send(message any) error {
	if !c.sent {
		c.sent = true
		c.response.strip()
		c.response.expose(nil, false)
	}
	return c.StreamingHandlerConn.Send(message)
}

// A sentResponse is what one call sends besides messages.
type sentResponse struct {
	form  protocol.TrailerForm
	names expose.Names

	// For streams of the Connect protocol, the header is the
	// http.ResponseWriter's own, with all that was set outside.
	header, headerOnEntry   http.Header
	trailer, trailerOnEntry http.Header
}

func (i *interceptor) begin(spec connect.Spec, peer connect.Peer, header, trailer http.Header) sentResponse {
	return sentResponse{
		form:           expose.FormOf(peer.Protocol, spec.StreamType == connect.StreamTypeUnary),
		names:          expose.Names{Static: i.policy, Procedure: spec.Procedure},
		header:         header,
		headerOnEntry:  snapshot(header),
		trailer:        trailer,
		trailerOnEntry: snapshot(trailer),
	}
}

func snapshot(fields http.Header) http.Header {
	if len(fields) == 0 {
		return nil
	}
	return fields.Clone()
}

func (a *sentResponse) strip() {
	expose.Strip(a.header, a.headerOnEntry)
	expose.Strip(a.trailer, a.trailerOnEntry)
}

// expose adds the line that the response needs. It goes where the headers are that
// it names: a header line would turn a trailers-only response into one that has
// its status in the body.
func (a *sentResponse) expose(errorMetadata http.Header, trailersOnly bool) {
	a.names.Add("", a.header, a.headerOnEntry)
	if a.form.InResponse(trailersOnly) {
		a.names.Add(a.form.Prefix, a.trailer, a.trailerOnEntry)
		a.names.Add("", errorMetadata, nil)
	}
	line := a.names.Line()
	if line == "" {
		return
	}
	fields := a.header
	if trailersOnly && a.form.TrailersOnly {
		fields = a.trailer
	}
	fields.Add(expose.Header, line)
}

// survives reports whether connect-go sends any of a unary call's header
// fields. It drops those of the protocols when it hands them on.
func survives(header http.Header) bool {
	for name, lines := range header {
		if len(lines) > 0 && !dropped[name] {
			return true
		}
	}
	return false
}

// dropped are connect-go's protocolHeaders, under the keys that it compares.
var dropped = map[string]bool{
	"Accept-Encoding":          true,
	"Connect-Accept-Encoding":  true,
	"Connect-Content-Encoding": true,
	"Connect-Protocol-Version": true,
	"Connect-Timeout-Ms":       true,
	"Content-Encoding":         true,
	"Content-Length":           true,
	"Content-Type":             true,
	"Date":                     true,
	"Grpc-Accept-Encoding":     true,
	"Grpc-Encoding":            true,
	"Grpc-Message":             true,
	"Grpc-Status":              true,
	"Grpc-Status-Details-Bin":  true,
	"Grpc-Timeout":             true,
	"Host":                     true,
	"Trailer":                  true,
	"Trailer-":                 true,
	"User-Agent":               true,
}

// stripResponse returns the response without foreign fields: itself if it has
// none.
func stripResponse(res connect.AnyResponse) connect.AnyResponse {
	header, trailer := expose.Without(res.Header()), expose.Without(res.Trailer())
	if len(header) == len(res.Header()) && len(trailer) == len(res.Trailer()) {
		return res
	}
	return &response{AnyResponse: res, header: header, trailer: trailer}
}

// A response is a handler's with other fields. connect-go allows no other way
// to replace them than to change those of the handler.
type response struct {
	connect.AnyResponse

	header, trailer http.Header
}

func (r *response) Header() http.Header  { return r.header }
func (r *response) Trailer() http.Header { return r.trailer }

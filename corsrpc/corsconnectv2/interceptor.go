package corsconnectv2

import (
	"context"
	"errors"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/expose"
)

// NewServerInterceptor returns an interceptor that does three things.
//
// It refuses calls that the policy refuses, by the rules of
// [corsrpc.Policy.Wrap], and calls OnDecision as [corsrpc.Policy.Admit] does. A
// refused call ends as permission_denied in the protocol of its caller, with
// the text "corsrpc: " and the Reason. Its body is not decoded, and neither the
// interceptors after this one nor the handler run. A method that only the
// server's unknown handler serves is judged by the rule of its service. An
// origin is compared with the Host of the request as it arrives here: behind a
// proxy that rewrites Host, name the public ones in Hosts of the policy's
// Config. Use [BehindWrap] where Wrap does all this.
//
// It lets pages read what a handler sends. To Access-Control-Expose-Headers it
// adds the names of the application's headers and trailers that this response
// carries among its HTTP headers and that the policy's lists lack, in the form
// that the caller's protocol gives them: X-Cost as a trailer of a unary call is
// Trailer-X-Cost over Connect, and X-Cost over gRPC-Web if the call fails
// before anything was sent. The policy's lists are Wrap's to send, or the
// proxy's, beside this line. Cookies are never exposed, since no browser shows
// them to pages. A gRPC-Web response that is trailers-only remains so.
//
// It removes Access-Control-* from headers and trailers, where handlers put
// them that forward what another server sent: two lines of
// Access-Control-Allow-Origin make a browser block the whole response.
//
// The last two apply to requests with Origin, whatever it is, and to every GET,
// so that the response to a GET does not depend on Origin. An expose line alone
// permits nothing. All other responses pass untouched, and so do calls of
// procedures that the policy does not govern, and calls within the process,
// which have no transport.
//
// List the interceptor first, as the outermost. It does not reach what
// interceptors outside of it add to a response, nor responses that Connect
// writes without running interceptors: to requests of an unknown content type,
// method, compression or timeout, and to unknown methods. A declared name is
// readable in all of those. Declare the names that responses with Etag carry,
// too: a 304 carries fewer, and its list replaces the one that the browser has
// stored.
//
// The policy is asked anew for each call, so it can be one that gets its Config
// later, by [corsrpc.Policy.Update]. NewServerInterceptor panics if the policy
// is nil.
func NewServerInterceptor(policy *corsrpc.Policy, options ...Option) connect.ServerInterceptor {
	if policy == nil {
		panic(errNilPolicy)
	}
	var o interceptorOptions
	for _, option := range options {
		option(&o)
	}
	return func(next connect.ServerFunc) connect.ServerFunc {
		i := &interceptor{policy: policy, next: next, judges: !o.behindWrap}
		return i.serve
	}
}

// An Option changes what [NewServerInterceptor] returns.
type Option func(*interceptorOptions)

type interceptorOptions struct{ behindWrap bool }

// BehindWrap leaves it to [corsrpc.Policy.Wrap], or [Mount], to refuse calls.
// Without it, a call that passes both is judged twice and reported to
// OnDecision twice.
//
// Do not use it where requests can reach the server around Wrap.
func BehindWrap() Option { return func(o *interceptorOptions) { o.behindWrap = true } }

var (
	errNilPolicy = errors.New("corsconnectv2: nil policy; make one with corsrpc.New")

	errNoCallInfo = connect.NewError(connect.CodeInternal, "").WithCause(errors.New(
		"corsconnectv2: the context has no CallInfo: an interceptor before this one replaced the context; list NewServerInterceptor first"))
)

type interceptor struct {
	policy *corsrpc.Policy
	next   connect.ServerFunc
	judges bool
}

func (i *interceptor) serve(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
	info, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		// Server.Call attaches it to every call. Without it nobody knows who
		// calls.
		return errNoCallInfo
	}
	if info.TransportInfo == nil {
		// From within the process (connectinprocess): not from a browser,
		// whatever metadata it forwards.
		return i.next(ctx, spec, stream)
	}
	origins := info.RequestHeader().Values("Origin")
	method := httpMethod(info)
	if i.judges {
		if decision := i.policy.Admit(ctx, callOf(spec.Procedure, origins, info.RequestHeader())); decision.Outcome == corsrpc.OutcomeRefused {
			return refuse(info, method, decision.Reason)
		}
	}
	if !expose.Readable(method, origins) || !i.policy.Governs(spec.Procedure) {
		return i.next(ctx, spec, stream)
	}
	r := newResponse(stream, info, i.policy, spec.Procedure)
	err := i.next(ctx, spec, r)
	r.end()
	return err
}

// httpMethod returns the method of the request, or "" on a transport that is
// not HTTP.
func httpMethod(info *connect.CallInfo) string {
	server, _ := info.TransportInfo.(*connecthttp.ServerInfo)
	return server.HTTPMethod()
}

// callOf returns what Admit reads of a call.
func callOf(procedure string, origins []string, header *connect.Header) corsrpc.Call {
	call := corsrpc.Call{Procedure: procedure, Host: header.Get("Host")} // connecthttp puts Request.Host there
	site := header.Values("Sec-Fetch-Site")
	// No copy of all headers: most calls have none of these.
	if len(origins) > 0 || len(site) > 0 {
		call.Header = http.Header{
			"Origin":         origins,
			"Sec-Fetch-Site": site,
			"Sec-Purpose":    header.Values("Sec-Purpose"),
			"Cookie":         header.Values("Cookie"),
		}
	}
	return call
}

// refuse returns the error of a refused call.
func refuse(info *connect.CallInfo, method string, reason corsrpc.Reason) error {
	if method == http.MethodGet {
		// Its URL is that of calls which are allowed.
		info.ResponseHeader().Set("Cache-Control", "no-store")
	}
	return connect.NewError(connect.CodePermissionDenied, "corsrpc: "+reason.String())
}

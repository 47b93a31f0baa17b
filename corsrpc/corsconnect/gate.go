package corsconnect

import (
	"context"
	"errors"
	"net/http"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// WithGate refuses calls that the policy refuses, by the rules of
// [corsrpc.Policy.Wrap], and calls OnDecision. A refused call ends as
// permission_denied in the protocol of its caller, with the text "corsrpc: "
// and the Reason; its body is not read, and neither interceptors nor the
// handler run. Procedures that the policy does not govern pass.
//
// An origin is compared with the Host of the request as it arrives here. Behind
// a proxy that rewrites Host, name the public ones in Hosts of the policy's
// Config, or browsers that do not send Sec-Fetch-Site are refused on the
// server's own pages.
//
// Connect runs gates in the order of the options. What a gate refuses, no
// interceptor sees, [NewInterceptor] included.
//
// WithGate panics if the policy is nil.
func WithGate(policy *corsrpc.Policy) connect.HandlerOption {
	requirePolicy(policy)
	return connect.WithRequestGate(func(ctx context.Context, spec connect.Spec, peer connect.Peer, header http.Header) (context.Context, error) {
		call := corsrpc.Call{Procedure: spec.Procedure, Header: header}
		if host := header["Host"]; len(host) > 0 { // connect-go puts Request.Host there
			call.Host = host[0]
		}
		decision := policy.Admit(ctx, call)
		if decision.Outcome != corsrpc.OutcomeRefused {
			return nil, nil // goes on with ctx
		}
		return nil, refusal(decision.Reason, spec, peer)
	})
}

// refusal is the error of a refused call.
func refusal(reason corsrpc.Reason, spec connect.Spec, peer connect.Peer) *connect.Error {
	err := connect.NewError(connect.CodePermissionDenied, errors.New("corsrpc: "+reason.String()))
	if peer.Protocol == connect.ProtocolConnect && spec.IdempotencyLevel == connect.IdempotencyNoSideEffects {
		// The call can be a GET, and no cache must give this response to pages
		// that are listed.
		err.Meta().Set("Cache-Control", "no-store")
	}
	return err
}

func requirePolicy(policy *corsrpc.Policy) {
	if policy == nil {
		panic(errNilPolicy)
	}
}

var errNilPolicy = errors.New("corsconnect: nil policy; make one with corsrpc.New")

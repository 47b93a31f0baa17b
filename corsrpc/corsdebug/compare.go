package corsdebug

import (
	"context"
	"errors"
	"net/http"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A Difference is a request on which two policies decide differently.
type Difference struct {
	Enforced  corsrpc.Decision // of the policy in force
	Candidate corsrpc.Decision
}

// Compare returns middleware that calls differ for every request on which
// candidate would decide otherwise than policy: with another Outcome, Status or
// Reason. It changes no response. Put it around policy.Wrap:
//
//	handler := corsdebug.Compare(cors, candidate, log)(cors.Wrap(mux))
//
// differ is called before the handler, in the request's goroutine, concurrently
// with itself, and must not block. Neither policy's OnDecision is called for the
// comparison.
//
// Real traffic does not show everything. A call whose preflight the policy in
// force refuses never arrives, so Compare cannot report that the candidate would
// allow it, beyond the preflight itself. Browsers keep successful preflights for up to
// two hours, so what the candidate would refuse shows up late or as a call
// alone. Headers that a page could no longer read show up nowhere, because
// responses to a listed origin are allowed either way. `corsrpc diff`, package
// corsdiff, finds all of these, without traffic.
//
// Compare panics if an argument is nil.
func Compare(policy, candidate *corsrpc.Policy, differ func(context.Context, Difference)) func(http.Handler) http.Handler {
	if policy == nil || candidate == nil || differ == nil {
		panic(errors.New("corsdebug: Compare needs two policies and a function"))
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := Difference{policy.Evaluate(r), candidate.Evaluate(r)}
			if d.Enforced.Outcome != d.Candidate.Outcome || d.Enforced.Status != d.Candidate.Status || d.Enforced.Reason != d.Candidate.Reason {
				differ(r.Context(), d)
			}
			next.ServeHTTP(w, r)
		})
	}
}

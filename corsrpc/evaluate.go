package corsrpc

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// Evaluate returns what Wrap would do with the request, and what a browser
// then does. It has no side effect, reads only the request's method, path,
// host and header, and does not call OnDecision.
func (p *Policy) Evaluate(r *http.Request) Decision {
	if r.Method == "PRI" {
		return refusedPreface
	}
	ix, q := p.load(), access.NewRequest(r)
	var j judgement
	ix.judge(&j, "", r.URL, &q)
	d := ix.decide(&j, r.URL, &q)
	d.Origin = quoteLines(q.Origins)
	return d
}

var refusedPreface = Decision{Kind: KindNonBrowser, Outcome: OutcomeRefused, Status: http.StatusForbidden, Reason: ReasonHTTP2Preface}

// A Call is an RPC as an interceptor knows it.
type Call struct {
	// Procedure is "/pkg.Service/Method", whatever the PathPrefix.
	Procedure string
	// Host is the request's Host header or :authority, empty if unknown.
	Host string
	// Header has the request's headers under canonical names, or at least
	// Origin, Sec-Fetch-Site, Sec-Purpose and Cookie.
	Header http.Header
}

// Admit judges a call by the same steps as [Policy.Wrap], for interceptors on
// servers where something else writes the CORS headers. It calls OnDecision, as
// Wrap does. The call must not go on if the Decision's Outcome is OutcomeRefused.
//
// Origin, Detail and Fix are empty if the call is allowed, and then Admit does
// not allocate.
func (p *Policy) Admit(ctx context.Context, call Call) Decision {
	ix := p.load()
	e := ix.closed
	if ix != zeroIndex {
		if e = ix.procedure(call.Procedure); e == nil {
			return Decision{Kind: KindUngoverned, Allowed: true}
		}
	}
	// The method is that of most calls; no interceptor ever sees a preflight.
	q := access.Request{Method: http.MethodPost, Host: call.Host, Header: call.Header, Origins: call.Header["Origin"]}
	d := ix.decide(&judgement{own: e, by: e, verdict: e.JudgeCall(&q)}, &url.URL{}, &q)
	if ix.onDecision != nil && (!d.Allowed || q.Marked()) {
		ix.onDecision(ctx, d)
	}
	return d
}

// decide turns a judgement into a Decision, without the Origin of what is
// allowed.
func (ix *index) decide(j *judgement, u *url.URL, q *access.Request) Decision {
	if j.by == nil {
		return ix.decideUngoverned(u.Path, q)
	}
	reason, name := j.verdict.Reason, ""
	if j.by == j.own {
		reason, name = j.by.Browser(j.verdict, q)
	}
	d := Decision{
		Kind:      Kind(j.by.Kind(j.verdict, q)),
		Allowed:   reason == access.ReasonOK,
		Reason:    Reason(reason),
		Path:      j.by.rule.Path,
		Procedure: j.by.rule.Procedure,
	}
	switch {
	case j.verdict.Refused:
		d.Outcome, d.Status = OutcomeRefused, http.StatusForbidden
	case d.Kind == KindPreflight && (j.by == j.own || j.explained):
		d.Status = http.StatusNoContent
		if !d.Allowed {
			d.Outcome = OutcomeBlocked
		}
	case d.Allowed:
	case j.by.Enforced:
		d.Outcome = OutcomeReported
	default:
		d.Outcome = OutcomeBlocked
	}
	if !d.Allowed {
		d.Reason = Reason(j.by.reason(reason))
		d.Origin = quoteLines(q.Origins)
		ix.explain(&d, j, name, u, q)
	}
	return d
}

// reason replaces the reasons of a rule that stands for the lack of one.
func (e *entry) reason(reason access.Reason) access.Reason {
	if e.rule.from.closed && reason != access.ReasonOK {
		return access.ReasonNotConfigured
	}
	return reason
}

// decideUngoverned is for a path without a rule, which grants nothing and
// refuses nothing.
func (ix *index) decideUngoverned(path string, q *access.Request) Decision {
	grantsNothing := access.Rule{Origins: noOrigins.set, Server: &ix.server}
	reason, _ := grantsNothing.Browser(grantsNothing.Judge(q), q)
	if reason == access.ReasonOK {
		return Decision{Kind: KindUngoverned, Allowed: true}
	}
	d := Decision{Kind: KindUngoverned, Outcome: OutcomeBlocked, Reason: ReasonNoRule, Origin: quoteLines(q.Origins)}
	if e, prefix := ix.misplaced(path); e != nil {
		d.Reason, d.Path, d.Procedure = ReasonWrongPathPrefix, e.rule.Path, e.rule.Procedure
		d.Detail = "the procedure is below " + quote(prefix) + ", and the policy expects it below " + quote(ix.prefix)
		if len(prefix) <= longestQuoted && checkPathPrefix(prefix) == "" {
			d.Fix = "set PathPrefix to " + quote(prefix)
		}
	}
	return d
}

// misplaced returns the entry of a procedure in which the path ends below
// another prefix than the policy's, and that prefix.
func (ix *index) misplaced(path string) (e *entry, prefix string) {
	if end := strings.LastIndexByte(path, '/'); end > 0 {
		if start := strings.LastIndexByte(path[:end], '/'); start >= 0 {
			return ix.procedures[path[start:]], path[:start]
		}
	}
	return nil, ""
}

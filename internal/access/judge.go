// Package access decides, for every interceptor alike, what becomes of a
// request: preflight or call, allowed or refused, and what a conforming browser
// makes of the response.
//
// It is pure: rule and request in, verdict out. Nothing else in this module
// makes that decision.
package access

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// A Rule is what one path grants to pages. It is immutable once in use.
type Rule struct {
	// Origins are those of the pages that may call.
	Origins *origin.Set
	// Credentials lets them call with cookies.
	Credentials bool
	// Enforced rules refuse calls; others only leave permissions out. Those
	// of procedures are enforced.
	Enforced bool
	// Internal refuses everything that a page can have caused.
	Internal bool
	// ReportOnly suspends Enforced, except for Internal.
	ReportOnly bool
	// Links lets requests with GET or HEAD pass without Origin.
	Links bool
	// Methods and RequestHeaders are the lists of a preflight's response.
	Methods        []string
	RequestHeaders headername.Set
	// Server is shared by all rules of a policy. It must not be nil.
	Server *Server
}

// A Server is what is known of the server itself. The zero value compares an
// Origin with the request's own Host and requires nothing.
type Server struct {
	// Hosts are the server's public hosts; nil stands for the request's Host.
	Hosts []string
	// RequireHosts refuses calls and preflights for other hosts.
	RequireHosts bool
	// RequireFetchMetadata refuses calls with neither Origin nor
	// Sec-Fetch-Site.
	RequireFetchMetadata bool
}

// Requires reports whether requests that no browser marked can be refused.
func (s *Server) Requires() bool { return s.RequireHosts || s.RequireFetchMetadata }

// A Request is what is judged of a request.
type Request struct {
	Method string
	Host   string // the Host header or :authority
	Header http.Header
	// Origins are the lines of Origin. Looking a header up is a good part of
	// all that is done for a request, so it is done once.
	Origins []string
}

// NewRequest returns what is judged of r.
func NewRequest(r *http.Request) Request {
	return Request{Method: r.Method, Host: r.Host, Header: r.Header, Origins: r.Header["Origin"]}
}

// Marked reports whether a browser marked the request: with Origin or with
// Sec-Fetch-Site.
func (q *Request) Marked() bool {
	return len(q.Origins) > 0 || len(q.Header["Sec-Fetch-Site"]) > 0
}

// IsPreflight reports whether the request is a CORS-preflight request (Fetch,
// "CORS protocol"): OPTIONS with both headers. Presence counts, not validity.
func (q *Request) IsPreflight() bool {
	return q.Method == http.MethodOptions && len(q.Origins) > 0 && len(q.Header["Access-Control-Request-Method"]) > 0
}

// A Kind classifies requests by sender and purpose.
type Kind uint8

// The kinds. The public package documents them.
const (
	KindUngoverned Kind = iota
	KindSameOrigin
	KindNonBrowser
	KindPreflight
	KindCrossOrigin
)

// A Verdict is the outcome for one request. The zero Verdict lets it pass.
type Verdict struct {
	Kind   Kind
	Reason Reason
	// Refused requests must not reach the handler.
	Refused bool
	// Permitted means that the rule lists the origin: the response permits
	// it, if the request is not refused. It depends on Origin and the
	// rule alone, because that is what Vary tells caches.
	Permitted bool
}

// Judge decides on a request to the rule's path. It neither allocates nor reads
// a header to its end that no valid request could have.
//
// For a call that passes because the rule lists its origin, Kind is always
// KindCrossOrigin; [Rule.Kind] looks further.
func (r *Rule) Judge(q *Request) Verdict {
	if q.IsPreflight() {
		return r.judgePreflight(q)
	}
	return r.JudgeCall(q)
}

// judgePreflight allows by origin alone. Which method and which headers the
// page asks for is the browser's to compare with the complete lists that it
// gets: see Browser.
func (r *Rule) judgePreflight(q *Request) Verdict {
	reason := r.permits(q.Origins)
	switch {
	case r.Server.RequireHosts && r.Enforced && !r.isOwnHost(q.Host):
		reason = ReasonHostNotAllowed
	case r.Internal:
		reason = ReasonInternalMethod
	}
	return Verdict{Kind: KindPreflight, Reason: reason, Refused: reason != ReasonOK, Permitted: reason == ReasonOK}
}

// JudgeCall decides on a request that is not a preflight.
//
//  1. Where the policy requires its hosts or a browser's mark, calls without
//     are refused.
//  2. An internal method is refused to every request that a browser marked.
//  3. What the browser marks as same-origin passes, and what it marks as the
//     user's own doing, unless Sec-Purpose shows that a page's speculation
//     rules made it.
//  4. What carries no mark of a browser passes.
//  5. Without Origin, every other request is refused, except for a GET to a
//     rule with Links: images, scripts, frames, forms and navigations reach a
//     GET with cookies.
//  6. Where the browser sends no Sec-Fetch-Site, the server's own host passes.
//  7. A listed origin passes, unless the request has cookies and the rule no
//     credentials.
//  8. Every other origin is refused.
//
// All steps refuse only where the rule is enforced.
func (r *Rule) JudgeCall(q *Request) Verdict {
	originReason := r.permits(q.Origins)
	if originReason == ReasonOK && !r.Internal && !r.Server.RequireHosts && (r.Credentials || !r.Enforced || len(q.Header["Cookie"]) == 0) {
		// Sec-Fetch-Site could only name another step by which it passes.
		return Verdict{Kind: KindCrossOrigin, Permitted: true}
	}
	site := q.Header["Sec-Fetch-Site"]
	v := Verdict{Kind: r.kind(q, site), Permitted: originReason == ReasonOK && !r.Internal}
	if !r.Enforced {
		if v.Kind == KindCrossOrigin {
			v.Reason = originReason
		}
		return v
	}
	internal := r.Internal && v.Kind != KindNonBrowser
	switch {
	case internal && r.ReportOnly:
		v.Reason = ReasonInternalMethod // which refuses, while step 1 only reports
	case r.Server.RequireHosts && !r.isOwnHost(q.Host):
		v.Reason = ReasonHostNotAllowed
	case r.Server.RequireFetchMetadata && v.Kind == KindNonBrowser:
		v.Reason = ReasonFetchMetadataMissing
	case internal:
		v.Reason = ReasonInternalMethod
	case v.Kind == KindSameOrigin, v.Kind == KindNonBrowser:
	case originReason == ReasonOriginMissing && r.Links && (q.Method == http.MethodGet || q.Method == http.MethodHead):
	case originReason != ReasonOK:
		v.Reason = originReason
	case !r.Credentials && len(q.Header["Cookie"]) > 0:
		v.Reason = ReasonCredentialsNotAllowed
	}
	v.Refused = v.Reason != ReasonOK && (!r.ReportOnly || v.Reason == ReasonInternalMethod)
	return v
}

// Kind returns the kind of a request with this verdict.
func (r *Rule) Kind(v Verdict, q *Request) Kind {
	if v.Kind == KindCrossOrigin && v.Permitted {
		return r.kind(q, q.Header["Sec-Fetch-Site"])
	}
	return v.Kind
}

// kind takes steps 3, 4 and 6 of JudgeCall.
func (r *Rule) kind(q *Request, site []string) Kind {
	switch {
	case len(site) == 0 && len(q.Origins) == 0:
		return KindNonBrowser
	case isOnly(site, "same-origin"):
		return KindSameOrigin
	case isOnly(site, "none") && len(q.Header["Sec-Purpose"]) == 0:
		return KindSameOrigin
	case len(site) == 0 && len(q.Origins) == 1 && r.IsOwn(q.Origins[0], q.Host):
		return KindSameOrigin
	}
	return KindCrossOrigin
}

// permits compares the lines of Origin with the rule's origins.
func (r *Rule) permits(origins []string) Reason {
	switch {
	case len(origins) == 0:
		return ReasonOriginMissing
	case len(origins) != 1 || origins[0] == "":
		return ReasonOriginMalformed
	case r.Origins.Contains(origins[0]):
		return ReasonOK
	}
	return ReasonOriginNotAllowed
}

// IsOwn reports whether the origin is that of the server itself.
func (r *Rule) IsOwn(o, host string) bool {
	if r.Server.Hosts == nil {
		return origin.SameHost(o, host)
	}
	for _, own := range r.Server.Hosts {
		if origin.SameHost(o, own) {
			return true
		}
	}
	return false
}

// isOwnHost reports whether a request's host is one of Hosts.
func (r *Rule) isOwnHost(host string) bool {
	for _, own := range r.Server.Hosts {
		if origin.EqualHosts(own, host) {
			return true
		}
	}
	return false
}

func isOnly(lines []string, value string) bool {
	return len(lines) == 1 && lines[0] == value
}

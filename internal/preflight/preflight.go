// Package preflight decides, for every interceptor alike, what becomes of a
// request: preflight or call, permitted or refused, and what a conforming
// browser makes of the answer.
//
// It is pure: rule and request in, verdict out. Nothing else in this module
// takes that decision.
package preflight

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// A Rule is what one path grants to pages. It is immutable once in use.
type Rule struct {
	// Origins are those of the pages that may call.
	Origins *origin.Set
	// Credentials lets them do so with cookies.
	Credentials bool
	// Enforced rules refuse calls; others only leave permissions out. Those
	// of procedures are enforced.
	Enforced bool
	// Internal refuses everything that a page can have caused.
	Internal bool
	// ReportOnly suspends Enforced, but not for Internal.
	ReportOnly bool
	// Hosts are the server's own, for the same-origin comparison; nil stands
	// for the request's Host field.
	Hosts []string
	// Methods and RequestHeaders are what a preflight's answer lists.
	Methods        []string
	RequestHeaders field.Set
}

// A Kind says who seems to have sent a request, and what for.
type Kind uint8

// The kinds. The public package gives them their meaning.
const (
	Ungoverned Kind = iota
	SameOrigin
	NonBrowser
	Preflight
	Cross
)

// A Reason says why a request was not allowed.
type Reason uint8

// The reasons. The public package gives them their text. Those from NoRule on
// are about the lack of a rule and are never the result of judging by one.
const (
	OK Reason = iota
	OriginMalformed
	OriginNotAllowed
	OriginMissing
	InternalMethod
	MethodNotAllowed
	HeaderNotAllowed
	HeadersMalformed
	CredentialsNotAllowed
	NoRule
	WrongPathPrefix
	NotConfigured
	HTTP2Preface
	reasons
)

// Reasons is how many there are.
const Reasons = int(reasons)

// A Verdict is the outcome for one request.
type Verdict struct {
	Kind   Kind
	Reason Reason
	// Refused requests must not reach the handler.
	Refused bool
	// Permitted means that Origin is one of the rule's: the answer tells the
	// browser so. Reason is OK then.
	Permitted bool
}

// IsPreflight reports whether a request with these lines of Origin is a
// CORS-preflight request (Fetch, "CORS protocol"): OPTIONS with both fields.
// Presence counts, not validity.
func IsPreflight(method string, origins []string, header http.Header) bool {
	return method == http.MethodOptions && len(origins) > 0 && len(header["Access-Control-Request-Method"]) > 0
}

// Judge decides on a request to the rule's path, of which host is the Host
// field. It neither allocates nor reads a header field to its end that no
// valid request could have.
func (r *Rule) Judge(method, host string, header http.Header) Verdict {
	if origins := header["Origin"]; IsPreflight(method, origins, header) {
		return r.judgePreflight(r.permits(origins))
	}
	return r.JudgeCall(host, header)
}

// Decide is Judge for those who have looked up the lines of Origin and do not
// ask who called: an admitted call's Kind is Cross where Judge may say
// SameOrigin. Among as many fields as browsers send, each look-up is a good
// part of all that is done for a request.
func (r *Rule) Decide(origins []string, method, host string, header http.Header) Verdict {
	if IsPreflight(method, origins, header) {
		return r.judgePreflight(r.permits(origins))
	}
	reason := r.permits(origins)
	if reason == OK && !r.Internal {
		// Whether step 2 or step 5 of JudgeCall lets it pass is all that
		// Sec-Fetch-Site could tell.
		return Verdict{Kind: Cross, Permitted: true}
	}
	return r.judgeCall(host, origins, reason, header["Sec-Fetch-Site"])
}

// judgePreflight permits by origin alone. Which method and which header fields
// the page asks for is the browser's to compare with the complete lists that
// it gets: see Browser.
func (r *Rule) judgePreflight(originReason Reason) Verdict {
	reason := originReason
	if r.Internal {
		reason = InternalMethod
	}
	return Verdict{Kind: Preflight, Reason: reason, Refused: reason != OK, Permitted: reason == OK}
}

// JudgeCall decides on a request that is not a preflight.
//
//  1. An internal procedure is refused to everything that a page may have
//     caused.
//  2. What the browser marks as same-origin, or as the user's own doing,
//     passes.
//  3. What carries no mark of a browser passes.
//  4. Without Origin, what the browser marks as cross-site is refused: images,
//     scripts, frames, forms and navigations reach a GET with cookies.
//  5. An origin of the rule passes.
//  6. Where the browser sends no Sec-Fetch-Site, the server's own origin
//     passes.
//  7. Every other origin is refused.
//
// Steps 1 and 4 to 7 refuse only where the rule is enforced.
func (r *Rule) JudgeCall(host string, header http.Header) Verdict {
	origins := header["Origin"]
	return r.judgeCall(host, origins, r.permits(origins), header["Sec-Fetch-Site"])
}

func (r *Rule) judgeCall(host string, origins []string, originReason Reason, site []string) Verdict {
	// Permitted also where a request passes for another reason: what an answer
	// says of its origin must depend on Origin alone, which is what caches are
	// told by Vary.
	v := Verdict{Kind: Cross, Permitted: originReason == OK && !r.Internal}
	switch {
	case len(site) == 0 && len(origins) == 0:
		v.Kind = NonBrowser
	case isOnly(site, "same-origin") || isOnly(site, "none"):
		v.Kind = SameOrigin
	case originReason == OK:
	case len(site) == 0 && len(origins) == 1 && r.isOwn(origins[0], host):
		v.Kind = SameOrigin
	default:
		v.Reason = originReason
	}
	if r.Internal && (len(origins) > 0 || len(site) > 0 && !isOnly(site, "none")) {
		v.Reason = InternalMethod
	}
	v.Refused = v.Reason != OK && r.Enforced && (!r.ReportOnly || v.Reason == InternalMethod)
	return v
}

// permits compares the lines of an Origin field with the rule's origins.
func (r *Rule) permits(origins []string) Reason {
	switch {
	case len(origins) == 0:
		return OriginMissing
	case len(origins) != 1 || origins[0] == "":
		return OriginMalformed
	case r.Origins.Contains(origins[0]):
		return OK
	}
	return OriginNotAllowed
}

// isOwn reports whether the origin is that of the server itself.
func (r *Rule) isOwn(o, host string) bool {
	if r.Hosts == nil {
		return origin.SameHost(o, host)
	}
	for _, own := range r.Hosts {
		if origin.SameHost(o, own) {
			return true
		}
	}
	return false
}

func isOnly(lines []string, value string) bool {
	return len(lines) == 1 && lines[0] == value
}

// Browser returns what a conforming browser makes of the answer to a request
// with this verdict, and the method or field name at fault. The verdict's own
// reason stands where there is one, unless the call reaches its handler and
// the browser asks for no permission.
//
// For a preflight these are the steps of "CORS-preflight fetch" in the Fetch
// standard; for a call those of "CORS check", as far as the request shows
// them: a browser that sends cookies across origins demands the permission for
// it.
func (r *Rule) Browser(v Verdict, header http.Header) (Reason, string) {
	switch {
	case v.Kind == Cross && !r.Enforced && asksNothing(header):
		return OK, ""
	case !v.Permitted:
		return v.Reason, ""
	case v.Kind == Preflight:
		return r.browserPreflight(header)
	case v.Kind == Cross && !r.Credentials && len(header["Cookie"]) > 0 && !asksNothing(header):
		return CredentialsNotAllowed, ""
	}
	return OK, ""
}

// asksNothing reports whether the browser shows the page no answer and so makes
// no CORS check: for images, forms and navigations. A request that is checked
// has an Origin, and where the browser tells the mode, it is cors.
func asksNothing(header http.Header) bool {
	mode := header["Sec-Fetch-Mode"]
	return len(header["Origin"]) == 0 || len(mode) > 0 && !isOnly(mode, "cors")
}

func (r *Rule) browserPreflight(header http.Header) (Reason, string) {
	methods := header["Access-Control-Request-Method"]
	if len(methods) != 1 || len(methods[0]) > maxMethod || !field.IsToken(methods[0]) {
		return MethodNotAllowed, ""
	}
	if !r.allowsMethod(methods[0]) {
		return MethodNotAllowed, methods[0]
	}
	switch coverage, name := r.RequestHeaders.Covers(header["Access-Control-Request-Headers"]); coverage {
	case field.Covered:
		return OK, ""
	case field.Malformed:
		return HeadersMalformed, name
	default:
		return HeaderNotAllowed, name
	}
}

// maxMethod bounds the methods that are looked at. The longest one registered
// with IANA has 17 letters.
const maxMethod = 64

// allowsMethod compares to the byte: methods are case-sensitive, and Fetch
// upper-cases only some.
func (r *Rule) allowsMethod(method string) bool {
	if field.IsSafelistedMethod(method) {
		return true
	}
	for _, m := range r.Methods {
		if m == method {
			return true
		}
	}
	return false
}

package access

import (
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// Browser returns what a conforming browser makes of the response to a request
// with this verdict, and the name of the method or header at fault. The
// verdict's own reason stands where there is one, unless the call reaches its
// handler and the browser asks for no permission.
//
// For a preflight these are the steps of "CORS-preflight fetch" in the Fetch
// standard; for a call those of "CORS check", as far as the request shows
// them: a browser that sends cookies across origins demands the permission for
// it.
func (r *Rule) Browser(v Verdict, q *Request) (Reason, string) {
	switch {
	case v.Kind == KindCrossOrigin && !r.Enforced && asksNothing(q):
		return ReasonOK, ""
	case !v.Permitted || v.Reason != ReasonOK:
		return v.Reason, ""
	case v.Kind == KindPreflight:
		return r.browserPreflight(q)
	case !r.Enforced && !r.Credentials && len(q.Header["Cookie"]) > 0 && r.Kind(v, q) == KindCrossOrigin:
		return ReasonCredentialsNotAllowed, ""
	}
	return ReasonOK, ""
}

// asksNothing reports whether the browser shows the page no response and so
// makes no CORS check: for images, forms and navigations. A request that is
// checked has an Origin, and where the browser sends the mode, it is cors.
func asksNothing(q *Request) bool {
	mode := q.Header["Sec-Fetch-Mode"]
	return len(q.Origins) == 0 || len(mode) > 0 && !isOnly(mode, "cors")
}

func (r *Rule) browserPreflight(q *Request) (Reason, string) {
	methods := q.Header["Access-Control-Request-Method"]
	if len(methods) != 1 || len(methods[0]) > maxMethod || !headername.IsToken(methods[0]) {
		return ReasonMethodNotAllowed, ""
	}
	if !r.AllowsMethod(methods[0]) {
		return ReasonMethodNotAllowed, methods[0]
	}
	switch coverage, name := r.RequestHeaders.Covers(q.Header["Access-Control-Request-Headers"]); coverage {
	case headername.Covered:
		return ReasonOK, ""
	case headername.Malformed:
		return ReasonHeadersMalformed, name
	default:
		return ReasonHeaderNotAllowed, name
	}
}

// maxMethod bounds the methods that are looked at. The longest one registered
// with IANA has 17 letters.
const maxMethod = 64

// AllowsMethod reports whether a browser lets pages use the method. It compares
// byte for byte: methods are case-sensitive, and Fetch upper-cases only some.
func (r *Rule) AllowsMethod(method string) bool {
	if httpmethod.IsSafelisted(method) {
		return true
	}
	for _, m := range r.Methods {
		if m == method {
			return true
		}
	}
	return false
}

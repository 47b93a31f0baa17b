package corsexport

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// The reasons for which responses differ from Wrap's. docs/edge-nginx.md has them.
const (
	badRequest    = "a path or header that nginx does not take gets its 400 or 405"
	severalLines  = "of several lines of one header, the first one counts before nginx 1.23, and all of them as one later; an empty one counts as none"
	ownLine       = "Vary and Expose-Headers have lines of their own, after the backend's"
	safeMethods   = "Access-Control-Allow-Methods can leave out GET, HEAD and POST, for which browsers need no permission, where bindings on one path have them"
	otherReason   = "where several rules refuse a call, the body can give a different one of their reasons"
	otherMethod   = "a request whose HTTP method no binding of its path has gets only what all bindings of the path grant; where two patterns of origins overlap and neither covers the other, neither is granted"
	otherSpelling = "another spelling of a path grants nothing and cannot be preflighted; a call to it is refused if the strictest rule that it could mean refuses it"
)

// nginxReason returns why there is a difference, or nothing if there is no reason
// for it.
func nginxReason(p *corsrpc.Policy, d edgetest.Difference) string {
	values := make(map[string][]string)
	for _, line := range d.Request.Header {
		values[line.Name] = append(values[line.Name], line.Value)
	}
	for _, lines := range values {
		if len(lines) > 1 || lines[0] == "" || strings.Contains(lines[0], ",") && d.Request.Forged {
			return severalLines
		}
	}
	switch {
	case (d.What == "Vary" || d.What == exposeHeaders) && sameNames(d.Want, d.Got), d.What == "Vary" && sameNames(d.Want+", Origin", d.Got):
		return ownLine
	case strings.HasPrefix(d.Got, "400") || strings.HasPrefix(d.Got, "405") || strings.Contains(d.Got, "400 Bad Request") || strings.Contains(d.Request.Target, "%zz") || strings.HasSuffix(d.Request.Target, "%") || strings.Contains(d.Request.Target, "%00"), !isNginxMethod(d.Request.Method):
		return badRequest
	case !d.Request.Clean:
		return otherSpelling
	case d.What == "body" && strings.HasPrefix(d.Want, `"corsrpc: `) && strings.HasPrefix(d.Got, `"corsrpc: `):
		return otherReason
	case d.What == allowMethods && d.Class == edgetest.Differs:
		return safeMethods
	case isOtherMethod(p, d.Request):
		return otherMethod
	}
	return ""
}

// isOtherMethod reports whether the request's path has bindings, and none of its
// method.
func isOtherMethod(p *corsrpc.Policy, r edgetest.Request) bool {
	method := r.Method
	for _, line := range r.Header {
		switch {
		case line.Name == "Access-Control-Request-Method" && method == http.MethodOptions:
			method = line.Value
		case line.Name == "X-HTTP-Method-Override":
			method = ""
		}
	}
	path, _, _ := strings.Cut(r.Target, "?")
	bound := false
	for rule := range p.Rules() {
		if rule.Match == corsrpc.MatchBinding && rule.SamplePath("edgetest") == path {
			if slices.Contains(rule.Methods, method) || method == http.MethodHead && slices.Contains(rule.Methods, http.MethodGet) {
				return false
			}
			bound = true
		}
	}
	return bound
}

// sameNames reports whether two lists, in one line or several, have the same
// names.
func sameNames(a, b string) bool {
	names := func(s string) []string {
		list := strings.Split(strings.ReplaceAll(s, " | ", ", "), ", ")
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(names(a), names(b))
}

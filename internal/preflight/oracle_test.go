package preflight_test

import (
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// The oracle decides on calls clause by clause as the design words them, from a
// plain description of rule and request. It shares no code with the package.

// A situation is one request to one rule.
type situation struct {
	// The rule.
	listed                         []string // origins, or "*"
	internal, reportOnly, resource bool
	hosts                          []string // nil: the request's own
	// The request: nil means that the field is absent.
	origin, site []string
	host         string
}

func (s situation) lists(origin string) bool {
	for _, o := range s.listed {
		if o == "*" || o == origin {
			return true
		}
	}
	return false
}

// own reports whether an origin's host and port equal the server's, whatever
// the scheme, default ports left out.
func (s situation) own(origin string) bool {
	hosts := s.hosts
	if hosts == nil {
		hosts = []string{s.host}
	}
	for _, host := range hosts {
		for _, scheme := range []string{"http://", "https://"} {
			for _, port := range []string{"", ":80", ":443"} {
				if origin == scheme+strings.ToLower(strings.TrimSuffix(host, port)) {
					return true
				}
			}
		}
	}
	return false
}

// verdict is what the design says of a request that is no preflight.
func (s situation) verdict() preflight.Verdict {
	hasOrigin, hasSite := s.origin != nil, s.site != nil
	says := func(value string) bool { return len(s.site) == 1 && s.site[0] == value }
	// An empty or repeated Origin is malformed, not absent.
	malformed := hasOrigin && (len(s.origin) != 1 || s.origin[0] == "")
	permitted := hasOrigin && !malformed && s.lists(s.origin[0])

	v := preflight.Verdict{Kind: preflight.Cross, Permitted: permitted && !s.internal}
	switch {
	case !hasOrigin && !hasSite: // clause (e)
		v.Kind = preflight.NonBrowser
	case says("same-origin"), says("none"): // clause (b)
		v.Kind = preflight.SameOrigin
	case hasOrigin && !malformed && !permitted && !hasSite && s.own(s.origin[0]): // clause (c), the request's own
		v.Kind = preflight.SameOrigin
	case permitted: // clause (c)
	case malformed:
		v.Reason = preflight.OriginMalformed
	case hasOrigin: // clause (c), any other Origin
		v.Reason = preflight.OriginNotAllowed
	default:
		// Clause (d): cross-site and same-site. A value that the design does
		// not name has no clause that lets it pass: the header is there, so
		// (e) does not.
		v.Reason = preflight.OriginMissing
	}
	// Clause (a) comes before all others.
	if s.internal && (hasOrigin || hasSite && !says("none")) {
		v.Reason = preflight.InternalMethod
	}
	switch {
	case v.Reason == preflight.OK:
	case s.resource: // not enforced
	case s.reportOnly: // never refuses a call, but for internal methods
		v.Refused = v.Reason == preflight.InternalMethod
	default:
		v.Refused = true
	}
	return v
}

package access_test

import (
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// The oracle decides on calls step by step as the design words them, from a
// plain description of rule and request. It shares no code with the package.

// A situation is one request to one rule.
type situation struct {
	// The rule.
	listed                                      []string // origins, or "*"
	credentials, internal, reportOnly, resource bool
	// The server.
	hosts                              []string // nil: the request's own
	requireHosts, requireFetchMetadata bool
	// The request: nil means that the header is absent.
	origin, site, purpose, cookie []string
	host                          string
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

// forOwnHost reports whether the request is for one of the listed hosts,
// default ports left out.
func (s situation) forOwnHost() bool {
	bare := func(host string) string {
		return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":80"), ":443")
	}
	return slices.ContainsFunc(s.hosts, func(host string) bool { return bare(host) == bare(s.host) })
}

// verdict is what the design says of a request that is not a preflight.
func (s situation) verdict() access.Verdict {
	hasOrigin, hasSite := s.origin != nil, s.site != nil
	siteIs := func(value string) bool { return len(s.site) == 1 && s.site[0] == value }
	// An empty or repeated Origin is malformed, not absent.
	malformed := hasOrigin && (len(s.origin) != 1 || s.origin[0] == "")
	listed := hasOrigin && !malformed && s.lists(s.origin[0])

	// What the request is does not depend on the rule.
	kind := access.KindCrossOrigin
	switch {
	case siteIs("same-origin"), siteIs("none") && s.purpose == nil: // step 3
		kind = access.KindSameOrigin
	case !hasOrigin && !hasSite: // step 4
		kind = access.KindNonBrowser
	case !hasSite && hasOrigin && !malformed && s.own(s.origin[0]): // step 6
		kind = access.KindSameOrigin
	}
	v := access.Verdict{Kind: kind, Permitted: listed && !s.internal}

	whyNotListed := access.ReasonOK
	switch {
	case malformed:
		whyNotListed = access.ReasonOriginMalformed
	case !hasOrigin: // step 5
		whyNotListed = access.ReasonOriginMissing
	case !listed: // step 8
		whyNotListed = access.ReasonOriginNotAllowed
	}
	if s.resource { // not enforced: only the permission is missing
		if kind == access.KindCrossOrigin {
			v.Reason = whyNotListed
		}
		return v
	}
	switch {
	case s.internal && s.reportOnly && (hasOrigin || hasSite): // step 2, since step 1 is only reported
		v.Reason = access.ReasonInternalMethod
	case s.requireHosts && !s.forOwnHost(): // step 1
		v.Reason = access.ReasonHostNotAllowed
	case s.requireFetchMetadata && !hasOrigin && !hasSite: // step 1
		v.Reason = access.ReasonFetchMetadataMissing
	case s.internal && (hasOrigin || hasSite): // step 2
		v.Reason = access.ReasonInternalMethod
	case kind != access.KindCrossOrigin: // steps 3, 4 and 6
	case listed && s.cookie != nil && !s.credentials: // step 7
		v.Reason = access.ReasonCredentialsNotAllowed
	default: // steps 5 and 8, unless listed
		v.Reason = whyNotListed
	}
	// ReportOnly never refuses a call, except for internal methods.
	v.Refused = v.Reason != access.ReasonOK && (!s.reportOnly || v.Reason == access.ReasonInternalMethod)
	return v
}

// preflight is what the design says of a preflight with this origin: it is
// allowed by origin alone, for every kind of rule alike.
func (s situation) preflight() access.Verdict {
	v := access.Verdict{Kind: access.KindPreflight}
	switch {
	case s.requireHosts && !s.forOwnHost() && !s.resource:
		v.Reason = access.ReasonHostNotAllowed
	case s.internal:
		v.Reason = access.ReasonInternalMethod
	case len(s.origin) != 1 || s.origin[0] == "":
		v.Reason = access.ReasonOriginMalformed
	case !s.lists(s.origin[0]):
		v.Reason = access.ReasonOriginNotAllowed
	}
	v.Permitted = v.Reason == access.ReasonOK
	v.Refused = !v.Permitted
	return v
}

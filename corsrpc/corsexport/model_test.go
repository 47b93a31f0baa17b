package corsexport

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// A model takes the steps that the comment on plan describes, so that the plan
// can be compared with the policy without any target.
type model struct {
	*plan
	compiled map[string]*regexp.Regexp
}

func newModel(p *plan) *model { return &model{p, make(map[string]*regexp.Regexp)} }

func (m *model) matches(re, path string) bool {
	compiled := m.compiled[re]
	if compiled == nil {
		compiled = regexp.MustCompile(re)
		m.compiled[re] = compiled
	}
	return compiled.MatchString(path)
}

// A result is what becomes of a request.
type result struct {
	status      int    // of the target's own response; 0 if what is behind it is asked
	own         *grant // the response's headers, if there is one
	allowOrigin string
	exact       bool // the path is a procedure's, byte for byte
}

func (m *model) decide(r *http.Request, raw string) result {
	method, isPreflight := r.Method, r.Method == "OPTIONS" && r.Header["Origin"] != nil && r.Header["Access-Control-Request-Method"] != nil
	if isPreflight {
		method = r.Header["Access-Control-Request-Method"][0]
	}
	form := !isPreflight && r.Method == "POST" && strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
	override := !isPreflight && r.Header["X-Http-Method-Override"] != nil

	var own *grant
	var asked []*grant
	exact, exempt, closed := false, false, false
	for _, p := range m.procedures {
		if p.path == raw {
			own, exact = p.grant, true
		}
	}
	if !exact {
		enforcedOwn := false
		for _, s := range m.services {
			if strings.HasPrefix(raw, s.prefix) {
				own = s.grant
			}
		}
		for i := range m.bindings {
			b := &m.bindings[i]
			if m.matches(b.refuses, raw) && b.asks(method, form, override) || m.matches(m.unclean, raw) && m.matches(b.uncleanly, raw) && (b.verb || b.asks(method, form, override)) {
				asked, closed = append(asked, b.grant), true
			}
			if own == nil && b.fits(method, form, override) && m.matches(b.grants, raw) {
				own = b.grant
			}
		}
		for i := range m.fallbacks {
			if own == nil && m.matches(m.fallbacks[i].grants, raw) {
				own = m.fallbacks[i].grant
			}
		}
		enforcedOwn = own != nil || closed
		for i := range m.resources {
			x := &m.resources[i]
			if m.matches(x.wide, raw) {
				if !enforcedOwn && m.matches(x.grants, raw) {
					own, exempt = x.grant, x.exempt
				}
				closed = true
				break
			}
		}
		for _, s := range m.services {
			if s.plain != "" && m.matches(s.plain, raw) && !m.matches(s.stricter, raw) {
				continue
			}
			if !exempt && m.matches(s.alias, raw) {
				asked, closed = append(asked, s.judge), true
				if !enforcedOwn {
					own = nil
				}
			}
		}
	}
	if own != nil {
		asked = append(asked, own)
	}
	for _, g := range asked {
		if isPreflight && !m.passesPreflight(g, r) || !isPreflight && m.judge(g, r) != access.ReasonOK {
			return result{status: http.StatusForbidden, exact: exact}
		}
	}
	if isPreflight {
		switch {
		case own != nil:
			return result{http.StatusNoContent, own, m.allowOrigin(own, r), exact}
		case closed:
			return result{status: http.StatusForbidden, exact: exact}
		}
	}
	res := result{0, own, "", exact}
	switch {
	case own == nil:
	case own.origins.any && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		res.allowOrigin = "*"
	default:
		res.allowOrigin = m.allowOrigin(own, r)
	}
	return res
}

func (m *model) lists(g *grant, r *http.Request) bool {
	origins := r.Header["Origin"]
	return len(origins) == 1 && origins[0] != "" &&
		(g.origins.any || slices.ContainsFunc(g.origins.entries, func(e originEntry) bool { return m.matches(e.regexp, origins[0]) }))
}

func (m *model) allowOrigin(g *grant, r *http.Request) string {
	if g.internal || !m.lists(g, r) {
		return ""
	}
	if !g.echoes() {
		return "*"
	}
	return r.Header.Get("Origin")
}

func (m *model) isHost(host string) bool {
	return slices.ContainsFunc(m.hosts, func(own string) bool { return origin.EqualHosts(own, host) })
}

func (m *model) passesPreflight(g *grant, r *http.Request) bool {
	return (!m.requireHosts || !g.enforced || m.isHost(r.Host)) && !g.internal && m.lists(g, r)
}

func (m *model) judge(g *grant, r *http.Request) access.Reason {
	origins, site := r.Header["Origin"], r.Header["Sec-Fetch-Site"]
	marked := origins != nil || site != nil
	var reason access.Reason
	switch {
	case !g.enforced:
	case g.reportOnly && g.internal && marked:
		reason = access.ReasonInternalMethod
	case g.reportOnly:
	case m.requireHosts && !m.isHost(r.Host):
		reason = access.ReasonHostNotAllowed
	case m.requireFetchMetadata && !marked:
		reason = access.ReasonFetchMetadataMissing
	case g.internal && marked:
		reason = access.ReasonInternalMethod
	case len(site) == 1 && site[0] == "same-origin":
	case len(site) == 1 && site[0] == "none" && r.Header["Sec-Purpose"] == nil:
	case !marked:
	case origins == nil && g.links && (r.Method == "GET" || r.Method == "HEAD"):
	case origins == nil:
		reason = access.ReasonOriginMissing
	case site == nil && len(origins) == 1 && m.isOwn(origins[0], r.Host):
	case !m.lists(g, r):
		reason = access.ReasonOriginNotAllowed
	case !g.credentials && r.Header["Cookie"] != nil:
		reason = access.ReasonCredentialsNotAllowed
	}
	return reason
}

func (m *model) isOwn(o, host string) bool {
	hosts := m.hosts
	if hosts == nil {
		hosts = []string{host}
	}
	return slices.ContainsFunc(hosts, func(own string) bool { return origin.SameHost(o, own) })
}

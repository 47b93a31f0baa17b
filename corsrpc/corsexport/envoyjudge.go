package corsexport

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// refusePreflights refuses all preflights that have not been allowed before.
func (e *envoy) refusePreflights(r envoyRoute) {
	r = r.with(preflight...)
	r.status = http.StatusForbidden
	r.mutations = []envoyMutation{{overwriteHeader, "Cache-Control", access.NoStore}, {appendHeader, "Vary", access.Vary}}
	e.add(r)
}

// refuseUnlistedPreflights refuses the preflights that a grant does not let pass.
func (e *envoy) refuseUnlistedPreflights(r envoyRoute, g *grant) {
	switch {
	case g.internal || g.origins.entries == nil:
		e.refusePreflights(r)
		return
	case e.requireHosts && g.enforced:
		e.refusePreflights(r.with(e.host(true)))
	}
	e.refusePreflights(r.with(e.listed(g, true)))
}

// refuseCalls refuses the calls that a grant does not let pass. The steps of the
// plan that let a call pass are conditions of the refusals that follow them.
// preflights is whether preflights that pass get here too; except for cookies,
// nothing refuses these.
func (e *envoy) refuseCalls(r envoyRoute, g *grant, preflights bool) {
	if !g.enforces() || e.options.BehindGate {
		return
	}
	refuse := func(reason access.Reason, conditions ...[]envoyHeader) {
		refused := r
		for _, all := range conditions {
			refused = refused.with(all...)
		}
		e.addRefusal(refused, g.reason(reason))
	}
	one := func(conditions ...envoyHeader) []envoyHeader { return conditions }
	origin, noOrigin := envoyHeader{name: originHeader}, envoyHeader{name: originHeader, invert: true}
	site, noSite := envoyHeader{name: siteHeader}, envoyHeader{name: siteHeader, invert: true}
	if e.requireHosts && !g.reportOnly {
		refuse(access.ReasonHostNotAllowed, one(e.host(true)))
	}
	if e.requireFetchMetadata && !g.reportOnly {
		refuse(access.ReasonFetchMetadataMissing, one(noOrigin, noSite))
	}
	if g.internal {
		refuse(access.ReasonInternalMethod, one(origin))
		refuse(access.ReasonInternalMethod, one(site))
		return
	}
	// What comes from elsewhere, as Sec-Fetch-Site and Sec-Purpose have it.
	elsewhere := [][]envoyHeader{
		{site, {name: siteHeader, regex: "same-origin|none", invert: true}},
		{{name: siteHeader, exact: "none"}, {name: purposeHeader}},
	}
	for _, from := range elsewhere {
		refuse(access.ReasonOriginMissing, one(noOrigin), from) // only bindings have links
	}
	old := one(noSite) // browsers without Sec-Fetch-Site
	if len(e.hosts) > 0 {
		old = append(old, envoyHeader{name: originHeader, regex: "https?://" + e.hostExpression() + defaultPort, invert: true})
	}
	elsewhere = append(elsewhere, old)
	var unlisted []envoyHeader
	if g.origins.entries != nil {
		unlisted = one(e.listed(g, true))
	}
	for _, from := range elsewhere {
		refuse(access.ReasonOriginNotAllowed, one(origin), from, unlisted)
	}
	if g.origins.entries == nil || g.credentials {
		return
	}
	calls := [][]envoyHeader{nil}
	if preflights {
		calls = [][]envoyHeader{
			{{name: methodHeader, exact: http.MethodOptions, invert: true}},
			{{name: askedMethodHeader, invert: true}},
		}
	}
	for _, from := range elsewhere {
		for _, call := range calls {
			refuse(access.ReasonCredentialsNotAllowed, one(origin), from, one(envoyHeader{name: "cookie"}), call)
		}
	}
}

// addRefusal adds calls that are refused.
func (e *envoy) addRefusal(r envoyRoute, reason access.Reason) {
	r.status, r.body = http.StatusForbidden, reason.Body()
	r.mutations = []envoyMutation{
		{overwriteHeader, "X-Content-Type-Options", access.NoSniff},
		{overwriteHeader, "Cache-Control", access.NoStore},
		{appendHeader, "Vary", access.Vary},
	}
	e.add(r)
}

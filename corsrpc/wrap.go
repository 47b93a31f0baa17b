package corsrpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// Wrap returns a handler that responds to preflights, refuses calls from pages
// that must not make them, and adds the CORS headers to the responses that listed
// origins may read. It belongs around everything else: authentication, routers,
// timeouts. The one exception is h2c.NewHandler, which belongs outside.
//
// On a governed path, h never sees a preflight. If the origin is listed, the
// response is 204 with the complete lists of the path, whatever the preflight
// asks for: the browser compares, and its console names what is missing.
// Otherwise it is 403 without any CORS header.
//
// Calls to procedures and bindings are judged in these steps:
//
//  1. If set, [Config].RequireHosts refuses calls to hosts that are not in
//     Hosts, and RequireFetchMetadata refuses calls with neither Origin nor
//     Sec-Fetch-Site.
//  2. A request for an internal method is refused if it carries Origin or
//     Sec-Fetch-Site, whatever the value.
//  3. Sec-Fetch-Site: same-origin passes. So does "none", which means that the
//     user typed the address or opened a bookmark, unless Sec-Purpose is
//     present: any page can cause a prefetch with speculation rules.
//  4. A request with neither Origin nor Sec-Fetch-Site passes. It comes from a
//     non-browser client, or from a browser over plain HTTP to another machine,
//     where browsers do not send Sec-Fetch-Site.
//  5. All other requests without Origin are refused: images, scripts, frames,
//     forms and navigations from other sites. [Override].Links makes an
//     exception for GET bindings.
//  6. Without Sec-Fetch-Site, an Origin that matches the server's own host
//     passes (see Config.Hosts).
//  7. A listed origin passes, unless the request has cookies and the rule does
//     not allow Credentials. WebSocket handshakes and calls of
//     navigator.sendBeacon are judged alike. Only cookies are detected: whether
//     the browser added HTTP authentication or a client certificate cannot be
//     known.
//  8. Everything else is refused.
//
// A refused call gets 403, and its handler does not run. RPC clients read the
// status as permission_denied, but a page sees only a failed fetch; see
// Config.ExplainTo. Apart from preflights, requests to a [Resource] are never
// refused: if the origin is not listed, the response merely has no CORS headers.
//
// A procedure's path gets CORS headers only if it is exactly the procedure's
// name, once percent-decoded; bindings and resources match as [Match] describes.
// Refusal is broader, because some routers and servers clean paths, ignore case,
// decode twice, cut segments at ";" or take a backslash for a slash. If the path
// of a marked request is such an alternative spelling of a procedure's path, or
// contains one, the request must pass that procedure's rule too.
//
// This check has two exceptions. It does not apply to paths of a key of
// Config.Resources that begins with a literal segment, unless some server could
// leave them by a dot segment, as in /docs/..;/acme.shop.v1.CartService/AddItem.
// And a top-level navigation passes, and is reported to OnDecision, if a
// procedure's path is the end of a longer one, as in
// /docs/acme.shop.v1.CartService/AddItem: documentation has such paths.
//
// Any other path is neither governed nor protected.
//
// The headers are set before h runs, and h can add to Vary: responses to GET
// and HEAD have one Vary line with Origin, whatever h does. h must not relay
// another server's Access-Control-* headers. Its ResponseWriter has the same
// optional interfaces as the one that Wrap gets. Wrap panics if h or the policy
// is nil.
func (p *Policy) Wrap(h http.Handler) http.Handler {
	p.mustWrap(h)
	return &interceptor{policy: p, next: h}
}

// WrapService is [Policy.Wrap] for one service on its own mount. It takes and
// returns what generated constructors return and [http.ServeMux.Handle] takes:
//
//	mux.Handle(admin.WrapService(shopv1connect.NewAdminServiceHandler(svc)))
//
// The path is "/pkg.Service/", or the pattern of one of its procedures,
// "/pkg.Service/Method" or "POST /pkg.Service/Method".
//
// WrapService matches the path that h sees, so Config.PathPrefix does not
// matter. It refuses page requests for anything outside its service, and for
// everything once an Update drops the service. It panics if the policy does not
// govern the service.
func (p *Policy) WrapService(path string, h http.Handler) (string, http.Handler) {
	p.mustWrap(h)
	ix := p.load()
	service := serviceOf(path)
	if e := ix.services[service]; e == nil || e.rule.from.closed {
		panic(fmt.Errorf("corsrpc: WrapService(%s): %s", quote(path), whyNoService(ix, service)))
	}
	return path, &interceptor{policy: p, next: h, service: service}
}

// serviceOf returns the path of the service to which a pattern of
// http.ServeMux belongs.
func serviceOf(pattern string) string {
	if method, path, ok := strings.Cut(pattern, " "); ok && !strings.Contains(method, "/") {
		pattern = strings.TrimLeft(path, " \t")
	}
	if end := strings.LastIndexByte(pattern, '/'); end > 0 {
		return pattern[:end+1]
	}
	return pattern
}

// mustWrap makes mistakes show at start-up and not with the first request.
func (p *Policy) mustWrap(h http.Handler) {
	switch {
	case p == nil:
		panic(errors.New("corsrpc: nil policy: make one with New, and check its error"))
	case h == nil:
		panic(errors.New("corsrpc: nil handler"))
	}
}

// whyNoService returns what to change about a path that WrapService does not
// take. service is that of the path, as serviceOf returns it.
func whyNoService(ix *index, service string) string {
	name := strings.Trim(service, "/")
	switch {
	case ix == zeroIndex:
		return "the policy has no Config: make it with New, or call Update first"
	case slices.Contains(ix.config.Except, name):
		return "the service is in this policy's Except: use the policy that owns it"
	case ix.services["/"+name+"/"] == nil:
		if contract.Infrastructure(name) {
			return "this is a service of the RPC frameworks, such as health or reflection, which policies leave alone unless it is named: mount it without WrapService, or add " + quote(name) + " to Services"
		}
		return "the policy governs no service of this name: pass what a generated constructor returns, and make sure that Services includes it"
	case ix.services["/"+name+"/"].rule.from.closed:
		return "neither Services nor Except names the service: add " + quote(name) + " to Services"
	}
	return "write the path as generated constructors return it: " + quote("/"+name+"/")
}

// An interceptor is the handler that Wrap and WrapService return.
type interceptor struct {
	policy  *Policy
	next    http.Handler
	service string // "/pkg.Service/"; empty for Wrap
}

// ServeHTTP is the path of every request: let unmarked requests go, find the
// rule, judge, respond.
func (i *interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ix := i.policy.load()
	if r.Method == "PRI" {
		// The preface of an HTTP/2 connection: a handler that accepts it
		// serves all that follows on the connection past this one.
		if ix.onDecision != nil {
			ix.onDecision(r.Context(), refusedPreface)
		}
		refuse(w, access.ReasonHTTP2Preface)
		return
	}
	// Later versions have no upgrades (RFC 9113, section 8.6).
	if r.ProtoMajor < 2 && len(r.Header["Upgrade"]) > 0 {
		r = withoutH2C(r)
	}
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	// What carries no mark of a browser ends here, so nothing is prepared for it.
	origins := r.Header["Origin"]
	if !read && len(origins) == 0 && len(r.Header["Sec-Fetch-Site"]) == 0 && !ix.server.Requires() {
		i.next.ServeHTTP(w, r)
		return
	}
	q := access.Request{Method: r.Method, Host: r.Host, Header: r.Header, Origins: origins}
	var j judgement
	ix.judge(&j, i.service, r.URL, &q)
	if ix.onDecision != nil {
		ix.report(r, &j, &q)
	}
	header := w.Header()
	switch {
	case j.explained && j.verdict.Kind == access.KindPreflight:
		ix.explainer.respondToPreflight(w, &q)
		return
	case j.explained:
		ix.explainer.refuse(w, ix.decide(&j, r.URL, &q), &j, &q)
		return
	case j.verdict.Refused && j.verdict.Kind == access.KindPreflight:
		refusePreflight(w)
		return
	case j.verdict.Refused:
		refuse(w, j.by.reason(j.verdict.Reason))
		return
	case j.own == nil:
		i.next.ServeHTTP(w, r)
		return
	case j.verdict.Kind == access.KindPreflight:
		j.own.respondToPreflight(header, q.Origins[0])
		w.WriteHeader(http.StatusNoContent)
		return
	}
	origin := ""
	switch {
	case j.verdict.Permitted:
		origin = q.Origins[0]
		j.own.respondToCall(header, origin)
	case j.own.anyOrigin && read:
		// The response is the same for every origin and for none, and a cache
		// can give it to any of them.
		j.own.respondToCall(header, "*")
	case !j.own.anyOrigin && (read || len(q.Origins) > 0):
		addVary(header, []string{"Origin"})
	}
	if !read || j.own.anyOrigin {
		i.next.ServeHTTP(w, r)
		return
	}
	i.serveVarying(w, r, j.own, origin)
}

// serveVarying calls the handler with a writer that makes one line of Vary.
func (i *interceptor) serveVarying(w http.ResponseWriter, r *http.Request, e *entry, origin string) {
	writer, vary := newVaryWriter(w, e, origin)
	// Also if the handler panics: somebody around Wrap can still respond.
	defer vary.finish()
	i.next.ServeHTTP(writer, r)
}

// report calls OnDecision where it promises to.
func (ix *index) report(r *http.Request, j *judgement, q *access.Request) {
	switch {
	case j.by == nil:
		// Of what no rule is about, only preflights that miss a procedure by
		// its prefix.
		if !q.IsPreflight() {
			return
		}
		if d := ix.decideUngoverned(r.URL.Path, q); d.Reason == ReasonWrongPathPrefix {
			ix.onDecision(r.Context(), d)
		}
	case j.verdict.Reason != access.ReasonOK || q.Marked():
		ix.onDecision(r.Context(), ix.decide(j, r.URL, q))
	}
}

// withoutH2C takes an upgrade to HTTP/2 out of a request, for the reason why
// PRI is refused: gateways ask for one on behalf of browsers, Java's HttpClient
// by default. Servers are free to ignore upgrades (RFC 9110, section 7.8).
func withoutH2C(r *http.Request) *http.Request {
	length := 0
	for _, line := range r.Header["Upgrade"] {
		length += len(line)
	}
	// A list that is longer than all protocols in use is not worth reading.
	if length <= longestUpgrade && !httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "h2c") {
		return r
	}
	plain := *r
	plain.Header = r.Header.Clone()
	plain.Header.Del("Upgrade")
	plain.Header.Del("Http2-Settings")
	return &plain
}

const longestUpgrade = 256

// refuse responds to a call whose handler must not run. No cache can keep the
// response, since it shares its key with good ones.
func refuse(w http.ResponseWriter, reason access.Reason) {
	header := w.Header()
	lines := &[4]string{access.Vary, access.NoStore, access.ContentType, access.NoSniff}
	addVary(header, lines[0:1:1])
	header[headerCacheControl] = lines[1:2:2]
	header["Content-Type"] = lines[2:3:3]
	header["X-Content-Type-Options"] = lines[3:4:4]
	w.WriteHeader(http.StatusForbidden)
	// The client can be gone, which changes nothing.
	_, _ = io.WriteString(w, refusals[reason])
}

// refusePreflight responds to a preflight of an origin that is not listed.
// Some CDNs cache OPTIONS.
func refusePreflight(w http.ResponseWriter) {
	header := w.Header()
	lines := &[2]string{access.Vary, access.NoStore}
	addVary(header, lines[0:1:1])
	header[headerCacheControl] = lines[1:2:2]
	w.WriteHeader(http.StatusForbidden)
}

// refusals are the bodies of refused calls.
var refusals = func() (texts [len(access.Reasons)]string) {
	for i := range texts {
		texts[i] = access.Reason(i).Body()
	}
	return texts
}()

package corsrpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// Wrap returns a handler that answers preflights, refuses calls from pages
// that may not make them, and has every other answer on a governed path carry
// the CORS headers. It belongs around everything else: authentication,
// routers, timeouts; but inside h2c.NewHandler where that is still in use.
//
// A preflight is OPTIONS with Origin and Access-Control-Request-Method. On a
// governed path h never sees it. If the origin may call, the answer is 204
// with the complete lists of the path, whatever the preflight asks for: the
// browser compares, and its console names what is missing. Otherwise it is 403
// without any CORS header.
//
// Paths are compared as they are, decoded and not cleaned. What is not governed
// passes untouched and is not protected: also a path in which a handler that
// cleans paths, or another server behind a proxy, would find a procedure.
//
// Other requests to procedures are judged so:
//
//  1. A method that the schema declares ACCESS_INTERNAL is refused to every
//     request with Origin, or with Sec-Fetch-Site other than none.
//  2. Sec-Fetch-Site: same-origin, or none, passes.
//  3. Requests with neither header pass: they come from no browser, or from
//     one on plain HTTP off loopback, where browsers do not send
//     Sec-Fetch-Site.
//  4. Requests without Origin are refused if the browser marks them as
//     same-site or cross-site: images, scripts, frames, forms, navigations.
//  5. A permitted origin passes.
//  6. Without Sec-Fetch-Site, the server's own host passes (see Config.Hosts).
//  7. Every other origin is refused.
//
// A refused call gets 403, which clients read as permission_denied, and its
// handler does not run. [Resource] paths are not refused; permissions are left
// out of their answers.
//
// The headers are set before h runs, so h must add to Vary and not set it, and
// must not relay another server's Access-Control-* fields. The ResponseWriter
// is handed on as it is. Wrap panics if h or the policy is nil.
func (p *Policy) Wrap(h http.Handler) http.Handler {
	p.mustWrap(h)
	return &interceptor{policy: p, next: h}
}

// Service is [Policy.Wrap] for one service on its own mount. It takes and
// returns what generated constructors return and [http.ServeMux.Handle] takes:
//
//	mux.Handle(admin.Service(shopv1connect.NewAdminServiceHandler(svc)))
//
// It matches the path that h sees, so Config.PathPrefix does not matter, and
// refuses to pages whatever is not of its service, as well as everything once
// an Update has dropped the service. It panics if the policy does not govern
// the service.
func (p *Policy) Service(path string, h http.Handler) (string, http.Handler) {
	p.mustWrap(h)
	s := p.load()
	if s.services[path] == nil {
		panic(fmt.Errorf("corsrpc: Service(%s): %s", quote(path), whyNoService(s, path)))
	}
	return path, &interceptor{policy: p, next: h, service: path}
}

// mustWrap has mistakes show at start-up and not with the first request.
func (p *Policy) mustWrap(h http.Handler) {
	switch {
	case p == nil:
		panic(errors.New("corsrpc: nil policy; make one with New, and see to its error"))
	case h == nil:
		panic(errors.New("corsrpc: nil handler"))
	}
}

// whyNoService says what to change about a path that Service does not take.
func whyNoService(s *snapshot, path string) string {
	name := strings.Trim(path, "/")
	switch {
	case s == closed:
		return "the policy has no Config; make it with New, or call Update first"
	case s.services["/"+name+"/"] != nil:
		return "write the path as generated constructors return it: " + quote("/"+name+"/")
	case slices.Contains(s.config.Except, name):
		return "the service is in this policy's Except; use the policy that owns it"
	case contract.Infrastructure(name):
		return "this is a service of the RPC frameworks, such as health or reflection, which policies leave alone unless it is named; mount it without Service, or add " + quote(name) + " to Services"
	}
	return "the policy governs no service of this name; pass what a generated constructor returns, and see that Services includes it"
}

// An interceptor is the handler that Wrap and Service return.
type interceptor struct {
	policy  *Policy
	next    http.Handler
	service string // "/pkg.Service/"; empty for Wrap
}

// ServeHTTP is the path of every request: sort out what no browser sent, find
// the rule, judge, answer.
func (i *interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PRI" {
		// The preface of an HTTP/2 connection: a handler that accepts it
		// serves all that follows on the connection past this one.
		if s := i.policy.load(); s.onDenied != nil {
			s.onDenied(r.Context(), refusedPreface)
		}
		refuse(w, preflight.HTTP2Preface)
		return
	}
	// Later versions have no upgrades (RFC 9113, section 8.6).
	if r.ProtoMajor < 2 && len(r.Header["Upgrade"]) > 0 {
		r = withoutH2C(r)
	}
	origins := r.Header["Origin"]
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !read && len(origins) == 0 && len(r.Header["Sec-Fetch-Site"]) == 0 {
		i.next.ServeHTTP(w, r)
		return
	}
	s := i.policy.load()
	rule := i.find(s, r.URL.Path)
	if rule == nil {
		if s.onDenied != nil && preflight.IsPreflight(r.Method, origins, r.Header) {
			s.reportMisplaced(r)
		}
		i.next.ServeHTTP(w, r)
		return
	}
	if s.onDenied != nil {
		s.report(r, rule)
	}
	verdict := rule.Decide(origins, r.Method, r.Host, r.Header)
	if verdict.Refused {
		if verdict.Kind == preflight.Preflight {
			w.WriteHeader(http.StatusForbidden)
		} else {
			refuse(w, rule.reason(verdict.Reason))
		}
		return
	}
	header := w.Header()
	switch {
	case verdict.Kind == preflight.Preflight:
		rule.answerPreflight(header, origins[0])
		w.WriteHeader(http.StatusNoContent)
		return
	case verdict.Permitted:
		rule.answerCall(header, origins[0])
	case rule.anyOrigin && read:
		// The answer is the same for every origin and for none, and a cache
		// may give it to any of them.
		rule.answerCall(header, "*")
	case !rule.anyOrigin && (read || len(origins) > 0):
		addVary(header, []string{"Origin"})
	}
	i.next.ServeHTTP(w, r)
}

func (i *interceptor) find(s *snapshot, path string) *rule {
	if i.service != "" {
		return s.of(i.service, path)
	}
	return s.find(path)
}

// withoutH2C takes an upgrade to HTTP/2 out of a request, for the reason why
// PRI is refused: gateways ask for one on behalf of browsers, Java's HttpClient
// by default. Servers are free to ignore upgrades (RFC 9110, section 7.8).
func withoutH2C(r *http.Request) *http.Request {
	if !httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "h2c") {
		return r
	}
	plain := *r
	plain.Header = r.Header.Clone()
	plain.Header.Del("Upgrade")
	plain.Header.Del("Http2-Settings")
	return &plain
}

// refuse answers a call whose handler must not run. No cache may keep the
// answer, since it shares its key with good ones.
func refuse(w http.ResponseWriter, reason preflight.Reason) {
	header := w.Header()
	lines := &[4]string{"Origin", "no-store", "text/plain; charset=utf-8", "nosniff"}
	addVary(header, lines[0:1:1])
	header["Cache-Control"] = lines[1:2:2]
	header["Content-Type"] = lines[2:3:3]
	header["X-Content-Type-Options"] = lines[3:4:4]
	w.WriteHeader(http.StatusForbidden)
	// The client may be gone, which changes nothing.
	_, _ = io.WriteString(w, refusals[reason])
}

// refusals are the bodies of refused calls.
var refusals = func() (texts [preflight.Reasons]string) {
	for i := range texts {
		texts[i] = "corsrpc: " + Reason(i).String() + "\n"
	}
	return texts
}()

package corsrpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/origin"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// A Decision is what becomes of one request, and why. Its texts are safe to
// print: what came from the network is quoted and cut.
type Decision struct {
	// Kind says who seems to have sent the request, and what for.
	Kind Kind
	// Status is what Wrap answers itself, 204 or 403, or 0 if the handler
	// answers.
	Status int
	// Allowed says whether a conforming browser lets the page go on: send the
	// call after a preflight, read the answer of a call. For a call to a path
	// that is not governed it says whether that needs no permission.
	Allowed bool
	// Reason is OK if and only if Allowed is true.
	Reason Reason
	// Procedure is the procedure's name in the schema, the service's path for
	// an unknown method, or the key of a resource; never the path of the
	// request.
	Procedure string
	// Origin is the request's, quoted and cut; empty if it has none.
	Origin string
	// Detail says what it was about the request, if Reason leaves that open.
	Detail string
	// Fix is the one change of Config that takes the cause away, or empty if
	// none would, or none should.
	Fix string
}

// A Kind says who seems to have sent a request, and what for.
type Kind uint8

const (
	// Ungoverned: no rule is about the path. The handler answers alone.
	Ungoverned = Kind(preflight.Ungoverned)
	// SameOrigin: a page of the server's own origin, or the user directly.
	SameOrigin = Kind(preflight.SameOrigin)
	// NonBrowser: no mark of a browser. Browsers leave none on GET requests
	// over plain HTTP to other machines.
	NonBrowser = Kind(preflight.NonBrowser)
	// Preflight: a browser asks whether a page may call.
	Preflight = Kind(preflight.Preflight)
	// Cross: a page of another origin.
	Cross = Kind(preflight.Cross)
)

// String returns the kind's name.
func (k Kind) String() string {
	return enumText(k, []string{"Ungoverned", "SameOrigin", "NonBrowser", "Preflight", "Cross"})
}

// A Reason says why a page is not allowed what it asks for. Its text is
// stable.
type Reason uint8

const (
	// OK: it is allowed.
	OK = Reason(preflight.OK)
	// OriginMalformed: there is an empty Origin, or more than one.
	OriginMalformed = Reason(preflight.OriginMalformed)
	// OriginNotAllowed: the origin is not listed for this path.
	OriginNotAllowed = Reason(preflight.OriginNotAllowed)
	// OriginMissing: another site caused the request without Origin, as
	// images, scripts, frames, forms and navigations do.
	OriginMissing = Reason(preflight.OriginMissing)
	// InternalMethod: the schema declares the method ACCESS_INTERNAL.
	InternalMethod = Reason(preflight.InternalMethod)
	// MethodNotAllowed: the browser will find the method in no list.
	MethodNotAllowed = Reason(preflight.MethodNotAllowed)
	// HeaderNotAllowed: the browser will find a request header in no list.
	HeaderNotAllowed = Reason(preflight.HeaderNotAllowed)
	// HeadersMalformed: Access-Control-Request-Headers is no list of names.
	HeadersMalformed = Reason(preflight.HeadersMalformed)
	// CredentialsNotAllowed: the page sent cookies, for which the browser
	// demands a permission that is not given.
	CredentialsNotAllowed = Reason(preflight.CredentialsNotAllowed)
	// NoRule: the path is not governed.
	NoRule = Reason(preflight.NoRule)
	// WrongPathPrefix: the path is not governed, but it ends in a procedure
	// that would be below another PathPrefix.
	WrongPathPrefix = Reason(preflight.WrongPathPrefix)
	// NotConfigured: the policy is zero, or does not govern the service any
	// more.
	NotConfigured = Reason(preflight.NotConfigured)
	// HTTP2Preface: the method is PRI, which would start a connection that
	// is not governed.
	HTTP2Preface = Reason(preflight.HTTP2Preface)
)

// String returns the reason's text.
func (r Reason) String() string {
	return enumText(r, []string{
		"ok",
		"origin malformed",
		"origin not allowed",
		"cross-site request without an origin",
		"internal method",
		"method not allowed",
		"request header not allowed",
		"request header list malformed",
		"credentials not allowed",
		"no rule for this path",
		"path prefix not configured",
		"policy not configured",
		"HTTP/2 preface refused",
	})
}

// Evaluate returns what Wrap would do with the request, and what a browser
// then does. It has no side effect, reads only the request's method, path,
// host and header, and does not tell OnDenied.
func (p *Policy) Evaluate(r *http.Request) Decision {
	if r.Method == "PRI" {
		return refusedPreface
	}
	s := p.load()
	rule := s.find(r.URL.Path)
	if rule == nil {
		return s.explainUngoverned(r.URL.Path, r.Method, r.Host, r.Header)
	}
	verdict := rule.Judge(r.Method, r.Host, r.Header)
	reason, name := rule.Browser(verdict, r.Header)
	return rule.explain(verdict, rule.reason(reason), name, r.Header)
}

var refusedPreface = Decision{Kind: NonBrowser, Status: http.StatusForbidden, Reason: HTTP2Preface}

// A Call is an RPC as an interceptor sees it.
type Call struct {
	// Procedure is "/pkg.Service/Method", whatever the PathPrefix.
	Procedure string
	// Method is the HTTP method. It is not looked at today: an interceptor
	// never sees a preflight.
	Method string
	// Host is the request's Host field or :authority, empty if unknown.
	Host string
	// Header has the request's header fields under canonical names, or at
	// least Origin, Sec-Fetch-Site and Cookie.
	Header http.Header
}

// Admit judges an actual call by the same rules as [Policy.Wrap], for
// interceptors behind which CORS headers are written elsewhere. It tells
// OnDenied. The call must not go on if the Decision's Status is 403.
//
// Origin, Detail and Fix are left empty where the call is allowed.
func (p *Policy) Admit(ctx context.Context, call Call) Decision {
	s := p.load()
	rule := closedRule
	if s != closed {
		if rule = s.procedure(call.Procedure); rule == nil {
			return s.explainUngoverned("", call.Method, call.Host, call.Header)
		}
	}
	verdict := rule.JudgeCall(call.Host, call.Header)
	reason, name := rule.Browser(verdict, call.Header)
	if reason == preflight.OK {
		return Decision{Kind: Kind(verdict.Kind), Allowed: true, Procedure: rule.name()}
	}
	decision := rule.explain(verdict, rule.reason(reason), name, call.Header)
	if s.onDenied != nil {
		s.onDenied(ctx, decision)
	}
	return decision
}

// report tells OnDenied of a request that was refused or that its browser will
// block.
func (s *snapshot) report(r *http.Request, rule *rule) {
	verdict := rule.Judge(r.Method, r.Host, r.Header)
	if reason, name := rule.Browser(verdict, r.Header); reason != preflight.OK {
		s.onDenied(r.Context(), rule.explain(verdict, rule.reason(reason), name, r.Header))
	}
}

// reportMisplaced tells OnDenied of a preflight that would have found a
// procedure if PathPrefix were another.
func (s *snapshot) reportMisplaced(r *http.Request) {
	if d := s.explainUngoverned(r.URL.Path, r.Method, r.Host, r.Header); d.Reason == WrongPathPrefix {
		s.onDenied(r.Context(), d)
	}
}

// reason replaces the reasons of the rule that stands for the lack of one.
func (r *rule) reason(reason preflight.Reason) preflight.Reason {
	if r.closed && reason != preflight.OK {
		return preflight.NotConfigured
	}
	return reason
}

// name returns what the rule is for, as people write it.
func (r *rule) name() string {
	if r.procedure != "" {
		return r.procedure
	}
	return r.path
}

// explain turns a verdict into words.
func (r *rule) explain(v preflight.Verdict, reason preflight.Reason, name string, header http.Header) Decision {
	d := Decision{
		Kind:      Kind(v.Kind),
		Allowed:   reason == preflight.OK,
		Reason:    Reason(reason),
		Procedure: r.name(),
		Origin:    quoteLines(header["Origin"]),
	}
	switch {
	case v.Refused:
		d.Status = http.StatusForbidden
	case v.Kind == preflight.Preflight:
		d.Status = http.StatusNoContent
	}
	switch reason {
	case preflight.OriginNotAllowed:
		d.Detail, d.Fix = explainOrigin(r, header["Origin"][0])
	case preflight.OriginMissing:
		d.Detail = "Sec-Fetch-Site is " + quoteLines(header["Sec-Fetch-Site"]) + ": an image, script, frame, form or navigation of another site; pages call with fetch"
	case preflight.InternalMethod:
		if strings.HasSuffix(r.procedure, "/") {
			d.Detail = "no method of this name is known, and one of the service's is ACCESS_INTERNAL"
		}
	case preflight.MethodNotAllowed:
		d.Detail = "the method is " + quoteLines(header["Access-Control-Request-Method"])
		if name == "patch" {
			d.Detail += ": browsers leave it as the script has it, so write PATCH there"
		}
		if r.fields.methods != "" && checkMethod(name) == "" {
			d.Fix = "add " + quote(name) + " to " + r.fields.methods
		}
	case preflight.HeaderNotAllowed, preflight.HeadersMalformed:
		d.Detail, d.Fix = explainHeader(r, reason, name, header)
	case preflight.NotConfigured:
		d.Detail = "neither New nor Update gave the policy a Config"
		if r != closedRule {
			d.Detail = "the policy governs no service of this path, or no longer: see Services and Except"
		}
	case preflight.CredentialsNotAllowed:
		d.Detail = "the call has cookies, so the page made it with credentials"
		if !r.anyOrigin && r.fields.credentials != "" {
			d.Fix = "set " + r.fields.credentials + ", or have the page call without credentials"
		}
	}
	return d
}

func explainOrigin(r *rule, o string) (detail, fix string) {
	if len(o) > longestQuoted {
		return "the origin is too long", ""
	}
	entry, err := origin.Parse(o)
	switch {
	case err != nil:
		if plain := errors.Unwrap(err); plain != nil {
			err = plain // without the entry to write instead: this origin is nobody's mistake
		}
		return "the origin " + err.Error(), ""
	case strings.Contains(o, "*"):
		return "the origin is a pattern, which no browser sends", ""
	case r.Credentials && entry.Insecure() && !r.fields.insecure:
		return "the page came over plain HTTP and the path has credentials; serve it over https", ""
	case r.origins.field == "":
		return "no method of this name is known, and the service's methods have different origins", ""
	}
	return "", "add " + quote(o) + " to " + r.origins.field
}

func explainHeader(r *rule, reason preflight.Reason, name string, header http.Header) (detail, fix string) {
	switch {
	case reason == preflight.HeadersMalformed:
		return quote(name) + " is no header name", ""
	case name == "":
		return "Access-Control-Request-Headers is longer than the list of all headers that are allowed", ""
	}
	// All that is missing: with one name after the other, each would look like
	// the last.
	missing := r.Rule.RequestHeaders.Lacks(header["Access-Control-Request-Headers"], mostMissing+1)
	if len(missing) > mostMissing {
		return fmt.Sprintf("more than %d headers are not allowed", mostMissing), ""
	}
	for i, name := range missing {
		switch {
		case len(name) > longestQuoted:
			return "a header name is too long", ""
		case checkRequestName(name) != "":
			return "the header is " + quote(name) + ", which no browser asks for", ""
		}
		missing[i] = quote(field.Canonical(name))
	}
	names := strings.Join(missing, ", ")
	if len(missing) == 1 {
		return "the header is " + names, "add " + names + " to " + r.fields.requestHeaders
	}
	return "the headers are " + names, "add " + names + " to " + r.fields.requestHeaders
}

// mostMissing bounds how many names a Detail and a Fix list.
const mostMissing = 16

// explainUngoverned is for a path without a rule, which grants nothing and
// refuses nothing.
func (s *snapshot) explainUngoverned(path, method, host string, header http.Header) Decision {
	grantsNothing := preflight.Rule{Origins: noOrigins.set, Hosts: s.closed.Hosts}
	reason, _ := grantsNothing.Browser(grantsNothing.Judge(method, host, header), header)
	d := Decision{Kind: Ungoverned, Allowed: reason == preflight.OK}
	if d.Allowed {
		return d
	}
	d.Reason, d.Origin = NoRule, quoteLines(header["Origin"])
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		if i = strings.LastIndexByte(path[:i], '/'); i >= 0 {
			if r := s.procedures[path[i:]]; r != nil {
				prefix := path[:i]
				d.Reason, d.Procedure = WrongPathPrefix, r.procedure
				d.Detail = "the procedure is below " + quote(prefix) + ", the policy expects it below " + quote(s.prefix)
				if len(prefix) <= longestQuoted && checkPathPrefix(prefix) == "" {
					d.Fix = "set PathPrefix to " + quote(prefix)
				}
			}
		}
	}
	return d
}

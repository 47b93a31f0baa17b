package corsrpc

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// explain adds Detail and Fix to a Decision that does not allow. name is the
// method or header at fault, if there is one.
func (ix *index) explain(d *Decision, j *judgement, name string, u *url.URL, q *access.Request) {
	e := j.by
	switch access.Reason(d.Reason) {
	case access.ReasonOriginNotAllowed:
		d.Detail, d.Fix = ix.explainOrigin(e, q.Origins[0])
	case access.ReasonOriginMissing:
		d.Detail = explainMissing(q)
		if e.rule.Match == MatchBinding && (q.Method == http.MethodGet || q.Method == http.MethodHead) && slices.Contains(e.Methods, http.MethodGet) {
			d.Fix = "set Overrides[" + quote(methodName(e.rule.Procedure)) + "].Links to On"
		}
	case access.ReasonInternalMethod:
		d.Detail = explainInternal(e, q)
	case access.ReasonMethodNotAllowed:
		d.Detail, d.Fix = explainMethod(e, name, q)
	case access.ReasonHeaderNotAllowed:
		d.Detail, d.Fix = explainHeaders(e, j.missing, q)
	case access.ReasonHeadersMalformed:
		d.Detail = quote(name) + " is not a valid header name"
	case access.ReasonNotConfigured:
		d.Detail, d.Fix = explainClosed(e)
	case access.ReasonCredentialsNotAllowed:
		d.Detail, d.Fix = explainCredentials(e)
	case access.ReasonHostNotAllowed:
		d.Detail = "the host is " + quote(q.Host)
		if host := strings.ToLower(q.Host); checkHost(host) == "" {
			d.Fix = "add " + quote(host) + " to Hosts"
		}
	case access.ReasonFetchMetadataMissing:
		d.Detail = "the request has neither Origin nor Sec-Fetch-Site: not sent by a browser, sent over plain HTTP, or changed by a proxy that removes them"
	}
	if e.rule.Match == MatchBinding {
		d.Detail = joinDetails(d.Detail, ix.bindings.describe(u, q))
	}
	if e == j.own || e.rule.Match == MatchBinding && j.own != nil && j.own.rule.Match == MatchBinding {
		return
	}
	if e == ix.closed {
		d.Detail = "to some handlers the path means one of two services whose names differ only in case"
	} else {
		d.Detail = joinDetails(d.Detail, "to some handlers the path means "+quote(e.rule.Procedure))
	}
	if j.exempt || d.Reason == ReasonOriginMissing && e.rule.Match != MatchBinding {
		d.Fix = ix.documentationFix(u.Path)
	}
}

func joinDetails(details ...string) string {
	return strings.Join(slices.DeleteFunc(details, func(detail string) bool { return detail == "" }), "; ")
}

// methodName returns the full name of a procedure's method.
func methodName(procedure string) string {
	return strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", ".")
}

// documentationFix returns the change that exempts a path with a literal first
// segment from having another meaning. No change should exempt one whose first
// segment is a service.
func (ix *index) documentationFix(path string) string {
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	segment, _, more := strings.Cut(path[1:], "/")
	key := "/" + segment + "/"
	if !more || len(segment) > longestQuoted || strings.HasPrefix(segment, "{") || !isClean(path[1:]) || hidesDots(path) || checkResourcePath(key) != "" {
		return ""
	}
	if folded, ok := ix.aliases.fold(nil, segment); ok && ix.aliases.services[string(folded)] != nil {
		return ""
	}
	return "Resources[" + quote(key) + "] = {}"
}

func (ix *index) explainOrigin(e *entry, o string) (detail, fix string) {
	if len(o) > longestQuoted {
		return "the origin is too long", ""
	}
	entry, err := origin.Check(o)
	switch {
	case o == "null":
		return "null " + err.Error(), ""
	case err != nil:
		return "the origin " + err.Error(), ""
	case strings.Contains(o, "*"):
		return "the origin is a pattern, which no browser sends", ""
	case e.Credentials && entry.Insecure() && !ix.config.DangerouslyAllowInsecureOrigins:
		return "the page came over plain HTTP and the path has credentials: serve the page over https", ""
	case e.rule.from.origins.field == "":
		return "no method of this name is known, and the service's methods have different origins", ""
	}
	return "", "add " + quote(o) + " to " + e.rule.from.origins.field
}

func explainMissing(q *access.Request) string {
	if len(q.Header["Sec-Purpose"]) > 0 {
		return "Sec-Purpose is " + quoteLines(q.Header["Sec-Purpose"]) + ": a page's speculation rules made the request; pages call with fetch"
	}
	return "Sec-Fetch-Site is " + quoteLines(q.Header["Sec-Fetch-Site"]) + ": an image, script, frame, form or navigation of another site; pages call with fetch"
}

func explainInternal(e *entry, q *access.Request) string {
	unknown, none := "", ""
	if e.rule.Match == MatchService {
		unknown = "no method of this name is known, and one of the service's methods is internal"
	}
	if site := q.Header["Sec-Fetch-Site"]; len(q.Origins) == 0 && len(site) == 1 && site[0] == "none" {
		none = "Sec-Fetch-Site is none: a server that forwards a browser's request must drop Origin, Sec-Fetch-* and Sec-Purpose"
	}
	return joinDetails(unknown, none)
}

func explainMethod(e *entry, name string, q *access.Request) (detail, fix string) {
	if !q.IsPreflight() {
		return "the method is " + quote(q.Method), ""
	}
	detail = "the method is " + quoteLines(q.Header["Access-Control-Request-Method"])
	if name == "patch" {
		detail += ": browsers leave it as the script has it, so write PATCH there"
	}
	if e.rule.from.methodsField != "" && checkMethod(name) == "" {
		fix = "add " + quote(name) + " to " + e.rule.from.methodsField
	}
	return detail, fix
}

// explainHeaders is for a preflight, or for a call with these headers that are
// not allowed.
func explainHeaders(e *entry, missing []string, q *access.Request) (detail, fix string) {
	if q.IsPreflight() {
		lines := q.Header["Access-Control-Request-Headers"]
		if coverage, _ := e.Rule.RequestHeaders.Covers(lines); coverage == headername.TooLong {
			return "Access-Control-Request-Headers is longer than the list of all headers that are allowed", ""
		}
		// All that is missing: one name after the other, each would look like
		// the last.
		missing = e.Rule.RequestHeaders.Lacks(lines, mostMissing+1)
	}
	if len(missing) > mostMissing {
		return fmt.Sprintf("more than %d headers are not allowed", mostMissing), ""
	}
	texts := make([]string, len(missing))
	for i, name := range missing {
		switch {
		case len(name) > longestQuoted:
			return "a header name is too long", ""
		case checkRequestName(name) != "":
			return "the header is " + quote(name) + ", which no browser asks for", ""
		}
		texts[i] = quote(headername.Canonical(name))
	}
	list := strings.Join(texts, ", ")
	fix = "add " + list + " to " + e.rule.from.requestField
	if len(missing) == 1 {
		return "the header is " + list, fix
	}
	return "the headers are " + list, fix
}

// mostMissing bounds how many names a Detail and a Fix list.
const mostMissing = 16

func explainClosed(e *entry) (detail, fix string) {
	switch service, _, _ := strings.Cut(strings.TrimPrefix(e.rule.Procedure, "/"), "/"); {
	case service != "":
		return "neither Services nor Except names the service", "add " + quote(service) + " to Services"
	case e == zeroIndex.closed:
		return "neither New nor Update gave the policy a Config", ""
	}
	return "the policy governs no service of this path: see Services and Except", ""
}

func explainCredentials(e *entry) (detail, fix string) {
	const detailText = "the request has cookies, so the page made it with credentials"
	if e.anyOrigin {
		return detailText + `, which "*" cannot allow: list the origins, or let the page call without credentials`, ""
	}
	if e.rule.from.credentialsField != "" {
		fix = "set " + e.rule.from.credentialsField + ", or let the page call without credentials"
	}
	return detailText + "; if the page is the server's own, list its host in Hosts", fix
}

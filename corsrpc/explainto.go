package corsrpc

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
	"github.com/corsrpc/corsrpc-go/internal/origin"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// An explainer makes refusals readable for developers' pages.
//
// A browser shows a page nothing of a call that CORS stops. So a preflight that
// would fail succeeds for these pages, if the call itself shows that it must
// fail; and the call is then refused with an error that the page can read.
// Nothing is remembered between the two: they can reach different replicas.
//
// It never makes a handler run that would not run without it.
type explainer struct {
	origins *origin.Set
	ignored map[string]bool // by canonical name: added by proxies in front
}

// newExplainer returns nil if refusals are explained to nobody.
func newExplainer(config Config) *explainer {
	if len(config.ExplainTo) == 0 {
		return nil
	}
	x := &explainer{ignored: make(map[string]bool)}
	var entries []origin.Entry
	for _, text := range config.ExplainTo {
		if entry, err := origin.Check(text); err == nil { // compile has checked it
			entries = append(entries, entry)
		}
	}
	x.origins = origin.NewSet(entries)
	for _, name := range config.ExplainIgnore {
		x.ignored[headername.Canonical(name)] = true
	}
	return x
}

// judge completes a judgement that concerns one of the pages.
func (x *explainer) judge(j *judgement, q *access.Request) {
	if j.verdict.Kind == access.KindPreflight {
		if j.explained = j.isByOwn() && x.explainsPreflight(j, q); j.explained {
			j.verdict.Refused = false
		}
		return
	}
	if !j.verdict.Refused {
		x.judgeCall(j, q)
	}
	j.explained = j.verdict.Refused && j.isByOwn()
}

// concerns reports whether a judgement can be explained: of one of the pages,
// to the path of a procedure or binding. Internal methods stay opaque.
func (x *explainer) concerns(j *judgement, q *access.Request) bool {
	return len(q.Origins) == 1 && x.origins.Contains(q.Origins[0]) &&
		j.own != nil && j.own.Enforced && j.own.rule.Path != "" && !j.own.Internal && !j.own.rule.from.closed &&
		j.verdict.Reason != access.ReasonInternalMethod
}

// isByOwn reports whether the verdict is that of the path's own rule, or of one
// of its bindings. What another meaning of the path refuses stays opaque.
func (j *judgement) isByOwn() bool {
	return j.by == j.own || j.by.rule.Match == MatchBinding && j.own.rule.Match == MatchBinding
}

// explainsPreflight reports whether a preflight is to succeed although its call
// must fail: the call must show that itself.
func (x *explainer) explainsPreflight(j *judgement, q *access.Request) bool {
	e := j.own
	if e.IsOwn(q.Origins[0], q.Host) {
		return false // without Sec-Fetch-Site, its call passes
	}
	methods := q.Header["Access-Control-Request-Method"]
	if len(methods) != 1 || !headername.IsToken(methods[0]) || len(methods[0]) > longestQuoted {
		return false
	}
	if e.rule.Match == MatchBinding && methods[0] == http.MethodPost && !(slices.Contains(e.Methods, http.MethodPost) && slices.Contains(j.by.Methods, http.MethodPost)) {
		return false // a form reaches bindings of GET alone
	}
	if reason, _ := e.Browser(j.verdict, q); reason == access.ReasonOK || reason == access.ReasonHeadersMalformed {
		return false
	}
	lines := q.Header["Access-Control-Request-Headers"]
	if tooLong(lines) {
		return false
	}
	asked, ok := headername.ParseList(lines)
	if !ok {
		return false
	}
	badMethod := !e.AllowsMethod(methods[0])
	badHeader := slices.ContainsFunc(asked, func(name string) bool { return x.shows(name) && !e.Rule.RequestHeaders.Has(name) })
	if badMethod || badHeader {
		return true
	}
	if j.verdict.Reason != access.ReasonOriginNotAllowed {
		return false
	}
	// Origin itself shows it, unless ReportOnly lets the call pass. Then it
	// must show that it needed this preflight.
	return !j.by.ReportOnly || !httpmethod.IsSafelisted(methods[0]) || slices.ContainsFunc(asked, x.shows)
}

// shows reports whether a header of this name on a call shows that the page set
// it and needed a preflight for it. Proxies remove names with an underscore on
// the way, nginx by default, so a call need not show one that its preflight asked
// for.
func (x *explainer) shows(name string) bool {
	return !strings.Contains(name, "_") && !headername.IsSafelistedRequest(name) && !headername.IsForbiddenRequest(name) && !headername.IsAddedInTransit(name) && !x.ignored[headername.Canonical(name)]
}

// tooLong bounds what is parsed of a page's preflight.
func tooLong(lines []string) bool {
	const longest = 8 << 10
	length := 0
	for _, line := range lines {
		length += len(line) + 1
	}
	return length > longest
}

// judgeCall refuses a call that passes, if its preflight would have failed
// without being explained.
func (x *explainer) judgeCall(j *judgement, q *access.Request) {
	e := j.own
	if e.Kind(j.verdict, q) != access.KindCrossOrigin {
		return
	}
	var missing []string
	shown := false
	for name := range q.Header {
		if !x.shows(name) {
			continue
		}
		shown = true
		if !e.Rule.RequestHeaders.Has(name) {
			missing = append(missing, name)
		}
	}
	switch {
	case j.unlisted || !j.verdict.Permitted:
		j.verdict.Refused = shown || needsPreflight(q) // in spite of ReportOnly
	case !e.AllowsMethod(q.Method):
		j.by, j.verdict.Reason, j.verdict.Refused = e, access.ReasonMethodNotAllowed, true
	case len(missing) > 0:
		slices.Sort(missing)
		j.missing = missing
		j.by, j.verdict.Reason, j.verdict.Refused = e, access.ReasonHeaderNotAllowed, true
	}
}

// needsPreflight reports whether the method or the value of Content-Type shows
// that a browser asked before it sent the call (Fetch, "CORS-safelisted
// request-header").
func needsPreflight(q *access.Request) bool {
	if !httpmethod.IsSafelisted(q.Method) {
		return true
	}
	for _, value := range q.Header["Content-Type"] {
		essence, _, _ := strings.Cut(value, ";")
		switch strings.ToLower(strings.TrimSpace(essence)) {
		case "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
			if len(value) > 128 {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// respondToPreflight lets the page make the call that will be refused. It
// echoes what was asked, which preflight has parsed.
func (x *explainer) respondToPreflight(w http.ResponseWriter, q *access.Request) {
	header := w.Header()
	header[headerAllowOrigin] = []string{q.Origins[0]}
	header[headerAllowCredentials] = []string{"true"}
	header[headerAllowMethods] = []string{q.Header["Access-Control-Request-Method"][0]}
	if asked, _ := headername.ParseList(q.Header["Access-Control-Request-Headers"]); len(asked) > 0 {
		header[headerAllowHeaders] = []string{strings.Join(asked, ", ")}
	}
	header[headerMaxAge] = []string{"0"}
	header[headerCacheControl] = []string{"no-store"}
	header[headerVary] = []string{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
	w.WriteHeader(http.StatusNoContent)
}

// refuse responds to a call with an error that the page can read.
func (x *explainer) refuse(w http.ResponseWriter, d Decision, j *judgement, q *access.Request) {
	header := w.Header()
	header[headerAllowOrigin] = []string{q.Origins[0]}
	header[headerAllowCredentials] = []string{"true"}
	header[headerExposeHeaders] = []string{strings.Join(protocol.GRPCWeb.ResponseHeaders, ", ")}
	header[headerCacheControl] = []string{"no-store"}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	addVary(header, []string{"Origin"})
	contentType := ""
	if lines := q.Header["Content-Type"]; len(lines) == 1 {
		contentType = lines[0]
	}
	protocol.RefusalFor(contentType, j.own.rule.Match == MatchBinding).Write(w, d.message())
}

// message is what an explained page reads.
func (d Decision) message() string {
	message := "corsrpc: " + d.Reason.String()
	if d.Detail != "" {
		message += ": " + d.Detail
	}
	if d.Fix != "" {
		message += "; " + d.Fix
	}
	const longest = 2 << 10
	if len(message) > longest {
		message = message[:longest] + "..."
	}
	return message
}

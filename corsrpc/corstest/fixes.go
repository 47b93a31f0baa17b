package corstest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// fixes returns what to change, each thing once.
func (r *Report) fixes() []string {
	var send, read, inferred []string
	procedures := map[string][]string{} // by what to change
	stranger := false                   // whether the server can mean to keep the origin out
	for i := range r.Results {
		result := &r.Results[i]
		if result.OK() {
			continue
		}
		send = union(send, result.CannotSend)
		if result.Called {
			read = union(read, result.CannotRead)
		} else {
			inferred = union(inferred, result.CannotRead)
		}
		for _, fix := range result.fixes() {
			procedures[fix] = appendOnce(procedures[fix], result.called())
		}
		stranger = stranger || !result.Refused && result.Blocked != nil && result.Blocked.Header == causes[MissingAllowOriginHeader].header
	}
	var fixes []string
	for _, fix := range sortedKeys(procedures) {
		fixes = append(fixes, abbreviated(procedures[fix])+": "+fix)
	}
	for _, p := range r.alwaysBlocked() {
		fixes = append(fixes, fmt.Sprintf("or, if the server does not serve %s, leave that out: WithProtocols", p))
	}
	if stranger {
		fixes = append(fixes, "or, if pages of "+r.Origin+" must not call these, expect that: WithAudiences, or WithServices and WithNoAccess")
	}
	if len(send) > 0 {
		slices.Sort(send)
		fixes = append(fixes, "Access-Control-Allow-Headers must list "+strings.Join(send, ", "))
	}
	if len(read) > 0 {
		slices.Sort(read)
		fixes = append(fixes, "Access-Control-Expose-Headers must list "+strings.Join(read, ", "))
	}
	if len(inferred) > 0 {
		slices.Sort(inferred)
		fixes = append(fixes, "Access-Control-Expose-Headers must list "+strings.Join(inferred, ", ")+", unless handlers' responses have another list")
	}
	return fixes
}

// fixes returns what to change besides lists of header names.
func (r *Result) fixes() (fixes []string) {
	switch {
	case r.failure != nil:
		const enough = 500 // for a URL, and what came of it
		return []string{printableUpTo(enough, r.failure.Error())}
	case r.Runs && r.Protocol == ConnectGET:
		fixes = append(fixes, "refuse requests of pages of this origin before the handler runs: GET has no preflight, so the procedure runs, with the user's cookies, even if CORS hides the response")
	case r.Runs && r.isREST() && httpmethod.IsSafelisted(r.Method):
		fixes = append(fixes, "refuse requests of pages of this origin before the handler runs: browsers send "+r.Method+" to a gateway without a preflight, so the procedure runs, with the user's cookies, even if CORS hides the response")
	case r.Runs:
		fixes = append(fixes, "refuse the preflights of pages of this origin: they pass, so the procedure runs")
	case r.Inconclusive && notRPC[r.Status] != "":
		fixes = append(fixes, fmt.Sprintf("%s [status %d]", notRPC[r.Status], r.Status))
	case r.Inconclusive:
		fixes = append(fixes, fmt.Sprintf("log a user in, with WithCookies or WithMetadata: a %d does not show whether the server refuses the origin", r.Status))
	case r.Refused:
	case r.isNotRPC():
		fixes = append(fixes, fmt.Sprintf("%s [status %d]", notRPC[r.Status], r.Status))
	case r.Blocked != nil && len(r.CannotSend) == 0:
		fixes = append(fixes, fmt.Sprintf("%s [%s, status %d]", strings.ReplaceAll(r.Blocked.Fix, r.Blocked.URL, "(the URL)"), r.Blocked.Code, r.Blocked.Status))
	}
	if r.MissingVary {
		fixes = append(fixes, "send 'Vary: Origin' on every response to GET, also where there is no Origin: caches serve one origin's response to another")
	}
	return fixes
}

// notRPC is what to do about responses that are not a handler's.
var notRPC = map[int]string{
	http.StatusNotFound:                "serve the procedure: neither a handler nor a route has it",
	http.StatusMethodNotAllowed:        "serve the procedure with this method",
	http.StatusNotImplemented:          "serve the procedure with this method", // grpc-gateway
	http.StatusBadGateway:              "make sure that the proxy reaches the handler",
	http.StatusServiceUnavailable:      "make sure that the proxy reaches the handler",
	http.StatusGatewayTimeout:          "make sure that the proxy reaches the handler",
	http.StatusHTTPVersionNotSupported: "serve HTTP/2, in proxies too: the handler does not take this procedure over HTTP/1.1",
}

// alwaysBlocked returns the protocols in which pages can call nothing, if there
// is one in which they can.
func (r *Report) alwaysBlocked() []Protocol {
	called, blocked := map[Protocol]bool{}, map[Protocol]bool{}
	for i := range r.Results {
		result := &r.Results[i]
		switch {
		case result.Refused:
		case result.Blocked == nil && !result.isNotRPC():
			called[result.Protocol] = true
		default:
			// Where a server does not know a protocol, a router or a handler of another
			// one responds.
			unknown := result.Blocked == nil || slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType}, result.Blocked.Status)
			called[result.Protocol] = called[result.Protocol] || !unknown
			blocked[result.Protocol] = true
		}
	}
	maps.DeleteFunc(blocked, func(p Protocol, _ bool) bool { return called[p] })
	maps.DeleteFunc(called, func(_ Protocol, yes bool) bool { return !yes })
	if len(called) == 0 {
		return nil
	}
	return sortedKeys(blocked)
}

// abbreviated lists a few of the procedures.
func abbreviated(procedures []string) string {
	const few = 3
	if len(procedures) <= few {
		return strings.Join(procedures, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(procedures[:few], ", "), len(procedures)-few)
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

package corstest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A Report is what a [Check] found.
type Report struct {
	// Origin is that of the pages, and Profile is of their browser.
	Origin  string
	Profile Profile
	// Results are sorted by service, then in the order of the schema, then by
	// protocol.
	Results []Result
	// NotServed are the linked services that the server does not have.
	NotServed []string

	problems []error
}

// A Result is what a [Check] found of one procedure in one protocol.
type Result struct {
	Procedure string // "/acme.shop.v1.CartService/AddItem"
	Protocol  Protocol
	// Method is the HTTP method, and Path is where the procedure is called: its own
	// path, or the template of a REST binding.
	Method, Path string
	// Refused is whether pages of this origin must not reach the procedure.
	Refused bool
	// Blocked is why pages cannot call it (the fault is in the response to the
	// preflight, or the browser sends nothing), or cannot read a response of the
	// status Blocked.Status; nil if they can.
	Blocked *BlockedError
	// Runs is whether the procedure runs for pages although it must be Refused,
	// whether or not they can read the response.
	Runs bool
	// Inconclusive is whether the response shows neither that the procedure runs nor
	// that the server refuses the origin: a 401 or a redirect to a login page (see
	// [WithNoAccess]), or the 502, 503, 504 or 505 of a proxy.
	Inconclusive bool
	// CannotSend are the request headers that the server does not allow. Calls
	// without them can go through.
	CannotSend []string
	// CannotRead are the names of response headers, in the form that trailers
	// take in this protocol, that pages would read as null. It is inferred from a
	// response that no handler wrote, unless Called is true.
	CannotRead []string
	// MissingVary is whether responses to GET differ by origin and lack
	// "Vary: Origin", so that caches serve them to pages of other origins.
	MissingVary bool
	// Status is that of the response; 0 if the page got none.
	Status int
	// Called is whether the procedure was called: see [WithCalls].
	Called bool
	// Undeclared are the headers of the response to that call that the page
	// cannot read and nobody declared. They are no failure.
	Undeclared []string

	failure error // of the server or of reading its response
}

// OK reports whether the result is as expected.
func (r *Result) OK() bool {
	if r.failure != nil || r.MissingVary {
		return false
	}
	if r.Refused {
		return !r.Runs && !r.Inconclusive
	}
	return r.Blocked == nil && len(r.CannotSend) == 0 && len(r.CannotRead) == 0 && !r.isNotRPC()
}

// isNotRPC reports whether the response shows that no handler of the procedure
// is there: a proxy or a router responded. A 401 shows authentication, which a
// handler can stand behind.
func (r *Result) isNotRPC() bool {
	if r.Called {
		return false
	}
	if r.isREST() && isUnrouted(r.Status) {
		return true
	}
	switch r.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, http.StatusHTTPVersionNotSupported:
		return true
	}
	return false
}

// Err returns nil if everything is as expected. Otherwise it returns an error
// with the part of the report that is not.
func (r *Report) Err() error {
	if len(r.problems) == 0 && r.failed() == 0 {
		return nil
	}
	return errors.New(r.text(func(result *Result) bool { return !result.OK() }))
}

// String returns the whole report: a table of all results, and what to change.
func (r *Report) String() string {
	return r.text(func(*Result) bool { return true })
}

func (r *Report) failed() (n int) {
	for i := range r.Results {
		if !r.Results[i].OK() {
			n++
		}
	}
	return n
}

// text returns the report with the results that are to be shown.
func (r *Report) text(shown func(*Result) bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CORS check for pages of %s (%s): ", r.Origin, r.Profile)
	switch failed := r.failed(); {
	case len(r.Results) == 0:
		b.WriteString("nothing was checked\n")
	case failed > 0:
		fmt.Fprintf(&b, "%d of %d calls are not as expected\n", failed, len(r.Results))
	default:
		fmt.Fprintf(&b, "all %d calls are as expected\n", len(r.Results))
	}
	for _, problem := range r.problems {
		fmt.Fprintf(&b, "\n%s\n", problem)
	}
	r.writeTable(&b, shown)
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	if fixes := r.fixes(); len(fixes) > 0 {
		b.WriteString("\nTo fix it:\n")
		for _, fix := range fixes {
			fmt.Fprintf(&b, "  - %s\n", fix)
		}
	}
	return b.String()
}

func (r *Report) writeTable(b *strings.Builder, shown func(*Result) bool) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tPROCEDURE\tPROTOCOL\tRESPONSE\tCANNOT SEND\tCANNOT READ")
	rows := 0
	for i := range r.Results {
		result := &r.Results[i]
		if !shown(result) {
			continue
		}
		rows++
		mark := "ok"
		if !result.OK() {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, result.Procedure, result.way(), result.summary(),
			strings.Join(result.CannotSend, ", "), strings.Join(result.CannotRead, ", "))
	}
	if rows == 0 {
		return
	}
	_ = w.Flush() // strings.Builder does not fail
	b.WriteString("\n")
	for line := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// isREST reports whether the result is of a binding.
func (r *Result) isREST() bool { return r.Protocol == RESTGateway || r.Protocol == RESTTranscoding }

// way is the protocol, or the binding.
func (r *Result) way() string {
	if r.isREST() {
		return r.Method + " " + r.Path
	}
	return string(r.Protocol)
}

// called is what is called: the procedure, or the binding.
func (r *Result) called() string {
	if r.isREST() {
		return r.way()
	}
	return r.Procedure
}

// summary is what came of the call, in a few words.
func (r *Result) summary() string {
	words := r.outcome()
	if r.MissingVary {
		words += ", no Vary"
	}
	return words
}

func (r *Result) outcome() string {
	switch {
	case r.failure != nil:
		return "error"
	case r.Refused && r.Runs && r.Blocked == nil:
		return "runs, readable"
	case r.Refused && r.Runs:
		return "runs"
	case r.Refused && r.Inconclusive:
		return fmt.Sprintf("inconclusive %d", r.Status)
	case r.Refused:
		return "refused"
	case r.Called && r.Blocked != nil:
		return fmt.Sprintf("%d, unreadable %d", r.Status, r.Blocked.Status)
	case r.isUnreadable():
		return fmt.Sprintf("unreadable %d", r.Blocked.Status)
	case r.Blocked != nil:
		return "blocked"
	case r.isNotRPC():
		if r.isREST() {
			return fmt.Sprintf("%d, not served", r.Status)
		}
		return fmt.Sprintf("%d, not RPC", r.Status)
	}
	return strconv.Itoa(r.Status)
}

// isUnreadable reports whether the browser sent the request and keeps the
// response from the page.
func (r *Result) isUnreadable() bool {
	return r.Blocked != nil && !r.Blocked.Preflight && r.Blocked.Status != 0
}

// notes returns what a reader must know to read the table.
func (r *Report) notes() []string {
	var notes []string
	inferred, unreadable, unauthenticated := false, false, false
	undeclared := map[string][]string{}
	for i := range r.Results {
		result := &r.Results[i]
		inferred = inferred || len(result.CannotRead) > 0 && !result.Called
		unreadable = unreadable || result.isUnreadable() && !result.Refused
		unauthenticated = unauthenticated || result.Status == http.StatusUnauthorized && !result.Refused && !result.Called
		for _, name := range result.Undeclared {
			undeclared[name] = appendOnce(undeclared[name], result.called())
		}
	}
	if inferred {
		notes = append(notes, "CANNOT READ is inferred from responses that no handler wrote. WithCalls shows those of handlers.")
	}
	if unreadable {
		notes = append(notes, "Pages cannot read unreadable responses; those of handlers can differ. WithCalls shows them.")
	}
	if unauthenticated {
		notes = append(notes, "A 401 is not the response of a handler. WithCookies and WithMetadata log a user in.")
	}
	for _, name := range sortedKeys(undeclared) {
		notes = append(notes, fmt.Sprintf("%s is sent by %s, and neither declared nor exposed.", printable(name), abbreviated(undeclared[name])))
	}
	if len(r.NotServed) > 0 {
		notes = append(notes, "Not served here: "+strings.Join(r.NotServed, ", "))
	}
	return notes
}

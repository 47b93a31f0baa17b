package corstest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// NotServed are the linked services that the handler does not have.
	NotServed []string

	problems []error
}

// A Result is what a [Check] found of one procedure in one protocol.
type Result struct {
	Procedure string // "/acme.shop.v1.CartService/AddItem"
	Protocol  string // "Connect", "Connect GET" or "gRPC-Web"
	// Refused is whether pages of this origin must not reach the procedure.
	Refused bool
	// Blocked is why pages cannot call it, or cannot read what it answers; nil
	// if they can.
	Blocked *BlockedError
	// Runs is whether the procedure runs for pages of whom it is Refused: by a
	// GET that is not preflighted, of which CORS keeps the answer alone.
	Runs bool
	// CannotSend are the request headers that the server does not permit. Calls
	// without them may go through.
	CannotSend []string
	// CannotRead are the names of response headers, in the form that trailers
	// take in this protocol, that pages would read as null.
	CannotRead []string
	// Status is that of the answer; 0 where the page got none.
	Status int
	// Called is whether the procedure was called: see [WithCalls].
	Called bool

	failure error // of the handler or of reading its answer
}

// OK reports whether the result is as expected.
func (r *Result) OK() bool {
	if r.failure != nil {
		return false
	}
	if r.Refused {
		return r.Blocked != nil && !r.Runs
	}
	return r.Blocked == nil && len(r.CannotSend) == 0 && len(r.CannotRead) == 0
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
	if len(r.NotServed) > 0 {
		fmt.Fprintf(&b, "\nNot served here: %s\n", strings.Join(r.NotServed, ", "))
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
	fmt.Fprintln(w, "\tPROCEDURE\tPROTOCOL\tANSWER\tCANNOT SEND\tCANNOT READ")
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, result.Procedure, result.Protocol, result.answer(),
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

// answer is what came of the call, in a word or two.
func (r *Result) answer() string {
	switch {
	case r.failure != nil:
		return "error"
	case r.Refused && r.Runs:
		return "runs, unread"
	case r.Refused && r.Blocked != nil:
		return "refused"
	case r.Refused:
		return "reachable"
	case r.Blocked != nil:
		return "blocked"
	}
	return strconv.Itoa(r.Status)
}

// fixes returns what to change, each thing once.
func (r *Report) fixes() []string {
	var send, read []string
	procedures := map[string][]string{} // by what they have in common
	strange := false                    // whether the server may mean to keep the origin out
	for i := range r.Results {
		result := &r.Results[i]
		if result.OK() {
			continue
		}
		send = union(send, result.CannotSend)
		read = union(read, result.CannotRead)
		fix := ""
		switch {
		case result.failure != nil:
			fix = result.failure.Error()
		case result.Runs:
			fix = "refuse GETs of pages of this origin: they are not preflighted, so the procedure runs, with the user's cookies, and CORS merely hides the answer"
		case result.Refused:
			fix = "refuse pages of this origin"
		case result.Blocked != nil && len(result.CannotSend) == 0:
			fix = fmt.Sprintf("%s [%s, answered %d]", strings.ReplaceAll(result.Blocked.Fix, result.Blocked.URL, "(the URL)"), result.Blocked.Code, result.Blocked.Status)
			strange = strange || result.Blocked.Header == causes[MissingAllowOriginHeader].header
		}
		if fix != "" && !slices.Contains(procedures[fix], result.Procedure) {
			procedures[fix] = append(procedures[fix], result.Procedure)
		}
	}
	var fixes []string
	for _, fix := range slices.Sorted(maps.Keys(procedures)) {
		fixes = append(fixes, abbreviated(procedures[fix])+": "+fix)
	}
	if strange {
		fixes = append(fixes, "or, where pages of "+r.Origin+" must not call these, say so: WithAudiences, or WithServices and WithNoAccess")
	}
	slices.Sort(send)
	slices.Sort(read)
	if len(send) > 0 {
		fixes = append(fixes, "Access-Control-Allow-Headers must list "+strings.Join(send, ", "))
	}
	if len(read) > 0 {
		fixes = append(fixes, "Access-Control-Expose-Headers must list "+strings.Join(read, ", "))
	}
	return fixes
}

// abbreviated lists a few of the procedures.
func abbreviated(procedures []string) string {
	const few = 3
	if len(procedures) <= few {
		return strings.Join(procedures, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(procedures[:few], ", "), len(procedures)-few)
}

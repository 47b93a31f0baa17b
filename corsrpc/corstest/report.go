package corstest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A Report is what a [Check] found.
type Report struct {
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
	// Blocked is why pages cannot call it; nil if they can.
	Blocked *BlockedError
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
		return r.Blocked != nil
	}
	return r.Blocked == nil && len(r.CannotSend) == 0 && len(r.CannotRead) == 0
}

// Err returns nil if everything is as expected, and an error with the whole
// report otherwise.
func (r *Report) Err() error {
	if len(r.problems) == 0 && !slices.ContainsFunc(r.Results, func(result Result) bool { return !result.OK() }) {
		return nil
	}
	return errors.New(r.String())
}

// String returns the report as a table, and what to change.
func (r *Report) String() string {
	var b strings.Builder
	failed := 0
	for i := range r.Results {
		if !r.Results[i].OK() {
			failed++
		}
	}
	fmt.Fprintf(&b, "CORS check for pages of %s (%s): ", r.Origin, r.Profile)
	if failed == 0 && len(r.problems) == 0 {
		fmt.Fprintf(&b, "all %d calls are as expected\n", len(r.Results))
	} else {
		fmt.Fprintf(&b, "%d of %d calls are not as expected\n", failed, len(r.Results))
	}
	for _, problem := range r.problems {
		fmt.Fprintf(&b, "\n%s\n", problem)
	}
	if len(r.Results) > 0 {
		b.WriteString("\n")
		r.writeTable(&b)
	}
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

func (r *Report) writeTable(b *strings.Builder) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tPROCEDURE\tPROTOCOL\tANSWER\tCANNOT SEND\tCANNOT READ")
	for i := range r.Results {
		result := &r.Results[i]
		mark := "ok"
		if !result.OK() {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", mark, result.Procedure, result.Protocol, result.answer(),
			strings.Join(result.CannotSend, ", "), strings.Join(result.CannotRead, ", "))
	}
	_ = w.Flush() // strings.Builder does not fail
	for line := range strings.Lines(table.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// answer is what came of the call, in a word or two.
func (r *Result) answer() string {
	switch {
	case r.failure != nil:
		return "error"
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
	var send, read, other []string
	for i := range r.Results {
		result := &r.Results[i]
		if result.OK() {
			continue
		}
		send = union(send, result.CannotSend)
		read = union(read, result.CannotRead)
		switch {
		case result.failure != nil:
			other = append(other, fmt.Sprintf("%s: %v", result.Procedure, result.failure))
		case result.Refused:
			other = append(other, result.Procedure+" must refuse pages of this origin.")
		case result.Blocked != nil && result.Blocked.Code != HeaderDisallowedByPreflightResponse:
			other = append(other, fmt.Sprintf("%s: %s [%s]", result.Procedure, result.Blocked.Fix, result.Blocked.Code))
		}
	}
	slices.Sort(send)
	slices.Sort(read)
	slices.Sort(other)
	fixes := slices.Compact(other)
	if len(send) > 0 {
		fixes = append(fixes, "Access-Control-Allow-Headers must list "+strings.Join(send, ", ")+".")
	}
	if len(read) > 0 {
		fixes = append(fixes, "Access-Control-Expose-Headers must list "+strings.Join(read, ", ")+".")
	}
	return fixes
}

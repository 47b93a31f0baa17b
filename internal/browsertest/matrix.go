package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Matrix is what came of the tests, in each browser. matrix.json has one.
type Matrix struct {
	Date     string // "2026-11-21", in UTC
	Engines  []Version
	Servers  []Version // what answers the calls, and Go
	Clients  []Version // the RPC libraries, as npm calls them
	Calls    []string
	Settings []string
	Results  []Result
}

// A Version is that of a program or library.
type Version struct{ Name, Version string }

// A Result is that of checks that have all but their names in common.
type Result struct {
	// Suite is one of [Suites].
	Suite string
	// Row is what the suite is about: a client, an attack, a name, a use.
	Row string
	// Setting is one of Matrix.Settings where the suite is SuiteCalls, and Server one
	// of Matrix.Servers there and in the suites about bindings. Otherwise they are
	// empty.
	Server  string `json:",omitempty"`
	Setting string `json:",omitempty"`
	// Engine is one of Matrix.Engines.
	Engine string
	// Lost counts the calls of SuiteNames that lose something, as they must.
	Lost int `json:",omitempty"`
	// Passed counts, and Failed names, the checks.
	Passed int
	Failed []string `json:",omitempty"`
	// LeftOut says that the engine lacks what the row is about.
	LeftOut bool `json:",omitempty"`
}

// The suites.
const (
	SuiteCalls     = "calls"
	SuiteText      = "text"
	SuiteNames     = "names"
	SuiteRefusals  = "refusals"
	SuiteResources = "resources"

	SuiteBindings       = "bindings"
	SuiteBindingAttacks = "attacks on bindings"
	SuiteLinks          = "links"
)

// Suites are all of them.
var Suites = []string{SuiteCalls, SuiteText, SuiteNames, SuiteRefusals, SuiteResources, SuiteBindings, SuiteBindingAttacks, SuiteLinks}

// ReadMatrix reads a file that [Matrix.Write] has written.
func ReadMatrix(path string) (*Matrix, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &Matrix{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Write writes the matrix as JSON, one result a line.
func (m *Matrix) Write(path string) error {
	whole := *m
	whole.Results = nil
	head, err := json.MarshalIndent(&whole, "", "\t")
	if err != nil {
		return err
	}
	var results strings.Builder
	for i, r := range m.Results {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if i > 0 {
			results.WriteByte(',')
		}
		fmt.Fprintf(&results, "\n\t\t%s", line)
	}
	text := strings.Replace(string(head), `"Results": null`, `"Results": [`+results.String()+"\n\t]", 1)
	return os.WriteFile(path, []byte(text+"\n"), 0o644)
}

// Add counts one check.
func (m *Matrix) Add(r Result, check string, passed bool) {
	i := m.find(r)
	if i < 0 {
		i = len(m.Results)
		m.Results = append(m.Results, r)
	}
	if passed {
		m.Results[i].Passed++
	} else {
		m.Results[i].Failed = append(m.Results[i].Failed, check)
	}
}

// LeaveOut notes that there is nothing to check.
func (m *Matrix) LeaveOut(r Result) {
	i := m.find(r)
	if i < 0 {
		i = len(m.Results)
		m.Results = append(m.Results, r)
	}
	m.Results[i].LeftOut = true
}

// find returns the index of the result with the same names, or -1.
func (m *Matrix) find(r Result) int {
	return slices.IndexFunc(m.Results, func(known Result) bool {
		return known.Suite == r.Suite && known.Row == r.Row && known.Server == r.Server &&
			known.Setting == r.Setting && known.Engine == r.Engine
	})
}

// Cells counts the calls that were checked entry by entry.
func (m *Matrix) Cells() int {
	cells := 0
	for _, r := range m.Results {
		if r.Suite == SuiteCalls || r.Suite == SuiteNames {
			cells += r.Passed + len(r.Failed)
		}
	}
	return cells
}

// Failures names all checks that failed.
func (m *Matrix) Failures() []string {
	var all []string
	for _, r := range m.Results {
		for _, check := range r.Failed {
			all = append(all, fmt.Sprintf("%s: %s: %s %s %s: %s", r.Engine, r.Suite, r.Row, r.Server, r.Setting, check))
		}
	}
	return all
}

// Tables returns the calls as Markdown tables, one for each server.
func (m *Matrix) Tables(heading string) string { return m.tables(SuiteCalls, heading+" to ") }

// tables returns a table for each server that the suite is about. Its name follows
// the heading.
func (m *Matrix) tables(suite, heading string) string {
	var tables []string
	for _, s := range m.Servers {
		if slices.ContainsFunc(m.Results, func(r Result) bool { return r.Suite == suite && r.Server == s.Name }) {
			tables = append(tables, m.table(suite, s.Name, heading+s.Name))
		}
	}
	return strings.Join(tables, "\n")
}

// Table returns the results of a suite other than SuiteCalls as a Markdown table,
// with a row for each Row and a column for each engine.
func (m *Matrix) Table(suite, heading string) string { return m.table(suite, "", heading) }

func (m *Matrix) table(suite, server, heading string) string {
	var rows []string
	for _, r := range m.Results {
		if r.Suite == suite && r.Server == server && !slices.Contains(rows, r.Row) {
			rows = append(rows, r.Row)
		}
	}
	cells := [][]string{{heading}, {"---"}}
	for _, e := range m.Engines {
		cells[0] = append(cells[0], e.Name+" "+e.Version)
		cells[1] = append(cells[1], "---")
	}
	for _, row := range rows {
		line := []string{row}
		for _, e := range m.Engines {
			line = append(line, m.entry(suite, server, row, e.Name))
		}
		cells = append(cells, line)
	}
	var table strings.Builder
	for _, line := range cells {
		table.WriteString("| " + strings.Join(line, " | ") + " |\n")
	}
	return table.String()
}

// entry sums up a row in one engine.
func (m *Matrix) entry(suite, server, row, engine string) string {
	passed, failed, lost, leftOut, found := 0, 0, 0, false, false
	for _, r := range m.Results {
		if r.Suite == suite && r.Server == server && r.Row == row && r.Engine == engine {
			found = true
			passed += r.Passed
			failed += len(r.Failed)
			lost += r.Lost
			leftOut = leftOut || r.LeftOut
		}
	}
	switch {
	case !found:
		return "not run"
	case leftOut:
		return "not there"
	case failed > 0:
		return fmt.Sprintf("**%d of %d failed**", failed, passed+failed)
	case lost > 0:
		return fmt.Sprintf("✓ %d of %d", lost, passed)
	default:
		return fmt.Sprintf("✓ %d", passed)
	}
}

// Brief returns the Markdown that the README shows: which client works in which
// browser.
func (m *Matrix) Brief() string {
	return fmt.Sprintf("%s\n%s, %s. What each cell checks: [docs/browsers.md](docs/browsers.md).\n",
		m.Tables("calls through `Wrap`"), versions(m.Servers), m.Date)
}

func versions(list []Version) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.Name + " " + v.Version
	}
	return strings.Join(texts, ", ")
}

// Document returns the whole matrix as a Markdown file.
func (m *Matrix) Document() string {
	bullets := func(items []string) string { return "* " + strings.Join(items, "\n* ") + "\n" }
	return fmt.Sprintf(`# corsrpc in browsers

<!-- Made by make browsers from internal/browsertest/matrix.json. -->

Measured on %s with %s, over loopback. The clients are
%s.

## Calls

Pages call the shop of proto/acme/shop/v1, behind `+"`Wrap`"+` with the schema's own options, with each client, in each
setting. Each cell asserts all that the client hands to the page, code, message, details, every header, trailer and entry
of metadata, and the requests that arrive; %d cells in all, those of the next section included. The numbers are of calls
that passed.

%s
connect-go does not serve the text format: what is asserted of it is that its 415 can be read.

The calls:

%s
The settings:

%s
## Text responses

What the two clients of gRPC-Web's text format make of 29 responses, well-formed and not. Each is recorded in
textresponses_test.go, and the engines never differ.

%s
## Names

Each name that `+"`Wrap`"+` exposes is needed. Without it exactly those calls lose something that are known to need it, in the
way that is known, and all others see what they did before. The numbers are of calls that lose something.

%s
## Refusals

The handler does not run for what a page may not do. The same requests reach it where there is no `+"`Wrap`"+`. Each is made
from a page of the API's site and from a page of another site, over HTTP and over HTTPS with HTTP/2, with the cookies that the
browser sends. A link to a documentation page, a page's own `+"`<link rel=prefetch>`"+` and calls that the policy allows work.

%s
## Plain HTTP

Each works with a resource that permits it, and does not without.

%s
WebKitGTK uses fonts of every origin, permitted or not. Of the three, only Chromium streams uploads.

## REST

Pages call the bindings of proto/acme/library/v1 with plain fetch, through gateways behind one `+"`Wrap`"+`, over HTTP and over
HTTPS with HTTP/2. The page that is listed sees the status, the body, and exactly the metadata that the gateway sends, under
the gateway's names; a page of the API's own origin sees the same; pages that are not listed, of its site and of another,
see nothing, and no method runs for them. No Resource is written by hand.

%s
Each attack runs the method where there is no `+"`Wrap`"+`, and runs nothing where there is one.

%s
With Links, pages of other sites can link to GET bindings. Without, the method does not run, and the Decision names Links.

%s`,
		m.Date, versions(m.Servers), versions(m.Clients), m.Cells(),
		m.Tables("calls"), bullets(m.Calls), bullets(m.Settings),
		m.Table(SuiteText, "client"), m.Table(SuiteNames, "without"), m.Table(SuiteRefusals, "request"), m.Table(SuiteResources, "use"),
		m.tables(SuiteBindings, "binding, through "), m.tables(SuiteBindingAttacks, "attack through "), m.tables(SuiteLinks, "link through "))
}

// The marks in the README between which Brief stands.
const (
	begin = "<!-- browsers: made by `make browsers` -->\n"
	end   = "<!-- /browsers -->\n"
)

// Insert puts a brief between its marks in a text, if it has them.
func Insert(text, brief string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return text, nil
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("%q is not followed by %q", begin, end)
	}
	return before + begin + brief + end + after, nil
}

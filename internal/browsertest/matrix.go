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
	Servers  []Version // what answers the calls
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
	// Setting is one of Matrix.Settings where the suite is SuiteCalls, otherwise
	// empty.
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
	SuiteNames     = "names"
	SuiteRefusals  = "refusals"
	SuiteResources = "resources"
)

// Suites are all of them.
var Suites = []string{SuiteCalls, SuiteNames, SuiteRefusals, SuiteResources}

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
	i := slices.IndexFunc(m.Results, func(known Result) bool {
		return known.Suite == r.Suite && known.Row == r.Row && known.Setting == r.Setting && known.Engine == r.Engine
	})
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
	r.LeftOut = true
	m.Results = append(m.Results, r)
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
			all = append(all, fmt.Sprintf("%s: %s: %s %s: %s", r.Engine, r.Suite, r.Row, r.Setting, check))
		}
	}
	return all
}

// Table returns the results of a suite as a Markdown table, with a row for each
// Row and a column for each engine.
func (m *Matrix) Table(suite, heading string) string {
	var rows []string
	for _, r := range m.Results {
		if r.Suite == suite && !slices.Contains(rows, r.Row) {
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
			line = append(line, m.entry(suite, row, e.Name))
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
func (m *Matrix) entry(suite, row, engine string) string {
	passed, failed, lost, leftOut, found := 0, 0, 0, false, false
	for _, r := range m.Results {
		if r.Suite == suite && r.Row == row && r.Engine == engine {
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
		m.Table(SuiteCalls, "calls through `Wrap`"), versions(m.Servers), m.Date)
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
## Names

Each name that `+"`Wrap`"+` exposes is needed. Without it exactly those calls lose something that are known to need it, in the
way that is known, and all others see what they did before. The numbers are of calls that lose something.

%s
## Refusals

What a page may not do is not done: the handler does not run. The same requests reach it where there is no `+"`Wrap`"+`.

%s
## Plain HTTP

Each works with a resource that permits it, and does not without.

%s
WebKitGTK uses fonts of every origin, permitted or not. Of the three, only Chromium streams uploads.
`,
		m.Date, versions(m.Servers), versions(m.Clients), m.Cells(),
		m.Table(SuiteCalls, "client"), bullets(m.Calls), bullets(m.Settings),
		m.Table(SuiteNames, "without"), m.Table(SuiteRefusals, "request"), m.Table(SuiteResources, "use"))
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

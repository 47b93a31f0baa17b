package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// A report is all that was measured.
type report struct {
	rounds   int
	tables   map[string][]result
	growth   []growth
	bindings []bindingResult
	profiles map[string][]breakdown // by row
	whole    map[string][]result    // by HTTP version
	update   *updateRun
	memory   uint64
}

func (r *report) write(docs string) error {
	text, err := r.markdown()
	if err != nil {
		return err
	}
	origins := r.picture("Origins", "POST")
	origins.title, origins.horizontal = "Cost by number of origins", "origins in the configuration"
	origins.subtitle = "an allowed call; the page's origin stands in the middle of the list"
	origins.at, origins.ticks = []float64{1, 10, 1_000, 100_000}, []string{"1", "10", "1,000", "100,000"}
	lengths := r.picture("Hostile", "preflight")
	lengths.title, lengths.horizontal = "Cost by length of a hostile header", "bytes of Access-Control-Request-Headers"
	lengths.subtitle = "a preflight that anybody can send, from a permitted origin"
	for _, size := range bench.HostileSizes {
		lengths.at = append(lengths.at, float64(size))
		lengths.ticks = append(lengths.ticks, fmt.Sprintf("%d KiB", size>>10))
	}
	lengths.ticks[len(lengths.ticks)-1] = "1 MiB"
	for name, content := range map[string]string{
		"benchmarks.md":             text,
		"cost-by-origins.svg":       origins.svg(),
		"cost-by-header-length.svg": lengths.svg(),
	} {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// picture has a line for every subject that does something, of a table's rows
// whose names begin so.
func (r *report) picture(table, prefix string) *picture {
	p := &picture{}
	peers := 0
	for i, subject := range bench.Subjects() {
		l := line{name: subject.Name, class: "ours"}
		switch {
		case subject.Kind == bench.Peer:
			l.class = fmt.Sprintf("peer%d", peers)
			peers++
		case subject.Name == "static floor":
			l.class = "floor"
		case subject.Kind != bench.Ours:
			continue
		}
		for _, result := range r.tables[table] {
			if strings.HasPrefix(result.row.Name, prefix) {
				l.nanos = append(l.nanos, spreadOf(result.all[i].nanos).Median)
				l.wrong = append(l.wrong, result.all[i].fault != "")
			}
		}
		p.lines = append(p.lines, l)
	}
	return p
}

// What stands before each table.
var introductions = map[string]string{
	"Requests":   "## Requests\n\nTen origins, 100 procedures.\n\n",
	"Origins":    "## By number of origins\n\n![Cost by number of origins](cost-by-origins.svg)\n\n",
	"Patterns":   "## By number of patterns\n\nAll of the form `https://*.tenant-0.example.org`. The floors and gorilla/handlers have no patterns.\n\n",
	"Procedures": "## By number of procedures\n\n",
	"Hostile": "## By length of a hostile header\n\n![Cost by length of a hostile header](cost-by-header-length.svg)\n\n" +
		"`Access-Control-Request-Headers` repeats a permitted name. Servers of net/http take 1 MiB of headers unless configured otherwise.\n" +
		"`Upgrade` is as long on a POST over HTTP/1.1.\n\n",
}

func (r *report) markdown() (string, error) {
	var w strings.Builder
	fmt.Fprintf(&w, `# Benchmarks

Written by `+"`make bench`"+` on %s, with %s on %s (%s/%s, %d CPUs).
Libraries: %s.

Every subject has the same configuration (credentials, tracing, an application's own metadata; the lists of connectrpc.com/cors and
what corsrpc generates of its own accord) and responds to the same requests, with the headers that Chromium sends. Measured is
what stands in front of a handler that does nothing: no server, no recorder, a response writer that is used again. The subjects take turns for
%d rounds, and each ratio is the median over the rounds, with the middle half of them in brackets.

The first column is corsrpc's own time and its allocations; it is not to be compared between rows, which are measured one after the other on a
machine that others use too. All others are **multiples of corsrpc's time**, then
allocations: 2.00 takes twice as long. "=" is before what cannot be told apart: the middle half reaches both sides of 1. ~~Struck out~~ is what
responds wrongly, and how. *runs the handler*: the call of a foreign page, which CORS does not stop by itself, is executed.

- **echo floor**, **static floor**: written by hand for this one server, with the same headers as corsrpc. The first has a map of origins, and checks and
  returns the list that a preflight asks for; the second has a map of rules by path, a map of origins and complete lists. Neither has
  patterns, looks at Sec-Fetch-Site, compares with its own origin or reports anything.
- **gin alone** is gin with a route for everything and no CORS, which is part of what gin-contrib/cors costs.
- rs/cors and gin-contrib/cors put the same slices into every response: a handler or a middleware that changes a value in place
  changes it in all later responses. corsrpc gives every response an array of its own.

`, time.Now().UTC().Format(time.DateOnly), runtime.Version(), processor(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), versions(), r.rounds)
	for _, table := range bench.Tables() {
		w.WriteString(introductions[table.Name])
		ratios(&w, r.tables[table.Name])
	}
	bindingTable(&w, r.bindings)
	r.targets(&w)
	profileTables(&w, r.profiles)
	w.WriteString("## Whole servers\n\nThe same over loopback: one connection, one request after the other, client included. Little is left of the difference.\n\n")
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		fmt.Fprintf(&w, "%s:\n\n", version)
		wholeTable(&w, r.whole[version])
	}
	if err := preflights(&w); err != nil {
		return "", err
	}
	r.updates(&w)
	return w.String(), nil
}

// targets says how corsrpc stands to the best of the others on each row.
func (r *report) targets(w *strings.Builder) {
	w.WriteString("## Summary\n\ncorsrpc's time as a multiple of others', this time.\n\n" +
		"| | of the static floor | of the echo floor | of the fastest peer that responds correctly | the static floor, of that peer's |\n|---|--:|--:|--:|--:|\n")
	for _, table := range bench.Tables() {
		for _, result := range r.tables[table.Name] {
			fastest, static := result.fastest(), result.of("static floor")
			fmt.Fprintf(w, "| %s | %s | %s |", result.row.Name, result.share(static), result.share(result.of("echo floor")))
			if fastest == nil {
				w.WriteString(" none does | |\n")
				continue
			}
			fmt.Fprintf(w, " %s, %s |", result.share(fastest), fastest.subject.Name)
			if static.absent {
				w.WriteString(" – |\n")
			} else {
				fmt.Fprintf(w, " %.3g |\n", static.over(fastest).Median)
			}
		}
	}
	for _, result := range r.tables["Requests"] {
		if result.row.Expects == bench.Plain {
			none := result.of("no middleware")
			over := make([]float64, len(none.nanos))
			for i := range over {
				over[i] = result.ours().nanos[i] - none.nanos[i]
			}
			s := spreadOf(over)
			fmt.Fprintf(w, "\n%s: %.1f ns (%.1f–%.1f) more than no middleware, %g allocations.\n", result.row.Name, s.Median, s.Low, s.High, result.ours().allocs)
		}
	}
	w.WriteString("\nThe largest against the smallest, corsrpc alone:\n\n| | POST | preflight |\n|---|--:|--:|\n")
	for _, g := range r.growth {
		fmt.Fprintf(w, "| %s |", g.name)
		for _, prefix := range []string{"POST", "preflight"} {
			if of, ok := g.ratios[prefix]; ok {
				fmt.Fprintf(w, " %.2f (%.2f–%.2f) |", of.Median, of.Low, of.High)
			} else {
				w.WriteString(" |")
			}
		}
		w.WriteString("\n")
	}
	w.WriteString("\n")
}

// A growth is what the last row of a table takes as a multiple of what the
// first does, by what their names begin with.
type growth struct {
	name   string
	ratios map[string]spread
}

var growing = map[string]string{
	"Origins":    "100,000 origins to 1",
	"Patterns":   "100,000 patterns to 1",
	"Procedures": "10,000 procedures to 1",
	"Hostile":    "a header of 1 MiB to 1 KiB",
}

func growths(rounds int, slice time.Duration) ([]growth, error) {
	var all []growth
	for _, table := range bench.Tables() {
		name, ok := growing[table.Name]
		if !ok {
			continue
		}
		g := growth{name, make(map[string]spread)}
		for _, prefix := range []string{"POST", "preflight"} {
			var rows []bench.Row
			for _, row := range table.Rows {
				if strings.HasPrefix(row.Name, prefix) {
					rows = append(rows, row)
				}
			}
			if len(rows) == 0 {
				continue
			}
			series, err := measureGrowth(rows, rounds, slice)
			if err != nil {
				return nil, err
			}
			g.ratios[prefix] = series[len(series)-1].over(series[0])
		}
		all = append(all, g)
	}
	return all, nil
}

// share is corsrpc's time as a multiple of a subject's.
func (r result) share(s *series) string {
	if s.absent {
		return "–"
	}
	ratio := r.ours().over(s)
	text := fmt.Sprintf("%.3g (%.3g–%.3g)", ratio.Median, ratio.Low, ratio.High)
	if ratio.Low <= 1 && ratio.High >= 1 {
		text = "= " + text
	}
	if s.fault != "" {
		return "~~" + text + "~~"
	}
	return text
}

func wholeTable(w *strings.Builder, results []result) {
	w.WriteString("| |")
	for _, s := range bench.Subjects() {
		fmt.Fprintf(w, " %s |", s.Name)
	}
	w.WriteString("\n|---|" + strings.Repeat("--:|", len(bench.Subjects())) + "\n")
	for _, result := range results {
		fmt.Fprintf(w, "| %s |", result.row.Name)
		for i, s := range result.all {
			ratio := s.over(result.ours())
			switch {
			case s.subject.Kind == bench.None && result.row.Expects == bench.Granted:
				w.WriteString(" – |") // a handler's answer, which has a body
			case i == 0:
				fmt.Fprintf(w, " **%.1f µs** |", spreadOf(s.nanos).Median/1e3)
			case ratio.Low <= 1 && ratio.High >= 1:
				fmt.Fprintf(w, " = %.2f (%.2f–%.2f) |", ratio.Median, ratio.Low, ratio.High)
			default:
				fmt.Fprintf(w, " %.2f (%.2f–%.2f) |", ratio.Median, ratio.Low, ratio.High)
			}
		}
		w.WriteString("\n")
	}
	w.WriteString("\n")
}

func preflights(w *strings.Builder) error {
	fmt.Fprintf(w, "## Preflights per session\n\nA round trip before a call costs more than all of the above. "+
		"A page makes %d calls in %d minutes: three procedures, over Connect, gRPC-Web and Connect GET, with and without timeouts, tracing and authorization, with credentials, "+
		"as package corstest models the engines and their caches. Every library is told to let browsers remember for two hours.\n\n| |", bench.SessionCalls, bench.SessionMinutes)
	profiles := []corstest.Profile{corstest.Chromium, corstest.Firefox, corstest.WebKit}
	for _, profile := range profiles {
		fmt.Fprintf(w, " %s |", profile)
	}
	w.WriteString("\n|---|--:|--:|--:|\n")
	for _, subject := range bench.Subjects() {
		if subject.Kind != bench.Ours && subject.Kind != bench.Peer {
			continue
		}
		fmt.Fprintf(w, "| %s |", subject.Name)
		for _, profile := range profiles {
			n, err := bench.Preflights(subject, profile)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, " %d |", n)
		}
		w.WriteString("\n")
	}
	w.WriteString("\nComplete lists make one preflight for each procedure, once more every ten minutes in WebKit. Libraries that allow only what was asked make one for each " +
		"combination of headers; Chromium keeps one result per URL, so calls with different headers evict each other. gorilla/handlers caps the age at ten minutes.\n\n")
	return nil
}

func (r *report) updates(w *strings.Builder) {
	fmt.Fprintf(w, "## Update under load, and memory\n\n`Policy.Update` with 100,000 origins takes %s (%s–%s). It replaces one pointer at the end, so no request waits for it. "+
		"What a request in another goroutine takes meanwhile, by turns; the longest is the median of %d rounds:\n\n"+
		"| | requests | median | 99 %% | 99.99 %% | longest |\n|---|--:|--:|--:|--:|--:|\n",
		nanos(r.update.update.Median), nanos(r.update.update.Low), nanos(r.update.update.High), len(r.update.phases[0].longest))
	for _, phase := range r.update.phases {
		fmt.Fprintf(w, "| %s | %d |", phase.name, len(phase.all))
		for _, part := range []float64{0.5, 0.99, 0.9999} {
			fmt.Fprintf(w, " %s |", nanos(float64(phase.all.at(part))))
		}
		longest := spreadOf(phase.longest)
		fmt.Fprintf(w, " %s (%s–%s) |\n", nanos(longest.Median), nanos(longest.Low), nanos(longest.High))
	}
	w.WriteString("\nMaking policies that have nothing to do with the requests takes as much of the machine, processors and garbage collector, as updates do. " +
		"The longest waits are those of a few requests among millions, for a processor or for the garbage collector; they differ from run to run.\n\n")
	fmt.Fprintf(w, "A policy of 10,000 procedures and 100,000 origins keeps %.1f MB, its copy of the Config included, the descriptors and the texts of the origins not.\n", float64(r.memory)/1e6)
}

// benchstat writes every round in the format of go test -bench.
func (r *report) benchstat(path string) error {
	var w strings.Builder
	fmt.Fprintf(&w, "goos: %s\ngoarch: %s\npkg: github.com/corsrpc/corsrpc-go/internal/bench\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, processor())
	for _, table := range bench.Tables() {
		for _, result := range r.tables[table.Name] {
			for _, s := range result.all {
				name := "BenchmarkRows/" + result.row.Benchmark(s.subject)
				for _, nanos := range s.nanos {
					fmt.Fprintf(&w, "%s-%d\t%d\t%.2f ns/op\t%g allocs/op\n", name, runtime.GOMAXPROCS(0), s.n, nanos, s.allocs)
				}
			}
		}
	}
	return os.WriteFile(path, []byte(w.String()), 0o644)
}

// A measurement is what one subject took on one row. Times are in
// nanoseconds; spreads are the quartiles.
type measurement struct {
	Table     string  `json:"table"`
	Row       string  `json:"row"`
	Subject   string  `json:"subject"`
	Wrong     string  `json:"wrong,omitempty"` // what is wrong with its answer
	Allocs    float64 `json:"allocs"`
	Time      spread  `json:"time"`
	OfCorsrpc spread  `json:"ofCorsrpc"` // as a multiple of corsrpc's time
}

// json writes the tables for programs.
func (r *report) json(path string) error {
	var figures []measurement
	for _, table := range bench.Tables() {
		for _, result := range r.tables[table.Name] {
			for _, s := range result.all {
				if s.absent {
					continue
				}
				figures = append(figures, measurement{
					Table: table.Name, Row: result.row.Name, Subject: s.subject.Name, Wrong: s.fault,
					Allocs: s.allocs, Time: spreadOf(s.nanos), OfCorsrpc: s.over(result.ours()),
				})
			}
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"date": time.Now().UTC().Format(time.DateOnly), "go": runtime.Version(), "processor": processor(),
		"libraries": versions(), "rounds": r.rounds, "figures": figures,
	}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

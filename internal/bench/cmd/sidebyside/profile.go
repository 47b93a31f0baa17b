package main

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// A part of what a request costs, and the functions in which it goes by.
type part struct {
	name      string
	functions []string
}

// The parts, and last whatever is in none of them. A sample belongs to the
// outermost of these functions that it was taken in.
var parts = []part{
	{"setting headers", []string{"runtime.mapassign_faststr"}},
	{"memory for their values", []string{
		"runtime.newobject", "runtime.growslice", "runtime.makeslice", "runtime.concatstrings",
		"gcWriteBarrier", "runtime.wbBufFlush",
	}},
	{"emptying the response for the next request", []string{
		"github.com/corsrpc/corsrpc-go/internal/bench.(*Answer).Reset", "runtime.mapclear",
	}},
	{"looking up: headers, path, origin", []string{"runtime.mapaccess1_faststr", "runtime.mapaccess2_faststr"}},
	{"everything else, the decision included", nil},
}

// A breakdown is what each part takes of a subject's time for a row.
type breakdown struct {
	subject string
	nanos   []float64 // as in parts
}

// profiled lets a subject respond to a row's request until there are that many
// samples, a hundred a second at best, and returns where the time of one request
// goes, which is nanos in total.
func profiled(row bench.Row, subject bench.Subject, nanos float64, samples int64) (breakdown, error) {
	b := breakdown{subject: subject.Name}
	handler, err := subject.Wrap(row.Setup, bench.Nothing{})
	if err != nil {
		return b, err
	}
	counts := make([]int64, len(parts))
	total := int64(0)
	for total < samples {
		var raw bytes.Buffer
		if err := pprof.StartCPUProfile(&raw); err != nil {
			return b, err
		}
		answerFor(time.Second/2, handler, row.Request)
		pprof.StopCPUProfile()
		p, err := profile.Parse(&raw)
		if err != nil {
			return b, err
		}
		for _, sample := range p.Sample {
			if i, ok := partOf(functions(sample)); ok {
				counts[i] += sample.Value[0]
				total += sample.Value[0]
			}
		}
	}
	for _, n := range counts {
		b.nanos = append(b.nanos, nanos*float64(n)/float64(total))
	}
	return b, nil
}

// answerFor is the function in which samples count; others are of the garbage
// collector's own threads.
//
//go:noinline
func answerFor(length time.Duration, handler http.Handler, r *http.Request) {
	answer := bench.NewAnswer()
	for end := time.Now().Add(length); time.Now().Before(end); {
		for range 1 << 12 {
			answer.Reset()
			handler.ServeHTTP(answer, r)
		}
	}
}

// functions are those of a sample, the outermost first.
func functions(s *profile.Sample) []string {
	var names []string
	for _, location := range slices.Backward(s.Location) {
		for _, line := range slices.Backward(location.Line) {
			names = append(names, line.Function.Name)
		}
	}
	return names
}

// partOf returns the part that a stack belongs to, and whether it is a
// request's.
func partOf(stack []string) (int, bool) {
	begin := slices.IndexFunc(stack, func(name string) bool { return strings.HasSuffix(name, ".answerFor") })
	if begin < 0 {
		return 0, false
	}
	for _, name := range stack[begin:] {
		for i, part := range parts {
			if slices.Contains(part.functions, name) {
				return i, true
			}
		}
	}
	return len(parts) - 1, true
}

// Rows whose profiles are of interest: those where a floor or a peer comes
// close, or wins.
var profiledRows = []string{preflightRow, "POST, allowed", "preflight, refused", "POST without Origin, HTTP/1.1"}

const preflightRow = "preflight, Connect"

// profiles takes those of corsrpc, the static floor and the fastest peer.
func profiles(results []result, samples int64) (map[string][]breakdown, error) {
	all := make(map[string][]breakdown)
	for _, result := range results {
		if !slices.Contains(profiledRows, result.row.Name) {
			continue
		}
		fastest := result.fastest()
		if fastest == nil {
			return nil, fmt.Errorf("%s: no peer answers rightly, so leave it out of profiledRows", result.row.Name)
		}
		for _, s := range []*series{result.ours(), result.of("static floor"), fastest} {
			b, err := profiled(result.row, s.subject, spreadOf(s.nanos).Median, samples)
			if err != nil {
				return nil, err
			}
			all[result.row.Name] = append(all[result.row.Name], b)
		}
	}
	return all, nil
}

// profileTables writes where the time goes.
func profileTables(w *strings.Builder, profiles map[string][]breakdown) {
	w.WriteString("## Where the time goes\n\nNanoseconds of one request, by CPU profiles of corsrpc, the static floor and the fastest peer.\n\n")
	for _, name := range profiledRows {
		fmt.Fprintf(w, "| %s |", name)
		breakdowns := profiles[name]
		for _, b := range breakdowns {
			fmt.Fprintf(w, " %s |", b.subject)
		}
		w.WriteString("\n|---|" + strings.Repeat("--:|", len(breakdowns)) + "\n")
		for i, part := range parts {
			fmt.Fprintf(w, "| %s |", part.name)
			for _, b := range breakdowns {
				fmt.Fprintf(w, " %.0f |", b.nanos[i])
			}
			w.WriteString("\n")
		}
		w.WriteString("\n")
	}
	ours, fastest := profiles[preflightRow][0], profiles[preflightRow][2]
	least := ours.nanos[0] + ours.nanos[1] + ours.nanos[2]
	fmt.Fprintf(w, `A library that sets the six headers of a preflight's response to values of its own pays for the first three lines, %.0f ns of %.0f: these alone are
%.2f of what %s takes. The static floor shows the same: less is possible only by leaving headers out or sharing slices.

A POST without Origin is the look-ups of Origin and Sec-Fetch-Site; over HTTP/1.1 there is a third one, Upgrade: a handler that accepts an upgrade
to HTTP/2 would serve all further calls of the connection past the policy. Refused preflights look up the path, which the echo floor and
gorilla/handlers do not, since they have one list for all paths.

`, least, sum(ours.nanos), least/sum(fastest.nanos), fastest.subject)
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

package main

import (
	"fmt"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// A result is a row and what was measured.
type result struct {
	row bench.Row
	all []*series
}

func (r result) of(name string) *series {
	for _, s := range r.all {
		if s.subject.Name == name {
			return s
		}
	}
	panic("no subject " + name)
}

func (r result) ours() *series { return r.all[0] }

// fastest is that of the peers whose answers are right, or nil.
func (r result) fastest() *series {
	var fastest *series
	for _, s := range r.all {
		if s.subject.Kind != bench.Peer || s.absent || s.fault != "" {
			continue
		}
		if fastest == nil || s.over(r.ours()).Median < fastest.over(r.ours()).Median {
			fastest = s
		}
	}
	return fastest
}

// ratios writes a table: corsrpc in nanoseconds, everything else as a multiple of
// it.
func ratios(w *strings.Builder, results []result) {
	subjects := bench.Subjects()
	w.WriteString("| |")
	for _, s := range subjects {
		fmt.Fprintf(w, " %s |", s.Name)
	}
	w.WriteString("\n|---|")
	w.WriteString(strings.Repeat("--:|", len(subjects)))
	w.WriteString("\n")
	for _, result := range results {
		fmt.Fprintf(w, "| %s |", result.row.Name)
		for i, s := range result.all {
			switch {
			case s.absent:
				w.WriteString(" – |")
			case i == 0:
				fmt.Fprintf(w, " **%s**, %g |", nanos(spreadOf(s.nanos).Median), s.allocs)
			default:
				fmt.Fprintf(w, " %s |", result.cell(s))
			}
		}
		w.WriteString("\n")
	}
	w.WriteString("\n")
}

// cell is the ratio of a subject to corsrpc: "2.31 (2.28–2.35), 5".
func (r result) cell(s *series) string {
	ratio := s.over(r.ours())
	text := fmt.Sprintf("%s (%s–%s), %g", figure(ratio.Median), figure(ratio.Low), figure(ratio.High), s.allocs)
	if ratio.Low <= 1 && ratio.High >= 1 {
		text = "= " + text
	}
	if s.fault != "" {
		text = "~~" + text + "~~ " + s.fault
	}
	return text
}

func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

func nanos(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.1f ms", f/1e6)
	case f >= 1e4:
		return fmt.Sprintf("%.0f µs", f/1e3)
	case f >= 100:
		return fmt.Sprintf("%.0f ns", f)
	}
	return fmt.Sprintf("%.1f ns", f)
}

package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// A bindingResult is what one request to a binding takes in corsrpc and in
// grpc-gateway's router.
type bindingResult struct {
	bindings bench.Bindings
	path     string
	ours     *series
	router   *series
}

// bindings measures policies by their number of bindings.
func bindings(rounds int, slice time.Duration) ([]bindingResult, error) {
	var results []bindingResult
	for _, n := range []bench.Bindings{1, 100, 1_000, 10_000} {
		ours, err := n.Wrap(bench.Nothing{})
		if err != nil {
			return nil, err
		}
		router, err := n.Route(bench.Nothing{})
		if err != nil {
			return nil, err
		}
		for _, path := range n.Paths() {
			result := bindingResult{n, path.Name, &series{handler: ours}, &series{handler: router}}
			result.measure(n.Request(path), rounds, slice)
			results = append(results, result)
		}
	}
	return results, nil
}

func (b *bindingResult) measure(r *http.Request, rounds int, slice time.Duration) {
	answer := bench.NewAnswer()
	both := []*series{b.ours, b.router}
	for _, s := range both {
		s.calibrate(answer, r, slice)
	}
	for round := range rounds {
		again := *r
		again.Header = r.Header.Clone()
		for i := range both {
			s := both[(i+round)%len(both)]
			s.nanos = append(s.nanos, float64(s.run(answer, &again))/float64(s.n))
		}
	}
}

func bindingTable(w *strings.Builder, results []bindingResult) {
	w.WriteString("## By number of REST bindings\n\nA GET that a page makes to the one in the middle of so many bindings (`GET /v1/projects/*/things7/*:run`): " +
		"all that corsrpc does with it, beside what grpc-gateway's router takes to find the method, which goes through its templates one by one.\n\n" +
		"| | corsrpc | grpc-gateway's router |\n|---|--:|--:|\n")
	for _, b := range results {
		ratio := b.router.over(b.ours)
		fmt.Fprintf(w, "| bindings=%d, %s | **%s**, %g | %s (%s–%s), %g |\n", b.bindings, b.path,
			nanos(spreadOf(b.ours.nanos).Median), b.ours.allocs, figure(ratio.Median), figure(ratio.Low), figure(ratio.High), b.router.allocs)
	}
	w.WriteString("\n")
}

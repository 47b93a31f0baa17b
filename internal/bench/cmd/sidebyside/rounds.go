package main

import (
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// A series is what one subject took per request, round by round.
type series struct {
	subject bench.Subject
	fault   string // what is wrong with its answer
	absent  bool   // it cannot be configured so
	allocs  float64
	nanos   []float64

	handler http.Handler
	n       int // requests per round
}

// measure has all subjects answer the row's request in turns. In each round
// they meet the same weather, whatever else the machine does; so ratios are
// taken round by round.
func measure(row bench.Row, rounds int, slice time.Duration) ([]*series, error) {
	answer := bench.NewAnswer()
	var all []*series
	for _, subject := range bench.Subjects() {
		s := &series{subject: subject, absent: row.Setup.Patterns && subject.NoPatterns}
		all = append(all, s)
		if s.absent {
			continue
		}
		spy := &bench.Spy{}
		spied, err := subject.Wrap(row.Setup, spy)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", row.Name, subject.Name, err)
		}
		if subject.Kind != bench.None {
			s.fault = row.Fault(spied, spy)
		}
		if s.handler, err = subject.Wrap(row.Setup, bench.Nothing{}); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", row.Name, subject.Name, err)
		}
		s.calibrate(answer, row.Request, slice)
	}
	for round := range rounds {
		// How well a map does depends on its seed, which every clone has anew.
		r := *row.Request
		r.Header = row.Request.Header.Clone()
		for i := range all {
			if s := all[(i+round)%len(all)]; !s.absent {
				s.nanos = append(s.nanos, float64(s.run(answer, &r))/float64(s.n))
			}
		}
	}
	return all, nil
}

// measureGrowth has corsrpc alone answer the requests of several rows in turns:
// beside peers that walk through 100,000 origins, it would be their use of the
// processor's caches that grows.
func measureGrowth(rows []bench.Row, rounds int, slice time.Duration) ([]*series, error) {
	answer := bench.NewAnswer()
	ours := bench.Subjects()[0]
	var all []*series
	for _, row := range rows {
		handler, err := ours.Wrap(row.Setup, bench.Nothing{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.Name, err)
		}
		s := &series{subject: ours, handler: handler}
		s.calibrate(answer, row.Request, slice)
		all = append(all, s)
	}
	for round := range rounds {
		for i := range all {
			i = (i + round) % len(all)
			r := *rows[i].Request
			r.Header = r.Header.Clone()
			all[i].nanos = append(all[i].nanos, float64(all[i].run(answer, &r))/float64(all[i].n))
		}
	}
	return all, nil
}

// calibrate fixes how many requests make a round.
func (s *series) calibrate(answer *bench.Answer, r *http.Request, slice time.Duration) {
	for s.n = 1; ; s.n *= 2 {
		if took := s.run(answer, r); took > slice/2 || s.n >= 1<<20 {
			break
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.run(answer, r)
	runtime.ReadMemStats(&after)
	s.allocs = math.Round(float64(after.Mallocs-before.Mallocs) / float64(s.n))
}

func (s *series) run(answer *bench.Answer, r *http.Request) time.Duration {
	begin := time.Now()
	for range s.n {
		answer.Reset()
		s.handler.ServeHTTP(answer, r)
	}
	return time.Since(begin)
}

// A spread is a median and the quartiles around it.
type spread struct {
	Low    float64 `json:"low"`
	Median float64 `json:"median"`
	High   float64 `json:"high"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(part float64) float64 {
		i := part * float64(len(sorted)-1)
		below := int(i)
		above := min(below+1, len(sorted)-1)
		return sorted[below] + (i-float64(below))*(sorted[above]-sorted[below])
	}
	return spread{at(0.25), at(0.5), at(0.75)}
}

// over is the ratio of two series, round by round.
func (s *series) over(other *series) spread {
	ratios := make([]float64, len(s.nanos))
	for i := range ratios {
		ratios[i] = s.nanos[i] / other.nanos[i]
	}
	return spreadOf(ratios)
}

// Sidebyside measures gRPC-Web servers over loopback in one run, round by round
// in turn, so that whatever else the machine does meets all of them. It runs on
// Unix.
//
//	go run ./cmd/sidebyside
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/grpcwebtest"
)

func main() {
	rounds := flag.Int("rounds", 10, "how many rounds")
	calls := flag.Int("calls", 1000, "how many unary calls a round")
	bursts := flag.Int("bursts", 3, "how many streams a round")
	flag.Parse()
	if err := run(*rounds, *calls, *bursts); err != nil {
		log.Fatal(err)
	}
}

// A row is one subject in one form, and what was measured of it.
type row struct {
	name    string
	unary   grpcwebtest.Call
	burst   grpcwebtest.Call
	server  *httptest.Server
	client  *http.Client
	medians []time.Duration // of unary calls, one a round
	streams []time.Duration // the median of a round's bursts
	cpu     []time.Duration // processor time of a unary call, the client's included
	allocs  float64         // of a unary call, the client's included
}

func run(rounds, calls, bursts int) error {
	rows, err := newRows()
	if err != nil {
		return err
	}
	for _, row := range rows {
		defer row.server.Close()
		if err := errors.Join(row.unary.Check(row.client, row.server.URL), row.burst.Check(row.client, row.server.URL)); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	for round := range rounds {
		for i := range rows { // another one first in each round
			if err := rows[(i+round)%len(rows)].measure(calls, bursts); err != nil {
				return err
			}
		}
	}
	return report(rows, rounds)
}

func newRows() ([]*row, error) {
	subjects, err := grpcwebtest.Subjects()
	if err != nil {
		return nil, err
	}
	var rows []*row
	for _, text := range []bool{false, true} {
		for _, subject := range subjects {
			if text && !subject.Text {
				continue
			}
			name := subject.Name
			if text {
				name += ", text"
			}
			server := httptest.NewServer(subject.Handler)
			rows = append(rows, &row{
				name: name, unary: grpcwebtest.Unary(text), burst: grpcwebtest.Burst(text), server: server, client: server.Client(),
			})
		}
	}
	return rows, nil
}

func (r *row) measure(calls, bursts int) error {
	var buffer bytes.Buffer
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	busy, err := processorTime()
	if err != nil {
		return err
	}
	unary, err := r.times(calls, func() error { return r.unary.Do(r.client, r.server.URL, &buffer) })
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	busyAfter, err := processorTime()
	if err != nil {
		return err
	}
	r.cpu = append(r.cpu, (busyAfter-busy)/time.Duration(calls))
	r.allocs = float64(after.Mallocs-before.Mallocs) / float64(calls)
	streams, err := r.times(bursts, func() error { return r.burst.Do(r.client, r.server.URL, &buffer) })
	if err != nil {
		return err
	}
	r.medians, r.streams = append(r.medians, median(unary)), append(r.streams, median(streams))
	return nil
}

func (r *row) times(n int, do func() error) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if err := do(); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		times[i] = time.Since(start)
	}
	return times, nil
}

// processorTime returns what this process has used.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// report prints medians over the rounds, and how they compare with the first
// row of the same form.
func report(rows []*row, rounds int) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "median of %d rounds\tunary µs\tto ours\tprocessor µs\tto ours\t%d messages ms\tto ours\tallocations\n", rounds, grpcwebtest.BurstMessages)
	var ours *row
	for _, row := range rows {
		if row.name == grpcwebtest.Grpcweb || row.name == grpcwebtest.Grpcweb+", text" {
			ours = row
		}
		unary, cpu, stream := median(row.medians), median(row.cpu), median(row.streams)
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.1f\t%.2f\t%.1f\t%.2f\t%.0f\n", row.name,
			float64(unary)/1e3, float64(unary)/float64(median(ours.medians)),
			float64(cpu)/1e3, float64(cpu)/float64(median(ours.cpu)),
			float64(stream)/1e6, float64(stream)/float64(median(ours.streams)), row.allocs)
	}
	return w.Flush()
}

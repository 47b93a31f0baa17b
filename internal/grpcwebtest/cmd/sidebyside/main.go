// Sidebyside measures gRPC-Web servers over loopback in one run, round by round
// in turn, so that whatever else the machine does meets all of them. It runs on
// Unix.
//
//	go run ./cmd/sidebyside
package main

import (
	"bytes"
	"cmp"
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
	bursts := flag.Int("bursts", 5, "how many streams a round, over each version of HTTP")
	flag.Parse()
	if err := run(*rounds, *calls, *bursts); err != nil {
		log.Fatal(err)
	}
}

// A row is one subject in one form, and what was measured of it.
type row struct {
	name   string
	unary  measured // over HTTP/1.1
	bursts measured // over HTTP/1.1
	http2  measured // bursts over HTTP/2 with TLS, as browsers have it
}

// measured is one call of one subject. The client and the server are in this
// process, so that processor time and allocations are of both.
type measured struct {
	call   grpcwebtest.Call
	server *httptest.Server
	client *http.Client
	times  []time.Duration // the median of each round
	least  []time.Duration // the least of each round
	cpu    []time.Duration // processor time of a call, in each round
	allocs []float64       // of a call, in each round
}

func run(rounds, calls, bursts int) error {
	rows, err := newRows()
	if err != nil {
		return err
	}
	for _, row := range rows {
		for _, m := range []*measured{&row.unary, &row.bursts, &row.http2} {
			defer m.server.Close()
			if err := m.call.Check(m.client, m.server.URL); err != nil {
				return fmt.Errorf("%s: %w", row.name, err)
			}
		}
	}
	for round := range rounds {
		for i := range rows { // another one first in each round
			row := rows[(i+round)%len(rows)]
			if err := errors.Join(row.unary.measure(calls), row.bursts.measure(bursts), row.http2.measure(bursts)); err != nil {
				return fmt.Errorf("%s: %w", row.name, err)
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
			server, http2 := httptest.NewServer(subject.Handler), httptest.NewUnstartedServer(subject.Handler)
			http2.EnableHTTP2 = true
			http2.StartTLS()
			rows = append(rows, &row{
				name:   name,
				unary:  measured{call: grpcwebtest.Unary(text), server: server, client: server.Client()},
				bursts: measured{call: grpcwebtest.Burst(text), server: server, client: server.Client()},
				http2:  measured{call: grpcwebtest.Burst(text), server: http2, client: http2.Client()},
			})
		}
	}
	return rows, nil
}

// measure makes n calls, one after the other.
func (m *measured) measure(n int) error {
	var buffer bytes.Buffer
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	busy, err := processorTime()
	if err != nil {
		return err
	}
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if err := m.call.Do(m.client, m.server.URL, &buffer); err != nil {
			return err
		}
		times[i] = time.Since(start)
	}
	busyAfter, err := processorTime()
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	m.times = append(m.times, median(times))
	m.least = append(m.least, slices.Min(times))
	m.cpu = append(m.cpu, (busyAfter-busy)/time.Duration(n))
	m.allocs = append(m.allocs, float64(after.Mallocs-before.Mallocs)/float64(n))
	return nil
}

// processorTime returns what this process has used.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// report prints what was measured, and how it compares with the first row of the
// same form. On a busy machine the least time and the processor time say more
// than the median.
func report(rows []*row, rounds int) error {
	messages := float64(grpcwebtest.BurstMessages)
	for _, part := range []struct {
		title    string
		of       func(*row) *measured
		unit     time.Duration
		unitName string
		messages float64 // of a call
	}{
		{"unary calls, HTTP/1.1", func(r *row) *measured { return &r.unary }, time.Microsecond, "µs", 1},
		{fmt.Sprintf("%.0f messages, HTTP/1.1", messages), func(r *row) *measured { return &r.bursts }, time.Millisecond, "ms", messages},
		{fmt.Sprintf("%.0f messages, HTTP/2 with TLS", messages), func(r *row) *measured { return &r.http2 }, time.Millisecond, "ms", messages},
	} {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "%s, median of %d rounds\t%s\tto ours\tleast of all\tto ours\tprocessor %s\tto ours\tallocations a message\n", part.title, rounds, part.unitName, part.unitName)
		var ours *measured
		for _, row := range rows {
			m := part.of(row)
			if row.name == grpcwebtest.Grpcweb || row.name == grpcwebtest.Grpcweb+", text" {
				ours = m
			}
			fmt.Fprintf(w, "%s", row.name)
			for _, column := range [][2]time.Duration{
				{median(m.times), median(ours.times)},
				{slices.Min(m.least), slices.Min(ours.least)},
				{median(m.cpu), median(ours.cpu)},
			} {
				fmt.Fprintf(w, "\t%.1f\t%.2f", float64(column[0])/float64(part.unit), float64(column[0])/float64(column[1]))
			}
			fmt.Fprintf(w, "\t%.4g\n", median(m.allocs)/part.messages)
		}
		fmt.Fprintln(w)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

package bench

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// BenchmarkRows measures every subject on every row.
func BenchmarkRows(b *testing.B) {
	for row := range rows() {
		for _, subject := range Subjects() {
			if subject.NoPatterns && row.Setup.Patterns {
				continue
			}
			b.Run(row.Benchmark(subject), func(b *testing.B) {
				handler, err := subject.Wrap(row.Setup, Nothing{})
				require.NoError(b, err)
				answer := NewAnswer()
				b.ReportAllocs()
				for b.Loop() {
					answer.Reset()
					handler.ServeHTTP(answer, row.Request)
				}
			})
		}
	}
}

// Benchstat reads a name as keys and values between slashes.
func TestBenchmark(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "row=POST,_allowed,_HTTP-1.1/subject=rs-cors", Row{Name: "POST, allowed, HTTP/1.1"}.Benchmark(Subject{Name: "rs/cors"}))
	names := map[string]bool{}
	for row := range rows() {
		for _, subject := range Subjects() {
			name := row.Benchmark(subject)
			assert.False(t, names[name], name)
			names[name] = true
			assert.Len(t, strings.Split(name, "/"), 2, name)
		}
	}
}

// Every response of a subject is as it must be, except for these.
func TestAnswers(t *testing.T) {
	t.Parallel()
	runs := []string{"POST, refused: runs the handler", "Connect GET, refused: runs the handler"}
	const byHand = WrittenByHand + ": does not permit it"
	var sendsBack []string
	for _, size := range HostileSizes {
		sendsBack = append(sendsBack, fmt.Sprintf("preflight, list of %d KiB: sends the list back", size>>10))
	}
	known := map[string][]string{
		"rs/cors":          append(runs[:len(runs):len(runs)], byHand),
		"go-chi/cors":      slices.Concat(runs, sendsBack),
		"gorilla/handlers": slices.Concat(runs, []string{"POST, origins=1: no Vary"}, sendsBack),
		"echo floor":       append([]string{byHand}, sendsBack...),
	}
	for _, subject := range Subjects() {
		if subject.Kind == None {
			continue
		}
		var faults []string
		for row := range rows() {
			if row.Setup.Origins > 1_000 || row.Setup.Patterns && subject.NoPatterns {
				continue
			}
			spy := &Spy{}
			handler, err := subject.Wrap(row.Setup, spy)
			require.NoError(t, err, "%s: %s", subject.Name, row.Name)
			if fault := row.Fault(handler, spy); fault != "" {
				faults = append(faults, row.Name+": "+fault)
			}
		}
		assert.Equal(t, known[subject.Name], faults, subject.Name)
	}
}

// A check that finds no fault in an empty answer checks nothing.
func TestFault_in_no_middleware(t *testing.T) {
	t.Parallel()
	for row := range rows() {
		spy := &Spy{}
		fault := row.Fault(spy, spy)
		assert.Equal(t, row.Expects == Plain, fault == "", "%s: %q", row.Name, fault)
	}
}

// Some libraries put values of their own into every answer. Not parallel: what
// is changed belongs to the library, for every handler that it makes.
func TestCorruptible(t *testing.T) {
	shares := map[string]bool{"rs/cors": true, "gin-contrib/cors": true}
	for _, subject := range Subjects() {
		corruptible := false
		for row := range rows() {
			if row.Setup == usual && row.Expects != Harmless {
				handler, err := subject.Wrap(row.Setup, Nothing{})
				require.NoError(t, err)
				corruptible = corruptible || row.Corruptible(handler)
			}
		}
		assert.Equal(t, shares[subject.Name], corruptible, subject.Name)
	}
}

func rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, table := range Tables() {
			for _, row := range table.Rows {
				if !yield(row) {
					return
				}
			}
		}
	}
}

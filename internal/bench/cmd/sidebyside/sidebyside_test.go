package main

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	assert.Equal(t, spread{2, 3, 4}, spreadOf([]float64{5, 1, 4, 2, 3}))
	assert.Equal(t, spread{1.75, 2.5, 3.25}, spreadOf([]float64{1, 2, 3, 4}))
	assert.Equal(t, spread{7, 7, 7}, spreadOf([]float64{7}))
}

// Ratios are those of the rounds, not of the medians.
func TestOver(t *testing.T) {
	t.Parallel()
	quiet, busy := &series{nanos: []float64{100, 900, 100}}, &series{nanos: []float64{200, 1800, 200}}
	assert.Equal(t, spread{2, 2, 2}, busy.over(quiet))
}

func TestCell(t *testing.T) {
	t.Parallel()
	ours := &series{nanos: []float64{100, 100, 100}}
	r := result{all: []*series{ours}}
	assert.Equal(t, "2.00 (2.00–2.00), 3", r.cell(&series{nanos: []float64{200, 200, 200}, allocs: 3}))
	assert.Equal(t, "= 1.10 (1.00–1.15), 0", r.cell(&series{nanos: []float64{90, 110, 120}}))
	assert.Equal(t, "~~0.50 (0.50–0.50), 0~~ runs the handler", r.cell(&series{nanos: []float64{50, 50, 50}, fault: "runs the handler"}))
}

// One row from beginning to end.
func TestMeasure(t *testing.T) {
	t.Parallel()
	row := bench.Tables()[0].Rows[0]
	all, err := measure(row, 20, time.Microsecond)
	require.NoError(t, err)
	require.Len(t, all, len(bench.Subjects()))
	for _, s := range all {
		assert.Len(t, s.nanos, 20, s.subject.Name)
		assert.Positive(t, spreadOf(s.nanos).median, s.subject.Name)
	}
	var table strings.Builder
	ratios(&table, []result{{row, all}})
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	require.Len(t, lines, 3)
	for _, line := range lines {
		assert.Equal(t, strings.Count(lines[0], "|"), strings.Count(line, "|"), line)
	}
}

func TestOverLoopback(t *testing.T) {
	t.Parallel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	result, err := overLoopback(bench.Tables()[0].Rows[0], protocols, 1)
	require.NoError(t, err)
	for _, s := range result.all {
		assert.Len(t, s.nanos, 1, s.subject.Name)
	}
}

func TestPicture(t *testing.T) {
	t.Parallel()
	p := &picture{
		title: "Cost", subtitle: "of it", horizontal: "size", at: []float64{1, 10}, ticks: []string{"1", "10"},
		lines: []line{{"corsrpc", "ours", []float64{100, 110}}, {"other", "peer0", []float64{100, 120_000}}, {"third", "peer1", []float64{100, 119_000}}},
	}
	decoder := xml.NewDecoder(strings.NewReader(p.svg()))
	elements := map[string]int{}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	assert.Equal(t, map[string]int{"svg": 1, "title": 1, "style": 1, "rect": 1, "text": 2 + 5 + 2 + 1 + 3, "path": 5 + 3, "circle": 6}, elements)
}

func TestDuringUpdates(t *testing.T) {
	t.Parallel()
	run, err := duringUpdates(bench.Setup{Origins: 100, Procedures: 10}, 1)
	require.NoError(t, err)
	assert.Positive(t, run.update.median)
	for _, phase := range run.phases {
		assert.NotEmpty(t, phase.all, phase.name)
		assert.InDelta(t, phase.all.at(1), phase.longest[0], 0, phase.name)
	}
}

func TestMemoryOf(t *testing.T) {
	small, err := memoryOf(bench.Setup{Origins: 1_000, Procedures: 10})
	require.NoError(t, err)
	large, err := memoryOf(bench.Setup{Origins: 20_000, Procedures: 10})
	require.NoError(t, err)
	assert.Greater(t, large, small)
}

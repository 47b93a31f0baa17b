package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"path/filepath"
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
		assert.Positive(t, spreadOf(s.nanos).Median, s.subject.Name)
	}
	var table strings.Builder
	ratios(&table, []result{{row, all}})
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	require.Len(t, lines, 3)
	for _, line := range lines {
		assert.Equal(t, strings.Count(lines[0], "|"), strings.Count(line, "|"), line)
	}
}

// Programs read what the tables say.
func TestJSON(t *testing.T) {
	t.Parallel()
	row := bench.Tables()[0].Rows[0]
	r := &report{rounds: 3, tables: map[string][]result{"Requests": {{row, []*series{
		{subject: bench.Subject{Name: "corsrpc"}, nanos: []float64{100, 100, 100}, allocs: 1},
		{subject: bench.Subject{Name: "rs/cors"}, nanos: []float64{150, 200, 250}, fault: "no Vary"},
		{subject: bench.Subject{Name: "none"}, absent: true},
	}}}}}
	path := filepath.Join(t.TempDir(), "figures.json")
	require.NoError(t, r.json(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got struct {
		Rounds  int
		Figures []measurement
	}
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, 3, got.Rounds)
	assert.Equal(t, []measurement{
		{Table: "Requests", Row: row.Name, Subject: "corsrpc", Allocs: 1, Time: spread{100, 100, 100}, OfCorsrpc: spread{1, 1, 1}},
		{Table: "Requests", Row: row.Name, Subject: "rs/cors", Wrong: "no Vary", Time: spread{175, 200, 225}, OfCorsrpc: spread{1.75, 2, 2.25}},
	}, got.Figures)
}

func TestFastest(t *testing.T) {
	t.Parallel()
	ours := &series{nanos: []float64{100}}
	peer := func(nanos float64) *series {
		return &series{subject: bench.Subject{Kind: bench.Peer}, nanos: []float64{nanos}}
	}
	wrong, quick, absent := peer(50), peer(150), peer(10)
	wrong.fault, absent.absent = "permits it", true
	floor := &series{subject: bench.Subject{Kind: bench.Floor}, nanos: []float64{60}}
	assert.Same(t, quick, result{all: []*series{ours, peer(200), wrong, quick, absent, floor}}.fastest())
	assert.Nil(t, result{all: []*series{ours, wrong, absent, floor}}.fastest())
}

func TestPartOf(t *testing.T) {
	t.Parallel()
	const run, serve = "main.answerFor", "github.com/corsrpc/corsrpc-go/corsrpc.(*interceptor).ServeHTTP"
	for _, test := range []struct {
		stack []string
		part  string
	}{
		{[]string{"main.main", run, serve, "runtime.mapassign_faststr", "internal/runtime/maps.(*Map).putSlotSmallFastStr"}, "setting headers"},
		{[]string{"main.main", run, serve, "runtime.mapassign_faststr", "gcWriteBarrier"}, "setting headers"},
		{[]string{"main.main", run, serve, "runtime.newobject", "runtime.mallocgc"}, "memory for their values"},
		{[]string{"main.main", run, "github.com/corsrpc/corsrpc-go/internal/bench.(*Answer).Reset", "runtime.mapclear"}, "emptying the response for the next request"},
		{[]string{"main.main", run, serve, "runtime.mapaccess1_faststr", "aeshashbody"}, "looking up: headers, path, origin"},
		{[]string{"main.main", run, serve}, "everything else, the decision included"},
	} {
		i, ok := partOf(test.stack)
		assert.True(t, ok, test.stack)
		assert.Equal(t, test.part, parts[i].name, test.stack)
	}
	_, ok := partOf([]string{"runtime.gcBgMarkWorker", "runtime.newobject"})
	assert.False(t, ok, "the garbage collector's own threads")
}

// The parts of a real profile are its whole.
func TestProfiled(t *testing.T) {
	row := bench.Tables()[0].Rows[0]
	b, err := profiled(row, bench.Subjects()[0], 100, 10)
	require.NoError(t, err)
	require.Len(t, b.nanos, len(parts))
	assert.InDelta(t, 100, sum(b.nanos), 1e-6)
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
		lines: []line{
			{"corsrpc", "ours", []float64{100, 110}, []bool{false, false}},
			{"other", "peer0", []float64{100, 120_000}, []bool{false, true}},
			{"third", "peer1", []float64{100, 119_000}, []bool{false, false}},
		},
	}
	decoder := xml.NewDecoder(strings.NewReader(p.svg()))
	elements, wrong := map[string]int{}, 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
			for _, attribute := range start.Attr {
				if attribute.Name.Local == "class" && strings.HasSuffix(attribute.Value, " wrong") {
					wrong++
				}
			}
		}
	}
	assert.Equal(t, map[string]int{"svg": 1, "title": 1, "style": 1, "rect": 1, "text": 2 + 5 + 2 + 1 + 3, "path": 5 + 3, "circle": 6}, elements)
	assert.Equal(t, 1, wrong)
}

func TestDuringUpdates(t *testing.T) {
	t.Parallel()
	run, err := duringUpdates(bench.Setup{Origins: 100, Procedures: 10}, 1)
	require.NoError(t, err)
	assert.Positive(t, run.update.Median)
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

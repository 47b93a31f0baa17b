package productiontest

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// minute returns the time at which a scenario's minute ends.
func minute(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }

// A history is what a Prometheus server stores, and its query engine.
type history struct {
	t      testing.TB
	engine *promql.Engine
	series []*stored
}

type stored struct {
	labels  labels.Labels
	samples []chunks.Sample
}

var promParser = parser.NewParser(parser.Options{})

func newHistory(t testing.TB) *history {
	return &history{t: t, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promParser,
	})}
}

// scrape stores what a server prints, with the labels that Prometheus adds.
func (h *history) scrape(at time.Time, instance string, s *server) {
	for _, line := range s.scrape(h.t) {
		builder := labels.NewBuilder(line.labels)
		builder.Set("instance", instance).Set("job", "shop")
		h.add(at, builder.Labels(), line.value)
	}
}

// end marks the series of a server that is gone.
func (h *history) end(at time.Time, instance string) {
	h.endOf(at, func(s *stored) bool { return s.labels.Get("instance") == instance })
}

// endOf marks series as Prometheus does when they are no longer printed.
func (h *history) endOf(at time.Time, which func(*stored) bool) {
	for _, s := range h.series {
		if which(s) && !value.IsStaleNaN(s.samples[len(s.samples)-1].F()) {
			s.samples = append(s.samples, point{at.UnixMilli(), math.Float64frombits(value.StaleNaN)})
		}
	}
}

func (h *history) add(at time.Time, l labels.Labels, v float64) {
	for _, s := range h.series {
		if labels.Equal(s.labels, l) {
			s.samples = append(s.samples, point{at.UnixMilli(), v})
			return
		}
	}
	h.series = append(h.series, &stored{l, []chunks.Sample{point{at.UnixMilli(), v}}})
}

// query evaluates PromQL at a time.
func (h *history) query(at time.Time, text string) promql.Vector {
	h.t.Helper()
	querier := &storage.MockQuerier{SelectMockFunction: h.find}
	query, err := h.engine.NewInstantQuery(context.Background(), &storage.MockQueryable{MockQuerier: querier}, nil, text, at)
	require.NoError(h.t, err, text)
	defer query.Close()
	result := query.Exec(context.Background())
	require.NoError(h.t, result.Err, text)
	require.Empty(h.t, result.Warnings, text)
	vector, err := result.Vector()
	require.NoError(h.t, err, text)
	return append(promql.Vector{}, vector...)
}

// find returns the series that a selector of a query matches.
func (h *history) find(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, s := range h.series {
		if matchesAll(s.labels, matchers) {
			found = append(found, storage.NewListSeries(s.labels, s.samples))
		}
	}
	return &seriesSet{storage.EmptySeriesSet(), found, 0}
}

func matchesAll(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	storage.SeriesSet // an empty one, for errors and warnings
	found             []storage.Series
	next              int
}

func (s *seriesSet) Next() bool         { s.next++; return s.next <= len(s.found) }
func (s *seriesSet) At() storage.Series { return s.found[s.next-1] }

// A point is a float at a time, the only kind of sample there is here.
type point struct {
	at    int64
	value float64
}

func (p point) T() int64                    { return p.at }
func (point) ST() int64                     { return 0 }
func (p point) F() float64                  { return p.value }
func (point) H() *histogram.Histogram       { return nil }
func (point) FH() *histogram.FloatHistogram { return nil }
func (point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample         { return p }

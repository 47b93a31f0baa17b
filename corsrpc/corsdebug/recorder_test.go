package corsdebug

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const path = "/acme.shop.v1.CartService/AddItem"

// A clock is set by tests.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) tick() time.Time {
	c.now = c.now.Add(time.Second)
	return c.now
}

func newTestRecorder(size int) *Recorder {
	r := NewRecorder(size)
	r.now = newClock().tick
	return r
}

func refusedFrom(origin string) corsrpc.Decision {
	return corsrpc.Decision{
		Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed,
		Path: path, Procedure: path, Origin: `"` + origin + `"`, Fix: "add " + origin,
	}
}

func TestRecorderGroups(t *testing.T) {
	t.Parallel()
	r := newTestRecorder(0)
	r.Record(t.Context(), refusedFrom("https://a.test"))
	r.Record(t.Context(), refusedFrom("https://b.test"))
	r.Record(t.Context(), corsrpc.Decision{Allowed: true, Path: path})
	r.Record(t.Context(), refusedFrom("https://a.test"))
	start := newClock().now
	assert.Equal(t, []Group{
		{Decision: refusedFrom("https://a.test"), Count: 2, First: start.Add(time.Second), Last: start.Add(3 * time.Second)},
		{Decision: refusedFrom("https://b.test"), Count: 1, First: start.Add(2 * time.Second), Last: start.Add(2 * time.Second)},
	}, r.Groups())
}

// Whatever differs, except time, makes another group: two bindings on one path
// have one Path, and a preflight fails differently from a call.
func TestRecorderKeepsDecisionsApart(t *testing.T) {
	t.Parallel()
	base := refusedFrom("https://a.test")
	preflight, other, reported := base, base, base
	preflight.Kind = corsrpc.KindPreflight
	other.Procedure = "/acme.shop.v1.CartService/Checkout"
	reported.Outcome, reported.Status = corsrpc.OutcomeReported, 0
	r := newTestRecorder(0)
	want := []corsrpc.Decision{base, preflight, other, reported}
	for _, d := range want {
		r.Record(t.Context(), d)
	}
	var got []corsrpc.Decision
	for _, g := range r.Groups() {
		got = append(got, g.Decision)
	}
	assert.ElementsMatch(t, want, got)
}

func TestNilAndZeroRecorder(t *testing.T) {
	t.Parallel()
	var none *Recorder
	none.Record(t.Context(), refusedFrom("https://a.test"))
	assert.Empty(t, none.Groups())

	var zero Recorder
	assert.Empty(t, zero.Groups())
	for i := range 2 * defaultSize {
		d := refusedFrom("https://a.test")
		d.Path = fmt.Sprintf("/%d", i)
		zero.Record(t.Context(), d)
	}
	assert.Len(t, zero.Groups(), defaultSize)
	assert.WithinDuration(t, time.Now(), zero.Groups()[0].Last, time.Minute)
}

// Invented origins fill an eighth, and what else happens stays.
func TestRecorderUnderAttack(t *testing.T) {
	t.Parallel()
	r := newTestRecorder(80)
	real := corsrpc.Decision{Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: path, Origin: `"https://app.example.com"`}
	r.Record(t.Context(), real)
	const hostile = 100_000
	for i := range hostile {
		r.Record(t.Context(), refusedFrom(fmt.Sprintf("https://evil-%d.test", i)))
	}
	groups := r.Groups()
	assert.Len(t, groups, 1+10+1)
	assert.Equal(t, real, groups[len(groups)-1].Decision)
	total := 0
	for _, g := range groups {
		total += g.Count
	}
	assert.Equal(t, hostile+1, total)
	assert.Equal(t, corsrpc.Decision{
		Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed,
		Path: path, Procedure: path, Detail: tooManyVariants,
	}, groups[0].Decision, "the rest share a group")
	assert.Equal(t, hostile-10, groups[0].Count)
}

// Many causes displace the oldest.
func TestRecorderForgetsTheOldest(t *testing.T) {
	t.Parallel()
	r := newTestRecorder(8)
	for i := range 20 {
		d := refusedFrom("https://a.test")
		d.Path = fmt.Sprintf("/%d", i)
		r.Record(t.Context(), d)
	}
	groups := r.Groups()
	require.Len(t, groups, 8)
	assert.Equal(t, "/19", groups[0].Decision.Path)
	assert.Equal(t, "/12", groups[7].Decision.Path)
	assert.Len(t, r.variants, 8, "what is counted by cause is forgotten too")
}

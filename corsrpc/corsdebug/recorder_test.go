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

func TestNilRecorderKeepsNothing(t *testing.T) {
	t.Parallel()
	var r *Recorder
	r.Record(t.Context(), refusedFrom("https://a.test"))
	assert.Empty(t, r.Groups())
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
	assert.Empty(t, groups[0].Decision.Origin, "the rest share a group")
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
	assert.Len(t, r.origin, 8)
}

package corsdebug

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A Recorder keeps the latest denials, grouped. It is safe for concurrent use.
// A nil Recorder keeps nothing.
type Recorder struct {
	size, share int
	now         func() time.Time

	mu     sync.Mutex
	groups map[group]*Group
	origin map[cause]int // how many groups a cause has
}

// A Group is one or more denials that differ in nothing but time.
type Group struct {
	// Decision is that of each. Origin is empty if origins of one cause are so
	// many that they share a Group.
	Decision corsrpc.Decision
	// Count is how many there were.
	Count int
	// First and Last are when.
	First, Last time.Time
}

// A cause is what an attacker cannot multiply: paths are those of rules.
type cause struct {
	path    string
	reason  corsrpc.Reason
	outcome corsrpc.Outcome
}

type group struct {
	cause
	origin, detail, fix string
}

// NewRecorder returns a Recorder of at most so many groups; 200 if size is not
// positive. One path and reason has an eighth of them at most, so that requests
// with invented origins do not displace what else happens.
func NewRecorder(size int) *Recorder {
	if size <= 0 {
		size = 200
	}
	return &Recorder{size: size, share: max(size/8, 1), now: time.Now, groups: make(map[group]*Group), origin: make(map[cause]int)}
}

// Record adds a Decision, unless it allows. It has the type of
// [corsrpc.Config].OnDecision.
func (r *Recorder) Record(_ context.Context, d corsrpc.Decision) {
	if r == nil || d.Allowed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	c := cause{d.Path, d.Reason, d.Outcome}
	key := group{c, d.Origin, d.Detail, d.Fix}
	g := r.groups[key]
	if g == nil && r.origin[c] >= r.share {
		d.Origin, d.Detail, d.Fix = "", "requests of many different kinds", ""
		key = group{cause: c}
		g = r.groups[key]
	}
	if g == nil {
		if len(r.groups) >= r.size {
			r.forgetOldest()
		}
		g = &Group{Decision: d, First: now}
		r.groups[key] = g
		r.origin[c]++
	}
	g.Count++
	g.Last = now
}

func (r *Recorder) forgetOldest() {
	var oldest group
	var last time.Time
	for key, g := range r.groups {
		if last.IsZero() || g.Last.Before(last) {
			oldest, last = key, g.Last
		}
	}
	delete(r.groups, oldest)
	if r.origin[oldest.cause]--; r.origin[oldest.cause] == 0 {
		delete(r.origin, oldest.cause)
	}
}

// Groups returns a copy of all groups, the latest first.
func (r *Recorder) Groups() []Group {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	groups := make([]Group, 0, len(r.groups))
	for _, g := range r.groups {
		groups = append(groups, *g)
	}
	r.mu.Unlock()
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Decision.Path, b.Decision.Path), strings.Compare(a.Decision.Origin, b.Decision.Origin))
	})
	return groups
}

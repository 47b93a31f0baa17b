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

// A Recorder keeps recent denials in groups. The zero Recorder keeps as many
// groups as one of NewRecorder(0). A nil Recorder keeps nothing. A Recorder is
// safe for concurrent use, and must not be copied.
type Recorder struct {
	size int
	now  func() time.Time // time.Now if nil

	mu       sync.Mutex
	groups   map[corsrpc.Decision]*Group
	variants map[corsrpc.Decision]int // by cause, how many groups there are
}

// A Group is all recent denials with the same Decision.
type Group struct {
	// Decision is that of each denial. When there are too many different ones
	// with the same Path and Reason, the others share a Group, whose Decision
	// has no Origin and no Fix.
	Decision corsrpc.Decision
	// Count is the number of denials.
	Count int
	// First and Last are the times of the first and the last denial.
	First, Last time.Time
}

const defaultSize = 200

// NewRecorder returns a Recorder that keeps at most size groups, or 200 if size
// is not positive. When it is full, a new group replaces the one that was seen
// least recently. Denials of one path with one reason take up at most an eighth
// of the groups and one more, so that invented origins and headers do not
// displace the denials of other paths. Group texts are bounded too, since
// [corsrpc.Decision] truncates what it quotes.
func NewRecorder(size int) *Recorder { return &Recorder{size: size} }

// Record adds a Decision, unless the request was allowed. It has the type of
// [corsrpc.Config].OnDecision.
func (r *Recorder) Record(_ context.Context, d corsrpc.Decision) {
	if r == nil || d.Allowed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.groups == nil {
		r.groups, r.variants = make(map[corsrpc.Decision]*Group), make(map[corsrpc.Decision]int)
	}
	size := r.size
	if size <= 0 {
		size = defaultSize
	}
	now := time.Now
	if r.now != nil {
		now = r.now
	}
	cause := causeOf(d)
	g := r.groups[d]
	if g == nil && r.variants[cause] >= max(size/8, 1) {
		d = cause
		d.Detail = tooManyVariants
		g = r.groups[d]
	}
	last := now()
	if g == nil {
		if len(r.groups) >= size {
			r.forgetOldest()
		}
		g = &Group{Decision: d, First: last}
		r.groups[d] = g
		r.variants[cause]++
	}
	g.Count++
	g.Last = last
}

const tooManyVariants = "there are too many different requests to list each"

// causeOf returns what a sender cannot invent: paths are those of rules.
func causeOf(d corsrpc.Decision) corsrpc.Decision {
	d.Origin, d.Detail, d.Fix = "", "", ""
	return d
}

func (r *Recorder) forgetOldest() {
	var oldest *Group
	for _, g := range r.groups {
		if oldest == nil || g.Last.Before(oldest.Last) {
			oldest = g
		}
	}
	delete(r.groups, oldest.Decision)
	cause := causeOf(oldest.Decision)
	if r.variants[cause]--; r.variants[cause] == 0 {
		delete(r.variants, cause)
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

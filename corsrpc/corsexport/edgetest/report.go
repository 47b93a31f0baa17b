package edgetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Report is what [Run] found.
type Report struct {
	// Sent is the number of requests that were sent and compared.
	Sent int
	// Left is the number of requests that were not sent, and Why the reason.
	Left int
	Why  string
	// Counts are how many differences there are of each class.
	Counts [3]int
	// Differences are those found, at most a thousand of each class and kind.
	Differences []Difference

	counts map[kind]int
	found  []numbered
}

// numbered is a difference with the number of its request.
type numbered struct {
	at int
	Difference
}

// A kind is what differences are grouped by.
type kind struct {
	class Class
	what  string
}

const maxStored = 1000

// Opens returns the differences of class [Opens], and Loses those of class
// [Loses].
func (r *Report) Opens() []Difference { return r.of(Opens) }

// Loses returns the differences of class [Loses].
func (r *Report) Loses() []Difference { return r.of(Loses) }

// Differs returns the differences of class [Differs].
func (r *Report) Differs() []Difference { return r.of(Differs) }

func (r *Report) of(class Class) []Difference {
	var found []Difference
	for _, d := range r.Differences {
		if d.Class == class {
			found = append(found, d)
		}
	}
	return found
}

// leave counts a request that is not sent. The last reason remains.
func (r *Report) leave(why string) {
	r.Left++
	r.Why = why
}

// add adds the differences of one request.
func (r *Report) add(at int, differences []Difference) {
	if r.counts == nil {
		r.counts = make(map[kind]int)
	}
	for _, d := range differences {
		k := kind{d.Class, d.What}
		r.Counts[d.Class]++
		if r.counts[k]++; r.counts[k] <= maxStored {
			r.found = append(r.found, numbered{at, d})
		}
	}
}

// finish puts the differences in the order of their requests.
func (r *Report) finish() {
	slices.SortStableFunc(r.found, func(a, b numbered) int { return cmp.Compare(a.at, b.at) })
	for _, n := range r.found {
		r.Differences = append(r.Differences, n.Difference)
	}
	r.found = nil
}

// examples is how many requests String shows of each kind.
const examples = 3

// String returns the report as text: the differences, grouped by class and by
// what differs, with a few requests of each group.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests: %d differences open something, %d lose something, %d are harmless\n", r.Sent, r.Counts[Opens], r.Counts[Loses], r.Counts[Differs])
	if r.Left > 0 {
		fmt.Fprintf(&b, "%d requests were not sent: %s\n", r.Left, r.Why)
	}
	groups := make(map[kind][]Difference)
	for _, d := range r.Differences {
		k := kind{d.Class, d.What}
		groups[k] = append(groups[k], d)
	}
	kinds := make([]kind, 0, len(groups))
	for k := range groups {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(r.counts[b], r.counts[a]), strings.Compare(a.what, b.what))
	})
	for _, k := range kinds {
		fmt.Fprintf(&b, "\n%s: %s (%d)\n", k.class, k.what, r.counts[k])
		for _, d := range spread(groups[k]) {
			fmt.Fprintf(&b, "  %s\n", d.Request)
			if d.Request.About != "" {
				fmt.Fprintf(&b, "    tries  %s\n", printable(d.Request.About))
			}
			fmt.Fprintf(&b, "    Wrap   %s\n    edge   %s\n", d.Want, d.Got)
		}
	}
	return b.String()
}

// spread returns a few differences that are not neighbors.
func spread(all []Difference) []Difference {
	if len(all) <= examples {
		return all
	}
	some := make([]Difference, examples)
	for i := range some {
		some[i] = all[i*(len(all)-1)/(examples-1)]
	}
	return some
}

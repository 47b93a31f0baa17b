package corsexport

import (
	"slices"
	"strconv"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// A fallback grants on the paths of a template to requests that no binding
// grants to. They have other HTTP methods, or they are forms and overrides, which
// several bindings concern. It grants what all bindings of its paths grant.
type fallback struct {
	template string
	grants   string // matches the paths
	grant    *grant
}

// addFallbacks adds a fallback for each template. It leaves templates out that
// overlap where neither of their fallbacks is the stricter one.
func (b *planner) addFallbacks() {
	var found []fallback
	var templates []*template
	for i, t := range b.templates {
		if slices.ContainsFunc(templates, func(o *template) bool { return slices.Equal(o.segments, t.segments) }) {
			continue
		}
		common := b.plan.bindings[i].grant
		for j, u := range b.templates {
			if u.covers(t) {
				common = b.and(common, b.plan.bindings[j].grant)
			}
		}
		found = append(found, fallback{b.plan.bindings[i].template, b.plan.bindings[i].grants, common})
		templates = append(templates, t)
	}
	before := make([][]int, len(found))
	left := make([]bool, len(found))
	for i := range found {
		for j := range found {
			if i == j || !templates[i].overlaps(templates[j]) {
				continue
			}
			switch x, y := found[i].grant, found[j].grant; {
			case y.stricterThan(x):
				before[i] = append(before[i], j)
			case !x.atMost(y):
				left[i], left[j] = true, true
			case !x.stricterThan(y) && templates[i].covers(templates[j]):
				before[i] = append(before[i], j) // more bindings have its paths, so it lists more methods
			}
		}
	}
	for _, i := range inOrder(before) {
		if !left[i] {
			b.plan.fallbacks = append(b.plan.fallbacks, found[i])
		}
	}
}

// and returns what both grant.
func (b *planner) and(x, y *grant) *grant {
	if x == y {
		return x
	}
	age := x.maxAge
	if a, errA := strconv.Atoi(x.maxAge); errA == nil {
		if c, errC := strconv.Atoi(y.maxAge); errC == nil {
			age = strconv.Itoa(min(a, c))
		}
	}
	both := &grant{
		rule:          x.rule,
		origins:       b.intersect(x.origins, y.origins),
		credentials:   x.credentials && y.credentials,
		internal:      x.internal || y.internal,
		enforced:      true,
		reportOnly:    x.reportOnly && y.reportOnly,
		links:         x.links && y.links,
		notConfigured: x.notConfigured || y.notConfigured,
		methodNames:   union(x.methodNames, y.methodNames),
		requestNames:  intersection(x.requestNames, y.requestNames),
		responseNames: intersection(x.responseNames, y.responseNames),
		maxAge:        age,
	}
	return b.share(both.join())
}

// intersect returns what both sets have. Where two patterns overlap and neither
// covers the other, it has nothing of either.
func (b *planner) intersect(x, y *originSet) *originSet {
	var entries []origin.Entry
	for _, sets := range [2][2]*originSet{{x, y}, {y, x}} {
		for _, e := range sets[0].entries {
			if sets[1].set.Covers(e.parsed) {
				entries = append(entries, e.parsed)
			}
		}
	}
	return b.setOf(entries)
}

func intersection(x, y []string) []string {
	return slices.DeleteFunc(slices.Clone(x), func(name string) bool { return !slices.Contains(y, name) })
}

func union(x, y []string) []string {
	all := slices.Concat(x, y)
	slices.Sort(all)
	return slices.Compact(all)
}

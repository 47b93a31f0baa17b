package corsexport

import (
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// asks reports whether a binding is asked about a request of this HTTP method,
// which for a preflight is the one that it announces. It is asked if refuses
// matches the path, or if plan.unclean and uncleanly do; in the second case, one
// with a verb is asked whatever the method. Form is whether the request is a posted
// form, and override whether it has X-HTTP-Method-Override.
func (x *binding) asks(method string, form, override bool) bool {
	switch {
	case override, x.method == "*", x.method == method, x.method == "GET" && (form || method == "HEAD"):
		return true
	}
	return !slices.Contains(x.others, method) && !slices.Contains(x.others, "*")
}

// fits reports whether the binding grants to requests of this method, if grants
// matches the path.
func (x *binding) fits(method string, form, override bool) bool {
	return (x.method == "*" || x.method == method || x.method == "GET" && method == "HEAD") &&
		(x.forms || !form) && (x.overrides || !override)
}

// addBinding adds the binding of a rule.
func (b *planner) addBinding(r *corsrpc.Rule, g *grant) {
	t := b.parse(r)
	x := binding{template: r.Path, grant: g, method: "*", forms: true, overrides: true}
	if len(r.Methods) == 1 {
		x.method = r.Methods[0]
	}
	x.grants, x.refuses = t.grants(), t.refuses()
	// What every spelling has.
	longest := ""
	for _, s := range t.segments {
		if len(s.text) > len(longest) {
			longest = s.text
		}
	}
	if last := t.segments[len(t.segments)-1].text; strings.Contains(last, ":") {
		x.verb, longest = true, last[strings.LastIndexByte(last, ':'):]
	}
	x.uncleanly = "(?i)" + spellings(longest)
	b.plan.bindings = append(b.plan.bindings, x)
	b.templates = append(b.templates, t)
}

// parse reads the template of a binding's rule.
func (b *planner) parse(r *corsrpc.Rule) *template {
	t := &template{rule: r}
	if prefix := strings.TrimPrefix(b.prefix, "/"); prefix != "" {
		for text := range strings.SplitSeq(prefix, "/") {
			t.segments = append(t.segments, segment{text: text})
		}
	}
	// The shape of a template has "*" and "**" where a segment is a wildcard;
	// the last one can have a verb behind it.
	const one, many = "*", "**"
	parsed, err := httprule.ParseTemplate(strings.TrimPrefix(r.Path, b.prefix))
	if err != nil {
		b.refuse(&Refusal{Rule: r.Path, Field: "Path", Value: r.Path, Problem: err.Error()})
		return t
	}
	shape := strings.TrimPrefix(parsed.Shape(), "/")
	for text := range strings.SplitSeq(shape, "/") {
		s := segment{}
		switch suffix, found := strings.CutPrefix(text, many); {
		case found && (suffix == "" || suffix[0] == ':'):
			s = segment{wildcard: true, deep: true, text: suffix}
		default:
			suffix, found = strings.CutPrefix(text, one)
			if found && (suffix == "" || suffix[0] == ':') {
				s = segment{wildcard: true, text: suffix}
			} else {
				s.text = text
			}
		}
		s.text = decoded(s.text)
		t.segments = append(t.segments, s)
	}
	return t
}

// decoded returns s with its escapes decoded, which are valid.
func decoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return (c | 0x20 - 'a' + 10) & 15
}

// grants returns an expression for the paths that all gateways route to the
// template.
func (t *template) grants() string {
	var e strings.Builder
	for _, s := range t.segments {
		suffix := segmentRegexp(s.text)
		switch {
		case s.deep && suffix == "":
			e.WriteString("(?:/" + cleanSegment + ")*")
		case s.deep:
			e.WriteString("(?:/" + cleanSegment + ")*/" + cleanSegment + suffix)
		case s.wildcard:
			e.WriteString("/" + cleanSegment + suffix)
		default:
			e.WriteString("/" + suffix)
		}
	}
	return "^" + e.String() + "$"
}

// refuses returns an expression for the paths that some gateway could route to
// the template, apart from unclean ones.
func (t *template) refuses() string {
	var e strings.Builder
	for _, s := range t.segments {
		text := spellings(s.text)
		switch {
		case s.deep && s.text == "":
			e.WriteString("(?:/.*)?")
		case s.deep:
			e.WriteString("(?:/.*)?" + text)
		case s.wildcard:
			e.WriteString("/[^/]*" + text)
		default:
			e.WriteString("/" + text)
		}
	}
	return "(?i)^" + e.String() + "/*$"
}

// orderBindings puts the strictest binding first where two grant on one path,
// and refuses what no order can say.
func (b *planner) orderBindings() {
	p := b.plan
	b.addFallbacks()
	n := len(p.bindings)
	before := make([][]int, n) // for each, which must come before it
	for i := range n {
		for j := range n {
			if i != j {
				b.relate(i, j, &before[i])
			}
		}
	}
	sorted := make([]binding, n)
	for at, i := range inOrder(before) {
		sorted[at] = p.bindings[i]
	}
	p.bindings = sorted
}

// inOrder returns the numbers from 0, each after those that must come before it.
func inOrder(before [][]int) []int {
	order := make([]int, 0, len(before))
	done := make([]bool, len(before))
	var place func(i int)
	place = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, j := range before[i] {
			place(j)
		}
		order = append(order, i)
	}
	for i := range before {
		place(i)
	}
	return order
}

// relate looks at what binding j means for binding i.
func (b *planner) relate(i, j int, before *[]int) {
	x, y := &b.plan.bindings[i], &b.plan.bindings[j]
	t, u := b.templates[i], b.templates[j]
	if u.covers(t) && y.method != x.method && !slices.Contains(x.others, y.method) {
		x.others = append(x.others, y.method)
		if y.method == "GET" && x.method != "HEAD" {
			x.others = append(x.others, "HEAD")
		}
		slices.Sort(x.others)
	}
	if !t.overlaps(u) {
		return
	}
	same := x.method == y.method || x.method == "*" || y.method == "*" || x.method == "GET" && y.method == "HEAD" || x.method == "HEAD" && y.method == "GET"
	if !same {
		if !x.grant.atMost(y.grant) {
			x.overrides = false
			x.forms = x.forms && y.method != "GET"
		}
		// Then x is asked about y's calls too, unless y has all paths of x.
		if !u.covers(t) && !y.grant.judgesAtMost(x.grant) {
			b.refuseOverlap(i, j, "is asked about calls to the other, which has another HTTP method on some of its paths, and would refuse some")
		}
		return
	}
	switch {
	case y.grant.stricterThan(x.grant):
		*before = append(*before, j)
	case i < j && !x.grant.atMost(y.grant):
		b.refuseOverlap(i, j, "has paths that are also the other's, and each permits what the other does not")
	}
}

func (b *planner) refuseOverlap(i, j int, problem string) {
	x, y := &b.plan.bindings[i], &b.plan.bindings[j]
	b.refuse(&Refusal{
		Rule: x.template, Field: "Methods", Value: x.method,
		Problem: "the binding overlaps " + quote(y.method+" "+y.template) + " of " + b.templates[j].rule.Procedure + ": it " + problem,
		Fix:     "give both methods the same permissions, or change one template",
	})
}

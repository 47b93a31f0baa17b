package corsexport

import (
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A template is the path template of a binding, in segments.
type template struct {
	rule     *corsrpc.Rule
	segments []segment
}

// A segment matches text that ends in its text, if it is a wildcard, and else
// its text.
type segment struct {
	wildcard bool
	deep     bool   // any number of segments; the text ends the last one
	text     string // decoded
}

// overlaps reports whether some path could be one of both templates.
func (t *template) overlaps(u *template) bool { return overlap(t.singles(), u.singles()) }

// singles returns the segments, with a "**" that has a verb behind it as two.
func (t *template) singles() []segment {
	last := t.segments[len(t.segments)-1]
	if !last.deep || last.text == "" {
		return t.segments
	}
	return append(slices.Clip(t.segments[:len(t.segments)-1]), segment{wildcard: true, deep: true}, segment{wildcard: true, text: last.text})
}

func overlap(a, b []segment) bool {
	// From the end: possible[i][j] means that a[i:] and b[j:] overlap.
	possible := make([][]bool, len(a)+1)
	for i := len(a); i >= 0; i-- {
		possible[i] = make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				possible[i][j] = true
			case i < len(a) && a[i].deep:
				possible[i][j] = possible[i+1][j] || j < len(b) && possible[i][j+1]
			case j < len(b) && b[j].deep:
				possible[i][j] = possible[i][j+1] || i < len(a) && possible[i+1][j]
			case i < len(a) && j < len(b):
				possible[i][j] = a[i].meets(b[j]) && possible[i+1][j+1]
			}
		}
	}
	return possible[0][0]
}

// meets reports whether some segment of a path is one of both, case aside.
func (s segment) meets(o segment) bool {
	a, b := strings.ToLower(s.text), strings.ToLower(o.text)
	switch {
	case s.wildcard && o.wildcard:
		return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
	case s.wildcard:
		return strings.HasSuffix(b, a)
	case o.wildcard:
		return strings.HasSuffix(a, b)
	}
	return a == b
}

// covers reports whether every path of u is known to be one of t.
func (t *template) covers(u *template) bool {
	general, special := t.singles(), u.singles()
	deep := slices.IndexFunc(general, func(s segment) bool { return s.deep })
	if deep < 0 {
		return slices.EqualFunc(general, special, segment.covers)
	}
	// What precedes "**" is at the beginning, and what follows it at the end.
	end := len(general) - deep - 1
	return len(special) >= deep+end &&
		slices.EqualFunc(general[:deep], special[:deep], segment.covers) &&
		slices.EqualFunc(general[deep+1:], special[len(special)-end:], segment.covers)
}

// covers reports whether every segment of o is known to be one of s.
func (s segment) covers(o segment) bool {
	return s == o || s.wildcard && !s.deep && !o.deep && strings.HasSuffix(o.text, s.text)
}

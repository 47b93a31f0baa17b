package headername

import (
	"slices"
	"strings"
)

// A Set is an immutable set of header names. The zero value is empty. It is
// safe for concurrent use.
type Set struct {
	names  map[string]struct{} // in lower case
	length int                 // bytes of all of them as a list
}

// NewSet returns the set of these names, without regard to their case.
func NewSet(names []string) Set {
	s := Set{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		s.names[Lower(name)] = struct{}{}
	}
	for name := range s.names {
		s.length += len(name) + len(",")
	}
	return s
}

// A conforming browser's Access-Control-Request-Headers is free of duplicates
// and white space. If it is covered by a set, it is at most as long as the set
// written out. What proxies may add is white space and repeated lines, for
// which this much is granted.
const (
	listSlack  = 2
	listMargin = 256
)

// Has reports whether name is in the set.
func (s Set) Has(name string) bool {
	_, ok := s.names[Lower(name)]
	return ok
}

// Coverage is what [Set.Covers] found.
type Coverage uint8

const (
	// Covered means that every name of the list is in the set.
	Covered Coverage = iota
	// Missing means that a name of the list is not in the set.
	Missing
	// TooLong means that the list is longer than any that a browser makes of
	// names from the set, so at least one name is missing; it was not read.
	TooLong
	// Malformed means that an element of the list is not a header name, which
	// no browser sends.
	Malformed
)

// Covers judges the lines of an Access-Control-Request-Headers field: whether
// each name that they list is in the set. It accepts names in any order and
// case, repeated, spread over lines and with white space around them. The
// first element that is not in the set is returned with Missing and Malformed.
//
// It reads no more bytes than twice the set's own length and a constant,
// however long the lines are. It does not allocate for names in lower case.
func (s Set) Covers(lines []string) (Coverage, string) {
	limit := listSlack*s.length + listMargin
	if len(lines) > limit {
		return TooLong, ""
	}
	length := 0
	for _, line := range lines {
		length += len(line)
	}
	if length > limit {
		return TooLong, ""
	}
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = trimOWS(element)
			switch {
			case element == "" || s.Has(element):
			case !IsToken(element):
				return Malformed, element
			default:
				return Missing, element
			}
		}
	}
	return Covered, ""
}

// Lacks returns the names in these lines that are not in the set, each once,
// in lower case and in their order, and stops after so many. The lines must be
// those for which [Set.Covers] said Missing: it bounds their length and looks
// no further than the first such name.
func (s Set) Lacks(lines []string, most int) []string {
	var names []string
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			name := Lower(trimOWS(element))
			if name == "" || s.Has(name) || slices.Contains(names, name) {
				continue
			}
			if names = append(names, name); len(names) == most {
				return names
			}
		}
	}
	return names
}

package httprule

import "strings"

// MaxMatches is the number of bindings that [Matches] has room for.
const MaxMatches = 32

// Matches are the bindings that a path could reach, found by [Index.Match]. It
// is large and meant for the stack.
type Matches struct {
	index    *Index
	list     [MaxMatches]match
	count    int
	overflow bool

	// What Match works with: the path, whether it has escapes, and its parts.
	path    string
	escapes bool
	parts   parts
}

// A match is an entry of an index. It is exact if a gateway could route the path
// to the binding. Else the path only means the same as one that would be routed:
// it differs in case, or in what cleaning a path removes.
type match struct {
	entry int32
	exact bool
}

// Len returns the number of matches. A binding occurs once.
func (m *Matches) Len() int { return m.count }

// At returns the ID of a match, and whether it is exact: whether a gateway could
// route the path to the binding. Else the path only means the same as one that
// would be routed. It differs in case, or in what cleaning a path removes.
func (m *Matches) At(i int) (id int, exact bool) {
	return m.index.entries[m.list[i].entry].ID, m.list[i].exact
}

// Overflow reports whether there were more than MaxMatches. The request must
// then be treated as if it could reach every binding of the index.
func (m *Matches) Overflow() bool { return m.overflow }

func (m *Matches) add(entry int32, exact bool) {
	for i := range m.list[:m.count] {
		if m.list[i].entry == entry {
			m.list[i].exact = m.list[i].exact || exact
			return
		}
	}
	if m.count == MaxMatches {
		m.overflow = true
		return
	}
	m.list[m.count] = match{entry, exact}
	m.count++
}

// Match sets matches to every binding that a gateway could route a request to
// whose URL has this Path and RawPath, whatever its HTTP method. It does not
// allocate. It reads the path a few times and visits each node of the index at
// most once for each spelling, so that no path takes long.
//
// The path is compared in each of these spellings, and its parts both as they
// stand and decoded (once more, in Path):
//
//   - Path, which is decoded: grpc-gateway by default, Vanguard
//   - RawPath, if there is one: grpc-gateway in its other modes
//   - either, where %2F and %2f separate segments too, or only %2F: grpc-gateway's
//     UnescapingModeAllCharacters, the latter in v2.30.0
//
// "*" also matches an empty segment, and "**" none at all. The last segment is
// compared whole, and with the verbs of templates as its suffix. Path and RawPath
// are also compared without empty segments at the end, as Envoy does.
//
// Matches that are not exact are found in the same spellings, case aside, and in
// either path cleaned: decoded, segments cut at a semicolon, backslashes taken for
// slashes, without empty and dot segments.
func (x *Index) Match(path, rawPath string, matches *Matches) {
	matches.index, matches.count, matches.overflow = x, 0, false
	if len(x.entries) == 0 {
		return
	}
	matches.matchPath(path)
	if rawPath != "" && rawPath != path {
		matches.matchPath(rawPath)
	}
}

func (m *Matches) matchPath(path string) {
	if path == "" || path[0] != '/' {
		return
	}
	var capital, small bool // whether there is an escaped slash, %2F or %2f
	clean := isClean(path)
	rest := path
	for at := strings.IndexByte(rest, '%'); at >= 0; at = strings.IndexByte(rest, '%') {
		rest = rest[at:]
		switch c, _ := unescape(rest); c {
		case '/':
			capital = capital || rest[2] == 'F'
			small = small || rest[2] == 'f'
			clean = clean && separatesParts(path, len(path)-len(rest))
		case '\\', '.', ';', ':':
			clean = false
		}
		rest = rest[1:]
	}
	m.path, m.escapes = path, len(rest) < len(path)
	m.matchParts(plain)
	if capital || small {
		m.matchParts(splitEscaped)
	}
	if capital && small {
		m.matchParts(splitCapital)
	}
	if !clean {
		m.matchParts(cleaned)
	}
}

// isClean reports whether a path is the same when it is cleaned, escapes aside.
func isClean(path string) bool {
	return !strings.Contains(path, "//") && !strings.Contains(path, "/.") && !strings.Contains(path, "/:") &&
		strings.IndexByte(path, ';') < 0 && strings.IndexByte(path, '\\') < 0 &&
		path[len(path)-1] != '/'
}

// separatesParts reports whether the escaped slash that begins at a position is
// between two parts of a path that cleaning would not remove. Then to clean the
// path is to split it there, which happens anyway.
func separatesParts(path string, at int) bool {
	end := at + len("%2F")
	return path[at-1] != '/' && end < len(path) && strings.IndexByte("/.:%", path[end]) < 0
}

// matchParts finds all templates that match the path when it is split so.
func (m *Matches) matchParts(how splitting) {
	x, p := m.index, &m.parts
	p.split(m.path, how, x.longest)
	exact := how != cleaned
	m.visit(&x.plain, 0, 0, exact)
	if p.count > 0 && x.verbs.literals != nil {
		m.matchVerbs(how)
	}
	if how != plain || m.path[len(m.path)-1] != '/' {
		return
	}
	// Envoy drops empty parts at the end.
	if path := strings.TrimRight(m.path, "/"); path != "" {
		p.split(path, plain, x.longest)
		m.visit(&x.plain, 0, 0, true)
	}
}

// matchVerbs finds all templates with a verb that match the parts of the path.
func (m *Matches) matchVerbs(how splitting) {
	x, p := m.index, &m.parts
	last, count := *p.last(0), p.count
	text := m.path[last.start:last.end]
	end := len(text)
	// No verb has more colons than these, so that only so many cuts count.
	for range x.colons + 1 {
		colon, width := lastColon(text[:end])
		if colon < 0 {
			return
		}
		end = colon
		verb := newPart(m.path, int(last.start)+colon+width, int(last.end), x.longest)
		p.replaceLast(newPart(m.path, int(last.start), int(last.start)+colon, x.longest), how)
		m.children(&x.verbs, &verb, 0, 0, how != cleaned)
		p.restoreLast(last, count)
		if colon == 0 && how == plain {
			// Envoy drops empty parts at the end once the verb is cut off.
			if path := strings.TrimRight(m.path[:last.start], "/"); path != "" {
				p.split(path, plain, x.longest)
				m.children(&x.verbs, &verb, 0, 0, true)
			}
			return
		}
	}
}

// lastColon returns where the last colon of s is and how long it is, escaped or
// not, or -1 if there is none.
func lastColon(s string) (at, width int) {
	i := strings.LastIndexByte(s, ':')
	if j := max(strings.LastIndex(s, "%3A"), strings.LastIndex(s, "%3a")); j > i {
		return j, len("%3A")
	}
	return i, 1
}

// visit goes down from a node. The node stands for the first front parts and the
// last back parts of the path. It visits no node twice.
func (m *Matches) visit(n *node, front, back int, exact bool) {
	if n.deep != nil {
		m.visit(n.deep, front, back, exact)
	}
	left := m.parts.count - front - back
	if n.isDeep || left == 0 {
		for _, entry := range n.entries {
			m.add(entry, exact)
		}
	}
	if left == 0 || n.wildcard == nil && n.literals == nil {
		return
	}
	var next *part
	if n.isDeep {
		next = m.parts.last(back)
		back++
	} else {
		next = &m.parts.first[front]
		front++
	}
	if n.wildcard != nil {
		m.visit(n.wildcard, front, back, exact)
	}
	m.children(n, next, front, back, exact)
}

// children visits those children of a node that are literals and match a part.
func (m *Matches) children(n *node, p *part, front, back int, exact bool) {
	if n.literals == nil {
		return
	}
	m.literals(n.literals[p.hash], p, front, back, exact)
	if p.decodedHash != p.hash {
		m.literals(n.literals[p.decodedHash], p, front, back, exact)
	}
}

func (m *Matches) literals(literals []*literal, p *part, front, back int, exact bool) {
	for _, l := range literals {
		if matches, same := l.compare(m.path[p.start:p.end], m.escapes); matches {
			m.visit(&l.node, front, back, exact && same)
		}
	}
}

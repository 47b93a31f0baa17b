package httprule

import "strings"

// A splitting is a way to split a path into parts.
type splitting uint8

const (
	plain        splitting = iota // at slashes
	splitEscaped                  // at slashes, escaped or not
	splitCapital                  // at slashes, escaped as %2F or not
	cleaned                       // at slashes, escaped or not, and cleaned
)

// Parts are the segments of a path that can matter: all of them if they are at
// most maxSegments, else so many at either end.
type parts struct {
	count int
	first [maxSegments]part
	end   [maxSegments + 1]part // the last one first; filled if first cannot hold all
}

// A part of a path is where a segment is, and its folded hashes, as it stands and
// decoded.
type part struct {
	start, end        int32
	hash, decodedHash uint32
}

// last returns the part that i others follow.
func (p *parts) last(i int) *part {
	if p.count <= maxSegments {
		return &p.first[p.count-1-i]
	}
	return &p.end[i]
}

// newPart hashes a part of a path, unless it is longer than any literal can be:
// an escape is three times as long as its byte, and a character can be three
// times as long as another that is the same under case folding.
func newPart(path string, start, end, longest int) part {
	p := part{start: int32(start), end: int32(end)}
	if end-start <= 9*longest {
		var escapes bool
		p.hash, escapes = foldedHash(path[start:end], false)
		if p.decodedHash = p.hash; escapes {
			p.decodedHash, _ = foldedHash(path[start:end], true)
		}
	}
	return p
}

// split splits a path, which begins with a slash. Literals have at most longest
// bytes.
func (p *parts) split(path string, how splitting, longest int) {
	p.count = 0
	for start, more := 1, true; more; {
		length, width := nextSeparator(path[start:], how)
		if more = length >= 0; !more {
			length = len(path) - start
		}
		end, keep := start+length, true
		if how == cleaned {
			end, keep = p.clean(path, start, end)
		}
		if keep {
			if p.count < maxSegments {
				p.first[p.count] = newPart(path, start, end, longest)
			}
			p.count++
		}
		start += length + width
	}
	if p.count > maxSegments {
		p.splitEnd(path, how, longest)
	}
}

// clean returns where a segment ends if it is cut at a semicolon, and reports
// whether a clean path keeps it. A ".." takes the segment before it along.
func (p *parts) clean(path string, start, end int) (int, bool) {
	text := cutSemicolon(path[start:end])
	if isDots(text, 2) {
		p.count = max(0, p.count-1)
		return end, false
	}
	return start + len(text), text != "" && !isDots(text, 1)
}

// splitEnd fills end, from the end of the path.
func (p *parts) splitEnd(path string, how splitting, longest int) {
	count, dropped := 0, 0
	for before := len(path); before > 0 && count < len(p.end); {
		start, end, width := before, before, 0
		for width == 0 {
			start--
			width = separator(path[start:end], how)
		}
		before, start = start, start+width
		if how == cleaned {
			text := cutSemicolon(path[start:end])
			end = start + len(text)
			if isDots(text, 2) {
				dropped++
				continue
			}
			if text == "" || isDots(text, 1) {
				continue
			}
			if dropped > 0 {
				dropped--
				continue
			}
		}
		p.end[count] = newPart(path, start, end, longest)
		count++
	}
}

// replaceLast replaces the last part by its beginning. In a cleaned path, there
// are no empty parts.
func (p *parts) replaceLast(beginning part, how splitting) {
	if beginning.start == beginning.end && how == cleaned {
		copy(p.end[:], p.end[1:])
		p.count--
		return
	}
	*p.last(0) = beginning
}

// restoreLast undoes replaceLast.
func (p *parts) restoreLast(last part, count int) {
	if count > p.count {
		copy(p.end[1:], p.end[:])
		p.count = count
	}
	*p.last(0) = last
}

// nextSeparator returns where the first separator of s is and how long it is, or
// -1 if there is none.
func nextSeparator(s string, how splitting) (at, width int) {
	if how == plain {
		return strings.IndexByte(s, '/'), 1
	}
	for i := range len(s) {
		switch s[i] {
		case '/', '%', '\\':
			if width := separator(s[i:], how); width > 0 {
				return i, width
			}
		}
	}
	return -1, 0
}

// separator returns the length of the separator at the beginning of s, 0 if there
// is none.
func separator(s string, how splitting) int {
	c, width := s[0], 1
	if c == '%' && how != plain {
		if decoded, ok := unescape(s); ok {
			c, width = decoded, 3
		}
	}
	if c == '/' && width == 3 && how == splitCapital && s[2] == 'f' {
		return 0
	}
	if c == '/' || c == '\\' && how == cleaned {
		return width
	}
	return 0
}

// cutSemicolon returns s up to the first semicolon, escaped or not.
func cutSemicolon(s string) string {
	for rest := s; rest != ""; {
		c, next := nextByte(rest, true)
		if c == ';' {
			return s[:len(s)-len(rest)]
		}
		rest = next
	}
	return s
}

// isDots reports whether s is n dots, escaped or not.
func isDots(s string, n int) bool {
	for ; s != "" && n > 0; n-- {
		var c byte
		if c, s = nextByte(s, true); c != '.' {
			return false
		}
	}
	return s == "" && n == 0
}

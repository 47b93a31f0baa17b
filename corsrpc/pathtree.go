package corsrpc

import (
	"net/url"
	"strings"
)

// A pathTree holds values by the segments of paths, as keys of
// Config.Resources describe them.
type pathTree[Value any] struct {
	literal map[string]*pathTree[Value]
	braces  *pathTree[Value] // {segment}
	here    *Value           // the path ends here
	below   *Value           // the path ends here with a slash: the subtree
}

// slot returns where the value of a checked key belongs, without its first
// slash.
func (t *pathTree[Value]) slot(key string) **Value {
	segment, rest, more := strings.Cut(key, "/")
	if segment == "" && !more {
		return &t.below
	}
	var next *pathTree[Value]
	if strings.HasPrefix(segment, "{") {
		if t.braces == nil {
			t.braces = &pathTree[Value]{}
		}
		next = t.braces
	} else {
		if next = t.literal[segment]; next == nil {
			if t.literal == nil {
				t.literal = make(map[string]*pathTree[Value])
			}
			next = &pathTree[Value]{}
			t.literal[segment] = next
		}
	}
	if !more {
		return &next.here
	}
	return next.slot(rest)
}

// find returns the value of a request's path, or nil.
//
// Segments are those of the escaped path, each decoded: %2F is part of a
// segment. A path has no value if handlers differ on what it means, that is if
// it has empty or dot segments in either form; then the permission of one path
// would reach another, since browsers send /fonts/..%2Fprivate as it is.
func (t *pathTree[Value]) find(u *url.URL) *Value {
	path, ok := strings.CutPrefix(u.Path, "/")
	if !ok || t.isEmpty() || !isClean(path) {
		return nil
	}
	if u.RawPath == "" {
		return t.match(path, false) // no segment has an encoded slash
	}
	// EscapedPath is RawPath if that is a valid encoding of Path, so it has no
	// empty or dot segment that Path does not have.
	escaped, ok := strings.CutPrefix(u.EscapedPath(), "/")
	if !ok {
		return nil
	}
	return t.match(escaped, true)
}

func (t *pathTree[Value]) isEmpty() bool {
	return t.literal == nil && t.braces == nil && t.below == nil
}

// match looks a path up after its first slash. From the left, segment by
// segment, a literal one wins before braces, and both before the rest of a
// subtree.
func (t *pathTree[Value]) match(path string, escaped bool) *Value {
	segment, rest, more := strings.Cut(path, "/")
	if escaped && strings.Contains(segment, "%") {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil
		}
		segment = decoded
	}
	for _, next := range [2]*pathTree[Value]{t.literal[segment], t.braces} {
		if next == nil || segment == "" {
			continue
		}
		if !more {
			if next.here != nil {
				return next.here
			}
		} else if found := next.match(rest, escaped); found != nil {
			return found
		}
	}
	return t.below
}

// isClean reports whether a path after its first slash has neither empty nor
// dot segments, except that it can end in a slash. Some file systems take a
// backslash for a slash.
func isClean(path string) bool {
	for path != "" {
		end := strings.IndexAny(path, `/\`)
		segment, rest := path, ""
		if end >= 0 {
			segment, rest = path[:end], path[end+1:]
		}
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		path = rest
	}
	return true
}

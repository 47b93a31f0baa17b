package corsrpc

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// aliases finds the procedures that a path means without being the spelling of
// one: routers, file servers and other servers behind a proxy clean paths,
// decode them once more, cut parameters, take a backslash for a slash or ignore
// case, and then find a procedure in what Wrap compares byte for byte. Such a
// path grants nothing; but what the procedure's rule refuses is refused.
type aliases struct {
	services map[string]*aliasedService // by name in lower case
	// Bytes of the shortest service's name, and of the longest name of a
	// service or method.
	shortest, longest int
}

type aliasedService struct {
	name    string
	entry   *entry            // of unknown methods: the strictest
	methods map[string]*entry // by name in lower case
}

func newAliases(ix *index) aliases {
	a := aliases{services: make(map[string]*aliasedService)}
	for path, e := range ix.services {
		name := strings.Trim(path, "/")
		key := strings.ToLower(name) // names in schemas are ASCII
		if other := a.services[key]; other != nil {
			// Two services differ in case alone: neither is right for both.
			other.methods, other.entry, other.name = nil, ix.closed, ""
			continue
		}
		a.services[key] = &aliasedService{name: name, entry: e, methods: make(map[string]*entry)}
		a.longest = max(a.longest, len(name))
		if a.shortest == 0 || len(name) < a.shortest {
			a.shortest = len(name)
		}
	}
	for path, e := range ix.procedures {
		service, method, _ := strings.Cut(path[1:], "/")
		s := a.services[strings.ToLower(service)]
		if s == nil || s.methods == nil {
			continue
		}
		key := strings.ToLower(method)
		if s.methods[key] != nil {
			e = s.entry // two methods differ in case alone
		}
		s.methods[key] = e
		a.longest = max(a.longest, len(method))
	}
	return a
}

// judge lets every procedure that the path means judge the request, unless j
// refuses it already.
//
// It decodes once more (bad escapes stay), cuts segments at ";", takes "\" for
// "/", ignores empty segments and folds case. Every segment that is the name of
// a governed service and has a successor counts, wherever it stands. Dot
// segments are taken out as [path.Clean] does; but what they take out counts
// too, since some routers do not clean.
func (a *aliases) judge(j *judgement, ix *index, path string, q *access.Request) {
	if len(path) < a.shortest+len("/M") {
		return // folding never makes a path longer
	}
	var buffer [256]byte
	scratch := buffer[:]
	if a.longest >= len(scratch) {
		scratch = make([]byte, a.longest+1)
	}
	// From the right, so that ".." is known before the segment that it takes
	// out.
	next, nextClean := "", "" // the segment to the right: as it is, and with dot segments taken out
	dots, out := false, 0
	for end := len(path); end >= 0; {
		start, separator := lastSeparator(path[:end])
		segment := path[start:end]
		end = start - separator
		if separator == 0 {
			end = -1
		}
		if segment == "" {
			continue
		}
		var folded []byte
		ok := false
		// Most segments are too short.
		if c := segment[0]; len(segment) >= a.shortest || c == '.' || c == '%' || c == ';' {
			folded, ok = a.fold(scratch, segment)
		}
		switch {
		case ok && len(folded) == 0:
			continue
		case ok && string(folded) == ".":
			next, dots = segment, true
			continue
		case ok && string(folded) == "..":
			next, dots = segment, true
			out++
			continue
		}
		clean := out == 0
		if !clean {
			out--
		}
		var service *aliasedService
		if ok {
			service = a.services[string(folded)]
		}
		if service != nil {
			if clean && nextClean != "" {
				a.apply(j, ix, service, path, start, segment, nextClean, q, scratch)
			}
			if dots && next != "" && !j.verdict.Refused {
				a.apply(j, ix, service, path, start, segment, next, q, scratch)
			}
			if j.verdict.Refused {
				return
			}
		}
		if next = segment; clean {
			nextClean = segment
		}
	}
}

// apply lets the rule of one procedure judge the request.
func (a *aliases) apply(j *judgement, ix *index, service *aliasedService, path string, start int, segment, method string, q *access.Request, scratch []byte) {
	e := service.entry
	exact := segment == service.name
	if folded, ok := a.fold(scratch, method); ok {
		if m := service.methods[string(folded)]; m != nil {
			e = m
			exact = exact && strings.HasSuffix(m.rule.Procedure, "/"+method)
		}
	}
	v := e.Judge(q)
	// What RequireHosts and RequireFetchMetadata refuse is not exempt.
	foreign := v.Reason == access.ReasonOriginMissing || v.Reason == access.ReasonInternalMethod
	if v.Refused && exact && foreign && j.isDocumentation(ix, path, start, q) {
		v.Refused = false
		if j.verdict.Reason == access.ReasonOK {
			j.exempt = true
		}
	}
	j.add(e, v)
}

// isDocumentation reports whether the request is a top-level navigation to a
// clean path that is a procedure's below an unknown prefix. Documentation pages
// have such paths, and other sites link to them.
func (j *judgement) isDocumentation(ix *index, path string, start int, q *access.Request) bool {
	if j.own != nil && j.own.rule.Match != MatchResource || start < 2 || path[:start-1] == ix.prefix {
		return false
	}
	return isNavigation(q) && path[0] == '/' && isClean(path[1:]) && !strings.ContainsAny(path, `%;\`)
}

// isNavigation reports whether the request loads a document into a window or
// tab.
func isNavigation(q *access.Request) bool {
	mode, dest := q.Header["Sec-Fetch-Mode"], q.Header["Sec-Fetch-Dest"]
	return q.Method == http.MethodGet && len(q.Origins) == 0 && len(q.Header["Sec-Purpose"]) == 0 &&
		len(mode) == 1 && mode[0] == "navigate" && len(dest) == 1 && dest[0] == "document"
}

// lastSeparator returns where the last segment of a path begins, and how many
// bytes the slash or backslash before it has: none if there is no separator,
// three if it is encoded.
func lastSeparator(path string) (start, length int) {
	for i := len(path) - 1; i >= 0; i-- {
		if !endsSeparator[path[i]] {
			continue
		}
		switch c := path[i]; {
		case c == '/' || c == '\\':
			return i + 1, 1
		case i >= 2 && path[i-2] == '%' && (path[i-1] == '2' && (c == 'F' || c == 'f') || path[i-1] == '5' && (c == 'C' || c == 'c')):
			return i + 1, 3
		}
	}
	return 0, 0
}

// endsSeparator has the last bytes of separators, encoded ones included.
var endsSeparator = [256]bool{'/': true, '\\': true, 'F': true, 'f': true, 'C': true, 'c': true}

// hidesDots reports whether a path has a dot segment to servers that decode it
// once more or cut segments at ";", as in /docs/..;/pkg.Service/Method. Such a path
// can lead out of a resource.
func hidesDots(path string) bool {
	if !strings.ContainsAny(path, "%;") {
		return false // a resource's path has no other dot segments
	}
	for end := len(path); ; {
		start, separator := lastSeparator(path[:end])
		if meansDots(path[start:end]) {
			return true
		}
		if separator == 0 {
			return false
		}
		end = start - separator
	}
}

// meansDots reports whether a segment, decoded and cut at ";", is a dot segment.
func meansDots(segment string) bool {
	dots := 0
	for segment != "" {
		c, size := decodeByte(segment)
		if c == ';' {
			break
		}
		if c != '.' || dots == len("..") {
			return false
		}
		segment = segment[size:]
		dots++
	}
	return dots > 0
}

// fold writes a segment as names are looked up: decoded once, up to ";", in
// lower case as strings.EqualFold has it. It reports false if the result is not
// as short as a name, or has a character that no name and no dot segment has.
func (a *aliases) fold(into []byte, segment string) ([]byte, bool) {
	into = into[:0]
	longest := max(a.longest, len(".."))
	for i := 0; i < len(segment); {
		c, size := segment[i], 1
		if c == '%' || c >= utf8.RuneSelf {
			var r rune
			switch r, size = decode(segment[i:]); r {
			case '\u212A': // the Kelvin sign
				c = 'k'
			case '\u017F': // the long s
				c = 's'
			default:
				if r >= utf8.RuneSelf {
					return nil, false
				}
				c = byte(r)
			}
		}
		switch {
		case c == ';':
			return into, true
		case len(into) > longest:
			return nil, false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		into = append(into, c)
		i += size
	}
	return into, true
}

// decode returns the first character of s, any of whose bytes can be
// percent-encoded, and how many bytes of s it takes.
func decode(s string) (r rune, size int) {
	first, size := decodeByte(s)
	if first < utf8.RuneSelf {
		return rune(first), size
	}
	decoded, ends := [utf8.UTFMax]byte{first}, [utf8.UTFMax]int{size}
	n := 1
	for ; size < len(s) && n < len(decoded); n++ {
		c, length := decodeByte(s[size:])
		size += length
		decoded[n], ends[n] = c, size
	}
	r, size = utf8.DecodeRune(decoded[:n])
	return r, ends[size-1]
}

// decodeByte returns the first byte of s, which can be percent-encoded, and how
// many bytes of s it takes. s is not empty.
func decodeByte(s string) (c byte, size int) {
	if s[0] == '%' && len(s) > 2 && isHex(s[1]) && isHex(s[2]) {
		return unhex(s[1])<<4 | unhex(s[2]), 3
	}
	return s[0], 1
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

package corsexport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rawPath returns a decoded path as browsers send it (URL, "path percent-encode
// set").
func rawPath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; isRaw(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// rawSegment returns a decoded segment as browsers send it, where it has no
// other meaning than itself.
func rawSegment(segment string) string {
	return strings.ReplaceAll(rawPath(segment), "/", "%2F")
}

// segmentRegexp returns an expression for a decoded segment as clients send it.
// They do not agree on a few characters.
func segmentRegexp(segment string) string {
	var b strings.Builder
	for i := range len(segment) {
		c := segment[i : i+1]
		if strings.Contains("|^[]", c) {
			fmt.Fprintf(&b, "(?:%s|%%%02X)", regexp.QuoteMeta(c), segment[i])
		} else {
			b.WriteString(regexp.QuoteMeta(rawSegment(c)))
		}
	}
	return b.String()
}

// isRaw reports whether browsers send a byte of a path as it is. A percent sign
// is theirs too, but it would begin an escape.
func isRaw(c byte) bool {
	return ' ' < c && c < utf8.RuneSelf-1 && strings.IndexByte("\"#<>?\\^`{}%", c) < 0
}

// spellings returns an expression that matches a text in every spelling that
// some server could read as it: each character in either case or escaped, and
// each character of an escape so too. It needs (?i) before it.
func spellings(text string) string {
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		forms := []string{escapes(text[:size])} // of a byte that is no text
		if r != utf8.RuneError || size > 1 {
			forms = nil
			if r >= ' ' && r != 0x7f { // no request line has control characters
				forms = append(forms, regexp.QuoteMeta(string(r)))
			}
			if upper, lower := upperLower(r); upper != lower {
				// 4x and 6x, or 5x and 7x.
				high := fmt.Sprintf("[%d%d]", upper>>4, lower>>4)
				forms = append(forms, percent+"(?:"+percent+"3)?"+high+digit(lower&15))
			} else {
				forms = append(forms, escapes(string(r)))
			}
			for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
				// For PCRE, (?i) is about ASCII alone.
				if other >= utf8.RuneSelf || r >= utf8.RuneSelf {
					forms = append(forms, string(other), escapes(string(other)))
				}
			}
		}
		b.WriteString("(?:" + strings.Join(forms, "|") + ")")
		text = text[size:]
	}
	return b.String()
}

// upperLower returns a letter of ASCII in either case, and zeros for any other
// character.
func upperLower(r rune) (upper, lower byte) {
	if c := byte(r) | 0x20; r < utf8.RuneSelf && 'a' <= c && c <= 'z' {
		return c &^ 0x20, c
	}
	return 0, 0
}

// escapes returns an expression for the bytes of a character, each escaped once
// or more often. It also matches a few escapes of other characters: it is made to
// be short.
func escapes(char string) string {
	var b strings.Builder
	for i := range len(char) {
		b.WriteString(percent + digit(char[i]>>4) + digit(char[i]&15))
	}
	return b.String()
}

// percent is a percent sign, escaped or not.
const percent = "%[25]*"

// digit returns an expression for a hexadecimal digit, which can be escaped too.
func digit(d byte) string {
	if d < 10 {
		return fmt.Sprintf("(?:%s3)?%d", percent, d)
	}
	return fmt.Sprintf("(?:%c|%s[46]%d)", 'a'+d-10, percent, d-9)
}

// encodings returns an expression that matches a text in every spelling that is
// the text once decoded.
func encodings(text string) string {
	const upper, lower = "0123456789ABCDEF", "0123456789abcdef"
	hex := func(d byte) string {
		if d < 10 {
			return upper[d : d+1]
		}
		return "[" + upper[d:d+1] + lower[d:d+1] + "]"
	}
	var b strings.Builder
	for i := range len(text) {
		escaped := "%" + hex(text[i]>>4) + hex(text[i]&15)
		if isRaw(text[i]) {
			escaped = "(?:" + regexp.QuoteMeta(text[i:i+1]) + "|" + escaped + ")"
		}
		b.WriteString(escaped)
	}
	return b.String()
}

var (
	anySeparator = `(?:[/\\]|` + escapes("/") + "|" + escapes(`\`) + ")"
	anySemicolon = "(?:;|" + escapes(";") + ")"
	anyDot       = `(?:\.|` + escapes(".") + ")"

	// uncleanPath is plan.unclean.
	uncleanPath = `(?i)(?:` + `//[^/]|\\|/(?::|` + escapes(":") + ")|" + escapes("/") + "|" + escapes(`\`) + "|" + anySemicolon +
		"|" + anySeparator + anyDot + "{1,2}(?:" + anySeparator + "|$))"

	// Segments of paths that all servers read alike: not empty, not dots, and
	// without a slash or backslash, escaped or not.
	cleanDot     = `(?:\.|%2[Ee])`
	cleanNoDot   = `(?:[^/\\.%]|%(?:[^/%25]|2[^/%EFef]|5[^/%Cc]))`
	cleanSegment = "(?:(?:" + cleanDot + "{0,2}" + cleanNoDot + "|" + cleanDot + "{3})(?:" + cleanNoDot + "|" + cleanDot + ")*)"

	// Those of resources, on which no alias counts, have no escaped percent sign
	// either, and no semicolon after two dots or fewer: some servers decode twice
	// or cut at semicolons, and leave the resource by a dot segment.
	plainNoDot   = `(?:[^/\\.%]|%(?:[^/%25]|2[^/%5EFef]|5[^/%Cc]))`
	plainStart   = `(?:[^/\\.%;]|%(?:[^/%235]|2[^/%5EFef]|3[^/%Bb]|5[^/%Cc]))`
	plainSegment = "(?:(?:" + cleanDot + "{0,2}" + plainStart + "|" + cleanDot + "{3})(?:" + plainNoDot + "|" + cleanDot + ")*)"
)

// aliasRegexp returns service.alias.
func aliasRegexp(name string) string {
	spelled := spellings(name)
	// Some targets read no longer words than 4 kB. The end of a name is enough:
	// more paths are aliases then.
	for start := 1; len(spelled) > maxSpelled; start++ {
		spelled = `[^/\\]*` + spellings(name[start:])
	}
	return "(?i)" + anySeparator + spelled + aliasEnd
}

var aliasEnd = "(?:" + anySemicolon + `[^/\\]*)?` + anySeparator

const maxSpelled = 3000

// aliasesRegexp is aliasRegexp for any of several names, which must be of ASCII.
func aliasesRegexp(names []string) string {
	return "(?i)" + anySeparator + anyOfSpelt(names, spellings) + aliasEnd
}

// beginningRegexp returns an expression for paths with a segment that begins so,
// in any spelling.
func beginningRegexp(text string) string { return "(?i)" + anySeparator + spellings(text) }

// beginning returns the beginning of the service's name, which most paths do not
// even have.
func (s *service) beginning() string {
	beginning, _, found := strings.Cut(s.name, ".")
	if found {
		beginning += "."
	}
	return beginning[:min(len(beginning), 24)]
}

// newResource returns the resource of a key of Config.Resources.
func newResource(key string, g *grant) resource {
	r := resource{key: key, grant: g, exempt: key[len("/"):] != "" && key[len("/")] != '{'}
	var grants, wide strings.Builder
	segments := strings.Split(key[1:], "/")
	single := true
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" && last: // the subtree
			// The path itself, and clean ones below, which can end in a slash.
			grants.WriteString("/(?:" + plainSegment + "(?:/" + plainSegment + ")*/?)?")
			wide.WriteString("/")
			single = false
		case strings.HasPrefix(segment, "{"):
			grants.WriteString("/" + plainSegment)
			wide.WriteString("/[^/]+")
			single = false
		default:
			grants.WriteString("/" + segmentRegexp(segment))
			wide.WriteString("/" + encodings(segment))
		}
	}
	if single && !strings.ContainsAny(key, "|^[]") {
		r.path = rawPath(key)
	}
	r.grants = "^" + grants.String() + "$"
	r.wide = "^" + wide.String()
	if !strings.HasSuffix(key, "/") {
		r.wide += "$"
	}
	return r
}

// orderResources sorts the resources so that the first one which matches is the
// most specific.
func (b *planner) orderResources() {
	slices.SortStableFunc(b.plan.resources, func(a, b resource) int { return compareKeys(a.key, b.key) })
}

// compareKeys compares keys of Config.Resources from the left, segment by
// segment: a literal comes before braces, and braces before a subtree.
func compareKeys(a, b string) int {
	rank := func(segment string, more bool) int {
		switch {
		case segment == "" && !more:
			return 2
		case strings.HasPrefix(segment, "{"):
			return 1
		}
		return 0
	}
	for a, b, more := a[1:], b[1:], true; more; {
		segmentA, restA, moreA := strings.Cut(a, "/")
		segmentB, restB, moreB := strings.Cut(b, "/")
		rankA, rankB := rank(segmentA, moreA), rank(segmentB, moreB)
		switch {
		case rankA != rankB:
			return rankA - rankB
		case rankA == 0 && segmentA != segmentB:
			return strings.Compare(segmentA, segmentB)
		case moreA != moreB:
			// No path has both lengths; any order will do.
			if moreA {
				return 1
			}
			return -1
		}
		a, b, more = restA, restB, moreA
	}
	return 0
}

package httprule_test

import (
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// naiveMatches does what Index.Match documents, one template and one spelling at
// a time.
func naiveMatches(entries []httprule.Entry, path, rawPath string) []string {
	matches := []string{}
	for _, entry := range entries {
		binding, template := entry.Binding.String(), entry.Binding.Template
		matched, exact := false, false
		for _, path := range []string{path, rawPath} {
			if !strings.HasPrefix(path, "/") {
				continue
			}
			for _, clean := range []bool{false, true} {
				for i, segments := range naiveSplit(path, clean) {
					m, e := naiveTemplate(template, segments, clean, i == 0 && !clean)
					matched, exact = matched || m, exact || e && !clean
				}
			}
		}
		switch {
		case exact:
			matches = append(matches, binding)
		case matched:
			matches = append(matches, "~"+binding)
		}
	}
	return matches
}

func naiveSplit(path string, clean bool) [][]string {
	escapedSlash := strings.NewReplacer("%2F", "/", "%2f", "/")
	if !clean {
		return [][]string{
			strings.Split(path[1:], "/"),
			strings.Split(escapedSlash.Replace(path)[1:], "/"),
			strings.Split(strings.ReplaceAll(path, "%2F", "/")[1:], "/"),
		}
	}
	path = strings.NewReplacer("%5C", "/", "%5c", "/", `\`, "/").Replace(escapedSlash.Replace(path))
	path = strings.NewReplacer("%3B", ";", "%3b", ";").Replace(path)
	var segments []string
	for segment := range strings.SplitSeq(path[1:], "/") {
		segment, _, _ = strings.Cut(segment, ";")
		switch naiveDecode(segment) {
		case "", ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
		}
	}
	return [][]string{segments}
}

// templateParts returns the segments of a template and its verb, which is what it
// has behind its last segment.
func templateParts(template *httprule.Template) (segments []string, verb string) {
	text, shape := template.String(), template.Shape()
	tail := text[strings.LastIndexAny(text, "/}"):]
	if colon := strings.LastIndexByte(tail, ':'); colon >= 0 {
		if tail[0] == '}' {
			colon = strings.IndexByte(tail, ':')
		}
		verb = tail[colon+1:]
		shape = strings.TrimSuffix(shape, ":"+verb)
	}
	if shape == "" {
		return nil, verb
	}
	return strings.Split(shape[1:], "/"), verb
}

// naiveTemplate cuts the last segment at each colon. If trim is set, the segments
// also count without empty ones at the end.
func naiveTemplate(template *httprule.Template, segments []string, clean, trim bool) (matches, exact bool) {
	pattern, verb := templateParts(template)
	if verb == "" {
		return naiveTrimmed(pattern, segments, trim)
	}
	if len(segments) == 0 {
		return false, false
	}
	last := segments[len(segments)-1]
	for i := range last {
		after := ""
		switch {
		case last[i] == ':':
			after = last[i+1:]
		case strings.HasPrefix(last[i:], "%3A"), strings.HasPrefix(last[i:], "%3a"):
			after = last[i+3:]
		default:
			continue
		}
		verbMatches, verbExact := naiveLiteral(verb, after)
		cut := append(slices.Clone(segments[:len(segments)-1]), last[:i])
		if clean && last[:i] == "" {
			cut = cut[:len(cut)-1]
		}
		m, e := naiveTrimmed(pattern, cut, trim)
		matches, exact = matches || verbMatches && m, exact || verbExact && e
	}
	return matches, exact
}

func naiveTrimmed(pattern, segments []string, trim bool) (matches, exact bool) {
	matches, exact = naiveSegments(pattern, segments)
	for trim && len(segments) > 0 && segments[len(segments)-1] == "" {
		segments = segments[:len(segments)-1]
	}
	m, e := naiveSegments(pattern, segments)
	return matches || m, exact || e
}

func naiveSegments(pattern, segments []string) (matches, exact bool) {
	switch {
	case len(pattern) == 0:
		return len(segments) == 0, len(segments) == 0
	case pattern[0] == "**":
		for i := range len(segments) + 1 {
			m, e := naiveSegments(pattern[1:], segments[i:])
			matches, exact = matches || m, exact || e
		}
		return matches, exact
	case len(segments) == 0:
		return false, false
	case pattern[0] == "*":
		return naiveSegments(pattern[1:], segments[1:])
	}
	matches, exact = naiveLiteral(pattern[0], segments[0])
	if !matches {
		return false, false
	}
	m, e := naiveSegments(pattern[1:], segments[1:])
	return m, e && exact
}

func naiveLiteral(literal, segment string) (matches, exact bool) {
	literal = naiveDecode(literal)
	for _, s := range []string{segment, naiveDecode(segment)} {
		matches, exact = matches || strings.EqualFold(literal, s), exact || literal == s
	}
	return matches, exact
}

// naiveDecode leaves what is no escape.
func naiveDecode(s string) string {
	before, after, found := strings.Cut(s, "%")
	if !found {
		return s
	}
	if len(after) >= 2 {
		if decoded, err := url.PathUnescape("%" + after[:2]); err == nil {
			return before + decoded + naiveDecode(after[2:])
		}
	}
	return before + "%" + naiveDecode(after)
}

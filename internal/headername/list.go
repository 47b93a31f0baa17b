package headername

import "strings"

// ParseList reads the values of a list-based field, one per line, as
// 1#field-name or 1#method (RFC 9110, section 5.6.1: empty elements are
// ignored, optional white space around an element is dropped). It reports
// failure, with no names, where an element is not a token: then the Fetch
// standard ignores or refuses the whole field ("extract header list values").
//
// Names keep their order and case. The time and memory that it takes are
// linear in the input, so callers bound foreign input first.
func ParseList(lines []string) (names []string, ok bool) {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = trimOWS(element)
			if element == "" {
				continue
			}
			if !IsToken(element) {
				return nil, false
			}
			names = append(names, element)
		}
	}
	return names, true
}

// trimOWS drops optional white space (RFC 9110, section 5.6.3): spaces and
// tabs, nothing else.
func trimOWS(s string) string { return strings.Trim(s, " \t") }

package corsrpc_test

import (
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// What paths mean, from the text of the design alone.

// ownRule returns the rule that a path is found by, or nil: a procedure's path
// byte for byte, else what is below a service's path, else the most specific
// resource.
func ownRule(rules []naiveRule, u *url.URL) *naiveRule {
	for _, match := range []corsrpc.Match{corsrpc.MatchProcedure, corsrpc.MatchService} {
		for i := range rules {
			if rules[i].Match == match && (u.Path == rules[i].Path || match == corsrpc.MatchService && strings.HasPrefix(u.Path, rules[i].Path)) {
				return &rules[i]
			}
		}
	}
	var best *naiveRule
	for i := range rules {
		if rules[i].Match == corsrpc.MatchResource && resourceMatches(rules[i].Path, u) && (best == nil || moreSpecific(rules[i].Path, best.Path)) {
			best = &rules[i]
		}
	}
	return best
}

// resourceMatches compares the segments of a key with those of the escaped
// path, each decoded.
func resourceMatches(key string, u *url.URL) bool {
	for _, form := range []string{u.Path, u.EscapedPath()} {
		if !strings.HasPrefix(form, "/") || hasDotOrEmptySegment(strings.ReplaceAll(form, `\`, "/")) {
			return false
		}
	}
	keySegments, segments := strings.Split(key, "/"), strings.Split(u.EscapedPath(), "/")
	for i, want := range keySegments {
		if i > 0 && want == "" { // the last one: everything below
			return len(segments) > i
		}
		if len(segments) <= i {
			return false
		}
		got, err := url.PathUnescape(segments[i])
		if err != nil || want != got && (!strings.HasPrefix(want, "{") || got == "") {
			return false
		}
	}
	return len(segments) == len(keySegments)
}

// hasDotOrEmptySegment reports whether a path is not clean. It can end in a
// slash.
func hasDotOrEmptySegment(path string) bool {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, segment := range segments {
		if segment == "." || segment == ".." || segment == "" && i > 0 {
			return true
		}
	}
	return false
}

// moreSpecific compares two keys that match one path: from the left, a literal
// segment before braces before the rest of a subtree.
func moreSpecific(a, b string) bool {
	rank := func(segments []string, i int) int {
		switch {
		case i < len(segments) && strings.HasPrefix(segments[i], "{"):
			return 1
		case i < len(segments) && segments[i] != "":
			return 0
		}
		return 2
	}
	as, bs := strings.Split(a, "/")[1:], strings.Split(b, "/")[1:]
	for i := range max(len(as), len(bs)) {
		if ra, rb := rank(as, i), rank(bs, i); ra != rb {
			return ra < rb
		}
	}
	return false
}

// A meaning is a procedure's rule that a path has without being the procedure's
// path.
type meaning struct {
	rule *naiveRule
	// exact means that the path is clean and has service and method byte for
	// byte, below a prefix.
	exact  bool
	prefix string
}

// meanings returns the rules of the procedures that a path means: decoded once
// more, with each segment cut at ";" and "\" taken for "/", cleaned, with case
// folded. Every segment that is a service's name and has a successor counts.
//
// A path with dot segments also means what it means with these left in place.
// That is stricter than the design: routers that do not clean paths find a
// service there. Other paths mean the same either way.
func meanings(rules []naiveRule, requested string) []meaning {
	decoded := strings.ReplaceAll(decodeOnceMore(requested), `\`, "/")
	var segments []string
	for segment := range strings.SplitSeq(decoded, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	var cleaned []string
	for _, segment := range segments {
		switch segment {
		case ".":
		case "..":
			cleaned = cleaned[:max(0, len(cleaned)-1)]
		default:
			cleaned = append(cleaned, segment)
		}
	}
	found := meaningsOf(rules, cleaned, requested)
	if !slices.Equal(cleaned, segments) {
		found = append(found, meaningsOf(rules, segments, requested)...)
	}
	return found
}

func meaningsOf(rules []naiveRule, segments []string, requested string) []meaning {
	spelled := strings.TrimSuffix(requested, "/") == "/"+strings.Join(segments, "/") && !hasDotOrEmptySegment(requested) && !strings.ContainsAny(requested, `%;\`)
	var found []meaning
	for i := 0; i+1 < len(segments); i++ {
		var m meaning
		for j := range rules {
			service, method, _ := strings.Cut(strings.TrimPrefix(rules[j].Procedure, "/"), "/")
			switch {
			case rules[j].Match == corsrpc.MatchResource || !strings.EqualFold(segments[i], service):
				continue
			case rules[j].Match == corsrpc.MatchProcedure && strings.EqualFold(segments[i+1], method):
				m.exact = spelled && segments[i] == service && segments[i+1] == method
			case rules[j].Match == corsrpc.MatchService && m.rule == nil:
				m.exact = spelled && segments[i] == service
			default:
				continue
			}
			m.rule = &rules[j]
		}
		if m.rule == nil {
			continue
		}
		if i > 0 {
			m.prefix = "/" + strings.Join(segments[:i], "/")
		}
		found = append(found, m)
	}
	return found
}

// decodeOnceMore decodes percent-encoding; what is malformed stays.
func decodeOnceMore(s string) string {
	var decoded strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if text, err := url.PathUnescape(s[i : i+3]); err == nil {
				decoded.WriteString(text)
				i += 2
				continue
			}
		}
		decoded.WriteByte(s[i])
	}
	return decoded.String()
}

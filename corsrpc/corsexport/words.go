package corsexport

import (
	"regexp"
	"slices"
	"strings"
)

// anyOf returns an expression for one of the words, which must not be empty. Words
// that begin alike share their beginning, so that it is compared once.
func anyOf(words []string) string { return anyOfSpelt(words, regexp.QuoteMeta) }

// anyOfSpelt is anyOf with the expression of each part of a word.
func anyOfSpelt(words []string, spell func(string) string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	return anyOfSorted(slices.Compact(words), spell)
}

func anyOfSorted(words []string, spell func(string) string) string {
	first, last := words[0], words[len(words)-1]
	if len(words) == 1 {
		return spell(first)
	}
	shared := 0
	for shared < len(first) && first[shared] == last[shared] {
		shared++
	}
	var parts []string
	end := ""
	rest := words
	if len(first) == shared {
		rest, end = words[1:], "?"
	}
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && rest[n][shared] == rest[0][shared] {
			n++
		}
		tails := make([]string, n)
		for i := range n {
			tails[i] = rest[i][shared:]
		}
		parts = append(parts, anyOfSorted(tails, spell))
		rest = rest[n:]
	}
	return spell(first[:shared]) + "(?:" + strings.Join(parts, "|") + ")" + end
}

// anyOfWithin returns as many expressions as it takes for none to be longer than
// limit bytes, unless a word alone is. Each stands between before and after.
func anyOfWithin(words []string, before, after string, limit int) []string {
	whole := before + anyOf(words) + after
	if len(words) == 1 || len(whole) <= limit {
		return []string{whole}
	}
	words = slices.Clone(words)
	slices.Sort(words)
	half := len(words) / 2
	return append(anyOfWithin(words[:half], before, after, limit), anyOfWithin(words[half:], before, after, limit)...)
}

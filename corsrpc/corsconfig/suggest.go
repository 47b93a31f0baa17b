package corsconfig

import (
	"strings"
	"unicode/utf8"
)

// nearest returns the candidate that a misspelled name most likely stands for,
// or "" if none is near, or several are.
func nearest(name string, candidates []string) string {
	const longest = 64 // distances take time in the product of both lengths
	if len(name) > longest || !utf8.ValidString(name) {
		return ""
	}
	best, least := "", 2+len(name)/5
	for _, candidate := range candidates {
		if candidate == "" {
			continue
		}
		switch d := distance(folded(name), folded(candidate)); {
		case d < least:
			best, least = candidate, d
		case d == least:
			best = ""
		}
	}
	return best
}

// folded drops what people write differently: requestHeaders, Request-Headers.
func folded(name string) []rune {
	return []rune(strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name)))
}

// distance returns how many characters have to be inserted, deleted, replaced or
// swapped with their neighbor to make b of a: the optimal string alignment.
func distance(a, b []rune) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

package corsexport

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnyOf(t *testing.T) {
	t.Parallel()
	words := []string{"/a.B/C", "/a.B/Cd", "/a.B/", "/a.Bx/C", "/b", "/b|", `/b\`, "/ü", "/a.B/C"}
	re := regexp.MustCompile("^" + anyOf(words) + "$")
	for _, word := range words {
		assert.True(t, re.MatchString(word), word)
		for i := range word {
			assert.Equal(t, slices.Contains(words, word[:i]), re.MatchString(word[:i]), word[:i])
		}
		assert.False(t, re.MatchString(word+"x"), word)
	}
	assert.False(t, re.MatchString("/axB/C"))

	limited := anyOfWithin(words, "^", "$", 20)
	assert.Greater(t, len(limited), 2)
	for _, word := range words {
		matching := slices.DeleteFunc(slices.Clone(limited), func(re string) bool { return !regexp.MustCompile(re).MatchString(word) })
		assert.Len(t, matching, 1, word)
	}
	for _, re := range limited {
		assert.LessOrEqual(t, len(re), 20)
	}
}

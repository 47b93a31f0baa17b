package corsexport

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// One expression for several services matches what theirs do.
func TestAliasesRegexp(t *testing.T) {
	t.Parallel()
	names := []string{cart, catalog, admin, "acme.shop.v1.Cart", "acme.shop.v2.CartService", "grpc.health.v1.Health", "Kiosk"}
	r := rand.New(rand.NewPCG(1, 23))
	matched := 0
	for range 400 {
		some := slices.DeleteFunc(slices.Clone(names), func(string) bool { return chance(r, 2) })
		if len(some) == 0 {
			continue
		}
		path := "/" + pick(r, names) + pick(r, []string{"/X", ";v=1/X", "%3B/X", "\\X", "X/", ""})
		for range r.IntN(3) {
			path = pick(r, someSpellings)(path)
		}
		want := slices.ContainsFunc(some, func(name string) bool { return regexp.MustCompile(aliasRegexp(name)).MatchString(path) })
		lower := make([]string, len(some))
		for i, name := range some {
			lower[i] = strings.ToLower(name)
		}
		got := slices.ContainsFunc(aliasesWithin(lower, pick(r, []int{1, 3000, 100_000})), func(e string) bool { return regexp.MustCompile(e).MatchString(path) })
		assert.Equal(t, want, got, "%q of %q", path, some)
		if want {
			matched++
		}
	}
	assert.Greater(t, matched, 60)
}

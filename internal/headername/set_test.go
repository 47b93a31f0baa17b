package headername_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// What a procedure allows, canonical as the rules have it.
var allowed = []string{"Authorization", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Content-Type", "X-Tenant-Id"}

// limit is how many bytes of a list are read for allowed.
var limit = 2*len(strings.Join(allowed, ",")+",") + 256

func TestSetHas(t *testing.T) {
	t.Parallel()
	set := headername.NewSet(allowed)
	for _, name := range allowed {
		assert.True(t, set.Has(name), name)
		assert.True(t, set.Has(strings.ToLower(name)), name)
		assert.True(t, set.Has(strings.ToUpper(name)), name)
		assert.False(t, set.Has(name+" "), name)
		assert.False(t, set.Has(name[1:]), name)
		assert.False(t, headername.Set{}.Has(name), "the zero Set is empty")
	}
	for _, name := range []string{"", "*", "x-other", "authorization,content-type", "x-tenant-id\x00"} {
		assert.False(t, set.Has(name), "%q", name)
	}
	assert.False(t, headername.NewSet([]string{"X-K"}).Has("x-\u212a"), "the Kelvin sign is no k")
	lower := headername.NewSet([]string{"x-a", "X-B"})
	assert.True(t, lower.Has("X-A") && lower.Has("x-b"), "however the set's own names are written")
}

// Two names are the same if they differ in the case of A to Z alone: all pairs
// of bytes, alone and behind a letter that is in upper case itself.
func TestSetHasNamesInAnyCase(t *testing.T) {
	t.Parallel()
	fold := func(c byte) byte {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ", c) >= 0 {
			return c | 0x20
		}
		return c
	}
	for listed := range 256 {
		a := byte(listed)
		set, behind := headername.NewSet([]string{string([]byte{a})}), headername.NewSet([]string{string([]byte{'X', a})})
		for asked := range 256 {
			b := byte(asked)
			if got, want := set.Has(string([]byte{b})), fold(a) == fold(b); got != want {
				assert.Equal(t, want, got, "%q in a set of %q", b, a)
			}
			if got, want := behind.Has(string([]byte{'X', b})), fold(a) == fold(b); got != want {
				assert.Equal(t, want, got, "%q in a set of %q, behind X", b, a)
			}
		}
	}
}

func TestSetCovers(t *testing.T) {
	t.Parallel()
	set := headername.NewSet(allowed)
	all := strings.ToLower(strings.Join(allowed, ","))
	for _, test := range []struct {
		name  string
		lines []string
		want  headername.Coverage
		fault string
	}{
		{"no line", nil, headername.Covered, ""},
		{"an empty line", []string{""}, headername.Covered, ""},
		{"one name", []string{"content-type"}, headername.Covered, ""},
		{"what connect-web asks for", []string{"connect-protocol-version,content-type"}, headername.Covered, ""},
		{"the whole set", []string{all}, headername.Covered, ""},
		{"in another case", []string{strings.ToUpper(all)}, headername.Covered, ""},
		{"unsorted", []string{"x-tenant-id,authorization,content-type"}, headername.Covered, ""},
		{"repeated", []string{"content-type,content-type,content-type"}, headername.Covered, ""},
		{"with spaces", []string{"content-type, authorization ,\tx-tenant-id"}, headername.Covered, ""},
		{"with empty elements", []string{",,content-type, ,authorization,"}, headername.Covered, ""},
		{"over several lines", []string{"content-type", "", "authorization, x-tenant-id"}, headername.Covered, ""},
		{"as a proxy lists them", []string{strings.Join(allowed, ", ")}, headername.Covered, ""},
		{"as long as is read", []string{all + strings.Repeat(" ", limit-len(all))}, headername.Covered, ""},
		{"as long as is read, over lines", slices.Repeat([]string{"  "}, limit/2), headername.Covered, ""},
		{"as many lines as are read", make([]string, limit), headername.Covered, ""},

		{"a name more", []string{"content-type,x-other"}, headername.Missing, "x-other"},
		{"a name more, first", []string{"accept,content-type"}, headername.Missing, "accept"},
		{"the first of two", []string{"x-one,x-two"}, headername.Missing, "x-one"},
		{"as it is written", []string{" X-Other "}, headername.Missing, "X-Other"},
		{"on another line", []string{"content-type", "x-other"}, headername.Missing, "x-other"},
		{"a part of a name", []string{"content"}, headername.Missing, "content"},
		{"a longer name", []string{"content-type-x"}, headername.Missing, "content-type-x"},
		{"a star, which is a name in a request", []string{"*"}, headername.Missing, "*"},
		{"a missing one before a malformed one", []string{"x-other,x y"}, headername.Missing, "x-other"},
		{"the other one after a malformed one", []string{"x y,x-other"}, headername.Malformed, "x y"},

		{"separated by a space", []string{"content-type authorization"}, headername.Malformed, "content-type authorization"},
		{"separated by a semicolon", []string{"content-type;authorization"}, headername.Malformed, "content-type;authorization"},
		{"quoted", []string{`"content-type"`}, headername.Malformed, `"content-type"`},
		{"CR LF", []string{"content-type\r\nx: y"}, headername.Malformed, "content-type\r\nx: y"},
		{"NUL", []string{"content-type\x00"}, headername.Malformed, "content-type\x00"},
		{"a no-break space", []string{"\u00a0content-type"}, headername.Malformed, "\u00a0content-type"},
		{"a letter whose lower case by Unicode is k", []string{"x-\u212a"}, headername.Malformed, "x-\u212a"},
		{"bytes that are no UTF-8", []string{"x-\xff"}, headername.Malformed, "x-\xff"},

		{"a byte more than is read", []string{all + strings.Repeat(" ", limit-len(all)+1)}, headername.TooLong, ""},
		{"a line more than is read", make([]string, limit+1), headername.TooLong, ""},
		{"a byte more than is read, over lines", append(slices.Repeat([]string{"  "}, limit/2), "  "), headername.TooLong, ""},
		{"a megabyte of commas", []string{strings.Repeat(",", 1<<20)}, headername.TooLong, ""},
		{"a megabyte of spaces", []string{strings.Repeat(" ", 1<<20)}, headername.TooLong, ""},
		{"a megabyte of both", []string{strings.Repeat(" ,", 1<<19)}, headername.TooLong, ""},
		{"a megabyte of one name", []string{strings.Repeat("x", 1<<20)}, headername.TooLong, ""},
		{"a megabyte of a listed name", []string{strings.Repeat("content-type,", 1<<16)}, headername.TooLong, ""},
		{"a megabyte in upper case", []string{strings.Repeat("CONTENT-TYPE,", 1<<16)}, headername.TooLong, ""},
		{"a megabyte of malformed names", []string{strings.Repeat("@,", 1<<19)}, headername.TooLong, ""},
		{"a megabyte after a missing name", []string{"x-other," + strings.Repeat(",", 1<<20)}, headername.TooLong, ""},
		{"100,000 names", []string{strings.Join(manyNames(100_000), ",")}, headername.TooLong, ""},
		{"100,000 names, one a line", manyNames(100_000), headername.TooLong, ""},
		{"100,000 empty lines", make([]string, 100_000), headername.TooLong, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			coverage, fault := set.Covers(test.lines)
			assert.Equal(t, test.want, coverage)
			assert.Equal(t, test.fault, fault)
		})
	}
}

func TestSetLacks(t *testing.T) {
	t.Parallel()
	set := headername.NewSet([]string{"Content-Type", "X-A"})
	for _, test := range []struct {
		name  string
		lines []string
		most  int
		want  []string
	}{
		{"none", []string{"content-type, X-A,,"}, 9, nil},
		{"in order, over lines, once, in lower case", []string{"x-c,x-a", "X-B\t, x-C"}, 9, []string{"x-c", "x-b"}},
		{"also what is no name", []string{"x y,@"}, 9, []string{"x y", "@"}},
		{"no more than asked for", []string{"x-b,x-c", "x-d"}, 2, []string{"x-b", "x-c"}},
	} {
		assert.Equal(t, test.want, set.Lacks(test.lines, test.most), test.name)
	}
}

// Every list that a browser makes of names from the set is read to its end,
// however large the set: TooLong never hides that all of them are allowed.
func TestSetCoversItself(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 1_000, 20_000} {
		names := manyNames(n)
		set := headername.NewSet(names)
		slices.Sort(names)
		for _, separator := range []string{",", ", "} {
			coverage, fault := set.Covers([]string{strings.Join(names, separator)})
			require.Equal(t, headername.Covered, coverage, "%d names", n)
			require.Empty(t, fault)
		}
		coverage, fault := set.Covers([]string{strings.Join(append(names, "y"), ",")})
		require.Equal(t, headername.Missing, coverage, "one more than %d names", n)
		require.Equal(t, "y", fault)
	}
}

func TestEmptySetCovers(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]headername.Set{"the zero value": {}, "no names": headername.NewSet(nil)} {
		for _, test := range []struct {
			lines []string
			want  headername.Coverage
			fault string
		}{
			{nil, headername.Covered, ""},
			{[]string{""}, headername.Covered, ""},
			{[]string{" , "}, headername.Covered, ""},
			{[]string{"x-a"}, headername.Missing, "x-a"},
			{[]string{"x a"}, headername.Malformed, "x a"},
			{[]string{strings.Repeat(",", 257)}, headername.TooLong, ""},
		} {
			coverage, fault := set.Covers(test.lines)
			assert.Equal(t, test.want, coverage, "%s: %.20q", name, test.lines)
			assert.Equal(t, test.fault, fault, "%s: %.20q", name, test.lines)
		}
	}
}

// A set does not grow by repetition.
func TestSetOfRepeatedNames(t *testing.T) {
	t.Parallel()
	set := headername.NewSet(slices.Repeat([]string{"X-A", "x-a"}, 1000))
	coverage, _ := set.Covers([]string{strings.Repeat("x-a,", 100)})
	assert.Equal(t, headername.TooLong, coverage)
}

func TestSetCoversDoesNotAllocate(t *testing.T) {
	set := headername.NewSet(allowed)
	for name, lines := range map[string][]string{
		"none":                 nil,
		"all":                  {strings.ToLower(strings.Join(allowed, ", "))},
		"missing":              {"content-type,x-other"},
		"malformed":            {"content-type,x y"},
		"a megabyte of commas": {strings.Repeat(",", 1<<20)},
		"100,000 names":        {strings.Join(manyNames(100_000), ",")},
		"100,000 lines":        manyNames(100_000),
		"a megabyte, re-cased": {strings.Repeat("CONTENT-TYPE,", 1<<16)},
	} {
		assert.Zero(t, testing.AllocsPerRun(10, func() { set.Covers(lines) }), name)
	}
	// Names in another case cost one allocation each, of the bytes that are
	// read at most.
	upper := []string{strings.ToUpper(strings.Join(allowed, ","))}
	assert.LessOrEqual(t, testing.AllocsPerRun(10, func() { set.Covers(upper) }), 2*float64(len(allowed)))
}

// A hostile list costs no more than an honest one.
func BenchmarkSetCovers(b *testing.B) {
	set := headername.NewSet(allowed)
	for _, list := range []struct {
		name  string
		lines []string
	}{
		{"one", []string{"content-type"}},
		{"all", []string{strings.ToLower(strings.Join(allowed, ","))}},
		{"all re-cased", []string{strings.Join(allowed, ", ")}},
		{"as many commas as are read", []string{strings.Repeat(",", limit)}},
		{"1 MiB of commas", []string{strings.Repeat(",", 1<<20)}},
		{"100,000 names", []string{strings.Join(manyNames(100_000), ",")}},
		{"100,000 lines", manyNames(100_000)},
	} {
		b.Run(list.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Covers(list.lines)
			}
		})
	}
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("x-%d", i)
	}
	return names
}

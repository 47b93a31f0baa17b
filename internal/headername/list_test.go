package headername_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

func TestParseList(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		lines []string
		want  []string
		ok    bool
	}{
		{"no line", nil, nil, true},
		{"an empty line", []string{""}, nil, true},
		{"one name", []string{"X-A"}, []string{"X-A"}, true},
		{"several", []string{"X-A,X-B,X-C"}, []string{"X-A", "X-B", "X-C"}, true},
		{"order, case and repetition are kept", []string{"b,A,b"}, []string{"b", "A", "b"}, true},
		{"white space around elements", []string{" \tX-A \t,\t X-B\t"}, []string{"X-A", "X-B"}, true},
		{"empty elements", []string{",X-A,,\t , X-B,,"}, []string{"X-A", "X-B"}, true},
		{"nothing but empty elements", []string{", ,\t,"}, nil, true},
		{"several lines", []string{"X-A, X-B", "", "X-C"}, []string{"X-A", "X-B", "X-C"}, true},
		{"a star is a token", []string{"*"}, []string{"*"}, true},
		{"methods", []string{"GET, PATCH, chicken"}, []string{"GET", "PATCH", "chicken"}, true},
		{"every token byte", []string{"!#$%&'*+-.^_`|~09azAZ"}, []string{"!#$%&'*+-.^_`|~09azAZ"}, true},

		{"a space inside", []string{"X A"}, nil, false},
		{"separated by a space", []string{"X-A X-B"}, nil, false},
		{"separated by a semicolon", []string{"X-A; X-B"}, nil, false},
		{"quoted", []string{`"X-A"`}, nil, false},
		{"a colon", []string{"X-A: 1"}, nil, false},
		{"one malformed among good ones", []string{"X-A, X-B, X(C)"}, nil, false},
		{"one malformed on another line", []string{"X-A", "X-B", "@"}, nil, false},
		{"a line feed, which is no optional white space", []string{"X-A,\nX-B"}, nil, false},
		{"a carriage return", []string{"X-A\r"}, nil, false},
		{"a vertical tab", []string{"\vX-A"}, nil, false},
		{"a no-break space", []string{"X-A,\u00a0X-B"}, nil, false},
		{"NUL", []string{"X-A\x00"}, nil, false},
		{"UTF-8", []string{"X-\u00e9"}, nil, false},
		{"bytes that are no UTF-8", []string{"X-\xff"}, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			names, ok := headername.ParseList(test.lines)
			assert.Equal(t, test.ok, ok)
			assert.Equal(t, test.want, names)
		})
	}
}

// Hostile lists cost memory for the names that they hold, not for their bytes.
func TestParseListOfHostileLength(t *testing.T) {
	for name, lines := range map[string][]string{
		"commas":         {strings.Repeat(",", 1<<20)},
		"spaces":         {strings.Repeat(" ", 1<<20)},
		"commas, spaces": {strings.Repeat(" ,\t", 1<<18)},
		"lines":          make([]string, 1<<16),
	} {
		names, ok := headername.ParseList(lines)
		assert.True(t, ok, name)
		assert.Empty(t, names, name)
		assert.Zero(t, testing.AllocsPerRun(1, func() { headername.ParseList(lines) }), name)
	}
	names, ok := headername.ParseList([]string{strings.Repeat("x,", 100_000)})
	assert.True(t, ok)
	assert.Len(t, names, 100_000)
}

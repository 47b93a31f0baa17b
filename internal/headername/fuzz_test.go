package headername_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// The oracle of lists reads a line byte by byte, by RFC 9110, section 5.6.1:
// elements between commas, without the spaces and tabs around them, empty ones
// ignored.
func elements(lines []string) []string {
	var all []string
	for _, line := range lines {
		element := ""
		for _, c := range []byte(line + ",") {
			if c != ',' {
				element += string([]byte{c})
				continue
			}
			for element != "" && (element[0] == ' ' || element[0] == '\t') {
				element = element[1:]
			}
			for element != "" && (element[len(element)-1] == ' ' || element[len(element)-1] == '\t') {
				element = element[:len(element)-1]
			}
			if element != "" {
				all = append(all, element)
			}
			element = ""
		}
	}
	return all
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if !strings.Contains("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", string(rune(c))) {
			return false
		}
	}
	return s != ""
}

func FuzzParseList(f *testing.F) {
	f.Add("", "")
	f.Add("connect-protocol-version,content-type", "X-A , X-B,,\t")
	f.Add("X-A X-B", "*")
	f.Fuzz(func(t *testing.T, one, two string) {
		for _, lines := range [][]string{nil, {one}, {two}, {one, two}, {two, "", one}} {
			want := elements(lines)
			if slices.ContainsFunc(want, func(s string) bool { return !isName(s) }) {
				names, ok := headername.ParseList(lines)
				require.False(t, ok, "%q", lines)
				require.Nil(t, names, "%q", lines)
				continue
			}
			names, ok := headername.ParseList(lines)
			require.True(t, ok, "%q", lines)
			require.Equal(t, want, names, "%q", lines)
			// A list of what was read reads the same, on one line.
			again, ok := headername.ParseList([]string{strings.Join(names, ", ")})
			require.True(t, ok)
			require.Equal(t, names, again)
		}
	})
}

func FuzzCovers(f *testing.F) {
	f.Add("authorization,content-type", "content-type", "")
	f.Add("Authorization,Content-Type", "AUTHORIZATION, x-other", "@")
	f.Add("", "", "x-a")
	f.Fuzz(func(t *testing.T, set, one, two string) {
		var names []string
		length := 0
		for _, element := range elements([]string{set}) {
			if isName(element) {
				if !slices.ContainsFunc(names, func(name string) bool { return asciiEqualFold(name, element) }) {
					length += len(element) + 1
				}
				names = append(names, element)
			}
		}
		s := headername.NewSet(names)
		for _, lines := range [][]string{nil, {one}, {two}, {one, two}, {two, "", one}} {
			coverage, fault := s.Covers(lines)
			total := 0
			for _, line := range lines {
				total += len(line)
			}
			if total > 2*length+256 || len(lines) > 2*length+256 {
				require.Equal(t, headername.TooLong, coverage)
				require.Empty(t, fault)
				continue
			}
			want, wantFault := headername.Covered, ""
			for _, element := range elements(lines) {
				listed := false
				for _, name := range names {
					listed = listed || asciiEqualFold(name, element)
				}
				if listed {
					continue
				}
				want, wantFault = headername.Missing, element
				if !isName(element) {
					want = headername.Malformed
				}
				break
			}
			require.Equal(t, want, coverage, "%q: %q", names, lines)
			require.Equal(t, wantFault, fault, "%q: %q", names, lines)
		}
	})
}

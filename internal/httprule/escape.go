package httprule

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// unescape returns the byte that the percent-encoding at the beginning of s
// stands for, if there is one.
func unescape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, ok := unhex(s[1])
	low, ok2 := unhex(s[2])
	if !ok || !ok2 {
		return 0, false
	}
	return high<<4 | low, true
}

func unhex(c byte) (byte, bool) {
	switch lower := c | 0x20; {
	case isDigit(c):
		return c - '0', true
	case 'a' <= lower && lower <= 'f':
		return lower - 'a' + 10, true
	}
	return 0, false
}

// nextByte returns the first byte of s, which must not be empty, and what follows
// it. If decode is set, an escape counts as the byte that it stands for. What
// is no escape stays.
func nextByte(s string, decode bool) (byte, string) {
	if decode {
		if c, ok := unescape(s); ok {
			return c, s[3:]
		}
	}
	return s[0], s[1:]
}

// nextFolded returns the first character of s, which must not be empty, and what
// follows it. All characters that are the same under simple case folding, as
// [strings.EqualFold] has it, are returned as one of them.
func nextFolded(s string, decode bool) (rune, string) {
	c, rest := nextByte(s, decode)
	if c < utf8.RuneSelf {
		return foldASCII(c), rest
	}
	var encoded [utf8.UTFMax]byte
	var after [utf8.UTFMax]string
	n := 0
	for {
		encoded[n], after[n] = c, rest
		n++
		if n == utf8.UTFMax || rest == "" {
			break
		}
		c, rest = nextByte(rest, decode)
	}
	r, size := utf8.DecodeRune(encoded[:n])
	// The least one of those that are the same: SimpleFold goes round in
	// ascending order.
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		if next < r {
			r = next
			break
		}
	}
	if r < utf8.RuneSelf {
		r = foldASCII(byte(r)) // the Kelvin sign is a K
	}
	return r, after[size-1]
}

func foldASCII(c byte) rune {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return rune(c)
}

// foldedHash returns a hash of s that does not depend on case (FNV-1a), and
// whether s has a percent sign.
func foldedHash(s string, decode bool) (h uint32, percent bool) {
	h = 2166136261
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && (c != '%' || !decode) {
			percent = percent || c == '%'
			h = (h ^ uint32(foldASCII(c))) * 16777619
			i++
			continue
		}
		r, rest := nextFolded(s[i:], decode)
		h = (h ^ uint32(r)) * 16777619
		i = len(s) - len(rest)
	}
	return h, percent
}

// equal reports whether s is literal, byte for byte.
func equal(s string, decode bool, literal string) bool {
	if !decode {
		return s == literal
	}
	for s != "" && literal != "" {
		var c byte
		if c, s = nextByte(s, decode); c != literal[0] {
			return false
		}
		literal = literal[1:]
	}
	return s == literal
}

// equalFolded reports whether s is literal, case aside.
func equalFolded(s string, decode bool, literal string) bool {
	for s != "" && literal != "" {
		var r, l rune
		r, s = nextFolded(s, decode)
		if l, literal = nextFolded(literal, false); r != l {
			return false
		}
	}
	return s == literal
}

// decoded returns s with its escapes decoded. What is no escape stays.
func decoded(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		var c byte
		c, s = nextByte(s, true)
		b.WriteByte(c)
	}
	return b.String()
}

// escaped returns s with everything escaped that is not unreserved, as Vanguard
// keeps the literals of its templates.
func escaped(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isUnreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

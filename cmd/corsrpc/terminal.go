package main

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A terminal passes text on, with everything that could control a terminal or
// change the order of what people read in escaped form. All output of the
// command goes through one, since names, messages and headers come from servers.
//
// The escapes are those of JSON. JSON has such characters in strings alone, so
// its meaning stays the same.
type terminal struct{ w io.Writer }

// Write writes all of p, which must not end in the middle of a character.
func (t terminal) Write(p []byte) (int, error) {
	plain := 0 // the beginning of what has not been written
	for i := 0; i < len(p); {
		if ' ' <= p[i] && p[i] <= '~' {
			i++
			continue
		}
		r, size := rune(p[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(p[i:])
		}
		invalid := r == utf8.RuneError && size == 1
		if !invalid && (r == '\n' || r == '\t' || strconv.IsPrint(r)) {
			i += size
			continue
		}
		escaped := fmt.Sprintf(`\x%02x`, p[i])
		if !invalid {
			escaped = ""
			for _, unit := range utf16.AppendRune(nil, r) {
				escaped += fmt.Sprintf(`\u%04x`, unit)
			}
		}
		if _, err := t.w.Write(p[plain:i]); err != nil {
			return plain, err
		}
		if _, err := io.WriteString(t.w, escaped); err != nil {
			return i, err
		}
		i += size
		plain = i
	}
	if _, err := t.w.Write(p[plain:]); err != nil {
		return plain, err
	}
	return len(p), nil
}

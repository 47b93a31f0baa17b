package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const longestCommand = 1 << 20

var errOpenQuote = errors.New("a quote is not closed: copy the whole command")

// splitWords splits a command line as bash does, or as cmd.exe and the runtime
// of its programs do, if its first quote is cmd's. Nothing is expanded: what a
// shell would expand or run is an error.
func splitWords(text string) ([]string, error) {
	if len(text) > longestCommand {
		return nil, errors.New("the text is longer than 1 MiB: remove the body")
	}
	if isCmd(text) {
		plain, err := withoutCarets(text)
		if err != nil {
			return nil, err
		}
		return splitQuoted(plain)
	}
	return splitBash(text)
}

// isCmd reports whether a text is in cmd's form: ^" is the first quote, or ", if
// lines end with a caret.
func isCmd(text string) bool {
	i := strings.IndexAny(text, `'"`)
	switch {
	case i < 0 || text[i] == '\'':
		return false
	case i > 0 && text[i-1] == '^':
		return true
	}
	return strings.Contains(text, " ^\n") || strings.Contains(text, " ^\r\n")
}

// words collects words from their parts.
type words struct {
	list []string
	word strings.Builder
	in   bool // in a word, which can be empty
}

func (w *words) add(part string) {
	w.word.WriteString(part)
	w.in = true
}

func (w *words) end() {
	if w.in {
		w.list = append(w.list, w.word.String())
		w.word.Reset()
		w.in = false
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// splitBash splits at blanks outside quotes (Bash manual, "Quoting").
func splitBash(text string) ([]string, error) {
	var w words
	for len(text) > 0 {
		c, rest := text[0], text[1:]
		switch {
		case isBlank(c):
			w.end()
		case c == '\\':
			switch {
			case strings.HasPrefix(rest, "\r\n"): // pasted
				rest = rest[2:]
			case strings.HasPrefix(rest, "\n"):
				rest = rest[1:]
			case rest != "":
				w.add(rest[:1])
				rest = rest[1:]
			}
		case c == '\'':
			value, after, closed := strings.Cut(rest, "'")
			if !closed {
				return nil, errOpenQuote
			}
			w.add(value)
			rest = after
		case strings.HasPrefix(text, "$'"):
			value, after, err := ansiQuoted(text[2:])
			if err != nil {
				return nil, err
			}
			w.add(value)
			rest = after
		case c == '"':
			value, after, err := doubleQuoted(rest)
			if err != nil {
				return nil, err
			}
			w.add(value)
			rest = after
		case strings.IndexByte("|&;<>()`$", c) >= 0:
			return nil, fmt.Errorf("%q outside quotes is not understood: copy one request alone", c)
		default:
			w.add(text[:1])
		}
		text = rest
	}
	w.end()
	return w.list, nil
}

// doubleQuoted reads what follows a ", to the next one.
func doubleQuoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], nil
		case c == '$', c == '`':
			return "", "", fmt.Errorf("%q in double quotes is not understood: write the value itself, in single quotes", c)
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\\\"$`", text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errOpenQuote
}

// ansiQuoted reads what follows a $', to its quote (Bash manual, "ANSI-C
// Quoting"). Chromium writes \u0021 for an exclamation mark, Firefox \041.
func ansiQuoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			return b.String(), text[i+1:], nil
		case c == '\\' && i+1 < len(text):
			size, err := ansiEscape(&b, text[i+1:])
			if err != nil {
				return "", "", err
			}
			i += size
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errOpenQuote
}

const (
	octal = "01234567"
	hex   = "0123456789abcdefABCDEF"
)

// ansiEscape writes the character of an escape, which follows a backslash, and
// returns its length.
func ansiEscape(b *strings.Builder, text string) (int, error) {
	const simple, meaning = `abeEfnrtv\'"?`, "\a\b\x1b\x1b\f\n\r\t\v\\'\"?"
	if i := strings.IndexByte(simple, text[0]); i >= 0 {
		b.WriteByte(meaning[i])
		return 1, nil
	}
	begin, longest, base, digits := 1, 0, 16, hex
	switch text[0] {
	case 'x':
		longest = 2
	case 'u':
		longest = 4
	case 'U':
		longest = 8
	case '0', '1', '2', '3', '4', '5', '6', '7':
		begin, longest, base, digits = 0, 3, 8, octal
	default: // bash keeps the backslash of what it does not know
		b.WriteByte('\\')
		b.WriteByte(text[0])
		return 1, nil
	}
	end := begin
	for end < len(text) && end < begin+longest && strings.IndexByte(digits, text[end]) >= 0 {
		end++
	}
	n, err := strconv.ParseUint(text[begin:end], base, 32)
	if err != nil || n > utf8.MaxRune {
		return 0, fmt.Errorf(`the escape \%.12s is malformed`, text)
	}
	if text[0] == 'u' || text[0] == 'U' {
		b.WriteRune(rune(n))
	} else {
		b.WriteByte(byte(n))
	}
	return end, nil
}

// withoutCarets does what cmd.exe does: a caret outside quotes takes the meaning
// of the next character, and joins a line to the next.
func withoutCarets(text string) (string, error) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
			b.WriteByte(c)
		case quoted:
			b.WriteByte(c)
		case c == '^' && i+1 < len(text):
			i++
			switch {
			case strings.HasPrefix(text[i:], "\r\n"):
				i++
			case text[i] != '\n':
				b.WriteByte(text[i])
			}
		case strings.IndexByte("&|<>", c) >= 0:
			return "", fmt.Errorf("%q outside quotes is not understood: copy one request alone", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// splitQuoted does what the C runtime of Windows does with a command line: "
// quotes, and \", \\ and, within quotes, "" stand for characters. (The runtime
// takes \\ for two characters if no quote follows. The browsers mean one.)
func splitQuoted(text string) ([]string, error) {
	var w words
	quoted := false
	for i := 0; i < len(text); i++ {
		next := byte(0)
		if i+1 < len(text) {
			next = text[i+1]
		}
		switch c := text[i]; {
		case c == '\\' && (next == '"' || next == '\\'), quoted && c == '"' && next == '"':
			i++
			w.add(text[i : i+1])
		case c == '"':
			quoted = !quoted
			w.add("")
		case !quoted && isBlank(c):
			w.end()
		default:
			w.add(text[i : i+1])
		}
	}
	if quoted {
		return nil, errOpenQuote
	}
	w.end()
	return w.list, nil
}

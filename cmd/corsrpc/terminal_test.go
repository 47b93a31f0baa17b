package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTerminalEscapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"plain\ttext\n":            "plain\ttext\n",
		"ümläut … 例":               "ümläut … 例",
		"\x1b[31mred\x1b[0m":       `\u001b[31mred\u001b[0m`,
		"\x9b31m":                  `\x9b31m`,
		"\u009b31m":                `\u009b31m`,
		"over\rwritten\b":          `over\u000dwritten\u0008`,
		"\x1b]0;title\x07":         `\u001b]0;title\u0007`,
		"\u202egnp.exe":            `\u202egnp.exe`,
		"a\u2066b\u2069c\u200bd":   `a\u2066b\u2069c\u200bd`,
		"tag \U000e0041":           `tag \udb40\udc41`,
		"\ufeff\u00a0\u2028\u2029": `\ufeff\u00a0\u2028\u2029`,
		"\xff\xfe":                 `\xff\xfe`,
		"\ufffd":                   "\ufffd",
	} {
		var b bytes.Buffer
		n, err := terminal{&b}.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
		assert.Equal(t, want, b.String(), "%q", text)
	}
	_, err := terminal{broken{}}.Write([]byte("a"))
	require.Error(t, err)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// JSON means the same after it went through a terminal.
func FuzzTerminal(f *testing.F) {
	for _, text := range []string{"", "a", "\x1b[0m", "\u202e", "\U000e0041", "\xff", "\\u0000", "\"\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		require.NoError(t, err)
		var b bytes.Buffer
		_, err = terminal{&b}.Write(want)
		require.NoError(t, err)
		for _, r := range b.String() {
			assert.True(t, unicode.IsPrint(r), "%U", r)
		}
		var before, after string
		require.NoError(t, json.Unmarshal(want, &before))
		require.NoError(t, json.Unmarshal(b.Bytes(), &after))
		assert.Equal(t, before, after)
	})
}

package origin_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

func TestRegexpOfPorts(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		entry, err := origin.Parse(scheme + "://localhost:*")
		require.NoError(t, err)
		re, set := regexp.MustCompile(entry.Regexp()), origin.NewSet([]origin.Entry{entry})
		for port := range 70000 {
			o := scheme + "://localhost:" + strconv.Itoa(port)
			require.Equal(t, set.Contains(o), re.MatchString(o), o)
		}
	}
}

// The regular expression of an entry and a set of it alone contain the same.
func FuzzRegexp(f *testing.F) {
	for _, entry := range []string{
		"https://app.example.com", "https://*.example.com", "https://*.example.com:8443", "http://localhost:*", "https://*.localhost:*",
		"http://[::1]:*", "http://[::1]:8080", "chrome-extension://abc.d~e[]", "https://a_b.example.com",
	} {
		for _, o := range []string{
			"https://app.example.com", "https://appxexample.com", "https://a.b.example.com", "https://.example.com", "https://a..example.com", "https://-.example.com:8443",
			"http://localhost", "http://localhost:80", "http://localhost:8080", "http://localhost:08", "https://x.localhost:443", "http://[::1]:99999", "http://[::1]:8080",
			"https://evil.test/https://app.example.com", "https://app.example.com.evil.test", "https://APP.example.com", "null",
			"https://" + strings.Repeat("a", 64) + ".example.com", "https://" + strings.Repeat("a", 63) + ".example.com",
		} {
			f.Add(entry, o)
		}
	}
	f.Fuzz(func(t *testing.T, text, o string) {
		entry, err := origin.Parse(text)
		if err != nil || len(o) > 200 || strings.HasSuffix(o, "\n") {
			return // no header has a line's end, and Regexp does not count
		}
		if entry.Any() {
			assert.Empty(t, entry.Regexp())
			return
		}
		assert.Equal(t, origin.NewSet([]origin.Entry{entry}).Contains(o), regexp.MustCompile(entry.Regexp()).MatchString(o), "%q admits %q: %s", text, o, entry.Regexp())
	})
}

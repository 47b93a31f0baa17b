package origin_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// An entry is refused with an error that is safe to print and whose suggestion
// is an entry, or it is what it seems to be: to url.Parse, to a set of it alone.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "*", "null", "https://app.example.com", "https://*.example.com:*", "http://[::1]:8080", "http://127.0.0.1",
		"chrome-extension://abc", "https://bücher.example", "WSS://App.Example.com:443/x", "https://1.2.3.4.", "https://*.0x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		entry, err := origin.Parse(s)
		if err != nil {
			assert.Zero(t, entry)
			checkParseError(t, s, err.Error())
			return
		}
		require.Equal(t, s, entry.String())
		require.Equal(t, s == "*", entry.Any())
		set := origin.NewSet([]origin.Entry{entry})
		require.True(t, set.Covers(entry))
		if entry.Any() {
			require.True(t, set.Any())
			return
		}
		require.False(t, set.Any())
		for _, o := range []string{"", "null", "*", s + "x", s + "/", s + ".", s + ":", "x" + s, " " + s, s + "\n", strings.ToUpper(s)} {
			require.Equal(t, entryAdmits(s, o), set.Contains(o), "%q", o)
		}
		if !strings.Contains(s, "*") {
			require.True(t, set.Contains(s))
			checkURL(t, s)
			return
		}
		require.False(t, set.Contains(s), "no browser sends a pattern")
		// One of the origins that the pattern stands for.
		one := strings.Replace(s, "://*.", "://x.", 1)
		if before, ok := strings.CutSuffix(one, ":*"); ok {
			one = before + ":8443"
			require.True(t, set.Contains(before))
		}
		require.True(t, set.Contains(one), one)
		require.True(t, set.Covers(parse(t, one)), one)
		checkURL(t, one)
		if apex := strings.Replace(one, "://x.", "://", 1); strings.Contains(s, "*.") {
			require.False(t, set.Contains(apex), apex)
			require.False(t, set.Contains(strings.Replace(one, "://x.", "://.", 1)))
		}
	})
}

// checkParseError looks for what must not reach a log, and at the suggestion.
func checkParseError(t *testing.T, s, text string) {
	t.Helper()
	require.LessOrEqual(t, len(text), 300+5*len(s))
	for _, c := range []byte(text) {
		require.True(t, ' ' <= c && c <= '~', "%q", text)
	}
	_, quoted, found := strings.Cut(text, "; write \"")
	if !found {
		return
	}
	instead, err := strconv.Unquote(`"` + quoted)
	require.NoError(t, err, text)
	require.NotEqual(t, s, instead)
	_, err = origin.Parse(instead)
	require.NoError(t, err, "what the error tells people to write")
}

// checkURL compares an exact entry with what url.Parse makes of it: the same
// scheme, host and port, and nothing else. The hosts of apps need not be
// hosts to url.Parse.
func checkURL(t *testing.T, s string) {
	t.Helper()
	scheme, hostport, ok := strings.Cut(s, "://")
	require.True(t, ok, s)
	u, err := url.Parse(s)
	if scheme != "http" && scheme != "https" && err != nil {
		return
	}
	require.NoError(t, err, s)
	require.Equal(t, url.URL{Scheme: scheme, Host: hostport}, *u)
	if scheme != "http" && scheme != "https" {
		return
	}
	require.Equal(t, strings.ToLower(s), s)
	require.NotEmpty(t, u.Hostname())
	require.LessOrEqual(t, len(u.Hostname()), 253)
	if port := u.Port(); port != "" {
		require.True(t, portOf(scheme, port), s)
	} else {
		require.False(t, strings.HasSuffix(s, ":"), s)
	}
}

// A set admits what the oracle admits, whatever the order and repetition of its
// entries, and no less with one entry more.
func FuzzSet(f *testing.F) {
	for _, list := range []string{
		"", "*", exact, exact + " " + subdomains, ports + " " + subdomainPorts,
		"https://*.foo.com https://*.bar.com", "http://localhost:* http://*.localhost:* http://127.0.0.1:* http://[::1]:*",
		"https://*.a.test http://*.b.a.test:* https://*.a.test:8443 app://x",
	} {
		for _, o := range []string{"", "null", "https://.example.com", "https://barfoo.com", "http://localhost:1.evil.test", "https://a.b.a.test:8443"} {
			f.Add(list, o)
		}
	}
	f.Fuzz(func(t *testing.T, list, candidate string) {
		if len(list) > 2<<10 || len(candidate) > 1<<10 {
			return // the pairs below are many
		}
		var texts []string
		var entries []origin.Entry
		for text := range strings.FieldsSeq(list) {
			if entry, err := origin.Parse(text); err == nil && len(entries) < 5 {
				texts, entries = append(texts, text), append(entries, entry)
			}
		}
		set := origin.NewSet(entries)
		reversed := slices.Clone(entries)
		slices.Reverse(reversed)
		reordered := origin.NewSet(append(reversed, entries...))
		sets := make([]*origin.Set, len(entries)) // of each entry alone
		for i := range entries {
			sets[i] = origin.NewSet(entries[i : i+1])
		}
		for _, o := range hostile(texts, candidate) {
			want := listAdmits(texts, o)
			require.Equal(t, want, set.Contains(o), "%q: %q", texts, o)
			require.Equal(t, want, reordered.Contains(o), "%q, reversed and repeated: %q", texts, o)
			for i, one := range sets {
				if one.Contains(o) {
					require.True(t, want, "%q takes %q from %q", texts, o, texts[i])
				}
				if entry, err := origin.Parse(o); err == nil && !strings.Contains(o, "*") {
					require.Equal(t, one.Contains(o), one.Covers(entry), "%q and %q", texts[i], o)
				}
			}
		}
		// Whoever covers an entry admits all that it admits.
		for i, outer := range sets {
			for j, inner := range sets {
				if !outer.Covers(entries[j]) {
					continue
				}
				require.True(t, set.Covers(entries[j]))
				for _, o := range hostile([]string{texts[i], texts[j]}, candidate) {
					require.False(t, inner.Contains(o) && !outer.Contains(o), "%q covers %q except for %q", texts[i], texts[j], o)
				}
			}
		}
	})
}

// hostile returns origins that are made of the parts of a list's entries and
// of the candidate, glued together as attackers would.
func hostile(entries []string, candidate string) []string {
	origins := []string{candidate}
	var hosts []string
	for _, entry := range entries {
		scheme, hostport, _ := strings.Cut(entry, "://")
		host := strings.TrimPrefix(strings.TrimSuffix(hostport, ":*"), "*.")
		hosts = append(hosts, host)
		for _, part := range []string{
			"", "x.", "x.y.", ".", "x", "x..", "X.", "evil.test/.", "evil.test:1.", "@", "xn--a.", "-.", "_.", "1.", "é.", strings.Repeat("a", 63) + ".", strings.Repeat("a", 64) + ".",
			candidate, candidate + ".", strings.TrimPrefix(candidate, "https://") + ".",
		} {
			for _, end := range []string{"", ".", ":", ":1", ":80", ":443", ":0443", ":8443", ":65536", ":*", "/", ".evil.test", ":1.evil.test", "@evil.test", candidate} {
				origins = append(origins, scheme+"://"+part+host+end)
			}
		}
		for _, other := range []string{"http://", "https://", "HTTPS://", "https:", "//", "", "app://", "null"} {
			origins = append(origins, other+host, other+"x."+host)
		}
		origins = append(origins, entry, entry+","+entry, strings.ToUpper(entry))
	}
	for _, a := range hosts {
		for _, b := range hosts {
			origins = append(origins, "https://"+a+b, "https://"+a+"."+b, "https://x."+a+"."+b, "http://"+a+":"+b, "https://"+strings.TrimSuffix(a, ":8443")+b)
		}
	}
	return origins
}

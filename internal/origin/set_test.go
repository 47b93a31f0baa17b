package origin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// The lists that the vectors are tried against.
const (
	exact          = "https://app.example.com"
	subdomains     = "https://*.example.com"
	ports          = "https://app.example.com:*"
	subdomainPorts = "https://*.example.com:*"
	everything     = "all four"
)

// What an attacker sends. Each row names the lists that may admit it, since the
// origin is what they say: everything else must not pass.
func TestContainsHostileOrigins(t *testing.T) {
	t.Parallel()
	lists := map[string]*origin.Set{
		exact:          newSet(t, exact),
		subdomains:     newSet(t, subdomains),
		ports:          newSet(t, ports),
		subdomainPorts: newSet(t, subdomainPorts),
		everything:     newSet(t, exact, subdomains, ports, subdomainPorts),
	}
	type row struct {
		name, origin string
		admittedBy   []string
	}
	rows := []row{
		{"the listed origin", "https://app.example.com", []string{exact, subdomains, ports, subdomainPorts}},
		{"a subdomain", "https://a.example.com", []string{subdomains, subdomainPorts}},
		{"a subdomain of a subdomain", "https://a.b-c._d.example.com", []string{subdomains, subdomainPorts}},
		{"a label that looks like a number", "https://1.example.com", []string{subdomains, subdomainPorts}},
		{"another port", "https://app.example.com:8443", []string{ports, subdomainPorts}},
		{"a subdomain at another port", "https://a.example.com:65535", []string{subdomainPorts}},

		{"another host", "https://evil.test", nil},
		{"the host as a prefix of labels", "https://app.example.com.evil.test", nil},
		{"the host as a prefix of a label", "https://app.example.comevil.test", nil},
		{"the host as user information", "https://app.example.com@evil.test", nil},
		{"the host as user information with a password", "https://app.example.com:8443@evil.test", nil},
		{"the host as a suffix of a label", "https://evilapp.example.com", []string{subdomains, subdomainPorts}},
		{"the apex as a suffix of a label", "https://evilexample.com", nil},
		{"a host cut short", "https://app.example.co", nil},
		{"another byte for a dot", "https://appxexample.com", nil},
		{"another byte for the apex's dot", "https://app.examplexcom", nil},
		{"null", "null", nil},
		{"Null", "Null", nil},
		{"nothing", "", nil},
		{"a comma list, the listed first", "https://app.example.com,https://evil.test", nil},
		{"a comma list, the listed last", "https://evil.test,https://app.example.com", nil},
		{"a comma list with a space", "https://evil.test, https://app.example.com", nil},
		{"a list by spaces", "https://evil.test https://app.example.com", nil},
		{"a list of the listed", "https://app.example.com,https://app.example.com", nil},
		{"a space before", " https://app.example.com", nil},
		{"a space after", "https://app.example.com ", nil},
		{"a tab before", "\thttps://app.example.com", nil},
		{"a space inside", "https:// app.example.com", nil},

		{"plain HTTP", "http://app.example.com", nil},
		{"an extension", "chrome-extension://app.example.com", nil},
		{"a WebSocket", "wss://app.example.com", nil},
		{"FTP", "ftp://app.example.com", nil},
		{"a file", "file://app.example.com", nil},
		{"the scheme doubled", "https://https://app.example.com", nil},
		{"the scheme with a letter more", "httpss://app.example.com", nil},
		{"one slash", "https:/app.example.com", nil},
		{"three slashes", "https:///app.example.com", nil},
		{"no scheme", "app.example.com", nil},
		{"no scheme but its slashes", "//app.example.com", nil},
		{"backslashes", `https:\\app.example.com`, nil},
		{"a scheme alone", "https://", nil},
		{"half a scheme", "https:", nil},

		{"the default port", "https://app.example.com:443", nil},
		{"port 0", "https://app.example.com:0", nil},
		{"a port too high", "https://app.example.com:65536", nil},
		{"a port that wraps to 443", "https://app.example.com:65979", nil},
		{"a port that wraps in 64 bits", "https://app.example.com:18446744073709560059", nil},
		{"a leading zero", "https://app.example.com:0443", nil},
		{"a leading zero before another port", "https://app.example.com:08443", nil},
		{"a bare colon", "https://app.example.com:", nil},
		{"two colons", "https://app.example.com::8443", nil},
		{"two ports", "https://app.example.com:8443:8443", nil},
		{"a sign", "https://app.example.com:+8443", nil},
		{"a minus sign", "https://app.example.com:-1", nil},
		{"a hexadecimal port", "https://app.example.com:0x20fb", nil},
		{"a port in full-width digits", "https://app.example.com:８４４３", nil},
		{"a port with a star", "https://app.example.com:*", nil},
		{"a letter after a port's digits", "https://app.example.com:1a", nil},
		{"a slash after a port's digits", "https://app.example.com:1/", nil},
		{"a port of the highest digits", "https://app.example.com:9999", []string{ports, subdomainPorts}},
		{"a port and a host", "https://app.example.com:1.evil.test", nil},
		{"a port and user information", "https://app.example.com:@evil.test", nil},
		{"a port too high by far", "https://app.example.com:99999", nil},
		{"a port and a path", "https://app.example.com:8443/", nil},
		{"a port and a bracket", "https://app.example.com:8443]", nil},

		{"an upper-case host", "https://APP.EXAMPLE.COM", nil},
		{"one upper-case letter", "https://app.Example.com", nil},
		{"an upper-case letter in the star's place", "https://App.example.com", nil},
		{"an upper-case scheme", "HTTPS://app.example.com", nil},

		{"a trailing slash", "https://app.example.com/", nil},
		{"a path", "https://app.example.com/cart", nil},
		{"a query", "https://app.example.com?", nil},
		{"a fragment", "https://app.example.com#", nil},
		{"user information", "https://me@app.example.com", nil},
		{"empty user information", "https://@app.example.com", nil},

		{"a trailing dot", "https://app.example.com.", nil},
		{"a trailing dot and a port", "https://app.example.com.:8443", nil},
		{"a leading dot", "https://.app.example.com", nil},
		{"a leading dot before the apex", "https://.example.com", nil},
		{"a leading dot before the apex with a port", "https://.example.com:8443", nil},
		{"two leading dots", "https://..example.com", nil},
		{"an empty label", "https://app..example.com", nil},
		{"an empty label further in front", "https://a..b.example.com", nil},
		{"an empty label in the apex", "https://app.example..com", nil},
		{"the apex", "https://example.com", nil},
		{"the apex at a port", "https://example.com:8443", nil},
		{"a literal star", "*", nil},
		{"a literal pattern", "https://*.example.com", nil},
		{"a literal pattern with a port", "https://*.example.com:*", nil},

		{"an underscore, then another host", "https://app.example.com_.evil.test", nil},
		{"Unicode that looks alike", "https://аpp.example.com", nil},
		{"Unicode that maps to the same", "https://ａpp.example.com", nil},
		{"the Punycode of what looks alike", "https://xn--pp-6kc.example.com", []string{subdomains, subdomainPorts}},
		{"an ideographic full stop", "https://app。example.com", nil},
		{"the Kelvin sign", "https://\u212a.example.com", nil},
		{"bytes that are no UTF-8", "https://\xff.example.com", nil},

		{"short IPv4", "https://127.1", nil},
		{"hexadecimal IPv4", "https://0x7f.0.0.1", nil},
		{"octal IPv4", "https://0177.0.0.1", nil},
		{"IPv4 as one number", "https://2130706433", nil},
		{"IPv6", "https://[::1]", nil},
		{"IPv6 in the star's place", "https://[::1].example.com", nil},
		{"IPv6 that is not compressed", "https://[0:0:0:0:0:0:0:1]", nil},
		{"IPv4-mapped IPv6", "https://[::ffff:127.0.0.1]", nil},
		{"an open bracket", "https://[.example.com", nil},
		{"brackets around the host", "https://[app.example.com]", nil},
		{"a bracket after the host", "https://app.example.com]", nil},
		{"a bracket before the port", "https://app.example.com]:8443", nil},

		{"NUL after", "https://app.example.com\x00", nil},
		{"NUL and another host", "https://app.example.com\x00.evil.test", nil},
		{"NUL in the star's place", "https://\x00.example.com", nil},
		{"CR LF", "https://app.example.com\r\nX-Evil: 1", nil},
		{"LF", "https://app.example.com\n", nil},
		{"LF in the star's place", "https://evil.test\n.example.com", nil},
		{"DEL in the star's place", "https://a\x7f.example.com", nil},

		{"a label of 63 characters", "https://" + label63 + ".example.com", []string{subdomains, subdomainPorts}},
		{"a label of 64 characters", "https://a" + label63 + ".example.com", nil},
		{"a host of 253 characters", "https://" + host253[:253-len(".example.com")] + ".example.com", []string{subdomains, subdomainPorts}},
		{"a host of 254 characters", "https://a" + host253[:253-len(".example.com")] + ".example.com", nil},
		{"a host of 255 characters that begins in a dot", "https://.a" + host253[:253-len(".example.com")] + ".example.com", nil},
		{"a megabyte of labels", "https://" + strings.Repeat("a.", 1<<19) + "example.com", nil},
		{"a megabyte of dots", "https://" + strings.Repeat(".", 1<<20) + "example.com", nil},
		{"a megabyte of port", "https://app.example.com:" + strings.Repeat("8", 1<<20), nil},
		{"a megabyte after", "https://app.example.com" + strings.Repeat("/", 1<<20), nil},
	}
	// Bytes that some browser or parser lets stand in a host.
	for _, s := range []string{"`", "%60", "!", "{", "}", "(", ")", "*", ",", ";", "=", "&", "~", "$", "+", `"`, "'", "%0b", "^", "|", "<", ">", "%", "[", ":", " ", "%2e", "%00"} {
		rows = append(rows,
			row{"before another host: " + s, "https://app.example.com" + s + ".evil.test", nil},
			row{"in the star's place: " + s, "https://evil.test" + s + ".example.com", nil},
			row{"in the star's place, alone: " + s, "https://" + s + ".example.com", nil},
		)
	}
	// What ends a host for one parser and not for another.
	for _, s := range []string{"/", "?", "#", "@", `\`, "%2f", "%00", ",", ":1", ":443", ":@", "/.", "&@", ";@"} {
		rows = append(rows, row{"another host, then " + s, "https://evil.test" + s + ".example.com", nil})
	}
	for _, test := range rows {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, list := range []string{exact, subdomains, ports, subdomainPorts} {
				want := false
				for _, by := range test.admittedBy {
					want = want || by == list
				}
				assert.Equal(t, want, lists[list].Contains(test.origin), "%s against %.80q", list, test.origin)
				assert.Equal(t, want, entryAdmits(list, test.origin), "the oracle: %s against %.80q", list, test.origin)
			}
			assert.Equal(t, len(test.admittedBy) > 0, lists[everything].Contains(test.origin), "all four against %.80q", test.origin)
		})
	}
}

// Vectors that need a list of their own.
func TestContains(t *testing.T) {
	t.Parallel()
	const id = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
	for _, test := range []struct {
		name   string
		list   []string
		origin string
		want   bool
	}{
		{"any port of localhost: none", []string{"http://localhost:*"}, "http://localhost", true},
		{"any port of localhost: one", []string{"http://localhost:*"}, "http://localhost:3000", true},
		{"any port of localhost: the lowest", []string{"http://localhost:*"}, "http://localhost:1", true},
		{"any port of localhost: the highest", []string{"http://localhost:*"}, "http://localhost:65535", true},
		{"any port of localhost: the default", []string{"http://localhost:*"}, "http://localhost:80", false},
		{"any port of localhost: that of https", []string{"http://localhost:*"}, "http://localhost:443", true},
		{"any port of localhost: too high", []string{"http://localhost:*"}, "http://localhost:99999", false},
		{"any port of localhost: a leading zero", []string{"http://localhost:*"}, "http://localhost:080", false},
		{"any port of localhost: none, but a colon", []string{"http://localhost:*"}, "http://localhost:", false},
		{"any port of localhost: a port and a host", []string{"http://localhost:*"}, "http://localhost:1.evil.test", false},
		{"any port of localhost: user information", []string{"http://localhost:*"}, "http://localhost:@evil.test", false},
		{"any port of localhost: a longer host", []string{"http://localhost:*"}, "http://localhost.evil.test", false},
		{"any port of localhost: a longer host at a port", []string{"http://localhost:*"}, "http://localhost.evil.test:3000", false},
		{"any port of localhost: a subdomain", []string{"http://localhost:*"}, "http://app.localhost:3000", false},
		{"any port of localhost: https", []string{"http://localhost:*"}, "https://localhost:3000", false},
		{"any port of localhost: an address", []string{"http://localhost:*"}, "http://127.0.0.1:3000", false},
		{"subdomains of localhost", []string{"http://*.localhost:*"}, "http://app.localhost:3000", true},
		{"subdomains of localhost: the apex", []string{"http://*.localhost:*"}, "http://localhost:3000", false},
		{"subdomains of localhost: a leading dot", []string{"http://*.localhost:*"}, "http://.localhost:3000", false},

		{"any port of IPv4", []string{"http://127.0.0.1:*"}, "http://127.0.0.1:3000", true},
		{"any port of IPv4: short", []string{"http://127.0.0.1:*"}, "http://127.1:3000", false},
		{"any port of IPv4: a subdomain", []string{"http://127.0.0.1:*"}, "http://1.127.0.0.1:3000", false},
		{"any port of IPv4: hexadecimal", []string{"http://127.0.0.1:*"}, "http://0x7f.0.0.1", false},
		{"any port of IPv6: none", []string{"http://[::1]:*"}, "http://[::1]", true},
		{"any port of IPv6: one", []string{"http://[::1]:*"}, "http://[::1]:3000", true},
		{"any port of IPv6: a bare colon", []string{"http://[::1]:*"}, "http://[::1]:", false},
		{"any port of IPv6: a zone", []string{"http://[::1]:*"}, "http://[::1%25lo]:3000", false},
		{"any port of IPv6: not compressed", []string{"http://[::1]:*"}, "http://[0:0:0:0:0:0:0:1]:3000", false},
		{"any port of IPv6: no brackets", []string{"http://[::1]:*"}, "http://::1:3000", false},
		{"any port of IPv6: text after the bracket", []string{"http://[::1]:*"}, "http://[::1]x:3000", false},
		{"any port of IPv6: a host before", []string{"http://[::1]:*"}, "http://evil.test[::1]:3000", false},

		{"subdomains at a port", []string{"https://*.example.com:8443"}, "https://a.example.com:8443", true},
		{"subdomains at a port: none", []string{"https://*.example.com:8443"}, "https://a.example.com", false},
		{"subdomains at a port: another", []string{"https://*.example.com:8443"}, "https://a.example.com:8444", false},
		{"subdomains at a port: a longer one", []string{"https://*.example.com:844"}, "https://a.example.com:8443", false},
		{"subdomains at a port: a leading zero", []string{"https://*.example.com:8443"}, "https://a.example.com:08443", false},
		{"subdomains at a port: a leading dot", []string{"https://*.example.com:8443"}, "https://.example.com:8443", false},
		{"subdomains at a port: a port in the star's place", []string{"https://*.example.com:8443"}, "https://evil.test:1.example.com:8443", false},

		{"a pattern deep below: a port in the star's place", []string{"https://*.internal.example.com"}, "https://evil.test:1.internal.example.com", false},
		{"a pattern deep below: one label up", []string{"https://*.internal.example.com"}, "https://internal.example.com", false},
		{"a pattern deep below: a sibling", []string{"https://*.internal.example.com"}, "https://external.example.com", false},

		{"patterns that share a suffix: the first", []string{"https://*.foo.com", "https://*.bar.com"}, "https://a.foo.com", true},
		{"patterns that share a suffix: their concatenation", []string{"https://*.foo.com", "https://*.bar.com"}, "https://barfoo.com", false},
		{"patterns that share a suffix: below their concatenation", []string{"https://*.foo.com", "https://*.bar.com"}, "https://a.barfoo.com", false},
		{"exact origins that share a suffix: their concatenation", []string{"https://foo.com", "https://bar.com"}, "https://barfoo.com", false},
		{"patterns below each other: the outer", []string{"https://*.a.test", "https://*.b.a.test"}, "https://c.a.test", true},
		{"patterns below each other: both", []string{"https://*.a.test", "https://*.b.a.test"}, "https://c.b.a.test", true},
		{"the longest origin of a pattern at any port", []string{"https://*." + strings.Repeat("b", 61) + ":*"}, "https://" + host253 + ":65535", true},
		{"the longest origin of a pattern at a port", []string{"https://*." + strings.Repeat("b", 61) + ":65535"}, "https://" + host253 + ":65535", true},
		{"patterns of two lengths: a short and a long host", []string{"https://*.a.test", "https://*." + host253[2:]}, "https://x.a.test", true},
		{"ports of one pattern, schemes of another", []string{"https://*.a.test", "http://*.a.test:*"}, "https://x.a.test:8443", false},
		{"the scheme of another pattern on the host", []string{"http://a.test:*", "https://*.a.test:*"}, "https://a.test:8443", false},
		{"a pattern over both schemes: one", []string{"https://*.a.test", "http://*.a.test"}, "http://x.a.test", true},
		{"a pattern over both schemes: the other", []string{"https://*.a.test", "http://*.a.test"}, "https://x.a.test", true},

		{"another scheme", []string{id}, id, true},
		{"another scheme, another host", []string{id}, id[:len(id)-1] + "q", false},
		{"another scheme, upper case", []string{id}, strings.ToUpper(id), false},
		{"another scheme, a slash", []string{id}, id + "/", false},
		{"a long one beside patterns", []string{"app://" + strings.Repeat("x", 400), "https://*.a.test"}, "app://" + strings.Repeat("x", 400), true},
		{"too long a host where a longer origin is listed", []string{"app://" + strings.Repeat("x", 400), "https://*.a.test"}, "https://" + strings.Repeat("x.", 130) + "a.test", false},

		{"no entry", nil, "https://a.test", false},
		{"no entry, nothing", nil, "", false},
		{"no entry, a star", nil, "*", false},
		{"any origin: one", []string{"*"}, "https://a.test", true},
		{"any origin: null", []string{"*"}, "null", true},
		{"any origin: nothing that is an origin", []string{"*"}, "\x00", true},
		{"any origin among others", []string{"https://a.test", "*"}, "https://b.test", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, newSet(t, test.list...).Contains(test.origin))
			assert.Equal(t, test.want, listAdmits(test.list, test.origin), "the oracle")
		})
	}
}

// "Any origin" is a value of its own, and neither the zero value nor an empty
// list comes near it.
func TestAny(t *testing.T) {
	t.Parallel()
	assert.True(t, newSet(t, "*").Any())
	assert.True(t, newSet(t, exact, "*").Any())
	assert.False(t, newSet(t, exact, subdomainPorts).Any())
	for name, set := range map[string]*origin.Set{
		"the zero value":        {},
		"no list":               origin.NewSet(nil),
		"an empty list":         origin.NewSet([]origin.Entry{}),
		"a list of zero values": origin.NewSet([]origin.Entry{{}, {}}),
	} {
		assert.False(t, set.Any(), name)
		for _, o := range []string{"", "null", "*", "https://", "https://app.example.com"} {
			assert.False(t, set.Contains(o), "%s: %q", name, o)
		}
		assert.False(t, set.Covers(parse(t, "*")), name)
		assert.False(t, set.Covers(parse(t, exact)), name)
		assert.True(t, set.Covers(origin.Entry{}), "%s: the zero Entry admits nobody", name)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		list  []string
		entry string
		want  bool
	}{
		{"itself", []string{"https://a.test"}, "https://a.test", true},
		{"another", []string{"https://a.test"}, "https://b.test", false},
		{"another scheme", []string{"https://a.test"}, "http://a.test", false},
		{"another port", []string{"https://a.test"}, "https://a.test:8443", false},
		{"an app", []string{"app://x", "https://*.a.test"}, "app://x", true},
		{"an origin of a pattern", []string{"https://*.a.test"}, "https://x.a.test", true},
		{"the apex of a pattern", []string{"https://*.a.test"}, "https://a.test", false},
		{"an origin at a port of any", []string{"http://localhost:*"}, "http://localhost:3000", true},
		{"any origin by any", []string{"*"}, "*", true},
		{"a pattern by any", []string{"*"}, "https://*.a.test:*", true},
		{"any origin by all patterns of a domain", []string{"https://*.com:*", "http://*.com:*"}, "*", false},

		{"a pattern by itself", []string{"https://*.a.test"}, "https://*.a.test", true},
		{"a pattern by one further out", []string{"https://*.a.test"}, "https://*.x.a.test", true},
		{"a pattern by one far out", []string{"https://*.test"}, "https://*.x.a.test", true},
		{"a pattern by one further in", []string{"https://*.x.a.test"}, "https://*.a.test", false},
		{"a pattern by its apex", []string{"https://a.test"}, "https://*.a.test", false},
		{"a pattern by a pattern on a part of a label", []string{"https://*.a.test"}, "https://*.xa.test", false},
		{"a pattern of another scheme", []string{"http://*.a.test"}, "https://*.a.test", false},
		{"a pattern at a port by itself", []string{"https://*.a.test:8443"}, "https://*.a.test:8443", true},
		{"a pattern at a port by one further out", []string{"https://*.a.test:8443"}, "https://*.x.a.test:8443", true},
		{"a pattern at a port by one without", []string{"https://*.a.test"}, "https://*.a.test:8443", false},
		{"a pattern by one at a port", []string{"https://*.a.test:8443"}, "https://*.a.test", false},
		{"a pattern at a port by one at any", []string{"https://*.a.test:*"}, "https://*.x.a.test:8443", true},
		{"a pattern by one at any port", []string{"https://*.a.test:*"}, "https://*.x.a.test", true},
		{"a pattern at any port by itself", []string{"https://*.a.test:*"}, "https://*.a.test:*", true},
		{"a pattern at any port by one further out", []string{"https://*.a.test:*"}, "https://*.x.a.test:*", true},
		{"a pattern at any port by one at none", []string{"https://*.a.test"}, "https://*.a.test:*", false},
		{"a pattern at any port by one at one", []string{"https://*.a.test:8443"}, "https://*.a.test:*", false},
		{"a pattern at any port by the apex at any", []string{"https://a.test:*"}, "https://*.a.test:*", false},

		{"any port by itself", []string{"http://localhost:*"}, "http://localhost:*", true},
		{"any port by another scheme's", []string{"https://localhost:*"}, "http://localhost:*", false},
		{"any port by one", []string{"http://localhost", "http://localhost:3000"}, "http://localhost:*", false},
		{"any port by a pattern at any", []string{"https://*.a.test:*"}, "https://x.a.test:*", true},
		{"any port by a pattern", []string{"https://*.a.test"}, "https://x.a.test:*", false},
		{"any port of the apex by a pattern at any", []string{"https://*.a.test:*"}, "https://a.test:*", false},
		{"any port of an address", []string{"http://127.0.0.1:*"}, "http://127.0.0.1:*", true},
		{"any port of another address", []string{"http://127.0.0.1:*"}, "http://127.0.0.2:*", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, newSet(t, test.list...).Covers(parse(t, test.entry)))
		})
	}
}

// Contains allocates for nothing that a request can carry.
func TestContainsDoesNotAllocate(t *testing.T) {
	list := []string{"https://app.example.com", "chrome-extension://abc"}
	exactOnly := newSet(t, list...)
	patterns := newSet(t, append(list, "https://*.example.com", "https://*.example.org:*", "http://localhost:*")...)
	origins := map[string]string{
		"exact":             "https://app.example.com",
		"pattern":           "https://a.b.example.com",
		"pattern and port":  "https://a.example.org:8443",
		"any port":          "http://localhost:3000",
		"miss":              "https://evil.test",
		"null":              "null",
		"nothing":           "",
		"many labels":       "https://" + strings.Repeat("a.", 120) + "example.com",
		"as long as may be": "https://" + strings.Repeat("a.", 120) + "evil.test:65535",
		"a megabyte":        "https://" + strings.Repeat("a.", 1<<19) + "example.com",
		"a megabyte port":   "http://localhost:" + strings.Repeat("1", 1<<20),
		"no UTF-8":          "https://\xff\xfe.example.com",
	}
	for name, set := range map[string]*origin.Set{"empty": {}, "exact": exactOnly, "patterns": patterns, "any": newSet(t, "*")} {
		for what, o := range origins {
			require.Zero(t, testing.AllocsPerRun(100, func() { set.Contains(o) }), "%s against the set %s", what, name)
		}
	}
	for what, o := range origins {
		require.Zero(t, testing.AllocsPerRun(100, func() { _ = origin.SameHost(o, "api.example.com:443") }), what)
	}
}

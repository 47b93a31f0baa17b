package origin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// Reasons for which entries are refused.
const (
	empty        = "is empty: write scheme://host, such as https://app.example.com"
	isNull       = "is the origin of every sandboxed frame and every local file, whatever the site, so it cannot be listed: serve the page from an https origin"
	notUTF8      = "is not UTF-8 text"
	isList       = "is a list: put each origin in its own list element"
	noScheme     = "has no scheme: an origin is scheme://host"
	badScheme    = "has a scheme that is not valid: begin it with a lower-case letter, then use lower-case letters, digits, +, - and dots"
	fileScheme   = "is not an origin that browsers send: pages from files send null; serve them from http://localhost"
	dataScheme   = "is not an origin that browsers send: data URLs send null"
	blobScheme   = "is not an origin that browsers send: a blob has the origin of the page that made it; list that one"
	aboutScheme  = "is not an origin that browsers send: such a page has the origin of its opener; list that one"
	fsScheme     = "is not an origin that browsers send: it has the origin of the page that made it; list that one"
	jsScheme     = "is not an origin that browsers send: it has the origin of the page; list that one"
	wsScheme     = "is not an origin that browsers send: a WebSocket has the origin of its page; list that one"
	hasPath      = "has a path: an origin ends after its host and port"
	hasQuery     = "has a query: an origin ends after its host and port"
	hasFragment  = "has a fragment: an origin ends after its host and port"
	hasUser      = "has user information, which no origin has"
	hasSpace     = "contains white space or a control character, which no origin has"
	hasUnicode   = "contains a character that browsers write in Punycode (A-labels)"
	otherPattern = "has a pattern, which only http and https origins can have: list each origin by itself"
	otherHost    = "has a host that is not valid: use letters, digits and .-_~:[] only"
	defaultPort  = "names the scheme's default port, which browsers leave out"
	badPort      = "has a port that is not valid: write a number from 1 to 65535 without leading zeros"
	noHost       = "has no host: an origin is scheme://host"
	badStar      = "has a * in a place where it means nothing: it can stand for whole labels before the host (https://*.example.com) and for the port (http://localhost:*)"
	ipPattern    = "has a pattern on an IP address, which has no subdomains: list the address itself"
	badIPv6      = "has an IPv6 address in another form than browsers send: write it in brackets, compressed, in lower case, without a zone"
	upperCase    = "has upper-case letters, which browsers write in lower case"
	trailingDot  = "has a host that ends in a dot, which makes it another origin than without"
	notLabels    = "has a host that is not labels of letters, digits, hyphens and underscores, each of 1 to 63 characters, separated by dots"
	badIPv4      = "has a host that ends in a number and is not an IPv4 address as browsers send it: write four decimal numbers, such as 127.0.0.1"
	longHost     = "has a host longer than 253 characters, the limit of the DNS"
)

var (
	label63 = strings.Repeat("a", 63)
	host253 = strings.Join([]string{label63, label63, label63, strings.Repeat("b", 61)}, ".")
)

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"a host":                             "https://app.example.com",
		"plain HTTP":                         "http://app.example.com",
		"a port":                             "https://app.example.com:8443",
		"the lowest port":                    "https://app.example.com:1",
		"a port of the highest digits":       "https://app.example.com:9999",
		"the highest port":                   "https://app.example.com:65535",
		"the other scheme's default port":    "https://app.example.com:80",
		"and the other way round":            "http://app.example.com:443",
		"a single label":                     "http://intranet",
		"localhost":                          "http://localhost:3000",
		"digits":                             "https://4.example.com",
		"hyphens, which only the DNS limits": "https://-a-.b--c.example.com",
		"underscores, which browsers send":   "https://_a.my_app.example.com",
		"A-labels":                           "https://xn--bcher-kva.example",
		"a last label of digits and letters": "https://app.example.7z",
		"a last label that is no hex number": "https://app.example.0xg",
		"a label of 63 characters":           "https://" + label63 + ".example.com",
		"a host of 253 characters":           "https://" + host253,
		"IPv4":                               "http://192.168.0.1:8080",
		"IPv4 with the highest numbers":      "http://255.255.255.255",
		"IPv6":                               "http://[::1]:8080",
		"IPv6, compressed":                   "http://[2001:db8::1:0:0:1]",
		"IPv6, one group of zeros":           "http://[2001:db8:0:1:1:1:1:1]",
		"IPv6, unspecified":                  "http://[::]",
		"IPv4-mapped IPv6":                   "http://[::ffff:7f00:1]",
		"IPv4-mapped IPv6 of other bytes":    "http://[::ffff:102:304]",
		"subdomains":                         "https://*.example.com",
		"subdomains of a single label":       "http://*.localhost",
		"subdomains at a port":               "https://*.example.com:8443",
		"subdomains of a host of 251":        "https://*." + host253[2:],
		"any port":                           "http://localhost:*",
		"any port of an IPv4 address":        "http://127.0.0.1:*",
		"any port of an IPv6 address":        "http://[::1]:*",
		"subdomains at any port":             "https://*.example.com:*",
		"any origin":                         "*",
		"an extension":                       "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
		"an extension of Firefox":            "moz-extension://3c1e1b2a-0f6d-4b7e-9d2c-0123456789ab",
		"Capacitor":                          "capacitor://localhost",
		"Tauri":                              "tauri://localhost",
		"another scheme with a port":         "app://localhost:8080",
		"another scheme with an upper host":  "app://Main.Window",
		"a scheme of every kind of byte":     "a+b-c.1://x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := origin.Parse(entry)
			require.NoError(t, err, entry)
			assert.Equal(t, entry, got.String())
			assert.Equal(t, entry == "*", got.Any())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	type row struct{ name, entry, reason, instead string }
	for _, test := range []row{
		{"nothing", "", empty, ""},
		{"null", "null", isNull, ""},
		{"null in another case", "Null", noScheme, ""},
		{"white space alone", " ", noScheme, ""},

		{"a comma list", "https://a.example.com,https://b.example.com", isList, ""},
		{"a comma list with spaces", "https://a.example.com, https://b.example.com", isList, ""},
		{"a list with a star", "*, https://a.example.com", isList, ""},
		{"a trailing comma", "https://a.example.com,", isList, ""},
		{"a list by spaces", "https://a.example.com https://b.example.com", hasSpace, ""},

		{"a bare host", "app.example.com", noScheme, "https://app.example.com"},
		{"a bare host in Unicode", "bücher.example", noScheme, "https://xn--bcher-kva.example"},
		{"a bare pattern", "*.example.com", noScheme, "https://*.example.com"},
		{"a bare host with a port", "app.example.com:8443", noScheme, "https://app.example.com:8443"},
		{"a bare host with the default port", "app.example.com:443", noScheme, "https://app.example.com"},
		{"a bare URL", "app.example.com/cart?a#b", noScheme, "https://app.example.com"},
		{"bare localhost", "localhost:3000", noScheme, "http://localhost:3000"},
		{"bare localhost at any port", "localhost:*", noScheme, "http://localhost:*"},
		{"bare subdomains of localhost", "*.localhost", noScheme, "http://*.localhost"},
		{"a bare loopback address", "127.0.0.1:8080", noScheme, "http://127.0.0.1:8080"},
		{"a bare IPv6 address", "[::1]:8080", noScheme, "https://[::1]:8080"},
		{"a bare star for the port", "*:*", noScheme, ""},
		{"two stars", "**", noScheme, ""},
		{"one slash", "https:/app.example.com", noScheme, ""},
		{"one slash after plain HTTP", "http:/app.example.com", noScheme, ""},
		{"a refused scheme's name alone", "data", noScheme, "https://data"},
		{"no colon", "https//app.example.com", noScheme, ""},
		{"no slashes", "https:app.example.com", noScheme, ""},
		{"a scheme-relative URL", "//app.example.com", noScheme, ""},
		{"a scheme alone", "https:", noScheme, ""},

		{"an upper-case scheme", "HTTPS://app.example.com", badScheme, "https://app.example.com"},
		{"an upper-case scheme of an app", "App://Main.Window/x", badScheme, "app://Main.Window"},
		{"no letters before ://", "://app.example.com", badScheme, ""},
		{"a star for the scheme", "*://app.example.com", badScheme, ""},
		{"a digit first", "1http://app.example.com", badScheme, ""},
		{"a scheme in Unicode", "httpſ://app.example.com", badScheme, ""},
		{"white space before", " https://app.example.com", "contains white space or a control character, which no origin has", "https://app.example.com"},
		{"a byte order mark before", "\ufeffhttps://app.example.com", badScheme, ""},

		{"a file", "file:///home/me/index.html", fileScheme, ""},
		{"a file's origin", "file://", fileScheme, ""},
		{"a data URL", "data:text/html", dataScheme, ""},
		{"a blob URL", "blob:https://app.example.com/1c", blobScheme, "https://app.example.com"},
		{"a blank page", "about:blank", aboutScheme, ""},
		{"a file system URL", "filesystem:https://app.example.com/t", fsScheme, ""},
		{"a script URL", "javascript:alert()", jsScheme, ""},
		{"a WebSocket", "ws://app.example.com", wsScheme, "http://app.example.com"},
		{"a secure WebSocket", "wss://app.example.com:443/socket", wsScheme, "https://app.example.com"},
		{"an upper-case one", "WSS://app.example.com", wsScheme, "https://app.example.com"},

		{"a trailing slash", "https://app.example.com/", hasPath, "https://app.example.com"},
		{"a trailing slash after any port", "http://localhost:*/", hasPath, ""},
		{"a path", "https://app.example.com/cart", hasPath, "https://app.example.com"},
		{"a backslash, which browsers take for a slash", `https://app.example.com\cart`, hasPath, ""},
		{"a path of an app", "capacitor://localhost/", hasPath, "capacitor://localhost"},
		{"a query", "https://app.example.com?", hasQuery, "https://app.example.com"},
		{"a fragment", "https://app.example.com#cart", hasFragment, "https://app.example.com"},
		{"user information", "https://app.example.com@evil.test", hasUser, "https://evil.test"},
		{"a user and a password", "https://me:secret@app.example.com", hasUser, "https://app.example.com"},
		{"white space after", "https://app.example.com ", hasSpace, "https://app.example.com"},
		{"a line feed after, as files end in", "https://app.example.com\n", hasSpace, "https://app.example.com"},
		{"a space inside", "https://app example.com", hasSpace, ""},
		{"CR LF inside", "https://app.example.com\r\nX: y", hasSpace, ""},
		{"NUL", "https://app.example.com\x00", hasSpace, ""},
		{"DEL", "https://app.example.com\x7f", hasSpace, ""},

		{"Unicode", "https://bücher.example", hasUnicode, "https://xn--bcher-kva.example"},
		{"Unicode with capitals", "https://BÜCHER.example:443", hasUnicode, "https://xn--bcher-kva.example"},
		{"Unicode in a pattern", "https://*.bücher.example:*", hasUnicode, "https://*.xn--bcher-kva.example:*"},
		{"Unicode beside an underscore", "https://ünï_x.example", hasUnicode, "https://xn--n_x-zma7d.example"},
		{"Unicode beside hyphens, which only the DNS limits", "https://-ü-.a--b.example", hasUnicode, "https://xn-----xka.a--b.example"},
		{"letters of both directions in a label", "https://aא.example", hasUnicode, ""},
		{"a sharp s, a letter of its own since IDNA 2008", "https://faß.example", hasUnicode, "https://xn--fa-hia.example"},
		{"full-width letters", "https://ａpp.example.com", hasUnicode, "https://app.example.com"},
		{"an ideographic full stop", "https://example。com", hasUnicode, "https://example.com"},
		{"an emoji", "https://☕.example", hasUnicode, "https://xn--53h.example"},
		{"the first character beyond ASCII", "https://\u0080.example", hasUnicode, ""},
		{"the replacement character", "https://\ufffd.example", hasUnicode, ""},
		{"what IDNA refuses", "https://\u200d.example", hasUnicode, ""},
		{"Unicode in another scheme, which browsers percent-encode", "app://bücher", hasUnicode, ""},
		{"bytes that are no UTF-8", "https://\xff.example", notUTF8, ""},

		{"a pattern in another scheme", "chrome-extension://*", otherPattern, ""},
		{"any port in another scheme", "app://localhost:*", otherPattern, ""},
		{"another scheme without host", "app://", noHost, ""},
		{"a data URL with a comma", "data:text/html,x", dataScheme, ""},
		{"another scheme with a percent sign", "app://a%20b", otherHost, ""},

		{"the default port", "https://app.example.com:443", defaultPort, "https://app.example.com"},
		{"the default port of plain HTTP", "http://app.example.com:80", defaultPort, "http://app.example.com"},
		{"the default port after a pattern", "https://*.example.com:443", defaultPort, "https://*.example.com"},
		{"no digits after the colon", "https://app.example.com:", badPort, "https://app.example.com"},
		{"port 0, which cannot be connected to", "https://app.example.com:0", badPort, ""},
		{"a port too high", "https://app.example.com:65536", badPort, ""},
		{"a port much too high", "https://app.example.com:18446744073709551617", badPort, ""},
		{"a leading zero", "https://app.example.com:0443", badPort, ""},
		{"a sign", "https://app.example.com:+443", badPort, ""},
		{"a letter after digits", "https://app.example.com:1a", badPort, ""},
		{"a dot after digits", "https://app.example.com:1.", badPort, ""},
		{"a named port", "https://app.example.com:https", badPort, ""},
		{"a port with a star", "https://app.example.com:80*", badPort, ""},
		{"a range of ports", "https://app.example.com:8000-8099", badPort, ""},

		{"no host", "https://", noHost, ""},
		{"no host but a port", "https://:8443", noHost, ""},
		{"no host below the star", "https://*.", noHost, ""},
		{"a star alone", "https://*", badStar, ""},
		{"a star alone with a port", "https://*:8443", badStar, ""},
		{"two stars for labels", "https://*.*.example.com", badStar, ""},
		{"a star for a part of a label", "https://app-*.example.com", badStar, ""},
		{"a star without its dot", "https://*example.com", badStar, ""},
		{"a star inside", "https://app.*.example.com", badStar, ""},
		{"a star at the end", "https://example.*", badStar, ""},

		{"subdomains of IPv4", "https://*.1.2.3.4", ipPattern, ""},
		{"subdomains of a part of IPv4", "https://*.0.0.1", ipPattern, ""},
		{"subdomains of IPv6", "https://*.[::1]", ipPattern, ""},
		{"an open bracket", "http://[::1", badIPv6, ""},
		{"text after the bracket", "http://[::1]x", badIPv6, ""},
		{"IPv4 in brackets", "http://[127.0.0.1]", badIPv6, ""},
		{"nothing in brackets", "http://[]", badIPv6, ""},
		{"IPv6 that is not compressed", "http://[0:0:0:0:0:0:0:1]", badIPv6, "http://[::1]"},
		{"IPv6 compressed at the second run", "http://[2001:db8:0:0:1::1]", badIPv6, "http://[2001:db8::1:0:0:1]"},
		{"IPv6 with a single zero compressed", "http://[2001:db8::1:1:1:1:1]", badIPv6, "http://[2001:db8:0:1:1:1:1:1]"},
		{"IPv6 with leading zeros", "http://[::0001]:8080", badIPv6, "http://[::1]:8080"},
		{"IPv6 in upper case", "http://[2001:DB8::1]", badIPv6, "http://[2001:db8::1]"},
		{"IPv4-mapped IPv6 in dots", "http://[::ffff:127.0.0.1]", badIPv6, "http://[::ffff:7f00:1]"},
		{"IPv6 ending in dots", "http://[2001:db8::1.2.3.4]", badIPv6, "http://[2001:db8::102:304]"},
		{"IPv6 with a zone", "http://[fe80::1%25eth0]", badIPv6, ""},
		{"IPv6 without brackets", "http://::1", notLabels, ""},
		{"IPv6 without brackets, with letters", "http://fe80::a", notLabels, ""},

		{"upper case", "https://App.Example.COM", upperCase, "https://app.example.com"},
		{"upper case at the port of plain HTTP", "https://App.example.com:80", upperCase, "https://app.example.com:80"},
		{"upper case over plain HTTP at the port of TLS", "http://App.example.com:443", upperCase, "http://app.example.com:443"},
		{"upper case at any port", "https://App.example.com:*", upperCase, "https://app.example.com:*"},
		{"upper case on loopback, whose scheme is said", "https://LOCALHOST:3000", upperCase, "https://localhost:3000"},
		{"upper case on a host named like a scheme", "https://HTTP", upperCase, "https://http"},
		{"a trailing dot", "https://app.example.com.", trailingDot, "https://app.example.com"},
		{"a trailing dot after a pattern", "https://*.example.com.", trailingDot, "https://*.example.com"},
		{"a trailing dot and a port", "https://app.example.com.:8443", trailingDot, "https://app.example.com:8443"},
		{"a trailing dot after IPv4", "http://127.0.0.1.", trailingDot, "http://127.0.0.1"},
		{"two trailing dots", "https://app.example.com..", trailingDot, ""},
		{"dots alone", "https://..", trailingDot, ""},
		{"a leading dot", "https://.example.com", notLabels, ""},
		{"a leading dot after the star", "https://*..example.com", notLabels, ""},
		{"an empty label", "https://app..example.com", notLabels, ""},
		{"an exclamation mark", "https://app!.example.com", notLabels, ""},
		{"percent-encoding", "https://%61pp.example.com", notLabels, ""},
		{"a label of 64 characters", "https://" + label63 + "a.example.com", notLabels, ""},
		{"two colons", "https://app.example.com:80:80", notLabels, ""},
		{"short IPv4", "http://127.1", badIPv4, ""},
		{"IPv4 as one number", "http://2130706433", badIPv4, ""},
		{"hexadecimal IPv4", "http://0x7f000001", badIPv4, ""},
		{"a hexadecimal last part", "http://127.0.0.0x1", badIPv4, ""},
		{"an empty hexadecimal number", "http://example.0x", badIPv4, ""},
		{"octal IPv4", "http://0177.0.0.1", badIPv4, ""},
		{"five parts", "http://1.2.3.4.5", badIPv4, ""},
		{"a part over 255", "http://1.2.3.256", badIPv4, ""},
		{"a name below a number", "https://app.example.123", badIPv4, ""},
		{"a host of 254 characters", "https://" + host253 + "b", longHost, ""},
		{"subdomains of a host of 252, which leaves no room", "https://*." + host253[1:], longHost, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := test.reason
			if test.instead != "" {
				want += `; write "` + test.instead + `"`
			}
			got, err := origin.Parse(test.entry)
			require.EqualError(t, err, want, test.entry)
			assert.Zero(t, got)
			if test.instead != "" {
				_, err := origin.Parse(test.instead)
				assert.NoError(t, err, "what the error tells people to write")
			}
		})
	}
}

// URL, section 4.3: a scheme is a letter, then letters, digits, +, - and dots;
// browsers write it in lower case. All bytes, alone and behind a letter.
func TestParseSchemes(t *testing.T) {
	t.Parallel()
	const letters, others = "abcdefghijklmnopqrstuvwxyz", "0123456789+-."
	for c := range 0x80 {
		if c == ',' { // which makes a list
			continue
		}
		b := string([]byte{byte(c)})
		_, err := origin.Parse(b + "://x")
		assert.Equal(t, strings.Contains(letters, b), err == nil, "%q: %v", b, err)
		_, err = origin.Parse("a" + b + "://x")
		assert.Equal(t, strings.Contains(letters+others, b), err == nil, "%q behind a letter: %v", b, err)
	}
}

func TestInsecure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		entry string
		want  bool
	}{
		{"http://app.example.com", true},
		{"http://app.example.com:8080", true},
		{"http://app.example.com:*", true},
		{"http://*.example.com", true},
		{"http://192.168.0.1", true},
		{"http://0.0.0.0", true},
		{"http://128.0.0.1", true},
		{"http://126.255.255.255", true},
		{"http://[2001:db8::1]", true},
		{"http://[::]", true},
		{"http://[::ffff:7f00:1]", true},
		{"http://localhost.example.com", true},
		{"http://notlocalhost", true},
		{"http://*.notlocalhost", true},
		{"https://app.example.com", false},
		{"https://*.example.com:*", false},
		{"https://192.168.0.1", false},
		{"http://localhost", false},
		{"http://localhost:3000", false},
		{"http://localhost:*", false},
		{"http://app.localhost:3000", false},
		{"http://*.localhost", false},
		{"http://*.app.localhost:*", false},
		{"http://127.0.0.1", false},
		{"http://127.0.0.1:*", false},
		{"http://127.255.255.254", false},
		{"http://[::1]", false},
		{"http://[::1]:*", false},
		{"chrome-extension://abc", false},
		{"capacitor://localhost", false},
		{"*", false},
	} {
		assert.Equal(t, test.want, parse(t, test.entry).Insecure(), test.entry)
	}
	assert.False(t, origin.Entry{}.Insecure(), "the zero Entry admits nobody")
}

func TestPublicSuffix(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, entry string
		want        bool
	}{
		{"a top-level domain", "https://*.com", true},
		{"one of two labels", "https://*.co.uk", true},
		{"at a port", "https://*.co.uk:8443", true},
		{"at any port", "https://*.co.uk:*", true},
		{"over plain HTTP", "http://*.com", true},
		{"the private section", "https://*.github.io", true},
		{"the private section, three labels", "https://*.s3.amazonaws.com", true},
		{"a wildcard rule's parent", "https://*.ck", true},
		{"a wildcard rule's parent that is no suffix itself", "https://*.kawasaki.jp", true},
		{"a child of a wildcard rule", "https://*.any.kawasaki.jp", true},
		{"a child of a wildcard rule on a top-level domain", "https://*.any.ck", true},
		{"a private wildcard rule's parent", "https://*.compute.amazonaws.com", true},
		{"an A-label", "https://*.xn--fiqs8s", true},
		{"a top-level domain nobody knows", "https://*.cromulent", true},
		{"a private network's", "https://*.internal", true},

		{"a registrant's domain", "https://*.example.com", false},
		{"a registrant's below two labels", "https://*.example.co.uk", false},
		{"a user's of the private section", "https://*.octocat.github.io", false},
		{"an exception to a wildcard rule", "https://*.city.kawasaki.jp", false},
		{"an exception on a top-level domain", "https://*.www.ck", false},
		{"below a child of a wildcard rule", "https://*.shop.any.kawasaki.jp", false},
		{"below a top-level domain nobody knows", "https://*.example.cromulent", false},
		{"loopback", "http://*.localhost", false},
		{"below loopback", "http://*.app.localhost:*", false},
		{"a public suffix itself is one site", "https://github.io", false},
		{"a public suffix itself at any port", "https://github.io:*", false},
		{"a single label", "http://intranet:*", false},
		{"an IPv4 address", "http://192.168.0.1:*", false},
		{"an IPv6 address", "http://[::1]:*", false},
		{"another scheme", "app://com", false},
		{"any origin, which is refused as such", "*", false},
	} {
		assert.Equal(t, test.want, parse(t, test.entry).PublicSuffix(), "%s: %s", test.name, test.entry)
	}
	assert.False(t, origin.Entry{}.PublicSuffix(), "the zero Entry admits nobody")
}

func parse(t testing.TB, entry string) origin.Entry {
	t.Helper()
	e, err := origin.Parse(entry)
	require.NoError(t, err, entry)
	return e
}

func newSet(t testing.TB, entries ...string) *origin.Set {
	t.Helper()
	parsed := make([]origin.Entry, len(entries))
	for i, entry := range entries {
		parsed[i] = parse(t, entry)
	}
	return origin.NewSet(parsed)
}

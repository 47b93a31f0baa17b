package headername_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// RFC 9110, section 5.6.2: all 256 bytes, alone and inside a name.
func TestIsToken(t *testing.T) {
	t.Parallel()
	const tchar = "!#$%&'*+-.^_`|~" +
		"0123456789" +
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ" +
		"abcdefghijklmnopqrstuvwxyz"
	tokens := 0
	for c := range 256 {
		b := string([]byte{byte(c)})
		want := strings.Contains(tchar, b)
		if want {
			tokens++
		}
		assert.Equal(t, want, headername.IsToken(b), "%q", b)
		assert.Equal(t, want, headername.IsToken("X-"+b+"-Y"), "%q inside", b)
		assert.Equal(t, want, headername.IsToken("X"+b), "%q at the end", b)
	}
	assert.Equal(t, 15+10+26+26, tokens)
	assert.False(t, headername.IsToken(""), "a token is not empty")
	assert.False(t, headername.IsToken("caf\u00e9"), "UTF-8")
	assert.False(t, headername.IsToken("\u212aeep-alive"), "the Kelvin sign")
	assert.True(t, headername.IsToken(strings.Repeat("a", 1<<20)), "of any length")
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x-request-id":           "X-Request-Id",
		"X-REQUEST-ID":           "X-Request-Id",
		"etag":                   "Etag",
		"grpc-status":            "Grpc-Status",
		"x_under.dot":            "X_under.dot",
		"":                       "",
		"not a name":             "not a name",
		"x-\u212aelvin":          "x-\u212aelvin",
		"traceparent":            "Traceparent",
		"x--double":              "X--Double",
		"connect-timeout-ms":     "Connect-Timeout-Ms",
		"TrAiLeR-x-COST":         "Trailer-X-Cost",
		"x-user-agent":           "X-User-Agent",
		"grpc-status-details-bi": "Grpc-Status-Details-Bi",
	} {
		assert.Equal(t, want, headername.Canonical(name), name)
		assert.Equal(t, want, headername.Canonical(want), "canonical names stay as they are")
	}
}

// Fetch, "forbidden request-header", in the order of the standard.
var forbiddenRequest = []string{
	"Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method",
	"Connection", "Content-Length", "Cookie", "Cookie2", "Date", "DNT", "Expect", "Host", "Keep-Alive", "Origin",
	"Referer", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via",
	// By prefix.
	"Proxy-Authorization", "Proxy-", "Proxy-X", "Sec-Fetch-Site", "Sec-", "Sec-X",
}

// Fetch, "forbidden response-header name".
var forbiddenResponse = []string{"Set-Cookie", "Set-Cookie2"}

// Fetch, "CORS-safelisted response-header name".
var safelistedResponse = []string{
	"Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified", "Pragma",
}

// Names that look like members of a class and are of none, or of another.
var others = []string{
	"", "Accept", "Accept-Language", "Authorization", "X-Accept-Charset", "Access-Control", "Connect-Protocol-Version",
	"Content-Encoding", "Content-Range", "Cookies", "Cookie3", "Set-Cookie3", "Dates", "ETag", "Hosts", "If-Match",
	"Keep-Alives", "Origins", "Proxy", "Proxys", "X-Proxy-Y", "Range", "Referrer", "Sec", "Secs", "X-Sec-Y", "TEs", "Trailers", "Trailer-X-Cost",
	"Upgrade-Insecure-Requests", "User-Agent", "Vary", "Grpc-Status", "Grpc-Timeout", "Priority",
	// Forbidden with some values only, so not forbidden names.
	"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override",
	// Unicode's case mappings lead to names of the lists, HTTP's do not.
	"\u212aeep-Alive", "Coo\u212aie", "Set-Coo\u212aie", "\u017fet-Cookie", "\u017fec-x", "Ho\u017ft", "Expire\u017f",
	// White space is no part of a name.
	" Cookie", "Cookie ", "Cookie\x00", "Content-Type\n",
}

func TestNameClasses(t *testing.T) {
	t.Parallel()
	accessControl := []string{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
		"Access-Control-Expose-Headers", "Access-Control-Max-Age", "Access-Control-Request-Method", "Access-Control-Request-Headers",
		"Access-Control-Allow-Private-Network", "Access-Control-",
	}
	classes := []struct {
		name string
		is   func(string) bool
		list []string
	}{
		{"IsForbiddenRequest", headername.IsForbiddenRequest, forbiddenRequest},
		{"IsForbiddenResponse", headername.IsForbiddenResponse, forbiddenResponse},
		{"IsSafelistedResponse", headername.IsSafelistedResponse, safelistedResponse},
		{"IsAccessControl", headername.IsAccessControl, accessControl},
	}
	all := others
	for _, class := range classes {
		all = append(all, class.list...)
	}
	for _, class := range classes {
		t.Run(class.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range all {
				want := false
				for _, member := range class.list {
					want = want || asciiEqualFold(member, name)
				}
				for _, spelling := range []string{name, asciiLower(name), asciiUpper(name)} {
					assert.Equal(t, want, class.is(spelling), "%q", spelling)
				}
			}
		})
	}
}

// Lower-case names, which is what requests list, cost no allocation.
func TestNameClassesDoNotAllocate(t *testing.T) {
	for _, name := range []string{"", "content-type", "keep-alive", "sec-fetch-site", strings.Repeat("x", 1<<20)} {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			headername.IsToken(name)
			headername.IsForbiddenRequest(name)
			headername.IsForbiddenResponse(name)
			headername.IsSafelistedResponse(name)
			headername.IsAccessControl(name)
		}), "%.20q", name)
	}
}

// The oracles' own case mapping.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune("ABCDEFGHIJKLMNOPQRSTUVWXYZ", r); i >= 0 {
			return rune("abcdefghijklmnopqrstuvwxyz"[i])
		}
		return r
	}, s)
}

func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune("abcdefghijklmnopqrstuvwxyz", r); i >= 0 {
			return rune("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i])
		}
		return r
	}, s)
}

func asciiEqualFold(a, b string) bool { return asciiLower(a) == asciiLower(b) }

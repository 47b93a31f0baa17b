// Package headername knows the names of HTTP headers as the Fetch standard sorts
// them: forbidden, safelisted, unsafe, exposed; and reads lists of them.
//
// Names are compared without regard to case throughout. The functions accept
// any string and never panic.
package headername

import (
	"net/textproto"
	"strings"
)

// IsToken reports whether s is a token (RFC 9110, section 5.6.2), which is the
// grammar of header names and of methods.
func IsToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

// tokenBytes marks tchar of RFC 9110, section 5.6.2.
var tokenBytes = func() (set [256]bool) {
	for c := range 256 {
		set[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		set[c] = true
	}
	return set
}()

// Canonical returns a name in the form in which net/http keeps it and in which
// the generated lists show it: X-Request-Id.
func Canonical(name string) string {
	return textproto.CanonicalMIMEHeaderKey(name)
}

// IsForbiddenRequest reports whether scripts may never set the request header
// of this name, whatever a server allows: a "forbidden request-header" of
// the Fetch standard.
//
// X-HTTP-Method, X-HTTP-Method-Override and X-Method-Override are forbidden
// only with certain values, so they are not forbidden names.
func IsForbiddenRequest(name string) bool {
	name = Lower(name)
	return forbiddenRequest[name] ||
		strings.HasPrefix(name, "proxy-") ||
		strings.HasPrefix(name, "sec-")
}

var forbiddenRequest = set(
	"accept-charset",
	"accept-encoding",
	"access-control-request-headers",
	"access-control-request-method",
	"connection",
	"content-length",
	"cookie",
	"cookie2",
	"date",
	"dnt",
	"expect",
	"host",
	"keep-alive",
	"origin",
	"referer",
	"set-cookie",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
	"via",
)

// IsForbiddenResponse reports whether scripts may never read the response
// header of this name, whatever a server exposes: a "forbidden response-header
// name" of the Fetch standard.
func IsForbiddenResponse(name string) bool {
	name = Lower(name)
	return name == "set-cookie" || name == "set-cookie2"
}

// IsSafelistedResponse reports whether scripts of another origin read the
// response header of this name without its being exposed: a
// "CORS-safelisted response-header name" of the Fetch standard.
func IsSafelistedResponse(name string) bool {
	return safelistedResponse[Lower(name)]
}

var safelistedResponse = set(
	"cache-control",
	"content-language",
	"content-length",
	"content-type",
	"expires",
	"last-modified",
	"pragma",
)

// IsAccessControl reports whether the name belongs to the CORS protocol
// itself.
func IsAccessControl(name string) bool {
	const prefix = "access-control-"
	// EqualFold's mappings beyond ASCII need more bytes than the prefix has.
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// Lower returns s with the letters A to Z in lower case, as HTTP compares names
// and Fetch compares methods. Unicode's mappings would make tokens of strings
// that are none: the Kelvin sign's lower case is k.
func Lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}

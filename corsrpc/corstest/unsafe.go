package corstest

import (
	"slices"
	"strings"
)

// Limits of Fetch, section 2.2.2: longer values, and more bytes of safelisted
// values in all, are unsafe.
const (
	maxSafelistedValue = 128
	maxSafelistedSum   = 1024
)

// unsafeNames returns the CORS-unsafe request-header names of a request:
// those that need a preflight and that Access-Control-Request-Headers lists,
// in lower case and sorted (Fetch, section 2.2.2). A name that the request has
// twice is there twice.
func unsafeNames(list headerList) []string {
	var unsafe, safelisted []string
	sum := 0
	for _, e := range list {
		name := strings.ToLower(e.name)
		if isSafelistedRequestHeader(name, e.value) {
			safelisted = append(safelisted, name)
			sum += len(e.value)
		} else {
			unsafe = append(unsafe, name)
		}
	}
	if sum > maxSafelistedSum {
		unsafe = append(unsafe, safelisted...)
	}
	slices.Sort(unsafe)
	return unsafe
}

// isSafelistedRequestHeader is Fetch's "CORS-safelisted request-header". name
// is in lower case.
func isSafelistedRequestHeader(name, value string) bool {
	if len(value) > maxSafelistedValue {
		return false
	}
	switch name {
	case "accept":
		return !hasUnsafeByte(value)
	case "accept-language", "content-language":
		return !strings.ContainsFunc(value, func(c rune) bool { return !isLanguageByte(c) })
	case "content-type":
		if hasUnsafeByte(value) {
			return false
		}
		switch essence, _ := mimeEssence(value); essence {
		case "application/x-www-form-urlencoded", "multipart/form-data", "text/plain":
			return true
		}
		return false
	case "range":
		return isSimpleRange(value)
	}
	return false
}

// isNoCORSSafelistedRequestHeader is Fetch's "no-CORS-safelisted
// request-header": all that a script can set in no-cors mode.
func isNoCORSSafelistedRequestHeader(name, value string) bool {
	name = strings.ToLower(name)
	return name != "range" && isSafelistedRequestHeader(name, value)
}

// hasUnsafeByte reports whether the value has a CORS-unsafe request-header
// byte.
func hasUnsafeByte(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7F || strings.IndexByte(`"():<>?@[\]{}`, c) >= 0 {
			return true
		}
	}
	return false
}

func isLanguageByte(c rune) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.ContainsRune(" *,-.;=", c)
}

// isSimpleRange reports whether the value is one range with a start: bytes=N-
// or bytes=N-M (Fetch, "parse a single range header value", without white
// space).
func isSimpleRange(value string) bool {
	spec, found := strings.CutPrefix(value, "bytes=")
	if !found {
		return false
	}
	start, end, found := strings.Cut(spec, "-")
	if !found || start == "" || !isDigits(start) || !isDigits(end) {
		return false
	}
	return end == "" || compareDecimal(start, end) <= 0
}

func isDigits(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// compareDecimal compares two strings of digits by their value, of any length.
func compareDecimal(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

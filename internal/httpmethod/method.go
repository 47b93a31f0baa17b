// Package httpmethod knows HTTP methods as the Fetch standard sorts them:
// forbidden, safelisted, normalized. The functions accept any string and never
// panic.
package httpmethod

import (
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// IsSafelisted reports whether a cross-origin request with this method
// needs no permission in Access-Control-Allow-Methods: a "CORS-safelisted
// method" of the Fetch standard. Methods are case-sensitive.
func IsSafelisted(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST"
}

// IsForbidden reports whether scripts may never use the method, in any
// case: a "forbidden method" of the Fetch standard.
func IsForbidden(method string) bool {
	switch headername.Lower(method) {
	case "connect", "trace", "track":
		return true
	}
	return false
}

// Normalize returns the method as scripts' requests carry it: DELETE,
// GET, HEAD, OPTIONS, POST and PUT in upper case, every other as it was
// written (Fetch, "normalize a method").
func Normalize(method string) string {
	switch headername.Lower(method) {
	case "delete", "get", "head", "options", "post", "put":
		return strings.ToUpper(method)
	}
	return method
}

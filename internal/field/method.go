package field

import "strings"

// IsSafelistedMethod reports whether a cross-origin request with this method
// needs no permission in Access-Control-Allow-Methods: a "CORS-safelisted
// method" of the Fetch standard. Methods are case-sensitive.
func IsSafelistedMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST"
}

// IsForbiddenMethod reports whether scripts may never use the method, in any
// case: a "forbidden method" of the Fetch standard.
func IsForbiddenMethod(method string) bool {
	switch lower(method) {
	case "connect", "trace", "track":
		return true
	}
	return false
}

// NormalizeMethod returns the method as scripts' requests carry it: DELETE,
// GET, HEAD, OPTIONS, POST and PUT in upper case, every other as it was
// written (Fetch, "normalize a method").
func NormalizeMethod(method string) string {
	switch lower(method) {
	case "delete", "get", "head", "options", "post", "put":
		return strings.ToUpper(method)
	}
	return method
}

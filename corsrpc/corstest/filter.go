package corstest

import (
	"maps"
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// readable returns the predicate of the headers of a response that the page's
// script can read (Fetch, "basic filtered response", "CORS filtered response",
// "opaque filtered response").
func (f *fetch) readable(resp http.Header) func(name string) bool {
	switch f.tainting {
	case TypeOpaque:
		return func(string) bool { return false }
	case TypeCORS:
		exposed := f.exposedNames(resp)
		return func(name string) bool {
			return !headername.IsForbiddenResponse(name) && (headername.IsSafelistedResponse(name) || exposed(name))
		}
	}
	return func(name string) bool { return !headername.IsForbiddenResponse(name) }
}

// exposedNames returns the predicate of the names that
// Access-Control-Expose-Headers lists (Fetch, main fetch, step 14.1). One
// malformed element hides all, and so does no list.
func (f *fetch) exposedNames(resp http.Header) func(name string) bool {
	names, ok := headername.ParseList(resp.Values("Access-Control-Expose-Headers"))
	if !ok {
		return func(string) bool { return false }
	}
	if f.credentials != CredentialsInclude && lists(names, "*") {
		return func(string) bool { return true }
	}
	return func(name string) bool { return lists(names, name) }
}

func filter(h http.Header, keep func(name string) bool) http.Header {
	h = h.Clone()
	maps.DeleteFunc(h, func(name string, _ []string) bool { return !keep(name) })
	return h
}

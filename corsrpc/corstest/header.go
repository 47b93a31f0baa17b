package corstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// A headerList is what the Fetch standard calls so: entries in order, a name
// possibly more than once.
type headerList []headerEntry

type headerEntry struct{ name, value string }

// newHeaderList takes what a script sets: values are normalised, and forbidden
// request-headers are left out, silently as browsers do (Fetch, section 5.1).
// A name or a value that is not one is an error.
func newHeaderList(header http.Header) (headerList, error) {
	var list headerList
	for name, values := range header {
		if !headername.IsToken(name) {
			return nil, fmt.Errorf("%q is not a header name", printable(name))
		}
		for _, value := range values {
			value = trimHTTPSpace(value)
			if strings.ContainsAny(value, "\x00\r\n") {
				return nil, fmt.Errorf("the value of header %s has a line break or a NUL in it", name)
			}
			if !isForbiddenRequestHeader(name, value) {
				list = append(list, headerEntry{name, value})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b headerEntry) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

func (l headerList) has(name string) bool {
	return slices.ContainsFunc(l, func(e headerEntry) bool { return strings.EqualFold(e.name, name) })
}

func (l headerList) without(names ...string) headerList {
	return slices.DeleteFunc(slices.Clone(l), func(e headerEntry) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(e.name, name) })
	})
}

func (l headerList) httpHeader() http.Header {
	h := make(http.Header, len(l))
	for _, e := range l {
		h.Add(e.name, e.value)
	}
	return h
}

// isForbiddenRequestHeader is Fetch's "forbidden request-header", which looks
// at the value of three names.
func isForbiddenRequestHeader(name, value string) bool {
	if headername.IsForbiddenRequest(name) {
		return true
	}
	switch strings.ToLower(name) {
	case "x-http-method", "x-http-method-override", "x-method-override":
		return slices.ContainsFunc(splitValue(value), httpmethod.IsForbidden)
	}
	return false
}

// splitValue is Fetch's "get, decode, and split" of one header value: at
// commas outside of quoted strings.
func splitValue(s string) []string {
	var values []string
	var quoted, escaped bool
	start := 0
	for i := range len(s) {
		switch c := s[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			values = append(values, strings.Trim(s[start:i], " \t"))
			start = i + 1
		}
	}
	return append(values, strings.Trim(s[start:], " \t"))
}

// get is Fetch's "get" from a header list: the values of all lines, combined.
func get(h http.Header, name string) (value string, ok bool) {
	values := h.Values(name)
	return strings.Join(values, ", "), len(values) > 0
}

// lists reports whether one of names is name, without regard to case.
func lists(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

package httprule

import "strings"

// A Method is what a request says about the HTTP method by which gateways route
// it.
type Method struct {
	name string
	form bool // a form, which grpc-gateway also routes to bindings of GET
	any  bool // has a header that replaces the method
}

// NewMethod returns the Method of a request with this HTTP method and these
// headers, whose names are in canonical form. For preflights, method is their
// Access-Control-Request-Method, and header is nil.
func NewMethod(method string, header map[string][]string) Method {
	m := Method{name: method}
	// grpc-gateway replaces the method of forms alone, and with capital
	// letters.
	_, m.any = header["X-Http-Method-Override"]
	if method == "POST" {
		for _, value := range header["Content-Type"] {
			mediaType, _, _ := strings.Cut(value, ";")
			m.form = m.form || strings.EqualFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded")
		}
	}
	return m
}

// fits reports whether a gateway could route the method to bindings of another.
func (m Method) fits(binding string) bool {
	return m.any || m.name == binding || binding == "*" ||
		binding == "GET" && (m.form || m.name == "HEAD")
}

// Select keeps the matches that a request with this method concerns: those of
// the method, where HEAD counts as GET; for a form that is posted, those of GET
// too; and all if a header replaces the method. If none of the exact matches is
// of the method, all exact ones remain, so that the strictest decides about what
// no gateway serves; the same holds for the others.
func (m *Matches) Select(method Method) {
	var fits [2]bool // for either group
	for _, match := range m.list[:m.count] {
		fits[group(match)] = fits[group(match)] || m.fits(match, method)
	}
	kept := 0
	for _, match := range m.list[:m.count] {
		if !fits[group(match)] || m.fits(match, method) {
			m.list[kept] = match
			kept++
		}
	}
	m.count = kept
}

func (m *Matches) fits(match match, method Method) bool {
	return method.fits(m.index.entries[match.entry].Binding.Method)
}

func group(m match) int {
	if m.exact {
		return 1
	}
	return 0
}

package corstest

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// expectAccess checks a procedure that pages of the origin call.
func (p *probe) expectAccess(result *Result) {
	header := p.headers()
	o := p.try(header)
	if o.sent == nil && o.blocked != nil {
		p.diagnose(header, o.blocked, result)
		o = p.try(header) // what is left of it
	}
	if o.blocked != nil && result.Blocked == nil {
		result.Blocked = o.blocked
	}
	result.failure = o.err
	if o.response != nil {
		result.Status = o.response.Status
		if !result.isNotRPC() && !exposesWhatItSends(o.sent.ResponseHeader) {
			for _, name := range p.expected() {
				if !o.response.readable(name) {
					result.CannotRead = append(result.CannotRead, name)
				}
			}
		}
	}
	if o.sent != nil && o.err == nil && p.isCalled() {
		p.call(header, result)
	}
}

// diagnose finds which headers the server does not allow, and removes them.
// cause is why the browser did not send a request with all of them.
func (p *probe) diagnose(header http.Header, cause *BlockedError, result *Result) {
	disallow := func(name string) {
		result.CannotSend = append(result.CannotSend, name)
		header.Del(name)
		if p.needs(name) {
			result.Blocked = cause
		}
	}
	defer func() { slices.Sort(result.CannotSend) }()
	// Most servers respond with the list of what they allow. It can depend on
	// what is asked for.
	for cause.Missing != nil {
		for _, name := range cause.Missing {
			disallow(headername.Canonical(name))
		}
		o := p.try(header)
		if o.sent != nil || o.blocked == nil {
			return
		}
		cause = o.blocked
	}
	// Others respond with no CORS headers at all if a single header is not
	// allowed. Some demand the headers of the protocol before they allow any.
	minimum, rest := http.Header{}, header.Clone()
	for name, values := range header {
		if p.needs(name) {
			minimum[name] = values
			delete(rest, name)
		}
	}
	passes := func(with http.Header) bool { return p.try(with).sent != nil }
	if o := p.try(minimum); o.sent != nil {
		if o.blocked != nil {
			result.Blocked = o.blocked // it is not about the headers
			return
		}
		for name := range rest {
			with := minimum.Clone()
			with[name] = rest[name]
			if !passes(with) {
				disallow(name)
			}
		}
		return
	}
	var disallowed []string
	for name := range minimum {
		if !passes(p.alone(name, header)) {
			disallowed = append(disallowed, name)
		}
	}
	result.Blocked = cause
	if len(disallowed) == len(minimum) {
		return // it is not about the headers
	}
	for name := range rest {
		if !passes(p.alone(name, header)) {
			disallowed = append(disallowed, name)
		}
	}
	for _, name := range disallowed {
		disallow(name)
	}
}

// alone returns one of the headers, with a Content-Type that needs no permission
// in place of the protocol's.
func (p *probe) alone(name string, header http.Header) http.Header {
	one := http.Header{name: header[name]}
	if p.dialect.method == http.MethodPost && name != "Content-Type" {
		one.Set("Content-Type", "text/plain")
	}
	return one
}

// exposesWhatItSends reports whether a response exposes every header that it
// has: then the server makes the list for each response, and it tells nothing
// about headers that other responses have. improbable-eng/grpc-web does so.
func exposesWhatItSends(header http.Header) bool {
	exposed, _ := headername.ParseList(header.Values("Access-Control-Expose-Headers"))
	one := false
	for name := range header {
		switch {
		case headername.IsSafelistedResponse(name), headername.IsForbiddenResponse(name), name == "Access-Control-Expose-Headers",
			slices.Contains(addedLater, name):
		case !lists(exposed, name):
			return false
		default:
			one = true
		}
	}
	return one
}

// addedLater are headers that servers and proxies add after an application has
// written its own.
var addedLater = []string{"Alt-Svc", "Connection", "Date", "Keep-Alive", "Server", "Strict-Transport-Security", "Transfer-Encoding", "Via"}

// call makes a real call, with an empty message: no byte, or where messages
// have an envelope, one of length 0. header is what the server allows.
func (p *probe) call(header http.Header, result *Result) {
	header = header.Clone()
	header.Del(p.timeout)
	for _, name := range p.declared.RequestHeaders {
		if name = p.requestName(name); header.Get(name) == placeholder {
			header.Del(name)
		}
	}
	if p.rest == nil && header.Get("Content-Type") != "" {
		header.Set("Content-Type", p.contentType(&p.method.Method, "proto"))
	}
	request := p.request(header)
	request.URL, _, _ = strings.Cut(request.URL, "?")
	if p.rest != nil {
		if p.takesBody() {
			request.Body = strings.NewReader("{}")
		}
	} else if request.Method == http.MethodGet {
		request.URL += "?" + url.Values{"connect": {"v1"}, "encoding": {"proto"}, "message": {""}}.Encode()
	} else {
		var message []byte
		if p.enveloped(&p.method.Method) {
			message = make([]byte, 5)
		}
		request.Body = bytes.NewReader(message)
	}
	o := p.send(request, nil)
	if o.err != nil {
		result.failure = o.err
		return
	}
	if o.blocked != nil {
		if result.Blocked == nil {
			result.Blocked = o.blocked
		}
		return
	}
	result.Called, result.Status = true, o.response.Status
	sent := o.sent.ResponseHeader
	status := sent.Get("Grpc-Status") // of a response without a message
	failed := o.response.Status != http.StatusOK || status != "" && status != "0"
	result.CannotRead = slices.DeleteFunc(result.CannotRead, func(name string) bool {
		return !failed || len(sent.Values(name)) > 0
	})
	for _, hidden := range o.response.NotExposed {
		result.CannotRead = append(result.CannotRead, hidden.Name)
	}
	if p.rest != nil { // a browser does not know what was called
		for _, name := range p.expected() {
			if len(sent.Values(name)) > 0 && !o.response.readable(name) && !slices.Contains(result.CannotRead, name) {
				result.CannotRead = append(result.CannotRead, name)
			}
		}
	}
	slices.Sort(result.CannotRead)
	result.Undeclared = p.undeclared(sent, o.response)
}

// undeclared returns the headers of a response that the page cannot read and
// that are neither declared nor part of HTTP or a protocol.
func (p *probe) undeclared(sent http.Header, response *Response) []string {
	var names []string
	for name := range sent {
		if !response.readable(name) && !headername.IsForbiddenResponse(name) && !lists(p.expected(), name) && !isInfrastructure(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// isInfrastructure reports whether a response header is for the browser, for
// caches or for the implementation of a protocol, and not for scripts.
func isInfrastructure(name string) bool {
	return slices.Contains(addedLater, name) || slices.Contains(infrastructure, name) ||
		strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "Cross-Origin-") ||
		strings.HasPrefix(name, "Grpc-") || strings.HasSuffix(name, "-Encoding") ||
		strings.HasPrefix(name, "Trailer-") // a needed header: see notExposed
}

var infrastructure = []string{
	"Accept-Post", "Accept-Ranges", "Age", "Allow", "Content-Disposition", "Content-Security-Policy", "Etag", "Location",
	"Permissions-Policy", "Referrer-Policy", "Server-Timing", "Trailer", "Vary", "X-Content-Type-Options", "X-Frame-Options", "X-Xss-Protection",
}

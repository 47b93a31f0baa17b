package corstest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
)

// placeholder is the value of metadata that the test gives none for.
const placeholder = "corstest"

// A probe checks one procedure in one protocol.
type probe struct {
	*checker
	*dialect
	ctx      context.Context
	method   method
	declared Metadata
}

func (p *probe) run(refused bool) Result {
	result := Result{Procedure: p.method.Procedure, Protocol: p.name, Method: p.dialect.method, Path: p.method.Procedure, Refused: refused}
	if p.rest != nil {
		result.Path = p.binding.Template.String()
	}
	if refused {
		p.expectRefusal(&result)
	} else {
		p.expectAccess(&result)
	}
	if p.dialect.method == http.MethodGet && result.failure == nil {
		result.MissingVary, result.failure = p.missingVary()
	}
	return result
}

// headers returns what a client sends: what the protocol needs, and what calls
// with a timeout and the application add.
func (p *probe) headers() http.Header {
	header := p.protocolHeaders()
	if p.timeout != "" {
		header.Set(p.timeout, p.header[p.timeout])
	}
	for _, name := range p.declared.RequestHeaders {
		sent := p.requestName(name)
		if header.Get(sent) != "" {
			continue
		}
		header.Set(sent, placeholder)
		if values := p.check.metadata.Values(name); values != nil {
			header[sent] = values
		}
	}
	return header
}

// protocolHeaders returns what every call in the protocol has.
func (p *probe) protocolHeaders() http.Header {
	header := http.Header{}
	for name, value := range p.header {
		if name != p.timeout {
			header.Set(name, value)
		}
	}
	if p.rest != nil {
		if p.takesBody() {
			header.Set("Content-Type", "application/json")
		}
	} else if p.dialect.method == http.MethodPost {
		header.Set("Content-Type", p.contentType(&p.method.Method, unknown))
	}
	return header
}

// request returns a call that reaches no handler.
func (p *probe) request(header http.Header) Request {
	if p.rest != nil {
		return p.bindingRequest(header)
	}
	r := Request{
		Method:      p.dialect.method,
		URL:         p.check.url + p.check.prefix + p.method.Procedure,
		Header:      header,
		Credentials: p.credentials,
	}
	if r.Method == http.MethodGet {
		r.URL += "?" + url.Values{"connect": {"v1"}, "encoding": {unknown}, "compression": {unknown}, "message": {""}}.Encode()
	} else {
		r.Body = bytes.NewReader(p.brokenBody(&p.method.Method))
	}
	return r
}

// An outcome is what came of one request of a page. At most one of the first
// three is nil.
type outcome struct {
	response *Response     // what the page got
	blocked  *BlockedError // why it got nothing
	err      error         // why neither is known
	// sent is the request itself, nil if the browser did not send it, such as
	// because of its preflight.
	sent *Exchange
}

// try sends what a page's script sends with these headers.
func (p *probe) try(header http.Header) outcome {
	return p.send(p.request(header), p.brakes(true))
}

// send sends one request from a fresh page, which remembers no preflight.
func (p *probe) send(r Request, brakes http.Header) outcome {
	browser := p.browser(p.origin)
	for _, cookie := range p.check.cookies {
		browser.SetCookie(p.check.url, cookie)
	}
	f, err := browser.newFetch(r)
	if err != nil {
		return outcome{err: err}
	}
	// RPC clients do not follow redirects, and a check asks one server alone.
	f.brakes, f.oneHop = brakes, true
	var o outcome
	o.response, o.err = f.run(p.ctx)
	if o.response != nil {
		_ = o.response.Body.Close() // streams may have no end, and the headers are here
	}
	if blocked, ok := errors.AsType[*BlockedError](o.err); ok {
		o.blocked, o.err = blocked, nil
	}
	exchanges := browser.Exchanges()
	if n := len(exchanges); n > 0 && !exchanges[n-1].Preflight {
		o.sent = &exchanges[n-1]
	}
	return o
}

// expected returns the names that a page must be able to read.
func (p *probe) expected() []string {
	if p.rest != nil {
		return p.responseNames(p.declared.ResponseHeaders)
	}
	return union(union(p.declared.ResponseHeaders, p.table.ResponseHeaders),
		p.table.TrailersInHeader(p.method.Unary(), p.declared.ResponseTrailers))
}

// isCalled reports whether the test wants real calls of the procedure.
func (p *probe) isCalled() bool {
	return slices.ContainsFunc(p.check.calls, func(name string) bool {
		return name == "*" || name == p.method.service.Name || name == p.method.Name
	})
}

package corstest

import (
	"io"
	"net/http"
)

// A ResponseType says how much of a response the page can read (Fetch, "response
// type").
type ResponseType string

const (
	// TypeBasic is a response of the page's own origin: everything except
	// Set-Cookie is readable.
	TypeBasic ResponseType = "basic"
	// TypeCORS is a response of another origin: what the server exposes is
	// readable.
	TypeCORS ResponseType = "cors"
	// TypeOpaque is a response that the page cannot read at all.
	TypeOpaque ResponseType = "opaque"
	// TypeOpaqueRedirect is a redirect that was not followed. Nothing is readable.
	TypeOpaqueRedirect ResponseType = "opaqueredirect"
)

// A Response is the part of a response that the page can read.
type Response struct {
	// Type says how much that is.
	Type ResponseType
	// URL is the URL of the response, after redirects; empty if opaque.
	URL string
	// Redirected is whether there were redirects; false if opaque.
	Redirected bool
	// Status is 0 if opaque.
	Status int
	// Header has the headers that the script can read.
	Header http.Header
	// Body is never nil, and decoded; it must be closed. It streams.
	Body io.ReadCloser
	// NotExposed has an error for each header of the response that the page needs
	// but cannot read: that the RPC protocol needs, or that the schema or [Declare]
	// declares. Each is a [ResponseHeaderNotExposed].
	NotExposed []*BlockedError

	readable   func(name string) bool // a header, if the response had it
	decoded    bool
	protoMajor int
	protoMinor int
}

// respond gives the response to the page (main fetch, steps 14 to 21).
func (f *fetch) respond(resp *http.Response, exchange *Exchange) *Response {
	readable := f.readable(resp.Header)
	r := &Response{
		Type:       f.tainting,
		URL:        withoutFragment(f.url()),
		Redirected: len(f.urls) > 1,
		Status:     resp.StatusCode,
		Header:     filter(resp.Header, readable),
		readable:   readable,
		protoMajor: resp.ProtoMajor,
		protoMinor: resp.ProtoMinor,
	}
	if r.Type == TypeOpaque {
		_ = resp.Body.Close()
		r.URL, r.Redirected, r.Status, r.Body = "", false, 0, http.NoBody
		return r
	}
	r.NotExposed = f.notExposed(exchange, resp.Header, r.Header)
	r.Body, r.decoded = decode(resp)
	if f.method == http.MethodHead || isNullBody(resp.StatusCode) {
		_ = resp.Body.Close()
		r.Body, r.decoded = http.NoBody, false
	}
	f.b.mu.Lock()
	exchange.Visible, exchange.NotExposed = r.Header.Clone(), r.NotExposed
	f.b.mu.Unlock()
	return r
}

// isNullBody is Fetch's "null body status", except for those that clients of
// net/http never see.
func isNullBody(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

package corstest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// An Exchange is one request that went over the wire, and its response.
type Exchange struct {
	// Preflight is whether it is a preflight.
	Preflight bool
	// Method and URL are the request's, without a fragment.
	Method, URL string
	// RequestHeader is everything that the browser sent.
	RequestHeader http.Header
	// Status is the status of the response; 0 if there was none.
	Status int
	// ResponseHeader is everything that the server sent.
	ResponseHeader http.Header
	// Visible is the part of it that the page could read; nil if the page got no
	// response: for preflights, redirects and blocked responses.
	Visible http.Header
	// NotExposed are the headers that the page needs and could not read.
	NotExposed []*BlockedError
	// Err is why the browser stopped here: a *[BlockedError], or the error of the
	// transport.
	Err error
}

// acceptLanguage is what the browser's user prefers.
const acceptLanguage = "en-US,en;q=0.9"

// outgoing is one request as the fetch decided it.
type outgoing struct {
	preflight bool
	method    string
	header    headerList
}

// send adds what the browser adds to every request, makes the exchange and
// notes it (Fetch, "HTTP-network-or-cache fetch", without a cache).
func (f *fetch) send(ctx context.Context, out outgoing) (*http.Response, *Exchange, error) {
	header := out.header[:len(out.header):len(out.header)]
	add := func(name, value string) {
		if value != "" && !header.has(name) {
			header = append(header, headerEntry{name, value})
		}
	}
	add("Referer", f.referrer())
	add("Origin", f.originHeader())
	header = append(header, f.fetchMetadata(out.preflight)...)
	add("User-Agent", f.b.engine.userAgent)
	if header.has("Range") {
		add("Accept-Encoding", "identity")
	}
	add("Accept-Encoding", acceptEncoding)
	includeCredentials := !out.preflight && f.includesCredentials()
	cookies := f.cookieContext()
	if includeCredentials {
		f.b.mu.Lock()
		add("Cookie", f.b.cookies.header(f.b.engine, cookies))
		f.b.mu.Unlock()
	}

	target := withoutFragment(f.url())
	var body io.Reader
	if !out.preflight {
		switch {
		case f.stream != nil:
			body = f.stream
		case f.body != nil:
			body = bytes.NewReader(f.body)
		}
	}
	request, err := http.NewRequestWithContext(ctx, out.method, target, body)
	if err != nil {
		return nil, nil, fmt.Errorf("corstest: %w", err)
	}
	request.Header = header.httpHeader()
	if !out.preflight {
		maps.Copy(request.Header, f.brakes)
	}
	exchange := &Exchange{
		Preflight:     out.preflight,
		Method:        out.method,
		URL:           target,
		RequestHeader: request.Header.Clone(),
	}
	f.b.mu.Lock()
	f.b.exchanges = append(f.b.exchanges, exchange)
	f.b.mu.Unlock()

	resp, err := f.b.transport.RoundTrip(request)

	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		exchange.Err = fmt.Errorf("corstest: %s %s: %w", out.method, target, err)
		return nil, nil, exchange.Err
	}
	resp.Header = normalized(resp.Header)
	exchange.Status = resp.StatusCode
	exchange.ResponseHeader = resp.Header
	if includeCredentials {
		f.b.cookies.store(f.b.engine, cookies, resp.Header.Values("Set-Cookie"))
	}
	return resp, exchange, nil
}

// includesCredentials reports whether cookies go with the request and are taken
// from the response (HTTP-network-or-cache fetch, step 8.3).
func (f *fetch) includesCredentials() bool {
	if f.speculation != SpeculationNone && f.site(f.urls) == "cross-site" {
		return false
	}
	switch f.credentials {
	case CredentialsInclude:
		return true
	case CredentialsSameOrigin:
		return f.tainting == TypeBasic || f.mode == ModeNoCORS &&
			f.b.engine.redirectKeepsCredentials && f.b.origin.sameOrigin(originOf(f.urls[0]))
	}
	return false
}

// normalized returns the headers of a response with canonical names and without
// white space around their values, from whatever transport they come.
func normalized(h http.Header) http.Header {
	n := make(http.Header, len(h))
	for name, values := range h {
		name = headername.Canonical(name)
		for _, value := range values {
			n[name] = append(n[name], strings.Trim(value, " \t"))
		}
	}
	return n
}

package corstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/field"
)

// A Request is what a page's script, or an element of the page, asks for. The
// zero value of each field but URL is what fetch() takes when it is told
// nothing.
type Request struct {
	// Method is upper-cased as fetch() does, which leaves "patch" alone. Empty
	// is GET.
	Method string
	// URL is absolute.
	URL string
	// Header is what the script sets; browsers drop forbidden names.
	Header http.Header
	// Body, if not nil, is read to its end before anything is sent, unless it
	// is a Stream.
	Body io.Reader
	// Stream is a body that is a ReadableStream: always preflighted, sent while
	// it is read, over HTTP/2 only. The answer is not read before it ends.
	Stream bool
	// UploadListener is a listener on XMLHttpRequest.upload, which makes a
	// preflight of any method and header.
	UploadListener bool

	// Mode is what the request is for.
	Mode Mode
	// Destination is what the answer is for: "image", "script", "document",
	// "iframe" and so on (Fetch, "request destination"); empty for fetch() and
	// XMLHttpRequest, and then for a whole tab in ModeNavigate.
	Destination string
	// Credentials says whether cookies go with it, but for ModeNavigate, with
	// which they always go.
	Credentials CredentialsMode
	// Redirect says what to do with redirects, but for ModeNavigate, which
	// follows them.
	Redirect RedirectMode
}

// A Mode is what a request is for (Fetch, "request mode").
type Mode uint8

const (
	// ModeCORS is that of scripts: the answer is readable where the server
	// permits it.
	ModeCORS Mode = iota
	// ModeNoCORS is that of images, scripts and styles: sent to anybody, and
	// not readable.
	ModeNoCORS
	// ModeSameOrigin is for the page's own origin alone.
	ModeSameOrigin
	// ModeNavigate is that of links, forms and frames.
	ModeNavigate
)

// String returns the mode as Sec-Fetch-Mode has it.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

var modes = [...]string{ModeCORS: "cors", ModeNoCORS: "no-cors", ModeSameOrigin: "same-origin", ModeNavigate: "navigate"}

// A CredentialsMode says when cookies go with a request and are taken from its
// answer (Fetch, "request credentials mode"). It also makes the server permit
// them. It is not about the Authorization header that a script sets.
type CredentialsMode uint8

const (
	// CredentialsSameOrigin is the default of fetch, and XMLHttpRequest
	// without withCredentials.
	CredentialsSameOrigin CredentialsMode = iota
	// CredentialsOmit is never.
	CredentialsOmit
	// CredentialsInclude is always, and XMLHttpRequest with withCredentials.
	CredentialsInclude
)

// A RedirectMode says what to do with redirects (Fetch, "request redirect
// mode").
type RedirectMode uint8

const (
	// RedirectFollow follows them.
	RedirectFollow RedirectMode = iota
	// RedirectError fails the request.
	RedirectError
	// RedirectManual gives an unreadable answer of TypeOpaqueRedirect.
	RedirectManual
)

// A ResponseType says how much of an answer the page sees (Fetch, "response
// type").
type ResponseType string

const (
	// TypeBasic is of the page's own origin: all but Set-Cookie.
	TypeBasic ResponseType = "basic"
	// TypeCORS is what the server of another origin exposes.
	TypeCORS ResponseType = "cors"
	// TypeOpaque is nothing.
	TypeOpaque ResponseType = "opaque"
	// TypeOpaqueRedirect is nothing, of a redirect that was not followed.
	TypeOpaqueRedirect ResponseType = "opaqueredirect"
)

// A Response is what the page sees of an answer.
type Response struct {
	// Type says how much of it that is.
	Type ResponseType
	// URL is where the answer came from in the end; empty if opaque.
	URL string
	// Redirected is whether a redirect led there; false if opaque.
	Redirected bool
	// Status is 0 if opaque.
	Status int
	// Header is what the script can read.
	Header http.Header
	// Body is never nil, and decoded; it must be closed. It streams.
	Body io.ReadCloser
	// NotExposed are headers that the answer carries and the page needs, but
	// cannot read: those that an RPC protocol needs, that the contract of the
	// procedure declares, or that [Declare] does. Each is a
	// [ResponseHeaderNotExposed].
	NotExposed []*BlockedError

	readable   func(name string) bool // a header, if the answer had it
	decoded    bool
	protoMajor int
	protoMinor int
}

// Fetch is the fetch() of the page's scripts, and, with other modes, what its
// elements do.
//
// Where the browser keeps an answer from the page it returns a *[BlockedError].
// Other errors are those of ctx and of the transport, and what makes fetch()
// throw before it sends anything.
func (b *Browser) Fetch(ctx context.Context, r Request) (*Response, error) {
	f, err := b.newFetch(r)
	if err != nil {
		return nil, fmt.Errorf("corstest: %w", err)
	}
	return f.run(ctx)
}

// acceptLanguage is what the browser's user prefers.
const acceptLanguage = "en-US,en;q=0.9"

// A fetch is one request on its way: what the Fetch standard calls a request.
type fetch struct {
	b           *Browser
	method      string
	header      headerList // the author's, Accept and Accept-Language
	removed     headerList // what redirects took off it
	hadMethod   string     // the method at first
	hadUnsafe   bool       // an unsafe method or header at first
	body        []byte     // nil: none
	stream      io.Reader  // a body without a source, in place of body
	forced      bool       // the use-CORS-preflight flag
	mode        Mode
	destination string
	credentials CredentialsMode
	redirect    RedirectMode

	urls      []*url.URL // the last is the current one
	tainting  ResponseType
	redirects int
}

func (f *fetch) url() *url.URL { return f.urls[len(f.urls)-1] }

// newFetch does what the constructor of Request does, and throws where it
// does (Fetch, section 5.4).
func (b *Browser) newFetch(r Request) (*fetch, error) {
	u, err := fetchableURL(r.URL)
	switch {
	case err != nil:
		return nil, err
	case int(r.Mode) >= len(modes):
		return nil, fmt.Errorf("there is no mode %d", r.Mode)
	case r.Credentials > CredentialsInclude:
		return nil, fmt.Errorf("there is no credentials mode %d", r.Credentials)
	case r.Redirect > RedirectManual:
		return nil, fmt.Errorf("there is no redirect mode %d", r.Redirect)
	}
	f := &fetch{
		b:           b,
		method:      field.NormalizeMethod(r.Method),
		forced:      r.Stream && r.Body != nil || r.UploadListener,
		mode:        r.Mode,
		destination: r.Destination,
		credentials: r.Credentials,
		redirect:    r.Redirect,
		urls:        []*url.URL{u},
		tainting:    TypeBasic,
	}
	if f.method == "" {
		f.method = http.MethodGet
	}
	if !field.IsToken(f.method) || field.IsForbiddenMethod(f.method) {
		return nil, fmt.Errorf("a page cannot use the method %q", printable(f.method))
	}
	if f.header, err = newHeaderList(r.Header); err != nil {
		return nil, err
	}
	if b.engine.ignoresUserAgent {
		f.header = f.header.without("User-Agent")
	}
	if err := f.restrictByMode(); err != nil {
		return nil, err
	}
	if r.Body != nil {
		if err := f.takeBody(r); err != nil {
			return nil, err
		}
	}
	f.hadMethod = f.method
	f.hadUnsafe = !field.IsSafelistedMethod(f.method) || len(f.unsafeNames()) > 0
	if !f.header.has("Accept") {
		f.header = append(f.header, headerEntry{"Accept", defaultAccept(f.mode, f.destination)})
	}
	if !f.header.has("Accept-Language") {
		f.header = append(f.header, headerEntry{"Accept-Language", acceptLanguage})
	}
	return f, nil
}

// restrictByMode keeps to what HTML elements can do where no script decides.
func (f *fetch) restrictByMode() error {
	switch f.mode {
	case ModeNoCORS:
		if !field.IsSafelistedMethod(f.method) {
			return fmt.Errorf("in no-cors mode a page cannot use the method %s", f.method)
		}
		var kept headerList
		for _, e := range f.header {
			if isNoCORSSafelistedRequestHeader(e.name, e.value) {
				kept = append(kept, e)
			}
		}
		f.header = kept
	case ModeNavigate:
		if f.method != http.MethodGet && f.method != http.MethodPost {
			return fmt.Errorf("a navigation cannot use the method %s", f.method)
		}
		f.credentials, f.redirect = CredentialsInclude, RedirectFollow
		if f.destination == "" {
			f.destination = "document"
		}
	}
	return nil
}

func (f *fetch) takeBody(r Request) error {
	if f.method == http.MethodGet || f.method == http.MethodHead {
		return fmt.Errorf("a request with the method %s cannot have a body", f.method)
	}
	if r.Stream {
		if !f.b.engine.streamsRequests {
			return fmt.Errorf("a page in %s cannot stream a request's body", f.b.engine.name)
		}
		f.stream = r.Body
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("reading the request's body: %w", err)
	}
	f.body = body
	if f.body == nil {
		f.body = []byte{}
	}
	return nil
}

// defaultAccept is Fetch's, by destination.
func defaultAccept(mode Mode, destination string) string {
	switch {
	case mode == ModeNavigate:
		return "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	case destination == "image":
		return "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
	case destination == "style":
		return "text/css,*/*;q=0.1"
	}
	return "*/*"
}

// run is Fetch's "main fetch". Where the standard recurses for a redirect, it
// loops.
func (f *fetch) run(ctx context.Context) (*Response, error) {
	preflighted := false
	for {
		withPreflight, blocked := f.taint()
		if blocked != nil {
			return nil, f.b.unsent(blocked)
		}
		preflighted = preflighted || withPreflight
		response, err := f.hop(ctx, withPreflight)
		if _, blocked := errors.AsType[*BlockedError](err); blocked && preflighted && !f.b.engine.keepsAfterFailure {
			// Step 12: a network error after a preflight forgets it.
			f.b.cached(func(c *preflightCache) { c.clear(f) })
		}
		if err != nil || response != nil {
			return response, err
		}
	}
}

// taint decides how much of the answer the page will see, and whether the
// server is asked first (main fetch, steps 7 and 12).
func (f *fetch) taint() (withPreflight bool, blocked *BlockedError) {
	target := originOf(f.url())
	if f.b.origin.scheme == "https" && f.mode != ModeNavigate && !target.trustworthy() {
		return false, f.blocked(MixedContent, nil, "")
	}
	switch {
	case f.tainting == TypeBasic && f.b.origin.sameOrigin(target), f.mode == ModeNavigate:
		f.tainting = TypeBasic
		return false, nil
	case f.mode == ModeSameOrigin:
		return false, f.blocked(DisallowedByMode, nil, "")
	case f.mode == ModeNoCORS:
		if f.redirect != RedirectFollow {
			return false, f.blocked(DisallowedByMode, nil, "")
		}
		f.tainting = TypeOpaque
		return false, nil
	}
	f.tainting = TypeCORS
	return f.asksAlways() || !field.IsSafelistedMethod(f.method) || len(f.unsafeNames()) > 0, nil
}

// hop is Fetch's "HTTP fetch": one URL. It returns neither a response nor an
// error where the answer is a redirect that is to be followed.
func (f *fetch) hop(ctx context.Context, withPreflight bool) (*Response, error) {
	if withPreflight {
		covered := false
		f.b.cached(func(c *preflightCache) { covered = c.covers(f) })
		if !covered {
			if err := f.preflight(ctx); err != nil {
				return nil, err
			}
		}
	}
	answer, exchange, err := f.send(ctx, outgoing{method: f.method, header: f.header})
	if err != nil {
		return nil, err
	}
	stop := func(blocked *BlockedError) (*Response, error) {
		_ = answer.Body.Close()
		return nil, f.b.failed(exchange, blocked)
	}
	if f.stream != nil && answer.ProtoMajor < 2 {
		return stop(f.blocked(StreamNotAllowed, answer.Header, ""))
	}
	if f.tainting == TypeCORS && !(answer.StatusCode == http.StatusNotModified && f.b.engine.unchecked304) {
		if code := f.corsCheck(answer.Header); code != "" {
			return stop(f.blocked(code, answer.Header, ""))
		}
	}
	if isRedirect(answer.StatusCode) {
		switch f.redirect {
		case RedirectError:
			return stop(f.blocked(RedirectNotAllowed, answer.Header, ""))
		case RedirectManual:
			_ = answer.Body.Close()
			return &Response{Type: TypeOpaqueRedirect, URL: withoutFragment(f.url()), Header: http.Header{}, Body: http.NoBody}, nil
		}
		location, ok := f.locationOf(answer)
		if !ok {
			return stop(f.blocked(RedirectNotAllowed, answer.Header, ""))
		}
		if location != nil {
			if blocked := f.redirectTo(location, answer); blocked != nil {
				return stop(blocked)
			}
			_ = answer.Body.Close()
			return nil, nil
		}
	}
	return f.respond(answer, exchange), nil
}

// respond gives the answer to the page (main fetch, steps 14 to 21).
func (f *fetch) respond(answer *http.Response, exchange *Exchange) *Response {
	readable := f.readable(answer.Header)
	r := &Response{
		Type:       f.tainting,
		URL:        withoutFragment(f.url()),
		Redirected: len(f.urls) > 1,
		Status:     answer.StatusCode,
		Header:     filter(answer.Header, readable),
		readable:   readable,
		protoMajor: answer.ProtoMajor,
		protoMinor: answer.ProtoMinor,
	}
	if r.Type == TypeOpaque {
		_ = answer.Body.Close()
		r.URL, r.Redirected, r.Status, r.Body = "", false, 0, http.NoBody
		return r
	}
	r.NotExposed = f.notExposed(exchange, answer.Header, r.Header)
	r.Body, r.decoded = decode(answer)
	if f.method == http.MethodHead || isNullBody(answer.StatusCode) {
		_ = answer.Body.Close()
		r.Body, r.decoded = http.NoBody, false
	}
	f.b.mu.Lock()
	exchange.Visible, exchange.NotExposed = r.Header.Clone(), r.NotExposed
	f.b.mu.Unlock()
	return r
}

// isNullBody is Fetch's "null body status", but for those that clients of
// net/http never see.
func isNullBody(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

func withoutFragment(u *url.URL) string {
	bare := *u
	bare.Fragment, bare.RawFragment = "", ""
	return bare.String()
}

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
	exchange := &Exchange{
		Preflight:     out.preflight,
		Method:        out.method,
		URL:           target,
		RequestHeader: request.Header.Clone(),
	}
	f.b.mu.Lock()
	f.b.exchanges = append(f.b.exchanges, exchange)
	f.b.mu.Unlock()

	answer, err := f.b.transport.RoundTrip(request)

	f.b.mu.Lock()
	defer f.b.mu.Unlock()
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		exchange.Err = fmt.Errorf("corstest: %s %s: %w", out.method, target, err)
		return nil, nil, exchange.Err
	}
	answer.Header = normalized(answer.Header)
	exchange.Status = answer.StatusCode
	exchange.ResponseHeader = answer.Header
	if includeCredentials {
		f.b.cookies.store(f.b.engine, cookies, answer.Header.Values("Set-Cookie"))
	}
	return answer, exchange, nil
}

// includesCredentials reports whether cookies go with the request and are taken
// from the answer (HTTP-network-or-cache fetch, step 8.3).
func (f *fetch) includesCredentials() bool {
	switch f.credentials {
	case CredentialsInclude:
		return true
	case CredentialsSameOrigin:
		return f.tainting == TypeBasic || f.mode == ModeNoCORS &&
			f.b.engine.redirectKeepsCredentials && f.b.origin.sameOrigin(originOf(f.urls[0]))
	}
	return false
}

// normalized returns the headers of an answer with canonical names and without
// white space around their values, from whatever transport they come.
func normalized(h http.Header) http.Header {
	n := make(http.Header, len(h))
	for name, values := range h {
		name = field.Canonical(name)
		for _, value := range values {
			n[name] = append(n[name], strings.Trim(value, " \t"))
		}
	}
	return n
}

package corstest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// A Request is a request of a page's script, or of an element of the page. The
// zero value of each field except URL is the default of fetch().
type Request struct {
	// Method is normalized as fetch() does, which does not change "patch". Empty
	// stands for GET.
	Method string
	// URL is absolute.
	URL string
	// Header has the headers that the script sets. Browsers ignore forbidden
	// ones.
	Header http.Header
	// Body is read to its end before anything is sent, unless Stream is true. Nil
	// stands for no body.
	Body io.Reader
	// Stream makes the body a ReadableStream: the request is always preflighted,
	// and the body is sent while it is read, over HTTP/2 only. The response is read
	// after its end.
	Stream bool
	// UploadListener adds a listener to XMLHttpRequest.upload: the request is
	// always preflighted.
	UploadListener bool

	// Mode is the request mode.
	Mode Mode
	// Destination is the request destination (Fetch): "image", "script",
	// "document", "iframe" and so on; empty for fetch() and XMLHttpRequest. In
	// ModeNavigate, empty stands for "document".
	Destination string
	// Credentials is the credentials mode. ModeNavigate always sends cookies.
	Credentials CredentialsMode
	// Redirect is the redirect mode. ModeNavigate always follows redirects.
	Redirect RedirectMode
	// Speculation makes a GET in ModeNavigate one that the page's speculation
	// rules start, without a click.
	Speculation Speculation
}

// A Mode is a request mode (Fetch).
type Mode uint8

const (
	// ModeCORS is the mode of scripts: they can read the response if the server
	// allows it.
	ModeCORS Mode = iota
	// ModeNoCORS is the mode of images, script elements and styles: the request
	// needs no permission, and the response is not readable.
	ModeNoCORS
	// ModeSameOrigin is for requests to the page's own origin only.
	ModeSameOrigin
	// ModeNavigate is the mode of links, forms and frames.
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

// A CredentialsMode decides whether cookies are sent with a request and stored
// from its response (Fetch, "request credentials mode"). It does not concern the
// Authorization header that a script sets.
type CredentialsMode uint8

const (
	// CredentialsSameOrigin sends cookies to the page's own origin only. It is the
	// default of fetch, and XMLHttpRequest without withCredentials.
	CredentialsSameOrigin CredentialsMode = iota
	// CredentialsOmit never sends cookies.
	CredentialsOmit
	// CredentialsInclude always sends cookies, and the server must allow
	// credentials. It is XMLHttpRequest with withCredentials.
	CredentialsInclude
)

// A RedirectMode decides what happens to redirects (Fetch, "request redirect
// mode").
type RedirectMode uint8

const (
	// RedirectFollow follows them.
	RedirectFollow RedirectMode = iota
	// RedirectError fails the request.
	RedirectError
	// RedirectManual returns an unreadable response of TypeOpaqueRedirect.
	RedirectManual
)

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
	case int(r.Speculation) >= len(purposes):
		return nil, fmt.Errorf("there is no speculation %d", r.Speculation)
	case r.Speculation != SpeculationNone && !b.engine.speculates:
		return nil, fmt.Errorf("%s has no speculation rules", b.engine.name)
	case r.Speculation != SpeculationNone && (r.Mode != ModeNavigate || r.Method != "" && r.Method != http.MethodGet):
		return nil, errors.New("a speculation is a GET in ModeNavigate")
	}
	f := &fetch{
		b:           b,
		method:      httpmethod.Normalize(r.Method),
		forced:      r.Stream && r.Body != nil || r.UploadListener,
		mode:        r.Mode,
		destination: r.Destination,
		credentials: r.Credentials,
		redirect:    r.Redirect,
		speculation: r.Speculation,
		urls:        []*url.URL{u},
		tainting:    TypeBasic,
	}
	if f.method == "" {
		f.method = http.MethodGet
	}
	if !headername.IsToken(f.method) || httpmethod.IsForbidden(f.method) {
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
	f.hadUnsafe = !httpmethod.IsSafelisted(f.method) || len(f.unsafeNames()) > 0
	if !f.header.has("Accept") {
		f.header = append(f.header, headerEntry{"Accept", defaultAccept(f.mode, f.destination)})
	}
	if !f.header.has("Accept-Language") {
		f.header = append(f.header, headerEntry{"Accept-Language", acceptLanguage})
	}
	return f, nil
}

// A Speculation is a navigation that a page's speculation rules start without a
// click (HTML, "Speculative loading"): <script type=speculationrules> with the
// eagerness immediate. It has no Origin, and its Sec-Fetch-Site is none whatever
// page starts it. Within a site it carries cookies, SameSite=Strict included;
// across sites it carries none. Only Sec-Purpose distinguishes it from a URL that
// the user typed. (Measured in Chromium 156; it also sends Referer, which a page
// can suppress.) Firefox and WebKit have no speculation rules.
type Speculation uint8

const (
	// SpeculationNone is an ordinary navigation.
	SpeculationNone Speculation = iota
	// SpeculationPrefetch loads the document: "Sec-Purpose: prefetch".
	SpeculationPrefetch
	// SpeculationPrerender also renders it: "Sec-Purpose: prefetch;prerender".
	SpeculationPrerender
)

// purposes are the values of Sec-Purpose.
var purposes = [...]string{SpeculationPrefetch: "prefetch", SpeculationPrerender: "prefetch;prerender"}

// restrictByMode keeps to what HTML elements can do where no script decides.
func (f *fetch) restrictByMode() error {
	switch f.mode {
	case ModeNoCORS:
		if !httpmethod.IsSafelisted(f.method) {
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

package corstest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"
)

// A Browser is one page of one origin in one browser: it sends what the page can
// send, and returns what the page can read. Its preflight cache and its cookies
// live as long as it does.
//
// It is safe for concurrent use.
type Browser struct {
	origin      origin
	engine      *engine
	transport   http.RoundTripper
	now         func() time.Time
	credentials CredentialsMode
	redirect    RedirectMode
	contracts   *contracts

	mu         sync.Mutex
	preflights preflightCache
	cookies    cookieStore
	exchanges  []*Exchange
	neverSent  []*BlockedError
}

// NewBrowser returns a browser with a page of this origin, written as browsers
// write it: scheme://host, with a port unless it is the scheme's default; or null,
// for sandboxed frames and file: pages. It panics if origin is not an origin.
func NewBrowser(origin string, opts ...Option) *Browser {
	o, err := parseOrigin(origin)
	if err != nil {
		panic("corstest: NewBrowser: " + err.Error())
	}
	s := newSettings()
	for _, opt := range opts {
		opt.set(s)
	}
	return s.browser(o)
}

// settings are what options change.
type settings struct {
	profile     Profile
	transport   http.RoundTripper
	now         func() time.Time
	credentials CredentialsMode
	redirect    RedirectMode
	thirdParty  *bool
	contracts   *contracts
	check       checkSettings
}

func newSettings() *settings {
	return &settings{
		transport: http.DefaultTransport,
		now:       time.Now,
		contracts: &contracts{files: protoregistry.GlobalFiles},
		check:     checkSettings{url: defaultCheckURL},
	}
}

func (s *settings) browser(o origin) *Browser {
	e := *s.profile.engine()
	if s.thirdParty != nil {
		e.blocksThirdParty = !*s.thirdParty
		e.partitionsThirdParty = e.partitionsThirdParty && *s.thirdParty
	}
	return &Browser{
		origin:      o,
		engine:      &e,
		transport:   s.transport,
		now:         s.now,
		credentials: s.credentials,
		redirect:    s.redirect,
		contracts:   s.contracts,
	}
}

// An Option changes what a [Browser] is, or the browser of a [Check].
type Option interface {
	CheckOption
	isBrowserOption()
}

// A CheckOption changes what a [Check] does.
type CheckOption interface {
	set(*settings)
}

type option func(*settings)

func (o option) set(s *settings)  { o(s) }
func (o option) isBrowserOption() {}

type checkOption func(*settings)

func (o checkOption) set(s *settings) { o(s) }

// WithProfile selects the engine to follow where engines differ. The default is
// [Standard].
func WithProfile(p Profile) Option {
	return option(func(s *settings) { s.profile = p })
}

// WithTransport sends every exchange through rt. The default is
// [http.DefaultTransport]. It must not follow redirects, keep cookies or decode
// content codings, which the browser does itself. [Check] ignores it.
func WithTransport(rt http.RoundTripper) Option {
	return option(func(s *settings) { s.transport = rt })
}

// WithHandler lets h serve every request in this process, whatever the host in
// its URL, as if over HTTP/2, and over TLS if the URL is https. [Check] ignores
// it.
func WithHandler(h http.Handler) Option {
	return WithTransport(handlerTransport{h})
}

// WithClock sets the function that returns the current time, for the ages of
// preflights and cookies. The default is [time.Now].
func WithClock(now func() time.Time) Option {
	return option(func(s *settings) { s.now = now })
}

// WithCredentials sets the credentials mode of the calls of [Browser.Client], and
// of a [Check]. The default is [CredentialsSameOrigin], as for fetch.
func WithCredentials(mode CredentialsMode) Option {
	return option(func(s *settings) { s.credentials = mode })
}

// WithRedirect sets the redirect mode of the calls of [Browser.Client]. The
// default is [RedirectFollow], as for fetch; connect-web uses [RedirectError].
// [Check] and [CheckURL] ignore it.
func WithRedirect(mode RedirectMode) Option {
	return option(func(s *settings) { s.redirect = mode })
}

// WithThirdPartyCookies sets whether cookies are sent across sites, which users
// can choose in every browser. By default, Standard and Firefox send them, Firefox
// from a jar for each top-level site, and Chromium and WebKit do not.
func WithThirdPartyCookies(allowed bool) Option {
	return option(func(s *settings) { s.thirdParty = &allowed })
}

// Origin returns the origin of the page.
func (b *Browser) Origin() string { return b.origin.String() }

// SetCookie adds a cookie as if the server of rawURL had set it while the user
// visited that page itself, such as after a login. It panics if rawURL is not an
// absolute URL of http or https.
func (b *Browser) SetCookie(rawURL string, cookie *http.Cookie) {
	u, err := fetchableURL(rawURL)
	if err != nil {
		panic("corstest: SetCookie: " + err.Error())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cookies.store(b.engine, cookieContext{url: u, sameSite: true, topLevel: true, safe: true, now: b.now()},
		[]string{cookie.String()})
}

// Exchanges returns what went over the wire so far, preflights included, in the
// order in which it was sent. The headers are shared and must not be changed.
func (b *Browser) Exchanges() []Exchange {
	b.mu.Lock()
	defer b.mu.Unlock()
	exchanges := make([]Exchange, len(b.exchanges))
	for i, e := range b.exchanges {
		exchanges[i] = *e
		exchanges[i].NotExposed = slices.Clone(e.NotExposed)
	}
	return exchanges
}

// Err returns the CORS errors so far, each once, or nil: every request and
// response that was blocked, every header that the page needs and could not read
// ([ResponseHeaderNotExposed]), which neither browsers nor RPC clients report, and
// every name of [Declare] that no linked service has. Call it at the end of a
// test.
func (b *Browser) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := slices.Clone(b.neverSent)
	for _, exchange := range b.exchanges {
		if blocked, ok := errors.AsType[*BlockedError](exchange.Err); ok {
			found = append(found, blocked)
		}
		found = append(found, exchange.NotExposed...)
	}
	var problems []error
	if err := b.contracts.checkDeclared(); err != nil {
		problems = append(problems, fmt.Errorf("corstest: %w", err))
	}
	seen := map[string]bool{}
	for _, blocked := range found {
		if message := blocked.Error(); !seen[message] {
			seen[message] = true
			problems = append(problems, blocked)
		}
	}
	return errors.Join(problems...)
}

// unsent notes a request that the browser did not even send.
func (b *Browser) unsent(blocked *BlockedError) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.neverSent = append(b.neverSent, blocked)
	return blocked
}

// cached calls use with the preflight cache, for exclusive use.
func (b *Browser) cached(use func(*preflightCache)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	use(&b.preflights)
}

// failed notes why the browser stopped at an exchange.
func (b *Browser) failed(e *Exchange, blocked *BlockedError) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	blocked.Status = e.Status
	e.Err = blocked
	return blocked
}

// fetchableURL parses a URL that a page can fetch.
func fetchableURL(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is not an absolute URL of http or https", rawURL)
	case includesCredentials(u):
		return nil, fmt.Errorf("%s has a user name or password, which fetch refuses", u.Redacted())
	}
	u.User = nil
	return u, nil
}

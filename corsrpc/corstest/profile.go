package corstest

import (
	"fmt"
	"time"
)

// A Profile selects the engine that a [Browser] follows where engines differ. The
// zero value is [Standard]. Other values than the constants make methods panic.
type Profile uint8

const (
	// Standard follows the Fetch standard, and the cookie specification that it
	// builds on, to the letter. A server that satisfies it satisfies every engine,
	// except for cookies: engines send fewer of them.
	Standard Profile = iota
	// Chromium is Chrome, Edge, Opera and others.
	Chromium
	// Firefox is Firefox.
	Firefox
	// WebKit is Safari, and every browser on iOS.
	WebKit
)

// String returns the profile's name.
func (p Profile) String() string { return p.engine().name }

// An engine is the table of one profile: what it does where engines differ.
// Measured with Chromium 156, Firefox 153 ESR and WebKitGTK 2.50 unless marked
// as read in their sources.
type engine struct {
	name string

	// wildcardCoversAuthorization: Allow-Headers "*" allows Authorization,
	// which the standard wants listed by name.
	wildcardCoversAuthorization bool

	// cache is how preflights are remembered.
	cache cacheKind
	// maxAgeLimit caps Access-Control-Max-Age; 0 stands for no cap.
	maxAgeLimit time.Duration
	// malformedMaxAge is what an Access-Control-Max-Age that is not a number
	// stands for.
	malformedMaxAge time.Duration

	// exactCredentials: what was allowed with credentials does not serve
	// without.
	exactCredentials bool
	// keepsAfterFailure: a response that fails the CORS check leaves the
	// remembered preflight alone.
	keepsAfterFailure bool
	// repeatsNames: Access-Control-Request-Headers lists a name as often as the
	// request has it.
	repeatsNames bool

	// unchecked304: a response with status 304 to a request that a script made
	// conditional is not subject to the CORS check.
	unchecked304 bool
	// ignoresUserAgent: a script's User-Agent header is dropped.
	ignoresUserAgent bool
	// streamsRequests: fetch accepts a ReadableStream as a request's body.
	streamsRequests bool
	// speculates: pages can have speculation rules.
	speculates bool

	// What redirects change.

	// preflightSite is what Sec-Fetch-Site of a preflight is about.
	preflightSite siteOf
	// preflightForgetsRedirects: the Origin of a preflight is the page's, where
	// that of the request itself is null.
	preflightForgetsRedirects bool
	// staysPreflighted: a request that had an unsafe method or header at first
	// is preflighted after every redirect.
	staysPreflighted bool
	// listsRemovedHeaders: headers that a redirect removes still count for the
	// preflight.
	listsRemovedHeaders bool
	// distrustsRedirects: for Sec-Fetch-Site, what a plain HTTP server redirects
	// to is cross-site, on loopback too (in sources: SecFetch.cpp).
	distrustsRedirects bool
	// redirectDropsMetadata: no Sec-Fetch-* in cors mode after a redirect to
	// another origin.
	redirectDropsMetadata bool
	// redirectKeepsOrigin: a POST that became a GET has an Origin header still.
	redirectKeepsOrigin bool
	// redirectKeepsCredentials: in no-cors mode and with the credentials mode
	// same-origin, cookies that went to the page's own origin go on with a
	// redirect from there.
	redirectKeepsCredentials bool
	// refusesUserInfo: a redirect to a URL with user name or password fails,
	// also on the page's own origin.
	refusesUserInfo bool
	// redirectsKeepSite: SameSite cookies ask for the site of the current URL
	// alone, and not of those that redirected to it.
	redirectsKeepSite bool

	// acceptsInsecureNone: a SameSite=None cookie need not be Secure.
	acceptsInsecureNone bool
	// laxByDefault: a cookie without SameSite is SameSite=Lax.
	laxByDefault bool
	// secureOnLoopback: plain HTTP to loopback can set and get Secure cookies.
	secureOnLoopback bool
	// blocksThirdParty: no cookie crosses sites, but in a top-level navigation.
	blocksThirdParty bool
	// partitionsThirdParty: what crosses sites has a jar per top-level site.
	partitionsThirdParty bool

	userAgent string
}

// cacheKind is how an engine remembers preflights.
type cacheKind uint8

const (
	// perName has an entry per method and header name (the standard).
	perName cacheKind = iota
	// perNameWithoutWildcard never reuses a "*".
	perNameWithoutWildcard
	// lastResult keeps one whole response per origin and URL, which the next
	// replaces (in sources: PreflightCache, CrossOriginPreflightResultCache).
	lastResult
)

// siteOf is what Sec-Fetch-Site of a preflight is about.
type siteOf uint8

const (
	// everyURL is everything on the way, as for the request itself (the
	// standard).
	everyURL siteOf = iota
	// lastURL is the current URL.
	lastURL
	// lastURLOrNull is lastURL, but cross-site where Origin is null.
	lastURLOrNull
)

const defaultMaxAge = 5 * time.Second // Fetch, CORS-preflight fetch, step 7.9

var engines = [...]engine{
	Standard: {
		name:            "Standard",
		malformedMaxAge: defaultMaxAge,
		streamsRequests: true,
		speculates:      true,
		laxByDefault:    true,
		userAgent:       "Mozilla/5.0 (compatible; corstest)",
	},
	Chromium: {
		name:                        "Chromium",
		wildcardCoversAuthorization: true,
		cache:                       lastResult,
		maxAgeLimit:                 2 * time.Hour,
		malformedMaxAge:             defaultMaxAge,
		keepsAfterFailure:           true,
		unchecked304:                true,
		ignoresUserAgent:            true,
		streamsRequests:             true,
		speculates:                  true,
		preflightSite:               lastURL,
		refusesUserInfo:             true,
		redirectsKeepSite:           true,
		laxByDefault:                true,
		secureOnLoopback:            true,
		blocksThirdParty:            true,
		userAgent:                   "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
	},
	Firefox: {
		name:                        "Firefox",
		wildcardCoversAuthorization: true,
		cache:                       perNameWithoutWildcard,
		maxAgeLimit:                 24 * time.Hour,
		malformedMaxAge:             0,
		exactCredentials:            true,
		repeatsNames:                true,
		preflightSite:               lastURL,
		preflightForgetsRedirects:   true,
		staysPreflighted:            true,
		distrustsRedirects:          true,
		redirectsKeepSite:           true,
		secureOnLoopback:            true,
		partitionsThirdParty:        true,
		userAgent:                   "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
	},
	WebKit: {
		name:                        "WebKit",
		wildcardCoversAuthorization: true,
		cache:                       lastResult,
		maxAgeLimit:                 10 * time.Minute,
		malformedMaxAge:             defaultMaxAge,
		keepsAfterFailure:           true,
		unchecked304:                true,
		preflightSite:               lastURLOrNull,
		listsRemovedHeaders:         true,
		redirectDropsMetadata:       true,
		redirectKeepsOrigin:         true,
		redirectKeepsCredentials:    true,
		redirectsKeepSite:           true,
		acceptsInsecureNone:         true,
		blocksThirdParty:            true,
		userAgent:                   "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15",
	},
}

// engine returns the profile's table; a value that is none of the constants
// panics.
func (p Profile) engine() *engine {
	if int(p) >= len(engines) {
		panic(fmt.Sprintf("corstest: %d is not a profile: use Standard, Chromium, Firefox or WebKit", uint8(p)))
	}
	return &engines[p]
}

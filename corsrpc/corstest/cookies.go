package corstest

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// A cookieStore keeps cookies as "Cookies: HTTP State Management Mechanism"
// (RFC 6265bis) specifies, with the differences between engines. It is not
// net/http/cookiejar, which knows neither SameSite nor a test's clock.
type cookieStore struct {
	cookies []storedCookie // in the order of their creation
}

type storedCookie struct {
	name, value  string
	domain, path string
	hostOnly     bool
	secure       bool
	sameSite     http.SameSite // None, Lax or Strict
	expires      time.Time     // zero: with the session
	partition    string        // a site, where third parties have jars of their own
}

// A cookieContext is what decides about cookies in one exchange.
type cookieContext struct {
	url       *url.URL
	sameSite  bool // everything on the way is of the page's site
	topLevel  bool // the exchange is a top-level navigation
	safe      bool // its method is
	partition string
	now       time.Time
}

// cookieContext returns the context of the current exchange.
func (f *fetch) cookieContext() cookieContext {
	on := f.urls
	if f.b.engine.redirectsKeepSite {
		on = on[len(on)-1:]
	}
	c := cookieContext{
		url:      f.url(),
		sameSite: f.site(on) != "cross-site",
		topLevel: f.mode == ModeNavigate && (f.destination == "" || f.destination == "document"),
		safe:     isSafe(f.method),
		now:      f.b.now(),
	}
	if f.b.engine.partitionsThirdParty && !c.sameSite && !c.topLevel {
		c.partition = f.b.origin.site()
	}
	return c
}

// withheld reports whether the engine keeps cookies from the exchange
// altogether.
func (e *engine) withheld(c cookieContext) bool {
	return e.blocksThirdParty && !c.sameSite && !c.topLevel
}

// secure reports whether the URL can set and get Secure cookies.
func (e *engine) secure(u *url.URL) bool {
	return u.Scheme == "https" || e.secureOnLoopback && originOf(u).loopback()
}

// header returns the Cookie header of the exchange, "" where there is none.
func (s *cookieStore) header(e *engine, c cookieContext) string {
	s.expire(c.now)
	if e.withheld(c) {
		return ""
	}
	sent := slices.DeleteFunc(slices.Clone(s.cookies), func(cookie storedCookie) bool {
		return !cookie.matches(e, c)
	})
	// The longest path first, then the oldest (section 5.8.3, step 2).
	slices.SortStableFunc(sent, func(a, b storedCookie) int { return len(b.path) - len(a.path) })
	pairs := make([]string, len(sent))
	for i, cookie := range sent {
		pairs[i] = cookie.name + "=" + cookie.value
		if cookie.name == "" {
			pairs[i] = cookie.value
		}
	}
	return strings.Join(pairs, "; ")
}

func (k *storedCookie) matches(e *engine, c cookieContext) bool {
	host := originOf(c.url).host
	switch {
	case k.partition != c.partition,
		k.hostOnly && host != k.domain,
		!k.hostOnly && !domainMatches(host, k.domain),
		!pathMatches(c.url.EscapedPath(), k.path),
		k.secure && !e.secure(c.url):
		return false
	}
	if c.sameSite {
		return true
	}
	return k.sameSite == http.SameSiteNoneMode ||
		k.sameSite == http.SameSiteLaxMode && c.topLevel && c.safe
}

// store takes the Set-Cookie lines of a response.
func (s *cookieStore) store(e *engine, c cookieContext, lines []string) {
	s.expire(c.now)
	for _, line := range lines {
		if cookie, err := http.ParseSetCookie(line); err == nil {
			s.set(e, c, cookie)
		}
	}
}

// set stores one cookie, or ignores it (section 5.7).
func (s *cookieStore) set(e *engine, c cookieContext, cookie *http.Cookie) {
	host := originOf(c.url).host
	k := storedCookie{
		name:      cookie.Name,
		value:     cookie.Value,
		path:      cookie.Path,
		secure:    cookie.Secure,
		sameSite:  cookie.SameSite,
		partition: c.partition,
	}
	if cookie.Quoted {
		k.value = `"` + k.value + `"`
	}
	if !strings.HasPrefix(k.path, "/") {
		k.path = defaultPath(c.url.EscapedPath())
	}
	var ok bool
	if k.domain, k.hostOnly, ok = cookieDomain(host, cookie.Domain); !ok || e.withheld(c) {
		return
	}
	switch {
	case cookie.MaxAge < 0:
		k.expires = c.now
	case cookie.MaxAge > 0:
		k.expires = c.now.Add(time.Duration(cookie.MaxAge) * time.Second)
	case !cookie.Expires.IsZero():
		k.expires = cookie.Expires
	}
	declared := k.sameSite
	switch declared {
	case http.SameSiteNoneMode, http.SameSiteLaxMode, http.SameSiteStrictMode:
	default:
		k.sameSite = http.SameSiteNoneMode
		if e.laxByDefault {
			k.sameSite = http.SameSiteLaxMode
		}
	}
	secure := e.secure(c.url)
	switch {
	case k.secure && !secure,
		declared == http.SameSiteNoneMode && !k.secure && !e.acceptsInsecureNone,
		k.sameSite != http.SameSiteNoneMode && !c.sameSite && !c.topLevel,
		hasPrefixFold(k.name, "__Secure-") && !k.secure,
		hasPrefixFold(k.name, "__Host-") && !(k.secure && k.hostOnly && k.path == "/" && cookie.Path == "/"):
		return
	}
	if !secure && slices.ContainsFunc(s.cookies, func(old storedCookie) bool { return old.secure && old.shadows(&k) }) {
		return // plain HTTP leaves secure cookies alone
	}
	if i := slices.IndexFunc(s.cookies, k.replaces); i >= 0 {
		s.cookies[i] = k // keeps the old one's age
	} else {
		s.cookies = append(s.cookies, k)
	}
	s.expire(c.now)
}

func (k *storedCookie) replaces(old storedCookie) bool {
	return k.name == old.name && k.domain == old.domain && k.hostOnly == old.hostOnly &&
		k.path == old.path && k.partition == old.partition
}

// shadows reports whether a secure cookie k would be hidden by the new one.
func (k *storedCookie) shadows(fresh *storedCookie) bool {
	return k.name == fresh.name && k.partition == fresh.partition &&
		(domainMatches(k.domain, fresh.domain) || domainMatches(fresh.domain, k.domain)) &&
		pathMatches(fresh.path, k.path)
}

func (s *cookieStore) expire(now time.Time) {
	s.cookies = slices.DeleteFunc(s.cookies, func(k storedCookie) bool {
		return !k.expires.IsZero() && !now.Before(k.expires)
	})
}

// cookieDomain returns the domain that a cookie of this Domain attribute is
// for, and whether it is for that host alone.
func cookieDomain(host, attribute string) (domain string, hostOnly, ok bool) {
	attribute = strings.ToLower(strings.TrimPrefix(attribute, "."))
	if attribute == "" || attribute == host {
		if suffix, _ := publicsuffix.PublicSuffix(host); attribute == "" || isIP(host) || suffix == host {
			return host, true, true
		}
		return host, false, true
	}
	if suffix, _ := publicsuffix.PublicSuffix(attribute); suffix == attribute {
		return "", false, false
	}
	return attribute, false, domainMatches(host, attribute)
}

func domainMatches(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain) && !isIP(host)
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func pathMatches(path, cookiePath string) bool {
	if path == "" {
		path = "/"
	}
	rest, ok := strings.CutPrefix(path, cookiePath)
	return ok && (rest == "" || strings.HasSuffix(cookiePath, "/") || rest[0] == '/')
}

// defaultPath is the directory of the URL's path.
func defaultPath(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

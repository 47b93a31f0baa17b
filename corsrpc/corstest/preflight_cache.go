package corstest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// A preflightCache is Fetch's "CORS-preflight cache", of one page: its network
// partition is always the same. Vary plays no part in it.
type preflightCache struct {
	entries []cacheEntry
}

// A cacheEntry allows one method or one header name.
type cacheEntry struct {
	origin, url string
	credentials bool
	method      string // or
	headerName  string // in the server's case
	expires     time.Time
}

// covers reports whether the cache allows the request, so that it needs no
// preflight (Fetch, HTTP fetch, step 4.1).
func (c *preflightCache) covers(f *fetch) bool {
	now := f.b.now()
	c.entries = slices.DeleteFunc(c.entries, func(e cacheEntry) bool { return !now.Before(e.expires) })
	covered := c.coversMethod(f) && c.coversHeaders(f)
	if !covered && f.b.engine.cache == lastResult {
		c.clear(f)
	}
	return covered
}

func (c *preflightCache) coversMethod(f *fetch) bool {
	return httpmethod.IsSafelisted(f.method) && !f.asksAlways() ||
		slices.ContainsFunc(c.entries, func(e cacheEntry) bool { return e.allowsMethod(f, f.method) })
}

func (c *preflightCache) coversHeaders(f *fetch) bool {
	for _, name := range f.unsafeNames() {
		if !slices.ContainsFunc(c.entries, func(e cacheEntry) bool { return e.allowsHeader(f, name) }) {
			return false
		}
	}
	return true
}

// allowsMethod is Fetch's "method cache entry match".
func (e *cacheEntry) allowsMethod(f *fetch, method string) bool {
	return e.matches(f) && e.method != "" && (e.method == method || e.method == "*" && f.reusesWildcard())
}

// allowsHeader is Fetch's "header-name cache entry match".
func (e *cacheEntry) allowsHeader(f *fetch, name string) bool {
	return e.matches(f) && (strings.EqualFold(e.headerName, name) ||
		e.headerName == "*" && f.reusesWildcard() && f.b.engine.wildcardCovers(name))
}

// reusesWildcard reports whether a remembered "*" allows anything. By the
// letter of the standard it does so even with credentials, where the same "*"
// in a response does not; engines look at the credentials again.
func (f *fetch) reusesWildcard() bool {
	return f.b.engine.cache == perName || f.credentials != CredentialsInclude
}

// matches is Fetch's "cache entry match".
func (e *cacheEntry) matches(f *fetch) bool {
	include := f.credentials == CredentialsInclude
	return e.origin == f.serializedOrigin() && e.url == f.cacheURL() &&
		(e.credentials == include || e.credentials && !f.b.engine.exactCredentials)
}

// store remembers the response to a successful preflight.
func (c *preflightCache) store(f *fetch, resp http.Header) {
	engine := f.b.engine
	if engine.cache == lastResult {
		c.clear(f)
	}
	methods, _ := headername.ParseList(resp.Values("Access-Control-Allow-Methods"))
	if len(resp.Values("Access-Control-Allow-Methods")) == 0 && f.asksAlways() {
		methods = []string{f.method} // step 7.4
	}
	names, _ := headername.ParseList(resp.Values("Access-Control-Allow-Headers"))
	fresh := cacheEntry{
		origin:      f.serializedOrigin(),
		url:         f.cacheURL(),
		credentials: f.credentials == CredentialsInclude,
		expires:     f.b.now().Add(engine.maxAge(resp)),
	}
	for _, method := range methods {
		entry := fresh
		entry.method = method
		c.add(f, entry, func(e *cacheEntry) bool { return e.allowsMethod(f, method) })
	}
	for _, name := range names {
		entry := fresh
		entry.headerName = name
		c.add(f, entry, func(e *cacheEntry) bool { return e.allowsHeader(f, name) })
	}
}

// add gives the matching entries the new one's age, or adds it where there is
// none.
func (c *preflightCache) add(f *fetch, entry cacheEntry, match func(*cacheEntry) bool) {
	if f.b.engine.cache == perNameWithoutWildcard && (entry.method == "*" || entry.headerName == "*") {
		return
	}
	found := false
	for i := range c.entries {
		if match(&c.entries[i]) {
			c.entries[i].expires, found = entry.expires, true
		}
	}
	if !found {
		c.entries = append(c.entries, entry)
	}
}

// clear is Fetch's "clear cache entries".
func (c *preflightCache) clear(f *fetch) {
	c.entries = slices.DeleteFunc(c.entries, func(e cacheEntry) bool {
		return e.origin == f.serializedOrigin() && e.url == f.cacheURL()
	})
}

// cacheURL is the whole URL, query included.
func (f *fetch) cacheURL() string { return f.url().String() }

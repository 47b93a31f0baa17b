package corstest

import (
	"net/http"
	"net/url"
	"slices"
)

const maxRedirects = 20 // Fetch, HTTP-redirect fetch, step 7

func isRedirect(status int) bool {
	return slices.Contains([]int{301, 302, 303, 307, 308}, status)
}

// redirectTo makes the request that a redirect asks for (Fetch, "HTTP-redirect
// fetch"), or returns why the browser does not make it.
func (f *fetch) redirectTo(location *url.URL, resp *http.Response) *BlockedError {
	if location.Scheme != "http" && location.Scheme != "https" || location.Host == "" {
		return f.blocked(RedirectNotAllowed, resp.Header, "")
	}
	if f.redirects == maxRedirects {
		return f.blocked(RedirectNotAllowed, resp.Header, "")
	}
	f.redirects++
	target := originOf(location)
	if f.mode == ModeCORS && includesCredentials(location) && !f.b.origin.sameOrigin(target) ||
		(f.tainting == TypeCORS || f.b.engine.refusesUserInfo) && includesCredentials(location) {
		return f.blocked(RedirectContainsCredentials, resp.Header, "")
	}
	status := resp.StatusCode
	if status != http.StatusSeeOther && f.stream != nil {
		return f.blocked(StreamNotAllowed, resp.Header, "")
	}
	if (status == 301 || status == 302) && f.method == http.MethodPost ||
		status == 303 && !isSafe(f.method) {
		f.method, f.body, f.stream = http.MethodGet, nil, nil
		f.remove("Content-Encoding", "Content-Language", "Content-Location", "Content-Type")
	}
	if !originOf(f.url()).sameOrigin(target) {
		f.remove("Authorization")
	}
	location.User = nil
	if location.Fragment == "" {
		location.Fragment = f.url().Fragment
	}
	f.urls = append(f.urls, location)
	return nil
}

// remove takes headers off the request.
func (f *fetch) remove(names ...string) {
	for _, e := range f.header {
		if lists(names, e.name) {
			f.removed = append(f.removed, e)
		}
	}
	f.header = f.header.without(names...)
}

// locationOf reads the Location of a redirect against the URL that was
// fetched. It returns nil where there is none, and reports failure where it is
// not one URL (Fetch, "location URL").
func (f *fetch) locationOf(resp *http.Response) (location *url.URL, ok bool) {
	switch lines := resp.Header.Values("Location"); len(lines) {
	case 0:
		return nil, true
	case 1:
		location, err := f.url().Parse(lines[0])
		return location, err == nil
	}
	return nil, false
}

// includesCredentials is the URL standard's: an empty name and password are
// none.
func includesCredentials(u *url.URL) bool {
	password, _ := u.User.Password()
	return u.User.Username() != "" || password != ""
}

// serializedOrigin is Fetch's "serializing a request origin": what the Origin
// header says. Once a redirect led from one foreign origin to another, that is
// null, also back on the page's own.
func (f *fetch) serializedOrigin() string {
	for i, u := range f.urls[1:] {
		last := originOf(f.urls[i])
		if !originOf(u).sameOrigin(last) && !f.b.origin.sameOrigin(last) {
			return "null"
		}
	}
	return f.b.origin.String()
}

package corstest

import (
	"net/http"
	"net/url"
	"slices"
)

// fetchMetadata returns the Sec-Fetch-* headers of the request or of its
// preflight, which browsers send to HTTPS and to loopback only (Fetch Metadata,
// section 2).
func (f *fetch) fetchMetadata(preflight bool) headerList {
	engine := f.b.engine
	if !originOf(f.url()).trustworthy() || engine.redirectDropsMetadata && f.tainting == TypeCORS && !preflight && f.leftOrigin() {
		return nil
	}
	destination := f.destination
	if destination == "" {
		destination = "empty"
	}
	site := f.site(f.urls)
	switch {
	case preflight && engine.preflightSite != everyURL:
		site = f.site(f.urls[len(f.urls)-1:])
		if engine.preflightSite == lastURLOrNull && f.serializedOrigin() == "null" {
			site = "cross-site"
		}
	case site == "same-site" && engine.distrustsRedirects && f.redirectedInsecurely():
		site = "cross-site"
	}
	if f.speculation != SpeculationNone {
		site = "none"
	}
	metadata := headerList{
		{"Sec-Fetch-Dest", destination},
		{"Sec-Fetch-Mode", f.mode.String()},
		{"Sec-Fetch-Site", site},
	}
	if f.speculation != SpeculationNone {
		metadata = append(metadata, headerEntry{"Sec-Purpose", purposes[f.speculation]})
	}
	return metadata
}

// site relates the page to URLs: to all that were fetched on the way, so that a
// redirect back to the page's own origin does not undo one to another site.
func (f *fetch) site(urls []*url.URL) string {
	site := "same-origin"
	for _, u := range urls {
		switch target := originOf(u); {
		case f.b.origin.sameOrigin(target):
		case f.b.origin.sameSite(target):
			site = "same-site"
		default:
			return "cross-site"
		}
	}
	return site
}

// leftOrigin reports whether a redirect led to another origin.
func (f *fetch) leftOrigin() bool {
	for i, u := range f.urls[1:] {
		if !originOf(u).sameOrigin(originOf(f.urls[i])) {
			return true
		}
	}
	return false
}

// redirectedInsecurely reports whether a redirect came over plain HTTP.
func (f *fetch) redirectedInsecurely() bool {
	return slices.ContainsFunc(f.urls[:len(f.urls)-1], func(u *url.URL) bool { return u.Scheme != "https" })
}

func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// referrer returns the Referer that the default policy sends. Only the page's
// origin is known, not its path (Referrer Policy,
// "strict-origin-when-cross-origin").
func (f *fetch) referrer() string {
	page := f.b.origin
	if page.opaque() || page.scheme != "http" && page.scheme != "https" ||
		page.trustworthy() && !originOf(f.url()).trustworthy() {
		return ""
	}
	return page.String() + "/"
}

// originHeader returns the value of the Origin header, or "" where the request
// has none (Fetch, "append a request Origin header").
func (f *fetch) originHeader() string {
	switch {
	case f.tainting == TypeCORS:
		return f.serializedOrigin()
	case isSafe(f.method) && !(f.b.engine.redirectKeepsOrigin && !isSafe(f.hadMethod)):
		return ""
	case f.mode != ModeCORS && f.b.origin.scheme == "https" && f.url().Scheme != "https":
		return "null" // the default referrer policy, again
	}
	return f.serializedOrigin()
}

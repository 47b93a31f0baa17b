package corstest

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// otherOrigin is that of a page which nobody has (RFC 2606).
const otherOrigin = "https://other.corstest.example"

// missingVary reports whether responses to GET differ by Origin, and one of them
// lacks "Vary: Origin": then a cache serves the response for one origin, or for
// none, to pages of another, and their browser blocks it.
func (p *probe) missingVary() (bool, error) {
	var responses []http.Header
	for _, origin := range []string{p.origin.String(), otherOrigin, ""} {
		header, err := p.get(origin)
		if err != nil {
			return false, err
		}
		responses = append(responses, header)
	}
	differ, missing := false, false
	first, _ := get(responses[0], "Access-Control-Allow-Origin")
	for _, header := range responses {
		allowed, _ := get(header, "Access-Control-Allow-Origin")
		differ = differ || allowed != first
		missing = missing || !variesByOrigin(header)
	}
	return differ && missing, nil
}

// get returns the headers of the response to a GET with this Origin, or without
// one, as of a user who typed the URL.
func (p *probe) get(origin string) (http.Header, error) {
	r := p.request(nil)
	request, err := http.NewRequestWithContext(p.ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, err
	}
	request.Header = p.brakes(true)
	request.Header.Set("Accept-Encoding", acceptEncoding)
	request.Header.Set("User-Agent", p.profile.engine().userAgent)
	mode, site := "navigate", "none"
	if origin != "" {
		request.Header.Set("Origin", origin)
		mode, site = "cors", p.siteOf(origin, request.URL)
	}
	if originOf(request.URL).trustworthy() {
		request.Header.Set("Sec-Fetch-Mode", mode)
		request.Header.Set("Sec-Fetch-Site", site)
	}
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	return normalized(response.Header), nil
}

func (p *probe) siteOf(origin string, target *url.URL) string {
	if o, err := parseOrigin(origin); err == nil && o.sameSite(originOf(target)) {
		return "same-site"
	}
	return "cross-site"
}

// variesByOrigin reports whether caches keep the response apart by Origin, or
// keep it not at all.
func variesByOrigin(header http.Header) bool {
	names, _ := headername.ParseList(header.Values("Vary"))
	if lists(names, "Origin") || lists(names, "*") {
		return true
	}
	directives, _ := get(header, "Cache-Control")
	return strings.Contains(strings.ToLower(directives), "no-store")
}

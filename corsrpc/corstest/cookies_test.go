package corstest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// cookiesSent makes a call that sets cookies, and one to another URL, and
// returns the second's Cookie header.
func cookiesSent(t *testing.T, page string, set corstest.Request, lines []string, then corstest.Request, opts ...corstest.Option) string {
	t.Helper()
	s := &server{}
	s.answer = func(req *http.Request, header http.Header) int {
		header.Set(allowOrigin, page)
		header.Set(allowCreds, "true")
		if len(s.requests) == 1 {
			header["Set-Cookie"] = lines
		}
		return http.StatusOK
	}
	b := corstest.NewBrowser(page, append(opts, corstest.WithTransport(s))...)
	requireAnswered(t, b, set)
	requireAnswered(t, b, then)
	return s.requests[1].Header.Get("Cookie")
}

func TestCookies(t *testing.T) {
	t.Parallel()
	include := func(url string) corstest.Request {
		return corstest.Request{URL: url, Credentials: corstest.CredentialsInclude}
	}
	rows := []struct {
		name string
		page string
		url  string
		set  string
		then string
		want string
	}{
		{"back to the host", pageOrigin, apiURL, "a=b", apiURL, "a=b"},
		{"not to another host", pageOrigin, apiURL, "a=b", "https://other.example.com/", ""},
		{"to subdomains with Domain", pageOrigin, apiURL, "a=b; Domain=.example.com", "https://other.example.com/", "a=b"},
		{"not for another domain", pageOrigin, apiURL, "a=b; Domain=other.example.com", "https://other.example.com/", ""},
		{"not for a public suffix", "https://example.co.uk", "https://example.co.uk/", "a=b; Domain=co.uk", "https://example.co.uk/", ""},
		{"an IP address has no subdomains", "http://127.0.0.1", "http://127.0.0.1/", "a=b; Domain=127.0.0.1", "http://127.0.0.1/", "a=b"},
		{"below its path", pageOrigin, apiURL + "x/y", "a=b", apiURL + "x/z/1", "a=b"},
		{"not beside its path", pageOrigin, apiURL, "a=b; Path=/x", apiURL + "xy", ""},
		{"a relative path is none", pageOrigin, apiURL, "a=b; Path=x", apiURL, "a=b"},
		{"Secure to HTTPS", pageOrigin, apiURL, "a=b; Secure", apiURL, "a=b"},
		{"Secure not to plain HTTP", "http://app.test", "http://api.app.test/", "a=b; Secure", "http://api.app.test/", ""},
		{"SameSite=None goes everywhere", pageOrigin, "https://api.example.org/", "a=b; SameSite=None; Secure", "https://api.example.org/", "a=b"},
		{"SameSite=None must be Secure", pageOrigin, "https://api.example.org/", "a=b; SameSite=None", "https://api.example.org/", ""},
		{"SameSite=Lax does not cross sites", pageOrigin, "https://api.example.org/", "a=b; SameSite=Lax; Secure", "https://api.example.org/", ""},
		{"nor does one without SameSite", pageOrigin, "https://api.example.org/", "a=b; Secure", "https://api.example.org/", ""},
		{"SameSite=Strict stays on the site", pageOrigin, apiURL, "a=b; SameSite=Strict", apiURL, "a=b"},
		{"__Host- needs Path=/", pageOrigin, apiURL, "__Host-a=b; Secure", apiURL, ""},
		{"__Host- as it should be", pageOrigin, apiURL, "__Host-a=b; Secure; Path=/", apiURL, "__Host-a=b"},
		{"__Host- has no Domain", pageOrigin, apiURL, "__Host-a=b; Secure; Path=/; Domain=api.example.com", apiURL, ""},
		{"__Secure- must be", pageOrigin, apiURL, "__Secure-a=b", apiURL, ""},
		{"the longest path first, then the oldest", pageOrigin, apiURL + "x/", "a=1; Path=/|b=2; Path=/x/|c=3; Path=/", apiURL + "x/", "b=2; a=1; c=3"},
		{"the last of a name", pageOrigin, apiURL, "a=1; Path=/|b=2; Path=/|a=3; Path=/", apiURL, "a=3; b=2"},
		{"deleted", pageOrigin, apiURL, "a=1|a=; Max-Age=0", apiURL, ""},
		{"expired", pageOrigin, apiURL, "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", apiURL, ""},
		{"quotes are part of the value", pageOrigin, apiURL, `a="b"`, apiURL, `a="b"`},
		{"malformed", pageOrigin, apiURL, "=|;|a b=c", apiURL, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, row.want, cookiesSent(t, row.page, include(row.url), strings.Split(row.set, "|"), include(row.then)))
		})
	}
}

func TestCookiesOfThirdPartiesByProfile(t *testing.T) {
	t.Parallel()
	const third = "https://api.example.org/"
	include := corstest.Request{URL: third, Credentials: corstest.CredentialsInclude}
	set := []string{"none=1; SameSite=None; Secure", "plain=1; Secure"}
	for i, profile := range everyProfile {
		assert.Equal(t, [4]string{"none=1", "", "none=1; plain=1", ""}[i], cookiesSent(t, pageOrigin, include, set, include, corstest.WithProfile(profile)), profile.String())
		assert.Equal(t, [4]string{"none=1", "none=1", "none=1; plain=1", "none=1; plain=1"}[i],
			cookiesSent(t, pageOrigin, include, set, include, corstest.WithProfile(profile), corstest.WithThirdPartyCookies(true)), profile.String())
		assert.Empty(t, cookiesSent(t, pageOrigin, include, set, include, corstest.WithProfile(profile), corstest.WithThirdPartyCookies(false)), profile.String())
	}
}

func TestCookiesSecureOnLoopbackByProfile(t *testing.T) {
	t.Parallel()
	include := corstest.Request{URL: "http://localhost:8080/", Credentials: corstest.CredentialsInclude}
	for i, profile := range everyProfile {
		got := cookiesSent(t, "http://localhost:5173", include, []string{"a=b; Secure"}, include, corstest.WithProfile(profile))
		assert.Equal(t, [4]string{"", "a=b", "a=b", ""}[i], got, profile.String())
	}
}

func TestSetCookieIsAVisitOfTheServerItself(t *testing.T) {
	t.Parallel()
	const third = "https://api.example.org/"
	cookies := []*http.Cookie{
		{Name: "none", Value: "1", SameSite: http.SameSiteNoneMode, Secure: true},
		{Name: "lax", Value: "1", SameSite: http.SameSiteLaxMode, Secure: true},
		{Name: "strict", Value: "1", SameSite: http.SameSiteStrictMode, Secure: true},
	}
	rows := []struct {
		name    string
		request corstest.Request
		want    [4]string
	}{
		{
			"a call with credentials", corstest.Request{URL: third, Credentials: corstest.CredentialsInclude},
			[4]string{"none=1", "", "", ""}, // Firefox has another jar for third parties
		},
		{"an image", corstest.Request{URL: third, Mode: corstest.ModeNoCORS, Destination: "image", Credentials: corstest.CredentialsInclude}, [4]string{"none=1", "", "", ""}},
		{"a link", corstest.Request{URL: third, Mode: corstest.ModeNavigate}, [4]string{"none=1; lax=1", "none=1; lax=1", "none=1; lax=1", "none=1; lax=1"}},
		{"a form", corstest.Request{Method: "POST", URL: third, Mode: corstest.ModeNavigate}, [4]string{"none=1", "none=1", "none=1", "none=1"}},
		{"a frame", corstest.Request{URL: third, Mode: corstest.ModeNavigate, Destination: "iframe"}, [4]string{"none=1", "", "", ""}},
	}
	for _, row := range rows {
		for i, profile := range everyProfile {
			s := saying(allowOrigin, pageOrigin, allowCreds, "true")
			b := on(s, corstest.WithProfile(profile))
			for _, cookie := range cookies {
				b.SetCookie(third, cookie)
			}
			requireAnswered(t, b, row.request)
			assert.Equal(t, row.want[i], s.requests[0].Header.Get("Cookie"), "%s in %s", row.name, profile)
		}
	}
	assert.PanicsWithValue(t, `corstest: SetCookie: "example.org" is not an absolute URL of http or https`, func() {
		corstest.NewBrowser(pageOrigin).SetCookie("example.org", cookies[0])
	})
}

func TestCookiesEndByTheClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	s := saying(allowOrigin, pageOrigin, allowCreds, "true")
	b := on(s, corstest.WithClock(func() time.Time { return now }))
	b.SetCookie(apiURL, &http.Cookie{Name: "hour", Value: "1", MaxAge: 3600})
	b.SetCookie(apiURL, &http.Cookie{Name: "day", Value: "1", Expires: now.Add(24 * time.Hour)})
	b.SetCookie(apiURL, &http.Cookie{Name: "session", Value: "1"})
	for _, want := range []string{"hour=1; day=1; session=1", "day=1; session=1", "session=1"} {
		requireAnswered(t, b, corstest.Request{URL: apiURL, Credentials: corstest.CredentialsInclude})
		assert.Equal(t, want, s.requests[len(s.requests)-1].Header.Get("Cookie"))
		now = now.Add(12 * time.Hour)
	}
}

// Plain HTTP neither overwrites a Secure cookie nor hides it.
func TestCookiesSecureAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := saying(allowOrigin, "http://app.example.com", allowCreds, "true", "Set-Cookie", "a=attack; Domain=example.com")
	b := corstest.NewBrowser("http://app.example.com", corstest.WithTransport(s))
	b.SetCookie("https://api.example.com/", &http.Cookie{Name: "a", Value: "b", Secure: true})
	requireAnswered(t, b, corstest.Request{URL: "http://api.example.com/", Credentials: corstest.CredentialsInclude})
	requireAnswered(t, b, corstest.Request{URL: "http://api.example.com/", Credentials: corstest.CredentialsInclude})
	assert.Empty(t, s.requests[1].Header.Get("Cookie"))
}

// A preflight never has cookies, and a response that is blocked sets them all
// the same.
func TestCookiesAndPermission(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(req *http.Request, header http.Header) int {
		if isPreflight(req) {
			header.Set(allowOrigin, pageOrigin)
			header.Set(allowCreds, "true")
			header.Set(allowHeaders, "x-a")
			header.Set("Set-Cookie", "preflight=1")
		} else {
			header.Set("Set-Cookie", "blocked=1")
		}
		return http.StatusOK
	}}
	b := on(s)
	b.SetCookie(apiURL, &http.Cookie{Name: "a", Value: "b"})
	r := corstest.Request{URL: apiURL, Credentials: corstest.CredentialsInclude, Header: http.Header{"X-A": {"1"}}}
	requireBlocked(t, b, r)
	requireBlocked(t, b, r)
	var sent []string
	for _, req := range s.requests {
		sent = append(sent, req.Header.Get("Cookie"))
	}
	require.Equal(t, []string{"", "a=b", "", "a=b; blocked=1"}, sent)
}

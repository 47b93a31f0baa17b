package corstest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

var everyProfile = []corstest.Profile{corstest.Standard, corstest.Chromium, corstest.Firefox, corstest.WebKit}

// Where engines differ in what servers can notice. What redirects change is
// held to recordings, in TestReplay.
func TestProfiles(t *testing.T) {
	t.Parallel()
	type verdicts [4]bool // in the order of everyProfile
	authorization := corstest.Request{URL: apiURL, Header: http.Header{"Authorization": {"Bearer x"}}}
	conditional := corstest.Request{URL: apiURL, Header: http.Header{"If-None-Match": {"x"}}}
	rows := []struct {
		name string
		want verdicts
		ok   func(t *testing.T, profile corstest.Profile) bool
	}{
		{"Allow-Headers * covers Authorization", verdicts{false, true, true, true}, func(t *testing.T, profile corstest.Profile) bool {
			_, err := on(saying(allowOrigin, "*", allowHeaders, "*"), corstest.WithProfile(profile)).Fetch(t.Context(), authorization)
			return err == nil
		}},
		{"a 304 without the headers is readable", verdicts{false, true, false, true}, func(t *testing.T, profile corstest.Profile) bool {
			s := &server{answer: func(req *http.Request, header http.Header) int {
				if isPreflight(req) {
					header.Set(allowOrigin, "*")
					header.Set(allowHeaders, "if-none-match")
					return http.StatusNoContent
				}
				return http.StatusNotModified
			}}
			_, err := on(s, corstest.WithProfile(profile)).Fetch(t.Context(), conditional)
			return err == nil
		}},
		{"a script may set User-Agent", verdicts{true, false, true, true}, func(t *testing.T, profile corstest.Profile) bool {
			s := saying(allowOrigin, "*", allowHeaders, "user-agent")
			requireAnswered(t, on(s, corstest.WithProfile(profile)), corstest.Request{URL: apiURL, Header: http.Header{"User-Agent": {"mine"}}})
			return s.requests[len(s.requests)-1].UserAgent() == "mine"
		}},
		{"a repeated header is listed once", verdicts{true, true, false, true}, func(t *testing.T, profile corstest.Profile) bool {
			s := saying(allowOrigin, "*", allowHeaders, "x-a")
			requireAnswered(t, on(s, corstest.WithProfile(profile)), corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1", "2"}}})
			return s.requests[0].Header.Get("Access-Control-Request-Headers") == "x-a"
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for i, profile := range everyProfile {
				assert.Equal(t, row.want[i], row.ok(t, profile), profile.String())
			}
		})
	}
}

func TestPreflightCacheByProfile(t *testing.T) {
	t.Parallel()
	a, b, both := http.Header{"X-A": {"1"}}, http.Header{"X-B": {"1"}}, http.Header{"X-A": {"1"}, "X-B": {"1"}}
	bearer := http.Header{"Authorization": {"Bearer x"}}
	get := func(header http.Header) corstest.Request { return corstest.Request{URL: apiURL, Header: header} }
	include := func(header http.Header) corstest.Request {
		return corstest.Request{URL: apiURL, Header: header, Credentials: corstest.CredentialsInclude}
	}
	put := corstest.Request{Method: "PUT", URL: apiURL}
	const day = 24 * time.Hour
	rows := []struct {
		name     string
		maxAge   []string
		methods  string
		headers  string
		fetches  []corstest.Request
		wait     time.Duration // before the last
		asksLast [4]bool       // whether the last has a preflight, in the order of everyProfile
	}{
		{"the same again", []string{"600"}, "", "x-a", []corstest.Request{get(a), get(a)}, 0, [4]bool{}},
		{"just before its end", []string{"600"}, "", "x-a", []corstest.Request{get(a), get(a)}, 600*time.Second - 1, [4]bool{}},
		{"at its end", []string{"600"}, "", "x-a", []corstest.Request{get(a), get(a)}, 600 * time.Second, [4]bool{true, true, true, true}},
		{"WebKit forgets after 10 minutes", []string{"86400"}, "", "x-a", []corstest.Request{get(a), get(a)}, 600 * time.Second, [4]bool{false, false, false, true}},
		{"Chromium forgets after 2 hours", []string{"86401"}, "", "x-a", []corstest.Request{get(a), get(a)}, 2 * time.Hour, [4]bool{false, true, false, true}},
		{"Firefox forgets after a day", []string{"86401"}, "", "x-a", []corstest.Request{get(a), get(a)}, day, [4]bool{false, true, true, true}},
		{"no Max-Age is 5 seconds", nil, "", "x-a", []corstest.Request{get(a), get(a)}, 5*time.Second - 1, [4]bool{}},
		{"no Max-Age is no more", nil, "", "x-a", []corstest.Request{get(a), get(a)}, 5 * time.Second, [4]bool{true, true, true, true}},
		{"a malformed Max-Age is 5 seconds, but not in Firefox", []string{"soon"}, "", "x-a", []corstest.Request{get(a), get(a)}, 0, [4]bool{false, false, true, false}},
		{"two of them are malformed", []string{"600", "600"}, "", "x-a", []corstest.Request{get(a), get(a)}, 10 * time.Second, [4]bool{true, true, true, true}},
		{"0", []string{"0"}, "", "x-a", []corstest.Request{get(a), get(a)}, 0, [4]bool{true, true, true, true}},
		{"a large Max-Age does not overflow", []string{"99999999999999999999"}, "", "x-a", []corstest.Request{get(a), get(a)}, time.Minute, [4]bool{}},
		{"another listed name", []string{"600"}, "", "x-a,x-b", []corstest.Request{get(a), get(b)}, 0, [4]bool{}},
		{"more listed names", []string{"600"}, "", "X-A,X-B", []corstest.Request{get(a), get(both)}, 0, [4]bool{}},
		{"a name that is not listed", []string{"600"}, "", "x-a", []corstest.Request{get(a), get(both)}, 0, [4]bool{true, true, true, true}},
		{"a listed method", []string{"600"}, "PUT", "x-a", []corstest.Request{get(a), put}, 0, [4]bool{}},
		{"* for another name", []string{"600"}, "", "*", []corstest.Request{get(a), get(b)}, 0, [4]bool{false, false, true, false}},
		{"* for Authorization", []string{"600"}, "", "*", []corstest.Request{get(a), get(bearer)}, 0, [4]bool{true, false, true, false}},
		{"made with credentials, used without", []string{"600"}, "", "x-a", []corstest.Request{include(a), get(a)}, 0, [4]bool{false, false, true, false}},
		{"made without credentials, used with", []string{"600"}, "", "x-a", []corstest.Request{get(a), include(a)}, 0, [4]bool{true, true, true, true}},
		{"another query", []string{"600"}, "", "x-a", []corstest.Request{get(a), {URL: apiURL + "?x", Header: a}}, 0, [4]bool{true, true, true, true}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for i, profile := range everyProfile {
				s := &server{answer: func(req *http.Request, header http.Header) int {
					header.Set(allowOrigin, pageOrigin)
					header.Set(allowCreds, "true")
					header.Set(allowHeaders, row.headers)
					header.Set(allowMethods, row.methods)
					header[maxAge] = row.maxAge
					return http.StatusOK
				}}
				now := time.Unix(0, 0)
				browser := on(s, corstest.WithProfile(profile), corstest.WithClock(func() time.Time { return now }))
				before := 0
				for n, r := range row.fetches {
					if before = s.preflights; n == len(row.fetches)-1 {
						now = now.Add(row.wait)
					}
					_, _ = browser.Fetch(t.Context(), r) // refusals are preflights too
				}
				assert.Equal(t, row.asksLast[i], s.preflights > before, profile.String())
			}
		})
	}
}

// A response that fails makes the standard and Firefox ask again.
func TestPreflightCacheAfterAFailure(t *testing.T) {
	t.Parallel()
	for i, profile := range everyProfile {
		s := &server{answer: func(req *http.Request, header http.Header) int {
			if isPreflight(req) {
				header.Set(allowOrigin, "*")
				header.Set(allowHeaders, "x-a")
				header.Set(maxAge, "600")
			}
			return http.StatusOK
		}}
		b := on(s, corstest.WithProfile(profile))
		r := corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}}}
		requireBlocked(t, b, r)
		requireBlocked(t, b, r)
		assert.Equal(t, [4]int{2, 1, 2, 1}[i], s.preflights, profile.String())
	}
}

// Chromium and WebKit keep one response per URL; the standard and Firefox add to
// what they know.
func TestPreflightCacheAccumulatesOrNot(t *testing.T) {
	t.Parallel()
	for i, profile := range everyProfile {
		s := &server{answer: func(req *http.Request, header http.Header) int {
			header.Set(allowOrigin, "*")
			header.Set(allowHeaders, req.Header.Get("Access-Control-Request-Headers")) // an echo
			header.Set(maxAge, "600")
			return http.StatusOK
		}}
		b := on(s, corstest.WithProfile(profile))
		for _, name := range []string{"X-A", "X-B", "X-A"} {
			requireAnswered(t, b, corstest.Request{URL: apiURL, Header: http.Header{name: {"1"}}})
		}
		assert.Equal(t, [4]int{2, 3, 2, 3}[i], s.preflights, profile.String())
	}
}

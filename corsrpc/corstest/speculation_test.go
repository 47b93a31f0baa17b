package corstest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// Recorded with Chromium 156 on a page whose speculation rules have the eagerness
// immediate.
func TestFetchSpeculates(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		page        string
		speculation corstest.Speculation
		purpose     string
		cookie      string
	}{
		{"a prefetch across sites", "https://evil.test", corstest.SpeculationPrefetch, "prefetch", ""},
		{"a prerender across sites", "https://evil.test", corstest.SpeculationPrerender, "prefetch;prerender", ""},
		{"a prefetch from a sibling subdomain", "https://blog.example.com", corstest.SpeculationPrefetch, "prefetch", "strict=1; lax=1; none=1"},
		{"a prerender from a sibling subdomain", "https://blog.example.com", corstest.SpeculationPrerender, "prefetch;prerender", "strict=1; lax=1; none=1"},
		{"a prefetch of the page's own origin", "https://api.example.com", corstest.SpeculationPrefetch, "prefetch", "strict=1; lax=1; none=1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := saying()
			b := corstest.NewBrowser(row.page, corstest.WithTransport(s), corstest.WithProfile(corstest.Chromium), corstest.WithThirdPartyCookies(true))
			for name, sameSite := range map[string]http.SameSite{"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode} {
				b.SetCookie(apiURL, &http.Cookie{Name: name, Value: "1", SameSite: sameSite, Secure: true})
			}
			requireAnswered(t, b, corstest.Request{URL: apiURL, Mode: corstest.ModeNavigate, Speculation: row.speculation})
			require.Len(t, s.requests, 1)
			header := s.requests[0].Header
			assert.Equal(t, http.MethodGet, s.requests[0].Method)
			assert.Empty(t, header.Values("Origin"))
			assert.Equal(t, "none", header.Get("Sec-Fetch-Site"))
			assert.Equal(t, "navigate", header.Get("Sec-Fetch-Mode"))
			assert.Equal(t, "document", header.Get("Sec-Fetch-Dest"))
			assert.Equal(t, row.purpose, header.Get("Sec-Purpose"))
			if row.cookie == "" {
				assert.Empty(t, header.Values("Cookie"))
				return
			}
			for _, name := range []string{"strict=1", "lax=1", "none=1"} {
				assert.Contains(t, header.Get("Cookie"), name)
			}
		})
	}
}

func TestFetchOfWhatDoesNotSpeculate(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		request corstest.Request
		profile corstest.Profile
		want    string
	}{
		{corstest.Request{Mode: corstest.ModeNavigate, Speculation: corstest.SpeculationPrefetch}, corstest.Firefox, "Firefox has no speculation rules"},
		{corstest.Request{Mode: corstest.ModeNavigate, Speculation: corstest.SpeculationPrerender}, corstest.WebKit, "WebKit has no speculation rules"},
		{corstest.Request{Speculation: corstest.SpeculationPrefetch}, corstest.Chromium, "a speculation is a GET in ModeNavigate"},
		{corstest.Request{Method: "POST", Mode: corstest.ModeNavigate, Speculation: corstest.SpeculationPrefetch}, corstest.Standard, "a speculation is a GET in ModeNavigate"},
		{corstest.Request{Mode: corstest.ModeNavigate, Speculation: 3}, corstest.Standard, "there is no speculation 3"},
	} {
		row.request.URL = apiURL
		s := saying()
		_, err := on(s, corstest.WithProfile(row.profile)).Fetch(t.Context(), row.request)
		require.ErrorContains(t, err, row.want)
		assert.Empty(t, s.requests)
	}
}

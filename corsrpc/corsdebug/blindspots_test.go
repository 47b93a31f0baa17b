package corsdebug_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// A comparison is a server with a candidate beside its policy.
type comparison struct {
	policy, candidate *corsrpc.Policy
	compared          http.Handler // the policy in force, with Compare around it
	other             http.Handler // what the server would be with the candidate
	calls             int
	reported          []string // kind, outcome in force, outcome of the candidate
}

func newComparison(t *testing.T, policy, candidate corsrpc.Config) *comparison {
	t.Helper()
	c := &comparison{}
	var err error
	c.policy, err = corsrpc.New(policy)
	require.NoError(t, err)
	c.candidate, err = corsrpc.New(candidate)
	require.NoError(t, err)
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.calls++
		w.Header().Set("X-Region", "7")
	})
	c.compared = corsdebug.Compare(c.policy, c.candidate, func(_ context.Context, d corsdebug.Difference) {
		c.reported = append(c.reported, d.Enforced.Kind.String()+" "+d.Enforced.Outcome.String()+" "+d.Candidate.Outcome.String())
	})(c.policy.Wrap(inner))
	c.other = c.candidate.Wrap(inner)
	return c
}

func (c *comparison) differences() *corsdiff.Report { return corsdiff.Compare(c.policy, c.candidate) }

// call is a unary Connect call of a page.
func call(t *testing.T, page *corstest.Browser, header ...string) (*corstest.Response, error) {
	t.Helper()
	r := corstest.Request{
		Method: "POST", URL: "https://api.example.com" + addItem, Body: strings.NewReader("{}"),
		Header: http.Header{"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}}, Credentials: corstest.CredentialsInclude,
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return page.Fetch(t.Context(), r)
}

func blindConfig(change func(*corsrpc.Config)) corsrpc.Config {
	c := corsrpc.Config{Origins: []string{app}, Credentials: true, RequestHeaders: []string{"X-Debug"}, ResponseHeaders: []string{"X-Region"},
		Audiences: map[string][]string{"storefront": {app}, "backoffice": {}}}
	if change != nil {
		change(&c)
	}
	return c
}

func has(changes []corsdiff.Change, kind corsdiff.Kind, value string) bool {
	for _, change := range changes {
		if change.Kind == kind && change.Value == value {
			return true
		}
	}
	return false
}

// The candidate allows the preflight that is refused now. The page calls with
// cookies, which the candidate does not allow, but its call never arrives: what is
// reported looks like a gain, and the page gains nothing.
func TestCompareSeesNoCallAfterARefusedPreflight(t *testing.T) {
	t.Parallel()
	const page = "https://new.example.com"
	c := newComparison(t, blindConfig(nil), blindConfig(func(c *corsrpc.Config) {
		c.Audiences["storefront"] = []string{app, page}
		c.Credentials = false
	}))
	cookie := &http.Cookie{Name: "session", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode}

	browser := corstest.NewBrowser(page, corstest.WithHandler(c.compared))
	browser.SetCookie("https://api.example.com/", cookie)
	_, err := call(t, browser)
	require.Error(t, err)
	assert.Equal(t, []string{"preflight refused allowed"}, c.reported)
	assert.Zero(t, c.calls)

	other := corstest.NewBrowser(page, corstest.WithHandler(c.other))
	other.SetCookie("https://api.example.com/", cookie)
	_, err = call(t, other)
	require.Error(t, err)
	assert.Zero(t, c.calls)

	report := c.differences()
	assert.True(t, has(report.Gained, corsdiff.Call, page), "%v", report.Gained)
	assert.False(t, has(report.Gained, corsdiff.Credentials, page), "%v", report.Gained)
}

// As long as a browser has the old preflight's response, it sends calls with a
// header that the candidate does not list.
func TestCompareSeesNoCachedPreflight(t *testing.T) {
	t.Parallel()
	c := newComparison(t, blindConfig(nil), blindConfig(func(c *corsrpc.Config) { c.RequestHeaders = nil }))
	now := time.Unix(0, 0)
	clock := corstest.WithClock(func() time.Time { return now })

	served := c.policy.Wrap(http.NotFoundHandler())
	browser := corstest.NewBrowser(app, clock, corstest.WithHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) })))
	_, err := call(t, browser, "X-Debug", "1")
	require.NoError(t, err)

	served = c.compared // installed while pages are open
	_, err = call(t, browser, "X-Debug", "1")
	require.NoError(t, err)
	assert.Equal(t, 1, c.calls)
	assert.Empty(t, c.reported, "the browser asked before")

	now = now.Add(2*time.Hour + time.Second)
	_, err = call(t, browser, "X-Debug", "1")
	require.NoError(t, err)
	assert.Equal(t, []string{"preflight allowed blocked"}, c.reported, "it asks again")

	_, err = call(t, corstest.NewBrowser(app, corstest.WithHandler(c.other)), "X-Debug", "1")
	require.Error(t, err, "the page's call is lost")
	report := c.differences()
	assert.True(t, has(report.Lost, corsdiff.Send, "X-Debug"), "%v", report.Lost)
}

// A response is allowed, whichever headers the page can read of it.
func TestCompareSeesNoLostExposure(t *testing.T) {
	t.Parallel()
	c := newComparison(t, blindConfig(nil), blindConfig(func(c *corsrpc.Config) { c.ResponseHeaders = nil }))
	read := func(h http.Handler) string {
		response, err := call(t, corstest.NewBrowser(app, corstest.WithHandler(h)))
		require.NoError(t, err)
		defer response.Body.Close()
		return response.Header.Get("X-Region")
	}
	assert.Equal(t, "7", read(c.compared))
	assert.Empty(t, c.reported)
	assert.Empty(t, read(c.other), "the header is lost")
	report := c.differences()
	assert.True(t, has(report.Lost, corsdiff.Read, "X-Region"), "%v", report.Lost)
}

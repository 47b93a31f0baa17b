package corstest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// The facts of web-platform-tests' CORS tests, as rows. Each test names the
// file that it took them from, and how many there are; rows of older versions
// that the standard has overtaken are left out.

const (
	wptOrigin       = "http://web-platform.test"
	wptRemote       = "http://www1.web-platform.test"
	wptRemote2      = "http://www2.web-platform.test"
	wptOtherPort    = "http://web-platform.test:8001"
	wptRemoteHTTPS  = "https://www1.web-platform.test"
	wptOriginHTTPS  = "https://web-platform.test:8443"
	wptRemotePort   = "http://www1.web-platform.test:8001"
	allowOrigin     = "Access-Control-Allow-Origin"
	allowMethods    = "Access-Control-Allow-Methods"
	allowHeaders    = "Access-Control-Allow-Headers"
	allowCreds      = "Access-Control-Allow-Credentials"
	exposeHeaders   = "Access-Control-Expose-Headers"
	maxAge          = "Access-Control-Max-Age"
	requestedMethod = "Access-Control-Request-Method"
)

// A server responds to requests, and notes which were preflights.
type server struct {
	answer     func(req *http.Request, header http.Header) (status int)
	preflights int
	requests   []*http.Request
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	header := http.Header{}
	s.requests = append(s.requests, req)
	if isPreflight(req) {
		s.preflights++
	}
	status := s.answer(req, header)
	return &http.Response{StatusCode: status, ProtoMajor: 2, Header: header, Body: http.NoBody}, nil
}

func (s *server) browser(opts ...corstest.Option) *corstest.Browser {
	return corstest.NewBrowser(wptOrigin, append(opts, corstest.WithTransport(s))...)
}

func isPreflight(req *http.Request) bool {
	return req.Method == http.MethodOptions && req.Header.Get(requestedMethod) != ""
}

// saying responds to everything with these headers and 200.
func saying(pairs ...string) *server {
	return &server{answer: func(_ *http.Request, header http.Header) int {
		for i := 0; i < len(pairs); i += 2 {
			header.Add(pairs[i], pairs[i+1])
		}
		return http.StatusOK
	}}
}

func requireAnswered(t *testing.T, b *corstest.Browser, r corstest.Request) *corstest.Response {
	t.Helper()
	response, err := b.Fetch(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

func requireBlocked(t *testing.T, b *corstest.Browser, r corstest.Request) *corstest.BlockedError {
	t.Helper()
	_, err := b.Fetch(t.Context(), r)
	var blocked *corstest.BlockedError
	require.ErrorAs(t, err, &blocked)
	return blocked
}

func requireOutcome(t *testing.T, succeeds bool, b *corstest.Browser, r corstest.Request) {
	t.Helper()
	if succeeds {
		requireAnswered(t, b, r)
	} else {
		requireBlocked(t, b, r)
	}
}

// fetch/api/cors/cors-preflight-star.any.js
func TestWPTPreflightStar(t *testing.T) {
	t.Parallel()
	type row struct {
		succeeds, credentials    bool
		allowMethod, allowHeader string
		method                   string
		headerName, headerValue  string
	}
	rows := []row{
		{true, false, "get", "x-test", "GET", "X-Test", "1"},
		{true, false, "*", "x-test", "SUPER", "X-Test", "1"},
		{true, false, "*", "*", "OK", "X-Test", "1"},
		{false, true, "*", "*", "OK", "X-Test", "1"},
		{false, true, "*", "", "PUT", "", ""},
		{false, true, "get", "*", "GET", "X-Test", "1"},
		{false, true, "*", "*", "GET", "X-Test", "1"},
		{true, true, "*", "*", "*", "*", "1"},
		{true, true, "PATCH", "*", "PATCH", "", ""},
		{false, true, "PATCH", "*", "patch", "", ""},
		{false, true, "patch", "*", "PATCH", "", ""},
		{true, true, "patch", "*", "patch", "", ""},
		{false, false, "*", "*", "POST", "Authorization", "123"},
		{true, false, "*", "*, Authorization", "POST", "Authorization", "123"},
		{true, true, "OK", "Content-Type", "GET", "Content-Type", "uni/corn"},
		{true, true, "", "*", "get", "", ""},
		{true, true, "PUT", "*", "PUT", "Accept", "unicorn"},
	}
	for _, upper := range []string{"GET", "HEAD", "POST"} {
		lower := strings.ToLower(upper)
		for _, allowed := range []string{upper, lower} {
			rows = append(rows, row{true, true, allowed, "*", upper, "", ""}, row{true, true, allowed, "*", lower, "", ""})
		}
	}
	for _, upper := range []string{"DELETE", "PUT"} {
		lower := strings.ToLower(upper)
		rows = append(rows,
			row{true, true, upper, "*", upper, "", ""}, row{true, true, upper, "*", lower, "", ""},
			row{false, true, lower, "*", upper, "", ""}, row{false, true, lower, "*", lower, "", ""})
	}
	require.Len(t, rows, 37)
	for _, row := range rows {
		t.Run(fmt.Sprintf("%+v", row), func(t *testing.T) {
			t.Parallel()
			s := &server{answer: func(req *http.Request, header http.Header) int {
				header.Set(allowOrigin, "*")
				if row.credentials {
					header.Set(allowOrigin, wptOrigin)
					header.Set(allowCreds, "true")
				}
				header.Set(allowMethods, row.allowMethod)
				header.Set(allowHeaders, row.allowHeader)
				return http.StatusOK
			}}
			r := corstest.Request{Method: row.method, URL: wptRemote + "/"}
			if row.credentials {
				r.Credentials = corstest.CredentialsInclude
			}
			if row.headerName != "" {
				r.Header = http.Header{row.headerName: {row.headerValue}}
			}
			requireOutcome(t, row.succeeds, s.browser(), r)
		})
	}
}

// fetch/api/cors/cors-preflight-status.any.js
func TestWPTPreflightStatus(t *testing.T) {
	t.Parallel()
	statuses := []int{
		200, 201, 202, 203, 204, 205, 206,
		300, 301, 302, 303, 304, 305, 306, 307, 308,
		400, 401, 402, 403, 404, 405,
		501, 502, 503, 504, 505,
	}
	require.Len(t, statuses, 27)
	for _, status := range statuses {
		s := &server{answer: func(req *http.Request, header http.Header) int {
			header.Set(allowOrigin, "*")
			header.Set(allowHeaders, "x-force-preflight")
			if isPreflight(req) {
				return status
			}
			return http.StatusOK
		}}
		requireOutcome(t, 200 <= status && status <= 299, s.browser(),
			corstest.Request{URL: wptRemote + "/", Header: http.Header{"X-Force-Preflight": {""}}})
		assert.Equal(t, 1, s.preflights)
	}
}

// fetch/api/cors/cors-no-preflight.any.js
func TestWPTNoPreflight(t *testing.T) {
	t.Parallel()
	rows := []struct{ base, method, headerName, headerValue string }{
		{wptRemote, "GET", "", ""},
		{wptOtherPort, "GET", "", ""},
		{wptRemotePort, "GET", "", ""},
		{wptRemoteHTTPS, "GET", "", ""},
		{wptOriginHTTPS, "GET", "", ""},
		{wptRemote, "POST", "", ""},
		{wptRemote, "HEAD", "", ""},
		{wptRemote, "GET", "Accept", "*/*"},
		{wptRemote, "GET", "Accept-Language", "fr"},
		{wptRemote, "GET", "Content-Language", "fr"},
		{wptRemote, "GET", "Content-Type", "application/x-www-form-urlencoded"},
		{wptRemote, "GET", "Content-Type", "multipart/form-data"},
		{wptRemote, "GET", "Content-Type", "text/plain"},
		{wptRemote, "GET", "Content-Type", "text/plain;charset=utf-8"},
		{wptRemote, "GET", "Content-Type", "Text/Plain;charset=utf-8"},
	}
	require.Len(t, rows, 15)
	for _, row := range rows {
		s := saying(allowOrigin, "*")
		r := corstest.Request{Method: row.method, URL: row.base + "/"}
		if row.headerName != "" {
			r.Header = http.Header{row.headerName: {row.headerValue}}
		}
		requireAnswered(t, s.browser(), r)
		assert.Zero(t, s.preflights, "%+v", row)
	}
}

// fetch/api/cors/cors-origin.any.js
func TestWPTOriginByKindOfServer(t *testing.T) {
	t.Parallel()
	rows := 0
	check := func(base, method, allowed string, succeeds bool) {
		rows++
		requireOutcome(t, succeeds, saying(allowOrigin, allowed, allowMethods, method).browser(),
			corstest.Request{Method: method, URL: base + "/"})
	}
	for _, base := range []string{wptRemote, wptOtherPort, wptRemotePort, wptRemoteHTTPS, wptOriginHTTPS} {
		check(base, "GET", wptOrigin, true)
		check(base, "GET", base, false)
	}
	for _, method := range []string{"POST", "HEAD", "PUT"} {
		check(wptRemote, method, wptOrigin, true)
		check(wptRemote, method, wptRemote, false)
	}
	check(wptRemote, "GET", "", false)
	assert.Equal(t, 17, rows)
}

// fetch/api/cors/cors-multiple-origins.sub.any.js
func TestWPTMultipleOrigins(t *testing.T) {
	t.Parallel()
	rows := [][]string{
		{`""`, "http://example.com", wptOrigin},
		{`""`, "http://example.com", "*"},
		{`""`, wptOrigin, wptOrigin},
		{"*", "http://example.com", "*"},
		{"*", "http://example.com", wptOrigin},
		{"", "http://example.com", "https://example2.com"},
	}
	require.Len(t, rows, 6)
	for _, origins := range rows {
		blocked := requireBlocked(t, saying(allowOrigin, strings.Join(origins, ", ")).browser(), corstest.Request{URL: wptRemote + "/"})
		assert.Equal(t, corstest.MultipleAllowOriginValues, blocked.Code)
	}
}

// fetch/api/cors/cors-expose-star.sub.any.js
func TestWPTExposeStar(t *testing.T) {
	t.Parallel()
	rows := []struct {
		exposed     []string
		credentials corstest.CredentialsMode
		header      string
		visible     bool
	}{
		{[]string{"*"}, corstest.CredentialsSameOrigin, "Test", true},
		{[]string{"*"}, corstest.CredentialsSameOrigin, "Set-Cookie", false},
		{[]string{"*"}, corstest.CredentialsSameOrigin, "*", true},
		{[]string{"*"}, corstest.CredentialsInclude, "Content-Type", true},
		{[]string{"*"}, corstest.CredentialsInclude, "Test", false},
		{[]string{"*"}, corstest.CredentialsInclude, "Set-Cookie", false},
		{[]string{"*"}, corstest.CredentialsInclude, "*", true},
		{[]string{"set-cookie,*"}, corstest.CredentialsSameOrigin, "Test", true},
		{[]string{"set-cookie,*"}, corstest.CredentialsSameOrigin, "Set-Cookie", false},
		{[]string{"set-cookie,*"}, corstest.CredentialsSameOrigin, "*", true},
		{[]string{"*", "set-cookie"}, corstest.CredentialsSameOrigin, "Test", true},
		{[]string{"*", "set-cookie"}, corstest.CredentialsSameOrigin, "Set-Cookie", false},
	}
	require.Len(t, rows, 12)
	for _, row := range rows {
		pairs := []string{allowOrigin, wptOrigin, allowCreds, "true", "Content-Type", "text/plain", "Test", "X", "Set-Cookie", "X", "*", "whoa"}
		for _, line := range row.exposed {
			pairs = append(pairs, exposeHeaders, line)
		}
		response := requireAnswered(t, saying(pairs...).browser(), corstest.Request{URL: wptRemote + "/", Credentials: row.credentials})
		assert.Equal(t, corstest.TypeCORS, response.Type)
		assert.Equal(t, row.visible, len(response.Header[row.header]) > 0, "%+v", row)
	}
}

// fetch/api/cors/cors-filtering.sub.any.js
func TestWPTFiltering(t *testing.T) {
	t.Parallel()
	rows := []struct {
		header           string
		exposed, visible bool
	}{
		{"Cache-Control", false, true}, {"Content-Language", false, true}, {"Content-Type", false, true},
		{"Expires", false, true}, {"Last-Modified", false, true}, {"Pragma", false, true}, {"Content-Length", false, true},
		{"Age", false, false}, {"Server", false, false}, {"Warning", false, false},
		{"Set-Cookie", false, false}, {"Set-Cookie2", false, false},
		{"Age", true, true}, {"Server", true, true}, {"Warning", true, true}, {"Content-Length", true, true},
		{"Set-Cookie", true, false}, {"Set-Cookie2", true, false},
	}
	require.Len(t, rows, 18)
	for _, row := range rows {
		pairs := []string{allowOrigin, "*", row.header, "0"}
		if row.exposed {
			pairs = append(pairs, exposeHeaders, row.header)
		}
		response := requireAnswered(t, saying(pairs...).browser(), corstest.Request{URL: wptRemote + "/"})
		assert.Equal(t, row.visible, response.Header.Get(row.header) != "", "%+v", row)
	}
}

// redirecting redirects everything but to, which it answers; both as answer
// says.
func redirecting(status int, to string, answer func(*http.Request, http.Header)) *server {
	return &server{answer: func(req *http.Request, header http.Header) int {
		answer(req, header)
		if target, _ := url.Parse(to); isPreflight(req) || req.URL.Host == target.Host && req.URL.Path == target.Path {
			return http.StatusOK
		}
		header.Set("Location", to)
		return status
	}}
}

var redirectStatuses = []int{301, 302, 303, 307, 308}

// fetch/api/cors/cors-redirect.any.js
func TestWPTRedirect(t *testing.T) {
	t.Parallel()
	rows := 0
	for _, status := range redirectStatuses {
		for _, row := range []struct{ from, to, origin string }{
			{wptRemote, wptRemote, wptOrigin},
			{wptRemote, wptOtherPort, "null"},
			{wptOrigin, wptRemote, wptOrigin},
			{wptRemote, wptOrigin, "null"},
		} {
			rows++
			s := redirecting(status, row.to+"/target", func(_ *http.Request, header http.Header) { header.Set(allowOrigin, "*") })
			response := requireAnswered(t, s.browser(), corstest.Request{URL: row.from + "/"})
			assert.Zero(t, s.preflights)
			assert.Equal(t, row.origin, s.requests[1].Header.Get("Origin"), "%d %+v", status, row)
			assert.True(t, response.Redirected)
		}
	}
	assert.Equal(t, 20, rows)
}

// fetch/api/cors/cors-redirect-credentials.any.js
func TestWPTRedirectCredentials(t *testing.T) {
	t.Parallel()
	rows := 0
	check := func(status int, from, to, user string) {
		rows++
		location := strings.Replace(to, "://", "://"+user, 1) + "/target"
		s := redirecting(status, location, func(_ *http.Request, header http.Header) { header.Set(allowOrigin, "*") })
		requireOutcome(t, user == "", s.browser(), corstest.Request{URL: from + "/"})
		if user != "" {
			assert.Len(t, s.requests, 1, "the redirect was followed")
		}
	}
	for _, status := range redirectStatuses {
		check(status, wptOrigin, wptOtherPort, "")
		for _, user := range []string{"user:password@", "user:@", ":password@"} {
			check(status, wptOrigin, wptOtherPort, user)
			check(status, wptOtherPort, wptOrigin, user)
			check(status, wptOtherPort, wptOtherPort, user)
			check(status, wptOtherPort, wptRemote, user)
		}
	}
	assert.Equal(t, 65, rows)
}

// fetch/api/cors/cors-redirect-preflight.any.js
func TestWPTRedirectPreflight(t *testing.T) {
	t.Parallel()
	rows := 0
	for _, status := range redirectStatuses {
		for _, row := range []struct{ from, to string }{{wptOrigin, wptRemote}, {wptRemote, wptOrigin}, {wptRemote, wptOtherPort}} {
			for _, permitted := range []bool{true, false} {
				rows++
				s := redirecting(status, row.to+"/target", func(req *http.Request, header http.Header) {
					header.Set(allowOrigin, "*")
					if permitted || req.URL.Path != "/target" {
						header.Set(allowHeaders, "x-w3c")
					}
				})
				requireOutcome(t, permitted, s.browser(), corstest.Request{URL: row.from + "/", Header: http.Header{"X-W3c": {"test"}}})
				asked := slices.ContainsFunc(s.requests, func(req *http.Request) bool { return isPreflight(req) && req.URL.Path == "/target" })
				assert.True(t, asked, "%d %+v: no preflight after the redirect", status, row)
			}
		}
	}
	assert.Equal(t, 30, rows)
}

// fetch/api/cors/cors-preflight-redirect.any.js
func TestWPTPreflightRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range redirectStatuses {
		s := &server{answer: func(_ *http.Request, header http.Header) int {
			header.Set(allowOrigin, "*")
			header.Set(allowHeaders, "x-force-preflight")
			header.Set("Location", wptRemote+"/target")
			return status
		}}
		blocked := requireBlocked(t, s.browser(), corstest.Request{URL: wptRemote + "/", Header: http.Header{"X-Force-Preflight": {""}}})
		assert.Equal(t, corstest.PreflightDisallowedRedirect, blocked.Code)
		assert.Len(t, s.requests, 1)
	}
}

// fetch/api/cors/cors-preflight-response-validation.any.js
func TestWPTPreflightResponseValidation(t *testing.T) {
	t.Parallel()
	r := corstest.Request{URL: wptRemote + "/", Header: http.Header{"X-Force-Preflight": {""}}}
	blocked := requireBlocked(t, saying(allowOrigin, "*", allowHeaders, "x-force-preflight,header name with space").browser(), r)
	assert.Equal(t, corstest.InvalidAllowHeadersPreflightResponse, blocked.Code)
	blocked = requireBlocked(t, saying(allowOrigin, "*", allowHeaders, "x-force-preflight", allowMethods, "Bad method name").browser(), r)
	assert.Equal(t, corstest.InvalidAllowMethodsPreflightResponse, blocked.Code)
}

// fetch/api/cors/resources/not-cors-safelisted.json
func TestWPTNotSafelisted(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789", 13)
	rows := []struct{ name, value string }{
		{"accept", `"`},
		{"accept", digits[:129]},
		{"accept-language", "\x01"},
		{"accept-language", "@"},
		{"authorization", "basics"},
		{"content-language", "\x01"},
		{"content-language", "@"},
		{"content-type", "text/html"},
		{"content-type", "text/plain; long=" + digits[:112]},
		{"last-event-id", `"`},
		{"last-event-id", digits[:129]},
		{"range", "bytes 0-"},
		{"test", "hi"},
	}
	require.Len(t, rows, 13)
	for _, row := range rows {
		s := saying(allowOrigin, "*", allowHeaders, row.name)
		requireAnswered(t, s.browser(), corstest.Request{URL: wptRemote + "/", Header: http.Header{row.name: {row.value}}})
		assert.Equal(t, 1, s.preflights, "%+v", row)
		assert.Equal(t, row.name, s.requests[0].Header.Get("Access-Control-Request-Headers"))
	}
}

// cors/cors-safelisted-request-header.any.js
func TestWPTSafelisted(t *testing.T) {
	t.Parallel()
	type row struct {
		value     string
		preflight bool
	}
	check := func(t *testing.T, name string, rows []row) {
		t.Helper()
		for _, row := range rows {
			s := saying(allowOrigin, "*")
			r := corstest.Request{Method: "POST", URL: wptRemote + "/", Header: http.Header{name: {row.value}}, Body: strings.NewReader("data")}
			requireOutcome(t, !row.preflight, s.browser(), r)
			assert.Equal(t, row.preflight, s.preflights == 1, "%s: %q", name, row.value)
		}
	}
	t.Run("MIME types", func(t *testing.T) {
		t.Parallel()
		rows := []row{
			{"text /plain", true}, {"text\t/\tplain", true}, {"text/plain;", false}, {"text/plain;garbage", false},
			{"text/plain;garbage\x01\x02", true}, {"text/plain,", true}, {",text/plain", true}, {"text/plain,text/plain", true},
			{"text/plain,x/x", true}, {"text/plain\x0B", true}, {"text/plain\x0C", true}, {"application/www-form-urlencoded", true},
			{"application/x-www-form-urlencoded;\x7F", true}, {"multipart/form-data", false}, {`multipart/form-data;"`, true},
		}
		require.Len(t, rows, 15)
		check(t, "Content-Type", rows)
	})
	t.Run("ranges", func(t *testing.T) {
		t.Parallel()
		rows := []row{
			{"100-200", true}, {"MB=100-200", true}, {"bytes=100-200", false}, {"bytes =100-200", true}, {"bytes\t=100-200", true},
			{"bytes=  100-200", true}, {"bytes=\t\t100-200", true}, {"bytes= \t100-200", true}, {"bytes=100 -200", true},
			{"bytes=100\t-200", true}, {"bytes=100- 200", true}, {"bytes=100-\t200", true}, {"bytes=100-200hello", true},
			{"bytes=abc-def", true}, {"bytes=100-200,300-400", true}, {"bytes=-200", true}, {"bytes=200-", false},
			{"bytes=200-100", true}, {"bytes=1" + strings.Repeat("0", 60) + "-2" + strings.Repeat("0", 60), true},
			{"bytes 100-200", true}, {"bytes = 100-200", true}, {",bytes=100-200", true}, {"bytes=,100-200", true},
		}
		require.Len(t, rows, 23)
		check(t, "Range", rows)
	})
}

// cors/origin.htm
func TestWPTOrigin(t *testing.T) {
	t.Parallel()
	host := strings.TrimPrefix(wptOrigin, "http://")
	parent := host[strings.IndexByte(host, '.')+1:]
	passing := []string{"*", " *  ", "\t*", wptOrigin, " " + wptOrigin, " " + wptOrigin + "   \t ", "\t" + wptOrigin}
	failing := []string{
		"http://www1." + host, "//" + host, "://" + host, "ftp://" + host, "http:://" + host, "http:/" + host, "http:" + host, host,
		wptOrigin + "?", wptOrigin + "/", wptOrigin + " /", wptOrigin + "#", wptOrigin + "%23", wptOrigin + ":80", wptOrigin + ", *",
		wptOrigin + "\x00", strings.ToUpper(wptOrigin), "HTTP://" + host,
		"-", "**", ",*", "*,", "\x00*", "\x0B*", "\x0C*", "*\x00", "*\x0B", "*\x0C", "'*'", `"*"`, "* *", "* null", "*http://*",
		"*" + wptOrigin, "* " + wptOrigin, "*, " + wptOrigin, "\x00" + wptOrigin, "null " + wptOrigin,
		"http://example.net", "null", "null *", "", wptOrigin + "/cors/origin.htm", wptOrigin + "/cors/", wptRemote,
		parent, "." + parent, "*." + parent, "http://" + parent, "http://." + parent, "http://*." + parent,
	}
	twice := [][2]string{{"", "*"}, {"*", ""}, {"*", "*"}, {"", wptOrigin}, {"*", wptOrigin}, {wptOrigin, wptOrigin}}
	require.Len(t, passing, 7)
	require.Len(t, failing, 51)
	require.Len(t, twice, 6)
	r := corstest.Request{URL: wptRemote + "/"}
	for _, value := range passing {
		requireAnswered(t, saying(allowOrigin, value).browser(), r)
	}
	for _, value := range failing {
		requireBlocked(t, saying(allowOrigin, value).browser(), r)
	}
	for _, values := range twice {
		requireBlocked(t, saying(allowOrigin, values[0], allowOrigin, values[1]).browser(), r)
	}
}

// cors/redirect-origin.htm
func TestWPTRedirectOrigin(t *testing.T) {
	t.Parallel()
	const (
		local, remote, remote2 = wptOrigin, wptRemote, wptRemote2
		none, disallow         = "none", "disallow"
	)
	rows := []struct{ from, fromAllows, to, toAllows, origin string }{
		{local, "*", remote, "*", wptOrigin}, {local, "*", remote, wptOrigin, wptOrigin},
		{local, "*", remote, "null", disallow}, {local, "*", remote, none, disallow},
		{local, wptOrigin, remote, "*", wptOrigin}, {local, wptOrigin, remote, wptOrigin, wptOrigin},
		{local, wptOrigin, remote, "null", disallow}, {local, wptOrigin, remote, none, disallow},
		{local, "null", remote, "*", wptOrigin}, {local, none, remote, "*", wptOrigin},

		{remote, "*", local, "*", "null"}, {remote, "*", local, wptOrigin, disallow},
		{remote, "*", local, "null", "null"}, {remote, "*", local, none, disallow},
		{remote, wptOrigin, local, "*", "null"}, {remote, wptOrigin, local, wptOrigin, disallow},
		{remote, wptOrigin, local, "null", "null"}, {remote, wptOrigin, local, none, disallow},
		{remote, "null", local, "*", disallow}, {remote, none, local, "*", disallow},

		{remote, "*", remote, "*", wptOrigin}, {remote, "*", remote, wptOrigin, wptOrigin},
		{remote, "*", remote, "null", disallow}, {remote, "*", remote, none, disallow},
		{remote, wptOrigin, remote, "*", wptOrigin}, {remote, wptOrigin, remote, wptOrigin, wptOrigin},
		{remote, wptOrigin, remote, "null", disallow}, {remote, wptOrigin, remote, none, disallow},
		{remote, "null", remote, "*", disallow}, {remote, none, remote, "*", disallow},

		{remote, "*", remote2, "*", "null"}, {remote, "*", remote2, wptOrigin, disallow},
		{remote, "*", remote2, "null", "null"}, {remote, "*", remote2, none, disallow},
		{remote, wptOrigin, remote2, "*", "null"}, {remote, wptOrigin, remote2, wptOrigin, disallow},
		{remote, wptOrigin, remote2, "null", "null"}, {remote, wptOrigin, remote2, none, disallow},
		{remote, "null", remote2, "*", disallow}, {remote, none, remote2, "*", disallow},

		{remote, "*", remote, wptRemote, disallow}, {remote, "*", remote2, wptRemote, disallow},
		{remote, wptRemote, remote, "*", disallow},
	}
	require.Len(t, rows, 43)
	for _, row := range rows {
		s := redirecting(http.StatusFound, row.to+"/target", func(req *http.Request, header http.Header) {
			allowed := row.fromAllows
			if req.URL.Path == "/target" {
				allowed = row.toAllows
			}
			if allowed != none {
				header.Set(allowOrigin, allowed)
			}
		})
		requireOutcome(t, row.origin != disallow, s.browser(), corstest.Request{URL: row.from + "/"})
		if row.origin != disallow {
			assert.Equal(t, row.origin, s.requests[1].Header.Get("Origin"), "%+v", row)
		}
	}
}

// cors/request-headers.htm, xhr/allow-lists-starting-with-comma.htm
func TestWPTRequestHeaders(t *testing.T) {
	t.Parallel()
	rows := []struct {
		allowed  string
		header   http.Header
		succeeds bool
	}{
		{"x-print", http.Header{"X-Print": {"unicorn"}}, true},
		{"x-print,", http.Header{"X-Print": {"unicorn"}, "Content-Type": {"text/plain"}, "Accept": {"test"}, "Accept-Language": {"nn"}, "Content-Language": {"nn"}}, true},
		{"x-print", http.Header{"X-Print": {"unicorn"}, "Y-Print": {"unicorn"}}, false},
		{",y-lol,x-PriNT, ,,,Y-PRINT", http.Header{"X-Print": {"unicorn"}, "Y-Print": {"narwhal"}}, true},
		{",y-lol,x-print, ,,,y-print", http.Header{"X-Print": {"unicorn"}, "Y-Print": {"narwhal"}}, true},
	}
	require.Len(t, rows, 5)
	for _, row := range rows {
		s := saying(allowOrigin, "*", allowHeaders, row.allowed)
		requireOutcome(t, row.succeeds, s.browser(), corstest.Request{URL: wptRemote + "/", Header: row.header})
		if row.succeeds {
			for name, values := range row.header {
				assert.Equal(t, values, s.requests[1].Header[name])
			}
		}
	}
	requireAnswered(t, saying(allowOrigin, "*", allowMethods, ",,PUT,GET").browser(), corstest.Request{Method: "PUT", URL: wptRemote + "/"})
}

// cors/credentials-flag.htm
func TestWPTCredentialsFlag(t *testing.T) {
	t.Parallel()
	// A server that tells whether a cookie came, and sets it if not.
	counting := func() (*corstest.Browser, func(corstest.CredentialsMode) string) {
		s := &server{answer: func(req *http.Request, header http.Header) int {
			header.Set(allowOrigin, wptOrigin)
			header.Set(allowCreds, "true")
			header.Set(exposeHeaders, "cookie-was")
			header.Set("Cookie-Was", "absent")
			lifetime := "; Max-Age=3600"
			if _, err := req.Cookie("test"); err == nil {
				header.Set("Cookie-Was", "there")
				lifetime = "; Max-Age=0"
			}
			header.Set("Set-Cookie", "test=COOKIE"+lifetime)
			return http.StatusOK
		}}
		b := s.browser()
		return b, func(mode corstest.CredentialsMode) string {
			return requireAnswered(t, b, corstest.Request{URL: wptRemote + "/", Credentials: mode}).Header.Get("Cookie-Was")
		}
	}
	const without, with = corstest.CredentialsSameOrigin, corstest.CredentialsInclude

	_, call := counting()
	assert.Equal(t, []string{"absent", "absent"}, []string{call(without), call(without)}, "not sent by default")
	_, call = counting()
	assert.Equal(t, []string{"absent", "absent", "there"}, []string{call(with), call(without), call(with)}, "kept, but sent only when included")
	_, call = counting()
	assert.Equal(t, []string{"absent", "absent", "there"}, []string{call(without), call(with), call(with)}, "taken only when included")

	for _, value := range []string{"TRUE", "True", `"true"`, "false", "1", "0"} {
		blocked := requireBlocked(t, saying(allowOrigin, wptOrigin, allowCreds, value).browser(), corstest.Request{URL: wptRemote + "/", Credentials: with})
		assert.Equal(t, corstest.InvalidAllowCredentials, blocked.Code)
		assert.Equal(t, value, blocked.Value)
	}
}

// cors/preflight-cache.htm, fetch/api/cors/cors-preflight-cache.any.js
func TestWPTPreflightCache(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name       string
		maxAge     string // of every preflight; "" is none
		method     string
		after      []time.Duration // between the fetches
		preflights int
	}{
		{"one fetch, one preflight", "", "GET", nil, 1},
		{"the second is cached", "", "GET", []time.Duration{0}, 1},
		{"age 0", "0", "GET", []time.Duration{0}, 2},
		{"age -1", "-1", "GET", []time.Duration{0}, 2},
		{"the second is cached, the third is too old", "1", "GET", []time.Duration{0, 1500 * time.Millisecond}, 2},
		{"another value of the header", "12000", "POST", []time.Duration{time.Minute}, 1},
	}
	require.Len(t, rows, 6)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := saying(allowOrigin, "*", allowHeaders, "x-print")
			if row.maxAge != "" {
				s = saying(allowOrigin, "*", allowHeaders, "x-print", maxAge, row.maxAge)
			}
			now := time.Unix(0, 0)
			b := s.browser(corstest.WithClock(func() time.Time { return now }))
			for i, wait := range append([]time.Duration{0}, row.after...) {
				now = now.Add(wait)
				requireAnswered(t, b, corstest.Request{Method: row.method, URL: wptRemote + "/", Header: http.Header{"X-Print": {strconv.Itoa(i)}}})
			}
			assert.Equal(t, row.preflights, s.preflights)
		})
	}
}

// fetch/api/cors/cors-preflight-cache-tainted.any.js
func TestWPTPreflightCacheTainted(t *testing.T) {
	t.Parallel()
	for _, redirectedFirst := range []bool{true, false} {
		s := redirecting(http.StatusTemporaryRedirect, wptOtherPort+"/target", func(_ *http.Request, header http.Header) {
			header.Set(allowOrigin, "*")
			header.Set(allowHeaders, "x-test-header")
			header.Set(maxAge, "12000")
		})
		b := s.browser()
		direct := corstest.Request{Method: "POST", URL: wptOtherPort + "/target", Header: http.Header{"X-Test-Header": {"1"}}}
		redirected := direct
		redirected.URL = wptRemote + "/"
		requests := []corstest.Request{direct, redirected}
		if redirectedFirst {
			slices.Reverse(requests)
		}
		for _, r := range requests {
			requireAnswered(t, b, r)
		}
		assert.Equal(t, 3, s.preflights, "one permission served an origin and null")
	}
}

// cors/resources/access-control-expose-headers.json
func TestWPTExposeHeadersParsing(t *testing.T) {
	t.Parallel()
	rows := []struct {
		lines   []string
		exposed bool
	}{
		{[]string{"BB-8"}, true},
		{[]string{"bb-8,,@#$#%%&^&^*()()11!"}, false},
		{[]string{"bb-8, no no"}, false},
		{[]string{"@#$#%%&^&^*()()11!,bb-8"}, false},
		{[]string{"bb-8", "no"}, true},
		{[]string{"bb-8", "no no"}, false},
		{[]string{"no", "bb-8"}, true},
		{[]string{"", "bb-8"}, true},
		{[]string{",bb-8"}, true},
		{[]string{"bb-8\x0C"}, false},
		{[]string{"bb-8\x0B"}, false},
		{[]string{"bb-8\x0B,bb-8"}, false},
		{[]string{"'bb-8'"}, false},
		{[]string{"'bb-8',bb-8"}, true},
		{[]string{`"bb-8",bb-8`}, false},
	}
	require.Len(t, rows, 15)
	for _, row := range rows {
		pairs := []string{allowOrigin, "*", "Content-Language", "mkay", "BB-8", "hey"}
		for _, line := range row.lines {
			pairs = append(pairs, exposeHeaders, line)
		}
		response := requireAnswered(t, saying(pairs...).browser(), corstest.Request{URL: wptRemote + "/"})
		assert.Equal(t, "mkay", response.Header.Get("Content-Language"))
		assert.Equal(t, row.exposed, response.Header.Get("Bb-8") == "hey", "%q", row.lines)
	}
}

// xhr/access-control-preflight-request-header-sorted.htm,
// xhr/access-control-preflight-request-header-lowercase.htm
func TestWPTRequestedHeadersAreSortedAndInLowerCase(t *testing.T) {
	t.Parallel()
	rows := []struct {
		names []string
		want  string
	}{
		{[]string{"X-Custom-Test", "X-Custom-ua", "X-Custom-V", "X-Custom-s", "X-Custom-U"}, "x-custom-s,x-custom-test,x-custom-u,x-custom-ua,x-custom-v"},
		{[]string{"X-Test"}, "x-test"},
	}
	for _, row := range rows {
		header := http.Header{}
		for _, name := range row.names {
			header[name] = []string{"foobar"}
		}
		s := saying(allowOrigin, "*", allowHeaders, "*")
		requireAnswered(t, s.browser(), corstest.Request{URL: wptRemote + "/", Header: header})
		assert.Equal(t, []string{row.want}, s.requests[0].Header["Access-Control-Request-Headers"])
	}
}

// xhr/send-conditional-cors.htm
func TestWPTConditionalRequests(t *testing.T) {
	t.Parallel()
	for _, permitted := range []bool{true, false} {
		s := &server{answer: func(req *http.Request, header http.Header) int {
			header.Set(allowHeaders, "if-none-match")
			if isPreflight(req) || permitted {
				header.Set(allowOrigin, "*")
			}
			if isPreflight(req) {
				return http.StatusOK
			}
			return http.StatusNotModified
		}}
		requireOutcome(t, permitted, s.browser(), corstest.Request{URL: wptRemote + "/", Header: http.Header{"If-None-Match": {"x"}}})
	}
}

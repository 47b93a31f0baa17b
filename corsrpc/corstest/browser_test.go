package corstest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

const (
	pageOrigin = "https://app.example.com"
	apiURL     = "https://api.example.com/"
)

// on returns a browser of pageOrigin on a server.
func on(s *server, opts ...corstest.Option) *corstest.Browser {
	return corstest.NewBrowser(pageOrigin, append(opts, corstest.WithTransport(s))...)
}

func TestNewBrowserTakesOriginsAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"https://app.example.com", "http://localhost:5173", "http://127.0.0.1", "https://[::1]:8443", "null",
		"chrome-extension://abcdefghijklmnop", "capacitor://localhost",
	} {
		assert.Equal(t, origin, corstest.NewBrowser(origin).Origin())
	}
	for origin, hint := range map[string]string{
		"":                            "write scheme://host",
		"app.example.com":             "write scheme://host",
		"https://app.example.com/":    `write "https://app.example.com"`,
		"https://app.example.com:443": `write "https://app.example.com"`,
		"http://app.example.com:80":   `write "http://app.example.com"`,
		"https://App.example.com":     `write "https://app.example.com"`,
		"https://u@app.example.com":   `write "https://app.example.com"`,
		"https://app.example.com?q":   `write "https://app.example.com"`,
		"https:app.example.com":       "write scheme://host",
		"https://[::1":                "not an origin",
	} {
		func() {
			defer func() {
				message, ok := recover().(string)
				assert.True(t, ok, "%q did not panic", origin)
				assert.Contains(t, message, hint)
			}()
			corstest.NewBrowser(origin)
		}()
	}
}

// What goes over the wire, header by header.
func TestFetchSendsWhatBrowsersSend(t *testing.T) {
	t.Parallel()
	const userAgent, encoding, language = "Mozilla/5.0 (compatible; corstest)", "gzip, deflate", "en-US,en;q=0.9"
	rows := []struct {
		name    string
		origin  string
		request corstest.Request
		want    []map[string]string // per exchange
	}{
		{
			name:    "a simple call",
			origin:  pageOrigin,
			request: corstest.Request{URL: apiURL},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "Origin": pageOrigin,
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:   "a call with a preflight",
			origin: pageOrigin,
			request: corstest.Request{
				Method: "post", URL: "https://api.example.org/", Body: strings.NewReader("{}"),
				Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer x"}},
			},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "Origin": pageOrigin,
				"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}, {
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "Origin": pageOrigin,
				"Content-Type": "application/json", "Authorization": "Bearer x",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "a same-origin GET has no Origin",
			origin:  pageOrigin,
			request: corstest.Request{URL: pageOrigin + "/", Header: http.Header{"X-A": {"1"}}},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "X-A": "1",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "a same-origin POST has Origin, and no preflight",
			origin:  pageOrigin,
			request: corstest.Request{Method: "POST", URL: pageOrigin + ":443/", Header: http.Header{"X-A": {"1"}}},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "X-A": "1", "Origin": pageOrigin,
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "an opaque origin is the same as none",
			origin:  "null",
			request: corstest.Request{URL: apiURL},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Origin": "null",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "plain HTTP off loopback gets no Sec-Fetch",
			origin:  "http://app.example.com",
			request: corstest.Request{URL: "http://api.example.com/"},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": "http://app.example.com/", "Origin": "http://app.example.com",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "loopback gets Sec-Fetch; ports do not make a site",
			origin:  "http://localhost:5173",
			request: corstest.Request{URL: "http://localhost:8080/"},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": "http://localhost:5173/", "Origin": "http://localhost:5173",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "an image has no Origin",
			origin:  "https://evil.test",
			request: corstest.Request{URL: apiURL, Mode: corstest.ModeNoCORS, Destination: "image"},
			want: []map[string]string{{
				"Accept": "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "Accept-Language": language, "Referer": "https://evil.test/",
				"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:   "a no-cors POST has Origin, and only safelisted headers",
			origin: "https://evil.test",
			request: corstest.Request{
				Method: "POST", URL: apiURL, Mode: corstest.ModeNoCORS,
				Header: http.Header{"Content-Type": {"text/plain"}, "Range": {"bytes=0-"}, "X-A": {"1"}},
			},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": "https://evil.test/", "Origin": "https://evil.test",
				"Content-Type":   "text/plain",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "a frame",
			origin:  "https://evil.test",
			request: corstest.Request{URL: apiURL, Mode: corstest.ModeNavigate, Destination: "iframe"},
			want: []map[string]string{{
				"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language": language, "Referer": "https://evil.test/",
				"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "a form that leaves HTTPS hides its origin",
			origin:  "https://evil.test",
			request: corstest.Request{Method: "POST", URL: "http://api.example.com/", Mode: corstest.ModeNavigate},
			want: []map[string]string{{
				"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language": language, "Origin": "null",
				"User-Agent": userAgent, "Accept-Encoding": encoding,
			}},
		},
		{
			name:    "a range is not coded",
			origin:  pageOrigin,
			request: corstest.Request{URL: apiURL, Header: http.Header{"Range": {"bytes=0-"}}},
			want: []map[string]string{{
				"Accept": "*/*", "Accept-Language": language, "Referer": pageOrigin + "/", "Origin": pageOrigin, "Range": "bytes=0-",
				"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site",
				"User-Agent": userAgent, "Accept-Encoding": "identity",
			}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := &server{answer: func(req *http.Request, header http.Header) int {
				header.Set(allowOrigin, req.Header.Get("Origin"))
				header.Set(allowHeaders, req.Header.Get("Access-Control-Request-Headers"))
				return http.StatusOK
			}}
			b := corstest.NewBrowser(row.origin, corstest.WithTransport(s))
			requireAnswered(t, b, row.request)
			var got []map[string]string
			for _, exchange := range b.Exchanges() {
				sent := map[string]string{}
				for name, values := range exchange.RequestHeader {
					sent[name] = strings.Join(values, "|")
				}
				got = append(got, sent)
			}
			assert.Equal(t, row.want, got)
		})
	}
}

func TestFetchDropsForbiddenHeaders(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Http-Method-Override": {"TRACE, GET", "PUT"}, "X-Method-Override": {`"TRACE"`, "connect"}}
	for _, name := range []string{
		"Accept-Charset", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Connection", "Content-Length", "Cookie", "Cookie2",
		"Date", "DNT", "Expect", "Host", "Keep-Alive", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Proxy-Foo", "Sec-Foo",
	} {
		header.Set(name, "author's")
	}
	for _, name := range []string{"Accept-Encoding", "Origin", "Referer"} { // the browser has its own
		header.Set(name, "author's")
	}
	s := saying()
	requireAnswered(t, on(s), corstest.Request{URL: pageOrigin + "/", Header: header})
	sent := s.requests[0].Header
	for name, values := range sent {
		assert.NotContains(t, values, "author's", name)
	}
	assert.Equal(t, []string{"PUT"}, sent["X-Http-Method-Override"])
	assert.Equal(t, []string{`"TRACE"`}, sent["X-Method-Override"], "a quoted string is not a method")
}

// What makes fetch() throw before anything is sent.
func TestFetchThrows(t *testing.T) {
	t.Parallel()
	rows := map[string]corstest.Request{
		"cannot use the method":             {URL: apiURL, Method: "trace"},
		`cannot use the method "A B"`:       {URL: apiURL, Method: "A B"},
		"not an absolute URL":               {URL: "/relative"},
		"not an absolute URL of http":       {URL: "ftp://example.com/"},
		"user name or password":             {URL: "https://user:pass@api.example.com/"},
		"is not a header name":              {URL: apiURL, Header: http.Header{"a b": {"1"}}},
		"line break or a NUL":               {URL: apiURL, Header: http.Header{"X-A": {"1\r\n2"}}},
		"GET cannot have a body":            {URL: apiURL, Body: strings.NewReader("x")},
		"in no-cors mode":                   {URL: apiURL, Method: "PUT", Mode: corstest.ModeNoCORS},
		"navigation cannot use the method":  {URL: apiURL, Method: "PUT", Mode: corstest.ModeNavigate},
		"reading the request's body: cause": {URL: apiURL, Method: "POST", Body: failingReader{}},
		"invalid port":                      {URL: "https://api.example.com:x/"},
	}
	for message, request := range rows {
		s := saying()
		_, err := on(s).Fetch(t.Context(), request)
		assert.ErrorContains(t, err, message)
		assert.Empty(t, s.requests, message)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("cause") }

func TestFetchOfTheOwnOriginNeedsNoPermission(t *testing.T) {
	t.Parallel()
	s := saying("X-Secret", "1", "Set-Cookie", "a=b")
	response := requireAnswered(t, on(s), corstest.Request{Method: "PUT", URL: pageOrigin + "/", Header: http.Header{"X-A": {"1"}}})
	assert.Equal(t, corstest.TypeBasic, response.Type)
	assert.Equal(t, http.Header{"X-Secret": {"1"}}, response.Header)
	assert.Zero(t, s.preflights)
}

func TestFetchWithoutCorsShowsNothing(t *testing.T) {
	t.Parallel()
	s := saying(allowOrigin, "*", "X-Secret", "1")
	response := requireAnswered(t, on(s), corstest.Request{URL: apiURL, Mode: corstest.ModeNoCORS})
	assert.Equal(t, corstest.TypeOpaque, response.Type)
	assert.Empty(t, response.Header)
	assert.Zero(t, response.Status)
	assert.Empty(t, response.URL)

	blocked := requireBlocked(t, on(s), corstest.Request{URL: apiURL, Mode: corstest.ModeNoCORS, Redirect: corstest.RedirectManual})
	assert.Equal(t, corstest.DisallowedByMode, blocked.Code)
	blocked = requireBlocked(t, on(s), corstest.Request{URL: apiURL, Mode: corstest.ModeSameOrigin})
	assert.Equal(t, corstest.DisallowedByMode, blocked.Code)
}

func TestFetchBlocksMixedContent(t *testing.T) {
	t.Parallel()
	s := saying(allowOrigin, "*")
	blocked := requireBlocked(t, on(s), corstest.Request{URL: "http://api.example.com/"})
	assert.Equal(t, corstest.MixedContent, blocked.Code)
	assert.Empty(t, s.requests)
	b := on(s)
	blocked = requireBlocked(t, b, corstest.Request{URL: "http://api.example.com/"})
	require.ErrorIs(t, b.Err(), blocked, "what was not even sent is a problem too")
	for _, loopback := range []string{"http://localhost:8080/", "http://api.localhost/", "http://127.0.0.2/", "http://[::1]/"} {
		requireAnswered(t, on(s), corstest.Request{URL: loopback})
	}
}

func TestFetchFollowsAtMost20Redirects(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(_ *http.Request, header http.Header) int {
		header.Set(allowOrigin, "*")
		header.Set("Location", "/again")
		return http.StatusFound
	}}
	blocked := requireBlocked(t, on(s), corstest.Request{URL: apiURL})
	assert.Equal(t, corstest.RedirectNotAllowed, blocked.Code)
	assert.Len(t, s.requests, 21)
}

func TestFetchRedirects(t *testing.T) {
	t.Parallel()
	post := corstest.Request{Method: "POST", URL: apiURL + "#fragment", Body: strings.NewReader("body"), Header: http.Header{"Content-Type": {"text/plain"}}}
	rows := []struct {
		status   int
		location []string
		request  corstest.Request
		blocked  corstest.Code
		method   string
		body     string
		url      string
	}{
		{301, []string{"/next"}, post, "", "GET", "", apiURL + "next"},
		{302, []string{"/next#own"}, post, "", "GET", "", apiURL + "next"},
		{303, []string{"next"}, post, "", "GET", "", apiURL + "next"},
		{307, []string{"https://other.example/"}, post, "", "POST", "body", "https://other.example/"},
		{308, []string{"//other.example/"}, post, "", "POST", "body", "https://other.example/"},
		{302, nil, post, "", "POST", "body", apiURL},
		{302, []string{"/a", "/b"}, post, corstest.RedirectNotAllowed, "", "", ""},
		{302, []string{"https://["}, post, corstest.RedirectNotAllowed, "", "", ""},
		{302, []string{"data:,x"}, post, corstest.RedirectNotAllowed, "", "", ""},
		{302, []string{"https://u:p@other.example/"}, post, corstest.RedirectContainsCredentials, "", "", ""},
	}
	for _, row := range rows {
		s := &server{}
		body := ""
		s.answer = func(req *http.Request, header http.Header) int {
			header.Set(allowOrigin, "*")
			body = ""
			if req.Body != nil {
				b, err := io.ReadAll(req.Body)
				assert.NoError(t, err)
				body = string(b)
			}
			if len(s.requests) > 1 {
				return http.StatusOK
			}
			header["Location"] = row.location
			return row.status
		}
		_, _ = row.request.Body.(io.Seeker).Seek(0, io.SeekStart)
		if row.blocked != "" {
			assert.Equal(t, row.blocked, requireBlocked(t, on(s), row.request).Code)
			assert.Len(t, s.requests, 1)
			continue
		}
		response := requireAnswered(t, on(s), row.request)
		last := s.requests[len(s.requests)-1]
		assert.Equal(t, []string{row.method, row.body, row.url}, []string{last.Method, body, response.URL}, "%+v", row)
		assert.Equal(t, row.method == "POST", last.Header.Get("Content-Type") != "", "%+v", row)
	}
}

func TestFetchRedirectModes(t *testing.T) {
	t.Parallel()
	answer := func(_ *http.Request, header http.Header) int {
		header.Set(allowOrigin, "*")
		header.Set("Location", "/next")
		return http.StatusFound
	}
	blocked := requireBlocked(t, on(&server{answer: answer}), corstest.Request{URL: apiURL, Redirect: corstest.RedirectError})
	assert.Equal(t, corstest.RedirectNotAllowed, blocked.Code)
	response := requireAnswered(t, on(&server{answer: answer}), corstest.Request{URL: apiURL, Redirect: corstest.RedirectManual})
	assert.Equal(t, corstest.TypeOpaqueRedirect, response.Type)
	assert.Zero(t, response.Status)
	assert.Empty(t, response.Header)
}

func TestFetchDropsAuthorizationOnTheWayToAnotherOrigin(t *testing.T) {
	t.Parallel()
	for _, profile := range []corstest.Profile{corstest.Standard, corstest.Chromium, corstest.Firefox, corstest.WebKit} {
		for target, kept := range map[string]bool{"https://api.example.com/next": true, "https://other.example/next": false} {
			s := redirecting(http.StatusTemporaryRedirect, target, func(_ *http.Request, header http.Header) {
				header.Set(allowOrigin, "*")
				header.Set(allowHeaders, "authorization")
			})
			requireAnswered(t, on(s, corstest.WithProfile(profile)), corstest.Request{URL: apiURL, Header: http.Header{"Authorization": {"Bearer x"}}})
			for _, req := range s.requests {
				if req.URL.Path == "/next" && !isPreflight(req) {
					assert.Equal(t, kept, req.Header.Get("Authorization") != "", "%s to %s", profile, target)
				}
			}
		}
	}
}

func TestFetchStreamsRequestBodiesOverHTTP2Alone(t *testing.T) {
	t.Parallel()
	stream := func() corstest.Request {
		return corstest.Request{Method: "POST", URL: apiURL, Stream: true, Body: strings.NewReader("streamed")}
	}
	s := saying(allowOrigin, "*")
	requireAnswered(t, on(s), stream())
	assert.Equal(t, 1, s.preflights, "a stream is always preflighted")
	assert.Empty(t, s.requests[0].Header["Access-Control-Request-Headers"])

	moved := redirecting(http.StatusTemporaryRedirect, "https://api.example.com/target", func(_ *http.Request, header http.Header) { header.Set(allowOrigin, "*") })
	assert.Equal(t, corstest.StreamNotAllowed, requireBlocked(t, on(moved), stream()).Code)
	seen := redirecting(http.StatusSeeOther, "https://api.example.com/target", func(_ *http.Request, header http.Header) { header.Set(allowOrigin, "*") })
	requireAnswered(t, on(seen), stream())

	old := roundTripper(func(req *http.Request) (*http.Response, error) {
		answer, err := s.RoundTrip(req)
		answer.ProtoMajor = 1
		return answer, err
	})
	b := corstest.NewBrowser(pageOrigin, corstest.WithTransport(old))
	assert.Equal(t, corstest.StreamNotAllowed, requireBlocked(t, b, stream()).Code)

	for _, profile := range []corstest.Profile{corstest.Firefox, corstest.WebKit} {
		_, err := on(s, corstest.WithProfile(profile)).Fetch(t.Context(), stream())
		assert.ErrorContains(t, err, profile.String()+" cannot stream")
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := corstest.NewBrowser(pageOrigin, corstest.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
		cancel()
		<-req.Context().Done()
		return nil, errors.New("some transport's words for it")
	})))
	_, err := b.Fetch(ctx, corstest.Request{URL: apiURL})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, b.Exchanges()[0].Err, context.Canceled)
	require.NoError(t, b.Err(), "that a page lost interest is not a matter of CORS")
}

// A response that is blocked is not waited for, though it may never end.
func TestFetchEndsResponsesThatItBlocks(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, "first of many")
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
		close(ended)
	})))
	requireBlocked(t, b, corstest.Request{URL: apiURL})
	<-ended
}

func TestBrowserIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set(allowOrigin, pageOrigin)
		w.Header().Set(allowCreds, "true")
		w.Header().Set(allowHeaders, "x-a")
		w.Header().Add("Set-Cookie", "a=b; Path="+req.URL.Path)
	})))
	done := make(chan error)
	for i := range 8 {
		go func() {
			_, err := b.Fetch(context.Background(), corstest.Request{
				URL: apiURL, Credentials: corstest.CredentialsInclude, Header: http.Header{"X-A": {strings.Repeat("x", i)}},
			})
			b.Exchanges()
			done <- errors.Join(err, b.Err())
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
}

// Values that are none of the named constants are told so.
func TestUnknownConstants(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "corstest: 4 is not a profile: use Standard, Chromium, Firefox or WebKit", func() {
		corstest.NewBrowser(pageOrigin, corstest.WithProfile(corstest.WebKit+1))
	})
	assert.Equal(t, "Mode(4)", (corstest.ModeNavigate + 1).String())
	b := corstest.NewBrowser(pageOrigin)
	for message, request := range map[string]corstest.Request{
		"corstest: there is no mode 4":             {Mode: corstest.ModeNavigate + 1},
		"corstest: there is no credentials mode 3": {Credentials: corstest.CredentialsInclude + 1},
		"corstest: there is no redirect mode 3":    {Redirect: corstest.RedirectManual + 1},
	} {
		request.URL = "https://api.example"
		_, err := b.Fetch(t.Context(), request)
		assert.EqualError(t, err, message)
	}
	assert.Empty(t, b.Exchanges())
}

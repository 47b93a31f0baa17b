package corsdebug_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	app     = "https://app.example.com"
	evil    = "https://evil.test"
	addItem = "/acme.shop.v1.CartService/AddItem"
)

func newPolicy(t testing.TB, origins ...string) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: origins, RequestHeaders: []string{"X-Tenant-Id"}, Audiences: map[string][]string{"storefront": origins, "backoffice": {}},
		Resources: map[string]corsrpc.Resource{"/fonts/": {Origins: []string{"*"}}},
	})
	require.NoError(t, err)
	return policy
}

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "localhost:6060"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Who gets the page.
func TestHandlerAccess(t *testing.T) {
	t.Parallel()
	h := corsdebug.Handler(newPolicy(t, app), nil, corsdebug.WithHosts("debug.internal"))
	for _, test := range []struct {
		name   string
		header []string
		want   int
	}{
		{"localhost", nil, 200},
		{"below localhost", []string{"Host", "debug.localhost:80"}, 200},
		{"an address of loopback", []string{"Host", "127.0.0.2:6060"}, 200},
		{"the IPv6 address of loopback", []string{"Host", "[::1]:6060"}, 200},
		{"a listed host", []string{"Host", "debug.internal"}, 200},
		{"a listed host in another case, with a port", []string{"Host", "Debug.Internal:6060"}, 200},
		{"a rebound name", []string{"Host", "evil.test:6060"}, 403},
		{"a rebound name that begins as loopback does", []string{"Host", "127.0.0.1.evil.test"}, 403},
		{"a name that ends in a listed one", []string{"Host", "evil-debug.internal"}, 403},
		{"another machine's address", []string{"Host", "10.0.0.1"}, 403},
		{"no host", []string{"Host", ""}, 403},
		{"the user typed it", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"its own form", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a link of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"a frame of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"an image of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a script of another port", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Origin", "http://localhost:3000"}, 403},
		{"a script, in a browser that sends no fetch metadata", []string{"Origin", evil}, 403},
		{"speculation rules of another site", []string{"Sec-Fetch-Site", "none", "Sec-Purpose", "prefetch"}, 403},
		{"two values", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"}, 403},
	} {
		assert.Equal(t, test.want, get(h, "/", test.header...).Code, test.name)
	}
	for _, method := range []string{"POST", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		r := httptest.NewRequest(method, "/", nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		assert.Equal(t, "GET", w.Header().Get("Allow"), method)
	}
	assert.Equal(t, http.StatusRequestURITooLong, get(h, "/?headers="+strings.Repeat("x", 1<<15)).Code)
	assert.Panics(t, func() { corsdebug.Handler(nil, nil) })
}

var styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// The page may use its own style and nothing else.
func TestHandlerContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	w := get(corsdebug.Handler(newPolicy(t, app), nil), "/")
	style := styleElement.FindStringSubmatch(w.Body.String())
	require.NotNil(t, style)
	sum := sha256.Sum256([]byte(style[1]))
	assert.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		w.Header().Get("Content-Security-Policy"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	assert.NotRegexp(t, `(?i)<script|javascript:| on[a-z]+=|https?://(?:[^"]*\.(?:js|css|png))|<link|<img`, w.Body.String(), "nothing active, nothing from elsewhere")
}

// Whatever a hostile request puts into a denial or into the form is text.
func TestHandlerEscapesEverything(t *testing.T) {
	t.Parallel()
	corpus := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `</style><script>alert(1)</script>`, `</textarea><script>alert(1)</script>`,
		`javascript:alert(1)`, `{{.Style}}`, "\x00<b>", "\u2028<i>", `&lt;script&gt;`, `--><script>`, `<a href="//evil.test">`,
	}
	for _, text := range corpus {
		recorder := corsdebug.NewRecorder(10)
		recorder.Record(t.Context(), corsrpc.Decision{Path: text, Origin: text, Detail: text, Fix: text, Reason: corsrpc.ReasonOriginNotAllowed})
		h := corsdebug.Handler(newPolicy(t, app), recorder)
		form := url.Values{"method": {text}, "url": {"/" + text}, "origin": {text}, "site": {text}, "headers": {text + ": " + text}, "filter": {text}}
		body := get(h, "/?"+form.Encode()).Body.String()
		body = styleElement.ReplaceAllString(body, "")
		assert.NotRegexp(t, `(?i)<script|<img|<svg|<i>|<b>|<a href="//| on[a-z]+="`, body, "%q", text)
		assert.Equal(t, 1, strings.Count(body, "</textarea>"), "%q", text)
	}
}

var decisionRow = regexp.MustCompile(`<dt>([^<]+)</dt><dd>(?:<[a-z]+[^>]*>)?([^<]*)`)

// "Try a request" shows what Evaluate returns.
func TestHandlerTriesRequests(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, app)
	h := corsdebug.Handler(policy, nil)
	for _, test := range []struct{ method, url, origin, site, headers string }{
		{"POST", "https://api.example.com" + addItem, app, "cross-site", ""},
		{"POST", addItem, evil, "cross-site", ""},
		{"GET", addItem, "", "cross-site", ""},
		{"OPTIONS", addItem, app, "", "Access-Control-Request-Method: POST\nAccess-Control-Request-Headers: x-debug"},
		{"GET", "/nowhere", app, "", ""},
		{"POST", "/" + addItem, evil, "", ""},
		{"POST", addItem, app, "cross-site", "Cookie: a=b"},
	} {
		form := url.Values{"method": {test.method}, "url": {test.url}, "origin": {test.origin}, "site": {test.site}, "headers": {test.headers}}
		body := get(h, "/?"+form.Encode()).Body.String()
		shown := make(map[string]string)
		for _, match := range decisionRow.FindAllStringSubmatch(body, -1) {
			shown[match[1]] = unescape(match[2])
		}
		u, err := url.Parse(test.url)
		require.NoError(t, err)
		r := &http.Request{Method: test.method, URL: u, Host: u.Host, Header: make(http.Header), Proto: "HTTP/2.0", ProtoMajor: 2}
		for line := range strings.Lines(test.headers) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			r.Header.Set(name, value)
		}
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if test.site != "" {
			r.Header.Set("Sec-Fetch-Site", test.site)
		}
		d := policy.Evaluate(r)
		or := func(text string) string {
			if text == "" {
				return "–"
			}
			return text
		}
		status := "the handler responds"
		if d.Status != 0 {
			status = fmt.Sprint(d.Status)
		}
		assert.Equal(t, map[string]string{
			"Outcome": d.Outcome.String(), "Kind": d.Kind.String(), "Reason": d.Reason.String(), "Status": status,
			"Path of the rule": or(d.Path), "Procedure": or(d.Procedure), "Origin": or(d.Origin), "Detail": or(d.Detail), "Fix": or(d.Fix),
		}, shown, "%+v", test)
	}
	for query, want := range map[string]string{
		"url=nowhere":               "The URL has no path",
		"url=%2F&headers=no-colon":  "A header line has no colon",
		"url=%25zz&method=GET":      "The URL has no path",
		"filter=such-a-path-is-not": "No rule has such a path",
	} {
		assert.Contains(t, get(h, "/?"+query).Body.String(), want, query)
	}
}

func unescape(text string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#43;", "+").Replace(text)
}

// Every rule is on the page with all sources; denials with their fixes.
func TestHandlerShowsRulesAndDenials(t *testing.T) {
	t.Parallel()
	policy, recorder := newPolicy(t, app), corsdebug.NewRecorder(10)
	recorder.Record(t.Context(), policy.Evaluate(&http.Request{Method: "POST", URL: &url.URL{Path: addItem}, Header: http.Header{"Origin": {evil}}}))
	body := unescape(get(corsdebug.Handler(policy, recorder), "/").Body.String())
	for rule := range policy.Rules() {
		assert.Contains(t, body, "<code>"+rule.Path+"</code>")
		for _, grant := range rule.Grants() {
			assert.Contains(t, body, "<td>"+grant.Kind.String()+"</td><td><code>"+grant.Value+"</code></td><td>"+grant.Source+"</td>", rule.Path)
		}
	}
	assert.Contains(t, body, `<code>add "`+evil+`" to Audiences["storefront"]</code>`)
	filtered := get(corsdebug.Handler(policy, recorder), "/?filter=cartservice%2Fadd").Body.String()
	assert.Equal(t, 1, strings.Count(filtered, "<summary>"))
}

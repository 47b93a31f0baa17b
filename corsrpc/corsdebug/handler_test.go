package corsdebug_test

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
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
		Origins: origins, RequestHeaders: []string{"X-Tenant-Id"}, ResponseHeaders: []string{"X-Tenant-Id"}, Audiences: map[string][]string{"storefront": origins, "backoffice": {}},
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
	h := corsdebug.Handler(newPolicy(t, app), nil, corsdebug.WithHosts("debug.internal", "fd00::6"))
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
		{"another listed host, an address", []string{"Host", "[fd00::6]:6060"}, 200},
		{"a name that ends in a listed one", []string{"Host", "evil-debug.internal"}, 403},
		{"another machine's address", []string{"Host", "10.0.0.1"}, 403},
		{"a name that only looks like loopback", []string{"Host", "localhost.evil.test"}, 403},
		{"the address of every interface", []string{"Host", "0.0.0.0:6060"}, 403},
		{"no host", []string{"Host", ""}, 403},
		{"the user typed it", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"its own form", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a link of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"a frame of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"an image of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a script of another port", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Origin", "http://localhost:3000"}, 403},
		{"a script, in a browser that sends no fetch metadata", []string{"Origin", evil}, 403},
		{"speculation rules of another site", []string{"Sec-Fetch-Site", "none", "Sec-Purpose", "prefetch"}, 403},
		{"a prefetch of a link of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch"}, 403},
		{"a form of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Origin", evil}, 403},
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
}

func TestHandlerMisuse(t *testing.T) {
	t.Parallel()
	assert.PanicsWithError(t, "corsdebug: Handler: the policy is nil: make one with corsrpc.New", func() { corsdebug.Handler(nil, nil) })
	for _, host := range []string{"", "debug.internal:6060", "https://debug.internal", "debug.internal/", "[::1]", "*.internal!"} {
		assert.PanicsWithError(t,
			fmt.Sprintf(`corsdebug: WithHosts: %q is not a host: write a name or an address without scheme and port, such as "debug.internal"`, host),
			func() { corsdebug.WithHosts(host) })
	}
	assert.NotPanics(t, func() { corsdebug.WithHosts("debug.internal", "Debug_1.internal", "10.0.0.1", "::1") })
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
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		assert.Equal(t, []string{want}, w.Header()[name])
		refused := get(corsdebug.Handler(newPolicy(t, app), nil), "/", "Host", "evil.test")
		assert.Equal(t, []string{want}, refused.Header()[name], "of a refusal")
	}
	assert.NotRegexp(t, `(?i)<script|javascript:| on[a-z]+=|https?://(?:[^"]*\.(?:js|css|png))|<link|<img|url\(|@import`, w.Body.String(), "nothing active, nothing from elsewhere")
}

var decisionRow = regexp.MustCompile(`<dt>([^<]+)</dt><dd>(?:<[^>]*>)*([^<]*)`)

// "Try a request" shows what Evaluate returns for the request that a server reads.
func TestHandlerTriesRequests(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, app)
	h := corsdebug.Handler(policy, nil)
	for _, test := range []struct{ method, url, target, host, origin, site, headers string }{
		{"POST", "https://api.example.com" + addItem, addItem, "api.example.com", app, "cross-site", ""},
		{"POST", "https://api.example.com" + addItem, addItem, "api.example.com", "https://api.example.com", "", ""},
		{"POST", addItem + "?a=b#c", addItem + "?a=b", "", evil, "cross-site", ""},
		{"GET", addItem, addItem, "", "", "cross-site", ""},
		{"OPTIONS", addItem, addItem, "", app, "", "Access-Control-Request-Method: POST\nAccess-Control-Request-Headers: x-debug"},
		{"GET", "/nowhere", "/nowhere", "", app, "", ""},
		{"GET", "https://api.example.com", "/", "api.example.com", app, "", ""},
		{"POST", "/" + addItem, "/" + addItem, "", evil, "", ""},
		{"POST", "/acme%2eshop.v1.CartService/AddItem", "/acme%2eshop.v1.CartService/AddItem", "", app, "", ""},
		{"POST", addItem, addItem, "", app, "cross-site", "Cookie: a=b"},
		{"POST", addItem, addItem, "api.test", "https://api.test", "", "\r\nhost: api.test\r\n"},
	} {
		form := url.Values{"method": {test.method}, "url": {test.url}, "origin": {test.origin}, "site": {test.site}, "headers": {test.headers}}
		body := get(h, "/?"+form.Encode()).Body.String()
		shown := make(map[string]string)
		for _, match := range decisionRow.FindAllStringSubmatch(body, -1) {
			shown[match[1]] = unescape(match[2])
		}
		text := test.method + " " + test.target + " HTTP/1.1\r\nHost: " + test.host + "\r\n"
		for line := range strings.Lines(test.headers) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "host") {
				text += line + "\r\n"
			}
		}
		if test.origin != "" {
			text += "Origin: " + test.origin + "\r\n"
		}
		if test.site != "" {
			text += "Sec-Fetch-Site: " + test.site + "\r\n"
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text + "\r\n")))
		require.NoError(t, err)
		assert.Equal(t, shownOf(policy.Evaluate(r)), shown, "%+v", test)
	}
}

// shownOf returns what the page shows of a Decision.
func shownOf(d corsrpc.Decision) map[string]string {
	or := func(text string) string { return cmp.Or(text, "–") }
	status := "the handler responds"
	if d.Status != 0 {
		status = strconv.Itoa(d.Status)
	}
	return map[string]string{
		"Outcome": d.Outcome.String(), "Kind": strings.ReplaceAll(d.Kind.String(), "_", " "), "Reason": d.Reason.String(), "Status": status,
		"Rule": or(d.Path), "Procedure": or(d.Procedure), "Origin": or(d.Origin), "Detail": or(d.Detail), "Fix": or(d.Fix),
	}
}

// A form that describes no request gets a message, and no decision.
func TestHandlerTriesWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	h := corsdebug.Handler(newPolicy(t, app), nil)
	const noTarget = " is neither a URL nor a path: write one such as https://api.example.com/acme.shop.v1.CartService/AddItem"
	for _, test := range []struct{ method, url, headers, want string }{
		{"POST", "", "", `""` + noTarget},
		{"POST", "nowhere", "", `"nowhere"` + noTarget},
		{"POST", "/%zz", "", `"/%zz"` + noTarget},
		{"POST", "https:///path", "", `"https:///path"` + noTarget},
		{"POST", "ftp://api.example.com/", "", `"ftp://api.example.com/"` + noTarget},
		{"", "/", "", `"" is not a method: write one such as POST`},
		{"PO ST", "/", "", `"PO ST" is not a method: write one such as POST`},
		{"POST", "/", "no colon", `"no colon" is not a header line: write one such as Cookie: session=1`},
		{"POST", "/", "a b: c", `"a b: c" is not a header line: write one such as Cookie: session=1`},
		{"POST", "/", ":authority: api.example.com", `":authority: api.example.com" is not a header line: write one such as Cookie: session=1`},
	} {
		form := url.Values{"method": {test.method}, "url": {test.url}, "headers": {test.headers}}
		body := unescape(get(h, "/?"+form.Encode()).Body.String())
		assert.Contains(t, body, `<p id="problem" role="alert">`+test.want+"</p>")
		assert.Contains(t, body, "<title>not evaluated – corsrpc debug page</title>")
		assert.NotContains(t, body, "Decision</h3>")
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
		assert.Contains(t, body, "<summary><code>"+rule.Path+"</code>")
		sources := make(map[string][]string)
		for _, grant := range rule.Grants() {
			permission := strings.ReplaceAll(grant.Kind.String(), "_", " ") + "</td><td><code>" + grant.Value + "</code>"
			sources[permission] = append(sources[permission], grant.Source)
		}
		for permission, sources := range sources {
			assert.Contains(t, body, "<tr><td>"+permission+"</td><td>"+strings.Join(sources, ", ")+"</td></tr>", rule.Path)
		}
	}
	assert.Contains(t, body, `<span class="outcome refused">refused</span> cross origin: origin not allowed</p>`)
	assert.Contains(t, body, `<dt>Fix</dt><dd><code>add "`+evil+`" to Audiences["storefront"]</code></dd>`)
	for filter, want := range map[string]int{
		"cartservice%2Fadd": 1, "+CartService/AddItem+": 1, "resource": 1, "procedure": 12, "such-a-path-is-not": 0, "%2Facme.shop.v1.CatalogService%2F": 4,
	} {
		body := get(corsdebug.Handler(policy, recorder), "/?filter="+filter).Body.String()
		assert.Equal(t, want, strings.Count(body, "<summary>"), filter)
		assert.Equal(t, want == 0, strings.Contains(body, "No rule matches."), filter)
	}
}

// What is empty says why.
func TestHandlerWithNothingToShow(t *testing.T) {
	t.Parallel()
	body := get(corsdebug.Handler(new(corsrpc.Policy), nil), "/").Body.String()
	assert.Contains(t, body, "The policy has no rules. If it is a zero Policy, call its Update.")
	assert.Contains(t, body, "They are not recorded: pass a Recorder to Handler, and its Record to Config.OnDecision.")
	body = get(corsdebug.Handler(newPolicy(t, app), new(corsdebug.Recorder)), "/").Body.String()
	assert.Contains(t, body, "There are none since the program started.")
}

package browsertest

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

const (
	debugApp       = "https://app.example.com"
	debugAddItem   = "/acme.shop.v1.CartService/AddItem"
	debugListed    = "debug.internal"
	debugPreflight = "Access-Control-Request-Method: POST\nAccess-Control-Request-Headers: content-type,x-debug"
)

// A debugSite is a debug page, and the policy and recorder behind it. Everything
// that its server receives is in requests.
type debugSite struct {
	*site
	policy   *corsrpc.Policy
	recorder *corsdebug.Recorder
	// change changes responses on the way to the browser, if it is not nil.
	change func(header http.Header, body string) string

	mu       sync.Mutex
	requests []seenRequest
}

// A seenRequest is one that the server received, and the status it sent.
type seenRequest struct {
	method, host, uri string
	status            int
}

func newDebugSite(t *testing.T) *debugSite {
	t.Helper()
	d := &debugSite{site: listen(t, nil, "127.0.0.1", "localhost"), recorder: corsdebug.NewRecorder(200)}
	var err error
	d.policy, err = corsrpc.New(corsrpc.Config{
		Services:  []string{"acme.shop.v1.CatalogService", "acme.shop.v1.CartService"},
		Origins:   []string{debugApp},
		Audiences: map[string][]string{"storefront": {debugApp}, "backoffice": {}},
		Overrides: map[string]corsrpc.Override{"acme.shop.v1.CatalogService": {ReportOnly: corsrpc.On}},
		Resources: map[string]corsrpc.Resource{"/fonts/": {Origins: []string{"*"}}},

		OnDecision: d.recorder.Record,
	})
	require.NoError(t, err)
	page := corsdebug.Handler(d.policy, d.recorder, corsdebug.WithHosts(debugListed))
	d.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		page.ServeHTTP(recorded, r)
		d.mu.Lock()
		// The server is also the browser's proxy, which receives what the browser
		// requests on its own account.
		if strings.HasSuffix(r.Host, ":"+d.port) {
			d.requests = append(d.requests, seenRequest{r.Method, r.Host, r.URL.RequestURI(), recorded.Code})
		}
		change := d.change
		d.mu.Unlock()
		body := recorded.Body.String()
		if change != nil {
			body = change(recorded.Header(), body)
		}
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorded.Code)
		_, _ = io.WriteString(w, body)
	}))
	return d
}

// takeRequests returns what the server has received since the last time.
func (d *debugSite) takeRequests() []seenRequest {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.requests
	d.requests = nil
	return taken
}

func (d *debugSite) setChange(change func(header http.Header, body string) string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change = change
}

// deny sends the shop, behind the policy, a request over the network, so that its
// denial is recorded.
func (d *debugSite) deny(t *testing.T, method, path string, header http.Header) {
	t.Helper()
	server := httptest.NewServer(d.policy.Wrap(http.NotFoundHandler()))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	require.NoError(t, err)
	r.Header = header
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

// A described request is what the page's form has fields for.
type described struct{ name, method, url, origin, site, headers string }

func (r described) query() string {
	return url.Values{"method": {r.method}, "url": {r.url}, "origin": {r.origin}, "site": {r.site}, "headers": {r.headers}}.Encode()
}

// evaluate returns what the page has to show: what the policy decides on the
// request as a server reads it.
func (d *debugSite) evaluate(t *testing.T, described described) map[string]string {
	t.Helper()
	u, err := url.Parse(described.url)
	require.NoError(t, err)
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", described.method, u.RequestURI(), u.Host)
	for _, line := range []string{"Origin: " + described.origin, "Sec-Fetch-Site: " + described.site} {
		if !strings.HasSuffix(line, ": ") {
			text.WriteString(line + "\r\n")
		}
	}
	for line := range strings.Lines(described.headers) {
		text.WriteString(strings.TrimSpace(line) + "\r\n")
	}
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text.String() + "\r\n")))
	require.NoError(t, err)
	decision := d.policy.Evaluate(request)
	or := func(text string) string { return cmp.Or(text, "–") }
	status := "the handler responds"
	if decision.Status != 0 {
		status = strconv.Itoa(decision.Status)
	}
	return map[string]string{
		"Outcome": decision.Outcome.String(), "Kind": strings.ReplaceAll(decision.Kind.String(), "_", " "), "Reason": decision.Reason.String(),
		"Status": status, "Rule": or(decision.Path), "Procedure": or(decision.Procedure),
		"Origin": or(decision.Origin), "Detail": or(decision.Detail), "Fix": or(decision.Fix),
	}
}

// shownDecision is a script that returns the decision on the page.
const shownDecision = `Object.fromEntries([...document.querySelectorAll("#decision dt")].map((dt) => [dt.textContent, dt.nextElementSibling.textContent]))`

// load loads a page and waits until it is complete.
func load(t *testing.T, tab *browsers.Tab, url string) {
	t.Helper()
	goOn(t, tab, func() error { return tab.Navigate(url) })
}

// goOn does what leads to another page, and waits until that is complete.
func goOn(t *testing.T, tab *browsers.Tab, how func() error) {
	t.Helper()
	require.NoError(t, tab.Evaluate(`document.documentElement.dataset.old = ""`, nil))
	require.NoError(t, how())
	require.NoError(t, tab.Wait(`!("old" in document.documentElement.dataset) && document.readyState === "complete" && location.href !== "about:blank"`))
}

// evaluateIn returns the value of a script in the page.
func evaluateIn[T any](t *testing.T, tab *browsers.Tab, script string) T {
	t.Helper()
	var value T
	require.NoError(t, tab.Evaluate(script, &value))
	return value
}

// The debug page in real browsers. It has no scripts, so the test controls the tab.
func TestDebugPage(t *testing.T) {
	t.Parallel()
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		d := newDebugSite(t)
		tab, err := e.OpenTab(ctx, browsers.Options{Proxy: d.host("127.0.0.1")})
		require.NoError(t, err)
		defer func() { assert.NoError(t, tab.Close()) }()
		for _, test := range []struct {
			name string
			run  func(*testing.T, *debugSite, *browsers.Tab)
		}{
			{"rules and denials", testDebugRulesAndDenials},
			{"requests", testDebugRequests},
			{"keyboard", testDebugKeyboard},
			{"filter", testDebugFilter},
			{"nothing else is requested", testDebugRequestsNothingElse},
			{"other sites", testDebugOtherSites},
			{"rebound hosts", testDebugReboundHosts},
			{"light", func(t *testing.T, d *debugSite, tab *browsers.Tab) { testDebugContrast(t, d, tab, false) }},
			// Without its policy, the page lets browsers request an icon.
			{"content security policy", testDebugContentSecurityPolicy},
			{"hostile text", testDebugHostileText},
		} {
			t.Run(test.name, func(t *testing.T) { test.run(t, d, tab) })
		}

		dark, err := e.OpenTab(ctx, browsers.Options{Dark: true})
		require.NoError(t, err)
		defer func() { assert.NoError(t, dark.Close()) }()
		t.Run("dark", func(t *testing.T) { testDebugContrast(t, d, dark, true) })
	})
}

// All that browsers have requested up to here is the page: no icon, for one.
func testDebugRequestsNothingElse(t *testing.T, d *debugSite, _ *browsers.Tab) {
	for _, request := range d.takeRequests() {
		path, _, _ := strings.Cut(request.uri, "?")
		assert.Equal(t, seenRequest{"GET", d.host("127.0.0.1"), "/", http.StatusOK}, seenRequest{request.method, request.host, path, request.status})
	}
}

// The page shows every rule with its sources, and denials in groups with their
// fixes. The browser requests nothing but the page.
func testDebugRulesAndDenials(t *testing.T, d *debugSite, tab *browsers.Tab) {
	for range 3 {
		d.deny(t, http.MethodPost, debugAddItem, http.Header{"Origin": {"https://other.example.com"}})
	}
	d.deny(t, http.MethodOptions, debugAddItem, http.Header{
		"Origin": {debugApp}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-debug"},
	})
	d.takeRequests()
	load(t, tab, d.origin("127.0.0.1")+"/")
	assert.Equal(t, []seenRequest{{"GET", d.host("127.0.0.1"), "/", http.StatusOK}}, d.takeRequests())

	type row struct{ Kind, Value, Sources string }
	shown := evaluateIn[map[string][]row](t, tab, `Object.fromEntries([...document.querySelectorAll("details")].map((rule) => [
		rule.querySelector("summary code").textContent,
		[...rule.querySelectorAll("tbody tr")].map(({ cells: [kind, value, sources] }) => ({ kind: kind.textContent, value: value.textContent, sources: sources.textContent })),
	]))`)
	want := make(map[string][]row)
	for rule := range d.policy.Rules() {
		var rows []row
		for _, g := range rule.Grants() {
			kind := strings.ReplaceAll(g.Kind.String(), "_", " ")
			if last := len(rows) - 1; last >= 0 && rows[last].Kind == kind && rows[last].Value == g.Value {
				rows[last].Sources += ", " + g.Source
				continue
			}
			rows = append(rows, row{kind, g.Value, g.Source})
		}
		want[rule.Path] = rows
	}
	assert.Equal(t, want, shown)

	groups := evaluateIn[[]string](t, tab, `[...document.querySelectorAll("#denials li")].map((group) => group.textContent.replace(/\s+/g, " ").trim())`)
	require.Len(t, groups, 2)
	assert.Regexp(t, `^/acme\.shop\.v1\.CartService/AddItem 1×, last \S+ ago blocked preflight: request header not allowed – the header is "X-Debug" `+
		`Origin"https://app\.example\.com" Fixadd "X-Debug" to RequestHeaders$`, groups[0])
	assert.Regexp(t, `^/acme\.shop\.v1\.CartService/AddItem 3×, last \S+ ago refused cross origin: origin not allowed `+
		`Origin"https://other\.example\.com" Fixadd "https://other\.example\.com" to Audiences\["storefront"\]$`, groups[1])
}

// "Try a request" shows what Evaluate returns.
func testDebugRequests(t *testing.T, d *debugSite, tab *browsers.Tab) {
	for _, row := range []described{
		{"allowed", "POST", "https://api.example.com" + debugAddItem, debugApp, "cross-site", ""},
		{"refused", "POST", "https://api.example.com" + debugAddItem, "https://other.example.com", "cross-site", ""},
		{"an image", "GET", debugAddItem, "", "cross-site", ""},
		{"a preflight without a header", "OPTIONS", debugAddItem, debugApp, "", debugPreflight},
		{"with cookies", "POST", debugAddItem, debugApp, "cross-site", "Cookie: session=1"},
		{"internal", "POST", "/acme.shop.v1.CartService/PurgeCarts", debugApp, "", ""},
		{"reported", "POST", "/acme.shop.v1.CatalogService/GetProduct", "https://other.example.com", "", ""},
		{"not governed", "GET", "/nowhere", debugApp, "", ""},
	} {
		load(t, tab, d.origin("127.0.0.1")+"/?"+row.query())
		want := d.evaluate(t, row)
		assert.Equal(t, want, evaluateIn[map[string]string](t, tab, shownDecision), row.name)
		assert.Equal(t, want["Outcome"]+" – corsrpc debug page", evaluateIn[string](t, tab, "document.title"))
		fields := evaluateIn[[]string](t, tab, `["method", "url", "origin", "site", "headers"].map((id) => document.getElementById(id).value)`)
		assert.Equal(t, []string{row.method, row.url, row.origin, row.site, row.headers}, fields, "the form keeps the request")
	}
}

package browsertest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// A spy is another origin that takes note of the paths that are requested of it.
type spy struct {
	*site
	mu    sync.Mutex
	paths []string
}

func newSpy(t *testing.T) *spy {
	t.Helper()
	s := &spy{site: listen(t, nil, "127.0.0.1", "localhost")}
	s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.URL.Path)
		s.mu.Unlock()
		if r.URL.Path == "/script" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, runs)
		}
	}))
	return s
}

func (s *spy) takePaths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.paths
	s.paths = nil
	slices.Sort(taken)
	return slices.Compact(taken)
}

// runs is the script of all attacks: it leaves a mark that every sandbox sees.
const runs = `document.documentElement.dataset.ran=1`

const ran = `"ran" in document.documentElement.dataset`

// hostileTexts end where texts of the page stand, and go on as markup.
func hostileTexts(spy string) []string {
	return []string{
		`<script>` + runs + `</script>`,
		`"><img src=` + spy + `/image onerror=` + runs + `>`,
		`'><svg/onload=` + runs + `>`,
		`" autofocus onfocus=` + runs + ` x="`,
		`</style><style>@import "` + spy + `/style";</style>`,
		`</textarea><script src=` + spy + `/script></script>`,
		`</title><link rel=stylesheet href=` + spy + `/link>`,
		`</code></summary></details><iframe src=` + spy + `/frame></iframe>`,
		`</option></select><object data=` + spy + `/object></object>`,
		`--><base href=` + spy + `/base/>`,
		`]]><form action=` + spy + `/form><button autofocus>`,
		`<meta http-equiv=refresh content=0;url=` + spy + `/refresh>`,
		`<details open ontoggle=` + runs + `>`,
		`javascript:` + runs,
		`&lt;script&gt;` + runs + `&lt;/script&gt;`,
		`&#60;img src=x onerror=` + runs + `&#62;`,
		`{{.Style}}{{range .}}`,
	}
}

// structure is a script that returns what a page is made of, apart from text.
const structure = `(() => {
	const all = [...document.querySelectorAll("*")];
	const names = (list) => [...new Set(list)].sort();
	return {
		ran: ` + ran + `,
		elements: names(all.map((element) => element.localName)),
		attributes: names(all.flatMap((element) => element.getAttributeNames())),
		links: names(all.flatMap((element) => element.hasAttribute("href") ? [element.getAttribute("href")[0]] : [])),
		actions: names([...document.forms].map((form) => form.getAttribute("action"))),
		styles: document.styleSheets.length,
	};
})()`

type structureOf struct {
	Ran                                  bool
	Elements, Attributes, Links, Actions []string
	Styles                               int
}

// harmless is all that the page may be made of.
var harmless = structureOf{
	Elements: strings.Fields(`a body button code dd details dl dt form h1 h2 h3 head header html input label li main meta nav option p
		section select span style summary table tbody td textarea th thead time title tr ul`),
	Attributes: strings.Fields(`action aria-describedby aria-label aria-labelledby autocapitalize autocomplete charset class content datetime
		for href id lang method name placeholder required role rows scope selected spellcheck type value`),
	Links: []string{"#", "?"}, Actions: []string{"#rules", "#try"}, Styles: 1,
}

func assertHarmless(t *testing.T, tab *browsers.Tab, what string) {
	t.Helper()
	got := evaluateIn[structureOf](t, tab, structure)
	assert.False(t, got.Ran, "a script ran: %s", what)
	assert.Subset(t, harmless.Elements, got.Elements, what)
	assert.Subset(t, harmless.Attributes, got.Attributes, what)
	assert.Equal(t, harmless.Links, got.Links, what)
	assert.Equal(t, harmless.Actions, got.Actions, what)
	assert.Equal(t, harmless.Styles, got.Styles, what)
}

// Whatever requests bring to the page is text there, with and without the
// Content-Security-Policy.
func testDebugHostileText(t *testing.T, d *debugSite, tab *browsers.Tab) {
	spy := newSpy(t)
	texts := hostileTexts(spy.origin("localhost"))
	for _, text := range texts {
		preflight := http.Header{"Origin": {debugApp}, "Access-Control-Request-Method": {"POST"}}
		for _, header := range []http.Header{
			{"Origin": {"https://" + text}},
			{"Sec-Fetch-Site": {text}},
			{"Cookie": {text}, "Origin": {debugApp}},
			{"Access-Control-Request-Method": {text}},
			{"Access-Control-Request-Headers": {"x-" + text}},
		} {
			method := http.MethodGet
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					method = http.MethodOptions
				}
			}
			if method == http.MethodOptions {
				for name, values := range preflight {
					if header[name] == nil {
						header[name] = values
					}
				}
			}
			d.deny(t, method, debugAddItem, header)
		}
		d.deny(t, http.MethodPost, "/acme.shop.v1.CartService/"+url.PathEscape(text), http.Header{"Origin": {"https://other.example.com"}})
	}
	recorded := 0
	for _, group := range d.recorder.Groups() {
		if strings.Contains(group.Decision.Origin+group.Decision.Detail, "dataset.ran") {
			recorded++
		}
	}
	require.Greater(t, recorded, len(texts), "the hostile texts are on the page")

	load(t, tab, d.origin("127.0.0.1")+"/")
	assertHarmless(t, tab, "denials")
	withoutPolicy := func(header http.Header, body string) string {
		header.Del("Content-Security-Policy")
		return body
	}
	d.setChange(withoutPolicy)
	defer d.setChange(nil)
	load(t, tab, d.origin("127.0.0.1")+"/")
	assertHarmless(t, tab, "denials, without the policy")

	forms := newDebugSite(t) // its page is short, without the denials
	forms.setChange(withoutPolicy)
	for _, text := range texts {
		tryHostileForm(t, forms, tab, url.Values{
			"method": {"POST"}, "url": {debugAddItem}, "origin": {text}, "site": {text}, "headers": {"Cookie: " + text}, "filter": {text}, text: {text},
		})
	}
	all := strings.Join(texts, " ")
	tryHostileForm(t, forms, tab, url.Values{"method": {all}, "url": {"/" + all}, "origin": {all}, "headers": {all}, "filter": {all}})
	tryHostileForm(t, forms, tab, url.Values{"method": {"POST"}, "url": {"https://" + all}, "filter": {all}})
	tryHostileForm(t, forms, tab, url.Values{"method": {"POST"}, "url": {"/" + all}, "filter": {all}})
	tryHostileForm(t, forms, tab, url.Values{"method": {"POST"}, "url": {"/"}, "headers": {all}, "filter": {all}})
	assert.Empty(t, spy.takePaths())
}

func tryHostileForm(t *testing.T, d *debugSite, tab *browsers.Tab, form url.Values) {
	t.Helper()
	load(t, tab, d.origin("127.0.0.1")+"/?"+form.Encode()+"#"+url.PathEscape(form.Get("filter")))
	assertHarmless(t, tab, form.Encode())
	fields := evaluateIn[[]string](t, tab, `["method", "url", "origin", "headers", "filter"].map((id) => document.getElementById(id).value)`)
	assert.Equal(t, []string{form.Get("method"), form.Get("url"), form.Get("origin"), form.Get("headers"), form.Get("filter")}, fields)
}

// If a text were markup, the Content-Security-Policy would keep it from running,
// loading and sending. Without the policy it does all of these.
func testDebugContentSecurityPolicy(t *testing.T, d *debugSite, tab *browsers.Tab) {
	spy := newSpy(t)
	origin := spy.origin("localhost")
	markup := `<script>` + runs + `</script><img src=` + origin + `/image onerror=` + runs + `><svg onload=` + runs + `></svg>
		<style>@import "` + origin + `/style"; body { background: url(` + origin + `/background) }</style><script src=` + origin + `/script></script>
		<link rel=stylesheet href=` + origin + `/link><iframe src=` + origin + `/frame></iframe><object data=` + origin + `/object></object>
		<video src=` + origin + `/video></video><form id=leak action=` + origin + `/form></form>`
	inject := func(body string) string { return strings.Replace(body, "</main>", markup+"</main>", 1) }
	// Firefox throws where the policy forbids it.
	const submit = `(() => { try { document.getElementById("leak").submit(); } catch {} })()`

	d.setChange(func(_ http.Header, body string) string { return inject(body) })
	defer d.setChange(nil)
	d.takeRequests()
	load(t, tab, d.origin("127.0.0.1")+"/")
	assert.False(t, evaluateIn[bool](t, tab, ran))
	require.NoError(t, tab.Evaluate(submit, nil))
	load(t, tab, d.origin("127.0.0.1")+"/?again")
	assert.Empty(t, spy.takePaths())
	host := d.host("127.0.0.1")
	assert.Equal(t, []seenRequest{{"GET", host, "/", http.StatusOK}, {"GET", host, "/?again", http.StatusOK}}, d.takeRequests())

	d.setChange(func(header http.Header, body string) string {
		header.Del("Content-Security-Policy")
		return inject(body)
	})
	load(t, tab, d.origin("127.0.0.1")+"/")
	assert.True(t, evaluateIn[bool](t, tab, ran))
	require.NoError(t, tab.Evaluate(submit, nil))
	require.NoError(t, tab.Wait(`location.pathname === "/form"`))
	assert.Subset(t, spy.takePaths(), []string{"/form", "/frame", "/image", "/link", "/object", "/script", "/style"})
}

// attackPage tries to reach the debug page, each time with another name, if it has
// a target.
const attackPage = `<!doctype html><title>attack</title><body><script type="module">
	const target = new URLSearchParams(location.search).get("target");
	const at = (name) => target + "/?from=" + name;
	const saw = {};
	const note = (name, result) => result.then((value) => { saw[name] = value; }, () => { saw[name] = "failed"; });
	const loaded = (element) => new Promise((resolve, reject) => { Object.assign(element, { onload: () => resolve("loaded"), onerror: reject }); });
	const add = (name, tag, attributes) => {
		const element = Object.assign(document.createElement(tag), attributes);
		const result = loaded(element);
		document.body.append(element);
		return note(name, result);
	};
	const form = Object.assign(document.createElement("form"), { method: "post", action: at("form"), target: "framed" });
	document.body.append(form);
	if (target) {
		await add("form", "iframe", { name: "framed" });
		const posted = note("form", loaded(document.querySelector("iframe")));
		form.submit();
		await Promise.all([
			posted,
			note("fetch", fetch(at("fetch")).then((response) => response.text())),
			note("no-cors", fetch(at("no-cors"), { mode: "no-cors", credentials: "include" }).then((response) => response.type)),
			note("post", fetch(at("post"), { mode: "no-cors", method: "POST", body: "x" }).then((response) => response.type)),
			add("image", "img", { src: at("image") }),
			add("script", "script", { src: at("script") }),
			add("style", "link", { rel: "stylesheet", href: at("style") }),
			add("frame", "iframe", { src: at("frame") }),
		]);
		delete saw.form;
		delete saw.frame; // frames load error pages
		document.documentElement.dataset.saw = JSON.stringify(saw);
	}
</script>`

// Pages of other sites, and of other ports of the same site, get nothing. A link
// leads to the page.
func testDebugOtherSites(t *testing.T, d *debugSite, tab *browsers.Tab) {
	attacker := listen(t, nil, "127.0.0.1", "localhost")
	attacker.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, attackPage)
	}))
	target := d.origin("127.0.0.1")
	for site, name := range map[string]string{"cross-site": "localhost", "same-site": "127.0.0.1"} {
		d.takeRequests()
		load(t, tab, attacker.origin(name)+"/?target="+url.QueryEscape(target))
		require.NoError(t, tab.Wait(`document.documentElement.dataset.saw`))
		assert.JSONEq(t, `{"fetch": "failed", "no-cors": "failed", "post": "failed", "image": "failed", "script": "failed", "style": "failed"}`,
			evaluateIn[string](t, tab, "document.documentElement.dataset.saw"), site)
		got := d.takeRequests()
		var want []seenRequest
		for _, from := range []struct{ method, name string }{
			{"GET", "fetch"}, {"POST", "form"}, {"GET", "frame"}, {"GET", "image"}, {"GET", "no-cors"}, {"POST", "post"}, {"GET", "script"}, {"GET", "style"},
		} {
			want = append(want, seenRequest{from.method, d.host("127.0.0.1"), "/?from=" + from.name, http.StatusForbidden})
		}
		assert.ElementsMatch(t, want, got, site)

		post := fmt.Sprintf(`(() => { const form = document.querySelector("form"); form.target = ""; form.action = %q; form.submit(); })()`, target+"/?from=top")
		require.NoError(t, tab.Evaluate(post, nil))
		require.NoError(t, tab.Wait(`location.search === "?from=top" && document.readyState === "complete"`))
		assert.Equal(t, []seenRequest{{"POST", d.host("127.0.0.1"), "/?from=top", http.StatusForbidden}}, d.takeRequests(), site)
		assert.Equal(t, "corsdebug: another site's page made this request: open this page in a window of its own\n", evaluateIn[string](t, tab, "document.body.textContent"))

		load(t, tab, attacker.origin(name)+"/")
		require.NoError(t, tab.Evaluate(fmt.Sprintf("void (location.href = %q)", target+"/?from=link"), nil))
		require.NoError(t, tab.Wait(`document.title === "corsrpc debug page"`))
		assert.Equal(t, []seenRequest{{"GET", d.host("127.0.0.1"), "/?from=link", http.StatusOK}}, d.takeRequests(), site)
	}
}

// A name of another site that has come to mean loopback gets nothing. A listed host
// gets the page.
func testDebugReboundHosts(t *testing.T, d *debugSite, tab *browsers.Tab) {
	for host, want := range map[string]struct {
		status int
		text   string
	}{
		"rebound.test":             {http.StatusForbidden, "corsdebug: this host is neither loopback nor listed"},
		"127.0.0.1.rebound.test":   {http.StatusForbidden, "corsdebug: this host is neither loopback nor listed"},
		"localhost.rebound.test":   {http.StatusForbidden, "corsdebug: this host is neither loopback nor listed"},
		debugListed:                {http.StatusOK, "debug page"},
		"not-" + debugListed:       {http.StatusForbidden, "corsdebug: this host is neither loopback nor listed"},
		debugListed + ".evil.test": {http.StatusForbidden, "corsdebug: this host is neither loopback nor listed"},
	} {
		d.takeRequests()
		load(t, tab, "http://"+d.host(host)+"/")
		assert.Contains(t, evaluateIn[string](t, tab, "document.body.textContent"), want.text, host)
		assert.Contains(t, d.takeRequests(), seenRequest{"GET", d.host(host), "/", want.status})
	}
}

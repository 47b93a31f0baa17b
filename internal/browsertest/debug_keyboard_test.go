package browsertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// focused is a script that describes the element that has the focus.
const focused = `(() => {
	const element = document.activeElement, style = getComputedStyle(element);
	return element === document.body ? {} : {
		name: element.id || element.textContent.replace(/\s+/g, " ").trim(),
		ring: element.matches(":focus-visible") ? style.outlineStyle + " " + style.outlineWidth : "none",
		inView: (({ top }) => top >= 0 && top + 20 <= innerHeight)(element.getBoundingClientRect()), // the first line
	};
})()`

// tabTo presses Tab until an element has the focus. Every element on the way shows
// that it has it.
func tabTo(t *testing.T, tab *browsers.Tab, name string) {
	t.Helper()
	const most = 60
	var passed []string
	for range most {
		require.NoError(t, tab.Press(browsers.KeyTab))
		at := evaluateIn[struct {
			Name, Ring string
			InView     bool
		}](t, tab, focused)
		if at.Name == "" { // between the last and the first
			continue
		}
		assert.Equal(t, "solid 3px", at.Ring, "the focus of %q is invisible", at.Name)
		assert.True(t, at.InView, "%q has the focus and is out of view", at.Name)
		if at.Name == name {
			return
		}
		passed = append(passed, at.Name)
	}
	require.Fail(t, "no Tab leads to "+name, "only to %q", passed)
}

// pressAndLoad presses keys, and waits for the page that they lead to.
func pressAndLoad(t *testing.T, tab *browsers.Tab, keys, hash string) {
	t.Helper()
	goOn(t, tab, func() error { return tab.Press(keys) })
	assert.Equal(t, hash, evaluateIn[string](t, tab, "location.hash"), "the part of the page that shows the result")
}

// Without a mouse: reach the form, fill it, submit it, open a rule.
func testDebugKeyboard(t *testing.T, d *debugSite, tab *browsers.Tab) {
	load(t, tab, d.origin("127.0.0.1")+"/")
	assert.Equal(t, []string{"en", "corsrpc debug page"}, evaluateIn[[]string](t, tab, `[document.documentElement.lang, document.title]`))
	assert.Empty(t, evaluateIn[[]string](t, tab,
		`[...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter((field) => field.labels.length !== 1 || !field.labels[0].textContent).map((field) => field.id)`),
		"fields without a label")
	assert.Equal(t, []string{"H1", "H2", "H2", "H2"}, evaluateIn[[]string](t, tab, `[...document.querySelectorAll("h1, h2")].map((h) => h.tagName)`))

	// Enter in a field submits. Tab selects what the field holds, so that typing
	// replaces it.
	call := described{"a call", "GET", debugAddItem, "https://other.example.com", "", ""}
	tabTo(t, tab, "method")
	require.NoError(t, tab.Press(call.method))
	tabTo(t, tab, "url")
	require.NoError(t, tab.Press(call.url))
	tabTo(t, tab, "origin")
	pressAndLoad(t, tab, call.origin+browsers.KeyEnter, "#try")
	assert.Equal(t, d.evaluate(t, call), evaluateIn[map[string]string](t, tab, shownDecision))

	// Lines end with Enter in the headers, so there the button submits.
	preflight := described{"a preflight", "OPTIONS", debugAddItem, debugApp, "", debugPreflight}
	load(t, tab, d.origin("127.0.0.1")+"/")
	tabTo(t, tab, "method")
	require.NoError(t, tab.Press(preflight.method))
	tabTo(t, tab, "url")
	require.NoError(t, tab.Press(preflight.url))
	tabTo(t, tab, "origin")
	require.NoError(t, tab.Press(preflight.origin))
	tabTo(t, tab, "headers")
	require.NoError(t, tab.Press(strings.ReplaceAll(preflight.headers, "\n", browsers.KeyEnter)))
	tabTo(t, tab, "Evaluate")
	pressAndLoad(t, tab, browsers.KeyEnter, "#try")
	assert.Equal(t, d.evaluate(t, preflight), evaluateIn[map[string]string](t, tab, shownDecision))

	// From the decision to its rule, which Enter opens.
	tabTo(t, tab, debugAddItem)
	pressAndLoad(t, tab, browsers.KeyEnter, "#rules")
	assert.Equal(t, []string{debugAddItem}, evaluateIn[[]string](t, tab, `[...document.querySelectorAll("summary code")].map((code) => code.textContent)`))
	tabTo(t, tab, "filter")
	tabTo(t, tab, debugAddItem)
	assert.False(t, evaluateIn[bool](t, tab, `document.querySelector("details").open`))
	require.NoError(t, tab.Press(browsers.KeyEnter))
	require.NoError(t, tab.Wait(`document.querySelector("details").open`))
}

// The filter finds rules, also by the keyboard.
func testDebugFilter(t *testing.T, d *debugSite, tab *browsers.Tab) {
	load(t, tab, d.origin("127.0.0.1")+"/")
	tabTo(t, tab, "filter")
	pressAndLoad(t, tab, "resource"+browsers.KeyEnter, "#rules")
	assert.Equal(t, []string{"/fonts/"}, evaluateIn[[]string](t, tab, `[...document.querySelectorAll("summary code")].map((code) => code.textContent)`))
}

// contrasts is a script that returns each text whose contrast with what is behind
// it is too low, and each edge of a field: WCAG 2.1, 1.4.3 and 1.4.11.
const contrasts = `(() => {
	const parse = (color) => {
		const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
		return { r, g, b, a };
	};
	const over = (top, bottom) => Object.fromEntries([..."rgb"].map((c) => [c, top[c] * top.a + bottom[c] * (1 - top.a)]).concat([["a", 1]]));
	const behind = (element) => {
		if (!element) return parse("rgb(255, 255, 255)");
		const color = parse(getComputedStyle(element).backgroundColor);
		return color.a === 1 ? color : over(color, behind(element.parentElement));
	};
	const luminance = (color) => [..."rgb"].map((c) => color[c] / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const contrast = (color, ground) => {
		const [low, high] = [luminance(over(parse(color), ground)), luminance(ground)].sort((a, b) => a - b);
		return (high + 0.05) / (low + 0.05);
	};
	const low = [];
	let measured = 0;
	const measure = (what, color, ground, least) => {
		measured++;
		const ratio = contrast(color, ground);
		if (ratio < least) low.push(what + ": " + ratio.toFixed(2));
	};
	document.querySelectorAll("details").forEach((rule) => { rule.open = true; });
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const element = texts.currentNode.parentElement;
		if (texts.currentNode.data.trim()) measure(element.tagName + "." + element.className, getComputedStyle(element).color, behind(element), 4.5);
	}
	document.querySelectorAll("input:not([type=hidden]), select, textarea, button").forEach((field) => {
		measure(field.tagName, getComputedStyle(field).color, behind(field), 4.5);
		measure(field.tagName + "::placeholder", getComputedStyle(field, "::placeholder").color, behind(field), 4.5);
		measure("the edge of " + field.tagName, getComputedStyle(field).borderTopColor, behind(field.parentElement), 3);
		field.focus();
		measure("the focus of " + field.tagName, getComputedStyle(field).outlineColor, behind(field.parentElement), 3);
	});
	return { low: [...new Set(low)], measured, dark: matchMedia("(prefers-color-scheme: dark)").matches, ground: getComputedStyle(document.body).backgroundColor };
})()`

// Everything on the page can be read, in both colour schemes.
func testDebugContrast(t *testing.T, d *debugSite, tab *browsers.Tab, dark bool) {
	d.deny(t, "POST", "/acme.shop.v1.CatalogService/GetProduct", map[string][]string{"Origin": {"https://other.example.com"}})
	type result struct {
		Low      []string
		Measured int
		Dark     bool
		Ground   string
	}
	want := result{Low: []string{}, Dark: dark, Ground: "rgb(247, 247, 245)"}
	if dark {
		want.Ground = "rgb(20, 23, 26)"
	}
	for _, query := range []string{
		described{method: "POST", url: debugAddItem, origin: debugApp}.query(), // allowed
		"method=POST&url=nowhere",
	} {
		load(t, tab, d.origin("127.0.0.1")+"/?"+query)
		shown := evaluateIn[[]string](t, tab, `[...new Set([...document.querySelectorAll(".outcome, .tag, #problem")].map((element) => element.className || element.id))].sort()`)
		assert.Subset(t, shown, []string{"outcome blocked", "outcome refused", "outcome reported", "tag"})
		got := evaluateIn[result](t, tab, contrasts)
		assert.Greater(t, got.Measured, 500)
		got.Measured = 0
		assert.Equal(t, want, got)
	}

	// The measure finds what is hard to read.
	require.NoError(t, tab.Evaluate(`document.querySelector("h1").style.setProperty("color", "transparent")`, nil))
	assert.Len(t, evaluateIn[result](t, tab, contrasts).Low, 1)
}

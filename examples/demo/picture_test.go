package main

import (
	"context"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

var pictures = flag.String("pictures", "", "`directory` in which TestPicture leaves demo.png, debug.png and their dark variants")

// TestPicture takes pictures of the page and of the debug page for README.md.
func TestPicture(t *testing.T) {
	if *pictures == "" {
		t.Skip("it tests nothing; -args -pictures DIR takes the pictures")
	}
	browsers.Chromium.Require(t)
	d := &demo{}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	output, input := io.Pipe()
	go func() {
		// The default ports, which people will see too.
		input.CloseWithError(run(ctx, nil, input))
	}()
	d.readOrigins(t, output)
	denyRequests(t, d)

	tab, err := browsers.OpenDevTools(ctx, browsers.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, tab.Close()) }()
	for scheme, suffix := range map[string]string{"light": ".png", "dark": "-dark.png"} {
		takePicture(t, tab, scheme, 1280, d.page, tableBottomWhenDone, "demo"+suffix)
		takePicture(t, tab, scheme, 1060, d.debug+debugPageQuery(d), debugPageBottom, "debug"+suffix)
	}
}

// takePicture takes a picture of the page in a colour scheme, down to where the
// expression has it end.
func takePicture(t *testing.T, tab *browsers.DevTools, scheme string, width int, page, bottomOf, name string) {
	t.Helper()
	require.NoError(t, tab.Call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false,
	}, nil))
	require.NoError(t, tab.Call("Emulation.setEmulatedMedia", map[string]any{
		"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}},
	}, nil))
	require.NoError(t, tab.Navigate(page))
	var bottom float64
	require.NoError(t, tab.Evaluate(bottomOf, &bottom))
	var shot struct{ Data []byte }
	require.NoError(t, tab.Call("Page.captureScreenshot", map[string]any{
		"captureBeyondViewport": true,
		"clip":                  map[string]any{"x": 0, "y": 0, "width": width, "height": bottom, "scale": 1},
	}, &shot))
	require.NoError(t, os.WriteFile(filepath.Join(*pictures, name), shot.Data, 0o644))
}

// denyRequests sends the API with corsrpc what it denies, as browsers do.
func denyRequests(t *testing.T, d *demo) {
	t.Helper()
	for _, request := range []struct {
		count           int
		method, path    string
		origin          string
		preflight, site string
	}{
		{7, http.MethodGet, "CatalogService/GetProduct", "", "", "cross-site"},
		{2, http.MethodOptions, "CartService/AddItem", "http://127.0.0.1:3000", "authorization,content-type", ""},
		{3, http.MethodOptions, "CartService/Checkout", d.page, "authorization,content-type,x-session-id", ""},
	} {
		header := map[string]string{}
		for name, value := range map[string]string{"Origin": request.origin, "Sec-Fetch-Site": request.site, "Access-Control-Request-Headers": request.preflight} {
			if value != "" {
				header[name] = value
			}
		}
		if request.preflight != "" {
			header["Access-Control-Request-Method"] = http.MethodPost
		}
		for range request.count {
			ask(t, request.method, d.corsrpc+"/acme.shop.v1."+request.path, "", header)
		}
	}
}

// debugPageQuery describes a request for the debug page to try.
func debugPageQuery(d *demo) string {
	return "?" + url.Values{
		"method": {http.MethodOptions}, "url": {d.corsrpc + "/acme.shop.v1.CartService/Checkout"}, "origin": {d.page}, "site": {"same-site"},
		"headers": {"Access-Control-Request-Method: POST\nAccess-Control-Request-Headers: authorization,content-type,x-session-id"},
		"filter":  {"CartService/Checkout"},
	}.Encode()
}

// debugPageBottom opens one rule and returns where its first rows end.
const debugPageBottom = `new Promise((resolve) => {
	const check = () => {
		const rule = document.querySelector("details");
		if (document.readyState === "complete" && rule) {
			rule.open = true;
			resolve(Math.floor(rule.querySelectorAll("tr")[6].getBoundingClientRect().bottom + scrollY));
		}
	};
	addEventListener("load", check);
	check();
})`

// The document may be empty yet when this runs.
const tableBottomWhenDone = `new Promise((resolve) => {
	const check = () => {
		if (document.documentElement?.dataset.state === "done") {
			resolve(Math.ceil(document.querySelector(".results").getBoundingClientRect().bottom) + 20);
		}
	};
	new MutationObserver(check).observe(document, { attributes: true, childList: true, subtree: true });
	check();
})`

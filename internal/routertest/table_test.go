package routertest

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

var write = flag.Bool("write", false, "write testdata/reached.txt")

// A sender is who makes a request, and the headers with which a browser marks
// it.
type sender struct {
	name     string
	header   http.Header
	getOnly  bool
	mayOther bool // can call another service than the victim's
}

func page(name, origin, site string) sender {
	return sender{name: name, header: http.Header{
		"Origin": {origin}, "Sec-Fetch-Site": {site}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"},
	}}
}

// A victim is a procedure that strangers call.
type victim struct {
	procedure string
	listed    string // the origin that may call
	elsewhere string // an origin that may call only otherwise
	other     string // a service of elsewhere
}

var victims = []victim{
	{getProduct, app, console, "acme.shop.v1.AdminService"},
	{setPrice, console, app, "acme.shop.v1.CatalogService"},
}

// strangers must not reach the procedure.
func (v victim) strangers() []sender {
	elsewhere := page("origin listed for another service", v.elsewhere, "same-site")
	elsewhere.mayOther = true
	return []sender{
		elsewhere,
		page("unlisted origin", evil, "cross-site"),
		{name: "unlisted origin, plain HTTP", header: http.Header{"Origin": {evil}}},
		{name: "image", getOnly: true, header: http.Header{
			"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"},
		}},
		{name: "speculation rules", getOnly: true, header: http.Header{
			"Sec-Fetch-Site": {"none"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Purpose": {"prefetch"},
		}},
	}
}

// send sends a call as the sender, follows redirects as a browser does, and
// returns what ran.
func send(t *testing.T, h http.Handler, s *spy, method, target string, from sender) string {
	t.Helper()
	s.take()
	for range 5 {
		body := ""
		if method == http.MethodPost {
			body = "{}"
		}
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Host = host
		r.Header = from.header.Clone()
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		} else {
			r.URL.RawQuery = "connect=v1&encoding=json&message=%7B%7D"
			r.RequestURI += "?" + r.URL.RawQuery
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		location := w.Header().Get("Location")
		if location == "" {
			break
		}
		to, err := r.URL.Parse(location)
		require.NoError(t, err)
		if to.Host != "" && to.Host != host {
			break // to another server
		}
		target = to.EscapedPath()
		if w.Code == http.StatusMovedPermanently || w.Code == http.StatusFound {
			method = http.MethodGet
		}
	}
	return s.take()
}

// Whatever a router makes of a path, no handler runs for a page that may not
// call it. Testdata/reached.txt has how many of the targets reach the handler
// without Wrap, which is what the table is worth.
func TestNothingRunsThatMayNot(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "Of %d spellings of GetProduct, those that reach its handler without Wrap, and with it for a page that may call:\n\n", len(targets))
	fmt.Fprintf(&table, "%-42s", "")
	for _, k := range kinds {
		fmt.Fprintf(&table, "%15s", k.name)
	}
	table.WriteString("\n")
	for _, router := range routers() {
		fmt.Fprintf(&table, "%-42s", router.name)
		for _, k := range kinds {
			without, with := 0, 0
			t.Run(router.name+"/"+k.name, func(t *testing.T) {
				s := &spy{}
				bare := router.route(t, k.mounts(s))
				wrapped := newPolicy(t, nil).Wrap(bare)
				for _, v := range victims {
					for _, template := range targets {
						target := spell(template, v.procedure, v.other)
						reached := judge(t, bare, wrapped, s, v, target)
						if v.procedure == getProduct && reached.without {
							without++
						}
						if v.procedure == getProduct && reached.with {
							with++
						}
					}
				}
			})
			fmt.Fprintf(&table, "%15s", fmt.Sprintf("%d, %d", without, with))
		}
		table.WriteString("\n")
	}
	const name = "testdata/reached.txt"
	if *write {
		require.NoError(t, os.WriteFile(name, []byte(table.String()), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, string(want), table.String(), "run go test . -write")
}

type reached struct{ without, with bool }

// judge sends a target in everyone's name.
func judge(t *testing.T, bare, wrapped http.Handler, s *spy, v victim, target string) reached {
	t.Helper()
	var found reached
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		own := page("own", "https://"+host, "same-origin")
		without := send(t, bare, s, method, target, own)
		assert.Equal(t, without, send(t, wrapped, s, method, target, own), "%s %s from the server's own page", method, target)
		if without == v.procedure {
			found.without = true
		}
		if send(t, wrapped, s, method, target, page("listed", v.listed, "cross-site")) == v.procedure {
			found.with = true
		}
		for _, stranger := range v.strangers() {
			if stranger.getOnly && method != http.MethodGet {
				continue
			}
			ran := send(t, wrapped, s, method, target, stranger)
			if stranger.mayOther {
				assert.NotEqual(t, v.procedure, ran, "%s %s: %s", method, target, stranger.name)
			} else {
				assert.Empty(t, ran, "%s %s: %s", method, target, stranger.name)
			}
		}
	}
	return found
}

// A documentation page has a procedure's path below another one. It opens from
// a search engine's link through each router; a Resource also lets other sites
// show its pictures and frame it.
func TestDocumentationOpens(t *testing.T) {
	link := sender{name: "link", header: http.Header{
		"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-User": {"?1"},
	}}
	frame := sender{name: "frame", header: http.Header{
		"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"},
	}}
	for _, router := range routers() {
		t.Run(router.name, func(t *testing.T) {
			s := &spy{}
			handler := router.route(t, append(kinds[0].mounts(s), s.documentation()))
			plain := newPolicy(t, nil)
			assert.Equal(t, "docs", send(t, plain.Wrap(handler), s, http.MethodGet, docs, link))
			assert.Empty(t, send(t, plain.Wrap(handler), s, http.MethodGet, docs, frame))
			exempt := newPolicy(t, map[string]corsrpc.Resource{"/docs/": {}})
			assert.Equal(t, "docs", send(t, exempt.Wrap(handler), s, http.MethodGet, docs, link))
			assert.Equal(t, "docs", send(t, exempt.Wrap(handler), s, http.MethodGet, docs, frame))
		})
	}
	d := newPolicy(t, nil).Evaluate(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: docs}, Host: host, Header: link.header})
	assert.Equal(t, corsrpc.OutcomeReported, d.Outcome)
	assert.Equal(t, `Resources["/docs/"] = {}`, d.Fix)
	assert.Equal(t, "GetProduct", path.Base(d.Procedure))
}

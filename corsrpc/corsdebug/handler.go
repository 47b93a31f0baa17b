package corsdebug

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// An Option is an option of [Handler].
type Option interface{ apply(*page) }

type option func(*page)

func (o option) apply(p *page) { o(p) }

// WithHosts adds hosts by whose name the page can be reached, besides those of
// loopback. Each is a name or an address without a port. WithHosts panics if one
// is anything else, since no request would match it.
func WithHosts(hosts ...string) Option {
	for _, host := range hosts {
		if bare := hostOf(host); bare != host || !isHost(bare) {
			panic(fmt.Errorf(`corsdebug: WithHosts: %q is not a host: write a name or an address without scheme and port, such as "debug.internal"`, host))
		}
	}
	return option(func(p *page) { p.hosts = append(p.hosts, hosts...) })
}

// Handler returns a handler that serves one page, whatever the path: the rules
// of the policy with their sources, the denials of the recorder (which can be
// nil) with what would allow them, and a form that tries a request with
// [corsrpc.Policy.Evaluate]. The page has no scripts and loads nothing.
//
// It responds to GET only. It refuses requests for a host that is neither
// loopback nor listed in [WithHosts], so that DNS rebinding does not reach it,
// and requests that a browser marks as same-site or cross-site, except top-level
// navigations. It does not authenticate: serve it on a listener that only
// operators can reach.
//
// The handler is safe for concurrent use. Handler panics if the policy is nil.
func Handler(policy *corsrpc.Policy, recorder *Recorder, opts ...Option) http.Handler {
	if policy == nil {
		panic(errors.New("corsdebug: Handler: the policy is nil: make one with corsrpc.New"))
	}
	p := &page{policy: policy, recorder: recorder}
	for _, o := range opts {
		o.apply(p)
	}
	return p
}

type page struct {
	policy   *corsrpc.Policy
	recorder *Recorder
	hosts    []string
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/style.css
	styleCSS string

	// html/template escapes by context: everything on the page is data.
	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"words": func(kind fmt.Stringer) string { return strings.ReplaceAll(kind.String(), "_", " ") },
	}).Parse(pageHTML))

	contentPolicy = func() string {
		sum := sha256.Sum256([]byte(styleCSS))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	}()
)

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	switch {
	case !p.isOwnHost(r.Host):
		http.Error(w, "corsdebug: this host is neither loopback nor listed: add it with WithHosts, or open the page by a name of loopback, such as localhost", http.StatusForbidden)
		return
	case !fromOperator(r):
		http.Error(w, "corsdebug: another site's page made this request: open this page in a window of its own", http.StatusForbidden)
		return
	case r.Method != http.MethodGet:
		header.Set("Allow", "GET")
		http.Error(w, "corsdebug: the method is not GET: the page responds to GET only", http.StatusMethodNotAllowed)
		return
	case len(r.URL.RawQuery) > longestQuery:
		http.Error(w, "corsdebug: the query is longer than 16 KiB: describe a shorter request", http.StatusRequestURITooLong)
		return
	}
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p.contents(r)); err != nil {
		http.Error(w, "corsdebug: the page's template failed", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes())
}

// longestQuery bounds what is parsed of a form.
const longestQuery = 16 << 10

// isOwnHost reports whether a request's Host is one that no other site can
// have made up by DNS rebinding.
func (p *page) isOwnHost(hostport string) bool {
	host := strings.ToLower(hostOf(hostport))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	return host != "" && slices.ContainsFunc(p.hosts, func(listed string) bool { return strings.EqualFold(listed, host) })
}

// hostOf returns a Host header without port and brackets.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	if host, ok := strings.CutPrefix(hostport, "["); ok && strings.HasSuffix(host, "]") {
		return strings.TrimSuffix(host, "]")
	}
	return hostport
}

// isHost reports whether a URL can have the host: hosts of other characters are
// mistakes, such as URLs.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && !strings.ContainsFunc(host, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_')
	})
}

// fromOperator reports whether no other site's page caused the request, except
// by a link that opens it in a window.
func fromOperator(r *http.Request) bool {
	site := r.Header["Sec-Fetch-Site"]
	switch {
	case len(site) == 0 && len(r.Header["Origin"]) == 0:
		return true
	case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none") && len(r.Header["Sec-Purpose"]) == 0:
		return true
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		len(r.Header["Origin"]) == 0 && len(r.Header["Sec-Purpose"]) == 0
}

package corsdebug

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// A trial is the request that the form describes, and what becomes of it.
type trial struct {
	Method, URL, Origin, Site, Headers string

	Sites    []string
	Problem  string
	Decision *corsrpc.Decision
}

// try evaluates the request that the form describes.
func (p *page) try(query url.Values) trial {
	t := trial{
		Method: strings.TrimSpace(query.Get("method")), URL: strings.TrimSpace(query.Get("url")),
		Origin: strings.TrimSpace(query.Get("origin")), Site: query.Get("site"), Headers: query.Get("headers"),
		Sites: []string{"", "cross-site", "same-site", "same-origin", "none"},
	}
	if !query.Has("url") {
		t.Method = http.MethodPost
		return t
	}
	r, problem := t.request()
	if problem != "" {
		t.Problem = problem
		return t
	}
	d := p.policy.Evaluate(r)
	t.Decision = &d
	return t
}

// request returns the request as a server would receive it, or what is wrong
// with the form.
func (t *trial) request() (r *http.Request, problem string) {
	if !headername.IsToken(t.Method) {
		return nil, fmt.Sprintf("%q is not a method: write one such as POST", t.Method)
	}
	u, ok := parseTarget(t.URL)
	if !ok {
		return nil, fmt.Sprintf("%q is neither a URL nor a path: write one such as https://api.example.com/acme.shop.v1.CartService/AddItem", t.URL)
	}
	r = &http.Request{Method: t.Method, URL: u, Host: u.Host, Header: make(http.Header), Body: http.NoBody, Proto: "HTTP/2.0", ProtoMajor: 2}
	for line := range strings.Lines(t.Headers) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || !headername.IsToken(name) {
			return nil, fmt.Sprintf("%q is not a header line: write one such as Cookie: session=1", line)
		}
		if strings.EqualFold(name, "Host") {
			r.Host = strings.TrimSpace(value)
			continue
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	if t.Origin != "" {
		r.Header.Set("Origin", t.Origin)
	}
	if t.Site != "" {
		r.Header.Set("Sec-Fetch-Site", t.Site)
	}
	return r, ""
}

// parseTarget parses a URL, or a path as the request line has it: there,
// "//host/path" is a path.
func parseTarget(target string) (*url.URL, bool) {
	target, _, _ = strings.Cut(target, "#")
	if path, ok := strings.CutPrefix(target, "/"); ok {
		u, err := url.ParseRequestURI("http://unused/" + path)
		if err != nil {
			return nil, false
		}
		u.Scheme, u.Host = "", ""
		return u, true
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, false
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, true
}

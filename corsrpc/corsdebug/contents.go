package corsdebug

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// contents are what the page's template shows.
type contents struct {
	Style   template.CSS
	Filter  string
	Rules   []ruleView
	Hidden  int // rules that are not shown
	Denials []denialView
	Trial   trial
}

type ruleView struct {
	corsrpc.Rule
	Grants []corsrpc.Grant
	MaxAge string
}

type denialView struct {
	Group
	Ago string
}

// A trial is the request that the form describes, and what becomes of it.
type trial struct {
	Method, URL, Origin, Site, Headers string
	Sites                              []string
	Problem                            string
	Decision                           *corsrpc.Decision
}

// mostRules bounds the page: the filter finds the others.
const mostRules = 200

func (p *page) contents(r *http.Request) contents {
	query := r.URL.Query()
	c := contents{Style: template.CSS(styleCSS), Filter: query.Get("filter"), Trial: p.try(query)}
	for rule := range p.policy.Rules() {
		if !strings.Contains(strings.ToLower(rule.Path+" "+rule.Procedure), strings.ToLower(c.Filter)) {
			continue
		}
		if len(c.Rules) == mostRules {
			c.Hidden++
			continue
		}
		c.Rules = append(c.Rules, ruleView{rule, rule.Grants(), rule.MaxAge.String()})
	}
	now := time.Now()
	for _, g := range p.recorder.Groups() {
		c.Denials = append(c.Denials, denialView{g, now.Sub(g.Last).Round(time.Second).String()})
	}
	return c
}

// try evaluates the request that the form describes.
func (p *page) try(query url.Values) trial {
	t := trial{
		Method: query.Get("method"), URL: query.Get("url"), Origin: query.Get("origin"), Site: query.Get("site"), Headers: query.Get("headers"),
		Sites: []string{"", "cross-site", "same-site", "same-origin", "none"},
	}
	if t.URL == "" {
		t.Method = "POST"
		return t
	}
	u, err := url.Parse(t.URL)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		t.Problem = "The URL has no path: write one such as https://api.example.com/acme.shop.v1.CartService/AddItem"
		return t
	}
	request := &http.Request{Method: t.Method, URL: u, Host: u.Host, Header: make(http.Header), Body: http.NoBody, Proto: "HTTP/2.0", ProtoMajor: 2}
	for line := range strings.Lines(t.Headers) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Problem = "A header line has no colon: write Name: value"
			return t
		}
		request.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if t.Origin != "" {
		request.Header.Set("Origin", t.Origin)
	}
	if t.Site != "" {
		request.Header.Set("Sec-Fetch-Site", t.Site)
	}
	d := p.policy.Evaluate(request)
	t.Decision = &d
	return t
}

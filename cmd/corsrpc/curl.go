package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// parseCurl reads a request as "Copy as cURL" of Chromium's and Firefox's
// developer tools writes it, for bash or for cmd. An option that it does not
// know is an error. The copy of a preflight stands for the call that it asks
// for: where a preflight fails, Firefox shows nothing else.
func parseCurl(text, origin string) (*pageCall, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 || words[0] != "curl" && words[0] != "curl.exe" {
		return nil, errors.New("the text must begin with curl: use \"Copy as cURL\", not \"Copy as fetch\"")
	}
	c := &copied{header: make(http.Header), browser: make(http.Header)}
	for words = words[1:]; len(words) > 0; {
		taken, err := c.take(words)
		if err != nil {
			return nil, err
		}
		words = words[taken:]
	}
	return c.pageCall(origin)
}

// copied is what the words of a command say.
type copied struct {
	method, url   string
	body, cookies bool
	header        http.Header // set by the script
	browser       http.Header // added by the browser
}

// take reads an option, with its value, or the URL. It returns how many words
// that is.
func (c *copied) take(words []string) (int, error) {
	option := words[0]
	switch option {
	case "--compressed", "--globoff", "-k", "--insecure", "-i", "--include", "-s", "--silent", "-v", "--verbose":
		return 1, nil
	case "-I", "--head":
		c.method = http.MethodHead
		return 1, nil
	case "-H", "--header", "-X", "--request", "-b", "--cookie", "-d", "--data", "--data-raw", "--data-binary", "--url":
	default:
		if strings.HasPrefix(option, "-") {
			return 0, fmt.Errorf("the option %.40q is not understood: remove it", option)
		}
		return 1, c.takeURL(option)
	}
	if len(words) == 1 {
		return 0, fmt.Errorf("%s has no value: copy the whole command", option)
	}
	value := words[1]
	switch option {
	case "-H", "--header":
		return 2, c.takeHeader(value)
	case "-X", "--request":
		if !headername.IsToken(value) {
			return 0, fmt.Errorf("%s %.40q: it is not an HTTP method", option, value)
		}
		c.method = value
	case "-b", "--cookie":
		c.cookies = true
	case "--url":
		return 2, c.takeURL(value)
	default: // what is in the body decides nothing
		c.body = true
	}
	return 2, nil
}

// takeURL takes the URL. Chromium escapes what curl would expand.
func (c *copied) takeURL(text string) error {
	text = strings.NewReplacer(`\[`, "[", `\]`, "]", `\{`, "{", `\}`, "}").Replace(text)
	u, err := url.Parse(text)
	switch {
	case c.url != "":
		return fmt.Errorf("%.200q is a second URL: copy one request", text)
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%.200q is not a URL of http or https: write one such as https://api.example.com/", text)
	}
	c.url = text
	return nil
}

// takeHeader takes "Name: value", or "Name;" for a header without a value.
func (c *copied) takeHeader(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		name, ok = strings.CutSuffix(line, ";")
	}
	if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); !ok || !headername.IsToken(name) {
		return fmt.Errorf("-H %.80q: write Name: value", line)
	}
	header := c.header
	if name == "Cookie" {
		c.cookies = true
	}
	if fromBrowser[name] || headername.IsForbiddenRequest(name) {
		header = c.browser
	}
	header.Set(name, strings.TrimSpace(value))
	return nil
}

// fromBrowser are the headers that browsers add although scripts can set them
// too. That they are in a copy does not show who set them; in pages that is
// almost always the browser, Cache-Control and Pragma because the cache is off
// in the developer tools.
var fromBrowser = map[string]bool{
	"Accept": true, "Accept-Language": true, "Cache-Control": true, "If-Modified-Since": true, "If-None-Match": true, "Pragma": true,
	"Priority": true, "Upgrade-Insecure-Requests": true, "User-Agent": true,
}

// modes are those of the requests that HTTP servers see.
var modes = map[string]corstest.Mode{
	"": corstest.ModeCORS, "cors": corstest.ModeCORS, "no-cors": corstest.ModeNoCORS, "same-origin": corstest.ModeSameOrigin, "navigate": corstest.ModeNavigate,
}

func (c *copied) pageCall(origin string) (*pageCall, error) {
	if c.url == "" {
		return nil, errors.New("there is no URL: copy the whole command")
	}
	call := &pageCall{method: c.method, url: c.url, header: c.header, cookies: c.cookies, destination: c.browser.Get("Sec-Fetch-Dest")}
	mode, known := modes[c.browser.Get("Sec-Fetch-Mode")]
	switch call.mode = mode; {
	case !known:
		return nil, fmt.Errorf("Sec-Fetch-Mode: %.40q is not understood: copy a request of fetch, XMLHttpRequest or a link", c.browser.Get("Sec-Fetch-Mode"))
	case c.browser.Get("Sec-Purpose") != "":
		return nil, errors.New("Sec-Purpose is not understood: copy a request that the browser did not make ahead of time")
	case c.browser.Get("Sec-Fetch-Site") == "none":
		return nil, errors.New("Sec-Fetch-Site is none: the user opened this URL, so that no page made the request")
	}
	if call.origin = cmp.Or(origin, c.origin()); call.origin == "" {
		return nil, errors.New("the request has neither Origin nor Referer: add --origin with the origin of the page that made it")
	}
	if call.destination == "empty" {
		call.destination = ""
	}
	switch {
	case call.method == http.MethodOptions && c.browser.Get("Access-Control-Request-Method") != "":
		if method := c.browser.Get("Access-Control-Request-Method"); !headername.IsToken(method) {
			return nil, fmt.Errorf("Access-Control-Request-Method: %.40q is not an HTTP method", method)
		}
		call.askedFor(c.browser)
	case call.method == "" && c.body:
		call.method = http.MethodPost
	case call.method == "":
		call.method = http.MethodGet
	}
	return call, nil
}

// origin returns that of the page. Requests with GET that are not for scripts
// have no Origin, and none within an origin.
func (c *copied) origin() string {
	if origin := c.browser.Get("Origin"); origin != "" {
		return origin
	}
	page := c.browser.Get("Referer")
	if c.browser.Get("Sec-Fetch-Site") == "same-origin" {
		page = c.url
	}
	u, err := url.Parse(page)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// askedFor makes the call that a preflight asks for: with the names of its
// headers and made-up values.
func (call *pageCall) askedFor(preflight http.Header) {
	call.method, call.mode = preflight.Get("Access-Control-Request-Method"), corstest.ModeCORS
	for name := range strings.SplitSeq(preflight.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); !headername.IsToken(name) {
			continue
		}
		value := "1"
		if strings.EqualFold(name, "Content-Type") {
			value = "application/json"
		}
		call.header.Set(name, value)
	}
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// troubleshooting has a section for each reason, with its code as the anchor.
const troubleshooting = "https://github.com/corsrpc/corsrpc-go/blob/main/docs/troubleshooting.md#"

// A pageCall is a request that a page makes.
type pageCall struct {
	method, url string
	origin      string
	header      http.Header // that the script sets
	cookies     bool
	mode        corstest.Mode
	destination string
}

// A step is one request of a call, and what becomes of it.
type step struct {
	Preflight bool              `json:"preflight"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Asks      string            `json:"asks,omitempty"`
	Status    int               `json:"status,omitempty"`
	Response  http.Header       `json:"response,omitempty"`
	Decision  *corsrpc.Decision `json:"decision,omitempty"` // nil if the browser sends nothing
	Browser   string            `json:"browser,omitempty"`  // why the browser blocks it
	Try       string            `json:"try,omitempty"`      // what would satisfy the browser, if Decision has no Fix
}

func runExplain(ctx context.Context, f *flags, stdout io.Writer) (int, error) {
	if err := cmp.Or(oneOf("format", f.format, "text", "json"), f.noArguments()); err != nil {
		return failed, err
	}
	if len(f.policies) == 0 {
		return failed, errors.New("give --policy with a policy file")
	}
	var call *pageCall
	var err error
	if f.curl != "" {
		if f.call != "" || f.url != "" || f.method != "" || len(f.headers) > 0 {
			return failed, errors.New("--curl has the whole request: leave out --call, --url, -X and -H")
		}
		var text string
		if text, err = textOf(f.curl); err == nil {
			call, err = parseCurl(text, f.origin)
		}
		if err != nil {
			err = fmt.Errorf("--curl: %w", err)
		}
	} else {
		call, err = f.pageCall()
	}
	if err != nil {
		return failed, err
	}
	files, err := f.files(ctx)
	if err != nil {
		return failed, err
	}
	policy, err := newPolicy(files, f.policies)
	if err != nil {
		return failed, err
	}
	steps, err := call.explain(ctx, policy)
	if err != nil {
		return failed, err
	}
	if f.format == "json" {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(steps)
	} else {
		err = call.write(stdout, steps)
	}
	if err != nil {
		return failed, err
	}
	for _, s := range steps {
		if s.Browser != "" || !s.Decision.Allowed {
			return findings, nil
		}
	}
	return fine, nil
}

// textOf returns the value of a flag that is a text, or @ and the name of a file
// with the text: no shell takes all of a copied command as one word.
func textOf(value string) (string, error) {
	name, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return value, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestCommand+1))
	return string(text), err
}

// pageCall returns the call that --call and its siblings describe.
func (f *flags) pageCall() (*pageCall, error) {
	if f.origin == "" || f.call == "" {
		return nil, errors.New("give --origin and --call, or --curl")
	}
	server, err := url.Parse(cmp.Or(f.url, "https://api.example.com"))
	if err != nil || server.Host == "" || server.Scheme != "http" && server.Scheme != "https" {
		return nil, fmt.Errorf("--url %.200q: write a URL such as https://api.example.com", f.url)
	}
	c := &pageCall{method: http.MethodPost, origin: f.origin, header: make(http.Header)}
	path, query := "/"+strings.TrimPrefix(f.call, "/"), ""
	switch f.protocol {
	case "connect":
		c.header.Set("Content-Type", "application/json")
		c.header.Set("Connect-Protocol-Version", "1")
	case "get":
		c.method, query = http.MethodGet, "connect=v1&encoding=json&message=%7B%7D"
	case "grpc-web":
		c.header.Set("Content-Type", "application/grpc-web+proto")
		c.header.Set("X-Grpc-Web", "1")
		c.header.Set("X-User-Agent", "corsrpc")
	case "rest":
		c.method = cmp.Or(f.method, http.MethodGet)
		if f.method != "" && f.method != http.MethodGet && f.method != http.MethodDelete {
			c.header.Set("Content-Type", "application/json")
		}
	default:
		return nil, oneOf("protocol", f.protocol, "connect", "get", "grpc-web", "rest")
	}
	if f.method != "" && f.protocol != "rest" {
		return nil, errors.New("-X is for --protocol rest alone")
	}
	header, err := f.header()
	if err != nil {
		return nil, err
	}
	c.cookies = header.Get("Cookie") != ""
	header.Del("Cookie")
	maps.Copy(c.header, header)
	c.url = strings.TrimSuffix(server.String(), "/") + path
	if query != "" {
		c.url += "?" + query
	}
	return c, nil
}

// explain makes the call in a model of a browser, with the policy around a
// handler that responds to everything, and judges each request on the way.
func (c *pageCall) explain(ctx context.Context, policy *corsrpc.Policy) ([]step, error) {
	u, err := url.Parse(c.url)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the URL %.200q is not absolute: begin it with https:// and the server's host", c.url)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	options := []corstest.Option{corstest.WithHandler(policy.Wrap(ok)), corstest.WithThirdPartyCookies(true)}
	browser, err := newBrowser(c.origin, options)
	if err != nil {
		return nil, err
	}
	request := corstest.Request{Method: c.method, URL: c.url, Header: c.header, Mode: c.mode, Destination: c.destination}
	if c.cookies {
		request.Credentials = corstest.CredentialsInclude
		browser.SetCookie(c.url, &http.Cookie{Name: "session", Value: "1", Path: "/", SameSite: http.SameSiteNoneMode, Secure: u.Scheme == "https"})
	}
	response, err := browser.Fetch(ctx, request)
	if err == nil {
		_ = response.Body.Close()
	}
	var blocked *corstest.BlockedError
	if err != nil && !errors.As(err, &blocked) {
		return nil, err
	}
	var steps []step
	for _, e := range browser.Exchanges() {
		s := step{Preflight: e.Preflight, Method: e.Method, URL: e.URL, Status: e.Status, Response: e.ResponseHeader}
		if e.Preflight {
			s.Asks = e.RequestHeader.Get("Access-Control-Request-Method")
			if names := e.RequestHeader.Get("Access-Control-Request-Headers"); names != "" {
				s.Asks += " with " + names
			}
		}
		target, err := url.Parse(e.URL)
		if err != nil {
			return nil, err
		}
		d := policy.Evaluate(&http.Request{Method: e.Method, URL: target, Host: target.Host, Header: e.RequestHeader, Body: http.NoBody, Proto: "HTTP/2.0", ProtoMajor: 2})
		s.Decision = &d
		var here *corstest.BlockedError
		if errors.As(e.Err, &here) {
			s.Browser = here.Message
			if d.Fix == "" && d.Reason != corsrpc.ReasonInternalMethod {
				s.Try = here.Fix
			}
		}
		steps = append(steps, s)
	}
	if blocked != nil && (len(steps) == 0 || steps[len(steps)-1].Browser == "") {
		steps = append(steps, step{Method: c.method, URL: c.url, Browser: blocked.Message, Try: blocked.Fix})
	}
	return steps, nil
}

// newBrowser returns a browser whose page has the origin, or an error where
// corstest would panic: the origin comes from a person.
func newBrowser(origin string, options []corstest.Option) (browser *corstest.Browser, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("--origin: %s", strings.TrimPrefix(fmt.Sprint(cause), "corstest: NewBrowser: "))
		}
	}()
	return corstest.NewBrowser(origin, options...), nil
}

func (c *pageCall) write(w io.Writer, steps []step) error {
	var b strings.Builder
	fmt.Fprintf(&b, "page       %s\ncall       %s %s\n", c.origin, c.method, c.url)
	for _, s := range steps {
		b.WriteString("\n")
		switch {
		case s.Decision == nil:
			fmt.Fprintf(&b, "request    %s, which the browser does not send\n", s.Method)
		case s.Preflight:
			fmt.Fprintf(&b, "preflight  asks for %s\n", s.Asks)
		default:
			fmt.Fprintf(&b, "request    %s\n", s.Method)
		}
		if s.Decision != nil {
			writeDecision(&b, *s.Decision)
			writeResponse(&b, s)
		}
		for _, line := range [][2]string{{"browser", s.Browser}, {"try", s.Try}} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %-8s  %s\n", line[0], line[1])
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeDecision(b *strings.Builder, d corsrpc.Decision) {
	fmt.Fprintf(b, "  decision  %s", d.Outcome)
	if !d.Allowed {
		fmt.Fprintf(b, ": %s", d.Reason)
	}
	fmt.Fprintf(b, " (%s)\n", d.Kind)
	for _, line := range [][2]string{{"rule", d.Path}, {"detail", d.Detail}, {"fix", d.Fix}} {
		if line[1] != "" {
			fmt.Fprintf(b, "  %-8s  %s\n", line[0], line[1])
		}
	}
	if !d.Allowed {
		fmt.Fprintf(b, "  see       %s%s\n", troubleshooting, d.Reason.Code())
	}
}

// writeResponse prints the status and the headers that concern CORS.
func writeResponse(b *strings.Builder, s step) {
	fmt.Fprintf(b, "  status    %d\n", s.Status)
	for _, name := range slices.Sorted(maps.Keys(s.Response)) {
		if !strings.HasPrefix(name, "Access-Control-") && name != "Vary" {
			continue
		}
		const indent = 14
		items := strings.Split(strings.Join(s.Response[name], ", "), ", ")
		fmt.Fprintf(b, "            %s: %s\n", name, wrapped(items, ", ", indent+len(name), indent))
	}
}

package corstest_test

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// Calls in testdata/captures, by engine. The recordings are fixed, so a call
// that the harness loses is a failure.
const wantReplayed = 2527

var profiles = map[string]corstest.Profile{
	"chromium": corstest.Chromium,
	"firefox":  corstest.Firefox,
	"webkit":   corstest.WebKit,
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, file := range recordings(t, "testdata/captures") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			calls := readRecording(t, file)
			browser := calls[0].Browser
			// An engine's recording must agree with the engine's profile in
			// everything, and with the standard except for cookies, because
			// engines withhold more cookies than the standard does, and for
			// the known differences of that engine.
			replayAll(t, calls, profiles[browser], nil, nil)
			replayAll(t, calls, corstest.Standard, []string{"Cookie"}, differences[browser])
		})
	}
}

// differences are where an engine, by its name in recordings, departs from the
// standard, by the kind of call. Its profile has each.
var differences = map[string]map[string]string{
	"chromium": {
		"header-authorization": wildcardCoversAuthorization,
		"cache-failed-answer":  "a failed answer does not clear the preflight cache",
		"redirect-":            "Sec-Fetch-Site of a preflight is about the last URL; user info is refused on the page's own origin too",
	},
	"firefox": {
		"header-authorization": wildcardCoversAuthorization,
		"repeated":             "Access-Control-Request-Headers repeats names",
		"redirect-": "Sec-Fetch-Site is cross-site after a redirect from plain HTTP, also on loopback (SecFetch.cpp, IsSameSite); " +
			"preflights know nothing of redirects; a request once preflighted is so again",
	},
	"webkit": {
		"header-authorization": wildcardCoversAuthorization,
		"cache-failed-answer":  "a failed answer does not clear the preflight cache",
		"redirect-": "no Sec-Fetch-* after a redirect to another origin; preflights list headers that the redirect removed; " +
			"a GET that was a POST keeps its Origin header",
	},
}

const wildcardCoversAuthorization = "Allow-Headers * covers Authorization"

// Other recordings in the same form, in a directory that the environment names.
func TestReplayOfOtherRecordings(t *testing.T) {
	t.Parallel()
	directory := os.Getenv("CORSTEST_CAPTURES")
	if directory == "" {
		t.Skip("CORSTEST_CAPTURES names no directory")
	}
	for _, file := range recordings(t, directory) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			calls := readRecording(t, file)
			replayAll(t, calls, profiles[calls[0].Browser], nil, nil)
		})
	}
}

func TestReplayIsComplete(t *testing.T) {
	t.Parallel()
	byEngine := map[string]int{}
	for _, file := range recordings(t, "testdata/captures") {
		calls := readRecording(t, file)
		byEngine[calls[0].Browser] += len(calls)
	}
	assert.Equal(t, map[string]int{"chromium": wantReplayed, "firefox": wantReplayed, "webkit": wantReplayed}, byEngine)
}

func recordings(t *testing.T, directory string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, "*.jsonl.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no *.jsonl.gz in %s", directory)
	return files
}

// replayAll replays a recording in one browser, in order, and reports the
// agreement.
func replayAll(t *testing.T, calls []*recordedCall, profile corstest.Profile, ignored []string, explained map[string]string) {
	t.Helper()
	r := &replay{profile: profile, ignored: ignored, browsers: map[string]*corstest.Browser{}}
	agreed, differing, exchanges, silent := 0, 0, 0, 0
	for _, call := range calls {
		exchanges += len(call.exchanges)
		if len(call.exchanges) == 0 {
			// The engine let nothing out, and the recording does not say what
			// the page asked for.
			silent++
			assert.False(t, call.JS.OK, "%s: went well without an exchange", call.name())
			continue
		}
		switch err := r.call(call); {
		case err == nil:
			agreed++
		case isExplained(call.Kind, explained):
			differing++
		default:
			t.Errorf("%s in %s: %v", call.name(), profile, err)
		}
	}
	t.Logf("%s: %d of %d calls agree, %d differ as explained (%d exchanges; %d calls made none; %d preflights made although cached)",
		profile, agreed, len(calls)-silent, differing, exchanges, silent, r.uncached)
}

func isExplained(kind string, explained map[string]string) bool {
	for prefix := range explained {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// A recordedCall is one call of a page.
type recordedCall struct {
	Call       string `json:"call"`
	Run        string `json:"run"`
	Browser    string `json:"browser"`
	Client     string `json:"client"`
	Kind       string `json:"kind"`
	Variant    string `json:"variant"`
	Topology   string `json:"topology"`
	JS         recordedJS
	exchanges  []*recordedExchange
	pageOrigin string
}

func (c *recordedCall) name() string {
	return fmt.Sprintf("%s (%s %s, %s, %s)", c.Call, c.Client, c.Kind, c.Variant, c.Topology)
}

type recordedJS struct {
	OK      bool          `json:"ok"`
	Aborted bool          `json:"aborted"`
	Net     []recordedNet `json:"net"`
}

// recordedNet is one fetch or XMLHttpRequest as the page saw it.
type recordedNet struct {
	API             string            `json:"api"`
	Credentials     string            `json:"credentials"`
	Mode            string            `json:"mode"`
	Redirect        string            `json:"redirect"`
	WithCredentials bool              `json:"withCredentials"`
	Status          int               `json:"status"`
	Type            string            `json:"type"`
	VisibleHeaders  map[string]string `json:"visible_headers"`
	Error           string            `json:"error"`
}

// outcome tells what became of a fetch.
func (n *recordedNet) outcome(js recordedJS) outcome {
	switch {
	case n.Status != 0 || n.Type == "opaque" || n.Type == "opaqueredirect":
		return answered
	case strings.HasPrefix(n.Error, "TypeError:") || strings.Contains(n.Error, "error event"):
		return blocked
	}
	return aborted // by the page, or by its client's timeout
}

type outcome string

const (
	answered outcome = "answered"
	blocked  outcome = "blocked"
	aborted  outcome = "aborted"
)

type recordedExchange struct {
	Seq        int                 `json:"seq"`
	At         string              `json:"at"`
	Proto      string              `json:"proto"`
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Query      string              `json:"query"`
	Host       string              `json:"host"`
	ReqHeader  map[string][]string `json:"req_header"`
	ReqBody    string              `json:"req_body"`
	ReqBody64  string              `json:"req_body_b64"`
	Status     int                 `json:"status"`
	RespHeader map[string][]string `json:"resp_header"`
	RespBody   string              `json:"resp_body"`
	RespBody64 string              `json:"resp_body_b64"`

	preflight bool
	scheme    string
}

func (e *recordedExchange) url() string {
	u := url.URL{Scheme: e.scheme, Host: e.Host, Path: e.Path, RawQuery: e.Query}
	return u.String()
}

func (e *recordedExchange) header(name string) string {
	return strings.Join(e.ReqHeader[strings.ToLower(name)], ", ")
}

// readRecording returns the calls of a file in their order.
func readRecording(t *testing.T, file string) []*recordedCall {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	plain, err := gzip.NewReader(f)
	require.NoError(t, err)

	var calls []*recordedCall
	byID := map[string]*recordedCall{}
	var late []*recordedExchange
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			recordedCall
			Role     string            `json:"role"`
			Exchange *recordedExchange `json:"exchange"`
			JS       recordedJS        `json:"js"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		if line.Exchange != nil {
			line.Exchange.preflight = line.Role == "preflight"
			line.Exchange.Path = pathWithoutVariant(line.Exchange.Path)
		}
		if line.Role == "late" {
			late = append(late, line.Exchange)
			continue
		}
		call, ok := byID[line.Call]
		if !ok {
			call = &line.recordedCall
			call.JS = line.JS
			byID[line.Call] = call
			calls = append(calls, call)
		}
		if line.Exchange != nil {
			call.exchanges = append(call.exchanges, line.Exchange)
		}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, calls)

	// A late exchange ended after its call did, which was aborted: it belongs
	// to the last one before it that asked for the same path.
	for _, exchange := range late {
		i := slices.IndexFunc(calls, func(c *recordedCall) bool {
			return len(c.exchanges) > 0 && c.exchanges[0].Seq < exchange.Seq && c.exchanges[0].Path == exchange.Path &&
				len(c.JS.Net) == 1 && c.JS.Net[0].outcome(c.JS) == aborted && c.exchanges[len(c.exchanges)-1].preflight
		})
		require.GreaterOrEqual(t, i, 0, "no call for the late exchange %d", exchange.Seq)
		calls[i].exchanges = append(calls[i].exchanges, exchange)
	}
	for _, call := range calls {
		slices.SortFunc(call.exchanges, func(a, b *recordedExchange) int { return cmp.Compare(a.Seq, b.Seq) })
		call.infer(t)
	}
	return calls
}

// infer finds what the recording does not state: the page's origin and the
// servers' scheme.
func (c *recordedCall) infer(t *testing.T) {
	t.Helper()
	if len(c.exchanges) > 0 {
		c.pageOrigin = c.exchanges[0].header("Origin")
		if referer, err := url.Parse(c.exchanges[0].header("Referer")); err == nil && referer.Host != "" && c.pageOrigin == "" {
			c.pageOrigin = referer.Scheme + "://" + referer.Host
		}
	}
	for _, e := range c.exchanges {
		e.scheme = "http"
		if e.Proto == "HTTP/2.0" || strings.HasPrefix(c.pageOrigin, "https:") {
			e.scheme = "https"
		}
		if page, err := url.Parse(c.pageOrigin); err == nil && page.Scheme == e.scheme && e == c.exchanges[0] &&
			page.Hostname() == (&url.URL{Host: e.Host}).Hostname() && e.header("Sec-Fetch-Site") == "cross-site" {
			c.pageOrigin = "" // a sandboxed page that sends its frame's URL
		}
		if c.pageOrigin == "" {
			c.pageOrigin = "null"
			if e.header("Sec-Fetch-Site") == "same-origin" {
				c.pageOrigin = e.scheme + "://" + e.Host
			}
		}
	}
}

// A replay is one browser that replays calls.
type replay struct {
	profile  corstest.Profile
	ignored  []string
	now      time.Time
	wire     *wire
	browsers map[string]*corstest.Browser // by the page's origin
	uncached int
}

func (r *replay) browser(origin string) *corstest.Browser {
	b, ok := r.browsers[origin]
	if !ok {
		b = corstest.NewBrowser(origin,
			corstest.WithProfile(r.profile),
			corstest.WithClock(func() time.Time { return r.now }),
			corstest.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) { return r.wire.exchange(req) })))
		r.browsers[origin] = b
	}
	return b
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// call replays the fetches of one call, one after the other, and returns what
// is not as it was.
func (r *replay) call(c *recordedCall) error {
	if len(c.JS.Net) == 0 {
		return errors.New("the recording says nothing of what the page saw")
	}
	remaining := c.exchanges
	for i := range c.JS.Net {
		if len(remaining) == 0 {
			return errors.New("more fetches than exchanges")
		}
		rest, err := r.fetch(c, &c.JS.Net[i], remaining)
		if err != nil && remaining[0].preflight && errors.Is(err, errSkippedPreflight) {
			// "Cache entries may be removed before that moment arrives"
			// (Fetch, section 4.9): an engine may ask again.
			r.uncached++
			r.browser(c.pageOrigin).ForgetPreflights()
			rest, err = r.fetch(c, &c.JS.Net[i], remaining)
		}
		if err != nil {
			return err
		}
		remaining = rest
	}
	if len(remaining) > 0 {
		return fmt.Errorf("the engine went on with %s %s, the model did not", remaining[0].Method, remaining[0].url())
	}
	return nil
}

func (r *replay) fetch(c *recordedCall, net *recordedNet, exchanges []*recordedExchange) (rest []*recordedExchange, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request := authoredRequest(net, exchanges)
	at, err := time.Parse("15:04:05.999999", exchanges[0].At)
	if err != nil {
		return nil, err
	}
	r.now = at
	r.wire = &wire{
		remaining: exchanges,
		ignored:   r.ignored,
		authored:  request.Header,
		net:       net,
		opaque:    c.pageOrigin == "null",
		profile:   r.profile,
		aborted:   net.outcome(c.JS) == aborted,
		abort:     cancel,
	}
	response, err := r.browser(c.pageOrigin).Fetch(ctx, request)
	if r.wire.difference != nil {
		return nil, r.wire.difference
	}
	rest = r.wire.remaining
	switch got, want := outcomeOf(err), net.outcome(c.JS); {
	case got == want:
	case want == aborted && got == answered:
		_ = response.Body.Close() // the page lost interest, after a response that it could have read
		return rest, nil
	default:
		return nil, fmt.Errorf("the model says %s (%v), the engine %s (%s)", got, err, want, net.Error)
	}
	if err != nil {
		return rest, nil
	}
	defer response.Body.Close()
	if response.Status != net.Status {
		return nil, fmt.Errorf("the model shows status %d, the engine %d", response.Status, net.Status)
	}
	if net.API == "fetch" && string(response.Type) != net.Type {
		return nil, fmt.Errorf("the model shows type %s, the engine %s", response.Type, net.Type)
	}
	visible, want := map[string]string{}, map[string]string{}
	for name, values := range response.Header {
		visible[strings.ToLower(name)] = combined(values...)
	}
	for name, value := range net.VisibleHeaders {
		want[name] = combined(value)
	}
	if !maps.Equal(visible, want) {
		return nil, fmt.Errorf("the model shows the headers %v, the engine %v", visible, want)
	}
	return rest, nil
}

// combined joins the lines of a header as scripts see them: Firefox leaves
// empty ones out.
func combined(values ...string) string {
	return strings.TrimPrefix(strings.Join(values, ", "), ", ")
}

func outcomeOf(err error) outcome {
	if err == nil {
		return answered
	}
	if _, ok := errors.AsType[*corstest.BlockedError](err); ok {
		return blocked
	}
	return aborted
}

// authoredRequest is what the page's client asked for, as far as it shows in
// the exchanges.
func authoredRequest(net *recordedNet, exchanges []*recordedExchange) corstest.Request {
	first := exchanges[0]
	request := corstest.Request{Method: first.Method, URL: first.url(), Header: http.Header{}}
	var listed []string
	actual := first
	if first.preflight {
		request.Method = first.header("Access-Control-Request-Method")
		listed, _ = headername.ParseList(first.ReqHeader["access-control-request-headers"])
		actual = nil
		if len(exchanges) > 1 && !exchanges[1].preflight {
			actual = exchanges[1]
		}
		// Nothing else asks permission for a method that needs none.
		request.UploadListener = httpmethod.IsSafelisted(request.Method) && len(listed) == 0
	}
	if actual == nil {
		for _, name := range listed {
			request.Header.Set(name, unsafeValue(name))
		}
	} else {
		for name, values := range actual.ReqHeader {
			if slices.Contains(listed, name) || !isBrowsersOwn(name, values) {
				if len(values) == 1 && count(listed, name) > 1 {
					values = strings.SplitN(values[0], ", ", count(listed, name)) // combined on the wire
				}
				request.Header[headername.Canonical(name)] = values
			}
		}
		if request.Method != http.MethodGet && request.Method != http.MethodHead && actual.header("Content-Length") != "" {
			body, err := base64.StdEncoding.DecodeString(actual.ReqBody64)
			if err != nil || actual.ReqBody64 == "" {
				body = []byte(actual.ReqBody)
			}
			request.Body = bytes.NewReader(body)
		}
	}
	switch net.Credentials {
	case "include":
		request.Credentials = corstest.CredentialsInclude
	case "omit":
		request.Credentials = corstest.CredentialsOmit
	}
	if net.WithCredentials {
		request.Credentials = corstest.CredentialsInclude
	}
	switch net.Redirect {
	case "error":
		request.Redirect = corstest.RedirectError
	case "manual":
		request.Redirect = corstest.RedirectManual
	}
	switch net.Mode {
	case "no-cors":
		request.Mode = corstest.ModeNoCORS
	case "same-origin":
		request.Mode = corstest.ModeSameOrigin
	}
	return request
}

func count(names []string, name string) (n int) {
	for _, listed := range names {
		if listed == name {
			n++
		}
	}
	return n
}

// isBrowsersOwn reports whether the browser set the header, for want of a
// sign that a script did.
func isBrowsersOwn(name string, values []string) bool {
	switch name {
	case "accept":
		return slices.Equal(values, []string{"*/*"})
	case "accept-language", "user-agent", "priority", "cache-control", "pragma":
		return true
	}
	return headername.IsForbiddenRequest(name)
}

// unsafeValue is a value that makes a header need a preflight, where the
// engine never sent the real one.
func unsafeValue(name string) string {
	switch name {
	case "accept", "accept-language", "content-language", "range":
		return strings.Repeat("a", 129)
	case "content-type":
		return "application/json"
	}
	return "replayed"
}

// A wire gives the recorded responses, and compares what the model sends with
// what the engine sent.
type wire struct {
	remaining  []*recordedExchange
	ignored    []string
	authored   http.Header
	net        *recordedNet
	opaque     bool // the page's origin
	profile    corstest.Profile
	aborted    bool
	abort      func()
	difference error
}

var errSkippedPreflight = errors.New("the engine made a preflight, the model did not")

func (w *wire) exchange(req *http.Request) (*http.Response, error) {
	if len(w.remaining) == 0 {
		if w.aborted { // before there was a response to record
			w.abort()
			return nil, req.Context().Err()
		}
		return nil, w.differs(fmt.Errorf("the model goes on with %s %s, the engine did not", req.Method, req.URL))
	}
	recorded := w.remaining[0]
	w.remaining = w.remaining[1:]
	if recorded.preflight && req.Method != http.MethodOptions {
		return nil, w.differs(errSkippedPreflight)
	}
	if req.Method != recorded.Method || withoutVariant(req.URL) != recorded.url() {
		return nil, w.differs(fmt.Errorf("the model sends %s %s, the engine sent %s %s", req.Method, req.URL, recorded.Method, recorded.url()))
	}
	if err := w.compareHeaders(req.Header, recorded); err != nil {
		return nil, w.differs(fmt.Errorf("%s %s: %w", req.Method, req.URL, err))
	}
	answer := &http.Response{StatusCode: recorded.Status, ProtoMajor: 2, Header: http.Header{}}
	for name, values := range recorded.RespHeader {
		answer.Header[headername.Canonical(name)] = values
	}
	if recorded.Status == http.StatusNotModified { // net/http leaves it out
		answer.Header.Del("Content-Type")
	}
	if len(w.remaining) == 0 {
		// What net/http added is known only where the page saw it.
		for _, name := range []string{"Content-Length", "Content-Type", "Date"} {
			if value, ok := w.net.VisibleHeaders[strings.ToLower(name)]; ok && answer.Header.Get(name) == "" {
				answer.Header.Set(name, value)
			}
		}
	}
	body, err := base64.StdEncoding.DecodeString(recorded.RespBody64)
	if err != nil || recorded.RespBody64 == "" {
		body = []byte(recorded.RespBody)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// withoutVariant returns the URL without the prefix /v/<variant>, which chose
// the recording server's policy: it was stripped before the path was noted, so
// that only the Location of redirects shows it.
func withoutVariant(u *url.URL) string {
	stripped := *u
	stripped.Path = pathWithoutVariant(u.Path)
	stripped.ForceQuery = false // the recording does not tell an empty query from none
	return stripped.String()
}

func pathWithoutVariant(path string) string {
	rest, ok := strings.CutPrefix(path, "/v/")
	if !ok {
		return path
	}
	_, rest, _ = strings.Cut(rest, "/")
	return "/" + rest
}

func (w *wire) differs(err error) error {
	w.difference = err
	return err
}

// notModelled are headers that say nothing of CORS: connections, priorities,
// preferences and client hints.
var notModelled = []string{
	"Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Dnt", "Host", "Pragma",
	"Priority", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Storage-Access", "Sec-Gpc", "Te",
	"User-Agent",
}

// compareHeaders compares every other header, both ways.
func (w *wire) compareHeaders(sent http.Header, recorded *recordedExchange) error {
	want := map[string]string{}
	for name := range recorded.ReqHeader {
		want[headername.Canonical(name)] = recorded.header(name)
	}
	got := map[string]string{}
	for name, values := range sent {
		got[name] = strings.Join(values, ", ")
	}
	ignored := slices.Concat(notModelled, w.ignored)
	if w.opaque && w.profile == corstest.WebKit {
		// It judges a sandboxed page's cookies by the tab's page, which the model
		// does not have.
		ignored = append(ignored, "Cookie")
	}
	for _, name := range ignored {
		if _, authored := w.authored[name]; !authored || recorded.preflight {
			delete(want, name)
			delete(got, name)
		}
	}
	// Of the page's URL the model knows the origin alone; WebKit sends that of a
	// sandboxed page nevertheless.
	for _, headers := range []map[string]string{want, got} {
		referer, err := url.Parse(headers["Referer"])
		if w.opaque {
			delete(headers, "Referer")
		} else if err != nil {
			delete(headers, "Referer")
		} else if referer.Host != "" {
			headers["Referer"] = referer.Scheme + "://" + referer.Host
		}
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("the model sends %v, the engine sent %v", got, want)
	}
	return nil
}

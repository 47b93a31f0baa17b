package corstest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// preflight asks the server's permission for the request (Fetch,
// "CORS-preflight fetch"), and remembers it.
func (f *fetch) preflight(ctx context.Context) error {
	if f.b.engine.preflightForgetsRedirects {
		forgetful := *f
		forgetful.urls = f.urls[len(f.urls)-1:]
		f = &forgetful
	}
	header := headerList{
		{"Accept", "*/*"},
		{"Accept-Language", acceptLanguage},
		{"Access-Control-Request-Method", f.method},
	}
	unsafe := f.unsafeNames()
	if len(unsafe) > 0 {
		header = append(header, headerEntry{"Access-Control-Request-Headers", strings.Join(unsafe, ",")})
	}
	resp, exchange, err := f.send(ctx, outgoing{preflight: true, method: http.MethodOptions, header: header})
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if blocked := f.preflightVerdict(resp, unsafe); blocked != nil {
		return f.b.failed(exchange, blocked)
	}
	f.b.cached(func(c *preflightCache) { c.store(f, resp.Header) })
	return nil
}

// unsafeNames returns the names that the preflight asks for.
func (f *fetch) unsafeNames() []string {
	header := f.header
	if f.b.engine.listsRemovedHeaders {
		header = slices.Concat(header, f.removed)
	}
	names := unsafeNames(header)
	if !f.b.engine.repeatsNames {
		names = slices.Compact(names)
	}
	return names
}

// asksAlways reports whether the request is preflighted whatever its method and
// headers.
func (f *fetch) asksAlways() bool {
	return f.forced || f.b.engine.staysPreflighted && f.hadUnsafe && f.redirects > 0
}

// preflightVerdict judges the response to a preflight, in the standard's order
// (step 7).
func (f *fetch) preflightVerdict(resp *http.Response, unsafe []string) *BlockedError {
	if isRedirect(resp.StatusCode) && resp.Header.Get("Location") != "" {
		return f.preflightBlocked(PreflightDisallowedRedirect, resp, "")
	}
	if code := f.corsCheck(resp.Header); code != "" {
		return f.preflightBlocked(code, resp, "")
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return f.preflightBlocked(PreflightInvalidStatus, resp, "")
	}
	methods, ok := headername.ParseList(resp.Header.Values("Access-Control-Allow-Methods"))
	if !ok {
		return f.preflightBlocked(InvalidAllowMethodsPreflightResponse, resp, "")
	}
	names, ok := headername.ParseList(resp.Header.Values("Access-Control-Allow-Headers"))
	if !ok {
		return f.preflightBlocked(InvalidAllowHeadersPreflightResponse, resp, "")
	}
	if !httpmethod.IsSafelisted(f.method) && !f.allowsMethod(methods) {
		return f.preflightBlocked(MethodDisallowedByPreflightResponse, resp, f.method)
	}
	var missing []string
	for _, name := range slices.Compact(slices.Clone(unsafe)) {
		if !f.allowsHeader(names, name) {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	// Authorization is judged before the other names (step 7.6).
	first := missing[0]
	if slices.Contains(missing, "authorization") {
		first = "authorization"
	}
	return f.headersDisallowed(resp, first, missing)
}

func (f *fetch) allowsMethod(methods []string) bool {
	return slices.Contains(methods, f.method) || f.credentials != CredentialsInclude && slices.Contains(methods, "*")
}

func (f *fetch) allowsHeader(names []string, name string) bool {
	return lists(names, name) ||
		f.credentials != CredentialsInclude && slices.Contains(names, "*") && f.b.engine.wildcardCovers(name)
}

// wildcardCovers reports whether "*" allows the request header of this name:
// all but the CORS non-wildcard request-header name.
func (e *engine) wildcardCovers(name string) bool {
	return e.wildcardCoversAuthorization || !strings.EqualFold(name, "Authorization")
}

// maxAge reads Access-Control-Max-Age as the engine does (steps 7.8 to 7.10).
func (e *engine) maxAge(resp http.Header) time.Duration {
	lines := resp.Values("Access-Control-Max-Age")
	if len(lines) == 0 {
		return defaultMaxAge
	}
	seconds, ok := parseDeltaSeconds(lines)
	if !ok {
		return e.malformedMaxAge
	}
	if e.maxAgeLimit != 0 {
		return min(seconds, e.maxAgeLimit)
	}
	return seconds
}

// parseDeltaSeconds reads one delta-seconds (RFC 9111, section 1.2.2), which
// is capped at 2^31 as that section allows. A negative number is none, by the
// standard's grammar, so that it would stand for the default of 5 seconds; but
// engines and web-platform-tests (cors/preflight-cache.htm) agree that it
// forbids to remember.
func parseDeltaSeconds(lines []string) (time.Duration, bool) {
	if len(lines) != 1 {
		return 0, false
	}
	digits, negative := strings.CutPrefix(lines[0], "-")
	if digits == "" || !isDigits(digits) {
		return 0, false
	}
	if negative {
		return 0, true
	}
	const limit = "2147483648"
	if compareDecimal(digits, limit) > 0 {
		digits = limit
	}
	var seconds int64
	for _, c := range digits {
		seconds = seconds*10 + int64(c-'0')
	}
	return time.Duration(seconds) * time.Second, true
}

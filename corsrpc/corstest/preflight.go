package corstest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/field"
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
	answer, exchange, err := f.send(ctx, outgoing{preflight: true, method: http.MethodOptions, header: header})
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if blocked := f.preflightVerdict(answer, unsafe); blocked != nil {
		return f.b.failed(exchange, blocked)
	}
	f.b.cached(func(c *preflightCache) { c.store(f, answer.Header) })
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

// preflightVerdict judges the answer to a preflight, in the standard's order
// (step 7).
func (f *fetch) preflightVerdict(answer *http.Response, unsafe []string) *BlockedError {
	if isRedirect(answer.StatusCode) && answer.Header.Get("Location") != "" {
		return f.preflightBlocked(PreflightDisallowedRedirect, answer.Header, "")
	}
	if code := f.corsCheck(answer.Header); code != "" {
		return f.preflightBlocked(code, answer.Header, "")
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return f.preflightBlocked(PreflightInvalidStatus, answer.Header, "")
	}
	methods, ok := field.ParseList(answer.Header.Values("Access-Control-Allow-Methods"))
	if !ok {
		return f.preflightBlocked(InvalidAllowMethodsPreflightResponse, answer.Header, "")
	}
	names, ok := field.ParseList(answer.Header.Values("Access-Control-Allow-Headers"))
	if !ok {
		return f.preflightBlocked(InvalidAllowHeadersPreflightResponse, answer.Header, "")
	}
	if !field.IsSafelistedMethod(f.method) && !f.permitsMethod(methods) {
		return f.preflightBlocked(MethodDisallowedByPreflightResponse, answer.Header, f.method)
	}
	// Authorization is judged before the other names, also where all of them
	// would fail.
	const nonWildcard = "authorization"
	if slices.Contains(unsafe, nonWildcard) && !f.permitsHeader(names, nonWildcard) {
		return f.preflightBlocked(HeaderDisallowedByPreflightResponse, answer.Header, nonWildcard)
	}
	for _, name := range unsafe {
		if !f.permitsHeader(names, name) {
			return f.preflightBlocked(HeaderDisallowedByPreflightResponse, answer.Header, name)
		}
	}
	return nil
}

func (f *fetch) permitsMethod(methods []string) bool {
	return slices.Contains(methods, f.method) || f.credentials != CredentialsInclude && slices.Contains(methods, "*")
}

func (f *fetch) permitsHeader(names []string, name string) bool {
	return lists(names, name) ||
		f.credentials != CredentialsInclude && slices.Contains(names, "*") && f.b.engine.wildcardCovers(name)
}

// wildcardCovers reports whether "*" permits the request header of this name:
// all but the CORS non-wildcard request-header name.
func (e *engine) wildcardCovers(name string) bool {
	return e.wildcardCoversAuthorization || !strings.EqualFold(name, "Authorization")
}

// maxAge reads Access-Control-Max-Age as the engine does (steps 7.8 to 7.10).
func (e *engine) maxAge(answer http.Header) time.Duration {
	lines := answer.Values("Access-Control-Max-Age")
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
// is capped at 2^31 as that section permits. A negative number is none, by the
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

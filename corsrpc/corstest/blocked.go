package corstest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A BlockedError describes why a browser blocks a response, or hides one of its
// headers from the page, and what the server should send instead. The page itself
// learns nothing but "Failed to fetch", or reads null.
//
// Find it with [errors.As], also through the errors of [http.Client] and of
// RPC clients.
type BlockedError struct {
	// Code is the cause.
	Code Code
	// Message is the sentence that Chromium writes to its console; for causes
	// that browsers do not report, a message in the same style.
	Message string
	// Firefox is the reason's name in Firefox, which its console links to;
	// empty where it has none.
	Firefox string
	// Step is the place in the Fetch standard (text of June 2026).
	Step string

	// Origin, Method and URL describe the request; Origin is its Origin header.
	// If Preflight is true, the fault is in the response to its preflight.
	Origin, Method, URL string
	Preflight           bool
	// Status is the status of the response at fault; 0 if none is.
	Status int

	// Header is the response header at fault, if any. Value is what the server
	// sent in it, shortened and escaped; empty if the header was absent.
	Header, Value string
	// Name is the request header, method or response header that is not
	// allowed or exposed; empty if the cause has none.
	Name string
	// Missing has all request headers that the response to a preflight does not
	// allow, in lower case. Browsers report only the first, which is Name.
	Missing []string
	// Fix is what the server should send, or what the page should do.
	Fix string
}

// Error returns Chromium's sentence, the code, and the fix.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s [%s; Fetch, %s] To fix it: %s", e.Message, e.Code, e.Step, e.Fix)
}

// A Code names a cause as Chromium's DevTools protocol does (CorsError); the
// last group are causes that have no name there.
type Code string

// Causes in the response to a preflight or to the request itself: with the
// prefix Preflight for the former.
const (
	MissingAllowOriginHeader  Code = "MissingAllowOriginHeader"
	AllowOriginMismatch       Code = "AllowOriginMismatch"
	InvalidAllowOriginValue   Code = "InvalidAllowOriginValue"
	MultipleAllowOriginValues Code = "MultipleAllowOriginValues"
	WildcardOriginNotAllowed  Code = "WildcardOriginNotAllowed"
	InvalidAllowCredentials   Code = "InvalidAllowCredentials"

	PreflightMissingAllowOriginHeader  Code = "PreflightMissingAllowOriginHeader"
	PreflightAllowOriginMismatch       Code = "PreflightAllowOriginMismatch"
	PreflightInvalidAllowOriginValue   Code = "PreflightInvalidAllowOriginValue"
	PreflightMultipleAllowOriginValues Code = "PreflightMultipleAllowOriginValues"
	PreflightWildcardOriginNotAllowed  Code = "PreflightWildcardOriginNotAllowed"
	PreflightInvalidAllowCredentials   Code = "PreflightInvalidAllowCredentials"
)

// Causes in the response to a preflight only.
const (
	PreflightInvalidStatus               Code = "PreflightInvalidStatus"
	PreflightDisallowedRedirect          Code = "PreflightDisallowedRedirect"
	InvalidAllowMethodsPreflightResponse Code = "InvalidAllowMethodsPreflightResponse"
	InvalidAllowHeadersPreflightResponse Code = "InvalidAllowHeadersPreflightResponse"
	MethodDisallowedByPreflightResponse  Code = "MethodDisallowedByPreflightResponse"
	HeaderDisallowedByPreflightResponse  Code = "HeaderDisallowedByPreflightResponse"
)

// Causes in a redirect, or in the request.
const (
	RedirectContainsCredentials Code = "RedirectContainsCredentials"
	DisallowedByMode            Code = "DisallowedByMode"
)

// Causes that have no name in Chromium's DevTools protocol.
const (
	// ResponseHeaderNotExposed: the response is readable, but a header of it
	// that the page needs is not. No browser reports it. It is not returned
	// as an error by [Browser.Fetch] and [Browser.Client]; see [Browser.Err].
	ResponseHeaderNotExposed Code = "ResponseHeaderNotExposed"
	// RedirectNotAllowed: a redirect that the request forbids, or cannot
	// follow.
	RedirectNotAllowed Code = "RedirectNotAllowed"
	// StreamNotAllowed: a request body that is a stream, where it cannot be
	// one.
	StreamNotAllowed Code = "StreamNotAllowed"
	// MixedContent: a page that was loaded over HTTPS can fetch over plain HTTP
	// only from loopback.
	MixedContent Code = "MixedContent"
)

// A cause is what is known of one code. In its texts {origin}, {method},
// {url}, {value} and {name} stand for those of the error.
type cause struct {
	firefox  string
	step     string
	header   string
	sentence string
	fix      string
}

var causes = map[Code]cause{
	MissingAllowOriginHeader: {
		firefox:  "CORSMissingAllowOrigin2",
		step:     "CORS check, step 2",
		header:   "Access-Control-Allow-Origin",
		sentence: "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
		fix:      "send 'Access-Control-Allow-Origin: {origin}' and 'Vary: Origin', on every response, errors included.",
	},
	AllowOriginMismatch: {
		firefox:  "CORSAllowOriginNotMatchingOrigin",
		step:     "CORS check, step 4",
		header:   "Access-Control-Allow-Origin",
		sentence: "The 'Access-Control-Allow-Origin' header has a value '{value}' that is not equal to the supplied origin. Have the server send the header with a valid value.",
		fix:      "send 'Access-Control-Allow-Origin: {origin}' to this origin, byte for byte, and 'Vary: Origin'.",
	},
	InvalidAllowOriginValue: {
		firefox:  "CORSAllowOriginNotMatchingOrigin",
		step:     "CORS check, step 4",
		header:   "Access-Control-Allow-Origin",
		sentence: "The 'Access-Control-Allow-Origin' header contains the invalid value '{value}'. Have the server send the header with a valid value.",
		fix:      "send 'Access-Control-Allow-Origin: {origin}': one origin, scheme included, no path, or '*'.",
	},
	MultipleAllowOriginValues: {
		firefox:  "CORSMultipleAllowOriginNotAllowed",
		step:     "CORS check, step 4",
		header:   "Access-Control-Allow-Origin",
		sentence: "The 'Access-Control-Allow-Origin' header contains multiple values '{value}', but only one is allowed. Have the server send the header with a valid value.",
		fix:      "send one 'Access-Control-Allow-Origin: {origin}': two layers of the server set the header, or one relays another server's.",
	},
	WildcardOriginNotAllowed: {
		firefox:  "CORSNotSupportingCredentials",
		step:     "CORS check, step 4",
		header:   "Access-Control-Allow-Origin",
		sentence: "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
		fix:      "send 'Access-Control-Allow-Origin: {origin}' and 'Access-Control-Allow-Credentials: true', or call without credentials: a bearer token in Authorization needs none.",
	},
	InvalidAllowCredentials: {
		firefox:  "CORSMissingAllowCredentials",
		step:     "CORS check, step 8",
		header:   "Access-Control-Allow-Credentials",
		sentence: "The value of the 'Access-Control-Allow-Credentials' header in the response is '{value}' which must be 'true' when the request's credentials mode is 'include'.",
		fix:      "send 'Access-Control-Allow-Credentials: true', in lower case, or call without credentials: a bearer token in Authorization needs none.",
	},
	PreflightInvalidStatus: {
		firefox:  "CORSPreflightDidNotSucceed3",
		step:     "CORS-preflight fetch, step 7",
		sentence: "It does not have HTTP ok status.",
		fix:      "respond to OPTIONS {url} with 204, before authentication and routing: a preflight carries no credentials.",
	},
	PreflightDisallowedRedirect: {
		firefox:  "CORSExternalRedirectNotAllowed",
		step:     "CORS-preflight fetch, step 7",
		sentence: "Redirect is not allowed for a preflight request.",
		fix:      "respond to OPTIONS {url} with 204, without a redirect to HTTPS, to another host or path, or to a login page.",
	},
	InvalidAllowMethodsPreflightResponse: {
		firefox:  "CORSInvalidAllowMethod",
		step:     "CORS-preflight fetch, step 7.3",
		header:   "Access-Control-Allow-Methods",
		sentence: "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
		fix:      "send methods separated by commas in 'Access-Control-Allow-Methods': a single malformed one invalidates the list.",
	},
	InvalidAllowHeadersPreflightResponse: {
		firefox:  "CORSInvalidAllowHeader",
		step:     "CORS-preflight fetch, step 7.3",
		header:   "Access-Control-Allow-Headers",
		sentence: "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
		fix:      "send header names separated by commas in 'Access-Control-Allow-Headers': a single malformed one invalidates the list.",
	},
	MethodDisallowedByPreflightResponse: {
		firefox:  "CORSMethodNotFound",
		step:     "CORS-preflight fetch, step 7.5",
		header:   "Access-Control-Allow-Methods",
		sentence: "Method {name} is not allowed by Access-Control-Allow-Methods in preflight response.",
		fix:      "list {name} in 'Access-Control-Allow-Methods', in this case; '*' counts only without credentials.",
	},
	HeaderDisallowedByPreflightResponse: {
		firefox:  "CORSMissingAllowHeaderFromPreflight2",
		step:     "CORS-preflight fetch, step 7.7",
		header:   "Access-Control-Allow-Headers",
		sentence: "Request header field {name} is not allowed by Access-Control-Allow-Headers in preflight response.",
		fix:      "list {name} in 'Access-Control-Allow-Headers'; '*' counts only without credentials, and never for authorization.",
	},
	RedirectContainsCredentials: {
		step:     "HTTP-redirect fetch, step 10",
		header:   "Location",
		sentence: "Redirect location '{value}' contains a username and password, which is disallowed for cross-origin requests.",
		fix:      "redirect to a URL without user name and password, or better, respond without a redirect.",
	},
	DisallowedByMode: {
		step:     "main fetch, step 12",
		sentence: "Fetch API cannot load {url}. Request mode is \"same-origin\" but the URL's origin is not same as the request origin {origin}.",
		fix:      "fetch with the mode cors.",
	},
	ResponseHeaderNotExposed: {
		step:     "main fetch, step 14",
		header:   "Access-Control-Expose-Headers",
		sentence: "Response header field {name} is not exposed by Access-Control-Expose-Headers: the page reads null.",
		fix:      "list {name} in 'Access-Control-Expose-Headers' on this response; '*' counts only without credentials.",
	},
	RedirectNotAllowed: {
		step:     "HTTP fetch, step 6.2",
		header:   "Location",
		sentence: "The request was redirected to '{value}', which it does not allow.",
		fix:      "respond at the URL of the request: RPC clients do not follow redirects.",
	},
	StreamNotAllowed: {
		step:     "HTTP-redirect fetch, step 11; HTTP-network fetch, step 9.3",
		sentence: "A request whose body is a stream needs HTTP/2 and cannot be redirected.",
		fix:      "serve HTTP/2 without redirects, or send the body as a whole.",
	},
	MixedContent: {
		firefox:  "",
		step:     "main fetch, step 7",
		sentence: "The page was loaded over HTTPS, but requested an insecure resource.",
		fix:      "serve {url} over HTTPS.",
	},
}

// respondedBeforeCORS replaces what to fix where the status of the response to a
// preflight shows that it is not the CORS middleware's: something in front of it
// responded, or there is none on this path.
var respondedBeforeCORS = map[int]string{
	http.StatusUnauthorized: "put the CORS middleware outside authentication (corsrpc: Policy.Wrap as the outermost handler). " +
		"Authentication refused the preflight with 401, and preflights never carry credentials.",
	http.StatusNotFound: "put the CORS middleware outside the router (corsrpc: Policy.Wrap as the outermost handler), and check the path of the call (corsrpc: Config.PathPrefix). " +
		"The router has no such path for OPTIONS and responded to the preflight with 404.",
	http.StatusMethodNotAllowed: "put the CORS middleware outside the router (corsrpc: Policy.Wrap as the outermost handler), and check that it covers this path (corsrpc: Config.PathPrefix). " +
		"A handler or router that does not serve OPTIONS responded to the preflight with 405.",
}

// fixNull replaces advice to allow null, which is not the origin of any one site.
const fixNull = "call from a page that has an origin: every site can make a page that sends null, so a server that allows null allows every site."

// preflightPrefix is Chromium's for whatever is wrong in a preflight's response
// before its lists are read.
const preflightPrefix = "Response to preflight request doesn't pass access control check: "

// blocked returns the error of one cause. name is the method or header that is
// not allowed, if the cause has one.
func (f *fetch) blocked(code Code, resp http.Header, name string) *BlockedError {
	return f.blockedBy(code, false, resp, name)
}

// preflightBlocked is blocked for the response to a preflight: it gives the
// causes that both kinds of responses can have the name of this kind.
func (f *fetch) preflightBlocked(code Code, resp *http.Response, name string) *BlockedError {
	e := f.blockedBy(code, true, resp.Header, name)
	if fix, ok := respondedBeforeCORS[resp.StatusCode]; ok && e.Origin != "null" {
		e.Fix = fix
	}
	return e
}

// headersDisallowed is preflightBlocked for request headers: first is the one
// that browsers name.
func (f *fetch) headersDisallowed(resp *http.Response, first string, missing []string) *BlockedError {
	e := f.preflightBlocked(HeaderDisallowedByPreflightResponse, resp, first)
	e.Missing = missing
	e.Fix = strings.Replace(e.Fix, first, strings.Join(missing, ", "), 1)
	return e
}

func (f *fetch) blockedBy(code Code, preflight bool, resp http.Header, name string) *BlockedError {
	c := causes[code]
	e := &BlockedError{
		Code:      code,
		Firefox:   c.firefox,
		Step:      c.step,
		Origin:    f.serializedOrigin(),
		Method:    f.method,
		URL:       f.url().Redacted(),
		Preflight: preflight,
		Header:    c.header,
		Name:      name,
	}
	if value, ok := get(resp, c.header); ok && c.header != "" {
		e.Value = printable(value)
	}
	sentence := c.sentence
	if preflight {
		switch code {
		case PreflightInvalidStatus, PreflightDisallowedRedirect:
			sentence = preflightPrefix + sentence
		case MissingAllowOriginHeader, AllowOriginMismatch, InvalidAllowOriginValue, MultipleAllowOriginValues,
			WildcardOriginNotAllowed, InvalidAllowCredentials:
			sentence = preflightPrefix + sentence
			e.Code = "Preflight" + code
		}
	}
	blockedBy := "Access to fetch at '{url}' from origin '{origin}' has been blocked by CORS policy: "
	if code == DisallowedByMode {
		blockedBy = ""
	}
	fill := strings.NewReplacer("{origin}", e.Origin, "{method}", e.Method, "{url}", e.URL, "{value}", e.Value, "{name}", name)
	e.Message = fill.Replace(blockedBy + sentence)
	e.Fix = fill.Replace(c.fix)
	if e.Origin == "null" && c.header == causes[MissingAllowOriginHeader].header {
		e.Fix = fixNull
	}
	return e
}

// printable returns s, shortened, with whatever is not printable ASCII
// escaped: bytes from the network are not for terminals.
func printable(s string) string {
	const enough = 160
	return printableUpTo(enough, s)
}

func printableUpTo(enough int, s string) string {
	cut := ""
	if len(s) > enough {
		s, cut = s[:enough], "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`) + cut
}

package corstest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// Each row has every fault of the rows below it as well: the standard's order
// decides which one counts.
func TestPreflightVerdictInTheOrderOfTheStandard(t *testing.T) {
	t.Parallel()
	r := corstest.Request{
		Method: "PUT", URL: apiURL, Credentials: corstest.CredentialsInclude,
		Header: http.Header{"Authorization": {"Bearer x"}, "X-A": {"1"}, "X-B": {"1"}},
	}
	answer := struct {
		status                                        int
		location, origin, credentials, methods, names string
	}{status: 302, location: "/elsewhere", methods: "a b", names: "c d"}
	for _, step := range []struct {
		code corstest.Code
		name string
		mend func() // the fault
	}{
		{corstest.PreflightDisallowedRedirect, "", func() { answer.location = "" }},
		{corstest.PreflightMissingAllowOriginHeader, "", func() { answer.origin = "https://other.example, x" }},
		{corstest.PreflightMultipleAllowOriginValues, "", func() { answer.origin = "foo" }},
		{corstest.PreflightInvalidAllowOriginValue, "", func() { answer.origin = "https://other.example" }},
		{corstest.PreflightAllowOriginMismatch, "", func() { answer.origin = "*" }},
		{corstest.PreflightWildcardOriginNotAllowed, "", func() { answer.origin = pageOrigin }},
		{corstest.PreflightInvalidAllowCredentials, "", func() { answer.credentials = "true" }},
		{corstest.PreflightInvalidStatus, "", func() { answer.status = 204 }},
		{corstest.InvalidAllowMethodsPreflightResponse, "", func() { answer.methods = "*" }},
		{corstest.InvalidAllowHeadersPreflightResponse, "", func() { answer.names = "*" }},
		{corstest.MethodDisallowedByPreflightResponse, "PUT", func() { answer.methods = "PUT" }},
		{corstest.HeaderDisallowedByPreflightResponse, "authorization", func() { answer.names = "Authorization" }},
		{corstest.HeaderDisallowedByPreflightResponse, "x-a", func() { answer.names += ",X-A" }},
		{corstest.HeaderDisallowedByPreflightResponse, "x-b", func() { answer.names += ",X-B" }},
	} {
		pairs := []string{}
		for name, value := range map[string]string{"Location": answer.location, allowOrigin: answer.origin, allowCreds: answer.credentials, allowMethods: answer.methods, allowHeaders: answer.names} {
			if value != "" {
				pairs = append(pairs, name, value)
			}
		}
		s := saying(pairs...)
		ok := s.answer
		s.answer = func(req *http.Request, header http.Header) int { ok(req, header); return answer.status }
		b := on(s)
		blocked := requireBlocked(t, b, r)
		assert.Equal(t, step.code, blocked.Code)
		assert.Equal(t, step.name, blocked.Name)
		assert.True(t, blocked.Preflight)
		assert.Len(t, s.requests, 1, "the call was made in spite of %s", blocked.Code)
		assert.Same(t, blocked, b.Exchanges()[0].Err)
		step.mend()
	}
	s := saying(allowOrigin, answer.origin, allowCreds, answer.credentials, allowMethods, answer.methods, allowHeaders, answer.names)
	requireAnswered(t, on(s), r)
}

// The sentences were copied from the console of Chromium 156 on these responses.
func TestBlockedErrorHasTheWordsOfChromium(t *testing.T) {
	t.Parallel()
	const prefix = "Access to fetch at 'https://api.example.com/' from origin 'https://app.example.com' has been blocked by CORS policy: "
	simple := corstest.Request{URL: apiURL}
	include := corstest.Request{URL: apiURL, Credentials: corstest.CredentialsInclude}
	unsafe := corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}}}
	rows := []struct {
		request corstest.Request
		status  int
		answer  []string
		want    string
		firefox string
	}{
		{simple, 200, nil, "No 'Access-Control-Allow-Origin' header is present on the requested resource.", "CORSMissingAllowOrigin2"},
		{simple, 200, []string{allowOrigin, "https://other.example"}, "The 'Access-Control-Allow-Origin' header has a value 'https://other.example' that is not equal to the supplied origin. Have the server send the header with a valid value.", "CORSAllowOriginNotMatchingOrigin"},
		{simple, 200, []string{allowOrigin, "foo"}, "The 'Access-Control-Allow-Origin' header contains the invalid value 'foo'. Have the server send the header with a valid value.", "CORSAllowOriginNotMatchingOrigin"},
		{simple, 200, []string{allowOrigin, "*, *"}, "The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed. Have the server send the header with a valid value.", "CORSMultipleAllowOriginNotAllowed"},
		{include, 200, []string{allowOrigin, "*"}, "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.", "CORSNotSupportingCredentials"},
		{include, 200, []string{allowOrigin, pageOrigin}, "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' when the request's credentials mode is 'include'.", "CORSMissingAllowCredentials"},
		{unsafe, 200, nil, "Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.", "CORSMissingAllowOrigin2"},
		{unsafe, 404, []string{allowOrigin, "*"}, "Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "CORSPreflightDidNotSucceed3"},
		{unsafe, 302, []string{allowOrigin, "*", "Location", "/"}, "Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight request.", "CORSExternalRedirectNotAllowed"},
		{unsafe, 302, []string{allowOrigin, "*"}, "Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "CORSPreflightDidNotSucceed3"},
		{unsafe, 200, []string{allowOrigin, "*", allowMethods, "a b"}, "Cannot parse Access-Control-Allow-Methods response header field in preflight response.", "CORSInvalidAllowMethod"},
		{unsafe, 200, []string{allowOrigin, "*", allowHeaders, "a b"}, "Cannot parse Access-Control-Allow-Headers response header field in preflight response.", "CORSInvalidAllowHeader"},
		{corstest.Request{Method: "PUT", URL: apiURL}, 200, []string{allowOrigin, "*"}, "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.", "CORSMethodNotFound"},
		{corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}, "Authorization": {"x"}}}, 200, []string{allowOrigin, "*"}, "Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight response.", "CORSMissingAllowHeaderFromPreflight2"},
	}
	for _, row := range rows {
		s := saying(row.answer...)
		ok := s.answer
		s.answer = func(req *http.Request, header http.Header) int { ok(req, header); return row.status }
		blocked := requireBlocked(t, on(s), row.request)
		assert.Equal(t, prefix+row.want, blocked.Message)
		assert.Equal(t, row.firefox, blocked.Firefox)
		assert.NotEmpty(t, blocked.Step)
		assert.NotEmpty(t, blocked.Fix)
		assert.NotContains(t, blocked.Error(), "{")
	}
	blocked := requireBlocked(t, on(saying()), corstest.Request{URL: apiURL, Mode: corstest.ModeSameOrigin})
	assert.Equal(t, `Fetch API cannot load https://api.example.com/. Request mode is "same-origin" but the URL's origin is not same as the request origin https://app.example.com.`, blocked.Message)
}

func TestBlockedErrorBoundsAndEscapesWhatCameOverTheWire(t *testing.T) {
	t.Parallel()
	blocked := requireBlocked(t, on(saying(allowOrigin, "\x1b[31m\x00\"é"+strings.Repeat("x", 1<<20))), corstest.Request{URL: apiURL})
	assert.Less(t, len(blocked.Error()), 2048)
	assert.True(t, strings.HasPrefix(blocked.Value, `\x1b[31m\x00"\u00e9xxx`), blocked.Value)
	assert.True(t, strings.HasSuffix(blocked.Value, "xxx..."))
}

package corstest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// FuzzResponses has every profile make whatever it can of any response: nothing
// panics, nothing unprintable is printed, and no cookie is shown.
func FuzzResponses(f *testing.F) {
	f.Add(200, pageOrigin, "true", "*", "*", "*", "5", "a=b; Path=/; SameSite=None; Secure", "/next")
	f.Add(302, "*", "", "PUT", "x-a,authorization", "x-a, b b", "-1", "__Host-a=b", "https://u:p@[::1]/")
	f.Add(304, "null\x00", "TRUE", "a b", ",,", "\x0b", "99999999999999999999", "=;", "://")
	f.Fuzz(func(t *testing.T, status int, origin, credentials, methods, names, exposed, age, cookie, location string) {
		if status < 200 || status > 999 {
			return
		}
		for _, profile := range everyProfile {
			s := saying(allowOrigin, origin, allowCreds, credentials, allowMethods, methods, allowHeaders, names, exposeHeaders, exposed,
				maxAge, age, "Set-Cookie", cookie, "Location", location, "X-A", "1", "Grpc-Status", "0")
			ok := s.answer
			s.answer = func(req *http.Request, header http.Header) int { ok(req, header); return status }
			b := on(s, corstest.WithProfile(profile))
			for _, r := range []corstest.Request{
				{URL: apiURL},
				{Method: "PUT", URL: apiURL, Credentials: corstest.CredentialsInclude, Header: http.Header{"X-A": {"1"}, "Authorization": {"x"}}},
				{URL: apiURL, Credentials: corstest.CredentialsInclude},
			} {
				response, err := b.Fetch(t.Context(), r)
				if blocked, isBlocked := errors.AsType[*corstest.BlockedError](err); isBlocked {
					if text := blocked.Error(); strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) || len(text) > 4096 {
						t.Errorf("not safe to print: %q", text)
					}
				}
				if err == nil {
					require.NotContains(t, response.Header, "Set-Cookie")
					require.NoError(t, response.Body.Close())
				}
			}
		}
	})
}

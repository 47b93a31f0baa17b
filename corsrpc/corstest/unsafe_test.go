package corstest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

func TestUnsafeNamesInTheSumOfSafelistedValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 128)
	for values, want := range map[int]string{7: "", 8: "accept,accept-language"} {
		s := saying(allowOrigin, "*", allowHeaders, "*")
		header := http.Header{"Accept": nil}
		for range values {
			header.Add("Accept", long)
		}
		requireAnswered(t, on(s), corstest.Request{URL: apiURL, Header: header})
		assert.Equal(t, want, s.requests[0].Header.Get("Access-Control-Request-Headers"), "%d bytes and those of Accept-Language", values*128)
	}
}

func TestForbiddenMethodsInOverrideHeaders(t *testing.T) {
	t.Parallel()
	for value, kept := range map[string]bool{
		"GET": true, "trace": false, "GET, Track": false, `"a, TRACE"`: true, `"a\", b", CONNECT`: false, `"TRACE`: true, "TRACED": true, "": true,
	} {
		s := saying(allowOrigin, "*", allowHeaders, "*")
		requireAnswered(t, on(s), corstest.Request{URL: apiURL, Header: http.Header{"X-Http-Method": {value}}})
		_, sent := s.requests[len(s.requests)-1].Header["X-Http-Method"]
		assert.Equal(t, kept, sent, value)
	}
}

package origin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

func TestSameHost(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1<<20)
	for _, test := range []struct {
		name, origin, host string
		want               bool
	}{
		{"the same", "https://api.example.com", "api.example.com", true},
		{"the same over plain HTTP", "http://api.example.com", "api.example.com", true},
		{"the same port", "https://api.example.com:8443", "api.example.com:8443", true},
		{"the default port written out", "https://api.example.com", "api.example.com:443", true},
		{"the default port of plain HTTP written out", "http://api.example.com", "api.example.com:80", true},
		{"TLS ends at a proxy", "https://api.example.com", "api.example.com:80", true},
		{"the proxy changes the host's case", "https://api.example.com", "Api.EXAMPLE.com", true},
		{"the proxy changes the case of the first and the last letter", "https://a-z.example.com", "A-Z.example.com", true},
		{"IPv4", "http://127.0.0.1:8080", "127.0.0.1:8080", true},
		{"IPv6", "http://[::1]:8080", "[::1]:8080", true},
		{"IPv6 with the default port written out", "https://[2001:db8::1]", "[2001:DB8::1]:443", true},
		{"a single label", "http://intranet", "intranet", true},

		{"another host", "https://evil.test", "api.example.com", false},
		{"a sibling", "https://app.example.com", "api.example.com", false},
		{"the apex", "https://example.com", "api.example.com", false},
		{"a subdomain", "https://evil.api.example.com", "api.example.com", false},
		{"a longer one", "https://api.example.com.evil.test", "api.example.com", false},
		{"a shorter one", "https://api.example.co", "api.example.com", false},
		{"another port", "https://api.example.com:8443", "api.example.com", false},
		{"another port of the host's", "https://api.example.com", "api.example.com:8443", false},
		{"two other ports", "https://api.example.com:8443", "api.example.com:8444", false},
		{"a port that ends in a default port", "https://api.example.com:8443", "api.example.com:443", false},
		{"a trailing dot", "https://api.example.com.", "api.example.com", false},
		{"another scheme", "app://api.example.com", "api.example.com", false},
		{"a scheme in another case", "HTTPS://api.example.com", "api.example.com", false},
		{"an origin in another case, which no browser sends", "https://API.example.com", "api.example.com", false},
		{"a byte before the letters in another case", "https://`.test", "@.test", false},
		{"a byte after the letters in another case", "https://{.test", "[.test", false},
		{"the Kelvin sign for k", "https://\u212aube.test", "kube.test", false},
		{"a path", "https://api.example.com/", "api.example.com", false},
		{"user information", "https://api.example.com@evil.test", "api.example.com", false},
		{"null", "null", "api.example.com", false},
		{"null against null", "null", "null", false},
		{"a bare host", "api.example.com", "api.example.com", false},
		{"nothing", "", "api.example.com", false},
		{"no host known", "https://api.example.com", "", false},
		{"nothing on either side", "", "", false},
		{"a scheme alone and no host", "https://", "", false},
		{"a port alone on either side", "https://:443", ":443", false},
		{"a scheme alone and a port alone", "https://", ":80", false},
		{"IPv6 without brackets", "http://[::80]", "::80", false},
		{"a megabyte of origin", "https://" + long, "api.example.com", false},
		{"a megabyte of either", "https://" + long + "b", long + "c", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, origin.SameHost(test.origin, test.host), "SameHost(%.80q, %.80q)", test.origin, test.host)
		})
	}
}

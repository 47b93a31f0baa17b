package corsotel_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// attack invents n origins, RPC methods, headers and HTTP methods, and for every
// tenth of them other paths too. It returns how many requests are to be counted:
// services that do not exist are not governed.
func attack(handler http.Handler, n int) (counted int64) {
	for i := range n {
		origin, name, method := fmt.Sprintf("https://o%d.example", i), fmt.Sprintf("x-h%d", i), fmt.Sprintf("M%d", i)
		requests := []*http.Request{
			newRequest("POST", "/acme.shop.v1.CartService/"+method, http.Header{"Origin": {origin}, "User-Agent": {name}}),
			newRequest("OPTIONS", addItem, http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {name}}),
			newRequest("OPTIONS", addItem, http.Header{"Origin": {app}, "Access-Control-Request-Method": {method}}),
		}
		if i%10 == 0 {
			requests = append(requests,
				newRequest("POST", "/acme.shop.v1.CartService/"+method, http.Header{"Origin": {app}}),
				newRequest("POST", "/"+method+"/"+addItem, http.Header{"Origin": {origin}}),
				newRequest("OPTIONS", "/"+method+addItem, http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}}),
				newRequest(method, addItem, http.Header{"Origin": {app}}),
				newRequest("GET", "/v1/carts/"+method, http.Header{"Sec-Fetch-Site": {name}}),
				newRequest("GET", "/fonts/"+method, http.Header{"Origin": {origin}}),
			)
			handler.ServeHTTP(httptest.NewRecorder(), newRequest("POST", "/acme.shop.v1."+method+"/Call", http.Header{"Origin": {origin}}))
		}
		for _, r := range requests {
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		counted += int64(len(requests))
	}
	return counted
}

func TestInventedRequestsAddNoSeries(t *testing.T) {
	t.Parallel()
	s := newServer(t, config())
	counted := attack(s.handler, 1)
	before := read(t, s.reader)
	counted += attack(s.handler, 100_000)
	after := read(t, s.reader)
	assert.Len(t, after, len(before))
	total := int64(0)
	for attributes, n := range after {
		assert.Contains(t, before, attributes)
		assert.NotContains(t, attributes, "overflow")
		total += n
	}
	assert.Equal(t, counted, total)
}

// The most series that a method has are those of the package's documentation:
// whatever requests have, and whatever the Config.
func TestSeriesOfAMethod(t *testing.T) {
	t.Parallel()
	require := func(c *corsrpc.Config) {
		c.Hosts, c.RequireHosts, c.RequireFetchMetadata = []string{"api.example.com"}, true, true
		c.ExplainTo = []string{"http://localhost:*"}
	}
	for _, test := range []struct {
		name   string
		change func(*corsrpc.Config)
		most   int
	}{
		{"usual", func(*corsrpc.Config) {}, 14},
		{"ReportOnly", func(c *corsrpc.Config) { c.ReportOnly = true }, 13},
		{"Credentials", func(c *corsrpc.Config) { c.Credentials = true }, 13},
		{"all that refuses more", require, 21},
		{"all that refuses more, ReportOnly", func(c *corsrpc.Config) { require(c); c.ReportOnly = true }, 22},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			test.change(&c)
			s := newServer(t, c)
			everyKindOfRequest(func(r *http.Request) { s.handler.ServeHTTP(httptest.NewRecorder(), r) })
			methods := make(map[string]int)
			for attributes := range read(t, s.reader) {
				_, method, _ := strings.Cut(attributes, "rpc.method=")
				methods[method]++
			}
			assert.Equal(t, test.most, slices.Max(slices.Collect(maps.Values(methods))), "%v", methods)
		})
	}
}

// everyKindOfRequest calls f with combinations of all that policies look at.
func everyKindOfRequest(f func(*http.Request)) {
	cross := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}}
	choices := [][]http.Header{
		{{}, {"Origin": {app}}, {"Origin": {evil}}, {"Origin": {host}}, {"Origin": {app, app}}, {"Origin": {"null"}}, {"Origin": {"http://localhost:3000"}}},
		{{}, cross, {"Sec-Fetch-Site": {"same-origin"}}, {"Sec-Fetch-Site": {"none"}},
			{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}},
			{"Sec-Fetch-Site": {"none"}, "Sec-Purpose": {"prefetch"}}},
		{{}, {"Cookie": {"a=b"}}},
		{{}, {"X-New": {"1"}}},
		{{}, {"Access-Control-Request-Method": {"POST"}}, {"Access-Control-Request-Method": {"PATCH"}}, {"Access-Control-Request-Method": {"a b"}}},
		{{}, {"Access-Control-Request-Headers": {"authorization"}}, {"Access-Control-Request-Headers": {"x-new"}}, {"Access-Control-Request-Headers": {"a b"}}},
	}
	combined := []http.Header{{}}
	for _, choice := range choices {
		var longer []http.Header
		for _, header := range combined {
			for _, more := range choice {
				next := header.Clone()
				maps.Copy(next, more)
				longer = append(longer, next)
			}
		}
		combined = longer
	}
	for _, header := range combined {
		for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
			if method != "OPTIONS" && (header["Access-Control-Request-Method"] != nil || header["Access-Control-Request-Headers"] != nil) {
				continue
			}
			for _, path := range []string{addItem, addItem + "X", "/" + addItem, "/docs" + addItem, "/v1/carts/7"} {
				r := newRequest(method, path, header)
				f(r)
				r.Host = "other.example"
				f(r)
			}
		}
	}
}

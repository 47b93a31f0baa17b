package corsrpc_test

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The oracle's own Configs and requests, drawn from values that are near each
// other, so that allowances and confusions both happen.
var (
	someEntries = []string{
		app, shopper, console, "http://localhost:8080", "http://localhost:*", "https://*.example.com", "https://*.example.com:8443", "https://*.shop.example.com:*",
		"https://*.bar.test", "https://*.foo.test", "http://[::1]:*", "capacitor://localhost", "http://127.0.0.1:3000",
	}
	someOrigins = []string{
		app, shopper, console, evil, "null", "", "http://localhost", "http://localhost:8080", "http://localhost:80", "http://localhost:99999", "https://a.example.com", "https://a.b.example.com:8443",
		"https://example.com", "https://aexample.com", "https://x.shop.example.com:1", "https://barfoo.test", "https://bar.foo.test", "https://x.bar.test.foo.test", "http://[::1]", "http://[::1]:9", "capacitor://localhost",
		"https://api.example.com", "http://api.example.com:80", "https://API.example.com", "https://x..example.com", "https://evil.test/.example.com", "https://evil.test:1.example.com", "http://127.0.0.1:3000", "*", "https://*.example.com",
		app + " ", app + ",", app + ":443", strings.ToUpper(app), "https://" + strings.Repeat("a", 64) + ".example.com",
	}
	someSites   = []string{"same-origin", "none", "same-site", "cross-site", "", "Same-Origin", "x"}
	someMethods = []string{"GET", "POST", "HEAD", "OPTIONS", "PUT", "PRI", "options"}
	somePaths   = []string{
		getProduct, watchPrices, addItem, purgeCarts, setPrice, reportProduct, reserveStock, "/" + catalog + "/", "/" + catalog + "/Newer", "/" + cart + "/Newer", "/" + admin + "/Newer/x",
		"/" + catalog, "/api" + getProduct, "/api/" + catalog + "/Newer", "/", "", "*", "/img/x", "/img/", "/img", "/upload", "/upload/", "//" + catalog + "/GetProduct", getProduct + "/",
	}
)

func pick[T any](r *rand.Rand, values []T) T { return values[r.IntN(len(values))] }

func some(r *rand.Rand, values []string, most int) []string {
	list := []string{}
	for range r.IntN(most + 1) {
		list = append(list, pick(r, values))
	}
	return list
}

func someOriginList(r *rand.Rand) []string {
	if r.IntN(8) == 0 {
		return []string{"*"}
	}
	return some(r, someEntries, 4)
}

func someConfig(r *rand.Rand) corsrpc.Config {
	config := corsrpc.Config{
		Origins:    someOriginList(r),
		ReportOnly: r.IntN(6) == 0,
		Audiences:  map[string][]string{"storefront": someOriginList(r), "backoffice": someOriginList(r)},
		Overrides:  map[string]corsrpc.Override{},
		Resources:  map[string]corsrpc.Resource{},
	}
	for _, name := range []string{catalog, admin, cart + ".AddItem", catalog + ".GetProduct"} {
		if r.IntN(4) == 0 {
			config.Overrides[name] = corsrpc.Override{Origins: someOriginList(r)}
		}
	}
	for _, path := range []string{"/img/", "/upload", "/"} {
		if r.IntN(2) == 0 {
			config.Resources[path] = corsrpc.Resource{Origins: someOriginList(r)}
		}
	}
	if r.IntN(3) == 0 {
		config.PathPrefix = "/api"
	}
	switch r.IntN(3) {
	case 0:
		config.Hosts = []string{"api.example.com:80", "www.example.com"}
	case 1:
		config.Hosts = []string{}
	}
	return config
}

func someRequest(r *rand.Rand) *http.Request {
	request := newRequest(pick(r, someMethods), pick(r, somePaths))
	request.Host = pick(r, []string{"api.example.com", "api.example.com:443", "evil.test", "", "localhost:8080"})
	for range pick(r, []int{0, 1, 1, 1, 1, 2}) {
		request.Header.Add("Origin", pick(r, someOrigins))
	}
	for range pick(r, []int{0, 1, 1, 1, 2}) {
		request.Header.Add("Sec-Fetch-Site", pick(r, someSites))
	}
	if r.IntN(2) == 0 {
		request.Header.Add("Access-Control-Request-Method", pick(r, someMethods))
	}
	if r.IntN(2) == 0 {
		request.Header.Add("Access-Control-Request-Headers", pick(r, []string{"content-type", "x-evil", ",,,", "a b", strings.Repeat("x,", 9999)}))
	}
	if r.IntN(4) == 0 {
		request.Header.Add("Cookie", "session=1")
	}
	return request
}

// checkExchange holds one exchange against the oracle and against what must
// hold of every answer.
func checkExchange(t testing.TB, config corsrpc.Config, policy *corsrpc.Policy, r *http.Request) {
	got := exchange(policy, r)
	want := foretell(config, r)
	describe := []any{"%s %.100q from %.200q, host %q, site %q, preflight for %q, by %+v", r.Method, r.URL.Path, r.Header["Origin"], r.Host, r.Header["Sec-Fetch-Site"], r.Header["Access-Control-Request-Method"], config}

	require.Equal(t, want.ran, got.ran, describe...)
	if !got.ran {
		require.Equal(t, want.status, got.status, describe...)
	}
	require.Equal(t, want.allowOrigin, got.header.Get("Access-Control-Allow-Origin"), describe...)

	decision := policy.Evaluate(r)
	status := got.status
	if got.ran {
		status = 0
	}
	require.Equal(t, status, decision.Status, describe...)
	require.Equal(t, decision.Reason == corsrpc.OK, decision.Allowed, describe...)
	require.Equal(t, want.governed, decision.Kind != corsrpc.Ungoverned && decision.Reason != corsrpc.HTTP2Preface, describe...)

	for name, values := range got.header {
		require.Len(t, values, 1, name)
		require.False(t, strings.ContainsAny(name+values[0], "\r\n\x00"), describe...)
	}
	if len(r.Header["Access-Control-Request-Headers"]) > 0 {
		without := r.Clone(r.Context())
		delete(without.Header, "Access-Control-Request-Headers")
		require.Equal(t, got, exchange(policy, without), "an answer depends on Access-Control-Request-Headers")
	}
	if len(r.Header["Origin"]) == 0 && len(r.Header["Sec-Fetch-Site"]) == 0 && got.ran && want.allowOrigin == "" {
		delete(got.header, "Vary")
		require.Empty(t, got.header, describe...)
	}
}

func TestOracle(t *testing.T) {
	t.Parallel()
	ran, refused := 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 1))
		config := someConfig(r)
		policy, err := corsrpc.New(config)
		require.NoError(t, err)
		for range 60 {
			request := someRequest(r)
			checkExchange(t, config, policy, request)
			if o := foretell(config, request); o.governed && o.ran {
				ran++
			} else if o.governed {
				refused++
			}
		}
	}
	assert.Greater(t, ran, 2000, "the draw is worth something")
	assert.Greater(t, refused, 2000, "the draw is worth something")
}

// Adding an origin never removes an allowance; the order of lists and their
// repetition never matter.
func TestMonotonyAndOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		config := someConfig(r)
		config.Origins = slices.DeleteFunc(config.Origins, func(o string) bool { return o == "*" })
		more, shuffled := config, config
		more.Origins = append(slices.Clone(config.Origins), pick(r, someEntries))
		shuffled.Origins = append(slices.Clone(config.Origins), config.Origins...)
		r.Shuffle(len(shuffled.Origins), func(i, j int) {
			shuffled.Origins[i], shuffled.Origins[j] = shuffled.Origins[j], shuffled.Origins[i]
		})
		policy, morePolicy, shuffledPolicy := newPolicy(t, config), newPolicy(t, more), newPolicy(t, shuffled)
		for range 60 {
			request := someRequest(r)
			before := exchange(policy, request)
			require.Equal(t, before, exchange(shuffledPolicy, request))
			after := exchange(morePolicy, request)
			if before.ran {
				require.True(t, after.ran, "%+v: %+v", config.Origins, request)
			}
			if allowed := before.header.Get("Access-Control-Allow-Origin"); allowed != "" {
				require.Equal(t, allowed, after.header.Get("Access-Control-Allow-Origin"))
			}
		}
	}
	permuted := shopConfig()
	permuted.RequestHeaders, permuted.ResponseHeaders, permuted.ResponseTrailers = []string{"B", "a", "b"}, []string{"D", "c"}, []string{"F", "e"}
	sorted := shopConfig()
	sorted.RequestHeaders, sorted.ResponseHeaders, sorted.ResponseTrailers = []string{"A", "B"}, []string{"C", "D"}, []string{"E", "F"}
	assert.Equal(t, rulesOf(newPolicy(t, sorted)), rulesOf(newPolicy(t, permuted)))
}

// A shared cache in between changes no page's view, in any order of requests
// from two origins, a third that may not, none at all, and an image.
func TestCacheSafety(t *testing.T) {
	t.Parallel()
	requests := map[string]*http.Request{
		"first page":     newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "cross-site"),
		"second page":    newRequest("GET", getProduct, "Origin", shopper, "Sec-Fetch-Site", "cross-site"),
		"evil page":      newRequest("GET", getProduct, "Origin", evil, "Sec-Fetch-Site", "cross-site"),
		"image":          newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"),
		"program":        newRequest("GET", getProduct),
		"own page":       newRequest("GET", getProduct, "Sec-Fetch-Site", "same-origin"),
		"redirected own": newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "same-origin"),
		"font":           newRequest("GET", "/font", "Origin", app),
		"font, program":  newRequest("GET", "/font"),
		"font, evil":     newRequest("GET", "/font", "Origin", evil),
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range requests {
			if !yield(name) {
				return
			}
		}
	})
	for configName, config := range map[string]corsrpc.Config{
		"list":        {Origins: []string{app, shopper}, Resources: map[string]corsrpc.Resource{"/font": {Origins: []string{app}}}},
		"credentials": {Origins: []string{app, shopper}, Credentials: true, Resources: map[string]corsrpc.Resource{"/font": {Origins: []string{"*"}}}},
		"any":         {Origins: []string{"*"}, Resources: map[string]corsrpc.Resource{"/font": {}}},
		"report":      {Origins: []string{app}, ReportOnly: true},
	} {
		handler := newPolicy(t, config).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
		}))
		for _, first := range names {
			for _, second := range names {
				for _, third := range names {
					cache := &sharedCache{origin: handler}
					for _, name := range []string{first, second, third} {
						direct := serve(handler, requests[name])
						cached := cache.serve(requests[name])
						require.Equal(t, view(direct, requests[name]), view(cached, requests[name]),
							"%s: %s, then %s, then %s: %s sees a change", configName, first, second, third, name)
					}
				}
			}
		}
	}
}

// view is what a page, or a program, sees of an answer.
func view(a answer, r *http.Request) string {
	if len(r.Header["Origin"]) == 0 && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return "nothing" // no-cors answers are opaque to the page
	}
	page := "not another origin's:"
	if origins := r.Header["Origin"]; len(origins) == 1 {
		page = "unreadable"
		if allowed := a.header.Get("Access-Control-Allow-Origin"); allowed == "*" || allowed == origins[0] {
			page = "readable " + a.header.Get("Access-Control-Expose-Headers") + a.header.Get("Access-Control-Allow-Credentials")
		}
	}
	if page != "unreadable" {
		page += " " + http.StatusText(a.status)
	}
	return page
}

// A sharedCache keeps answers as RFC 9111 lets a proxy do: by URL, for
// requests that agree in the fields which Vary names.
type sharedCache struct {
	origin http.Handler
	stored []struct {
		r *http.Request
		a answer
	}
}

func (c *sharedCache) serve(r *http.Request) answer {
	for _, s := range c.stored {
		if s.r.URL.Path == r.URL.Path && agree(s.a.header["Vary"], s.r, r) {
			return s.a
		}
	}
	a := serve(c.origin, r)
	if control := a.header.Get("Cache-Control"); strings.Contains(control, "max-age") && !strings.Contains(control, "no-store") {
		c.stored = append(c.stored, struct {
			r *http.Request
			a answer
		}{r, a})
	}
	return a
}

func agree(vary []string, a, b *http.Request) bool {
	for _, line := range vary {
		for name := range strings.SplitSeq(line, ",") {
			if !slices.Equal(a.Header[http.CanonicalHeaderKey(strings.TrimSpace(name))], b.Header[http.CanonicalHeaderKey(strings.TrimSpace(name))]) {
				return false
			}
		}
	}
	return true
}

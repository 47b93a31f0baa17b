package corsrpc_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Configs and requests are drawn from values that are near each other, so that
// allowances and confusions both happen.
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
	someSites   = []string{"same-origin", "none", "none", "same-site", "cross-site", "cross-site", "", "Same-Origin", "x"}
	someMethods = []string{"GET", "GET", "POST", "HEAD", "OPTIONS", "OPTIONS", "PUT", "PRI", "options"}
	someTargets = []string{
		getProduct, watchPrices, addItem, purgeCarts, setPrice, reportProduct, reserveStock, "/" + catalog + "/", "/" + catalog + "/Newer", "/" + cart + "/Newer", "/" + admin + "/Newer/x",
		"/" + catalog, "/api" + getProduct, "/api/" + catalog + "/Newer", "/", "", "*", "/img/x", "/img/", "/img", "/img/a%2Fb", "/img/%2e%2e/x", "/img/..%2Fx", "/img/a%5C..%5Cx", "/img//x", "/upload", "/upload/", "/upload%2Fx",
		"/files/a", "/files/a%2Fb", "/files/", "/files/a/b", "/docs/x", "/grpc.health.v1.Health/Check", "/x/y",
	}
	// Spellings of a procedure's path that some handlers take for it.
	someSpellings = []func(path string) string{
		func(path string) string { return "/" + path },
		func(path string) string { return path + "/" },
		func(path string) string { return path + "//" },
		func(path string) string { return "/docs" + path },
		func(path string) string { return "/docs/v1" + path + "/more" },
		func(path string) string { return "/api" + path },
		func(path string) string { return "/v1" + path },
		strings.ToLower,
		strings.ToUpper,
		func(path string) string { return strings.ReplaceAll(path, "s", "\u017f") },
		func(path string) string { return strings.ReplaceAll(path, "s", "%25C5%25BF") },
		func(path string) string { return strings.ReplaceAll(path, "s", "%C5%25BF") },
		func(path string) string { return "/x" + strings.ReplaceAll(path, "k", "\u212a") },
		func(path string) string { return strings.ReplaceAll(path, "a", "%2561") },
		func(path string) string { return strings.ReplaceAll(path, "a", "%61") },
		func(path string) string { return strings.ReplaceAll(path, "/", "//") },
		func(path string) string { return strings.ReplaceAll(path, "/", "%2F") },
		func(path string) string { return "/x" + strings.ReplaceAll(path, "/", "%252f") },
		func(path string) string { return strings.ReplaceAll(path, "/", "/./") },
		func(path string) string { return "/x/.." + path },
		func(path string) string { return "/x/%2e%2e" + path },
		func(path string) string { return "/x/%252e%252e" + path },
		func(path string) string { return path + "/.." },
		func(path string) string { return path + "/../GetProduct" },
		func(path string) string { return "/" + admin + "/.." + path },
		func(path string) string { return "/" + admin + "/..%2F" + path[1:] },
		func(path string) string { return "/" + catalog + path },
		func(path string) string { return path + path },
		func(path string) string { return path + ";v=1" },
		func(path string) string { return strings.Replace(path, "Service/", "Service;v=1/", 1) },
		func(path string) string { return strings.Replace(path, "Service/", "Service%253Bv=1/", 1) },
		func(path string) string { return "/..;x" + path },
		func(path string) string { return strings.ReplaceAll(path, "/", "\\") },
		func(path string) string { return strings.ReplaceAll(path, "/", "/%5C") },
		func(path string) string { return "/%" + path + "%zz" },
		func(path string) string { return path + "x" },
		func(path string) string { return "/x" + path[1:] },
	}
)

func pick[T any](r *rand.Rand, values []T) T { return values[r.IntN(len(values))] }

func chance(r *rand.Rand, one int) bool { return r.IntN(one) == 0 }

func some(r *rand.Rand, values []string, most int) []string {
	list := []string{}
	for range r.IntN(most + 1) {
		list = append(list, pick(r, values))
	}
	return list
}

// someConfig returns a Config that New takes.
func someConfig(r *rand.Rand) corsrpc.Config {
	credentials := chance(r, 3) // with which no list is of any origin
	originList := func() []string {
		if !credentials && chance(r, 8) {
			return []string{"*"}
		}
		return some(r, someEntries, 4)
	}
	config := corsrpc.Config{
		Origins:                         originList(),
		Credentials:                     credentials && !chance(r, 4),
		ReportOnly:                      chance(r, 6),
		Audiences:                       map[string][]string{"storefront": originList(), "backoffice": originList()},
		Overrides:                       map[string]corsrpc.Override{},
		Resources:                       map[string]corsrpc.Resource{},
		RequireFetchMetadata:            chance(r, 6),
		RequestHeaders:                  some(r, []string{"Authorization", "X-Tenant-Id", "x-evil"}, 2),
		ResponseHeaders:                 some(r, []string{"X-Request-Id", "Cache-Control"}, 2),
		ResponseTrailers:                some(r, []string{"X-Cost", "Expires"}, 2),
		MaxAge:                          pick(r, []time.Duration{0, -1, time.Minute}),
		DangerouslyAllowInsecureOrigins: true,
		DangerouslyAllowPublicSuffixes:  true,
	}
	if chance(r, 3) {
		config.Protocols = pick(r, [][]corsrpc.Protocol{{}, {corsrpc.Connect}, {corsrpc.GRPCWeb, corsrpc.GRPC}})
	}
	if chance(r, 4) {
		config.Services = []string{catalog, admin}
		if chance(r, 3) {
			config.Services = []string{"*", "grpc.health.v1.Health"}
		}
	}
	if chance(r, 5) {
		config.Except = []string{pick(r, []string{cart, "acme.shop.v1.WarehouseService"})}
	}
	for _, name := range []string{catalog, admin, cart + ".AddItem", catalog + ".GetProduct"} {
		named := config.Services == nil || config.Services[0] == "*" || slices.ContainsFunc(config.Services, func(service string) bool { return strings.HasPrefix(name, service) })
		if !named || slices.ContainsFunc(config.Except, func(service string) bool { return strings.HasPrefix(name, service) }) {
			continue // not governed
		}
		if !chance(r, 3) {
			continue
		}
		o := corsrpc.Override{Internal: chance(r, 6), ReportOnly: corsrpc.Switch(r.IntN(3))}
		if chance(r, 2) {
			o.Origins = originList()
		}
		if credentials {
			o.Credentials = corsrpc.Switch(r.IntN(3))
		}
		config.Overrides[name] = o
	}
	for _, key := range []string{"/img/", "/img/{id}", "/upload", "/", "/{x}/{y}", "/files/{name}", "/docs/", "/docs/v1/"} {
		if chance(r, 2) {
			config.Resources[key] = corsrpc.Resource{Origins: originList(), Credentials: credentials && chance(r, 2), Methods: []string{"PUT"}, ResponseHeaders: []string{"X-Seen"}}
		}
	}
	if chance(r, 3) {
		config.PathPrefix = "/api"
	}
	switch r.IntN(3) {
	case 0:
		config.Hosts = []string{"api.example.com:80", "www.example.com"}
		config.RequireHosts = chance(r, 3)
	case 1:
		config.Hosts = []string{}
	}
	return config
}

// targetURL is what a server makes of a request target, but takes any path.
func targetURL(target string) *url.URL {
	path, err := url.PathUnescape(target)
	if err != nil {
		return &url.URL{Path: target}
	}
	u := &url.URL{Path: path}
	if u.EscapedPath() != target {
		u.RawPath = target
	}
	return u
}

func someRequest(r *rand.Rand) *http.Request {
	target := pick(r, someTargets)
	if chance(r, 2) {
		target = pick(r, someSpellings)(pick(r, facts).procedure)
		if chance(r, 6) {
			target = pick(r, someSpellings)(target)
		}
	}
	request := newRequest(pick(r, someMethods), "")
	request.URL = targetURL(target)
	request.Host = pick(r, []string{"api.example.com", "api.example.com", "API.example.com:443", "evil.test", "", "localhost:8080"})
	for range pick(r, []int{0, 1, 1, 1, 1, 2}) {
		request.Header.Add("Origin", pick(r, someOrigins))
	}
	for range pick(r, []int{0, 1, 1, 1, 2}) {
		request.Header.Add("Sec-Fetch-Site", pick(r, someSites))
	}
	if chance(r, 4) {
		request.Header.Set("Sec-Purpose", pick(r, []string{"prefetch", "prefetch;prerender", ""}))
	}
	if chance(r, 3) {
		request.Header.Set("Sec-Fetch-Mode", pick(r, []string{"cors", "no-cors", "navigate"}))
	}
	if chance(r, 2) {
		request.Header.Add("Access-Control-Request-Method", pick(r, someMethods))
	}
	if chance(r, 2) {
		request.Header.Add("Access-Control-Request-Headers", pick(r, []string{"content-type", "x-evil", ",,,", "a b", "", "content-type,connect-timeout-ms", "X-Evil , Authorization", strings.Repeat("x,", 9999)}))
	}
	if chance(r, 3) {
		request.Header.Add("Cookie", "session=1")
	}
	if chance(r, 6) { // a preflight of a page that can be listed
		request.Method = http.MethodOptions
		request.Header.Set("Origin", pick(r, []string{app, shopper, console}))
		request.Header.Set("Access-Control-Request-Method", pick(r, []string{"GET", "POST", "PUT", "DELETE", "put"}))
		if chance(r, 3) {
			request.Header.Set("Access-Control-Request-Headers", pick(r, []string{"content-type,(", "content-type,x-other"}))
		}
	}
	if chance(r, 8) { // a link to a page
		for _, name := range []string{"Origin", "Sec-Purpose"} {
			request.Header.Del(name)
		}
		request.Method = http.MethodGet
		request.Header.Set("Sec-Fetch-Mode", "navigate")
		request.Header.Set("Sec-Fetch-Dest", pick(r, []string{"document", "document", "iframe"}))
	}
	return request
}

func describe(config corsrpc.Config, r *http.Request) string {
	return fmt.Sprintf("%s %.100q (raw %.100q) of host %q with %.300q, by %+v", r.Method, r.URL.Path, r.URL.RawPath, r.Host, fmt.Sprint(r.Header), config)
}

// checkExchange compares one exchange with what the oracle's rules predict, and
// with what must hold of every response.
func checkExchange(t testing.TB, config corsrpc.Config, rules []naiveRule, policy *corsrpc.Policy, r *http.Request) prediction {
	got := exchange(policy, r)
	want := predict(config, rules, r)
	if want.ran != got.ran || !got.ran && want.status != got.status || want.header.Get("Access-Control-Allow-Origin") != got.header.Get("Access-Control-Allow-Origin") {
		require.Fail(t, "the oracle differs", "want %+v\ngot  %+v\n%s\n%s", want, got, describe(config, r), policy.Evaluate(r))
	}
	decision := policy.Evaluate(r)
	status := got.status
	if got.ran {
		status = 0
	}
	if status != decision.Status || decision.Allowed != (decision.Reason == corsrpc.ReasonOK) || decision.Allowed != (decision.Outcome == corsrpc.OutcomeAllowed) {
		require.Fail(t, "Wrap does not do what Evaluate returns", "%+v\n%+v\n%s", decision, got, describe(config, r))
	}
	for name, values := range got.header {
		if len(values) != 1 || strings.ContainsAny(name+values[0], "\r\n\x00") {
			require.Fail(t, "not one line", "%q: %q\n%s", name, values, describe(config, r))
		}
	}
	if len(r.Header["Access-Control-Request-Headers"]) > 0 {
		without := r.Clone(r.Context())
		delete(without.Header, "Access-Control-Request-Headers")
		require.Equal(t, got, exchange(policy, without), "a response depends on Access-Control-Request-Headers")
	}
	if len(r.Header["Origin"]) == 0 && len(r.Header["Sec-Fetch-Site"]) == 0 && got.ran && want.header.Get("Access-Control-Allow-Origin") == "" {
		delete(got.header, "Vary")
		require.Empty(t, got.header, "a program's response has more than Vary")
	}
	return want
}

// checkDraw checks that a draw was worth something.
func checkDraw(t *testing.T, drawn map[string]int) {
	t.Helper()
	for outcome := range corsrpc.OutcomeReported + 1 {
		assert.Greater(t, drawn[outcome.String()], 200, "%s: the draw is worth something", outcome)
	}
	for kind := range corsrpc.KindCrossOrigin + 1 {
		assert.Greater(t, drawn[kind.String()], 200, "%s: the draw is worth something", kind)
	}
	for reason := range corsrpc.ReasonHTTP2Preface + 1 {
		assert.Positive(t, drawn[reason.Code()], "%s: the draw is worth something", reason)
	}
}

func draw(drawn map[string]int, d corsrpc.Decision) {
	for _, name := range []string{d.Outcome.String(), d.Kind.String(), d.Reason.Code()} {
		drawn[name]++
	}
}

func TestOracle(t *testing.T) {
	t.Parallel()
	drawn := map[string]int{}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		config := someConfig(r)
		policy, err := corsrpc.New(config)
		require.NoError(t, err)
		rules := naiveRules(config)
		for range 60 {
			request := someRequest(r)
			checkExchange(t, config, rules, policy, request)
			draw(drawn, policy.Evaluate(request))
		}
	}
	checkDraw(t, drawn)
}

// Adding an origin never removes an allowance; the order of lists and their
// repetition never matter.
func TestMonotonyAndOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
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
			if before.ran && !after.ran {
				require.Fail(t, "an origin more takes something away", describe(config, request))
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

// What a Config refuses is refused by one that is stricter, in whatever field.
func TestStricterConfigsRefuseMore(t *testing.T) {
	t.Parallel()
	stricter := map[string]func(*corsrpc.Config){
		"RequireFetchMetadata": func(c *corsrpc.Config) { c.RequireFetchMetadata = true },
		"RequireHosts":         func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = []string{"api.example.com"}, true },
		"Internal":             func(c *corsrpc.Config) { c.Overrides = map[string]corsrpc.Override{cart: {Internal: true}} },
		"no ReportOnly":        func(c *corsrpc.Config) { c.ReportOnly = false },
		"fewer services":       func(c *corsrpc.Config) { c.Services = []string{catalog} },
		"no Credentials":       func(c *corsrpc.Config) { c.Credentials = false },
	}
	refused := map[string]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 6))
		config := someConfig(r)
		config.Overrides, config.Services, config.Except, config.Hosts, config.RequireHosts = nil, nil, nil, []string{"api.example.com"}, false
		policy := newPolicy(t, config)
		for _, name := range slices.Sorted(maps.Keys(stricter)) { // in order, so that the seed decides
			tight := config
			stricter[name](&tight)
			tightPolicy := newPolicy(t, tight)
			for range 30 {
				request := someRequest(r)
				if chance(r, 3) {
					request.Header["Origin"], request.Header["Cookie"] = []string{app}, []string{"session=1"}
				}
				before, after := exchange(policy, request), exchange(tightPolicy, request)
				if d := policy.Evaluate(request); name == "fewer services" && d.Reason == corsrpc.ReasonInternalMethod && strings.HasSuffix(d.Procedure, "/") {
					continue // unknown methods of a closed service do not exist, so they are not internal
				}
				if after.ran && !before.ran {
					require.Fail(t, name+" lets more pass", "%s\n%+v\n%+v", describe(config, request), policy.Evaluate(request), tightPolicy.Evaluate(request))
				}
				if before.ran && !after.ran {
					refused[name]++
				}
			}
		}
	}
	for name := range stricter {
		assert.Positive(t, refused[name], "%s: the draw is worth something", name)
	}
}

// A shared cache in between changes no page's view, in any order of requests
// from two origins, a third that may not call, none at all, and an image;
// whatever the handler does to Vary, and although some caches honor only the
// last line of Vary.
func TestCacheSafety(t *testing.T) {
	t.Parallel()
	requests := map[string]*http.Request{
		"first page":              newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "cross-site"),
		"first page with cookies": newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "cross-site", "Cookie", "session=1"),
		"second page":             newRequest("GET", getProduct, "Origin", shopper, "Sec-Fetch-Site", "cross-site"),
		"evil page":               newRequest("GET", getProduct, "Origin", evil, "Sec-Fetch-Site", "cross-site"),
		"image":                   newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"),
		"speculation rules":       newRequest("GET", getProduct, "Sec-Fetch-Site", "none", "Sec-Purpose", "prefetch", "Sec-Fetch-Mode", "navigate"),
		"program":                 newRequest("GET", getProduct),
		"own page":                newRequest("GET", getProduct, "Sec-Fetch-Site", "same-origin"),
		"redirected own":          newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "same-origin"),
		"font":                    newRequest("GET", "/font", "Origin", app),
		"font, program":           newRequest("GET", "/font"),
		"font, evil":              newRequest("GET", "/font", "Origin", evil),
	}
	names := slices.Sorted(maps.Keys(requests))
	for configName, config := range map[string]corsrpc.Config{
		"list":        {Audiences: noPages, Origins: []string{app, shopper}, Resources: map[string]corsrpc.Resource{"/font": {Origins: []string{app}}}},
		"credentials": {Audiences: noPages, Origins: []string{app, shopper}, Credentials: true, Resources: map[string]corsrpc.Resource{"/font": {Origins: []string{"*"}}}},
		"any":         {Audiences: noPages, Origins: []string{"*"}, Resources: map[string]corsrpc.Resource{"/font": {}}},
		"report":      {Audiences: noPages, Origins: []string{app}, ReportOnly: true},
	} {
		policy := newPolicy(t, config)
		for handlerName, vary := range map[string]func(http.Header){
			"leaves Vary alone": func(http.Header) {},
			"adds to Vary":      func(h http.Header) { h.Add("Vary", "Accept-Encoding") },
			"sets Vary":         func(h http.Header) { h.Set("Vary", "Accept-Encoding, Accept") },
			"deletes Vary":      func(h http.Header) { h.Del("Vary") },
		} {
			handler := policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "public, max-age=3600")
				vary(w.Header())
				_, _ = io.WriteString(w, "ok")
			}))
			direct := make(map[string]string)
			for name, r := range requests {
				direct[name] = view(serve(handler, r), r)
			}
			for _, lastLineOnly := range []bool{false, true} {
				for _, first := range names {
					for _, second := range names {
						cache := &sharedCache{origin: handler, lastLineOnly: lastLineOnly}
						cache.serve(requests[first])
						// The third asks what the first two have left.
						require.Equal(t, direct[second], view(cache.serve(requests[second]), requests[second]),
							"%s, a handler that %s: %s, then %s, who sees a change", configName, handlerName, first, second)
						for _, third := range names {
							stored := len(cache.stored)
							got := view(cache.serve(requests[third]), requests[third])
							cache.stored = cache.stored[:stored]
							require.Equal(t, direct[third], got,
								"%s, a handler that %s: %s, then %s, then %s, who sees a change", configName, handlerName, first, second, third)
						}
					}
				}
			}
		}
	}
}

// view is what a page, or a program, sees of a response.
func view(a answer, r *http.Request) string {
	if len(r.Header["Origin"]) == 0 && (r.Header.Get("Sec-Fetch-Site") == "cross-site" || r.Header.Get("Sec-Purpose") != "") {
		return "nothing" // opaque to the page
	}
	page := "not another origin's:"
	if origins := r.Header["Origin"]; len(origins) == 1 {
		page = "unreadable"
		// With cookies, the fetch was made with credentials.
		cookies, credentials := len(r.Header["Cookie"]) > 0, a.header.Get("Access-Control-Allow-Credentials") == "true"
		if allowed := a.header.Get("Access-Control-Allow-Origin"); (allowed == "*" && !cookies || allowed == origins[0]) && (!cookies || credentials) {
			page = "readable " + a.header.Get("Access-Control-Expose-Headers") + a.header.Get("Access-Control-Allow-Credentials")
		}
	}
	if page != "unreadable" {
		page += " " + http.StatusText(a.status)
	}
	return page
}

// A sharedCache stores responses as RFC 9111 lets a proxy do: by URL, for
// requests that agree in the headers that Vary names.
type sharedCache struct {
	origin       http.Handler
	lastLineOnly bool // of Vary, as nginx before 1.23 has it
	stored       []struct {
		r *http.Request
		a answer
	}
}

func (c *sharedCache) serve(r *http.Request) answer {
	for _, s := range c.stored {
		vary := s.a.header["Vary"]
		if c.lastLineOnly {
			vary = vary[max(0, len(vary)-1):]
		}
		if s.r.URL.Path == r.URL.Path && agree(vary, s.r, r) {
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

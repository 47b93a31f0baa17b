package corsrpc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const (
	allowed = "Accept, Connect-Accept-Encoding, Connect-Content-Encoding, Connect-Protocol-Version, Connect-Timeout-Ms, " +
		"Content-Encoding, Content-Type, Grpc-Accept-Encoding, Grpc-Encoding, Grpc-Message-Type, " +
		"Grpc-Previous-Rpc-Attempts, Grpc-Timeout, User-Agent, X-Grpc-Web, X-User-Agent"
	exposedByGetProduct = "Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, X-Catalog-Version"
	exposedByAddItem    = "Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, Trailer-X-Cost, X-Cost, X-Request-Id"
	allowedByAddItem    = "Accept, Authorization, Connect-Accept-Encoding, Connect-Content-Encoding, Connect-Protocol-Version, Connect-Timeout-Ms, " +
		"Content-Encoding, Content-Type, Grpc-Accept-Encoding, Grpc-Encoding, Grpc-Message-Type, " +
		"Grpc-Previous-Rpc-Attempts, Grpc-Timeout, User-Agent, X-Grpc-Web, X-Tenant-Id, X-User-Agent"
)

func refusal(reason corsrpc.Reason) answer {
	return answer{
		status: http.StatusForbidden,
		header: header(
			"Cache-Control", "no-store",
			"Content-Type", "text/plain; charset=utf-8",
			"Vary", "Origin",
			"X-Content-Type-Options", "nosniff",
		),
		body: "corsrpc: " + reason.String() + "\n",
	}
}

// refusedPreflight is the response to every preflight that is refused.
var refusedPreflight = answer{status: http.StatusForbidden, header: header("Cache-Control", "no-store", "Vary", "Origin")}

// Each row is a request and the whole response: status, header, body, and
// whether the handler ran, which responds with 418.
func TestWrap(t *testing.T) {
	t.Parallel()
	const max = "7200"
	ran := func(lines ...string) answer {
		return answer{status: http.StatusTeapot, header: header(lines...), ran: true}
	}
	answered := func(lines ...string) answer {
		return answer{status: http.StatusNoContent, header: header(lines...)}
	}

	plain := shopConfig()
	credentials := shopConfig()
	credentials.Credentials = true
	anyone := corsrpc.Config{Origins: []string{"*"}, Audiences: noPages}
	report := shopConfig()
	report.ReportOnly = true
	resources := shopConfig()
	resources.Resources = map[string]corsrpc.Resource{
		"/fonts/": {Origins: []string{"*"}},
		"/upload": {
			Origins: []string{app}, Credentials: true, Methods: []string{"PUT", "PATCH"},
			RequestHeaders: []string{"X-Checksum"}, ResponseHeaders: []string{"Location", "Content-Type"}, MaxAge: -1,
		},
		"/closed": {},
	}

	tests := []struct {
		name   string
		config corsrpc.Config
		r      *http.Request
		want   answer
	}{
		{"preflight, GET too", plain, newPreflight(getProduct, app, "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type"),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight of a stream without side effects: no GET", plain, newPreflight("/acme.shop.v1.CatalogService/SearchProducts", app, "POST"),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", "POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight by the method's audience, with the schema's metadata", plain, newPreflight(addItem, shopper, "POST"),
			answered("Access-Control-Allow-Origin", shopper, "Access-Control-Allow-Methods", "POST", "Access-Control-Allow-Headers", allowedByAddItem, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight with credentials", credentials, newPreflight(addItem, shopper, "POST"),
			answered("Access-Control-Allow-Origin", shopper, "Access-Control-Allow-Credentials", "true", "Access-Control-Allow-Methods", "POST", "Access-Control-Allow-Headers", allowedByAddItem, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight for any origin", anyone, newPreflight(getProduct, "null", "POST"),
			answered("Access-Control-Allow-Origin", "*", "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max)},
		{"preflight for a method and headers that are not allowed: the lists all the same", plain, newPreflight(getProduct, app, "DELETE", "Access-Control-Request-Headers", "x-evil\x00,,(("),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight from elsewhere", plain, newPreflight(getProduct, evil, "POST"), refusedPreflight},
		{"preflight from the page of another audience", plain, newPreflight(addItem, app, "POST"), refusedPreflight},
		{"preflight with an empty origin", plain, newPreflight(getProduct, "", "POST"), refusedPreflight},
		{"preflight with an empty origin where any may call", anyone, newPreflight(getProduct, "", "POST"), refusedPreflight},
		{"preflight with two origins", plain, newPreflight(getProduct, app, "POST", "Origin", app), refusedPreflight},
		{"preflight of an internal method", plain, newPreflight(purgeCarts, app, "POST"), refusedPreflight},
		{"preflight of an internal method where any may call", anyone, newPreflight(purgeCarts, app, "POST"), refusedPreflight},
		{"preflight of an internal service", plain, newPreflight(reserveStock, app, "POST"), refusedPreflight},
		{"preflight, refused although calls are only reported", report, newPreflight(getProduct, evil, "POST"), refusedPreflight},
		{"preflight of an unknown method", plain, newPreflight("/acme.shop.v1.CatalogService/Newer", app, "POST"),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", "POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"preflight of an unknown method where methods have different origins", plain, newPreflight("/acme.shop.v1.AdminService/Newer", console, "POST"), refusedPreflight},
		{"preflight of another service", plain, newPreflight("/acme.other.v1.Service/Method", app, "POST"), ran()},

		{"preflight below a prefix that is not configured", plain, newPreflight("/v1"+getProduct, app, "POST"), ran()},

		{"OPTIONS without Access-Control-Request-Method is a call", plain, newRequest("OPTIONS", getProduct, "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"OPTIONS without Origin is no preflight", plain, newRequest("OPTIONS", getProduct, "Access-Control-Request-Method", "POST"), ran()},

		{"call", plain, newRequest("POST", getProduct, "Origin", app, "Sec-Fetch-Site", "cross-site"),
			ran("Access-Control-Allow-Origin", app, "Access-Control-Expose-Headers", exposedByGetProduct, "Vary", "Origin")},
		{"call with credentials", credentials, newRequest("POST", addItem, "Origin", shopper),
			ran("Access-Control-Allow-Origin", shopper, "Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", exposedByAddItem, "Vary", "Origin")},
		{"call from anywhere", anyone, newRequest("POST", getProduct, "Origin", evil),
			ran("Access-Control-Allow-Origin", "*", "Access-Control-Expose-Headers", exposedByGetProduct)},
		{"call without origin where any may call", anyone, newRequest("POST", getProduct), ran()},
		{"the server's own page's call without origin where any may call", anyone, newRequest("POST", getProduct, "Sec-Fetch-Site", "same-origin"), ran()},
		{"GET without origin where any may call: caches can give the response to any", anyone, newRequest("GET", getProduct),
			ran("Access-Control-Allow-Origin", "*", "Access-Control-Expose-Headers", exposedByGetProduct)},
		{"call from elsewhere", plain, newRequest("POST", getProduct, "Origin", evil, "Sec-Fetch-Site", "cross-site"), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"call from elsewhere on plain HTTP", plain, newRequest("POST", getProduct, "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"GET from elsewhere", plain, newRequest("GET", getProduct, "Origin", evil), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"call with two origins", plain, newRequest("POST", getProduct, "Origin", app, "Origin", app), refusal(corsrpc.ReasonOriginMalformed)},
		{"call with an empty origin", plain, newRequest("POST", getProduct, "Origin", ""), refusal(corsrpc.ReasonOriginMalformed)},
		{"call of an opaque origin", plain, newRequest("POST", getProduct, "Origin", "null"), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"call of the admin service by the shop", plain, newRequest("POST", setPrice, "Origin", shopper), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"image of another site", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), refusal(corsrpc.ReasonOriginMissing)},
		{"navigation from a sibling", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"), refusal(corsrpc.ReasonOriginMissing)},
		{"image of another site where any may call", anyone, newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site"), refusal(corsrpc.ReasonOriginMissing)},
		{"same origin", plain, newRequest("POST", getProduct, "Origin", "https://api.example.com", "Sec-Fetch-Site", "same-origin"), ran("Vary", "Origin")},
		{"same origin behind a proxy that changes Host", plain, newRequest("POST", getProduct, "Origin", "https://www.example.com", "Sec-Fetch-Site", "same-origin"), ran("Vary", "Origin")},
		{"typed into the address bar", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "none"), ran("Vary", "Origin")},
		{"the own host in a browser that does not say so", plain, newRequest("POST", getProduct, "Origin", "http://api.example.com"), ran("Vary", "Origin")},
		{"the own host, but the browser says cross-site", plain, newRequest("POST", getProduct, "Origin", "http://api.example.com", "Sec-Fetch-Site", "cross-site"), refusal(corsrpc.ReasonOriginNotAllowed)},
		{"a program", plain, newRequest("POST", getProduct), ran()},
		{"a program, GET", plain, newRequest("GET", getProduct), ran("Vary", "Origin")},
		{"a program, HEAD", plain, newRequest("HEAD", getProduct), ran("Vary", "Origin")},

		{"call with cookies, credentials off", plain, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"), refusal(corsrpc.ReasonCredentialsNotAllowed)},
		{"GET with cookies, credentials off", plain, newRequest("GET", getProduct, "Origin", app, "Sec-Fetch-Site", "cross-site", "Cookie", "session=1"), refusal(corsrpc.ReasonCredentialsNotAllowed)},
		{"beacon with cookies, credentials off", plain, newRequest("POST", getProduct, "Origin", app, "Sec-Fetch-Mode", "no-cors", "Cookie", "session=1"), refusal(corsrpc.ReasonCredentialsNotAllowed)},
		{"call with cookies", credentials, newRequest("POST", addItem, "Origin", shopper, "Cookie", "session=1"),
			ran("Access-Control-Allow-Origin", shopper, "Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", exposedByAddItem, "Vary", "Origin")},
		{"call with cookies from anywhere", anyone, newRequest("POST", getProduct, "Origin", evil, "Cookie", "session=1"), refusal(corsrpc.ReasonCredentialsNotAllowed)},
		{"the user's navigation with cookies", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "none", "Cookie", "session=1"), ran("Vary", "Origin")},
		{"speculation rules of any page", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "none", "Sec-Purpose", "prefetch", "Cookie", "session=1"), refusal(corsrpc.ReasonOriginMissing)},
		{"speculation rules of the server's own page", plain, newRequest("GET", getProduct, "Sec-Fetch-Site", "same-origin", "Sec-Purpose", "prefetch"), ran("Vary", "Origin")},
		{"preflight with cookies, which no browser sends", plain, newPreflight(getProduct, app, "POST", "Cookie", "session=1"),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Methods", "GET, POST", "Access-Control-Allow-Headers", allowed, "Access-Control-Max-Age", max, "Vary", "Origin")},
		{"cookies, only reported: the page cannot read", report, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			ran("Access-Control-Allow-Origin", app, "Access-Control-Expose-Headers", exposedByGetProduct, "Vary", "Origin")},

		{"internal, by another server", plain, newRequest("POST", purgeCarts), ran()},
		{"internal, by the user", plain, newRequest("GET", purgeCarts, "Sec-Fetch-Site", "none"), refusal(corsrpc.ReasonInternalMethod)},
		{"internal, same origin", plain, newRequest("POST", purgeCarts, "Sec-Fetch-Site", "same-origin"), refusal(corsrpc.ReasonInternalMethod)},
		{"internal, own host", plain, newRequest("POST", purgeCarts, "Origin", "https://api.example.com"), refusal(corsrpc.ReasonInternalMethod)},
		{"internal, listed origin", plain, newRequest("POST", purgeCarts, "Origin", app), refusal(corsrpc.ReasonInternalMethod)},
		{"internal, only reported", report, newRequest("POST", purgeCarts, "Origin", app), refusal(corsrpc.ReasonInternalMethod)},
		{"internal, by the user with an origin", plain, newRequest("POST", purgeCarts, "Origin", "null", "Sec-Fetch-Site", "none"), refusal(corsrpc.ReasonInternalMethod)},

		{"elsewhere, only reported", report, newRequest("POST", getProduct, "Origin", evil), ran("Vary", "Origin")},
		{"image, only reported", report, newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site"), ran("Vary", "Origin")},

		{"font", resources, newRequest("GET", "/fonts/a/b.woff2", "Origin", evil), ran("Access-Control-Allow-Origin", "*")},
		{"font without origin", resources, newRequest("GET", "/fonts/a.woff2", "Sec-Fetch-Site", "cross-site"), ran("Access-Control-Allow-Origin", "*")},
		{"form for a font with two origins: no permission, and nothing that varies", resources, newRequest("POST", "/fonts/a.woff2", "Origin", app, "Origin", evil), ran()},
		{"preflight of a font", resources, newPreflight("/fonts/a.woff2", evil, "GET", "Access-Control-Request-Headers", "range"), answered("Access-Control-Allow-Origin", "*", "Access-Control-Max-Age", max)},
		{"upload", resources, newRequest("PUT", "/upload", "Origin", app),
			ran("Access-Control-Allow-Origin", app, "Access-Control-Allow-Credentials", "true", "Access-Control-Expose-Headers", "Location", "Vary", "Origin")},
		{"preflight of an upload, not cached", resources, newPreflight("/upload", app, "PUT"),
			answered("Access-Control-Allow-Origin", app, "Access-Control-Allow-Credentials", "true", "Access-Control-Allow-Methods", "PUT, PATCH", "Access-Control-Allow-Headers", "X-Checksum", "Access-Control-Max-Age", "0", "Vary", "Origin")},
		{"upload from elsewhere is not refused, only unreadable", resources, newRequest("PUT", "/upload", "Origin", evil), ran("Vary", "Origin")},
		{"form from elsewhere", resources, newRequest("POST", "/upload", "Sec-Fetch-Site", "cross-site"), ran()},
		{"preflight of an upload from elsewhere", resources, newPreflight("/upload", evil, "PUT"), refusedPreflight},
		{"resource that nobody may read", resources, newRequest("GET", "/closed", "Origin", app), ran("Vary", "Origin")},
		{"path beside the resources", resources, newRequest("GET", "/upload/", "Origin", app), ran()},

		{"ungoverned path", plain, newRequest("POST", "/healthz", "Origin", evil, "Sec-Fetch-Site", "cross-site"), ran()},
		{"ungoverned GET has no Vary", plain, newRequest("GET", "/healthz"), ran()},
		{"start of an HTTP/2 connection", plain, newRequest("PRI", "*"), refusal(corsrpc.ReasonHTTP2Preface)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			policy := newPolicy(t, tt.config)
			decision := policy.Evaluate(tt.r)
			got := exchange(policy, tt.r)
			assert.Equal(t, tt.want, got)

			status := got.status
			if got.ran {
				status = 0
			}
			assert.Equal(t, status, decision.Status, "Evaluate returns what Wrap does")
			assert.Equal(t, decision.Allowed, decision.Reason == corsrpc.ReasonOK)
		})
	}
}

// Vectors of attackers: none may pass as the exact origin, as the pattern or
// as the port pattern, in a preflight or in a call.
func TestWrapRefusesOriginVectors(t *testing.T) {
	t.Parallel()
	vectors := []string{
		"https://evil.test", "https://app.example.com.evil.test", "https://app.example.comevil.test", "https://app.example.com@evil.test",
		"https://evilapp.example.org", "https://evilexample.com", "https://app.example.co", "https://appxexample.com",
		"null", "Null", "", "https://app.example.com,https://evil.test", "https://app.example.com, https://app.example.com",
		" https://app.example.com", "https://app.example.com ", "\thttps://app.example.com",
		"http://app.example.com", "ws://app.example.com", "ftp://app.example.com", "app.example.com", "//app.example.com",
		"https://app.example.com:443", "https://app.example.com:8443", "https://app.example.com:0", "https://app.example.com:65536", "https://app.example.com:0443", "https://app.example.com:",
		"https://APP.example.com", "HTTPS://app.example.com", "https://app.example.com/", "https://app.example.com/x", "https://app.example.com?", "https://app.example.com#",
		"https://user@app.example.com", "https://app.example.com.", "https://.app.example.com", "https://app..example.com", "https://.sub.example.net", "https://a..sub.example.net", "https://sub.example.net",
		"https://*.sub.example.net", "https://*", "*", "https://app.example.com%60.evil.test", "https://app.example.com_.evil.test", "https://app.example.com`.evil.test",
		"https://app.example.com!.evil.test", "https://app.example.com{.evil.test", "https://app.example.com(.evil.test", "https://app.example.com*.evil.test", "https://app.example.com;.evil.test",
		"https://app.example.com=.evil.test", "https://app.example.com&.evil.test", "https://app.example.com~.evil.test", "https://app.example.com$.evil.test", "https://app.example.com+.evil.test",
		"https://app.example.com\".evil.test", "https://app.example.com%0b.evil.test", "https://bücher.example", "https://xn--bcher-kva.example",
		"https://127.1", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://[0:0:0:0:0:0:0:1]", "https://[::1]",
		"http://localhost.evil.test", "http://localhost:1.evil.test", "http://localhost:99999", "http://localhost:080", "http://localhost:@evil.test", "http://localhost:", "http://localhost:80", "http://localhost:0", "https://localhost:1",
		"https://evil.test/.sub.example.net", "https://evil.test?.sub.example.net", "https://evil.test#.sub.example.net", "https://evil.test@.sub.example.net", "https://evil.test\\.sub.example.net",
		"https://evil.test%2f.sub.example.net", "https://evil.test%00.sub.example.net", "https://evil.test,.sub.example.net", "https://evil.test:1.sub.example.net", "https://evil.test:1/.sub.example.net",
		"https://barsub.example.net", "https://sub.example.net.sub.example.netx",
		"https://" + strings.Repeat("a.", 130) + "sub.example.net", "https://" + strings.Repeat("a", 64) + ".sub.example.net", "https://" + strings.Repeat("a", 1<<20) + ".sub.example.net",
		"https://app.example.com\x00", "https://app.example.com\r\nX-Evil: 1", "https://a\r\n.sub.example.net", "https://a\x00.sub.example.net",
	}
	config := shopConfig()
	config.Origins = []string{app, "https://*.sub.example.net", "http://localhost:*"}
	var reported []corsrpc.Decision
	policy := newPolicy(t, config)
	loud := config
	loud.OnDecision = func(_ context.Context, d corsrpc.Decision) { reported = append(reported, d) }
	loudPolicy := newPolicy(t, loud)

	for _, good := range []string{app, "https://a.sub.example.net", "https://a.b_c.sub.example.net", "http://localhost", "http://localhost:8080"} {
		require.True(t, exchange(policy, newRequest("POST", getProduct, "Origin", good)).ran, good)
	}
	for _, vector := range vectors {
		r := newPreflight(getProduct, vector, "POST")
		assert.Equal(t, refusedPreflight, exchange(policy, r), "preflight from %.80q", vector)
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} {
			got := exchange(loudPolicy, newRequest(method, getProduct, "Origin", vector, "Sec-Fetch-Site", "cross-site"))
			want := refusal(corsrpc.ReasonOriginNotAllowed)
			if vector == "" {
				want = refusal(corsrpc.ReasonOriginMalformed)
			}
			assert.Equal(t, want, got, "%s from %.80q", method, vector)
		}
	}
	for _, d := range reported {
		text := d.Origin + d.Detail + d.Fix
		assert.Less(t, len(text), 4096, "bounded")
		assert.False(t, strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }), "printable: %q", text)
	}
}

func TestWrapAddsToVary(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	for _, tt := range []struct {
		name         string
		before, want []string
	}{
		{"none", nil, []string{"Origin"}},
		{"another", []string{"Accept-Encoding"}, []string{"Accept-Encoding", "Origin"}},
		{"the same", []string{"Origin"}, []string{"Origin"}},
	} {
		shared := append(make([]string, 0, 8), tt.before...)
		outer := func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if len(shared) > 0 {
					w.Header()["Vary"] = shared
				}
				h.ServeHTTP(w, r)
			})
		}
		got := serve(outer(policy.Wrap(&spy{})), newRequest("POST", getProduct, "Origin", app))
		assert.Equal(t, tt.want, got.header["Vary"], tt.name)
		assert.NotContains(t, slices.Compact(shared[:cap(shared)][len(shared):]), "Origin", "an array of another owner is not written to")
	}
}

// Whoever appends to a value of one response, or overwrites it, reaches no other
// header and no other response.
func TestWrapHandsOutFreshValues(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Credentials = true
	policy := newPolicy(t, config)
	vandal := policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range w.Header() {
			_ = append(values, "vandal")
			values[0] = "vandal"
			_ = append(w.Header()[name][:1], "vandal")
		}
	}))
	refused := exchange(policy, newRequest("POST", addItem, "Origin", evil))
	require.Equal(t, http.StatusForbidden, refused.status)
	for name, values := range refused.header {
		require.Equal(t, len(values), cap(values), name)
	}
	call := newRequest("POST", addItem, "Origin", shopper)
	want := exchange(policy, call)
	for name, values := range want.header {
		require.Equal(t, len(values), cap(values), name)
	}
	got := serve(vandal, call)
	for name := range want.header {
		assert.Equal(t, []string{"vandal"}, got.header[name], "appending to one value reached another")
	}
	assert.Equal(t, want, exchange(policy, call))

	preflight := newPreflight(addItem, shopper, "POST")
	want = exchange(policy, preflight)
	for name, values := range want.header {
		require.Equal(t, len(values), cap(values), name)
		_ = append(values, "vandal")
	}
	assert.Equal(t, want, exchange(policy, preflight))
}

// The ResponseWriter that handlers get is the server's own.
func TestWrapKeepsTheResponseWriter(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	hijacked := make(chan bool, 1)
	mux := http.NewServeMux()
	mux.HandleFunc(getProduct, func(w http.ResponseWriter, r *http.Request) {
		controller := http.NewResponseController(w)
		assert.NoError(t, controller.SetReadDeadline(time.Now().Add(time.Hour)))
		assert.NoError(t, controller.EnableFullDuplex())
		assert.NoError(t, controller.Flush())
	})
	mux.HandleFunc(watchPrices, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if assert.NoError(t, err) {
			hijacked <- true
			assert.NoError(t, conn.Close())
		}
	})
	server := httptest.NewServer(policy.Wrap(mux))
	defer server.Close()
	for _, path := range []string{getProduct, watchPrices} {
		r, err := http.NewRequest(http.MethodPost, server.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("Origin", app)
		if response, err := server.Client().Do(r); err == nil {
			assert.Equal(t, []string{app}, response.Header["Access-Control-Allow-Origin"])
			require.NoError(t, response.Body.Close())
		}
	}
	assert.True(t, <-hijacked)
}

// Errors of all kinds are readable by the page.
func TestWrapMakesErrorsReadable(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	recovering := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}()
			h.ServeHTTP(w, r)
		})
	}
	done := make(chan struct{})
	defer close(done)
	for _, tt := range []struct {
		name   string
		h      http.Handler
		status int
	}{
		{"401", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }), 401},
		{"404", http.NotFoundHandler(), 404},
		{"panic", recovering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })), 500},
		{"timeout", http.TimeoutHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }), time.Nanosecond, ""), 503},
	} {
		got := serve(policy.Wrap(tt.h), newRequest("POST", getProduct, "Origin", app))
		assert.Equal(t, tt.status, got.status, tt.name)
		assert.Equal(t, []string{app}, got.header["Access-Control-Allow-Origin"], tt.name)
		assert.Equal(t, []string{exposedByGetProduct}, got.header["Access-Control-Expose-Headers"], tt.name)
	}
}

func TestWrapPathPrefix(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Resources = map[string]corsrpc.Resource{"/api/": {Origins: []string{"*"}}, "/img/": {Origins: []string{"*"}}}
	policy := newPolicy(t, config)
	for path, want := range map[string]string{
		"/api" + getProduct: app,
		getProduct:          "",
		"/apix":             "",
		"/api/other":        "*",
		"/api/img/":         "*",
		"/img/x":            "*",
	} {
		got := exchange(policy, newRequest("POST", path, "Origin", app))
		assert.True(t, got.ran, path)
		assert.Equal(t, want, got.header.Get("Access-Control-Allow-Origin"), path)
	}
	s := &spy{}
	got := serve(policy.Wrap(http.StripPrefix("/api", s)), newRequest("POST", "/api"+getProduct, "Origin", evil))
	assert.Equal(t, refusal(corsrpc.ReasonOriginNotAllowed), got)
	assert.Zero(t, s.ran)
}

func TestWrapHosts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		hosts        []string
		host, origin string
		ran          bool
	}{
		{"nil: the request's own", nil, "api.example.com", "https://api.example.com", true},
		{"another port is another origin", nil, "api.example.com:8080", "https://api.example.com", false},
		{"default ports", nil, "api.example.com:443", "https://api.example.com", true},
		{"rebound name, nil", nil, "evil.test", "http://evil.test", true},
		{"rebound name, listed hosts", []string{"api.example.com"}, "evil.test", "http://evil.test", false},
		{"listed behind a proxy that changes Host", []string{"api.example.com", "www.example.com:8443"}, "10.0.0.1", "https://www.example.com:8443", true},
		{"empty: none", []string{}, "api.example.com", "https://api.example.com", false},
		{"no host", nil, "", "https://", false},
	} {
		config := shopConfig()
		config.Hosts = tt.hosts
		r := newRequest("POST", getProduct, "Origin", tt.origin)
		r.Host = tt.host
		assert.Equal(t, tt.ran, exchange(newPolicy(t, config), r).ran, tt.name)
	}
}

func TestWrapService(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/ignored"
	policy := newPolicy(t, config)
	s := &spy{}
	path, handler := policy.WrapService("/"+admin+"/", s)
	require.Equal(t, "/"+admin+"/", path)

	call := func(path, origin string) answer {
		before := s.ran
		got := serve(handler, newRequest("POST", path, "Origin", origin, "Sec-Fetch-Site", "cross-site"))
		got.ran = s.ran > before
		return got
	}
	assert.True(t, call(setPrice, console).ran)
	assert.True(t, call(reportProduct, shopper).ran)
	assert.Equal(t, refusal(corsrpc.ReasonOriginNotAllowed), call(setPrice, shopper))
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), call(getProduct, app), "another service behind this mount")
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), call("/healthz", app), "another path behind this mount")
	assert.True(t, serveRan(handler, s, newRequest("POST", setPrice)), "another program")

	var denied []corsrpc.Decision
	config.Except, config.Hosts = []string{admin}, []string{"www.example.com"}
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) { denied = append(denied, d) }
	require.NoError(t, policy.Update(config))
	rebound := newRequest("POST", setPrice, "Origin", "http://api.example.com")
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), serve(handler, rebound), "Hosts hold here too")
	denied = nil
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), call(setPrice, console), "the service is gone")
	assert.Equal(t, []corsrpc.Decision{{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonNotConfigured, Origin: `"` + console + `"`, Detail: "the policy governs no service of this path: see Services and Except"}}, denied)
	assert.Equal(t, refusedPreflight, serve(handler, newPreflight(setPrice, console, "POST")))
	assert.True(t, serveRan(handler, s, newRequest("POST", setPrice)), "another program")
}

// Some generated constructors return the pattern of a procedure, and people
// write methods into patterns.
func TestWrapServicePatterns(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	for _, pattern := range []string{"/" + admin + "/", setPrice, "POST " + setPrice, "POST \t" + setPrice, "POST /" + admin + "/"} {
		s := &spy{}
		path, handler := policy.WrapService(pattern, s)
		assert.Equal(t, pattern, path)
		assert.True(t, serveRan(handler, s, newRequest("POST", setPrice, "Origin", console)), pattern)
		assert.False(t, serveRan(handler, s, newRequest("POST", setPrice, "Origin", evil)), pattern)
		assert.False(t, serveRan(handler, s, newRequest("POST", getProduct, "Origin", app)), "%s: another service", pattern)
		assert.False(t, serveRan(handler, s, newRequest("POST", "/"+admin+"/.."+getProduct, "Origin", evil)), "%s: another spelling", pattern)
		mux := http.NewServeMux()
		mux.Handle(path, handler)
		assert.True(t, serveRan(mux, s, newRequest("POST", setPrice, "Origin", console)), pattern)
	}
	for _, pattern := range []string{"", "/", "POST /", "POST", "/" + admin, "api.example.com/" + admin + "/", "/x/" + admin + "/", "/" + catalog + "/GetProduct/x", "/" + admin + "//"} {
		assert.Panics(t, func() { policy.WrapService(pattern, &spy{}) }, pattern)
	}
	config := shopConfig()
	config.Services = []string{catalog}
	assert.PanicsWithError(t, `corsrpc: WrapService("/acme.shop.v1.AdminService/"): neither Services nor Except names the service: add "acme.shop.v1.AdminService" to Services`, func() {
		newPolicy(t, config).WrapService("/"+admin+"/", &spy{})
	})
	assert.PanicsWithError(t, `corsrpc: WrapService("POST /acme.shop.v1.AdminService/SetPrice"): neither Services nor Except names the service: add "acme.shop.v1.AdminService" to Services`, func() {
		newPolicy(t, config).WrapService("POST "+setPrice, &spy{})
	})
}

func serveRan(h http.Handler, s *spy, r *http.Request) bool {
	before := s.ran
	serve(h, r)
	return s.ran > before
}

func TestWrapServicePanics(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Except = []string{cart}
	policy := newPolicy(t, config)
	for path, message := range map[string]string{
		"/acme.shop.v1.Nothing/": `corsrpc: WrapService("/acme.shop.v1.Nothing/"): the policy governs no service of this name: pass what a generated constructor returns, and make sure that Services includes it`,
		addItem:                  `corsrpc: WrapService("/acme.shop.v1.CartService/AddItem"): the service is in this policy's Except: use the policy that owns it`,
		"/" + cart + "/":         `corsrpc: WrapService("/acme.shop.v1.CartService/"): the service is in this policy's Except: use the policy that owns it`,
		catalog:                  `corsrpc: WrapService("acme.shop.v1.CatalogService"): write the path as generated constructors return it: "/acme.shop.v1.CatalogService/"`,
		"/grpc.health.v1.Health/": `corsrpc: WrapService("/grpc.health.v1.Health/"): this is a service of the RPC frameworks, such as health or reflection, which policies leave alone unless it is named: ` +
			`mount it without WrapService, or add "grpc.health.v1.Health" to Services`,
	} {
		assert.PanicsWithError(t, message, func() { policy.WrapService(path, &spy{}) }, path)
	}
	assert.PanicsWithError(t, `corsrpc: WrapService("/acme.shop.v1.CartService/"): the policy has no Config: make it with New, or call Update first`, func() {
		new(corsrpc.Policy).WrapService("/"+cart+"/", &spy{})
	})
	const nilPolicy = "corsrpc: nil policy: make one with New, and check its error"
	assert.PanicsWithError(t, nilPolicy, func() { (*corsrpc.Policy)(nil).Wrap(&spy{}) })
	assert.PanicsWithError(t, nilPolicy, func() { (*corsrpc.Policy)(nil).WrapService("/"+cart+"/", &spy{}) })
	assert.PanicsWithError(t, "corsrpc: nil handler", func() { policy.Wrap(nil) })
	assert.PanicsWithError(t, "corsrpc: nil handler", func() { policy.WrapService("/"+catalog+"/", nil) })
}

func TestZeroPolicy(t *testing.T) {
	t.Parallel()
	var policy corsrpc.Policy
	for _, path := range []string{getProduct, "/", "/healthz"} {
		assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(&policy, newRequest("POST", path, "Origin", app)), path)
		assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(&policy, newRequest("GET", path, "Sec-Fetch-Site", "cross-site")), path)
		assert.Equal(t, refusedPreflight, exchange(&policy, newPreflight(path, app, "POST")), path)
		assert.True(t, exchange(&policy, newRequest("POST", path)).ran, path)
		assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Allowed: true}, policy.Evaluate(newRequest("POST", path)), path)
		assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonNotConfigured, Origin: `"` + app + `"`, Detail: "neither New nor Update gave the policy a Config"}, policy.Evaluate(newRequest("POST", path, "Origin", app)), path)
		assert.Equal(t, corsrpc.ReasonNotConfigured, policy.Admit(t.Context(), corsrpc.Call{Procedure: path, Header: header("Origin", app)}).Reason)
	}
	assert.Zero(t, policy.Config())
	assert.Empty(t, slices.Collect(policy.Rules()))
	_, ok := policy.Rule(getProduct)
	assert.False(t, ok)
	assert.False(t, policy.Exposes(getProduct, "Grpc-Status"))
	assert.True(t, policy.Exposes(getProduct, "Content-Type"))

	require.NoError(t, policy.Update(shopConfig()))
	assert.True(t, exchange(&policy, newRequest("POST", getProduct, "Origin", app)).ran)
}

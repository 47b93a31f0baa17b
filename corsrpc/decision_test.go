package corsrpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func TestEvaluate(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = map[string]corsrpc.Resource{"/upload/{id}": {Origins: []string{app}}, "/img/": {Origins: []string{"*"}}}
	credentials := config
	credentials.Credentials = true
	credentials.Overrides = map[string]corsrpc.Override{catalog: {Credentials: corsrpc.Off}}
	overridden := config
	overridden.Overrides = map[string]corsrpc.Override{catalog: {Origins: []string{app}}}
	insecure := credentials
	insecure.DangerouslyAllowInsecureOrigins, insecure.Overrides = true, nil
	prefixed := config
	prefixed.PathPrefix = "/api"
	longOrigin := "https://" + strings.Repeat("a.", 122) + "test" // 256 bytes
	acrh := func(names string) []string { return []string{"Access-Control-Request-Headers", names} }
	const q = `"https://app.example.com"`
	tests := []struct {
		name   string
		config corsrpc.Config
		r      *http.Request
		want   corsrpc.Decision
	}{
		{"preflight", config, newPreflight(getProduct, app, "POST", acrh("connect-protocol-version,content-type")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Allowed: true, Procedure: getProduct, Origin: q}},
		{"preflight in no browser's order and case", config, newPreflight(getProduct, app, "GET", append(acrh("X-Grpc-Web ,,\tCONTENT-TYPE,content-type"), acrh("user-agent")...)...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Allowed: true, Procedure: getProduct, Origin: q}},
		{"missing request header", config, newPreflight(getProduct, app, "POST", acrh("content-type,x-tenant-id")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the header is "X-Tenant-Id"`, Fix: `add "X-Tenant-Id" to RequestHeaders`}},
		{"missing request header of a resource", config, newPreflight("/upload/1", app, "GET", acrh("content-type")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: "/upload/{id}", Origin: q, Detail: `the header is "Content-Type"`, Fix: `add "Content-Type" to Resources["/upload/{id}"].RequestHeaders`}},
		{"header that no browser asks for", config, newPreflight(getProduct, app, "POST", acrh("cookie")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the header is "cookie", which no browser asks for`}},
		{"several missing request headers", config, newPreflight(getProduct, app, "POST", append(acrh("x-b,content-type,x-a"), acrh("X-C, x-a")...)...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the headers are "X-B", "X-A", "X-C"`, Fix: `add "X-B", "X-A", "X-C" to RequestHeaders`}},
		{"sixteen missing request headers", config, newPreflight(getProduct, app, "POST", acrh("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q,
				Detail: `the headers are "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P"`,
				Fix:    `add "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P" to RequestHeaders`}},
		{"seventeen missing request headers", config, newPreflight(getProduct, app, "POST", acrh("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: "more than 16 headers are not allowed"}},
		{"a missing request header and one that no browser asks for", config, newPreflight(getProduct, app, "POST", acrh("x-a,sec-x")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the header is "sec-x", which no browser asks for`}},
		{"a missing request header and one that is none", config, newPreflight(getProduct, app, "POST", acrh("x-a,x b")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the header is "x b", which no browser asks for`}},
		{"a missing request header of 256 bytes", config, newPreflight(getProduct, app, "POST", acrh("x"+strings.Repeat("y", 255))...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: `the header is "X` + strings.Repeat("y", 255) + `"`, Fix: `add "X` + strings.Repeat("y", 255) + `" to RequestHeaders`}},
		{"a missing request header of 257 bytes", config, newPreflight(getProduct, app, "POST", acrh("x"+strings.Repeat("y", 256))...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: "a header name is too long"}},
		{"overlong header name", config, newPreflight(getProduct, app, "POST", acrh(strings.Repeat("x", 300))...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: "a header name is too long"}},
		{"overlong header list", config, newPreflight(getProduct, app, "POST", acrh(strings.Repeat("content-type,", 1<<16))...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeaderNotAllowed, Procedure: getProduct, Origin: q, Detail: "Access-Control-Request-Headers is longer than the list of all headers that are allowed"}},
		{"malformed header list", config, newPreflight(getProduct, app, "POST", acrh("content-type,(\n\xff")...),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.HeadersMalformed, Procedure: getProduct, Origin: q, Detail: `"(\n\xff" is no header name`}},
		{"method of a procedure", config, newPreflight(getProduct, app, "DELETE"),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.MethodNotAllowed, Procedure: getProduct, Origin: q, Detail: `the method is "DELETE"`}},
		{"method of a resource", config, newPreflight("/upload/1", app, "PUT"),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.MethodNotAllowed, Procedure: "/upload/{id}", Origin: q, Detail: `the method is "PUT"`, Fix: `add "PUT" to Resources["/upload/{id}"].Methods`}},
		{"methods are case-sensitive", config, newPreflight("/upload/1", app, "patch"),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.MethodNotAllowed, Procedure: "/upload/{id}", Origin: q, Detail: `the method is "patch": browsers leave it as the script has it, so write PATCH there`}},
		{"malformed method", config, newPreflight("/upload/1", app, "P T"),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 204, Reason: corsrpc.MethodNotAllowed, Procedure: "/upload/{id}", Origin: q, Detail: `the method is "P T"`}},
		{"unlisted origin", config, newPreflight(getProduct, evil, "POST"),
			corsrpc.Decision{Kind: corsrpc.Preflight, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"unlisted origin for an audience", config, newRequest("POST", addItem, "Origin", app),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: addItem, Origin: q, Fix: `add "https://app.example.com" to Audiences["storefront"]`}},
		{"opaque origin", config, newRequest("POST", getProduct, "Origin", "null"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"null"`, Detail: "the origin stands for every sandboxed frame and every local file of every site alike, so it cannot be listed; serve the page from an https origin"}},
		{"pattern as an origin", config, newRequest("POST", getProduct, "Origin", "https://*.example.com"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://*.example.com"`, Detail: "the origin is a pattern, which no browser sends"}},
		{"plain HTTP where credentials are on", credentials, newRequest("POST", addItem, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: addItem, Origin: `"http://shop.example.com"`, Detail: "the page came over plain HTTP and the path has credentials; serve it over https"}},
		{"plain HTTP where credentials are off", config, newRequest("POST", getProduct, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"http://shop.example.com"`, Fix: `add "http://shop.example.com" to Origins`}},
		{"an origin of 256 bytes", config, newRequest("POST", getProduct, "Origin", longOrigin),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"` + longOrigin + `"`, Fix: `add "` + longOrigin + `" to Origins`}},
		{"an origin of 257 bytes", config, newRequest("POST", getProduct, "Origin", longOrigin+"x"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"` + longOrigin + `"...`, Detail: "the origin is too long"}},
		{"TLS where credentials are on", credentials, newRequest("POST", addItem, "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: addItem, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Audiences["storefront"]`}},
		{"plain HTTP where credentials are on and may be", insecure, newRequest("POST", getProduct, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"http://shop.example.com"`, Fix: `add "http://shop.example.com" to Origins`}},
		{"overlong origin", config, newRequest("POST", getProduct, "Origin", strings.Repeat("x", 1<<20)),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"` + strings.Repeat("x", 256) + `"...`, Detail: "the origin is too long"}},
		{"many origins", config, newRequest("POST", getProduct, "Origin", "a", "Origin", "b", "Origin", "c", "Origin", "d"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginMalformed, Procedure: getProduct, Origin: `"a", "b", "c", ...`}},
		{"image", config, newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginMissing, Procedure: getProduct, Detail: `Sec-Fetch-Site is "cross-site": an image, script, frame, form or navigation of another site; pages call with fetch`}},
		{"image that is a resource", config, newRequest("GET", "/img/x", "Sec-Fetch-Site", "cross-site"),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: "/img/"}},
		{"unreadable resource", config, newRequest("GET", "/upload/1", "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.OriginNotAllowed, Procedure: "/upload/{id}", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Resources["/upload/{id}"].Origins`}},
		{"form for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: "/upload/{id}", Origin: `"https://evil.test"`}},
		{"beacon for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: "/upload/{id}", Origin: `"https://evil.test"`}},
		{"script for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.OriginNotAllowed, Procedure: "/upload/{id}", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Resources["/upload/{id}"].Origins`}},
		{"form for a procedure", config, newRequest("POST", getProduct, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"internal", config, newRequest("POST", purgeCarts, "Origin", app),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.InternalMethod, Procedure: purgeCarts, Origin: q}},
		{"unknown method beside an internal one", config, newRequest("POST", "/"+cart+"/Newer", "Origin", shopper),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.InternalMethod, Procedure: "/" + cart + "/", Origin: `"` + shopper + `"`,
				Detail: "no method of this name is known, and one of the service's is ACCESS_INTERNAL"}},
		{"cookies without the permission", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: getProduct, Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: "set Credentials, or have the page call without credentials"}},
		{"cookies without the permission, by an override", credentials, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: getProduct, Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: `set Overrides["acme.shop.v1.CatalogService"].Credentials, or have the page call without credentials`}},
		{"cookies without the permission, beside an override of something else", overridden, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: getProduct, Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: "set Credentials, or have the page call without credentials"}},
		{"cookies without the permission, of an unknown method", config, newRequest("POST", "/"+catalog+"/Newer", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: "/" + catalog + "/", Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: "set Credentials, or have the page call without credentials"}},
		{"unlisted origin for an unknown method", config, newRequest("POST", "/"+catalog+"/Newer", "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: "/" + catalog + "/", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"cookies without the permission, for a resource", config, newRequest("GET", "/upload/1", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: "/upload/{id}", Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: `set Resources["/upload/{id}"].Credentials, or have the page call without credentials`}},
		{"cookies where any origin may read", config, newRequest("GET", "/img/x", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: "/img/", Origin: q, Detail: "the call has cookies, so the page made it with credentials"}},
		{"cookies with the permission", credentials, newRequest("POST", addItem, "Origin", shopper, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: addItem, Origin: `"https://shop.example.com"`}},
		{"cookies of a form, which needs no permission", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: getProduct, Origin: q}},
		{"cookies of a script", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Mode", "cors"),
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: getProduct, Origin: q, Detail: "the call has cookies, so the page made it with credentials", Fix: "set Credentials, or have the page call without credentials"}},
		{"origin with user information", config, newRequest("POST", getProduct, "Origin", "https://app@evil.test"),
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://app@evil.test"`, Detail: "the origin has user information, which no origin has"}},
		{"cookies of the own page", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Site", "same-origin"),
			corsrpc.Decision{Kind: corsrpc.SameOrigin, Allowed: true, Procedure: getProduct, Origin: q}},
		{"unknown method", config, newRequest("POST", "/"+catalog+"/New\r\ner", "Origin", app),
			corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: "/" + catalog + "/", Origin: q}},
		{"no browser", config, newRequest("POST", getProduct), corsrpc.Decision{Kind: corsrpc.NonBrowser, Allowed: true, Procedure: getProduct}},
		{"ungoverned, no browser", config, newRequest("POST", "/x"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Allowed: true}},
		{"ungoverned, same origin", config, newRequest("POST", "/x", "Origin", "https://api.example.com"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Allowed: true}},
		{"ungoverned, cross-origin", config, newRequest("POST", "/x", "Origin", app), corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.NoRule, Origin: q}},
		{"ungoverned, no path", config, newRequest("OPTIONS", "", "Origin", app), corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.NoRule, Origin: q}},
		{"ungoverned, a path that begins in no slash", config, newPreflight("a/b", app, "POST"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.NoRule, Origin: q}},
		{"ungoverned image", config, newRequest("GET", "/x", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Allowed: true}},
		{"ungoverned form", config, newRequest("POST", "/x", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Allowed: true}},
		{"ungoverned preflight", config, newPreflight("/x", app, "POST"), corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.NoRule, Origin: q}},
		{"below another prefix", config, newPreflight("/v1/\xff\n"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/v1/\xff\n", the policy expects it below ""`}},
		{"below a prefix that could be set", config, newPreflight("/v1/\xff"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/v1/\xff", the policy expects it below ""`, Fix: `set PathPrefix to "/v1/\xff"`}},
		{"at the root, not below the prefix", prefixed, newPreflight(getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "", the policy expects it below "/api"`, Fix: `set PathPrefix to ""`}},
		{"below a prefix of 256 bytes", config, newPreflight("/"+strings.Repeat("v", 255)+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/` + strings.Repeat("v", 255) + `", the policy expects it below ""`, Fix: `set PathPrefix to "/` + strings.Repeat("v", 255) + `"`}},
		{"below a prefix that is too long to show", config, newPreflight("/"+strings.Repeat("v", 256)+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/` + strings.Repeat("v", 255) + `"..., the policy expects it below ""`}},
		{"below what is no prefix", config, newPreflight("/"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.WrongPathPrefix, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/", the policy expects it below ""`}},
		{"HTTP/2 preface", config, newRequest("PRI", "*"), corsrpc.Decision{Kind: corsrpc.NonBrowser, Status: 403, Reason: corsrpc.HTTP2Preface}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var denied []corsrpc.Decision
			tt.config.OnDenied = func(_ context.Context, d corsrpc.Decision) { denied = append(denied, d) }
			policy := newPolicy(t, tt.config)
			assert.Equal(t, tt.want, policy.Evaluate(tt.r))
			assert.Empty(t, denied, "Evaluate has no side effect")

			exchange(policy, tt.r)
			if tt.want.Allowed || tt.want.Reason == corsrpc.NoRule {
				assert.Empty(t, denied)
			} else {
				assert.Equal(t, []corsrpc.Decision{tt.want}, denied, "OnDenied gets what Evaluate says, once")
			}
		})
	}
}

// Only preflights are reported as misplaced: other requests below a prefix may
// be anything.
func TestMisplacedCallsAreNotReported(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.OnDenied = func(_ context.Context, d corsrpc.Decision) { t.Errorf("reported %+v", d) }
	policy := newPolicy(t, config)
	assert.True(t, exchange(policy, newRequest("POST", "/v1"+getProduct, "Origin", app)).ran)
	assert.True(t, exchange(policy, newPreflight("/v1/other/Thing", app, "POST")).ran)
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Except = []string{admin}
	var denied []corsrpc.Decision
	type key struct{}
	config.OnDenied = func(ctx context.Context, d corsrpc.Decision) {
		assert.Equal(t, "value", ctx.Value(key{}))
		denied = append(denied, d)
	}
	policy := newPolicy(t, config)
	ctx := context.WithValue(t.Context(), key{}, "value")
	for _, tt := range []struct {
		name string
		call corsrpc.Call
		want corsrpc.Decision
	}{
		{"permitted", corsrpc.Call{Procedure: getProduct, Method: "POST", Header: header("Origin", app)}, corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: getProduct}},
		{"no header at all", corsrpc.Call{Procedure: getProduct}, corsrpc.Decision{Kind: corsrpc.NonBrowser, Allowed: true, Procedure: getProduct}},
		{"own host", corsrpc.Call{Procedure: getProduct, Host: "a.test", Header: header("Origin", "https://a.test")}, corsrpc.Decision{Kind: corsrpc.SameOrigin, Allowed: true, Procedure: getProduct}},
		{"host unknown", corsrpc.Call{Procedure: getProduct, Header: header("Origin", "https://a.test")},
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://a.test"`, Fix: `add "https://a.test" to Origins`}},
		{"never a preflight", corsrpc.Call{Procedure: getProduct, Method: "OPTIONS", Header: header("Origin", evil, "Access-Control-Request-Method", "POST")},
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"navigation", corsrpc.Call{Procedure: getProduct, Method: "GET", Header: header("Sec-Fetch-Site", "same-site")},
			corsrpc.Decision{Kind: corsrpc.Cross, Status: 403, Reason: corsrpc.OriginMissing, Procedure: getProduct, Detail: `Sec-Fetch-Site is "same-site": an image, script, frame, form or navigation of another site; pages call with fetch`}},
		{"internal", corsrpc.Call{Procedure: reserveStock, Header: header("Sec-Fetch-Site", "same-origin")},
			corsrpc.Decision{Kind: corsrpc.SameOrigin, Status: 403, Reason: corsrpc.InternalMethod, Procedure: reserveStock}},
		{"unknown method", corsrpc.Call{Procedure: "/" + catalog + "/Newer", Header: header("Origin", app)}, corsrpc.Decision{Kind: corsrpc.Cross, Allowed: true, Procedure: "/" + catalog + "/"}},
		{"cookies without the permission: the call goes on", corsrpc.Call{Procedure: getProduct, Header: header("Origin", app, "Cookie", "a=b")},
			corsrpc.Decision{Kind: corsrpc.Cross, Reason: corsrpc.CredentialsNotAllowed, Procedure: getProduct, Origin: `"https://app.example.com"`, Detail: "the call has cookies, so the page made it with credentials", Fix: "set Credentials, or have the page call without credentials"}},
	} {
		denied = nil
		assert.Equal(t, tt.want, policy.Admit(ctx, tt.call), tt.name)
		if tt.want.Allowed {
			assert.Empty(t, denied, tt.name)
		} else {
			assert.Equal(t, []corsrpc.Decision{tt.want}, denied, tt.name)
		}
	}
	denied = nil
	assert.Equal(t, corsrpc.Decision{Kind: corsrpc.Ungoverned, Reason: corsrpc.NoRule, Origin: `"https://evil.test"`}, policy.Admit(ctx, corsrpc.Call{Procedure: setPrice, Header: header("Origin", evil)}))
	assert.Equal(t, corsrpc.Decision{Kind: corsrpc.Ungoverned, Allowed: true}, policy.Admit(ctx, corsrpc.Call{Procedure: setPrice}))
	assert.Empty(t, denied, "another policy's affair")
}

func TestOnDeniedOfReportOnly(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.ReportOnly = true
	var denied []corsrpc.Decision
	config.OnDenied = func(_ context.Context, d corsrpc.Decision) { denied = append(denied, d) }
	assert.True(t, exchange(newPolicy(t, config), newRequest("POST", getProduct, "Origin", evil)).ran)
	assert.Equal(t, []corsrpc.Decision{{Kind: corsrpc.Cross, Reason: corsrpc.OriginNotAllowed, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}}, denied)
}

func TestLogDenied(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	config := shopConfig()
	config.OnDenied = corsrpc.LogDenied(slog.New(slog.NewJSONHandler(&log, nil)))
	policy := newPolicy(t, config)
	exchange(policy, newRequest("POST", getProduct, "Origin", "https://evil.test\r\nX: \x00\u202e"))
	var record map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &record))
	delete(record, "time")
	assert.Equal(t, map[string]any{
		"level": "WARN", "msg": "cross-origin request not allowed",
		"kind": "Cross", "reason": "origin not allowed", "status": 403.0, "procedure": getProduct,
		"origin": `"https://evil.test\r\nX: \x00\u202e"`, "detail": "the origin contains white space or a control character, which no origin has", "fix": "", "suppressed": 0.0,
	}, record)

	log.Reset()
	exchange(policy, newRequest("POST", getProduct, "Origin", "https://a=b c.test"))
	assert.Contains(t, log.String(), `"origin":"https://a=b c.test"`, "quoted once")
	log.Reset()
	exchange(policy, newRequest("POST", getProduct, "Origin", `https://"x`))
	assert.Contains(t, log.String(), `"origin":"\"https://\\\"x\""`, "escaped before it is quoted")

	log.Reset()
	for range 10_000 {
		exchange(policy, newRequest("POST", getProduct, "Origin", strings.Repeat("\x00", 1<<10)))
	}
	assert.LessOrEqual(t, strings.Count(log.String(), "\n"), 19+60, "a burst, and one a second")
	assert.Less(t, log.Len(), 79*2048)
}

// A nil logger is slog's default one at the time of each call. The test runs
// alone, as others log nothing meanwhile.
func TestLogDeniedWithoutLogger(t *testing.T) {
	log := corsrpc.LogDenied(nil)
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	var text bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	log(t.Context(), corsrpc.Decision{Procedure: getProduct})
	assert.Contains(t, text.String(), "procedure="+getProduct)
}

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
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Status: 204, Allowed: true, Path: getProduct, Procedure: getProduct, Origin: q}},
		{"preflight in an order and case that no browser sends", config, newPreflight(getProduct, app, "GET", append(acrh("X-Grpc-Web ,,\tCONTENT-TYPE,content-type"), acrh("user-agent")...)...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Status: 204, Allowed: true, Path: getProduct, Procedure: getProduct, Origin: q}},
		{"missing request header", config, newPreflight(getProduct, app, "POST", acrh("content-type,x-tenant-id")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the header is "X-Tenant-Id"`, Fix: `add "X-Tenant-Id" to RequestHeaders`}},
		{"missing request header of a resource", config, newPreflight("/upload/1", app, "GET", acrh("content-type")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: "/upload/{id}", Origin: q, Detail: `the header is "Content-Type"`, Fix: `add "Content-Type" to Resources["/upload/{id}"].RequestHeaders`}},
		{"header that no browser asks for", config, newPreflight(getProduct, app, "POST", acrh("cookie")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the header is "cookie", which no browser asks for`}},
		{"several missing request headers", config, newPreflight(getProduct, app, "POST", append(acrh("x-b,content-type,x-a"), acrh("X-C, x-a")...)...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the headers are "X-B", "X-A", "X-C"`, Fix: `add "X-B", "X-A", "X-C" to RequestHeaders`}},
		{"sixteen missing request headers", config, newPreflight(getProduct, app, "POST", acrh("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the headers are "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P"`, Fix: `add "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P" to RequestHeaders`}},
		{"seventeen missing request headers", config, newPreflight(getProduct, app, "POST", acrh("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "more than 16 headers are not allowed"}},
		{"a missing request header and one that no browser asks for", config, newPreflight(getProduct, app, "POST", acrh("x-a,sec-x")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the header is "sec-x", which no browser asks for`}},
		{"a missing request header and one that is malformed", config, newPreflight(getProduct, app, "POST", acrh("x-a,x b")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the header is "x b", which no browser asks for`}},
		{"a missing request header of 256 bytes", config, newPreflight(getProduct, app, "POST", acrh("x"+strings.Repeat("y", 255))...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the header is "X` + strings.Repeat("y", 255) + `"`, Fix: `add "X` + strings.Repeat("y", 255) + `" to RequestHeaders`}},
		{"a missing request header of 257 bytes", config, newPreflight(getProduct, app, "POST", acrh("x"+strings.Repeat("y", 256))...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "a header name is too long"}},
		{"overlong header name", config, newPreflight(getProduct, app, "POST", acrh(strings.Repeat("x", 300))...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "a header name is too long"}},
		{"overlong header list", config, newPreflight(getProduct, app, "POST", acrh(strings.Repeat("content-type,", 1<<16))...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeaderNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "Access-Control-Request-Headers is longer than the list of all headers that are allowed"}},
		{"malformed header list", config, newPreflight(getProduct, app, "POST", acrh("content-type,(\n\xff")...),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonHeadersMalformed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `"(\n\xff" is not a valid header name`}},
		{"method of a procedure", config, newPreflight(getProduct, app, "DELETE"),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonMethodNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the method is "DELETE"`}},
		{"method of a resource", config, newPreflight("/upload/1", app, "PUT"),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonMethodNotAllowed, Path: "/upload/{id}", Origin: q, Detail: `the method is "PUT"`, Fix: `add "PUT" to Resources["/upload/{id}"].Methods`}},
		{"methods are case-sensitive", config, newPreflight("/upload/1", app, "patch"),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonMethodNotAllowed, Path: "/upload/{id}", Origin: q, Detail: `the method is "patch": browsers leave it as the script has it, so write PATCH there`}},
		{"malformed method", config, newPreflight("/upload/1", app, "P T"),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeBlocked, Status: 204, Reason: corsrpc.ReasonMethodNotAllowed, Path: "/upload/{id}", Origin: q, Detail: `the method is "P T"`}},
		{"unlisted origin", config, newPreflight(getProduct, evil, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindPreflight, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"unlisted origin for an audience", config, newRequest("POST", addItem, "Origin", app),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: addItem, Procedure: addItem, Origin: q, Fix: `add "https://app.example.com" to Audiences["storefront"]`}},
		{"opaque origin", config, newRequest("POST", getProduct, "Origin", "null"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"null"`, Detail: "null is the origin of every sandboxed frame and every local file, whatever the site, so it cannot be listed: serve the page from an https origin"}},
		{"pattern as an origin", config, newRequest("POST", getProduct, "Origin", "https://*.example.com"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"https://*.example.com"`, Detail: "the origin is a pattern, which no browser sends"}},
		{"plain HTTP where credentials are on", credentials, newRequest("POST", addItem, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: addItem, Procedure: addItem, Origin: `"http://shop.example.com"`, Detail: "the page came over plain HTTP and the path has credentials: serve the page over https"}},
		{"plain HTTP where credentials are off", config, newRequest("POST", getProduct, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"http://shop.example.com"`, Fix: `add "http://shop.example.com" to Origins`}},
		{"an origin of 256 bytes", config, newRequest("POST", getProduct, "Origin", longOrigin),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"` + longOrigin + `"`, Fix: `add "` + longOrigin + `" to Origins`}},
		{"an origin of 257 bytes", config, newRequest("POST", getProduct, "Origin", longOrigin+"x"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"` + longOrigin + `"...`, Detail: "the origin is too long"}},
		{"TLS where credentials are on", credentials, newRequest("POST", addItem, "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: addItem, Procedure: addItem, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Audiences["storefront"]`}},
		{"plain HTTP where credentials are on and may be", insecure, newRequest("POST", getProduct, "Origin", "http://shop.example.com"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"http://shop.example.com"`, Fix: `add "http://shop.example.com" to Origins`}},
		{"overlong origin", config, newRequest("POST", getProduct, "Origin", strings.Repeat("x", 1<<20)),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"` + strings.Repeat("x", 256) + `"...`, Detail: "the origin is too long"}},
		{"many origins", config, newRequest("POST", getProduct, "Origin", "a", "Origin", "b", "Origin", "c", "Origin", "d"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginMalformed, Path: getProduct, Procedure: getProduct, Origin: `"a", "b", "c", ...`}},
		{"image", config, newRequest("GET", getProduct, "Sec-Fetch-Site", "cross-site"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginMissing, Path: getProduct, Procedure: getProduct, Detail: `Sec-Fetch-Site is "cross-site": an image, script, frame, form or navigation of another site; pages call with fetch`}},
		{"image that is a resource", config, newRequest("GET", "/img/x", "Sec-Fetch-Site", "cross-site"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/img/"}},
		{"unreadable resource", config, newRequest("GET", "/upload/1", "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/upload/{id}", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Resources["/upload/{id}"].Origins`}},
		{"form for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/upload/{id}", Origin: `"https://evil.test"`}},
		{"beacon for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/upload/{id}", Origin: `"https://evil.test"`}},
		{"script for a resource", config, newRequest("POST", "/upload/1", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/upload/{id}", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Resources["/upload/{id}"].Origins`}},
		{"form for a procedure", config, newRequest("POST", getProduct, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"internal", config, newRequest("POST", purgeCarts, "Origin", app),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonInternalMethod, Path: purgeCarts, Procedure: purgeCarts, Origin: q}},
		{"unknown method beside an internal one", config, newRequest("POST", "/"+cart+"/Newer", "Origin", shopper),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonInternalMethod, Path: "/" + cart + "/", Procedure: "/" + cart + "/", Origin: `"` + shopper + `"`, Detail: "no method of this name is known, and one of the service's methods is internal"}},
		{"cookies without the permission", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
		{"cookies without the permission, by an override", credentials, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: `set Overrides["acme.shop.v1.CatalogService"].Credentials, or let the page call without credentials`}},
		{"cookies without the permission, beside an override of something else", overridden, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
		{"cookies without the permission, of an unknown method", config, newRequest("POST", "/"+catalog+"/Newer", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: "/" + catalog + "/", Procedure: "/" + catalog + "/", Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
		{"unlisted origin for an unknown method", config, newRequest("POST", "/"+catalog+"/Newer", "Origin", evil),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/" + catalog + "/", Procedure: "/" + catalog + "/", Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"cookies without the permission, for a resource", config, newRequest("GET", "/upload/1", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: "/upload/{id}", Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: `set Resources["/upload/{id}"].Credentials, or let the page call without credentials`}},
		{"cookies where any origin may read", config, newRequest("GET", "/img/x", "Origin", app, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: "/img/", Origin: q, Detail: `the request has cookies, so the page made it with credentials, which "*" cannot allow: list the origins, or let the page call without credentials`}},
		{"cookies with the permission", credentials, newRequest("POST", addItem, "Origin", shopper, "Cookie", "session=1"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: addItem, Procedure: addItem, Origin: `"https://shop.example.com"`}},
		{"cookies of a form", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Mode", "navigate"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
		{"cookies of a script", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Mode", "cors"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: getProduct, Procedure: getProduct, Origin: q, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
		{"origin with user information", config, newRequest("POST", getProduct, "Origin", "https://app@evil.test"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"https://app@evil.test"`, Detail: "the origin has user information, which no origin has"}},
		{"cookies of the server's own page", config, newRequest("POST", getProduct, "Origin", app, "Cookie", "session=1", "Sec-Fetch-Site", "same-origin"),
			corsrpc.Decision{Kind: corsrpc.KindSameOrigin, Allowed: true, Path: getProduct, Procedure: getProduct, Origin: q}},
		{"unknown method", config, newRequest("POST", "/"+catalog+"/New\r\ner", "Origin", app),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/" + catalog + "/", Procedure: "/" + catalog + "/", Origin: q}},
		{"a program", config, newRequest("POST", getProduct), corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Allowed: true, Path: getProduct, Procedure: getProduct}},
		{"ungoverned, a program", config, newRequest("POST", "/x"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true}},
		{"ungoverned, same origin", config, newRequest("POST", "/x", "Origin", "https://api.example.com"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true, Origin: `"https://api.example.com"`}},
		{"ungoverned, cross-origin", config, newRequest("POST", "/x", "Origin", app), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonNoRule, Origin: q}},
		{"ungoverned, no path", config, newRequest("OPTIONS", "", "Origin", app), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonNoRule, Origin: q}},
		{"ungoverned, a path that does not begin with a slash", config, newPreflight("a/b", app, "POST"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonNoRule, Origin: q}},
		{"ungoverned image", config, newRequest("GET", "/x", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true}},
		{"ungoverned form", config, newRequest("POST", "/x", "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true, Origin: `"https://evil.test"`}},
		{"ungoverned preflight", config, newPreflight("/x", app, "POST"), corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonNoRule, Origin: q}},
		{"below another prefix", config, newPreflight("/v1/\xff\n"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/v1/\xff\n", and the policy expects it below ""`}},
		{"below a prefix that could be set", config, newPreflight("/v1/\xff"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/v1/\xff", and the policy expects it below ""`, Fix: `set PathPrefix to "/v1/\xff"`}},
		{"at the root, not below the prefix", prefixed, newPreflight(getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: "/api" + getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "", and the policy expects it below "/api"`, Fix: `set PathPrefix to ""`}},
		{"below a prefix of 256 bytes", config, newPreflight("/"+strings.Repeat("v", 255)+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/` + strings.Repeat("v", 255) + `", and the policy expects it below ""`, Fix: `set PathPrefix to "/` + strings.Repeat("v", 255) + `"`}},
		{"below a prefix that is too long to show", config, newPreflight("/"+strings.Repeat("v", 256)+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/` + strings.Repeat("v", 255) + `"..., and the policy expects it below ""`}},
		{"below what cannot be a prefix", config, newPreflight("/"+getProduct, app, "POST"),
			corsrpc.Decision{Kind: corsrpc.KindUngoverned, Outcome: corsrpc.OutcomeBlocked, Reason: corsrpc.ReasonWrongPathPrefix, Path: getProduct, Procedure: getProduct, Origin: q, Detail: `the procedure is below "/", and the policy expects it below ""`}},
		{"HTTP/2 preface", config, newRequest("PRI", "*"), corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonHTTP2Preface}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var reported []corsrpc.Decision
			tt.config.OnDecision = func(_ context.Context, d corsrpc.Decision) { reported = append(reported, d) }
			policy := newPolicy(t, tt.config)
			assert.Equal(t, tt.want, policy.Evaluate(tt.r))
			assert.Empty(t, reported, "Evaluate has no side effect")

			exchange(policy, tt.r)
			assert.Equal(t, hooked(tt.r, tt.want), reported, "OnDecision gets what Evaluate returns, once")
		})
	}
}

// hooked returns the calls of OnDecision for a request with this Decision, as
// Config.OnDecision words them.
func hooked(r *http.Request, d corsrpc.Decision) []corsrpc.Decision {
	governed := d.Kind != corsrpc.KindUngoverned
	marked := len(r.Header["Origin"]) > 0 || len(r.Header["Sec-Fetch-Site"]) > 0
	preflight := r.Method == "OPTIONS" && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
	switch {
	case d.Outcome == corsrpc.OutcomeRefused:
	case governed && marked:
	case d.Outcome == corsrpc.OutcomeReported:
	case d.Reason == corsrpc.ReasonWrongPathPrefix && preflight:
	default:
		return nil
	}
	if d.Outcome == corsrpc.OutcomeAllowed {
		d.Origin, d.Detail, d.Fix = "", "", ""
	}
	return []corsrpc.Decision{d}
}

// Only preflights are reported as misplaced: other requests below a prefix may
// be anything.
func TestMisplacedCallsAreNotReported(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) { t.Errorf("reported %+v", d) }
	policy := newPolicy(t, config)
	assert.True(t, exchange(policy, newRequest("POST", "/v1"+getProduct, "Origin", app)).ran)
	assert.True(t, exchange(policy, newPreflight("/v1/other/Thing", app, "POST")).ran)
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Except = []string{admin}
	var reported []corsrpc.Decision
	type key struct{}
	config.OnDecision = func(ctx context.Context, d corsrpc.Decision) {
		assert.Equal(t, "value", ctx.Value(key{}))
		reported = append(reported, d)
	}
	policy := newPolicy(t, config)
	ctx := context.WithValue(t.Context(), key{}, "value")
	for _, tt := range []struct {
		name string
		call corsrpc.Call
		want corsrpc.Decision
	}{
		{"permitted", corsrpc.Call{Procedure: getProduct, Header: header("Origin", app)}, corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/api" + getProduct, Procedure: getProduct}},
		{"no header at all", corsrpc.Call{Procedure: getProduct}, corsrpc.Decision{Kind: corsrpc.KindNonBrowser, Allowed: true, Path: "/api" + getProduct, Procedure: getProduct}},
		{"the server's own host", corsrpc.Call{Procedure: getProduct, Host: "a.test", Header: header("Origin", "https://a.test")}, corsrpc.Decision{Kind: corsrpc.KindSameOrigin, Allowed: true, Path: "/api" + getProduct, Procedure: getProduct}},
		{"host unknown", corsrpc.Call{Procedure: getProduct, Header: header("Origin", "https://a.test")},
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/api" + getProduct, Procedure: getProduct, Origin: `"https://a.test"`, Fix: `add "https://a.test" to Origins`}},
		{"never a preflight", corsrpc.Call{Procedure: getProduct, Header: header("Origin", evil, "Access-Control-Request-Method", "POST")},
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/api" + getProduct, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}},
		{"navigation", corsrpc.Call{Procedure: getProduct, Header: header("Sec-Fetch-Site", "same-site")},
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginMissing, Path: "/api" + getProduct, Procedure: getProduct, Detail: `Sec-Fetch-Site is "same-site": an image, script, frame, form or navigation of another site; pages call with fetch`}},
		{"internal", corsrpc.Call{Procedure: reserveStock, Header: header("Sec-Fetch-Site", "same-origin")},
			corsrpc.Decision{Kind: corsrpc.KindSameOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonInternalMethod, Path: "/api" + reserveStock, Procedure: reserveStock}},
		{"unknown method", corsrpc.Call{Procedure: "/" + catalog + "/Newer", Header: header("Origin", app)}, corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Allowed: true, Path: "/api/" + catalog + "/", Procedure: "/" + catalog + "/"}},
		{"cookies, credentials off", corsrpc.Call{Procedure: getProduct, Header: header("Origin", app, "Cookie", "a=b")},
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: "/api" + getProduct, Procedure: getProduct, Origin: `"https://app.example.com"`, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts", Fix: "set Credentials, or let the page call without credentials"}},
	} {
		reported = nil
		assert.Equal(t, tt.want, policy.Admit(ctx, tt.call), tt.name)
		if len(tt.call.Header) == 0 {
			assert.Empty(t, reported, tt.name)
		} else {
			assert.Equal(t, []corsrpc.Decision{tt.want}, reported, tt.name)
		}
	}
	reported = nil
	assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true}, policy.Admit(ctx, corsrpc.Call{Procedure: setPrice, Header: header("Origin", evil)}))
	assert.Equal(t, corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true}, policy.Admit(ctx, corsrpc.Call{Procedure: setPrice}))
	assert.Empty(t, reported, "another policy's concern")
}

func TestReportOnlyIsReported(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.ReportOnly = true
	var denied []corsrpc.Decision
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) { denied = append(denied, d) }
	assert.True(t, exchange(newPolicy(t, config), newRequest("POST", getProduct, "Origin", evil)).ran)
	assert.Equal(t, []corsrpc.Decision{{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeReported, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Procedure: getProduct, Origin: `"https://evil.test"`, Fix: `add "https://evil.test" to Origins`}}, denied)
}

func TestLogDenied(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	config := shopConfig()
	config.OnDecision = corsrpc.LogDenied(slog.New(slog.NewJSONHandler(&log, nil)))
	policy := newPolicy(t, config)
	exchange(policy, newRequest("POST", getProduct, "Origin", "https://evil.test\r\nX: \x00\u202e"))
	var record map[string]any
	require.NoError(t, json.Unmarshal([]byte(log.take()), &record))
	delete(record, "time")
	assert.Equal(t, map[string]any{
		"level": "WARN", "msg": "cross-origin request not allowed",
		"kind": "cross_origin", "outcome": "refused", "reason": "origin not allowed", "status": 403.0, "path": getProduct, "procedure": getProduct,
		"origin": `"https://evil.test\r\nX: \x00\u202e"`, "detail": "the origin contains white space or a control character, which no origin has", "fix": "",
	}, record)

	exchange(policy, newRequest("POST", getProduct, "Origin", "https://a=b c.test"))
	assert.Contains(t, log.take(), `"origin":"https://a=b c.test"`, "quoted once")
	exchange(policy, newRequest("POST", getProduct, "Origin", `https://"x`))
	assert.Contains(t, log.take(), `"origin":"\"https://\\\"x\""`, "escaped before it is quoted")

	for range 10_000 {
		exchange(policy, newRequest("POST", getProduct, "Origin", strings.Repeat("\x00", 1<<10)))
	}
	flood := log.take()
	assert.LessOrEqual(t, strings.Count(flood, "\n"), 19+60, "a burst, and one a second")
	assert.Less(t, len(flood), 79*2048)
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

func TestJoinHooks(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	var calls []string
	hook := func(name string) func(context.Context, corsrpc.Decision) {
		return func(ctx context.Context, d corsrpc.Decision) {
			assert.Equal(t, "value", ctx.Value(key{}))
			calls = append(calls, name+" "+d.Procedure)
		}
	}
	d := corsrpc.Decision{Procedure: getProduct}
	for _, tt := range []struct {
		hooks []func(context.Context, corsrpc.Decision)
		want  []string
	}{
		{nil, nil},
		{[]func(context.Context, corsrpc.Decision){nil, nil}, nil},
		{[]func(context.Context, corsrpc.Decision){hook("a")}, []string{"a " + getProduct}},
		{[]func(context.Context, corsrpc.Decision){nil, hook("a"), nil}, []string{"a " + getProduct}},
		{[]func(context.Context, corsrpc.Decision){hook("a"), nil, hook("b"), hook("a")}, []string{"a " + getProduct, "b " + getProduct, "a " + getProduct}},
	} {
		calls = nil
		joined := corsrpc.JoinHooks(tt.hooks...)
		joined(ctx, d)
		assert.Equal(t, tt.want, calls)
	}
	hooks := []func(context.Context, corsrpc.Decision){hook("a"), hook("b")}
	joined := corsrpc.JoinHooks(hooks...)
	hooks[0], calls = hook("c"), nil
	joined(ctx, d)
	assert.Equal(t, []string{"a " + getProduct, "b " + getProduct}, calls, "changing the slice later changes nothing")
}

// A Decision in a log has the fields that are not empty, under stable names.
func TestDecisionLogValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		d    corsrpc.Decision
		want string
	}{
		{"zero", corsrpc.Decision{}, `{"kind": "ungoverned", "outcome": "allowed", "reason": "ok", "status": 0}`},
		{"full", newPolicy(t, shopConfig()).Evaluate(newRequest("POST", "/docs"+getProduct, "Origin", evil)), `{
			"kind": "cross_origin", "outcome": "refused", "reason": "origin_not_allowed", "status": 403,
			"path": "/acme.shop.v1.CatalogService/GetProduct", "procedure": "/acme.shop.v1.CatalogService/GetProduct", "origin": "https://evil.test",
			"detail": "to some handlers the path means \"/acme.shop.v1.CatalogService/GetProduct\"", "fix": "add \"https://evil.test\" to Origins"}`},
		{"hostile", newPolicy(t, shopConfig()).Evaluate(newRequest("POST", "/x\x00", "Origin", "a\r\nb\xff", "Origin", "c")), `{
			"kind": "ungoverned", "outcome": "blocked", "reason": "no_rule", "status": 0, "origin": "\"a\\r\\nb\\xff\", \"c\""}`},
	} {
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "decision", tt.d)
		var record struct{ Decision json.RawMessage }
		require.NoError(t, json.Unmarshal(out.Bytes(), &record), tt.name)
		assert.JSONEq(t, tt.want, string(record.Decision), tt.name)
	}
}

// A request is judged once: the response is that of the Decision which the hook
// got, even if the hook replaces the Config.
func TestRequestsAreJudgedOnce(t *testing.T) {
	t.Parallel()
	closed, open := shopConfig(), shopConfig()
	open.Origins = []string{"*"}
	var policy *corsrpc.Policy
	var reported []corsrpc.Decision
	flip := func(next *corsrpc.Config) func(context.Context, corsrpc.Decision) {
		return func(_ context.Context, d corsrpc.Decision) {
			reported = append(reported, d)
			require.NoError(t, policy.Update(*next))
		}
	}
	closed.OnDecision, open.OnDecision = flip(&open), flip(&closed)
	policy = newPolicy(t, closed)
	for _, r := range []*http.Request{newRequest("POST", getProduct, "Origin", evil), newPreflight(getProduct, evil, "POST"), newRequest("GET", getProduct, "Origin", evil)} {
		for _, allowed := range []bool{false, true} {
			reported = nil
			got := exchange(policy, r)
			require.Len(t, reported, 1)
			assert.Equal(t, allowed, reported[0].Allowed)
			assert.Equal(t, allowed, got.status != http.StatusForbidden)
		}
	}
}

// Nothing is allocated for what is allowed, with a hook too, on any kind of
// path.
func TestHooksOfAllowedRequestsDoNotAllocate(t *testing.T) {
	config := rpcConfig()
	config.Resources = map[string]corsrpc.Resource{"/img/": {Origins: []string{"*"}}, "/": {Origins: []string{app}}}
	silent := newPolicy(t, config)
	calls := 0
	config.OnDecision = func(_ context.Context, d corsrpc.Decision) {
		calls++
		if d.Outcome != corsrpc.OutcomeAllowed || d.Origin+d.Detail+d.Fix != "" {
			t.Errorf("%+v", d)
		}
	}
	loud := newPolicy(t, config)
	w := &reusableWriter{header: make(http.Header)}
	for _, r := range []*http.Request{
		newRequest("POST", addItem, "Origin", app), newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site", "Cookie", "a=b"), newRequest("GET", getProduct, "Sec-Fetch-Site", "same-origin"),
		newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "content-type"), newRequest("POST", "/"+catalog+"/Newer", "Origin", app),
		newRequest("GET", "/img/x", "Sec-Fetch-Site", "cross-site"), newRequest("GET", "/x", "Origin", app), newRequest("POST", "//"+catalog+"/GetProduct", "Origin", app),
	} {
		allocs := func(policy *corsrpc.Policy) float64 {
			handler := policy.Wrap(nothing{})
			return testing.AllocsPerRun(20, func() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			})
		}
		calls = 0
		assert.Equal(t, allocs(silent), allocs(loud), "%s %s", r.Method, r.URL.Path)
		if path := r.URL.Path; path[:2] != "//" {
			assert.Equal(t, 21, calls, "%s %s", r.Method, path)
		}
	}
}

// No Fix opens another spelling of a service.
func TestNoFixExemptsAService(t *testing.T) {
	t.Parallel()
	prefixed := shopConfig()
	prefixed.PathPrefix = "/api"
	for _, test := range []struct {
		config corsrpc.Config
		path   string
		want   string
	}{
		{shopConfig(), "/docs" + getProduct, `Resources["/docs/"] = {}`},
		{shopConfig(), strings.ToUpper(getProduct), ""},
		{shopConfig(), "/" + catalog + ";v=1/GetProduct", ""},
		{prefixed, getProduct, ""},
	} {
		d := newPolicy(t, test.config).Evaluate(newRequest("GET", test.path, "Sec-Fetch-Site", "cross-site"))
		assert.Equal(t, corsrpc.ReasonOriginMissing, d.Reason, test.path)
		assert.Equal(t, test.want, d.Fix, test.path)
	}
}

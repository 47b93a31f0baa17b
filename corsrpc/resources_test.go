package corsrpc_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The most specific key wins: from the left, segment by segment, a literal one
// before braces before the rest of a subtree. Each key is known by its origin.
func TestResourcePaths(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = make(map[string]corsrpc.Resource)
	origins := make(map[string]string)
	for i, key := range []string{
		"/", "/a", "/a/", "/a/b", "/a/{x}", "/a/{x}/", "/a/{x}/c", "/a/b/c/", "/{y}/b", "/{y}/{z}/d", "/only/{x}/end", "/acme.shop.v1.CatalogService/GetProduct", "/%",
	} {
		origins[key] = "https://r" + strings.Repeat("x", i) + ".example.com"
		config.Resources[key] = corsrpc.Resource{Origins: []string{origins[key]}}
	}
	policy := newPolicy(t, config)
	for path, want := range map[string]string{
		"/":          "/",
		"/z":         "/",
		"/a":         "/a",
		"/A":         "/",
		"/a/":        "/a/",
		"/a/b":       "/a/b",
		"/a/b/":      "/a/{x}/", // /a/b has nothing below it
		"/a/z":       "/a/{x}",
		"/a/{x}":     "/a/{x}",
		"/a/z/":      "/a/{x}/",
		"/a/z/z":     "/a/{x}/",
		"/a/z/c":     "/a/{x}/c",
		"/a/b/c":     "/a/{x}/c", // /a/b/c/ is not /a/b/c
		"/a/b/c/":    "/a/b/c/",
		"/a/b/c/d/e": "/a/b/c/",
		"/a/b/d":     "/a/{x}/", // a literal first segment wins over /{y}/{z}/d
		"/z/b":       "/{y}/b",
		"/z/z/d":     "/{y}/{z}/d",
		// Handlers that clean paths would take these for others.
		"/z//d":        "",
		"//b":          "",
		"/a//c":        "",
		"/a/../z":      "",
		"/a/./b":       "",
		"/a/..":        "",
		"/a/b/c/../":   "",
		"/a/..b":       "/a/{x}",
		"/a/...":       "/a/{x}",
		"/a/x...":      "/a/{x}",
		"/a/./":        "",
		"/a/b/c/..":    "",
		"/only/x/end":  "/only/{x}/end",
		"/only/x":      "/",
		"/only/x/end/": "/",
		"/%":           "/%",
		getProduct:     "", // procedures win over resources
	} {
		got := ""
		for key, origin := range origins {
			if exchange(policy, newRequest("GET", path, "Origin", origin)).header.Get("Access-Control-Allow-Origin") == origin {
				got += key
			}
		}
		assert.Equal(t, want, got, path)
	}
	for rule := range policy.Rules() {
		assert.Equal(t, rule.Path == getProduct, rule.Procedure == getProduct, "Rules lists what requests find: %+v", rule)
	}
	for _, path := range []string{"", "*", "a"} {
		assert.Equal(t, corsrpc.KindUngoverned, policy.Evaluate(newRequest("GET", path, "Origin", origins["/"])).Kind, path)
	}
}

// An encoded slash is part of a segment, and dot segments match nothing, in
// whatever form they are.
func TestResourceEscapes(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = make(map[string]corsrpc.Resource)
	origins := map[string]string{"/files/{name}": app, "/files/": shopper, "/public/": console, "/public": evil, "/100%": "https://percent.test", "/a b/": "https://space.test"}
	for key, origin := range origins {
		config.Resources[key] = corsrpc.Resource{Origins: []string{origin}}
	}
	policy := newPolicy(t, config)
	for target, want := range map[string]string{
		"/files/x":                     "/files/{name}",
		"/files/x%2Fy":                 "/files/{name}",
		"/files/x%2fy":                 "/files/{name}",
		"/files/%2Fx":                  "", // handlers that decode find an empty segment
		"/files/x%2F":                  "/files/{name}",
		"/files/%78":                   "/files/{name}",
		"/files/x%2Fy/z":               "/files/",
		"/files/x%252Fy":               "/files/{name}",
		"/files/x%5Cy":                 "/files/{name}",
		"/files/x%255Cy":               "/files/{name}",
		"/files/x%5C..%5Cy":            "",
		"/files/..%5Cy":                "",
		"/files/..%2Fprivate":          "",
		"/files/%2E%2E/private":        "",
		"/files/%2e%2e%2fprivate":      "",
		"/files/%2E":                   "",
		"/files/x/%2E./y":              "",
		"/files/.%2Fx":                 "",
		"/files/%252e%252e/x":          "/files/", // handlers decode once
		"/files//x":                    "",
		"/files/x//":                   "",
		"/files%2Fx":                   "",
		"/%66iles/x":                   "/files/{name}",
		"/public%2Fsecret":             "", // one segment, not below /public/
		"/public%2F":                   "",
		"/public%2F/x":                 "",
		"/public/x%2Fy":                "/public/",
		"/public":                      "/public",
		"/public/":                     "/public/",
		"/100%25":                      "/100%",
		"/a%20b/c":                     "/a b/",
		"/files/" + "%C5%BF":           "/files/{name}",
		"/files/%FF":                   "/files/{name}",
		"/files/x;y=1":                 "/files/{name}",
		"/files/;":                     "/files/{name}",
		"/files/..;/private":           "/files/",
		"/files/...":                   "/files/{name}",
		"/files/x%00y":                 "/files/{name}",
		"http://api.example.com/files": "",
	} {
		got := ""
		for key, origin := range origins {
			r := newRequest("GET", "", "Origin", origin)
			r.URL = targetURL(target)
			if exchange(policy, r).header.Get("Access-Control-Allow-Origin") == origin {
				got += key
			}
		}
		assert.Equal(t, want, got, target)
	}
}

// Rules has each path once, below a prefix too.
func TestRulesWithoutResourcesThatNoRequestFinds(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.PathPrefix = "/api"
	config.Resources = map[string]corsrpc.Resource{
		"/api" + getProduct:           {},
		"/api/" + catalog + "/":       {},
		"/api/" + catalog + "/Newer/": {},
		"/api":                        {},
		"/api/" + catalog:             {},
		getProduct:                    {}, // not below the prefix
	}
	var resources []string
	for rule := range newPolicy(t, config).Rules() {
		if rule.Procedure == "" {
			resources = append(resources, rule.Path)
		}
	}
	assert.Equal(t, []string{getProduct, "/api", "/api/" + catalog}, resources)
}

// A permission for one resource reaches no other through dot segments, which
// browsers send as they are if the slash is encoded.
func TestResourcesBehindFileServer(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Resources = map[string]corsrpc.Resource{
		"/partner/": {Origins: []string{evil}, Credentials: true},
		"/fonts/":   {Origins: []string{"*"}},
		"/private/": {Origins: []string{app}, Credentials: true},
	}
	files := http.FileServerFS(fstest.MapFS{"private/s.txt": {Data: []byte("secret")}})
	handler := newPolicy(t, config).Wrap(files)
	for _, target := range []string{"/partner/..%2Fprivate%2Fs.txt", "/fonts/..%2Fprivate/s.txt", "/fonts/%2e%2e/private/s.txt", "//private/s.txt", "/fonts/..%2Fprivate%2F.%2Fs.txt"} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Origin", evil)
		got := serve(handler, r)
		assert.Empty(t, got.header["Access-Control-Allow-Origin"], target)
	}
	r := httptest.NewRequest(http.MethodGet, "/private/s.txt", nil)
	r.Header.Set("Origin", app)
	assert.Equal(t, []string{app}, serve(handler, r).header["Access-Control-Allow-Origin"])
}

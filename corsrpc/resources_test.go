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
		assert.Equal(t, corsrpc.Ungoverned, policy.Evaluate(newRequest("GET", path, "Origin", origins["/"])).Kind, path)
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

package corsexport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Refused calls stay refused whatever else is configured.
func TestApacheRefusesAnyway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]apacheTest{
		"rewriting is off":           {after: "RewriteEngine Off"},
		"another place":              {outside: true},
		"other rules come first":     {before: "RewriteEngine On\nRewriteRule ^/acme - [PT,END]"},
		"the path is not translated": {before: "ProxyPass /acme.shop.v1.AdminService UPSTREAM/x mapping=encoded"},
		"another Require":            {after: "<Location />\nRequire all granted\n</Location>\n<If true>\nRequire all granted\n</If>"},
		"everything goes to a proxy": {before: "RewriteEngine On\nRewriteRule ^/(.*)$ UPSTREAM/$1 [P]"},
		"authentication":             {after: "RewriteEngine Off\n<Location />\nAuthType Basic\nAuthName realm\nAuthUserFile /dev/null\n<RequireAny>\nRequire valid-user\nRequire all granted\n</RequireAny>\n</Location>"},
		"slashes are kept":           {before: "MergeSlashes Off\nAllowEncodedSlashes On"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend, upstream := serve(t)
			test.policy, test.upstream = mustPolicy(t, shopConfig()), upstream
			test.before = strings.ReplaceAll(test.before, "UPSTREAM", upstream)
			edge := test.start(t)
			for _, path := range []string{setPrice, "/x" + setPrice, strings.Replace(setPrice, "S", "%53", 1)} {
				assert.Equal(t, http.StatusForbidden, get(t, "POST", edge+path, "Origin", evil).StatusCode, path)
			}
			assert.Zero(t, backend.Total())
			allowed := get(t, "POST", edge+setPrice, "Origin", console)
			assert.Equal(t, http.StatusOK, allowed.StatusCode)
			assert.Equal(t, []string{console}, allowed.Header["Access-Control-Allow-Origin"])
		})
	}
}

// What Apache leads to a path by itself is judged by that path too.
func TestApacheJudgesRedirects(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream, after: `
		ProxyPass /open !
		ProxyPass /other !
		<Location /open>
			RewriteEngine On
			RewriteRule . ` + addItem + ` [L]
		</Location>
		<Location /other>
			RewriteEngine On
			RewriteRule . /index.html [L]
		</Location>`}.start(t)
	for _, header := range [][]string{{"Origin", evil}, {"Sec-Fetch-Site", "cross-site", "Cookie", "session=1"}} {
		assert.Equal(t, http.StatusForbidden, get(t, "GET", edge+"/open", header...).StatusCode, header)
	}
	assert.Zero(t, backend.Total())
	assert.Equal(t, http.StatusOK, get(t, "GET", edge+"/open", "Origin", shopper).StatusCode)
	assert.Equal(t, http.StatusOK, get(t, "GET", edge+"/other", "Origin", evil).StatusCode)
	assert.Equal(t, 2, backend.Total())
}

// A condition that stands before the file is not part of its rules.
func TestApacheEndsConditions(t *testing.T) {
	t.Parallel()
	backend, upstream := serve(t)
	edge := apacheTest{policy: mustPolicy(t, shopConfig()), upstream: upstream, before: "RewriteEngine On\nRewriteCond %{HTTPS} on"}.start(t)
	preflight := get(t, "OPTIONS", edge+addItem, "Origin", shopper, "Access-Control-Request-Method", "POST")
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
	assert.NotEmpty(t, preflight.Header["Access-Control-Allow-Headers"])
	assert.Zero(t, backend.Total())
}

// Where the file would have no effect, Apache does not take it.
func TestApacheIsForVirtualHosts(t *testing.T) {
	t.Parallel()
	proxies.RequireApache(t)
	export, err := Apache(mustPolicy(t, shopConfig()), Options{})
	require.NoError(t, err)
	for _, section := range []string{"Location /", "Directory /", "Proxy *"} {
		name, _, _ := strings.Cut(section, " ")
		output, err := proxies.CheckApache(t, fmt.Sprintf("<VirtualHost %s>\n<%s>\n%s\n</%s>\n</VirtualHost>\n", proxies.ApacheListen, section, export.Files[0].Data, name))
		assert.Error(t, err, section)
		assert.Contains(t, output, "not allowed", section)
	}
}

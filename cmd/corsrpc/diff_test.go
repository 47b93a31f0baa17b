package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

// Nothing in a change is a workflow command of its own: each annotation is one
// line, and its properties are fixed.
func TestAnnotationsAreLines(t *testing.T) {
	t.Parallel()
	change := corsdiff.Change{Kind: corsdiff.Read, Value: "X-A\n::error::b", Cause: "100%\r\n::warning::c", Paths: []string{"/a", "/b\n::set-env"}}
	var b bytes.Buffer
	require.NoError(t, writeAnnotations(&b, &corsdiff.Report{Lost: []corsdiff.Change{change}, Gained: []corsdiff.Change{change}}, true))
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, lines, 2)
	assert.Equal(t, "::error title=Pages can no longer::Pages can no longer read the header X-A%0A::error::b (100%25%0D%0A::warning::c)%0A/a%0A/b%0A::set-env", lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "::notice title=Pages can now::Pages can now read the header "), lines[1])
	assert.NotContains(t, b.String(), "\r")
}

// Gains alone are findings, unless they are allowed.
func TestAllowGains(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	command := dir.args("diff", "shop.binpb", "shop.binpb", "--policy-old", "policy.yaml", "--policy-new", dir.write(t, "wider.yaml", []byte(
		"origins: [\"https://app.example.com\", \"https://*.preview.example.com\", \"https://new.example.com\"]\nrequest_headers: [Authorization]\nresponse_trailers: [X-Cost]\n"+
			"audiences: {storefront: [https://app.example.com], backoffice: []}\noverrides: {acme.shop.v1.CartService: {credentials: on}}\nrest: gateway\nresources: {/assets/: {origins: [\"*\"]}}\n")))
	r := execute(t.Context(), command...)
	assert.Equal(t, findings, r.status)
	assert.NotContains(t, r.stdout, "Pages can no longer")
	assert.Contains(t, r.stdout, "+ call from https://new.example.com (Origins[2])")
	assert.Equal(t, fine, execute(t.Context(), append(command, "--allow", "gains")...).status)
}

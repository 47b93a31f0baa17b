package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run returns what a command prints. It ends the test's process if it fails.
func run(t *testing.T, args ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "output")
	output, err := os.Create(name)
	require.NoError(t, err)
	stdout, before := os.Stdout, os.Args
	os.Stdout, os.Args = output, append([]string{"caddy"}, args...)
	main()
	os.Stdout, os.Args = stdout, before
	require.NoError(t, output.Close())
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestCommands(t *testing.T) {
	caddyfile := filepath.Join(t.TempDir(), "Caddyfile")
	require.NoError(t, os.WriteFile(caddyfile, []byte(`{
	admin off
}
:0 {
	bind 127.0.0.1
	corsrpc {
		image  ../../testdata/shop.binpb
		policy ../../testdata/policy.yaml
	}
	reverse_proxy localhost:8080
}
`), 0o600))
	assert.Contains(t, run(t, "list-modules"), "http.handlers.corsrpc\n")
	assert.Contains(t, run(t, "adapt", "--config", caddyfile), `{"handler":"corsrpc","image":"../../testdata/shop.binpb","policy":["../../testdata/policy.yaml"]}`)
	assert.Contains(t, run(t, "validate", "--config", caddyfile), "Valid configuration")
}

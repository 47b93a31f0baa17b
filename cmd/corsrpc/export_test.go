package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pipeline runs the command with --check after somebody has changed a policy.
func TestExportCheck(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	export := func(policy, more string) result {
		command := "export json --image shop.binpb --policy " + policy + " -o out --prefix shop " + more
		r := execute(t.Context(), dir.args(strings.Fields(command)...)...)
		r.stdout = strings.ReplaceAll(r.stdout, string(dir)+string(filepath.Separator), "")
		return r
	}
	const runAgain = "to write the files, run the same command without --check\n"
	assert.Equal(t, result{findings, "out/shop.json is missing\nout/shop-cases.json is missing\n" + runAgain, ""}, export("policy.yaml", "--check"))
	assert.NoDirExists(t, dir.path("out"))

	r := export("policy.yaml", "")
	assert.Equal(t, fine, r.status)
	assert.Contains(t, r.stdout, "out/shop.json written\nout/shop-cases.json written\nnote: ")
	assert.Equal(t, result{fine, "up to date\n", ""}, export("policy.yaml", "--check"))
	assert.Contains(t, export("policy.yaml", "").stdout, "out/shop.json is up to date\nout/shop-cases.json is up to date\n")

	assert.Equal(t, result{findings, "out/shop.json is stale\nout/shop-cases.json is stale\n" + runAgain, ""}, export("policy-next.yaml", "--check"))
	assert.Equal(t, result{findings, "out/shop.json is stale\n" + runAgain, ""}, func() result {
		text, err := os.ReadFile(dir.path("out/shop.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(dir.path("out/shop.json"), append(text, '\n'), 0o600))
		return export("policy.yaml", "--check")
	}())
	assert.Equal(t, fine, export("policy-next.yaml", "").status)
	assert.Equal(t, fine, export("policy-next.yaml", "--check").status)
}

// Options reach the target.
func TestExportOptions(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	r := execute(t.Context(), dir.args(strings.Fields("export --behind-gate --image shop.binpb --host api.example.com json --host api.test:8443 -o out --policy policy.yaml")...)...)
	require.Equal(t, fine, r.status, r.stderr)
	text, err := os.ReadFile(dir.path("out/corsrpc.json"))
	require.NoError(t, err)
	assert.Contains(t, string(text), `"behindGate": true,
  "hosts": [
    "api.example.com",
    "api.test:8443"
  ],`)
}

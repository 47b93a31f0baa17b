package corsexport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// docs/edge-apache.md names every difference, and its configuration loads.
func TestApacheDocumentation(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/edge-apache.md")
	require.NoError(t, err)
	text := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(string(document), "`", "")), " "))
	for _, reason := range []string{apacheMalformed, apacheLines, apacheVary, otherSpelling, otherReason, otherMethod, safeMethods} {
		assert.Contains(t, text, strings.ToLower(reason))
	}

	_, block, found := strings.Cut(string(document), "```apache\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "```")
	dir := t.TempDir()
	export, err := Apache(mustPolicy(t, shopConfig()), Options{})
	require.NoError(t, err)
	for _, file := range export.Files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600))
		require.Contains(t, block, "/etc/apache2/corsrpc/"+file.Name)
	}
	// There is no certificate.
	block = strings.NewReplacer("/etc/apache2/corsrpc", dir, "*:443", proxies.ApacheListen, "SSLEngine on", "SSLEngine off",
		"SSLCertificateFile /etc/apache2/tls/api.example.com.pem", "").Replace(block)
	output, err := proxies.CheckApache(t, block)
	assert.NoError(t, err, "%s", output)
	assert.Equal(t, "Syntax OK\n", output)
}

// Notes are about what the policy has.
func TestApacheNotes(t *testing.T) {
	t.Parallel()
	services, err := Apache(mustPolicy(t, shopConfig()), Options{})
	require.NoError(t, err)
	require.Len(t, services.Notes, 3)
	assert.Contains(t, services.Notes[0], "spelling")
	assert.Contains(t, services.Notes[1], "Links")
	assert.Contains(t, services.Notes[2], "%2F")
	behind, err := Apache(mustPolicy(t, shopConfig()), Options{BehindGate: true})
	require.NoError(t, err)
	assert.Len(t, behind.Notes, 2, "the gate decides about aliases")
}

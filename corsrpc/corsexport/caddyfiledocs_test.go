package corsexport

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/edge-caddyfile.md names every difference. TestExportDocument of corscaddy
// loads its configurations.
func TestCaddyfileDocumentation(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/edge-caddyfile.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(document), "## Differences from Wrap")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	text := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(section, "`", "")), " "))
	reasons := []string{otherSpelling, otherReason, otherMethod, safeMethods, caddyBadRequest, caddySeveralLines, caddyHostCase}
	for _, reason := range reasons {
		assert.Contains(t, text, strings.ToLower(reason))
	}
	assert.Equal(t, len(reasons), strings.Count(section, "\n* "))
}

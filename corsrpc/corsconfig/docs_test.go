package corsconfig_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The files in docs/policy-files.md are files for the shop, and together mean what
// the text says.
func TestDocumentedFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/policy-files.md")
	require.NoError(t, err)
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, match[1])
	}
	require.Len(t, blocks, 2)
	_, err = load(t, nil, blocks[0])
	require.NoError(t, err)
	config, err := load(t, nil, blocks...)
	require.NoError(t, err)
	assert.Equal(t, corsrpc.Config{
		Origins:          []string{"https://app.example.com"},
		RequestHeaders:   []string{"Authorization"},
		ResponseTrailers: []string{"X-Cost"},
		Audiences:        map[string][]string{"storefront": {"https://shop.example.com"}, "backoffice": {"https://console.example.com"}},
		Resources:        map[string]corsrpc.Resource{"/fonts/": {Origins: []string{"*"}}},
	}, config)
}

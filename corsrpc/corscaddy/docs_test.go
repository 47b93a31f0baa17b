package corscaddy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// What docs/caddy.md shows can be loaded.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/caddy.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```(caddyfile|json)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 4)
	files := strings.NewReplacer(
		"/etc/caddy/image.binpb", "testdata/shop.binpb", "/etc/caddy/policy.yaml", "testdata/policy.yaml",
		"\napi.example.com", "\nhttp://api.example.com:0", // no certificates
	)
	for _, block := range blocks {
		if block[1] == "json" {
			var handler corscaddy.Handler
			fields := strings.Replace(block[2], `"handler": "corsrpc",`, "", 1)
			require.NoError(t, caddy.StrictUnmarshalJSON([]byte(fields), &handler))
			written, err := json.Marshal(handler)
			require.NoError(t, err)
			assert.JSONEq(t, strings.Replace(fields, `"5s"`, "5000000000", 1), string(written))
			continue
		}
		config, err := adapt("{\n\tadmin off\n}\n" + files.Replace("\n"+block[2]))
		require.NoError(t, err)
		assert.Contains(t, string(config), `{"handler":"corsrpc","image":"testdata/shop.binpb","policy":["testdata/policy.yaml"]}`)
		assert.NoError(t, validate(t, config))
	}
}

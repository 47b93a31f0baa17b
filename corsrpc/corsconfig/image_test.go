package corsconfig_test

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

func TestReadImage(t *testing.T) {
	t.Parallel()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err := w.Write([]byte(shopImage()))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for name, content := range map[string]string{"binary": shopImage(), "gzip": compressed.String()} {
		files, err := corsconfig.ReadImage(file("image.binpb", content))
		require.NoError(t, err, name)
		_, err = files.FindDescriptorByName("acme.shop.v1.CartService")
		assert.NoError(t, err, name)
	}
	for _, test := range []struct{ name, content, want string }{
		{"no files", "", "has no files"},
		{"text", "syntax = \"proto3\";", "is not a buf image or FileDescriptorSet"},
		{"truncated", shopImage()[:100], "is not a buf image or FileDescriptorSet"},
		{"JSON", "\n{\"file\":[]}", "is JSON, which loses options that this program does not know: write a binary image, `buf build -o image.binpb`"},
		{"zstd", "\x28\xb5\x2f\xfd", "is compressed with zstd, which is not supported: write `buf build -o image.binpb`"},
		{"truncated gzip", compressed.String()[:100], "unexpected EOF"},
		{"the same files twice", shopImage() + shopImage(), "appears multiple times"},
	} {
		name := file("image.binpb", test.content)
		_, err := corsconfig.ReadImage(name)
		if assert.Error(t, err, test.name) {
			assert.Contains(t, err.Error(), name, test.name)
			assert.Contains(t, err.Error(), test.want, test.name)
		}
	}
}

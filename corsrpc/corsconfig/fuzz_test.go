package corsconfig_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// Whatever a file contains, it is read or refused with a place, and what is read
// can be written and read again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"origins: [https://app.example.com]\ncredentials: true\nmax_age: 10m\n",
		"overrides:\n  acme.library.v1.ShelfService: &shelf\n    origins: []\n    credentials: on\n  acme.library.v1.BookService: *shelf\n",
		"resources:\n  /fonts/: {origins: ['*'], methods: [PUT], max_age: -1s}\n",
		"protocols: [Connect, gRPC-Web]\nrest: gateway\nbindings: {a.B.C: [GET /v1/c]}\n",
		"{\n\t\"origins\": [\"https:\\/\\/app.example.com\", 1, null, {}],\n\t\"x\": {\"y\": [[]]}\n}",
		"audiences: &a\n  a: *a\n  <<: *a\n  ? [b]\n  : !!str c\n",
		"origins: |\n  https://app.example.com\npath_prefix: >-\n  /api\n",
		"origins: []\n---\n...\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		config, err := corsconfig.DecodeConfig(text)
		if err != nil {
			for _, mistake := range mistakes(t, err) {
				assert.Equal(t, "policy.yaml", mistake.File)
				assert.Positive(t, mistake.Line)
				assert.Positive(t, mistake.Column)
				assert.NotEmpty(t, mistake.Problem)
				assert.NotRegexp(t, `[\x00-\x1f\x7f]`, mistake.Error(), "nothing of the file reaches the terminal raw")
			}
			return
		}
		written, err := corsconfig.Marshal(config)
		require.NoError(t, err)
		again, err := corsconfig.DecodeConfig(written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, config, again, "%s", written)
	})
}

// The same for what corsrpc finds wrong with it, without a schema.
func FuzzRead(f *testing.F) {
	f.Add([]byte("origins: [app.example.com]\nservices: [a.B, a.B.C, a]\noverrides: {a.B.C: {origins: ['*']}, a.B.C.D: {}, '': {}, ..: {}}\n"))
	f.Add([]byte("except: [a.B]\ncredentials: true\norigins: [http://a.example.com]\nresources: {/: {}, x: {}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := corsconfig.ReadText(text)
		if err == nil {
			return
		}
		for _, mistake := range mistakes(t, err) {
			assert.Equal(t, "policy.yaml", mistake.File, "%v", mistake)
			assert.Positive(t, mistake.Line, "%v", mistake)
			assert.NotRegexp(t, `[\x00-\x1f\x7f]`, mistake.Error())
		}
	})
}

package httprule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

func TestParseBinding(t *testing.T) {
	t.Parallel()
	got, err := httprule.ParseBinding("POST /v1/{name=shelves/*}:merge")
	require.NoError(t, err)
	assert.Equal(t, binding("POST", "/v1/{name=shelves/*}:merge"), got)
	assert.Equal(t, "POST /v1/{name=shelves/*}:merge", got.String())

	for _, test := range []struct{ text, err string }{
		{"", `"" is not a binding: write an HTTP method, a space and a path template, such as "POST /v1/admin:purge"`},
		{"/v1", `"/v1" is not a binding: write an HTTP method, a space and a path template, such as "POST /v1/admin:purge"`},
		{" /v1", `" /v1" is not a binding: write an HTTP method, a space and a path template, such as "POST /v1/admin:purge"`},
		{"PO:ST /v1", `"PO:ST" is not an HTTP method: write one such as "POST", or "*" for all`},
		{"POST  /v1", `path template " /v1" must begin with a slash: write "/ /v1"`},
		{"POST v1", `path template "v1" must begin with a slash: write "/v1"`},
	} {
		_, err := httprule.ParseBinding(test.text)
		assert.EqualError(t, err, test.err)
	}
}

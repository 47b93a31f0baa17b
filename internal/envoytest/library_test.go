package envoytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/librarypolicy"
)

// libraryConfig returns a Config with bindings.
func libraryConfig(t testing.TB) corsrpc.Config {
	t.Helper()
	config, err := librarypolicy.Config()
	require.NoError(t, err)
	return config
}

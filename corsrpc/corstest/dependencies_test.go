package corstest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two implementations check each other only as long as they have not met.
func TestCorstestDoesNotKnowTheServersHalf(t *testing.T) {
	t.Parallel()
	const module = "github.com/corsrpc/corsrpc-go/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	dependencies := strings.Fields(string(out))
	require.Contains(t, dependencies, module+"corsrpc/corstest")
	for _, forbidden := range []string{"corsrpc", "internal/access", "internal/origin"} {
		assert.NotContains(t, dependencies, module+forbidden)
		require.DirExists(t, "../../"+forbidden)
	}
	for _, dependency := range dependencies {
		assert.NotEqual(t, "testing", dependency, "programs other than tests can check servers too")
	}
}

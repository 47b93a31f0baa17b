package corstest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two implementations check each other only as long as they have not met.
func TestCorstest_does_not_know_the_servers_half(t *testing.T) {
	t.Parallel()
	const module = "github.com/corsrpc/corsrpc-go/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	dependencies := strings.Fields(string(out))
	require.Contains(t, dependencies, module+"corsrpc/corstest")
	for _, forbidden := range []string{"corsrpc", "internal/preflight", "internal/origin"} {
		assert.NotContains(t, dependencies, module+forbidden)
	}
	for _, dependency := range dependencies {
		assert.NotEqual(t, "testing", dependency, "programs that are no tests may check servers too")
	}
}

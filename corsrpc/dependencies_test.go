package corsrpc_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever uses the policy alone links no RPC framework, and none of the
// packages that adapt one.
func TestDependencies(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	output, err := list.Output()
	require.NoError(t, err, "%v", list)
	dependencies := strings.Fields(string(output))
	require.Contains(t, dependencies, "github.com/corsrpc/corsrpc-go/corsrpc", "the list is of this package")
	require.Contains(t, dependencies, "google.golang.org/protobuf/reflect/protoregistry", "the list is of other modules, too")
	for _, dependency := range dependencies {
		for _, framework := range []string{
			"connectrpc.com",
			"google.golang.org/grpc",
			"google.golang.org/genproto",
			"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect",
			"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc",
			"github.com/corsrpc/corsrpc-go/corsrpc/corstest",
			"github.com/corsrpc/corsrpc-go/internal/gen",
		} {
			assert.False(t, dependency == framework || strings.HasPrefix(dependency, framework+"/"), "corsrpc links %s", dependency)
		}
	}
}

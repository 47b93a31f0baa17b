package corsotel_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The application chooses the SDK: this package links the API alone.
func TestDependencies(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	output, err := list.Output()
	require.NoError(t, err, "%v", list)
	linked := strings.Fields(string(output))
	require.Contains(t, linked, "go.opentelemetry.io/otel/metric")
	for _, path := range linked {
		for _, heavy := range []string{"go.opentelemetry.io/otel/sdk", "github.com/prometheus", "google.golang.org/grpc"} {
			assert.False(t, strings.HasPrefix(path, heavy), path)
		}
	}
}

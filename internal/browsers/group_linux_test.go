package browsers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A browser is ended with all that it has started, and its profile removed.
func TestCloseEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	require.NoError(t, syscall.Mkfifo(started, 0o600))
	b, err := script("sleep 1000 & echo $! $HOME >"+started+"; wait").Open(t.Context(), "http://localhost/", Options{})
	require.NoError(t, err)
	text, err := os.ReadFile(started)
	require.NoError(t, err)
	child, home, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, err := strconv.Atoi(child)
	require.NoError(t, err)
	assert.DirExists(t, home)

	assert.NoError(t, b.Close())
	assert.NoError(t, b.Close(), "a second time")
	_, err = os.Stat(home)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	// It can be a zombie until its new parent has looked after it.
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
		assert.Contains(t, string(status), ") Z ", "the child still runs")
	}
}

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chromiumCommand returns a headless Chromium that has not been started, with a
// profile of its own. It ends when ctx does. The test is skipped if there is
// none, or fails if CORSRPC_REQUIRE_BROWSERS is 1.
func chromiumCommand(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		const missing = "no chromium, chromium-browser or google-chrome in PATH: install one to see the demo in a browser"
		if os.Getenv("CORSRPC_REQUIRE_BROWSERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}

	// Not t.TempDir, which fails the test if it cannot be removed at once.
	dir, err := os.MkdirTemp("", "corsrpc-demo-chromium-")
	require.NoError(t, err)
	// A file, since a pipe would make Wait wait for those processes.
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	require.NoError(t, err)
	t.Cleanup(func() {
		stderr.Close()
		if t.Failed() {
			said, _ := os.ReadFile(stderr.Name())
			t.Logf("%s said:\n%s", program, bytes.TrimSpace(said))
		}
		// A process of the browser's that outlives it may still add a file.
		for tries := 0; os.RemoveAll(dir) != nil && tries < 10; tries++ {
		}
	})

	cmd := exec.CommandContext(ctx, program, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--hide-scrollbars",
		"--user-data-dir=" + filepath.Join(dir, "profile"),
	}, args...)...)
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

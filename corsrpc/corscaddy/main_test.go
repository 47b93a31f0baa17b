package corscaddy_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/stretchr/testify/require"
)

// asCaddy in the environment lets the test's own executable be Caddy.
const asCaddy = "CORSCADDY_TEST_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(asCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// caddyCommand returns a command of Caddy for a Caddyfile with one site, on the
// socket that the command inherits.
func caddyCommand(t testing.TB, name, site string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "Caddyfile"), fmt.Sprintf(`{
	admin off
	persist_config off
	storage file_system %s
}
http:// {
	bind fd/3
	%s
}
`, dir, site))
	command := exec.Command(executable, name, "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), asCaddy+"=1")
	return command
}

// startProcess runs Caddy in a process of its own until the test ends.
func startProcess(t testing.TB, site string) (url string, pid int) {
	t.Helper()
	command := caddyCommand(t, "run", site)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	command.ExtraFiles = []*os.File{socket}
	output, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	require.NoError(t, socket.Close())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.Contains(lines.Text(), "serving initial configuration") {
	}
	require.Contains(t, lines.Text(), "serving initial configuration")
	go func() {
		for lines.Scan() {
		}
	}()
	return "http://" + listener.Addr().String(), command.Process.Pid
}

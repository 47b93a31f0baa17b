package proxies

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FindCaddy returns the path of Caddy with the module of corsrpc/corscaddy, or an
// error if it cannot be built.
var FindCaddy = sync.OnceValues(func() (string, error) {
	// What vet and test of that module have compiled is used again.
	return buildCaddy("-race -trimpath")
})

// findFastCaddy returns the path of Caddy without the race detector.
var findFastCaddy = sync.OnceValues(func() (string, error) { return buildCaddy("-trimpath") })

func buildCaddy(flags string) (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/corsrpc/corsrpc-go").Output()
	if err != nil {
		return "", fmt.Errorf("where is the module? %w", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "corsrpc", "corscaddy")
	// Go builds an executable once, and keeps it where the second run finds it.
	var path string
	for range 2 {
		run := exec.Command("go", "run", "-exec", "echo", "./cmd/caddy")
		run.Dir = dir
		run.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "nested.work"), "GOFLAGS="+os.Getenv("GOFLAGS")+" "+flags)
		var report strings.Builder
		run.Stderr = &report
		output, err := run.Output()
		if err != nil {
			return "", fmt.Errorf("go run does not build Caddy: %w: %s", err, report.String())
		}
		path = strings.TrimSpace(string(output))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("go run does not keep %s", path)
}

// RequireCaddy returns the path of Caddy. Where it cannot be built, it skips the
// test or fails it.
func RequireCaddy(t testing.TB) string {
	t.Helper()
	path, err := FindCaddy()
	switch {
	case err == nil:
	case Required():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return path
}

// CaddyBind is the address to which the Caddyfile for [StartCaddy] binds its
// site.
const CaddyBind = "fd/3"

// StartCaddy runs Caddy with a Caddyfile, which it is given without global
// options, until the test ends. It returns the URL of the site.
//
// Caddy inherits the socket, so that no other program can take its port.
func StartCaddy(t testing.TB, caddyfile string) string {
	t.Helper()
	url, _ := startCaddy(t, RequireCaddy(t), caddyfile)
	return url
}

// StartCaddyProcess is StartCaddy for benchmarks: without the race detector. It
// also returns the ID of the process.
func StartCaddyProcess(b testing.TB, caddyfile string) (url string, pid int) {
	b.Helper()
	path, err := findFastCaddy()
	require.NoError(b, err)
	return startCaddy(b, path, caddyfile)
}

// CheckCaddy lets Caddy without the race detector test the configuration that
// [StartCaddyProcess] would run.
func CheckCaddy(b testing.TB, caddyfile string) (output string, err error) {
	b.Helper()
	path, err := findFastCaddy()
	require.NoError(b, err)
	config, dir := writeCaddyfile(b, caddyfile)
	validate := exec.Command(path, "validate", "--config", config, "--adapter", "caddyfile")
	validate.Dir = dir
	printed, err := validate.CombinedOutput()
	return string(printed), err
}

// writeCaddyfile writes a Caddyfile with global options before it.
func writeCaddyfile(t testing.TB, caddyfile string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	config := filepath.Join(dir, "Caddyfile")
	options := fmt.Sprintf(`{
	order invoke first
	admin off
	persist_config off
	auto_https off
	storage file_system %q
	servers {
		protocols h1 h2 h2c
	}
}
`, dir)
	require.NoError(t, os.WriteFile(config, []byte(options+caddyfile), 0o600))
	return config, dir
}

func startCaddy(t testing.TB, path, caddyfile string) (url string, pid int) {
	t.Helper()
	config, dir := writeCaddyfile(t, caddyfile)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	caddy := exec.Command(path, "run", "--config", config, "--adapter", "caddyfile")
	caddy.Dir, caddy.ExtraFiles = dir, []*os.File{socket}
	output, err := caddy.StderrPipe()
	require.NoError(t, err)
	err = caddy.Start()
	closeFiles(t, caddy.ExtraFiles) // if Caddy ends, connections must be refused and not wait
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = caddy.Process.Kill()
		_ = caddy.Wait()
	})
	lines := bufio.NewScanner(output)
	var log []string
	for lines.Scan() && !strings.Contains(lines.Text(), "serving initial configuration") {
		log = append(log, lines.Text())
	}
	require.Contains(t, lines.Text(), "serving initial configuration", "Caddy did not start: %s", strings.Join(log, "\n"))
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return "http://" + listener.Addr().String(), caddy.Process.Pid
}

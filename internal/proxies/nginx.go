package proxies

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FindNginx returns the path of nginx, or an error if it is not installed.
func FindNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} { // Debian's is in the PATH of root alone
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("nginx is not installed: run `make proxies-install`, or install Debian's nginx-light")
}

// Required reports whether tests must fail where a proxy is missing.
func Required() bool { return os.Getenv("CORSRPC_REQUIRE_PROXIES") != "" }

// RequireNginx returns the path of nginx. Where there is none, it skips the
// test or fails it.
func RequireNginx(t testing.TB) string {
	t.Helper()
	path, err := FindNginx()
	switch {
	case err == nil:
	case Required():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return path
}

var nginxVersion = regexp.MustCompile(`nginx/(\d+)\.(\d+)\.`)

// NginxVersion returns the version as one number, 1022 for 1.22.
func NginxVersion(t testing.TB) int {
	t.Helper()
	output, err := exec.Command(RequireNginx(t), "-v").CombinedOutput()
	require.NoError(t, err)
	match := nginxVersion.FindSubmatch(output)
	require.NotNil(t, match, "%s", output)
	major, err := strconv.Atoi(string(match[1]))
	require.NoError(t, err)
	minor, err := strconv.Atoi(string(match[2]))
	require.NoError(t, err)
	return major*1000 + minor
}

// %[1]s are directives of http, %[2]s is the server. Paths are relative to a
// directory of the test.
const nginxConfig = `
daemon off;
master_process off;
pid pid;
error_log stderr notice;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	%[1]s
	%[2]s
}
`

// NginxListen is the address that the server of a configuration for [StartNginx]
// listens on, where it is not StartNginx's own.
const NginxListen = "unix:socket"

// nginxCommand returns the command that runs nginx, and its directory.
func nginxCommand(t testing.TB, http, server string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	path := RequireNginx(t)
	dir, err := os.MkdirTemp("", "nginx") // a socket's path has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if server != "" {
		server = "server {\nlisten " + NginxListen + ";\n" + server + "\n}"
	}
	config := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, nginxConfig, http, server), 0o600))
	nginx := exec.Command(path, append([]string{"-e", "stderr", "-p", dir, "-c", config}, args...)...)
	nginx.Dir = dir
	return nginx, dir
}

// CheckNginx lets nginx test the configuration that [StartNginx] would run. It
// returns what nginx prints, warnings included, and an error if nginx would not
// start.
func CheckNginx(t testing.TB, http, server string) (output string, err error) {
	t.Helper()
	nginx, _ := nginxCommand(t, http, server, "-t")
	printed, err := nginx.CombinedOutput()
	return string(printed), err
}

// StartNginx runs nginx until the test ends, and returns its URL. It is
// configured by the directives of its http block and of its one server. If server
// is empty, those of http have a server that listens on [NginxListen].
//
// nginx listens on a socket of the test's directory, so that no other program
// can take its port, and connections to the URL are led there.
func StartNginx(t testing.TB, http, server string) string {
	t.Helper()
	url, _ := StartNginxProcess(t, http, server)
	return url
}

// StartNginxProcess is [StartNginx] for tests that measure the process.
func StartNginxProcess(t testing.TB, http, server string) (url string, pid int) {
	t.Helper()
	nginx, dir := nginxCommand(t, http, server)
	output, err := nginx.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, nginx.Start())
	t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait()
	})
	// It listens before it reports how it waits for events.
	lines := bufio.NewScanner(output)
	var log []string
	for lines.Scan() && !strings.Contains(lines.Text(), "event method") {
		log = append(log, lines.Text())
	}
	require.Contains(t, lines.Text(), "event method", "nginx did not start: %s", strings.Join(log, "\n"))
	go func() { _, _ = io.Copy(io.Discard, output) }()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go lead(listener, "unix", filepath.Join(dir, "socket"))
	return "http://" + listener.Addr().String(), nginx.Process.Pid
}

// lead leads connections to another address.
func lead(listener net.Listener, network, address string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer conn.Close()
			there, err := net.Dial(network, address)
			if err != nil {
				return
			}
			defer there.Close()
			go func() {
				_, _ = io.Copy(there, conn)
				_ = there.(interface{ CloseWrite() error }).CloseWrite()
			}()
			_, _ = io.Copy(conn, there)
		}()
	}
}

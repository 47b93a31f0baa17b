package proxies

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FindApache returns the path of Apache httpd, or an error if it is not installed
// with its modules as in Debian.
func FindApache() (string, error) {
	for _, name := range []string{"apache2", "/usr/sbin/apache2"} { // Debian's is in the PATH of root alone
		if path, err := exec.LookPath(name); err == nil {
			_, err := os.Stat(apacheModuleDir)
			return path, err
		}
	}
	return "", errors.New("apache2 is not installed: run `make proxies-install`, or install Debian's apache2-bin")
}

// RequireApache returns the path of Apache httpd. Where there is none, it skips the
// test or fails it.
func RequireApache(t testing.TB) string {
	t.Helper()
	path, err := FindApache()
	switch {
	case err == nil:
	case Required():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return path
}

// apacheModules are all that tests use. Others are not loaded.
var apacheModules = strings.Fields(`
	mpm_event authn_core authn_file authz_core authz_user auth_basic alias cache cache_socache deflate env expires headers
	http2 proxy proxy_http proxy_http2 proxy_wstunnel rewrite setenvif socache_shmcb ssl`)

// %[1]s is the directory, %[2]s the modules, %[3]s the address, %[4]s the rest.
// As root, Apache changes to another user for requests.
const apacheConfig = `
ServerRoot %[1]q
DefaultRuntimeDir %[1]q
PidFile pid
ErrorLog /dev/stderr
LogLevel notice ssl:error mpm_event:debug
ServerName api.example.com
%[2]s
<IfModule unixd_module>
	User #65534
	Group #65534
</IfModule>
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
Define CORSRPC_LISTEN %[3]s
Listen ${CORSRPC_LISTEN}
%[4]s
`

// ApacheListen is the address that the virtual hosts of a configuration for
// [StartApache] have.
const ApacheListen = "${CORSRPC_LISTEN}"

// apacheCommand returns the command that runs Apache, in one process, and the
// address that it listens on.
func apacheCommand(t testing.TB, config string, arguments ...string) (apache *exec.Cmd, address string) {
	t.Helper()
	path := RequireApache(t)
	dir, err := os.MkdirTemp("", "apache")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// Apache cannot inherit a socket. Nobody else listens on an address of the
	// loopback network that is drawn at random, where the kernel has a free port.
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	listener, err := net.Listen("tcp", host+":0")
	require.NoError(t, err)
	address = listener.Addr().String()
	require.NoError(t, listener.Close())
	var modules strings.Builder
	for _, module := range apacheModules {
		fmt.Fprintf(&modules, "LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", module, apacheModuleDir)
	}
	file := filepath.Join(dir, "apache.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, apacheConfig, dir, modules.String(), address, config), 0o600))
	apache = exec.Command(path, append([]string{"-f", file}, arguments...)...)
	apache.Dir = dir
	return apache, address
}

const apacheModuleDir = "/usr/lib/apache2/modules" // Debian's

// CheckApache lets Apache test the configuration that [StartApache] would run. It
// returns what Apache prints, warnings included, and an error if Apache would not
// start.
func CheckApache(t testing.TB, config string) (output string, err error) {
	t.Helper()
	apache, _ := apacheCommand(t, config, "-t")
	printed, err := apache.CombinedOutput()
	return string(printed), err
}

// StartApache runs Apache until the test ends, and returns its URL. config has
// virtual hosts at [ApacheListen].
func StartApache(t testing.TB, config string) string {
	t.Helper()
	url, _ := StartApacheProcess(t, config)
	return url
}

// StartApacheProcess is [StartApache] for tests that measure the process.
func StartApacheProcess(t testing.TB, config string) (url string, pid int) {
	t.Helper()
	var log []string
	for range 3 {
		apache, address := apacheCommand(t, config, "-X")
		output, err := apache.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, apache.Start())
		t.Cleanup(func() {
			_ = apache.Process.Kill()
			_ = apache.Wait()
		})
		// It listens before it reports that it has its configuration.
		lines := bufio.NewScanner(output)
		log = nil
		for lines.Scan() && !strings.Contains(lines.Text(), "Child 0 started") {
			log = append(log, lines.Text())
		}
		if strings.Contains(strings.Join(log, "\n"), "could not bind to address") {
			continue // to another one
		}
		require.Contains(t, lines.Text(), "Child 0 started", "Apache did not start: %s", strings.Join(log, "\n"))
		go func() { _, _ = io.Copy(io.Discard, output) }()

		// Pages in browsers reach 127.0.0.1 alone.
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		go lead(listener, "tcp", address)
		return "http://" + listener.Addr().String(), apache.Process.Pid
	}
	t.Fatalf("Apache finds no address: %s", strings.Join(log, "\n"))
	return "", 0
}

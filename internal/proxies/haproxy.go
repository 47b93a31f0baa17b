package proxies

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FindHAProxy returns the path of HAProxy, or an error if it is not installed.
func FindHAProxy() (string, error) {
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy"} { // Debian's is in the PATH of root alone
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("HAProxy is not installed: run `make proxies-install`, or install Debian's haproxy")
}

// RequireHAProxy returns the path of HAProxy. Where there is none, it skips the
// test or fails it.
func RequireHAProxy(t testing.TB) string {
	t.Helper()
	path, err := FindHAProxy()
	switch {
	case err == nil:
	case Required():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return path
}

// CheckHAProxy returns what HAProxy reports about configuration files, and an
// error if it would not start with them.
func CheckHAProxy(t testing.TB, files ...string) (string, error) {
	t.Helper()
	check, _ := haproxyCommand(t, "-c", files)
	output, err := check.CombinedOutput()
	closeFiles(t, check.ExtraFiles)
	return string(output), err
}

// haproxyCommand returns a command that has not been started, with a socket that
// listens, and the socket's address.
func haproxyCommand(t testing.TB, mode string, files []string) (*exec.Cmd, string) {
	t.Helper()
	arguments := []string{mode}
	for _, file := range files {
		arguments = append(arguments, "-f", file)
	}
	command := exec.Command(RequireHAProxy(t), arguments...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	command.ExtraFiles = []*os.File{socket}
	return command, listener.Addr().String()
}

func closeFiles(t testing.TB, files []*os.File) {
	t.Helper()
	for _, file := range files {
		require.NoError(t, file.Close())
	}
}

// HAProxyBind is the address to which the configuration for [StartHAProxy] binds
// its frontend.
const HAProxyBind = "fd@3"

// An HAProxy is a running process.
type HAProxy struct {
	URL string
	PID int
}

// StartHAProxy runs HAProxy with configuration files, in order, until the test
// ends. One of them must bind a frontend to [HAProxyBind].
//
// HAProxy inherits the socket, so that no other program can take its port, and
// connections wait for it while it starts.
func StartHAProxy(t testing.TB, files ...string) *HAProxy {
	t.Helper()
	var log lockedBuffer
	haproxy, address := haproxyCommand(t, "-db", files)
	haproxy.Stdout, haproxy.Stderr = &log, &log
	err := haproxy.Start()
	closeFiles(t, haproxy.ExtraFiles) // if HAProxy ends, connections must be refused and not wait
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = haproxy.Process.Kill()
		_ = haproxy.Wait()
		if t.Failed() {
			t.Logf("HAProxy: %s", log.String())
		}
	})
	return &HAProxy{URL: "http://" + address, PID: haproxy.Process.Pid}
}

// A lockedBuffer can be written while it is read.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

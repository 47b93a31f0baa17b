package browsers

import (
	"context"
	"crypto/x509"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMissingEngineIsNamed(t *testing.T) {
	t.Parallel()
	absent := &Engine{
		Name:        "Lynx",
		Packages:    []string{"lynx", "xvfb"},
		Executables: []string{"no-such-browser", "/no/such/*/browser"},
	}
	_, versionErr := absent.Version(t.Context())
	_, openErr := absent.Open(t.Context(), "http://localhost/", Options{})
	for _, err := range []error{versionErr, openErr} {
		var missing *MissingError
		require.ErrorAs(t, err, &missing)
		assert.Same(t, absent, missing.Engine)
		assert.ErrorContains(t, err, "Lynx is not installed")
		assert.ErrorContains(t, err, "no-such-browser")
		assert.ErrorContains(t, err, `["lynx" "xvfb"]`)
	}
}

// What is not a version is an error.
func TestVersionIsFoundInWhatTheBrowserPrints(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ printed, version string }{
		{"Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", "156.0.8078.79"},
		{"Mozilla Firefox 153.7.0esr", "153.7.0esr"},
		{"WebKitGTK 2.50.6", "2.50.6"},
		{"no such option", ""},
	} {
		version, err := versionIn(row.printed)
		assert.Equal(t, row.version, version)
		assert.Equal(t, row.version == "", err != nil, "%v", err)
	}
}

// script returns an engine whose browser is a shell script: its first argument is
// the URL.
func script(text string) *Engine {
	return &Engine{
		Name:        "a script",
		Executables: []string{"sh"},
		Command: func(executable, _ string, _ Options) (*exec.Cmd, error) {
			return exec.Command(executable, "-c", text, "browser"), nil
		},
	}
}

func TestBrowserEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b, err := script("sleep 1000").Open(ctx, "http://localhost/", Options{})
	require.NoError(t, err)
	cancel()
	<-b.Done()
	assert.NoError(t, b.Close())
}

func TestBrowserIsGivenArgumentsBeforeTheURL(t *testing.T) {
	t.Parallel()
	b, err := script(`echo "$@"`).Open(t.Context(), "http://localhost/", Options{Args: []string{"--one", "--two"}})
	require.NoError(t, err)
	<-b.Done()
	assert.Equal(t, "--one --two http://localhost/\n", b.Output())
	assert.NoError(t, b.Close())
}

func TestFirefoxTrusts(t *testing.T) {
	t.Parallel()
	trust := &Trust{Certificate: &x509.Certificate{Raw: []byte("a certificate")}, Hosts: []string{"localhost:1", "127.0.0.1:2"}}
	lines := strings.Split(string(overrides(trust)), "\n")
	require.Len(t, lines, 3)
	assert.Regexp(t, `^localhost:1:\tOID\.2\.16\.840\.1\.101\.3\.4\.2\.1\t([0-9A-F]{2}:){31}[0-9A-F]{2}\t$`, lines[0])
	assert.Regexp(t, `^127\.0\.0\.1:2:\t`, lines[1])
	assert.Empty(t, lines[2])
}

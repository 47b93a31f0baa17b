package browsertest

import (
	"context"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMissingEngineIsNamed(t *testing.T) {
	t.Parallel()
	absent := &Engine{
		Name:        "Lynx",
		Packages:    []string{"lynx", "xvfb"},
		executables: []string{"no-such-browser", "/no/such/*/browser"},
	}
	_, versionErr := absent.Version(t.Context())
	_, openErr := absent.Open(t.Context(), "http://localhost/", nil)
	for _, err := range []error{versionErr, openErr} {
		var missing *MissingError
		require.ErrorAs(t, err, &missing)
		assert.Same(t, absent, missing.Engine)
		assert.ErrorContains(t, err, "Lynx is not installed")
		assert.ErrorContains(t, err, "no-such-browser")
		assert.ErrorContains(t, err, `["lynx" "xvfb"]`)
	}
}

// What is no version is an error, and not a version.
func TestVersionIsFoundInWhatTheBrowserPrints(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ printed, version string }{
		{"Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", "156.0.8078.79"},
		{"Mozilla Firefox 153.7.0esr", "153.7.0esr"},
		{"WebKitGTK 2.50.6", "2.50.6"},
		{"no such option", ""},
	} {
		e := script(t, "echo '"+row.printed+"'")
		version, err := e.Version(t.Context())
		assert.Equal(t, row.version, version)
		assert.Equal(t, row.version == "", err != nil, "%v", err)
	}
}

// script returns an engine that runs a shell script.
func script(t *testing.T, text string) *Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "browser")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return &Engine{
		Name:        "a script",
		executables: []string{path},
		command: func(executable, _, url string, _ *Trust) (*exec.Cmd, error) {
			return exec.Command(executable, url), nil
		},
	}
}

// A browser is ended with all that it has started, and its profile removed.
func TestCloseEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	require.NoError(t, syscall.Mkfifo(started, 0o600))
	e := script(t, "sleep 1000 & echo $! $HOME >"+started+"; wait")
	b, err := e.Open(t.Context(), "http://localhost/", nil)
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
	// It may be a zombie until its new parent has looked after it.
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
		assert.Contains(t, string(status), ") Z ", "the child still runs")
	}
}

func TestBrowserEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b, err := script(t, "sleep 1000").Open(ctx, "http://localhost/", nil)
	require.NoError(t, err)
	cancel()
	<-b.process.ended
	assert.NoError(t, b.Close())
}

func TestReportOfABrowserThatEnds(t *testing.T) {
	t.Parallel()
	b, err := script(t, "echo no display >&2").Open(t.Context(), "http://localhost/", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	err = NewPage(nil, nil).Report(b, new(any))
	assert.ErrorContains(t, err, "no display")
}

func TestReportOfAPageThatFails(t *testing.T) {
	t.Parallel()
	b, err := script(t, "sleep 1000").Open(t.Context(), "http://localhost/", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	for _, row := range []struct{ posted, err string }{
		{`{"failure": "the page has no client x"}`, "the page failed: the page has no client x"},
		{`{"calls": 1}`, "cannot unmarshal number"},
		{`{`, "unexpected end of JSON input"},
		{`{"calls": []}`, ""},
	} {
		page := NewPage(nil, nil)
		page.GoOn("")
		page.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/report", strings.NewReader(row.posted)))
		var report jobReport
		if err := page.Report(b, &report); row.err == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, row.err)
		}
	}
}

func TestFirefoxTrusts(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	lines := strings.Split(string(overrides(&Trust{id.pair.Leaf, []string{"localhost:1", "127.0.0.1:2"}})), "\n")
	require.Len(t, lines, 3)
	assert.Regexp(t, `^localhost:1:\tOID\.2\.16\.840\.1\.101\.3\.4\.2\.1\t([0-9A-F]{2}:){31}[0-9A-F]{2}\t$`, lines[0])
	assert.Regexp(t, `^127\.0\.0\.1:2:\t`, lines[1])
	assert.Empty(t, lines[2])
}

package browsers

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpenTabOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	_, err := script("exit").OpenTab(t.Context(), Options{})
	assert.EqualError(t, err, "a tab of a script: this browser has no tabs that a test controls")
}

// Marionette writes its port to a file, which a Firefox that fails never does.
func TestMarionetteOfABrowserThatEnds(t *testing.T) {
	t.Parallel()
	b, err := script("echo no display >&2").Open(t.Context(), "", Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	_, err = connectMarionette(b)
	assert.ErrorContains(t, err, "the browser ended before it wrote")
	assert.ErrorContains(t, err, "no display")
}

// A closedDriver is one whose browser has ended.
type closedDriver struct{ driver }

func (closedDriver) Evaluate(string, any) error { return errors.New("the pipe is closed") }
func (closedDriver) disconnect()                {}

func TestWaitOfATabThatEnds(t *testing.T) {
	t.Parallel()
	b, err := script("exit").Open(t.Context(), "", Options{})
	require.NoError(t, err)
	tab := &Tab{b, closedDriver{}}
	assert.EqualError(t, tab.Wait("document.title"), "the browser ended before document.title; the last error was the pipe is closed")
	assert.NoError(t, tab.Close())
	assert.NoError(t, tab.Close(), "a second time")
}

func TestFirefoxProxy(t *testing.T) {
	t.Parallel()
	text, err := preferences(Options{Proxy: "127.0.0.1:8080"})
	require.NoError(t, err)
	assert.Contains(t, string(text), `user_pref("network.proxy.http", "127.0.0.1");`)
	assert.Contains(t, string(text), `user_pref("network.proxy.http_port", 8080);`)
	text, err = preferences(Options{})
	require.NoError(t, err)
	assert.Contains(t, string(text), `user_pref("network.proxy.http_port", 9);`)
	_, err = preferences(Options{Proxy: "127.0.0.1"})
	assert.ErrorContains(t, err, "missing port")
}

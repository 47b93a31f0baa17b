package browsertest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// An Engine is one of the browsers that the tests are for, installed or not. Its
// methods may be called concurrently.
type Engine struct {
	// Name is "Chromium", "Firefox" or "WebKit".
	Name string
	// Packages are what Debian calls it, and what it needs to run here.
	Packages []string

	// executables are names to look up in PATH, or patterns of absolute paths.
	executables []string
	// display says that the browser has no mode without one.
	display bool
	// command returns how to open a page. home is an empty directory.
	command func(executable, home, url string, trust *Trust) (*exec.Cmd, error)
}

// Engines are all that the tests are for.
var Engines = []*Engine{chromium, firefox, webKit}

// Trust makes a browser accept a certificate that nobody it knows has signed.
type Trust struct {
	Certificate *x509.Certificate
	// Hosts are those that the pages load from with it, host:port each.
	Hosts []string
}

// A MissingError says that a browser, or what it needs, is not installed.
type MissingError struct {
	Engine *Engine
	Reason string
}

// Error says what to install.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not installed, %s: run `make browsers-install` as root on Debian, or install what is called %q there",
		e.Engine.Name, e.Reason, e.Engine.Packages)
}

// find returns the path of the browser, or a [*MissingError].
func (e *Engine) find() (string, error) {
	if e.display {
		if _, err := exec.LookPath(xvfb); err != nil {
			return "", &MissingError{e, "there is no " + xvfb}
		}
	}
	for _, executable := range e.executables {
		if !filepath.IsAbs(executable) {
			if path, err := exec.LookPath(executable); err == nil {
				return path, nil
			}
			continue
		}
		paths, err := filepath.Glob(executable)
		if err != nil {
			return "", err // the pattern is malformed
		}
		if len(paths) > 0 {
			return paths[len(paths)-1], nil // the latest of webkit2gtk-4.0 and -4.1
		}
	}
	return "", &MissingError{e, fmt.Sprintf("there is none of %q", e.executables)}
}

var version = regexp.MustCompile(`\b[0-9]+(\.[0-9]+)+[a-z]*`)

// Version returns what the browser says of itself, "156.0.8078.79". The error is
// a [*MissingError] where it is not installed.
func (e *Engine) Version(ctx context.Context) (string, error) {
	path, err := e.find()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, "--version")
	if e.display {
		screen, err := openScreen(ctx)
		if err != nil {
			return "", err
		}
		defer screen.close()
		cmd.Env = append(os.Environ(), "DISPLAY="+screen.name)
	}
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	found := version.FindString(string(output))
	if found == "" {
		return "", fmt.Errorf("%s --version printed %q, which has no version in it", path, output)
	}
	return found, nil
}

// Open starts the browser with a fresh profile and has it load a page. trust may
// be nil. It is up to the caller to Close the Browser; it is ended when ctx is
// done, too.
func (e *Engine) Open(ctx context.Context, url string, trust *Trust) (_ *Browser, err error) {
	path, err := e.find()
	if err != nil {
		return nil, err
	}
	b := &Browser{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.home, err = os.MkdirTemp("", "browsertest-"); err != nil {
		return nil, err
	}
	cmd, err := e.command(path, b.home, url, trust)
	if err != nil {
		return nil, err
	}
	// What the browser keeps, it keeps in its own home: settings, caches,
	// sockets. It speaks English and finds nobody's session.
	cmd.Env = append(append(os.Environ(), cmd.Env...),
		"HOME="+b.home,
		"XDG_CONFIG_HOME="+b.home,
		"XDG_CACHE_HOME="+b.home,
		"XDG_DATA_HOME="+b.home,
		"XDG_RUNTIME_DIR="+b.home,
		"DBUS_SESSION_BUS_ADDRESS=disabled:",
		"LANG=C.UTF-8",
	)
	if e.display {
		if b.screen, err = openScreen(ctx); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "DISPLAY="+b.screen.name)
	}
	if b.process, err = start(ctx, cmd); err != nil {
		return nil, err
	}
	return b, nil
}

// Browsers are to load nothing but from this machine: for all else they go by a
// proxy at the port for what is to be discarded (RFC 863), where nobody listens.
const (
	nowhereHost = "127.0.0.1"
	nowherePort = 9
	nowhere     = "http://127.0.0.1:9"
)

// A Browser has a page open. Its methods may be called concurrently, on a nil
// Browser too.
type Browser struct {
	home    string
	screen  *screen
	process *process
}

// Output returns the last of what the browser printed: a hint where a page does
// not report.
func (b *Browser) Output() string { return b.process.output.String() }

// Close ends the browser and removes its profile.
func (b *Browser) Close() error {
	b.process.end()
	b.screen.close()
	return os.RemoveAll(b.home)
}

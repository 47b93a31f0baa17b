package browsers

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// An Engine is a browser that can be installed. Its methods can be called
// concurrently.
type Engine struct {
	// Name is "Chromium", "Firefox" or "WebKit".
	Name string
	// Packages are the Debian packages of the browser and of what it needs.
	Packages []string
	// Executables are names to look up in PATH, or patterns of absolute paths.
	Executables []string
	// Display is true if the browser has no headless mode that serves here.
	Display bool
	// Command returns the command to which Open adds Options.Args and the URL. home is
	// an empty directory.
	Command func(executable, home string, options Options) (*exec.Cmd, error)
}

// Engines are all browsers that the tests are for.
var Engines = []*Engine{Chromium, Firefox, WebKit}

// Options change how a browser is opened. The zero value is a browser with a fresh
// profile that trusts the certificates that it knows.
type Options struct {
	// Trust is a certificate to accept, if it is not nil.
	Trust *Trust
	// Dark lets pages see that the user prefers a dark colour scheme.
	Dark bool
	// Proxy is the host:port of an HTTP proxy for everything that is not loopback. If
	// it is empty, nothing else can be reached.
	Proxy string
	// Args are further arguments, in the engine's own language.
	Args []string
	// Files are inherited by the browser as file descriptors 3, 4 and so on.
	Files []*os.File
}

// Trust makes a browser accept a certificate that is signed by nobody it knows.
type Trust struct {
	Certificate *x509.Certificate
	// Hosts are those that the pages load from with it, each as host:port.
	Hosts []string
}

// A MissingError reports that a browser, or what it needs, is not installed.
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
	if e.Display {
		if _, err := exec.LookPath(xvfb); err != nil {
			return "", &MissingError{e, "there is no " + xvfb}
		}
	}
	for _, executable := range e.Executables {
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
	return "", &MissingError{e, fmt.Sprintf("there is none of %q", e.Executables)}
}

// Version returns the browser's version, such as "156.0.8078.79". The error is a
// [*MissingError] if the browser is not installed.
func (e *Engine) Version(ctx context.Context) (string, error) {
	path, err := e.find()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, "--version")
	if e.Display {
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
	version, err := versionIn(string(output))
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	return version, nil
}

var version = regexp.MustCompile(`\b[0-9]+(\.[0-9]+)+[a-z]*`)

// versionIn returns the version in what a browser prints.
func versionIn(printed string) (string, error) {
	found := version.FindString(printed)
	if found == "" {
		return "", fmt.Errorf("there is no version in %q", printed)
	}
	return found, nil
}

// Open starts the browser with a fresh profile and loads a page, unless url is
// empty. The caller must close the Browser. It ends when ctx is done, too.
func (e *Engine) Open(ctx context.Context, url string, options Options) (_ *Browser, err error) {
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
	if b.home, err = os.MkdirTemp("", "browsers-"); err != nil {
		return nil, err
	}
	cmd, err := e.Command(path, b.home, options)
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, options.Args...)
	if url != "" {
		cmd.Args = append(cmd.Args, url)
	}
	cmd.ExtraFiles = options.Files
	// The browser keeps settings, caches and sockets in its own home, speaks
	// English, and finds nobody's session.
	cmd.Env = append(append(os.Environ(), cmd.Env...),
		"HOME="+b.home,
		"XDG_CONFIG_HOME="+b.home,
		"XDG_CACHE_HOME="+b.home,
		"XDG_DATA_HOME="+b.home,
		"XDG_RUNTIME_DIR="+b.home,
		"DBUS_SESSION_BUS_ADDRESS=disabled:",
		"LANG=C.UTF-8",
	)
	if e.Display {
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

// proxy returns the host:port to which everything goes that is not loopback: by
// default the discard port (RFC 863), where nobody listens.
func (o Options) proxy() string { return cmp.Or(o.Proxy, "127.0.0.1:9") }

// A Browser has a page open. Its methods can be called concurrently.
type Browser struct {
	home    string
	screen  *screen
	process *process
}

// Done returns a channel that is closed when the browser has ended.
func (b *Browser) Done() <-chan struct{} { return b.process.ended }

// Output returns the last of what the browser printed: a hint where a page does
// not report.
func (b *Browser) Output() string { return b.process.output.String() }

// Close ends the browser and removes its profile. It can be called twice.
func (b *Browser) Close() error {
	b.process.end()
	b.screen.close()
	return os.RemoveAll(b.home)
}

package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var matrixPath = flag.String("matrix", "", "write the matrix to this `file`")

// interrupted is done when somebody wants the tests to end, so that no browser is
// left running.
var interrupted, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

// matrix gathers what the tests find.
var matrix Matrix

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	stop()
	if *matrixPath != "" {
		if err := writeMatrix(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// forEachEngine runs a test in every browser that is here, one after the other.
func forEachEngine(t *testing.T, test func(ctx context.Context, t *testing.T, e *Engine)) {
	for _, e := range Engines {
		t.Run(e.Name, func(t *testing.T) {
			_, err := e.Version(interrupted)
			var missing *MissingError
			if errors.As(err, &missing) && os.Getenv("CORSRPC_REQUIRE_BROWSERS") == "" {
				t.Skip(missing)
			}
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(interrupted, 5*time.Minute)
			defer cancel()
			test(ctx, t, e)
		})
	}
}

// check runs a subtest and counts it.
func check(t *testing.T, r Result, name string, test func(t *testing.T)) {
	t.Helper()
	matrix.Add(r, name, t.Run(r.Row+"/"+name, test))
}

func writeMatrix() error {
	matrix.Date = time.Now().UTC().Format(time.DateOnly)
	for _, e := range Engines {
		version, err := e.Version(context.Background())
		if err != nil {
			return err
		}
		matrix.Engines = append(matrix.Engines, Version{e.Name, version})
	}
	var err error
	if matrix.Servers, err = serverVersions(); err != nil {
		return err
	}
	if matrix.Clients, err = clientVersions(); err != nil {
		return err
	}
	matrix.Calls, matrix.Settings = callNames(), settingTitles()
	return matrix.Write(*matrixPath)
}

func callNames() []string {
	var names []string
	for i := range calls {
		names = append(names, calls[i].name)
	}
	return names
}

func settingTitles() []string {
	var titles []string
	for _, s := range settings {
		titles = append(titles, s.title)
	}
	return titles
}

var connectVersion = regexp.MustCompile(`(?m)^\s*connectrpc\.com/connect (v\S+)`)

func serverVersions() ([]Version, error) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return nil, err
	}
	connect := connectVersion.FindSubmatch(mod)
	if connect == nil {
		return nil, errors.New("go.mod does not require connectrpc.com/connect")
	}
	return []Version{{"connect-go", string(connect[1])}, {"Go", strings.TrimPrefix(runtime.Version(), "go")}}, nil
}

// clientVersions returns those that the page's bundle is made of.
func clientVersions() ([]Version, error) {
	text, err := os.ReadFile("web/package.json")
	if err != nil {
		return nil, err
	}
	var file struct{ DevDependencies map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	var versions []Version
	known := map[string]bool{}
	for _, c := range clients {
		version, ok := file.DevDependencies[c.npm]
		if !ok {
			return nil, fmt.Errorf("web/package.json does not have %s", c.npm)
		}
		if !known[c.npm] {
			known[c.npm] = true
			versions = append(versions, Version{c.npm, version})
		}
	}
	return versions, nil
}

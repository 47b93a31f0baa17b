package browsertest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

var matrixPath = flag.String("matrix", "", "write the matrix to this `file`")

// matrix gathers what the tests find.
var matrix Matrix

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *matrixPath != "" {
		if err := writeMatrix(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// check runs a subtest and counts it.
func check(t *testing.T, r Result, name string, test func(t *testing.T)) {
	t.Helper()
	matrix.Add(r, name, t.Run(r.Row+"/"+name, test))
}

func writeMatrix() error {
	matrix.Date = time.Now().UTC().Format(time.DateOnly)
	for _, e := range browsers.Engines {
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

// clientVersions returns those that the page's bundle is made of.
func clientVersions() ([]Version, error) {
	text, err := os.ReadFile("../../web/package.json")
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

package citest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/citest"
)

const pluginDir = "cmd/buf-plugin-corsrpc"

// A section of docs/buf-plugin.md is that of one rule.
type section struct {
	rule    string
	schemas []string // bad and good, or old and new
	output  string   // of buf, for the bad or the new schema
}

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// pluginDocument returns what docs/buf-plugin.md tells people to run, to put in
// buf.yaml, and to expect.
func pluginDocument(t *testing.T) (install, config string, sections []section) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/buf-plugin.md"))
	require.NoError(t, err)
	parts := regexp.MustCompile(`(?m)^### (CORSRPC_\w+)$`).Split(string(text), -1)
	rules := regexp.MustCompile(`(?m)^### (CORSRPC_\w+)$`).FindAllStringSubmatch(string(text), -1)
	for _, match := range fence.FindAllStringSubmatch(parts[0], -1) {
		switch match[1] {
		case "sh":
			install += match[2]
		case "yaml":
			config += match[2]
		}
	}
	for i, part := range parts[1:] {
		s := section{rule: rules[i][1]}
		for _, match := range fence.FindAllStringSubmatch(part, -1) {
			switch match[1] {
			case "protobuf":
				s.schemas = append(s.schemas, match[2])
			case "text":
				s.output += match[2]
			}
		}
		require.Len(t, s.schemas, 2, s.rule)
		sections = append(sections, s)
	}
	return install, config, sections
}

// newPluginRepository returns the repository of a server with the plugin, as the
// document tells to add it, from a module proxy that has this tree.
func newPluginRepository(t *testing.T) (*repository, []section) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("LEFT OUT: whether the commands of docs/buf-plugin.md work, since Windows has no bash to run them")
	}
	buf, err := filepath.Abs(filepath.Join(root, "internal/tools/node_modules/.bin"))
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(buf, "buf")); err != nil {
		require.Empty(t, os.Getenv("CORSRPC_REQUIRE_NPM"), "buf is missing: run make generate-check")
		t.Skip("LEFT OUT: what docs/buf-plugin.md shows, since there is no buf: make generate-check installs it")
	}
	modules, err := citest.FindPublished(root)
	require.NoError(t, err)
	i := slices.IndexFunc(modules, func(m citest.Published) bool { return m.Dir == pluginDir })
	require.NotEqual(t, -1, i)
	proxy := t.TempDir()
	require.NoError(t, citest.WriteModule(proxy, root, ".", modules[i].Root))
	require.NoError(t, citest.WriteModule(proxy, root, pluginDir, version))
	env, err := citest.ProxyEnv(proxy, t.TempDir())
	require.NoError(t, err)
	r := newRepository(t, buf)
	r.env = append(r.env, slices.DeleteFunc(env, func(s string) bool { return !strings.HasPrefix(s, "GO") })...)

	install, config, sections := pluginDocument(t)
	r.run(install)
	assert.Contains(t, r.read("go.mod"), "tool "+path+"/"+pluginDir)
	r.write("buf.yaml", config)
	return r, sections
}

// The exit statuses of buf.
const (
	fine     = 0
	failed   = 1
	findings = 100
)

// buf runs buf and returns what it printed and its exit status.
func (r *repository) buf(arguments string) (output string, status int) {
	r.t.Helper()
	output, err := r.try("buf " + arguments)
	exit := &exec.ExitError{}
	if errors.As(err, &exit) {
		return output, exit.ExitCode()
	}
	require.NoError(r.t, err)
	return output, fine
}

// A finding is one line that buf prints with --error-format json.
type finding struct {
	Path    string `json:"path"`
	Line    int    `json:"start_line"`
	Column  int    `json:"start_column"`
	Type    string `json:"type"`
	Message string `json:"message"`
	Plugin  string `json:"plugin"`
}

// text returns the line that buf prints without it.
func (f finding) text() string {
	return fmt.Sprintf("%s:%d:%d:%s (%s)\n", f.Path, f.Line, f.Column, f.Message, f.Plugin)
}

// bufFindings runs buf, which must find something.
func (r *repository) bufFindings(arguments string) []finding {
	r.t.Helper()
	output, status := r.buf(arguments + " --error-format json")
	require.Equal(r.t, findings, status, output)
	var found []finding
	for line := range strings.Lines(output) {
		var f finding
		require.NoError(r.t, json.Unmarshal([]byte(line), &f), line)
		found = append(found, f)
	}
	return found
}

// file returns the name and text of a file with the services of an example,
// which begin on line 1. Each rule has a package of its own, so that buf, which
// starts the plugin nine times, runs once for all of them.
func (s section) file(services string) (name, text string) {
	text = `syntax = "proto3"; package ` + s.pkg() + "; "
	if strings.Contains(services, "(corsrpc.") {
		text += `import "corsrpc/v1/options.proto"; `
	}
	messages := regexp.MustCompile(`\w+(?:Request|Response)\b`).FindAllString(services, -1)
	slices.Sort(messages)
	for _, message := range slices.Compact(messages) {
		text += "message " + message + " {} "
	}
	return strings.ReplaceAll(s.pkg(), ".", "/") + "/shop.proto", text + services
}

func (s section) pkg() string { return "acme." + strings.ToLower(s.rule) + ".v1" }

func (s section) breaking() bool { return strings.HasPrefix(s.rule, "CORSRPC_PAGE_CAN_") }

// check compares what buf found in the package of the example with the document.
func (s section) check(t *testing.T, found []finding) {
	t.Helper()
	output := ""
	for _, f := range found {
		if f.Type == s.rule || strings.Contains(f.Path, strings.ToLower(s.rule)) {
			assert.Equal(t, s.rule, f.Type, f.text())
			output += f.text()
		}
	}
	output = strings.ReplaceAll(output, s.pkg(), "acme.shop.v1")
	assert.Equal(t, s.output, strings.ReplaceAll(output, strings.ReplaceAll(s.pkg(), ".", "/"), "acme/shop/v1"))
}

// Every example of docs/buf-plugin.md does what the document says, in buf.
func TestBufPlugin(t *testing.T) {
	r, sections := newPluginRepository(t)

	listed, err := r.try("go tool buf-plugin-corsrpc list-rules --format json </dev/null")
	require.NoError(t, err, listed)
	help, err := r.try("go tool buf-plugin-corsrpc --help")
	require.NoError(t, err)
	for line := range strings.Lines(r.read("buf.yaml")) {
		assert.Contains(t, help, line, "the help shows what the document does")
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+r.read("buf.yaml")+"```", "README too")
	var documented []string
	for _, s := range sections {
		documented = append(documented, s.rule)
	}
	rules := regexp.MustCompile(`CORSRPC_\w+`).FindAllString(listed, -1)
	slices.Sort(rules)
	assert.ElementsMatch(t, slices.Compact(rules), documented, "the document has every rule")

	// The demo's shop, with git, as in CI.
	r.run("git init -q -b main && git add -A && git commit -q -m old")
	r.replace("acme/shop/v1/catalog.proto", `response_headers: "x-catalog-version"`, "")
	lost := r.bufFindings("breaking --against .git#branch=main")
	for _, f := range lost {
		assert.Equal(t, "CORSRPC_PAGE_CAN_READ", f.Type)
		assert.Contains(t, f.Message, "pages can no longer read X-Catalog-Version from /acme.shop.v1.CatalogService/")
	}
	assert.Len(t, lost, 2, "of GetProduct and WatchPrices")

	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "acme")))
	for _, s := range sections {
		r.write(s.file(s.schemas[0]))
	}
	r.run("buf build -o old.binpb")
	lint := r.bufFindings("lint")
	for _, s := range sections {
		r.write(s.file(s.schemas[1]))
	}
	breaking := r.bufFindings("breaking --against old.binpb --path " + strings.Join(breakingPaths(sections), " --path "))
	output, status := r.buf("lint")
	assert.Equal(t, fine, status, output)
	for _, s := range sections {
		t.Run(s.rule, func(t *testing.T) {
			if s.breaking() {
				s.check(t, breaking)
			} else {
				s.check(t, lint)
			}
		})
	}

	for _, test := range []struct {
		name, file, old, new string
		status               int
		output               string
	}{
		{"an unknown option", "buf.yaml", "audiences:", "audience:", failed, `unknown option "audience": the only option of this plugin is audiences`},
		{"an option of a wrong type", "buf.yaml", "[storefront, backoffice]", "storefront", failed, "the option audiences is not a list of strings: write audiences: [storefront, backoffice]"},
		{
			"a schema with options of a later version", "corsrpc/v1/options.proto", "repeated string request_headers = 1;", "repeated string request_headers = 9;", failed,
			"cannot be read: (corsrpc.v1.method) has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports",
		},
		{"an import that does not resolve", "corsrpc/v1/options.proto", "google/protobuf/descriptor.proto", "google/protobuf/descriptors.proto", findings, "corsrpc/v1/options.proto:46:1:imported file does not exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := r.read(test.file)
			defer r.write(test.file, before)
			r.replace(test.file, test.old, test.new)
			output, status := r.buf("lint")
			assert.Equal(t, test.status, status)
			assert.NotContains(t, output, "panic")
			assert.Contains(t, output, test.output)
		})
	}
}

// breakingPaths are the files of the breaking rules' examples.
func breakingPaths(sections []section) []string {
	var paths []string
	for _, s := range sections {
		if s.breaking() {
			name, _ := s.file("")
			paths = append(paths, name)
		}
	}
	return paths
}

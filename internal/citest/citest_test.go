package citest_test

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/citest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const (
	root    = "../.."
	path    = citest.ModulePath
	version = "v0.999.0"
)

// A workflow is as much of one of GitHub Actions as docs/ci.md has. Other fields
// are an error.
type workflow struct {
	Name        string            `yaml:"name"`
	On          string            `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]struct {
		RunsOn string            `yaml:"runs-on"`
		Env    map[string]string `yaml:"env"`
		Steps  []struct {
			Name string         `yaml:"name"`
			Uses string         `yaml:"uses"`
			With map[string]any `yaml:"with"`
			Run  string         `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// document returns the workflow and the shell commands of docs/ci.md.
func document(t *testing.T) (w workflow, install string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/ci.md"))
	require.NoError(t, err)
	fenced := func(language string) string {
		match := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(text, -1)
		require.Len(t, match, 1, language)
		return string(match[0][1])
	}
	decoder := yaml.NewDecoder(strings.NewReader(fenced("yaml")))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&w))
	return w, fenced("sh")
}

func TestWorkflow(t *testing.T) {
	t.Parallel()
	w, _ := document(t)
	assert.Equal(t, "pull_request", w.On)
	assert.Equal(t, map[string]string{"contents": "read"}, w.Permissions, "no more than it needs")
	require.Len(t, w.Jobs, 2)
	for name, job := range w.Jobs {
		assert.NotEmpty(t, job.RunsOn, name)
		for i, step := range job.Steps {
			assert.True(t, (step.Run == "") != (step.Uses == ""), "%s, step %d: either run or uses", name, i)
			if step.Uses != "" {
				assert.Regexp(t, `^[a-z-]+/[a-z-]+@v\d+$`, step.Uses, name)
			}
		}
	}
}

// The run lines pass on a pull request that takes nothing away, and fail on one
// that does.
func TestRunLines(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the run lines of docs/ci.md are bash, for a job on ubuntu-latest: Windows cannot run them")
	}
	buf, err := filepath.Abs(filepath.Join(root, "internal/tools/node_modules/.bin"))
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(buf, "buf")); err != nil {
		require.Empty(t, os.Getenv("CORSRPC_REQUIRE_NPM"), "buf is missing: run make generate-check")
		t.Skip("LEFT OUT: the run lines of docs/ci.md, since there is no buf: make generate-check installs it")
	}
	w, install := document(t)
	r := newRepository(t, buf)

	r.run("git init -q -b main && git add -A && git commit -q -m old && git update-ref refs/remotes/origin/main HEAD")
	r.run(install)
	assert.Contains(t, r.read("go.mod"), "tool "+path+"/cmd/corsrpc")

	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{"https://app.example.com"}, Audiences: map[string][]string{"storefront": {"https://app.example.com"}, "backoffice": {}},
	})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(policy.Wrap(shop.NewHandler()))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	r.write("preview.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	r.run("go tool corsrpc help") // builds it, before the roots are others
	r.env = append(r.env, "PREVIEW_URL="+server.URL, "GITHUB_BASE_REF=main", "SSL_CERT_FILE="+filepath.Join(r.dir, "preview.pem"))

	steps := func(job string) (output string, err error) {
		for _, step := range w.Jobs[job].Steps {
			if step.Run == "" {
				continue
			}
			text, err := r.try(step.Run)
			output += text
			if err != nil {
				return output, fmt.Errorf("%s: %w\n%s", step.Name, err, output)
			}
		}
		return output, nil
	}
	output, err := steps("compare")
	require.NoError(t, err)
	assert.Empty(t, output, "no annotation")
	output, err = steps("preview")
	require.NoError(t, err)
	assert.Contains(t, output, "all 25 calls are as expected")

	// A pull request that takes a header away.
	r.replace("acme/shop/v1/catalog.proto", `response_headers: "x-catalog-version"`, "")
	output, err = steps("compare")
	require.Error(t, err)
	assert.Contains(t, output, "::error title=Pages can no longer::Pages can no longer read the header X-Catalog-Version ")

	// A preview that the policy's origin cannot call.
	policyText := r.read("policy.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "policy.yaml"), []byte(policyText+"credentails: on\n"), 0o600))
	output, err = steps("preview")
	require.Error(t, err)
	assert.Contains(t, output, `policy.yaml:5:1: unknown field "credentails"; did you mean credentials?`)
}

// A repository is that of a server: one module with its protobuf files.
type repository struct {
	t   *testing.T
	dir string
	env []string
}

func newRepository(t *testing.T, buf string) *repository {
	t.Helper()
	r := &repository{t: t, dir: t.TempDir()}
	goTool, err := exec.LookPath("go")
	require.NoError(t, err)
	cache, err := exec.Command(goTool, "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	proxy, err := exec.Command(goTool, "env", "GOPROXY").Output()
	require.NoError(t, err)
	r.env = append(os.Environ(),
		"PATH="+strings.Join([]string{buf, filepath.Dir(goTool), os.Getenv("PATH")}, string(os.PathListSeparator)),
		"GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw", "GOWORK=off", "GONOSUMDB="+path,
		"GOPROXY=file://"+moduleProxy(t)+",file://"+filepath.Join(strings.TrimSpace(string(cache)), "cache/download")+","+strings.TrimSpace(string(proxy)),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_CONFIG_GLOBAL=/dev/null",
	)
	r.write("go.mod", "module example.com/shop\n\ngo 1.26.0\n")
	r.write("main.go", "package main\n\nfunc main() {}\n")
	r.write("buf.yaml", "version: v2\n")
	r.write(".gitignore", "*.binpb\n*.pem\nold.yaml\n")
	r.write("policy.yaml", "origins: [https://app.example.com]\naudiences:\n  storefront: [https://app.example.com]\n  backoffice: []\n")
	for _, name := range []string{"acme/shop/v1/admin.proto", "acme/shop/v1/cart.proto", "acme/shop/v1/catalog.proto", "acme/shop/v1/money.proto", "acme/shop/v1/warehouse.proto", "corsrpc/v1/options.proto"} {
		text, err := os.ReadFile(filepath.Join(root, "proto", name))
		require.NoError(t, err)
		r.write(name, string(text))
	}
	return r
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(r.t, os.WriteFile(name, []byte(text), 0o600))
}

func (r *repository) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	require.NoError(r.t, err)
	return string(text)
}

func (r *repository) replace(name, old, new string) {
	r.t.Helper()
	text := r.read(name)
	require.Contains(r.t, text, old)
	r.write(name, strings.ReplaceAll(text, old, new))
}

// try runs a script as GitHub Actions does. It returns what the script printed.
func (r *repository) try(script string) (string, error) {
	command := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	command.Dir, command.Env = r.dir, r.env
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}

func (r *repository) run(script string) {
	r.t.Helper()
	output, err := r.try(script)
	require.NoError(r.t, err, output)
}

// moduleProxy is a directory as GOPROXY=file:// reads it, with this tree.
func moduleProxy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, citest.WriteModule(dir, root, ".", version))
	content, err := zip.OpenReader(filepath.Join(dir, path, "@v", version+".zip"))
	require.NoError(t, err)
	defer content.Close()
	for _, file := range content.File {
		assert.False(t, strings.HasSuffix(file.Name, "/internal/citest/go.mod"), "nested modules are modules of their own")
	}
	return dir
}

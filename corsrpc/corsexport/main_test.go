package corsexport

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// runMain returns the exit status and what is printed, with the directory's name
// left out.
func runMain(t *testing.T, p *corsrpc.Policy, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	status = Main(p, args, &out, &problems)
	short := func(b *bytes.Buffer) string {
		return strings.ReplaceAll(b.String(), dir+string(filepath.Separator), "")
	}
	return status, short(&out), short(&problems)
}

func smallPolicy(t *testing.T, origins ...string) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(corsrpc.Config{
		Services:  []string{catalog},
		Origins:   origins,
		Audiences: map[string][]string{"storefront": nil},
		REST:      corsrpc.RESTNone,
	})
	require.NoError(t, err)
	return policy
}

func TestMainHelp(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-h", "--help"} {
		status, stdout, stderr := runMain(t, nil, t.TempDir(), flag)
		assert.Equal(t, fine, status)
		assert.Empty(t, stderr)
		for name, help := range Targets() {
			assert.Contains(t, stdout, "  "+name+"\n    \t"+help+"\n")
		}
		assert.Contains(t, stdout, "-behind-gate")
	}
	assert.Contains(t, maps.Collect(Targets()), "json")
	for range Targets() {
		break
	}
}

// Each flag for some targets alone is one that Main takes.
func TestTargets(t *testing.T) {
	t.Parallel()
	for _, target := range targets {
		assert.NotEmpty(t, target.help)
		for _, flag := range target.flags {
			assert.Contains(t, []string{"dir", "upstream", "defaults", "name", "namespace", "gateway", "port"}, flag)
		}
	}
}

// Nothing is written if there is a refusal, and each is a line.
func TestMainRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	status, stdout, stderr := runMain(t, smallPolicy(t), dir, "json", "-o", filepath.Join(dir, "out"), "--prefix", "9", "--host", "A", "--host", "b/")
	assert.Equal(t, failed, status)
	assert.Empty(t, stdout)
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	assert.Len(t, lines, 3)
	for _, line := range lines {
		assert.True(t, strings.HasPrefix(line, "corsexport: --"), line)
	}
	assert.NoDirExists(t, filepath.Join(dir, "out"))

	status, _, stderr = runMain(t, nil, dir, "json", "-o", dir)
	assert.Equal(t, failed, status)
	assert.Equal(t, "corsexport: nil policy: make one with corsrpc.New, and check its error\n", stderr)
	status, _, stderr = runMain(t, new(corsrpc.Policy), dir, "json", "-o", dir)
	assert.Equal(t, failed, status)
	assert.Contains(t, stderr, "the policy has no rules")
}

// Files of other exports in the directory are left alone, and those of an earlier
// one that are no longer part of it are reported until they are removed.
func TestMainReportsSurplusFiles(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "edge")
	require.NoError(t, os.WriteFile(filepath.Join(parent, "x"), nil, 0o600))
	policy := smallPolicy(t, app)
	write := func(args ...string) string {
		status, stdout, stderr := runMain(t, policy, dir, append(args, "-o", dir)...)
		require.Equal(t, fine, status, stderr)
		return stdout
	}
	assert.NotContains(t, write("json"), "remove it")
	assert.NotContains(t, write("nginx"), "remove it")
	assert.NotContains(t, write("json", "--prefix", "other"), "remove it")

	// As if an earlier version had written one more file.
	manifest := filepath.Join(dir, ".corsrpc-export")
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	assert.Equal(t, "corsrpc-cases.json\tjson corsrpc\n"+
		"corsrpc.json\tjson corsrpc\n"+
		"corsrpc_headers.conf\tnginx corsrpc\n"+
		"corsrpc_http.conf\tnginx corsrpc\n"+
		"corsrpc_server.conf\tnginx corsrpc\n"+
		"other-cases.json\tjson other\n"+
		"other.json\tjson other\n", string(text))
	require.NoError(t, os.WriteFile(manifest, append(text, "corsrpc-old.json\tjson corsrpc\n../x\tjson corsrpc\n..\tjson corsrpc\nnonsense\n"...), 0o600))
	assert.NotContains(t, write("json"), "remove it", "it is not there")
	require.NoError(t, os.WriteFile(manifest, append(text, "corsrpc-old.json\tjson corsrpc\n"...), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "corsrpc-old.json"), nil, 0o600))
	const surplus = "corsrpc-old.json is of an earlier export and no longer part of it: remove it\n"
	assert.Contains(t, write("json"), surplus)
	assert.NotContains(t, write("nginx"), surplus)
	status, stdout, _ := runMain(t, policy, dir, "json", "--check", "-o", dir)
	assert.Equal(t, stale, status)
	assert.Contains(t, stdout, surplus)
	assert.FileExists(t, filepath.Join(dir, "corsrpc-old.json"), "removing it is left to people")
	require.NoError(t, os.Remove(filepath.Join(dir, "corsrpc-old.json")))
	status, _, _ = runMain(t, policy, dir, "json", "--check", "-o", dir)
	assert.Equal(t, fine, status)
}

// A file is replaced at once or not at all, and nothing else is left behind.
func TestMainWritesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := func() []string {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	status, _, _ := runMain(t, smallPolicy(t, app), dir, "json", "-o", dir)
	require.Equal(t, fine, status)
	names := list()
	assert.Equal(t, []string{".corsrpc-export", "corsrpc-cases.json", "corsrpc.json"}, names)
	before, err := os.ReadFile(filepath.Join(dir, "corsrpc.json"))
	require.NoError(t, err)
	open, err := os.Open(filepath.Join(dir, "corsrpc.json"))
	require.NoError(t, err)
	defer open.Close()

	status, _, _ = runMain(t, smallPolicy(t, shopper), dir, "json", "-o", dir)
	require.Equal(t, fine, status)
	assert.Equal(t, names, list())
	var still bytes.Buffer
	_, err = still.ReadFrom(open)
	require.NoError(t, err)
	assert.Equal(t, before, still.Bytes(), "who has the old file open reads all of it")

	// The second file cannot be written.
	require.NoError(t, os.Remove(filepath.Join(dir, "corsrpc-cases.json")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "corsrpc-cases.json"), 0o700))
	before, err = os.ReadFile(filepath.Join(dir, "corsrpc.json"))
	require.NoError(t, err)
	status, _, stderr := runMain(t, smallPolicy(t, console), dir, "json", "-o", dir)
	assert.Equal(t, failed, status)
	assert.Contains(t, stderr, "corsexport: read corsrpc-cases.json: is a directory")
	after, err := os.ReadFile(filepath.Join(dir, "corsrpc.json"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Equal(t, names, list())
}

func TestMainWithBrokenOutput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-h"}, {"json", "-o", t.TempDir()}, {"json", "--check", "-o", t.TempDir()}} {
		var stderr bytes.Buffer
		assert.Equal(t, failed, Main(smallPolicy(t), args, brokenWriter{}, &stderr), args)
		assert.Equal(t, "corsexport: broken pipe\n", stderr.String())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Policies with a rule that no target can say do not export.
func TestMainSaysWhatCannotBeExported(t *testing.T) {
	t.Parallel()
	names := slices.Collect(maps.Keys(maps.Collect(Targets())))
	for _, name := range names {
		status, _, stderr := runMain(t, smallPolicy(t, app), t.TempDir(), name, "-o", t.TempDir(), "--host", "API.example.com")
		assert.Equal(t, failed, status)
		assert.Contains(t, stderr, `corsexport: --host "API.example.com": is not a host; write host or host:port`)
	}
}

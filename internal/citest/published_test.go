package citest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"github.com/corsrpc/corsrpc-go/internal/citest"
)

func published(t *testing.T, check func(*testing.T, citest.Published)) {
	t.Helper()
	modules, err := citest.FindPublished(root)
	require.NoError(t, err)
	require.NotEmpty(t, modules)
	for _, m := range modules {
		t.Run(m.Dir, func(t *testing.T) { check(t, m) })
	}
}

// Whoever requires a published module gets its requirements and nothing else:
// replace directives count in the main module alone, and `go install` refuses them.
func TestPublishedGoMod(t *testing.T) {
	t.Parallel()
	rootMod, err := citest.ReadGoMod(root)
	require.NoError(t, err)
	published(t, func(t *testing.T, m citest.Published) {
		dir := filepath.Join(root, m.Dir)
		gomod, err := citest.ReadGoMod(dir)
		require.NoError(t, err)
		assert.Equal(t, m.Path, gomod.Module.Mod.Path)
		assert.Equal(t, rootMod.Go.Version, gomod.Go.Version)
		assert.Empty(t, gomod.Replace)
		assert.Empty(t, gomod.Exclude)

		text, err := os.ReadFile(filepath.Join(dir, "nested.work"))
		require.NoError(t, err)
		work, err := modfile.ParseWork("nested.work", text, nil)
		require.NoError(t, err)
		up := filepath.ToSlash(strings.Repeat("../", strings.Count(m.Dir, "/")+1))
		up = strings.TrimSuffix(up, "/")
		var use []string
		for _, u := range work.Use {
			use = append(use, u.Path)
		}
		assert.Equal(t, []string{".", up}, use)
		require.Len(t, work.Replace, 1, "Go asks for the root module's version even where the workspace has the module")
		assert.Equal(t, citest.ModulePath, work.Replace[0].Old.Path)
		assert.Equal(t, m.Root, work.Replace[0].Old.Version)
		assert.Equal(t, up, work.Replace[0].New.Path)
	})
}

// Another version of the root module can be selected beside a published module, and
// what is internal there changes without notice.
func TestPublishedImports(t *testing.T) {
	t.Parallel()
	published(t, func(t *testing.T, m citest.Published) {
		command := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}{{"\n"}}{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}`, "./...")
		command.Dir = filepath.Join(root, m.Dir)
		work, err := filepath.Abs(filepath.Join(command.Dir, "nested.work"))
		require.NoError(t, err)
		command.Env = append(os.Environ(), "GOWORK="+work)
		imported, err := command.Output()
		require.NoError(t, err)
		assert.Contains(t, string(imported), citest.ModulePath+"/corsrpc")
		assert.NotContains(t, string(imported), citest.ModulePath+"/internal/")
	})
}

// In a module that requires it, with neither workspace nor replace.
func TestPublishedBuild(t *testing.T) {
	published(t, func(t *testing.T, m citest.Published) {
		proxy, dir := t.TempDir(), t.TempDir()
		require.NoError(t, citest.WriteModule(proxy, root, ".", m.Root))
		require.NoError(t, citest.WriteModule(proxy, root, m.Dir, version))
		require.NoError(t, citest.WriteModule(proxy, root, ".", version)) // where Go looks for the packages too
		env, err := citest.ProxyEnv(proxy, t.TempDir())
		require.NoError(t, err)
		env = append(env, "GOBIN="+t.TempDir())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/edge\n\ngo 1.26.0\n"), 0o600))
		sums, err := os.ReadFile(filepath.Join(root, m.Dir, "go.sum"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
		for _, args := range [][]string{
			{"get", m.Path + "/...@" + version},
			{"build", m.Path + "/..."},
			{"install", m.Path + "/...@" + version}, // which takes go.mod of the module itself
		} {
			command := exec.Command("go", args...)
			command.Dir, command.Env = dir, env
			output, err := command.CombinedOutput()
			require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), output)
		}
	})
}

func TestPublishedIsTidy(t *testing.T) {
	published(t, func(t *testing.T, m citest.Published) {
		gomod, gosum, err := citest.Tidy(root, m)
		require.NoError(t, err)
		for name, want := range map[string][]byte{"go.mod": gomod, "go.sum": gosum} {
			have, err := os.ReadFile(filepath.Join(root, m.Dir, name))
			require.NoError(t, err)
			assert.Equal(t, string(want), string(have), "%s is not tidy: run `make tidy`", name)
		}
	})
}

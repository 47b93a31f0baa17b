package citest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// A Published module is a nested module with a version of its own, which other
// people require: one with a nested.work, the workspace in which it is developed.
type Published struct {
	Dir  string // below the root, "corsrpc/corscaddy"
	Path string
	Root string // the version of the root module that its go.mod requires
}

// FindPublished returns the published modules of the tree in root.
func FindPublished(root string) ([]Published, error) {
	works, err := tracked(root, "*nested.work")
	if err != nil {
		return nil, err
	}
	var found []Published
	for _, work := range works {
		dir := filepath.ToSlash(filepath.Dir(work))
		gomod, err := ReadGoMod(filepath.Join(root, dir))
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(gomod.Require, func(r *modfile.Require) bool { return r.Mod.Path == ModulePath })
		if at < 0 {
			return nil, fmt.Errorf("%s/go.mod requires no version of %s", dir, ModulePath)
		}
		found = append(found, Published{Dir: dir, Path: modulePath(dir), Root: gomod.Require[at].Mod.Version})
	}
	return found, nil
}

// ReadGoMod parses the go.mod of a directory.
func ReadGoMod(dir string) (*modfile.File, error) {
	name := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(name, text, nil)
}

// ProxyEnv returns the variables with which Go takes modules from the directory
// proxy first, then from what this machine has downloaded, then from where it
// usually does. What it downloads goes to cache, so that no module cache ever has
// this tree under a version that will mean something else.
//
// GOFLAGS are those of the Makefile for published modules: with -trimpath Go
// compiles a dependency once, wherever its module cache is.
func ProxyEnv(proxy, cache string) ([]string, error) {
	printed, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	downloaded, upstream, _ := strings.Cut(strings.TrimSpace(string(printed)), "\n")
	return append(os.Environ(), "GOWORK=off", "GOMODCACHE="+cache, "GOFLAGS=-modcacherw -buildvcs=false -race -trimpath", "GONOSUMDB="+ModulePath,
		"GOPROXY=file://"+proxy+",file://"+filepath.Join(downloaded, "cache/download")+","+upstream), nil
}

// Tidy returns go.mod and go.sum of a published module as `go mod tidy` writes
// them, where the root module is this tree. go.sum has no line of the root module:
// its sum changes with every commit until it is tagged.
func Tidy(root string, m Published) (gomod, gosum []byte, err error) {
	scratch, err := os.MkdirTemp("", "tidy")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(scratch)
	proxy, tree := filepath.Join(scratch, "proxy"), filepath.Join(scratch, "tree")
	if err := WriteModule(proxy, root, ".", m.Root); err != nil {
		return nil, nil, err
	}
	files, err := moduleFiles(root, m.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file.(treeFile).at)
		if err != nil {
			return nil, nil, err
		}
		to := filepath.Join(tree, file.Path())
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return nil, nil, err
		}
	}
	command := exec.Command("go", "mod", "tidy")
	command.Dir = tree
	if command.Env, err = ProxyEnv(proxy, filepath.Join(scratch, "cache")); err != nil {
		return nil, nil, err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("go mod tidy of %s: %w\n%s", m.Path, err, output)
	}
	if gomod, err = os.ReadFile(filepath.Join(tree, "go.mod")); err != nil {
		return nil, nil, err
	}
	if gosum, err = os.ReadFile(filepath.Join(tree, "go.sum")); err != nil {
		return nil, nil, err
	}
	return gomod, withoutRoot(gosum), nil
}

func withoutRoot(gosum []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(gosum) {
		if !bytes.HasPrefix(line, []byte(ModulePath+" ")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

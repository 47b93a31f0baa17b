package citest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// ModulePath is the path of this tree's root module.
const ModulePath = "github.com/corsrpc/corsrpc-go"

// WriteModule adds a module of this tree, as it is now, to the directory proxy,
// which GOPROXY=file:// can then read. The tree is in root. The module is in dir
// below it: "." is the root module.
func WriteModule(proxy, root, dir, version string) error {
	files, err := moduleFiles(root, dir)
	if err != nil {
		return err
	}
	path := modulePath(dir)
	var archive bytes.Buffer
	if err := modzip.Create(&archive, module.Version{Path: path, Version: version}, files); err != nil {
		return err
	}
	gomod, err := os.ReadFile(filepath.Join(root, dir, "go.mod"))
	if err != nil {
		return err
	}
	versions := filepath.Join(proxy, path, "@v")
	if err := os.MkdirAll(versions, 0o700); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"list":            version + "\n",
		version + ".info": fmt.Sprintf(`{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, version),
		version + ".mod":  string(gomod),
		version + ".zip":  archive.String(),
	} {
		if err := os.WriteFile(filepath.Join(versions, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func modulePath(dir string) string {
	if dir == "." {
		return ModulePath
	}
	return ModulePath + "/" + dir
}

// moduleFiles lists the files that git has or would add. modzip.Create leaves out
// those of modules below dir.
func moduleFiles(root, dir string) ([]modzip.File, error) {
	listed, err := tracked(filepath.Join(root, dir))
	if err != nil {
		return nil, err
	}
	var files []modzip.File
	for _, name := range listed {
		file := treeFile{path: name, at: filepath.Join(root, dir, name)}
		if info, err := file.Lstat(); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files, nil
}

func tracked(dir string, patterns ...string) ([]string, error) {
	args := append([]string{"-C", dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)
	listed, err := exec.Command("git", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files in %s: %w", dir, err)
	}
	return strings.FieldsFunc(string(listed), func(r rune) bool { return r == 0 }), nil
}

// A treeFile is a file of this tree, with its path in the module.
type treeFile struct{ path, at string }

func (f treeFile) Path() string                 { return f.path }
func (f treeFile) Lstat() (os.FileInfo, error)  { return os.Lstat(f.at) }
func (f treeFile) Open() (io.ReadCloser, error) { return os.Open(f.at) }

package corsexport

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An outputDir is the directory that an export is written to. Other exports can
// be in it too.
type outputDir struct {
	path  string
	owner string // of the files: the target and the prefix
	files []File
}

// check reports files that are not as they would be written.
func (d *outputDir) check(stdout io.Writer) (int, error) {
	var found []string
	for _, file := range d.files {
		same, err := d.isWritten(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, d.name(file)+" is missing")
		case err != nil:
			return failed, err
		case !same:
			found = append(found, d.name(file)+" is stale")
		}
	}
	m, err := d.readManifest()
	if err != nil {
		return failed, err
	}
	found = append(found, d.surplus(m)...)
	if len(found) == 0 {
		_, err := fmt.Fprintln(stdout, "up to date")
		return fine, err
	}
	found = append(found, "to write the files, run the same command without --check")
	_, err = fmt.Fprintln(stdout, strings.Join(found, "\n"))
	return stale, err
}

// write writes the files that are not written yet. Each is replaced at once, and
// none before all could be written.
func (d *outputDir) write(stdout io.Writer, notes []string) (int, error) {
	if err := os.MkdirAll(d.path, 0o777); err != nil {
		return failed, err
	}
	m, err := d.readManifest()
	if err != nil {
		return failed, err
	}
	surplus := d.surplus(m)
	files := slices.Clone(d.files)
	files = append(files, File{manifestName, m.with(d.owner, d.files, d.exists)})
	var lines []string
	var staged []stagedFile
	defer func() {
		for _, s := range staged {
			_ = os.Remove(s.temporary) // gone already, unless something failed
		}
	}()
	for _, file := range files {
		line := d.name(file) + " is up to date"
		same, err := d.isWritten(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed, err
		}
		if !same {
			line = d.name(file) + " written"
			temporary, err := d.stage(file)
			if err != nil {
				return failed, err
			}
			staged = append(staged, stagedFile{temporary, d.name(file)})
		}
		if file.Name != manifestName {
			lines = append(lines, line)
		}
	}
	for _, s := range staged {
		if err := os.Rename(s.temporary, s.name); err != nil {
			return failed, err
		}
	}
	lines = append(lines, surplus...)
	for _, note := range notes {
		lines = append(lines, "note: "+note)
	}
	_, err = fmt.Fprintln(stdout, strings.Join(lines, "\n"))
	return fine, err
}

type stagedFile struct{ temporary, name string }

func (d *outputDir) name(file File) string { return filepath.Join(d.path, file.Name) }

func (d *outputDir) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(d.path, name))
	return err == nil
}

// isWritten reports whether a file is there as it would be written.
func (d *outputDir) isWritten(file File) (bool, error) {
	f, err := os.Open(d.name(file))
	if err != nil {
		return false, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(len(file.Data))+1))
	return bytes.Equal(content, file.Data), err
}

// stage writes a file beside its place and returns its name.
func (d *outputDir) stage(file File) (string, error) {
	name := filepath.Join(d.path, "."+file.Name+"."+rand.Text())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	_, err = f.Write(file.Data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	return name, nil
}

// surplus reports the files of an earlier export that are not part of this one.
func (d *outputDir) surplus(m manifest) []string {
	var lines []string
	for _, e := range m {
		belongs := slices.ContainsFunc(d.files, func(file File) bool { return file.Name == e.file })
		if e.owner == d.owner && !belongs && d.exists(e.file) {
			lines = append(lines, filepath.Join(d.path, e.file)+" is of an earlier export and no longer part of it: remove it")
		}
	}
	return lines
}

// manifestName is the file of a directory that lists the files of all exports to
// it.
const manifestName = ".corsrpc-export"

// A manifest has one line a file: its name, a tab, and whose it is.
type manifest []manifestEntry

type manifestEntry struct{ file, owner string }

// maxManifest bounds what is read.
const maxManifest = 1 << 20

func (d *outputDir) readManifest() (manifest, error) {
	f, err := os.Open(filepath.Join(d.path, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, err
	}
	var m manifest
	for line := range strings.Lines(string(text)) {
		file, owner, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && file != "" && filepath.Base(file) == file && file != "." && file != ".." {
			m = append(m, manifestEntry{file, owner})
		}
	}
	return m, nil
}

// with returns the text of a manifest after an export: what is no longer there is
// forgotten.
func (m manifest) with(owner string, files []File, exists func(string) bool) []byte {
	var lines []string
	for _, file := range files {
		lines = append(lines, file.Name+"\t"+owner+"\n")
	}
	for _, e := range m {
		written := slices.ContainsFunc(files, func(file File) bool { return file.Name == e.file })
		if !written && exists(e.file) {
			lines = append(lines, e.file+"\t"+e.owner+"\n")
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), ""))
}

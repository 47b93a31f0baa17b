package main

import (
	"testing"

	"buf.build/go/bufplugin/check/checktest"
)

func TestSpec(t *testing.T) {
	t.Parallel()
	checktest.SpecTest(t, spec)
}

// protos are the files of a directory below testdata, and what they import.
func protos(dir string, names ...string) *checktest.ProtoFileSpec {
	return &checktest.ProtoFileSpec{DirPaths: []string{"testdata/" + dir, "../../proto", "../../third_party"}, FilePaths: names}
}

// location is a place as editors count, from 1.
func location(name string, startLine, startColumn, endLine, endColumn int) *checktest.ExpectedFileLocation {
	return &checktest.ExpectedFileLocation{FileName: name, StartLine: startLine - 1, StartColumn: startColumn - 1, EndLine: endLine - 1, EndColumn: endColumn - 1}
}

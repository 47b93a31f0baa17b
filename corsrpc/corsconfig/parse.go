package corsconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is the size of the largest file that is read: enough for 100,000
// origins.
const maxFile = 4 << 20

// readFile returns the contents of a file.
func readFile(name string) ([]byte, *Error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	if len(data) > maxFile {
		return nil, &Error{File: name, Problem: fmt.Sprintf("is larger than %d MiB", maxFile>>20)}
	}
	return data, nil
}

func unreadable(name string, err error) *Error {
	problem := err.Error()
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		problem = "cannot be read: " + path.Err.Error()
	}
	return &Error{File: name, Problem: problem, err: err}
}

// parse returns the root of a file's only document, which is a mapping.
func parse(name string, data []byte) (*yaml.Node, *Error) {
	if i, problem := checkText(data); problem != "" {
		line, column := positionAt(data, i)
		return nil, &Error{File: name, Line: line, Column: column, Problem: problem}
	}
	// In JSON, a slash can be escaped and a character can be a surrogate pair:
	// YAML knows neither.
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); bytes.HasPrefix(trimmed, []byte("{")) && json.Valid(data) {
		return parseJSON(data), nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		// A reader in the middle of a write sees an empty file.
		return nil, &Error{File: name, Line: 1, Column: 1, Problem: "is empty: write {} if nothing is to be set"}
	case err != nil:
		return nil, syntaxError(name, data, err)
	}
	root := document.Content[0]
	switch {
	case isNull(root):
		return nil, &Error{File: name, Line: 1, Column: 1, Problem: "is empty: write {} if nothing is to be set"}
	case resolve(root).Kind != yaml.MappingNode:
		return nil, &Error{File: name, Line: root.Line, Column: root.Column, Problem: "is " + kind(root) + ": write fields, such as origins: [https://app.example.com]"}
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, &Error{File: name, Line: second.Line, Column: second.Column, Problem: "begins a second document: put each policy in its own file"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(name, data, err)
	}
	return root, nil
}

var (
	yamlError     = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxError places an error of package yaml, whose only hint is a line in its
// text. The parser's lines begin at 0 and the scanner's at 1; without a line,
// it is the first.
func syntaxError(name string, data []byte, err error) *Error {
	e := &Error{File: name, Line: 1, Column: 1, Problem: err.Error(), err: err}
	if match := yamlError.FindStringSubmatch(err.Error()); match != nil {
		e.Problem = match[2]
		if line, err := strconv.Atoi(match[1]); err == nil {
			e.Line = line
			if strings.HasPrefix(e.Problem, "did not find expected") {
				e.Line++
			}
		}
		if anchor := unknownAnchor.FindStringSubmatch(e.Problem); anchor != nil {
			e.Line, _ = positionAt(data, max(0, bytes.Index(data, []byte("*"+anchor[1]))))
		}
	}
	lines := bytes.Split(data, []byte("\n"))
	e.Line = min(e.Line, len(lines))
	line := lines[e.Line-1]
	e.Column = 1 + len(line) - len(bytes.TrimLeft(line, " "))
	e.Problem = "is not valid YAML: " + e.Problem
	return e
}

// checkText returns the first byte that no text file has, and what is wrong with
// it. Package yaml finds these too, but not where they are.
func checkText(data []byte) (offset int, problem string) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return i, "is not UTF-8 text"
		case unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' && r != '\u0085':
			return i, "has a control character: write it as an escape, in double quotes"
		}
		i += size
	}
	return 0, ""
}

// positionAt returns the line and column of a byte.
func positionAt(data []byte, offset int) (line, column int) {
	before := data[:offset]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
}

package corsconfig

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
)

// Load returns the Config that policy files describe, in which later files
// change what earlier ones say: maps merge by key and field, lists replace, and
// null resets a field, or removes a key.
//
// The Config is checked against the services in files as [corsrpc.New] checks
// it, and keeps them; nil stands for [protoregistry.GlobalFiles]. The error
// joins an [*Error] for every mistake.
func Load(files *protoregistry.Files, names ...string) (corsrpc.Config, error) {
	doc, err := read(names)
	if err != nil {
		return corsrpc.Config{}, err
	}
	config := configOf(doc.policy)
	config.Files = files
	_, err = corsrpc.New(config)
	if err := doc.errorOf(err); err != nil {
		return corsrpc.Config{}, err
	}
	return config, nil
}

// Read is [Load] without the services: it checks the files' syntax and what can
// be told from the files alone, origins and header names among it, and takes
// every name for that of a service or method. It does not check the keys of
// audiences, rest and bindings.
func Read(names ...string) (corsrpc.Config, error) {
	doc, err := read(names)
	if err != nil {
		return corsrpc.Config{}, err
	}
	return doc.withoutSchema()
}

func (doc *document) withoutSchema() (corsrpc.Config, error) {
	config := configOf(doc.policy)
	_, err := corsrpc.New(withPlaceholders(config))
	if err := doc.errorOf(err); err != nil {
		return corsrpc.Config{}, err
	}
	return config, nil
}

// A document is what several files say together.
type document struct {
	names    []string
	policy   *corspolicyv1.Policy
	root     *place
	mistakes []*Error
}

// A source is a file that has been read.
type source struct {
	name string
	data []byte
	err  *Error
}

func readSources(names []string) []source {
	sources := make([]source, len(names))
	for i, name := range names {
		sources[i].name = name
		sources[i].data, sources[i].err = readFile(name)
	}
	return sources
}

func read(names []string) (*document, error) {
	if len(names) == 0 {
		return nil, errors.New("corsconfig: no policy files")
	}
	return merge(readSources(names))
}

// merge decodes all files. It fails if one cannot be read to its end; other
// mistakes are in the document, so that they can be reported with those that
// corsrpc finds.
func merge(sources []source) (*document, error) {
	doc := &document{policy: &corspolicyv1.Policy{}, root: &place{}}
	complete := true
	for _, source := range sources {
		doc.names = append(doc.names, source.name)
		mistakes, ok := doc.merge(source)
		doc.mistakes = append(doc.mistakes, mistakes...)
		complete = complete && ok
	}
	if !complete {
		return nil, join(doc.names, doc.mistakes)
	}
	return doc, nil
}

func (doc *document) merge(source source) (mistakes []*Error, complete bool) {
	if source.err != nil {
		return []*Error{source.err}, false
	}
	node, mistake := parse(source.name, source.data)
	if mistake != nil {
		return []*Error{mistake}, false
	}
	return decode(source.name, node, doc.policy, doc.root)
}

// errorOf returns all mistakes in the files, those that corsrpc found included.
func (doc *document) errorOf(err error) error {
	mistakes := doc.mistakes
	for _, err := range flatten(err) {
		if mistake := doc.place(err); mistake != nil {
			mistakes = append(mistakes, mistake)
		}
	}
	return join(doc.names, mistakes)
}

// place finds where in the files a mistake stands. It returns nil for what
// follows, or could follow, from a mistake that the decoder found.
func (doc *document) place(err error) *Error {
	var ce *corsrpc.ConfigError
	if !errors.As(err, &ce) {
		return &Error{Problem: err.Error(), err: err}
	}
	mistake := &Error{Field: ce.Field, Problem: inFileWords(ce.Problem), err: ce}
	if ce.Value != "" {
		mistake.Problem = quote(ce.Value) + " " + mistake.Problem
	}
	if ce.Field == "Files" || ce.Field[0] == '(' { // of the schema
		if ce.Field == "Files" {
			mistake.Field = "schema"
		}
		return mistake
	}
	at, field, exact := doc.root.find(ce.Field)
	mistake.File, mistake.Line, mistake.Column, mistake.Field = at.file, at.line, at.column, field
	for _, known := range doc.mistakes {
		if !exact || known.Field != "" && (strings.HasPrefix(field, known.Field) || strings.HasPrefix(known.Field, field)) {
			return nil
		}
	}
	return mistake
}

// flatten returns the parts of a joined error.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

package main

import (
	"fmt"

	"buf.build/go/bufplugin/check"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A place is where in a file something stands. Without a path it is the file,
// without a file it is nowhere.
type place struct {
	file string
	path protoreflect.SourcePath
}

func (p place) option() check.AddAnnotationOption {
	return check.WithFileNameAndSourcePath(p.file, p.path)
}

func (p place) againstOption() check.AddAnnotationOption {
	return check.WithAgainstFileNameAndSourcePath(p.file, p.path)
}

// nearest returns the first of the paths that has a position.
func (f *file) nearest(paths ...protoreflect.SourcePath) place {
	for _, path := range paths {
		if f.spans[text(path)] {
			return place{f.name, path}
		}
	}
	return place{file: f.name}
}

// place returns where the declaration is.
func (d *declaration) place() place { return d.file.nearest(d.parents()...) }

// option returns where one of the fields of its extension is, or else the
// extension, or else the declaration.
func (d *declaration) option(field protoreflect.FieldNumber) place {
	extension := below(d.path, int32(d.in), int32(d.extension))
	return d.file.nearest(append([]protoreflect.SourcePath{below(extension, int32(field)), extension}, d.parents()...)...)
}

// builtIn returns where an option of protobuf, or of another extension, is, or
// else the declaration.
func (d *declaration) builtIn(option protoreflect.FieldNumber) place {
	return d.file.nearest(append([]protoreflect.SourcePath{below(d.path, int32(d.in), int32(option))}, d.parents()...)...)
}

// element returns where an element of one of the lists is, or else the list, or
// else the extension, or else the declaration.
//
// The compiler gives a position to each occurrence of the field, not to each
// element: ["a", "b"] is one occurrence. So the element's own position is known
// only if there are as many occurrences as elements, and the list's only if
// there is one occurrence.
func (d *declaration) element(field protoreflect.FieldNumber, i int) place {
	occurrence := func(i int) protoreflect.SourcePath {
		return below(d.path, int32(d.in), int32(d.extension), int32(field), int32(i))
	}
	occurrences := 0
	for d.file.spans[text(occurrence(occurrences))] {
		occurrences++
	}
	switch occurrences {
	case len(d.list(field)):
		if i < occurrences {
			return d.file.nearest(occurrence(i))
		}
	case 1:
		return d.file.nearest(occurrence(0))
	}
	return d.option(field)
}

// parents are the paths of the declaration and of its service.
func (d *declaration) parents() []protoreflect.SourcePath {
	if d.service == nil {
		return []protoreflect.SourcePath{d.path}
	}
	return []protoreflect.SourcePath{d.path, d.service.path}
}

// below returns a longer path, which shares no memory with the shorter one.
func below(path protoreflect.SourcePath, more ...int32) protoreflect.SourcePath {
	return append(path[:len(path):len(path)], more...)
}

func text(path protoreflect.SourcePath) string { return fmt.Sprint([]int32(path)) }

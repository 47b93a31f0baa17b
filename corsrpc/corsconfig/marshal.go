package corsconfig

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/policyfile"
)

// Marshal returns a Config as a policy file in YAML. What is not data, functions
// and Files, is left out, and so are fields with their zero value. [Load] of the
// file returns an equal Config, except that empty lists can be nil where nil
// means the same.
//
// The error is for what no file can hold: text that is not UTF-8, and values of
// enumerations that are not constants.
func Marshal(config corsrpc.Config) ([]byte, error) {
	e := &encoder{}
	node := e.message(policyOf(config).ProtoReflect(), "")
	if e.err != nil {
		return nil, e.err
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, fmt.Errorf("corsconfig: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("corsconfig: %w", err)
	}
	return text.Bytes(), nil
}

// An encoder makes YAML nodes of messages. It keeps the first error.
type encoder struct{ err error }

// message returns the populated fields in the order of the proto file.
func (e *encoder) message(m protoreflect.Message, path string) *yaml.Node {
	if list := policyfile.ListField(m.Descriptor()); list != nil {
		return e.list(m.Get(list).List(), list, path)
	}
	node := &yaml.Node{Kind: yaml.MappingNode}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !m.Has(field) {
			continue
		}
		name := string(field.Name())
		node.Content = append(node.Content, textNode(name), e.field(m.Get(field), field, path+"."+name))
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle // {}
	}
	return node
}

func (e *encoder) field(value protoreflect.Value, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	switch {
	case field.IsMap():
		return e.mapping(value.Map(), field, path)
	case field.IsList():
		return e.list(value.List(), field, path)
	}
	return e.single(value, field, path)
}

// mapping returns the entries in the order of their keys.
func (e *encoder) mapping(m protoreflect.Map, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	type entry struct {
		key   string
		value protoreflect.Value
	}
	var entries []entry
	m.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		entries = append(entries, entry{key.String(), value})
		return true
	})
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	for _, entry := range entries {
		node.Content = append(node.Content, e.text(entry.key, path), e.single(entry.value, field.MapValue(), path+"["+quote(entry.key)+"]"))
	}
	return node
}

func (e *encoder) list(list protoreflect.List, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if list.Len() == 0 {
		node.Style = yaml.FlowStyle // []
	}
	for i := range list.Len() {
		node.Content = append(node.Content, e.single(list.Get(i), field, fmt.Sprintf("%s[%d]", path, i)))
	}
	return node
}

func (e *encoder) single(value protoreflect.Value, field protoreflect.FieldDescriptor, path string) *yaml.Node {
	switch {
	case policyfile.IsDuration(field):
		d, ok := value.Message().Interface().(*durationpb.Duration)
		if !ok {
			panic("a duration is of another Go type")
		}
		return textNode(durationText(d.AsDuration()))
	case field.Kind() == protoreflect.MessageKind:
		return e.message(value.Message(), path)
	case field.Kind() == protoreflect.EnumKind:
		words, number := policyfile.Words(field.Enum()), int(value.Enum())
		if number >= len(words) || words[number] == "" {
			e.fail(path, fmt.Sprintf("%s has no value %d", field.Enum().Name(), number))
			return textNode("")
		}
		return textNode(words[number])
	case field.Kind() == protoreflect.BoolKind:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(value.Bool())}
	}
	return e.text(value.String(), path)
}

func (e *encoder) text(text, path string) *yaml.Node {
	if !utf8.ValidString(text) {
		e.fail(path, quote(text)+" is not UTF-8 text")
	}
	return textNode(text)
}

// textNode returns text, which package yaml quotes where that is needed, except
// that it takes << for a merge key, and writes some texts with tabs and line
// breaks so that it cannot read them.
func textNode(text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if text == "<<" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

func (e *encoder) fail(path, problem string) {
	if e.err == nil {
		e.err = fmt.Errorf("corsconfig: %s: %s", strings.TrimPrefix(path, "."), problem)
	}
}

// durationText is [time.Duration.String] without parts that are zero: 2h.
func durationText(d time.Duration) string {
	text := strings.Replace(d.String(), "µ", "u", 1)
	if before, ok := strings.CutSuffix(text, "m0s"); ok {
		text = before + "m"
	}
	if before, ok := strings.CutSuffix(text, "h0m"); ok {
		text = before + "h"
	}
	return text
}

package corsconfig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsrpc/corsrpc-go/internal/policyfile"
)

const (
	// maxCost bounds what aliases can make of a file. Every value costs its
	// length and what the program needs to keep it.
	maxCost   = 16 << 20
	valueCost = 32
	// maxMistakes is how many of one file are reported.
	maxMistakes = 100
)

// A decoder merges one file into a message: maps merge by key and field, lists
// replace, null resets.
type decoder struct {
	file     string
	cost     int
	mistakes []*Error
}

// decode merges the file whose root is node into what earlier files said. It
// reports whether it came to the end of the file.
func decode(file string, node *yaml.Node, into proto.Message, root *place) (mistakes []*Error, complete bool) {
	d := &decoder{file: file}
	root.file, root.line, root.column = file, node.Line, node.Column
	d.message(node, into.ProtoReflect(), root)
	return d.mistakes, d.cost <= maxCost && len(d.mistakes) < maxMistakes
}

// message merges a mapping of fields.
func (d *decoder) message(node *yaml.Node, m protoreflect.Message, at *place) {
	fields := m.Descriptor().Fields()
	d.entries(node, at, func(key string, keyNode, value *yaml.Node) {
		field := fields.ByName(protoreflect.Name(key))
		if field == nil {
			d.add(keyNode, at.field, unknownField(key, fields))
			return
		}
		d.field(value, m, field, at.stepField(key, d.file, keyNode))
	})
}

func unknownField(key string, fields protoreflect.FieldDescriptors) string {
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = string(fields.Get(i).Name())
	}
	problem := "unknown field " + quote(key)
	if name := nearest(key, names); name != "" {
		return problem + "; did you mean " + name + "?"
	}
	return problem + "; write one of " + strings.Join(names, ", ")
}

// field decodes the value of a field.
func (d *decoder) field(node *yaml.Node, m protoreflect.Message, field protoreflect.FieldDescriptor, at *place) {
	switch node = resolve(node); {
	case isNull(node):
		m.Clear(field)
		at.below = nil
	case field.IsMap():
		d.mapping(node, m.Mutable(field).Map(), at)
	case field.IsList():
		d.list(node, m.Mutable(field).List(), field, at)
	case field.Kind() == protoreflect.MessageKind && !policyfile.IsDuration(field):
		d.submessage(node, m.Mutable(field).Message(), at)
	default:
		if value, ok := d.scalar(node, field, at); ok {
			m.Set(field, value)
		}
	}
}

func (d *decoder) submessage(node *yaml.Node, m protoreflect.Message, at *place) {
	if field := policyfile.ListField(m.Descriptor()); field != nil {
		d.list(node, m.Mutable(field).List(), field, at)
		return
	}
	d.message(node, m, at)
}

// mapping merges a mapping whose keys are names. All have messages as values.
func (d *decoder) mapping(node *yaml.Node, m protoreflect.Map, at *place) {
	d.entries(node, at, func(key string, keyNode, value *yaml.Node) {
		k, below := protoreflect.ValueOfString(key).MapKey(), at.stepKey(key, d.file, keyNode)
		if value = resolve(value); isNull(value) {
			m.Clear(k)
			below.below = nil
			return
		}
		d.submessage(value, m.Mutable(k).Message(), below)
	})
}

// entries calls do for each entry of a mapping whose key is text and does not
// repeat an earlier one.
func (d *decoder) entries(node *yaml.Node, at *place, do func(key string, keyNode, value *yaml.Node)) {
	if node = resolve(node); node.Kind != yaml.MappingNode || node.ShortTag() != "!!map" {
		d.add(node, at.field, "is "+kind(node)+", not a mapping: write name: value on lines of their own, or {}")
		return
	}
	lines := make(map[string]int, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content) && d.afford(node.Content[i]); i += 2 {
		key := resolve(node.Content[i])
		if key.ShortTag() == "!!merge" {
			d.add(key, at.field, "has a merge key (<<), which is not read: write the entries out, or give a whole value an alias")
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			d.add(key, at.field, "has "+kind(key)+" as a key: write text, in quotes")
			continue
		}
		if line := lines[key.Value]; line > 0 {
			d.add(key, at.field, fmt.Sprintf("has %s twice: it is on line %d already", quote(key.Value), line))
			continue
		}
		lines[key.Value] = key.Line
		do(key.Value, key, node.Content[i+1])
	}
}

// list replaces the elements of a list. An element that cannot be read keeps its
// index.
func (d *decoder) list(node *yaml.Node, list protoreflect.List, field protoreflect.FieldDescriptor, at *place) {
	list.Truncate(0)
	at.below = nil
	if node.Kind != yaml.SequenceNode || node.ShortTag() != "!!seq" {
		problem := "is " + kind(node) + ", not a list: write each element on a line of its own after a hyphen, or [] for none"
		if node.ShortTag() == "!!str" {
			problem = "is " + kind(node) + ", not a list: write [" + quote(node.Value) + "]"
		}
		d.add(node, at.field, problem)
		return
	}
	for i, element := range node.Content {
		if !d.afford(element) {
			return
		}
		element = resolve(element)
		value, ok := d.scalar(element, field, at.stepIndex(i, d.file, element))
		if !ok {
			value = list.NewElement()
		}
		list.Append(value)
	}
}

// scalar decodes a single value, and moves its place to it.
func (d *decoder) scalar(node *yaml.Node, field protoreflect.FieldDescriptor, at *place) (protoreflect.Value, bool) {
	at.below = nil
	at.line, at.column = node.Line, node.Column
	if !d.afford(node) {
		return protoreflect.Value{}, false
	}
	var value protoreflect.Value
	var problem string
	switch {
	case policyfile.IsDuration(field):
		value, problem = duration(node)
	case field.Kind() == protoreflect.BoolKind:
		value, problem = boolean(node)
	case field.Kind() == protoreflect.EnumKind:
		value, problem = word(node, field.Enum())
	case node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str":
		problem = "is " + kind(node) + ": write text" + inQuotes(node)
	default:
		value = protoreflect.ValueOfString(node.Value)
	}
	if problem != "" {
		d.add(node, at.field, problem)
	}
	return value, problem == ""
}

func boolean(node *yaml.Node) (value protoreflect.Value, problem string) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" {
		return value, "is " + kind(node) + ": write true or false"
	}
	return protoreflect.ValueOfBool(strings.EqualFold(node.Value, "true")), ""
}

func duration(node *yaml.Node) (value protoreflect.Value, problem string) {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
		if length, err := time.ParseDuration(node.Value); err == nil {
			return protoreflect.ValueOfMessage(durationpb.New(length).ProtoReflect()), ""
		}
	}
	return value, "is " + kind(node) + ", not a duration: write a number with its unit, such as 90s, 10m or 2h"
}

// word decodes an enumeration. A switch that other tools have taken for a truth
// value, as YAML 1.1 does, still is what it says.
func word(node *yaml.Node, enum protoreflect.EnumDescriptor) (value protoreflect.Value, problem string) {
	text, tag := node.Value, node.ShortTag()
	if tag == "!!bool" && policyfile.IsSwitch(enum) {
		text, tag = "off", "!!str"
		if strings.EqualFold(node.Value, "true") {
			text = "on"
		}
	}
	words := policyfile.Words(enum)
	isText := node.Kind == yaml.ScalarNode && tag == "!!str" && text != ""
	if i := slices.Index(words, text); isText && i >= 0 {
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(i)), ""
	}
	problem = "is " + kind(node) + ": write " + alternatives(words)
	if near := nearest(text, words); isText && near != "" {
		problem = "is " + kind(node) + "; did you mean " + near + "? Write " + alternatives(words)
	}
	return value, problem
}

// alternatives lists words: inherit, on or off.
func alternatives(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "" })
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// afford reports whether one more value can be decoded.
func (d *decoder) afford(node *yaml.Node) bool {
	if len(d.mistakes) >= maxMistakes || d.cost > maxCost {
		return false
	}
	d.cost += valueCost + len(resolve(node).Value)
	if d.cost > maxCost {
		d.add(node, "", "is too large with its aliases written out: write less, or fewer aliases")
	}
	return d.cost <= maxCost
}

func (d *decoder) add(node *yaml.Node, field, problem string) {
	if len(d.mistakes) == maxMistakes-1 {
		field, problem = "", "has too many mistakes; the rest are left out"
	}
	if len(d.mistakes) < maxMistakes {
		d.mistakes = append(d.mistakes, &Error{File: d.file, Line: node.Line, Column: node.Column, Field: field, Problem: problem})
	}
}

// resolve returns the node that an alias stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// kind describes a value for messages.
func kind(node *yaml.Node) string {
	node = resolve(node)
	switch tag := node.ShortTag(); tag {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	case "!!null":
		return "null"
	case "!!str":
		return quote(node.Value)
	case "!!int", "!!float":
		return "the number " + strings.Trim(quote(node.Value), `"`)
	case "!!bool":
		return "the truth value " + strings.Trim(quote(node.Value), `"`)
	case "!!timestamp":
		return "the date " + strings.Trim(quote(node.Value), `"`)
	default:
		return "a value of the tag " + quote(tag)
	}
}

// inQuotes shows how to make text of a value that YAML takes for something else.
func inQuotes(node *yaml.Node) string {
	switch node.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!timestamp":
		return ", such as " + strconv.QuoteToASCII(node.Value)
	}
	return ""
}

package policyfile

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Schema returns the JSON Schema of a message as files have it, for editors. The
// descriptions are what describe returns for a message or field.
func Schema(message protoreflect.MessageDescriptor, describe func(protoreflect.Descriptor) string) ([]byte, error) {
	s := &schema{describe: describe, definitions: object{}}
	root := s.fields(message, "object")
	// Editors know draft 7 best.
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "corsrpc policy"
	root["definitions"] = s.definitions
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return text.Bytes(), err
}

type object map[string]any

type schema struct {
	describe    func(protoreflect.Descriptor) string
	definitions object // of messages that are values of maps
}

// fields returns the schema of a message that is written as a mapping.
func (s *schema) fields(message protoreflect.MessageDescriptor, kind any) object {
	properties := object{}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		property := s.field(field)
		if text := s.describe(field); text != "" {
			property["description"] = text
		}
		properties[string(field.Name())] = property
	}
	o := object{"type": kind, "properties": properties, "additionalProperties": false}
	if text := s.describe(message); text != "" {
		o["description"] = text
	}
	return o
}

// field returns the schema of a field. null resets each.
func (s *schema) field(field protoreflect.FieldDescriptor) object {
	switch {
	case field.IsMap():
		return object{"type": orNull("object"), "additionalProperties": s.field(field.MapValue())}
	case field.IsList():
		return s.list(field)
	case IsDuration(field):
		return object{"type": orNull("string"), "pattern": duration}
	case field.Kind() == protoreflect.MessageKind:
		return s.message(field.Message())
	case field.Kind() == protoreflect.EnumKind:
		values := []any{nil}
		if IsSwitch(field.Enum()) {
			values = append(values, true, false)
		}
		return object{"enum": append(s.words(field), values...)}
	case field.Kind() == protoreflect.BoolKind:
		return object{"type": orNull("boolean")}
	}
	return object{"type": orNull("string")}
}

// duration is what time.ParseDuration reads.
const duration = `^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

func orNull(kind string) []string { return []string{kind, "null"} }

func (s *schema) list(field protoreflect.FieldDescriptor) object {
	element := object{"type": "string"}
	if field.Kind() == protoreflect.EnumKind {
		element = object{"enum": s.words(field)}
	}
	return object{"type": orNull("array"), "items": element}
}

func (s *schema) words(field protoreflect.FieldDescriptor) []any {
	var words []any
	for _, word := range Words(field.Enum()) {
		if word != "" {
			words = append(words, word)
		}
	}
	return words
}

func (s *schema) message(message protoreflect.MessageDescriptor) object {
	if list := ListField(message); list != nil {
		return s.list(list)
	}
	name := string(message.Name())
	if s.definitions[name] == nil {
		s.definitions[name] = s.fields(message, orNull("object"))
	}
	return object{"$ref": "#/definitions/" + name}
}

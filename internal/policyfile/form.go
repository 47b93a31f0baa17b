// Package policyfile describes how the messages of corsrpc.policy.v1 are written
// in files, where this differs from protobuf's JSON: which messages are plain
// lists, and the words of enumerations. The decoder, the encoder and the JSON
// Schema for editors follow it.
//
// It imports no generated code, since `make generate` runs it.
package policyfile

import "google.golang.org/protobuf/reflect/protoreflect"

// ListField returns the field of a message that is written as a plain list, such
// as StringList, and nil for other messages.
func ListField(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	fields := message.Fields()
	if fields.Len() == 1 && fields.Get(0).IsList() && fields.Get(0).Name() == "values" {
		return fields.Get(0)
	}
	return nil
}

// IsDuration reports whether a field is a duration, which is written as
// [time.ParseDuration] reads it.
func IsDuration(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.MessageKind && field.Message().FullName() == "google.protobuf.Duration"
}

// Words returns the words of an enumeration by number. A number that has no word
// is empty.
func Words(enum protoreflect.EnumDescriptor) []string { return words[enum.FullName()] }

// IsSwitch reports whether an enumeration is Switch. Its words are truth values
// to readers of YAML 1.1, and what they make of them means the same.
func IsSwitch(enum protoreflect.EnumDescriptor) bool { return enum.FullName() == switchName }

const switchName = "corsrpc.policy.v1.Switch"

// Both numbers and words are those of the types in package corsrpc.
var words = map[protoreflect.FullName][]string{
	switchName:                   {"inherit", "on", "off"},
	"corsrpc.policy.v1.REST":     {"unspecified", "none", "gateway", "transcoding"},
	"corsrpc.policy.v1.Protocol": {"", "Connect", "gRPC-Web", "gRPC"},
}

package contract

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// The numbers of corsrpc/v1/options.proto. Options are read from their wire
// format: those of descriptors that were built at run time can be of another Go
// type or hold the extension unparsed, and the generated code stands above this
// package.
const (
	// extensionNumber is that of (corsrpc.v1.service) and (corsrpc.v1.method),
	// whose messages have the same fields.
	extensionNumber protowire.Number = 57417894

	fieldRequestHeaders   protowire.Number = 1
	fieldResponseHeaders  protowire.Number = 2
	fieldResponseTrailers protowire.Number = 3
	fieldAudience         protowire.Number = 4
	fieldAccess           protowire.Number = 5
)

// readOptions reads a descriptor's options, protobuf's own into builtIn.
//
// What it does not understand of the extension is an error: to pass over it
// could open what the schema closes.
func readOptions(d protoreflect.Descriptor, builtIn proto.Message, extension string) (Options, error) {
	options := d.Options()
	if proto.Size(options) == 0 {
		return Options{}, nil
	}
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true, Resolver: new(protoregistry.Types)}.Unmarshal(wire, builtIn)
	}
	var o Options
	if err == nil {
		o, err = decode(wire, extension)
	}
	if err != nil {
		return Options{}, fmt.Errorf("options of %s cannot be read: %w", d.FullName(), err)
	}
	return o, nil
}

// decode reads the extension in a message of options. A message that occurs
// several times is merged, and to merge messages is to join their bytes.
func decode(wire []byte, extension string) (Options, error) {
	var message []byte
	for len(wire) > 0 {
		number, kind, length := protowire.ConsumeField(wire)
		if length < 0 {
			return Options{}, notProtobuf(extension, length)
		}
		if number == extensionNumber {
			if kind != protowire.BytesType {
				return Options{}, fmt.Errorf("field %d is not (%s); make sure that no other option has its number", extensionNumber, extension)
			}
			_, _, tag := protowire.ConsumeTag(wire)
			value, _ := protowire.ConsumeBytes(wire[tag:])
			message = append(message, value...)
		}
		wire = wire[length:]
	}
	return decodeMessage(message, extension)
}

func decodeMessage(wire []byte, extension string) (Options, error) {
	var o Options
	for len(wire) > 0 {
		number, kind, tag := protowire.ConsumeTag(wire)
		length := protowire.ConsumeFieldValue(number, kind, wire[max(tag, 0):])
		if tag < 0 || length < 0 {
			return Options{}, notProtobuf(extension, min(tag, length))
		}
		value := wire[tag : tag+length]
		wire = wire[tag+length:]
		switch {
		case kind == protowire.BytesType && fieldRequestHeaders <= number && number <= fieldAudience:
			text, _ := protowire.ConsumeBytes(value)
			if !utf8.Valid(text) {
				return Options{}, errors.New("invalid UTF-8")
			}
			o.set(number, string(text))
		case kind == protowire.VarintType && number == fieldAccess:
			access, _ := protowire.ConsumeVarint(value)
			// A value that this version does not know must not open anything.
			o.Internal = int32(access) != 0
		default:
			return Options{}, fmt.Errorf("(%s) has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports", extension)
		}
	}
	return o, nil
}

func notProtobuf(extension string, code int) error {
	return fmt.Errorf("(%s) is not valid protobuf: %w", extension, protowire.ParseError(code))
}

func (o *Options) set(number protowire.Number, text string) {
	switch number {
	case fieldRequestHeaders:
		o.RequestHeaders = append(o.RequestHeaders, text)
	case fieldResponseHeaders:
		o.ResponseHeaders = append(o.ResponseHeaders, text)
	case fieldResponseTrailers:
		o.ResponseTrailers = append(o.ResponseTrailers, text)
	case fieldAudience:
		o.Audience = text
	}
}

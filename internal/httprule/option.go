package httprule

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	// optionNumber is the field number of google.api.http in
	// google.protobuf.MethodOptions.
	optionNumber protowire.Number = 72295728
	// maxOption is the size in bytes of the largest option, and maxBindings
	// the number of bindings of a method: descriptors can come from a server's
	// reflection service.
	maxOption   = 256 << 10
	maxBindings = 256
)

// Fields of google.api.HttpRule and CustomHttpPattern.
const (
	ruleSelector           protowire.Number = 1
	ruleGet                protowire.Number = 2
	rulePut                protowire.Number = 3
	rulePost               protowire.Number = 4
	ruleDelete             protowire.Number = 5
	rulePatch              protowire.Number = 6
	ruleBody               protowire.Number = 7
	ruleCustom             protowire.Number = 8
	ruleAdditionalBindings protowire.Number = 11
	ruleResponseBody       protowire.Number = 12

	customKind protowire.Number = 1
	customPath protowire.Number = 2
)

// Bindings returns the bindings that the schema declares for a method, nil if it
// declares none. The option is read from its wire format, so that neither it nor
// google/api/annotations.proto has to be linked.
func Bindings(method protoreflect.MethodDescriptor) ([]Binding, error) {
	options := method.Options()
	if proto.Size(options) == 0 {
		return nil, nil
	}
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("options of %s cannot be read: %w", method.FullName(), err)
	}
	bindings, err := DecodeBindings(wire)
	if err != nil {
		return nil, fmt.Errorf("(google.api.http) of %s: %w", method.FullName(), err)
	}
	for _, binding := range bindings {
		if err := binding.Check(method); err != nil {
			return nil, fmt.Errorf("(google.api.http) of %s: %w", method.FullName(), err)
		}
	}
	return bindings, nil
}

// DecodeBindings returns the bindings in the wire format of a
// google.protobuf.MethodOptions, without [Binding.Check].
//
// It fails for what it does not understand of the option: passing over it could
// leave a path without its rule.
func DecodeBindings(options []byte) ([]Binding, error) {
	// A message that occurs several times is merged, and to merge messages
	// is to join their bytes.
	var option []byte
	err := eachField(options, func(number protowire.Number, value []byte) error {
		if number != optionNumber {
			return nil
		}
		if value == nil {
			return errors.New("not a message: make sure that no other option has its number")
		}
		option = append(option, value...)
		return nil
	})
	if err != nil || option == nil {
		return nil, err
	}
	if len(option) > maxOption {
		return nil, fmt.Errorf("%d bytes: shorten it to at most %d", len(option), maxOption)
	}
	rule, err := decodeRule(option)
	if err != nil {
		return nil, err
	}
	if len(rule.additional) >= maxBindings {
		return nil, fmt.Errorf("%d additional bindings: a method can have at most %d bindings", len(rule.additional), maxBindings)
	}
	var bindings []Binding
	// grpc-gateway accepts an option that has additional bindings alone.
	if rule.hasPattern {
		binding, err := rule.binding()
		if err != nil {
			return nil, err
		}
		bindings = append(bindings, binding)
	}
	for i, wire := range rule.additional {
		additional, err := decodeRule(wire)
		if err == nil && len(additional.additional) > 0 {
			err = errors.New("has additional bindings itself: list them in the outer rule")
		}
		if err == nil && !additional.hasPattern {
			err = errors.New("no pattern: write one such as get: \"/v1/shelves\"")
		}
		var binding Binding
		if err == nil {
			binding, err = additional.binding()
		}
		if err != nil {
			return nil, fmt.Errorf("additional_bindings[%d]: %w", i, err)
		}
		bindings = append(bindings, binding)
	}
	return bindings, nil
}

// A httpRule is a google.api.HttpRule.
type httpRule struct {
	hasPattern         bool
	method, path       string
	custom             []byte // the pattern, if it is the last one
	body, responseBody string
	additional         [][]byte
}

func (r *httpRule) binding() (Binding, error) {
	binding, err := newBinding(r.method, r.path)
	binding.Body, binding.ResponseBody = r.body, r.responseBody
	return binding, err
}

func decodeRule(wire []byte) (*httpRule, error) {
	var rule httpRule
	err := eachField(wire, func(number protowire.Number, value []byte) error {
		if value == nil {
			return errUnknownField(number)
		}
		switch number {
		case ruleGet:
			rule.setPattern("GET", value)
		case rulePut:
			rule.setPattern("PUT", value)
		case rulePost:
			rule.setPattern("POST", value)
		case ruleDelete:
			rule.setPattern("DELETE", value)
		case rulePatch:
			rule.setPattern("PATCH", value)
		case ruleCustom:
			rule.hasPattern = true
			rule.custom = append(rule.custom, value...)
			return rule.decodeCustom()
		case ruleBody:
			rule.body = string(value)
		case ruleResponseBody:
			rule.responseBody = string(value)
		case ruleAdditionalBindings:
			rule.additional = append(rule.additional, value)
		case ruleSelector: // has no meaning in an option
		default:
			return errUnknownField(number)
		}
		return nil
	})
	return &rule, err
}

// setPattern replaces the rule's pattern, which is a oneof: the last one counts.
// An empty path is no pattern to grpc-gateway.
func (r *httpRule) setPattern(method string, path []byte) {
	r.hasPattern, r.custom = len(path) > 0, nil
	r.method, r.path = method, string(path)
}

// decodeCustom reads the custom pattern, which is merged where it follows
// another custom pattern.
func (r *httpRule) decodeCustom() error {
	r.method, r.path = "", ""
	return eachField(r.custom, func(number protowire.Number, value []byte) error {
		switch {
		case value != nil && number == customKind:
			r.method = string(value)
		case value != nil && number == customPath:
			r.path = string(value)
		default:
			return fmt.Errorf("custom: %w", errUnknownField(number))
		}
		return nil
	})
}

func errUnknownField(number protowire.Number) error {
	return fmt.Errorf("field %d of google.api.HttpRule is not known to this version of corsrpc: use the google/api/http.proto that gateways use", number)
}

// eachField calls do with every field of a message. The value is nil if it is
// not of the length-delimited type.
func eachField(wire []byte, do func(protowire.Number, []byte) error) error {
	for len(wire) > 0 {
		number, kind, tag := protowire.ConsumeTag(wire)
		if tag < 0 {
			return malformed(tag)
		}
		length := protowire.ConsumeFieldValue(number, kind, wire[tag:])
		if length < 0 {
			return malformed(length)
		}
		var value []byte
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(wire[tag:])
			value = value[:len(value):len(value)]
			if value == nil {
				value = []byte{}
			}
		}
		if err := do(number, value); err != nil {
			return err
		}
		wire = wire[tag+length:]
	}
	return nil
}

func malformed(code int) error {
	return fmt.Errorf("not valid protobuf: %w: compile the schema again", protowire.ParseError(code))
}

package httprule

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ParseBinding parses an HTTP method and a path template with one space between
// them: "POST /v1/admin:purge".
func ParseBinding(s string) (Binding, error) {
	method, path, found := strings.Cut(s, " ")
	if !found || method == "" {
		return Binding{}, fmt.Errorf("%q is not a binding: write an HTTP method, a space and a path template, such as %q", s, "POST /v1/admin:purge")
	}
	return newBinding(method, path)
}

func newBinding(method, path string) (Binding, error) {
	if !isToken(method) {
		return Binding{}, fmt.Errorf("%q is not an HTTP method: write one such as %q, or %q for all", method, "POST", "*")
	}
	template, err := ParseTemplate(path)
	return Binding{Method: method, Template: template}, err
}

// isToken reports whether s is a token of RFC 9110 (section 5.6.2), which HTTP
// methods are.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// Check reports whether a gateway could serve the method under this binding:
// whether what the template's variables and the bodies name are fields of the
// method's messages.
func (b Binding) Check(method protoreflect.MethodDescriptor) error {
	for _, variable := range b.Template.variables {
		if err := checkFieldPath(method.Input(), variable); err != nil {
			return fmt.Errorf("variable {%s} of %q: %w", variable, b, err)
		}
	}
	if b.Body != "" && b.Body != "*" {
		if err := checkFieldPath(method.Input(), b.Body); err != nil {
			return fmt.Errorf("body %q of %q: %w", b.Body, b, err)
		}
	}
	if b.ResponseBody != "" && b.ResponseBody != "*" {
		if err := checkFieldPath(method.Output(), b.ResponseBody); err != nil {
			return fmt.Errorf("response_body %q of %q: %w", b.ResponseBody, b, err)
		}
	}
	return nil
}

// checkFieldPath follows a path such as "shelf.id" through singular messages.
func checkFieldPath(message protoreflect.MessageDescriptor, path string) error {
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ".")
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return fmt.Errorf("%s has no field %q: write the name of one of its fields as the schema spells it", message.FullName(), name)
		}
		if !more {
			return nil
		}
		if field.Message() == nil || field.Cardinality() == protoreflect.Repeated {
			return fmt.Errorf("field %q of %s is not a single message: end the path with it", name, message.FullName())
		}
		message = field.Message()
	}
	return nil
}

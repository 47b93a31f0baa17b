package corsrpc

import (
	"fmt"
	"slices"
)

// enumText returns the text of a value of a closed enumeration.
func enumText[E ~uint8](value E, texts []string) string {
	if int(value) < len(texts) {
		return texts[value]
	}
	return fmt.Sprintf("%d", value)
}

// marshalEnum returns the text of a value for [encoding.TextMarshaler].
func marshalEnum[E ~uint8](value E, texts []string) ([]byte, error) {
	if int(value) >= len(texts) || texts[value] == "" {
		return nil, fmt.Errorf("corsrpc: %T has no value %d", value, value)
	}
	return []byte(texts[value]), nil
}

// unmarshalEnum reads what marshalEnum returns.
func unmarshalEnum[E ~uint8](value *E, texts []string, text []byte) error {
	i := slices.Index(texts, string(text))
	if i < 0 || len(text) == 0 {
		return fmt.Errorf("corsrpc: %T has no value %s", *value, quote(string(text)))
	}
	*value = E(i)
	return nil
}

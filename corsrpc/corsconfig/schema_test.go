package corsconfig_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// Editors accept what Marshal writes.
func TestSchemaAcceptsWhatIsWritten(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	for seed := range uint64(200) {
		random := &randomConfig{rand.New(rand.NewPCG(seed, 16))}
		text, err := corsconfig.Marshal(random.config())
		require.NoError(t, err)
		var value any
		require.NoError(t, yaml.Unmarshal(text, &value))
		require.Empty(t, schema.check(t, value), "%s", text)
	}
}

// Editors mark what the decoder refuses, if YAML can be made of it, and nothing
// else.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	refused := 0
	for _, test := range refusedFiles {
		var value any
		// The rest is not for a schema: mistakes of YAML, and what is lost when
		// YAML becomes JSON.
		if err := yaml.Unmarshal([]byte(test.text), &value); err != nil || !utf8.ValidString(test.text) ||
			slices.Contains([]string{"two documents", "a broken second document", "a merge key", "a merge key of keys", "a tag", "binary text", "a duration that is too long", "a key that is a number"}, test.name) {
			continue
		}
		refused++
		assert.NotEmpty(t, schema.check(t, value), "%s:\n%s", test.name, test.text)
	}
	assert.Greater(t, refused, 25)
	for _, text := range []string{
		"{}", "origins: null\ncredentials: ~\nmax_age:\nrest:\nprotocols: null\noverrides:\n",
		"overrides: {a.B: null, a.C: {}, a.D: {origins: null, credentials: true, links: off}}\naudiences: {a: null, b: []}\nresources: {/: null}\n",
		"max_age: -1s\nresources: {/: {max_age: 1h2m3.5s}, /a: {max_age: '0'}, /b: {max_age: .5us}}\n",
	} {
		_, err := corsconfig.DecodeConfig([]byte(text))
		require.NoError(t, err, text)
		var value any
		require.NoError(t, yaml.Unmarshal([]byte(text), &value))
		assert.Empty(t, schema.check(t, value), text)
	}
}

// A jsonSchema is the part of JSON Schema that policy.schema.json uses.
type jsonSchema struct {
	root, this map[string]any
}

func readSchema(t *testing.T) jsonSchema {
	t.Helper()
	text, err := os.ReadFile("../corspolicyv1/policy.schema.json")
	require.NoError(t, err)
	var root map[string]any
	require.NoError(t, json.Unmarshal(text, &root))
	return jsonSchema{root, root}
}

// check returns what is wrong with a value, or nothing.
func (s jsonSchema) check(t *testing.T, value any) string {
	t.Helper()
	below := func(schema any) jsonSchema {
		this, ok := schema.(map[string]any)
		require.True(t, ok, "%v", schema)
		return jsonSchema{s.root, this}
	}
	for keyword, argument := range s.this {
		switch keyword {
		case "$schema", "title", "description", "definitions", "properties":
		case "$ref":
			name := strings.TrimPrefix(argument.(string), "#/definitions/")
			if problem := below(s.root["definitions"].(map[string]any)[name]).check(t, value); problem != "" {
				return problem
			}
		case "type":
			if kinds, ok := argument.([]any); ok && !slices.Contains(kinds, any(jsonKind(value))) || !ok && argument != jsonKind(value) {
				return fmt.Sprintf("%v is not %v", value, argument)
			}
		case "enum":
			if !slices.ContainsFunc(argument.([]any), func(word any) bool { return word == value }) {
				return fmt.Sprintf("%v is not one of %v", value, argument)
			}
		case "pattern":
			if text, ok := value.(string); ok && !regexp.MustCompile(argument.(string)).MatchString(text) {
				return fmt.Sprintf("%q does not match", text)
			}
		case "items":
			elements, _ := value.([]any)
			for _, element := range elements {
				if problem := below(argument).check(t, element); problem != "" {
					return problem
				}
			}
		case "additionalProperties":
			properties, _ := s.this["properties"].(map[string]any)
			entries, _ := value.(map[string]any)
			for key, entry := range entries {
				schema, known := properties[key]
				switch {
				case !known && argument == false:
					return key + " is unknown"
				case !known:
					schema = argument
				}
				if problem := below(schema).check(t, entry); problem != "" {
					return key + ": " + problem
				}
			}
		default:
			require.Fail(t, "a keyword that this test does not know", keyword)
		}
	}
	return ""
}

func jsonKind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return fmt.Sprintf("%T", value)
}

package policyfile_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
	"github.com/corsrpc/corsrpc-go/internal/policyfile"
)

// The committed schema is that of the linked proto file. Its descriptions are not
// in generated code; `make generate-check` compares them too.
func TestSchemaIsFresh(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../corsrpc/corspolicyv1/policy.schema.json")
	require.NoError(t, err)
	var committed any
	require.NoError(t, json.Unmarshal(text, &committed))
	described := 0
	withoutDescriptions(committed, &described)

	fields := 0
	policy := (&corspolicyv1.Policy{}).ProtoReflect().Descriptor()
	for _, name := range []protoreflect.Name{"Policy", "Override", "Resource"} {
		fields += 1 + policy.ParentFile().Messages().ByName(name).Fields().Len()
	}
	assert.Equal(t, fields, described, "every message and field has a comment")

	text, err = policyfile.Schema(policy, func(protoreflect.Descriptor) string { return "" })
	require.NoError(t, err)
	var fresh any
	require.NoError(t, json.Unmarshal(text, &fresh))
	assert.Equal(t, fresh, committed, "run `make generate`")
}

// withoutDescriptions removes and counts descriptions, which are text; a property
// of that name would not be.
func withoutDescriptions(value any, count *int) {
	switch value := value.(type) {
	case map[string]any:
		if _, ok := value["description"].(string); ok {
			delete(value, "description")
			*count++
		}
		for _, part := range value {
			withoutDescriptions(part, count)
		}
	case []any:
		for _, part := range value {
			withoutDescriptions(part, count)
		}
	}
}

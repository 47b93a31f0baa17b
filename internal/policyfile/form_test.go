package policyfile_test

import (
	"encoding"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
	"github.com/corsrpc/corsrpc-go/internal/policyfile"
)

// Every value of an enumeration in the proto file is the one of its number in
// package corsrpc, and there are no others.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		enum  protoreflect.EnumDescriptor
		value func(uint8) encoding.TextMarshaler
	}{
		{corspolicyv1.Switch(0).Descriptor(), func(n uint8) encoding.TextMarshaler { return corsrpc.Switch(n) }},
		{corspolicyv1.REST(0).Descriptor(), func(n uint8) encoding.TextMarshaler { return corsrpc.REST(n) }},
		{corspolicyv1.Protocol(0).Descriptor(), func(n uint8) encoding.TextMarshaler { return corsrpc.Protocol(n) }},
	} {
		words := policyfile.Words(test.enum)
		require.Len(t, words, test.enum.Values().Len(), test.enum.FullName())
		for number := range uint8(255) {
			text, err := test.value(number).MarshalText()
			if int(number) >= len(words) || words[number] == "" {
				assert.Error(t, err, "%s %d", test.enum.FullName(), number)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, words[number], string(text))
			assert.NotNil(t, test.enum.Values().ByNumber(protoreflect.EnumNumber(number)))
		}
	}
}

package corsconfig_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
)

// notData are the fields of Config that files cannot have. Watch keeps them.
var notData = map[string]reflect.Type{
	"Files":      reflect.TypeFor[*protoregistry.Files](),
	"OnDecision": reflect.TypeFor[func(context.Context, corsrpc.Decision)](),
}

// Every field of the structs that is data has a field of its name and kind in
// the proto file, in the same order, and there are no others.
func TestFieldsOfTheProtoFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		goType  reflect.Type
		message proto.Message
	}{
		{reflect.TypeFor[corsrpc.Config](), &corspolicyv1.Policy{}},
		{reflect.TypeFor[corsrpc.Override](), &corspolicyv1.Override{}},
		{reflect.TypeFor[corsrpc.Resource](), &corspolicyv1.Resource{}},
	} {
		want := map[string]string{}
		for field := range test.goType.Fields() {
			if _, ok := notData[field.Name]; !ok {
				want[strings.ToLower(field.Name)] = goKind(t, field.Type)
			}
		}
		got := map[string]string{}
		fields := test.message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			got[strings.ReplaceAll(string(fields.Get(i).Name()), "_", "")] = protoKind(t, fields.Get(i))
		}
		assert.Equal(t, want, got, "%v: give policy.proto, config.go and the documentation the same fields", test.goType)
	}
}

func goKind(t *testing.T, goType reflect.Type) string {
	switch {
	case goType == reflect.TypeFor[time.Duration]():
		return "Duration"
	case goType.Kind() == reflect.Map:
		return "map of " + goKind(t, goType.Elem())
	case goType.Kind() == reflect.Slice:
		return "list of " + goKind(t, goType.Elem())
	case goType.PkgPath() != "":
		return goType.Name()
	}
	return goType.Kind().String()
}

func protoKind(t *testing.T, field protoreflect.FieldDescriptor) string {
	switch {
	case field.IsMap():
		return "map of " + protoKind(t, field.MapValue())
	case field.Kind() == protoreflect.EnumKind && field.IsList():
		return "list of " + string(field.Enum().Name())
	case field.IsList():
		return "list of " + field.Kind().String()
	case field.Kind() == protoreflect.EnumKind:
		return string(field.Enum().Name())
	case field.Kind() != protoreflect.MessageKind:
		return field.Kind().String()
	case strings.HasSuffix(string(field.Message().Name()), "List"):
		return protoKind(t, field.Message().Fields().ByName("values"))
	}
	return string(field.Message().Name())
}

// A Config whose every field is set goes through a file unharmed, so that no
// field is forgotten on the way.
func TestEveryFieldIsRead(t *testing.T) {
	t.Parallel()
	var config corsrpc.Config
	fill(t, reflect.ValueOf(&config).Elem())
	text, err := corsconfig.Marshal(config)
	require.NoError(t, err)
	config.Files, config.OnDecision = nil, nil
	got, err := corsconfig.DecodeConfig(text)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, config, got, "%s", text)
}

// fill gives every part of a value something that is not zero.
func fill(t *testing.T, value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			if _, ok := notData[value.Type().Field(i).Name]; !ok {
				fill(t, value.Field(i))
			}
		}
	case reflect.Map:
		element := reflect.New(value.Type().Elem()).Elem()
		fill(t, element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(reflect.ValueOf("key"), element)
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(t, value.Index(0))
	case reflect.String:
		value.SetString("text")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int64:
		value.SetInt(int64(90 * time.Second))
	case reflect.Uint8:
		value.SetUint(2)
	default:
		require.Fail(t, "a kind of field that this test does not know", "%v", value.Type())
	}
}

package corsrpc_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// An enum is one value of an enumeration.
type enum interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
}

// checkEnum checks the texts of all values of an enumeration, which begin at
// first, that they come back, and that nothing else does.
func checkEnum[E enum](t *testing.T, first E, texts ...string) {
	t.Helper()
	value := func(i int) E {
		v := reflect.New(reflect.TypeFor[E]()).Elem()
		v.SetUint(reflect.ValueOf(first).Uint() + uint64(i))
		return v.Interface().(E)
	}
	unmarshal := func(text string) (E, error) {
		var e E
		err := any(&e).(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
		return e, err
	}
	for i, want := range texts {
		e := value(i)
		text, err := e.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		back, err := unmarshal(want)
		require.NoError(t, err)
		assert.Equal(t, e, back)

		data, err := json.Marshal(map[string]E{"value": e})
		require.NoError(t, err)
		assert.JSONEq(t, `{"value": "`+want+`"}`, string(data))
	}
	past := value(len(texts))
	_, err := past.MarshalText()
	assert.ErrorContains(t, err, fmt.Sprintf("%T has no value %d", past, reflect.ValueOf(past).Uint()))
	for _, text := range []string{"", "0", "x\r\n", strings.ToUpper(texts[0]) + " ", strings.Repeat("x", 1<<10)} {
		_, err := unmarshal(text)
		require.Error(t, err, "%T %q", first, text)
		assert.NotContains(t, err.Error(), "\n")
		assert.Less(t, len(err.Error()), 400)
	}
}

func TestEnumTexts(t *testing.T) {
	t.Parallel()
	checkEnum(t, corsrpc.KindUngoverned, "ungoverned", "same_origin", "non_browser", "preflight", "cross_origin")
	checkEnum(t, corsrpc.OutcomeAllowed, "allowed", "refused", "blocked", "reported")
	checkEnum(t, corsrpc.Inherit, "inherit", "on", "off")
	checkEnum(t, corsrpc.MatchProcedure, "procedure", "service", "binding", "resource")
	checkEnum(t, corsrpc.GrantOrigin, "origin", "method", "request_header", "response_header")
	checkEnum(t, corsrpc.RESTUnspecified, "unspecified", "none", "gateway", "transcoding")
	checkEnum(t, corsrpc.Connect, "Connect", "gRPC-Web", "gRPC")
	var codes []string
	for reason := range corsrpc.ReasonHTTP2Preface + 1 {
		codes = append(codes, reason.Code())
	}
	checkEnum(t, corsrpc.ReasonOK, codes...)
	_, err := corsrpc.Protocol(0).MarshalText()
	assert.ErrorContains(t, err, "corsrpc.Protocol has no value 0")
}

// String never fails.
func TestEnumStrings(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]fmt.Stringer{
		"cross_origin": corsrpc.KindCrossOrigin, "5": corsrpc.Kind(5),
		"refused": corsrpc.OutcomeRefused, "4": corsrpc.Outcome(4),
		"on": corsrpc.On, "3": corsrpc.Switch(3),
		"resource": corsrpc.MatchResource, "77": corsrpc.Match(77),
		"request_header": corsrpc.GrantRequestHeader, "78": corsrpc.GrantKind(78),
		"gateway": corsrpc.RESTGateway, "79": corsrpc.REST(79),
		"gRPC-Web": corsrpc.GRPCWeb, "Protocol(0)": corsrpc.Protocol(0), "Protocol(9)": corsrpc.Protocol(9),
		"origin not allowed": corsrpc.ReasonOriginNotAllowed, "200": corsrpc.Reason(200),
	} {
		assert.Equal(t, want, value.String())
	}
	assert.Equal(t, "200", corsrpc.Reason(200).Code())
}

// Codes and texts of reasons are stable: people have them in dashboards and
// links.
func TestReasonCodesAreStable(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for reason := range corsrpc.ReasonHTTP2Preface + 1 {
		fmt.Fprintf(&got, "%-24s %s\n", reason.Code(), reason)
	}
	want, err := os.ReadFile("testdata/reasons.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String(), "codes are never renamed or removed")
}

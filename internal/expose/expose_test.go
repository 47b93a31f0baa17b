package expose_test

import (
	"net/http"
	"testing"

	"connectrpc.com/connect"
	connectv2 "connectrpc.com/connect/v2"
	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/expose"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// lists are static lists: names in lower case by procedure.
type lists map[string][]string

func (l lists) Exposes(procedure, name string) bool {
	for _, listed := range l[procedure] {
		if listed == name {
			return true
		}
	}
	return false
}

const procedure = "/acme.shop.v1.CartService/AddItem"

func TestNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name            string
		prefix          string
		fields, onEntry http.Header
		want            string
	}{
		{name: "no fields", want: ""},
		{name: "names are sorted", fields: http.Header{"X-B": {"1"}, "X-A": {"1"}, "Etag": {`"1"`}}, want: "Etag, X-A, X-B"},
		{name: "names are canonical", fields: http.Header{"x-lower": {"1"}, "X-UPPER": {"1"}}, want: "X-Lower, X-Upper"},
		{name: "one name in two cases is one", fields: http.Header{"x-a": {"1"}, "X-A": {"2"}}, want: "X-A"},
		{name: "several lines are one name", fields: http.Header{"X-A": {"1", "2"}}, want: "X-A"},
		{name: "an empty line is sent", fields: http.Header{"X-A": {""}}, want: "X-A"},
		{name: "no lines are not sent", fields: http.Header{"X-A": nil, "X-B": {}}, want: ""},
		{name: "no lines any more where there were some on entry", fields: http.Header{"X-A": nil, "X-B": {}}, onEntry: http.Header{"X-A": {"1"}, "X-B": {"1"}}, want: ""},
		{name: "what the static list has", fields: http.Header{"X-Request-Id": {"1"}, "X-A": {"1"}}, want: "X-A"},
		{name: "with a prefix, the static list is asked for the whole name", prefix: "Trailer-", fields: http.Header{"X-Request-Id": {"1"}, "X-Cost": {"1"}}, want: "Trailer-X-Request-Id"},
		{name: "cookies never", fields: http.Header{"Set-Cookie": {"a=b"}, "set-cookie2": {"a=b"}}, want: ""},
		{name: "cookies never, as trailers neither", prefix: "Trailer-", fields: http.Header{"Set-Cookie": {"a=b"}}, want: ""},
		{name: "not CORS itself", fields: http.Header{"Access-Control-Allow-Origin": {"*"}, "access-control-max-age": {"1"}}, want: ""},
		{name: "what stood there on entry", fields: http.Header{"X-Frame-Options": {"DENY"}, "X-A": {"1"}}, onEntry: http.Header{"X-Frame-Options": {"DENY"}}, want: "X-A"},
		{name: "what stood there on entry with another value", fields: http.Header{"X-A": {"2"}, "X-B": {"1", "2"}}, onEntry: http.Header{"X-A": {"1"}, "X-B": {"1"}}, want: "X-A, X-B"},
		{name: "no tokens: net/http does not send them, browsers would ignore the list", fields: http.Header{"X A": {"1"}, "": {"1"}, "X,B": {"1"}, "Trailer:X-C": {"1"}, "X-\u00e4": {"1"}}, want: ""},
		{name: "what no page needs", fields: http.Header{
			"Content-Encoding": {"gzip"}, "Connect-Content-Encoding": {"gzip"}, "Connect-Accept-Encoding": {"gzip"},
			"Grpc-Encoding": {"gzip"}, "Grpc-Accept-Encoding": {"gzip"}, "Accept-Encoding": {"gzip"}, "Accept-Post": {"text/plain"},
			"Allow": {"POST"}, "Date": {"now"}, "Vary": {"Origin"}, "Trailer": {"X"}, "Connection": {"close"}, "Transfer-Encoding": {"chunked"},
			"Host": {"api.example.com"}, "Keep-Alive": {"timeout=5"}, "Te": {"trailers"}, "Upgrade": {"h2c"},
		}, want: ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			names := expose.Names{
				Static:    lists{procedure: {"x-request-id", "trailer-x-cost"}, "/other": {"x-a"}},
				Procedure: procedure,
			}
			names.Add(row.prefix, row.fields, row.onEntry)
			assert.Equal(t, row.want, names.Line())
		})
	}
}

func TestNamesOfSeveralParts(t *testing.T) {
	t.Parallel()
	names := expose.Names{Static: lists{}, Procedure: procedure}
	names.Add("", http.Header{"X-B": {"1"}}, nil)
	names.Add("Trailer-", http.Header{"X-B": {"1"}}, nil)
	names.Add("", http.Header{"X-B": {"2"}, "X-A": {"1"}}, nil)
	assert.Equal(t, "Trailer-X-B, X-A, X-B", names.Line())
}

func TestFormOf(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		protocol string
		unary    bool
		want     protocol.TrailerForm
	}{
		{connect.ProtocolConnect, true, protocol.Connect.UnaryTrailers},
		{connect.ProtocolConnect, false, protocol.Connect.StreamTrailers},
		{connect.ProtocolGRPCWeb, true, protocol.GRPCWeb.UnaryTrailers},
		{connect.ProtocolGRPCWeb, false, protocol.GRPCWeb.StreamTrailers},
		{connect.ProtocolGRPC, true, protocol.GRPC.UnaryTrailers},
		{connect.ProtocolGRPC, false, protocol.GRPC.StreamTrailers},
		{connectv2.ProtocolNameConnect, true, protocol.Connect.UnaryTrailers},
		{connectv2.ProtocolNameGRPCWeb, true, protocol.GRPCWeb.UnaryTrailers},
		{connectv2.ProtocolNameGRPC, true, protocol.GRPC.UnaryTrailers},
		{"quic-rpc", true, protocol.TrailerForm{}},
		{"", false, protocol.TrailerForm{}},
	} {
		assert.Equal(t, row.want, expose.FormOf(row.protocol, row.unary), "%s, unary: %t", row.protocol, row.unary)
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		method string
		header http.Header
		want   bool
	}{
		{"a call from a page", "POST", http.Header{"Origin": {"https://app.example.com"}}, true},
		{"presence counts", "POST", http.Header{"Origin": {""}}, true},
		{"a call from a server", "POST", http.Header{}, false},
		{"Sec-Fetch-Site alone asks for no permission", "POST", http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"a GET from a page", "GET", http.Header{"Origin": {"https://app.example.com"}}, true},
		{"a GET from anyone", "GET", nil, true},
	} {
		assert.Equal(t, row.want, expose.Readable(row.method, row.header["Origin"]), row.name)
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name                  string
		fields, onEntry, want http.Header
	}{
		{
			name: "nothing there", fields: http.Header{"X-A": {"1"}}, want: http.Header{"X-A": {"1"}},
		},
		{
			name:   "what was added is gone, in every case",
			fields: http.Header{"X-A": {"1"}, "Access-Control-Allow-Origin": {"*"}, "access-control-max-age": {"1"}, "Access-Control-Allow-Private-Network": {"true"}},
			want:   http.Header{"X-A": {"1"}},
		},
		{
			name:    "what was there stays",
			fields:  http.Header{"Access-Control-Allow-Origin": {"a"}},
			onEntry: http.Header{"Access-Control-Allow-Origin": {"a"}},
			want:    http.Header{"Access-Control-Allow-Origin": {"a"}},
		},
		{
			name:    "a second line goes",
			fields:  http.Header{"Access-Control-Allow-Origin": {"a", "b"}},
			onEntry: http.Header{"Access-Control-Allow-Origin": {"a"}},
			want:    http.Header{"Access-Control-Allow-Origin": {"a"}},
		},
		{
			name:    "what was overwritten is back",
			fields:  http.Header{"Access-Control-Allow-Origin": {"b"}},
			onEntry: http.Header{"Access-Control-Allow-Origin": {"a"}},
			want:    http.Header{"Access-Control-Allow-Origin": {"a"}},
		},
		{
			name:    "what was removed is back",
			fields:  http.Header{},
			onEntry: http.Header{"Access-Control-Allow-Origin": {"a"}, "Access-Control-Allow-Credentials": {"true"}},
			want:    http.Header{"Access-Control-Allow-Origin": {"a"}, "Access-Control-Allow-Credentials": {"true"}},
		},
		{
			name:    "other fields are the handler's to change",
			fields:  http.Header{"X-A": {"2"}, "X-C": {"1"}},
			onEntry: http.Header{"X-A": {"1"}, "X-B": {"1"}},
			want:    http.Header{"X-A": {"2"}, "X-C": {"1"}},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			expose.Strip(row.fields, row.onEntry)
			assert.Equal(t, row.want, row.fields)
		})
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	clean := http.Header{"X-A": {"1"}}
	same := expose.Without(clean)
	same.Set("X-B", "1")
	assert.Equal(t, http.Header{"X-A": {"1"}, "X-B": {"1"}}, clean, "without foreign fields there is no copy")

	lines := append(make([]string, 0, 2), "1")
	foreign := http.Header{"X-A": lines, "Access-Control-Allow-Origin": {"*"}, "access-control-max-age": {"1"}}
	rest := expose.Without(foreign)
	assert.Equal(t, http.Header{"X-A": {"1"}}, rest)
	rest.Add("X-A", "2")
	rest.Set("X-B", "1")
	assert.Equal(t, http.Header{"X-A": {"1"}, "Access-Control-Allow-Origin": {"*"}, "access-control-max-age": {"1"}}, foreign, "the copy shares nothing")
	assert.Equal(t, []string{"1", ""}, lines[:2], "nor do its lines")

	assert.Nil(t, expose.Without(http.Header(nil)))
}

package protocol_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

var tables = []*protocol.Protocol{&protocol.Connect, &protocol.GRPCWeb, &protocol.GRPC}

// A table is written so that it can be merged and shown as it is, and holds no
// name that would mean nothing to a browser.
func TestTables(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, table := range tables {
		assert.NotEmpty(t, table.Name)
		assert.False(t, names[table.Name], "%s: one table a name", table.Name)
		names[table.Name] = true
		for what, list := range map[string][]string{"RequestHeaders": table.RequestHeaders, "ResponseHeaders": table.ResponseHeaders} {
			assert.True(t, slices.IsSorted(list), "%s.%s: sorted", table.Name, what)
			assert.Len(t, slices.Compact(slices.Clone(list)), len(list), "%s.%s: without duplicates", table.Name, what)
			for _, name := range list {
				assert.True(t, headername.IsToken(name), "%s.%s: %q is a name", table.Name, what, name)
				assert.Equal(t, headername.Canonical(name), name, "%s.%s: canonical", table.Name, what)
				assert.False(t, headername.IsAccessControl(name), "%s.%s: %s belongs to CORS", table.Name, what, name)
			}
		}
		assert.NotEmpty(t, table.RequestHeaders, table.Name)
		for _, name := range table.RequestHeaders {
			assert.False(t, headername.IsForbiddenRequest(name), "%s: scripts never set %s", table.Name, name)
		}
		for _, name := range table.ResponseHeaders {
			assert.False(t, headername.IsSafelistedResponse(name), "%s: scripts always read %s", table.Name, name)
			assert.False(t, headername.IsForbiddenResponse(name), "%s: scripts never read %s", table.Name, name)
		}
		for _, form := range []protocol.TrailerForm{table.UnaryTrailers, table.StreamTrailers} {
			assert.True(t, form.InHeader || form == protocol.TrailerForm{}, "%s: a form of what is never there", table.Name)
			assert.True(t, form.Prefix == "" || headername.IsToken(form.Prefix) && headername.Canonical(form.Prefix) == form.Prefix, "%s: %q begins a name", table.Name, form.Prefix)
		}
		assert.True(t, table.Get == "" || httpmethod.IsSafelisted(table.Get), "%s: a method that pages need no permission for", table.Name)
		for _, contentType := range []string{table.UnaryContentType, table.StreamContentType} {
			assert.True(t, strings.HasPrefix(contentType, "application/"), "%s: %s", table.Name, contentType)
		}
	}
}

// What each client was seen to ask for, application metadata left out.
func TestRequestHeadersOfEveryClient(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		client                      string
		protocol                    *protocol.Protocol
		accessControlRequestHeaders string
	}{
		{"connect-web, unary or stream", &protocol.Connect, "connect-protocol-version,content-type"},
		{"connect-web, with a timeout", &protocol.Connect, "connect-protocol-version,connect-timeout-ms,content-type"},
		{"connect-web, GET with a timeout", &protocol.Connect, "connect-timeout-ms"},
		{"connect-web over gRPC-Web", &protocol.GRPCWeb, "content-type,x-grpc-web,x-user-agent"},
		{"connect-web over gRPC-Web, with a timeout", &protocol.GRPCWeb, "content-type,grpc-timeout,x-grpc-web,x-user-agent"},
		{"grpc-web", &protocol.GRPCWeb, "content-type,x-grpc-web,x-user-agent"},
		{"grpc-web, with a deadline", &protocol.GRPCWeb, "content-type,grpc-timeout,x-grpc-web,x-user-agent"},
		{"@improbable-eng/grpc-web", &protocol.GRPCWeb, "content-type,x-grpc-web"},
		{"@protobuf-ts/grpcweb-transport", &protocol.GRPCWeb, "content-type,x-grpc-web"},
		{"@protobuf-ts/grpcweb-transport, with a timeout", &protocol.GRPCWeb, "content-type,grpc-timeout,x-grpc-web"},
		{"nice-grpc-web", &protocol.GRPCWeb, "content-type,x-grpc-web"},
		// Not from browsers of today, but a release of theirs may.
		{"connect-go", &protocol.Connect, "connect-accept-encoding,connect-content-encoding,connect-protocol-version,connect-timeout-ms,content-encoding,content-type,user-agent"},
		{"connect-go over gRPC-Web", &protocol.GRPCWeb, "content-type,grpc-accept-encoding,grpc-encoding,grpc-timeout,user-agent,x-user-agent"},
		{"connect-go over gRPC", &protocol.GRPC, "content-type,grpc-accept-encoding,grpc-encoding,grpc-timeout,user-agent"},
		{"grpc-go, on a second attempt", &protocol.GRPC, "content-type,grpc-accept-encoding,grpc-encoding,grpc-previous-rpc-attempts,grpc-timeout,user-agent"},
		{"gRPC-Web, on a second attempt", &protocol.GRPCWeb, "content-type,grpc-previous-rpc-attempts,x-grpc-web,x-user-agent"},
		// What the specifications name, and connectrpc.com/cors for all protocols.
		{"gRPC, with a message type", &protocol.GRPC, "content-type,grpc-message-type"},
		{"gRPC-Web, with a message type", &protocol.GRPCWeb, "content-type,grpc-message-type"},
		{"Connect, with the user agent of a page", &protocol.Connect, "content-type,x-user-agent"},
	} {
		t.Run(test.client, func(t *testing.T) {
			t.Parallel()
			coverage, name := headername.NewSet(test.protocol.RequestHeaders).Covers([]string{test.accessControlRequestHeaders})
			assert.Equal(t, headername.Covered, coverage, name)
		})
	}
}

// gRPC-Web clients lose a failure without these: a failed stream looks like an
// empty success.
func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin"}, protocol.GRPCWeb.ResponseHeaders)
	assert.Empty(t, protocol.Connect.ResponseHeaders, "the status is the HTTP status, the rest in the body")
	assert.Empty(t, protocol.GRPC.ResponseHeaders, "the status is in HTTP trailers")
}

func TestTrailersInHeader(t *testing.T) {
	t.Parallel()
	trailers := []string{"X-Cost", "X-Updates"}
	for _, test := range []struct {
		protocol *protocol.Protocol
		unary    bool
		want     []string
	}{
		{&protocol.Connect, true, []string{"Trailer-X-Cost", "Trailer-X-Updates"}},
		{&protocol.Connect, false, nil},
		{&protocol.GRPCWeb, true, []string{"X-Cost", "X-Updates"}},
		{&protocol.GRPCWeb, false, []string{"X-Cost", "X-Updates"}},
		{&protocol.GRPC, true, nil},
		{&protocol.GRPC, false, nil},
	} {
		assert.Equal(t, test.want, test.protocol.TrailersInHeader(test.unary, trailers), "%s, unary: %t", test.protocol.Name, test.unary)
		assert.Empty(t, test.protocol.TrailersInHeader(test.unary, nil), "%s, unary: %t", test.protocol.Name, test.unary)
	}
	assert.Equal(t, []string{"X-Cost", "X-Updates"}, trailers, "the argument stays as it is")
}

// Which answers have their trailers among the header fields.
func TestTrailerFormInResponse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                  string
		form                  protocol.TrailerForm
		ordinary, trailerOnly bool
	}{
		{"Connect, unary", protocol.Connect.UnaryTrailers, true, true},
		{"Connect, stream", protocol.Connect.StreamTrailers, false, false},
		{"gRPC-Web, unary", protocol.GRPCWeb.UnaryTrailers, false, true},
		{"gRPC-Web, stream", protocol.GRPCWeb.StreamTrailers, false, true},
		{"gRPC, unary", protocol.GRPC.UnaryTrailers, false, false},
		{"gRPC, stream", protocol.GRPC.StreamTrailers, false, false},
	} {
		assert.Equal(t, test.ordinary, test.form.InResponse(false), test.name)
		assert.Equal(t, test.trailerOnly, test.form.InResponse(true), test.name)
	}
}

// Only Connect calls by GET, and only what has no side effects.
func TestGet(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "GET", protocol.Connect.Get)
	assert.Empty(t, protocol.GRPCWeb.Get)
	assert.Empty(t, protocol.GRPC.Get)
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "application/", protocol.Connect.UnaryContentType)
	assert.Equal(t, "application/connect+", protocol.Connect.StreamContentType)
	assert.Equal(t, "application/grpc-web+", protocol.GRPCWeb.UnaryContentType)
	assert.Equal(t, "application/grpc-web+", protocol.GRPCWeb.StreamContentType)
	assert.Equal(t, "application/grpc+", protocol.GRPC.UnaryContentType)
	assert.Equal(t, "application/grpc+", protocol.GRPC.StreamContentType)
}

package browsertest

import (
	"maps"
	"slices"
	"strings"
)

// A client is an RPC library with its settings, as the page's code has it under
// id.
type client struct {
	id       string
	title    string
	npm      string // the package that has it
	protocol protocol
	codec    string // as in content types
	get      bool   // uses GET where the method allows it

	// unsupported says that connect-go does not serve the content type: it
	// answers 415.
	unsupported bool
	// sends are the headers of its own on every POST that make a preflight
	// necessary. A GET of Connect has none.
	sends []string
	// timeout is the header that carries a deadline.
	timeout string
	// takesTimeouts says that the library has a setting for deadlines. For the
	// others the page sets the header itself.
	takesTimeouts bool
	// keepsTime says that the library does not wait longer than the deadline.
	// For the others the server ends the call.
	keepsTime bool
	// sees is what the library makes of an answer.
	sees func(k *call, a answer) seen
}

type protocol uint8

const (
	connectProtocol protocol = iota
	grpcWeb
)

var clients = []*client{
	{
		id: "connect-json", title: "connect-web, Connect, JSON", npm: "@connectrpc/connect-web",
		protocol: connectProtocol, codec: "json",
		sends:   []string{"connect-protocol-version", "content-type"},
		timeout: "connect-timeout-ms", takesTimeouts: true, keepsTime: true,
		sees: connectWebSees,
	},
	{
		id: "connect-binary", title: "connect-web, Connect, binary", npm: "@connectrpc/connect-web",
		protocol: connectProtocol, codec: "proto",
		sends:   []string{"connect-protocol-version", "content-type"},
		timeout: "connect-timeout-ms", takesTimeouts: true, keepsTime: true,
		sees: connectWebSees,
	},
	{
		id: "connect-get", title: "connect-web, Connect, GET", npm: "@connectrpc/connect-web",
		protocol: connectProtocol, codec: "json", get: true,
		sends:   []string{"connect-protocol-version", "content-type"},
		timeout: "connect-timeout-ms", takesTimeouts: true, keepsTime: true,
		sees: connectWebSees,
	},
	{
		id: "connect-grpc-web", title: "connect-web, gRPC-Web, binary", npm: "@connectrpc/connect-web",
		protocol: grpcWeb, codec: "proto",
		sends:   []string{"content-type", "x-grpc-web", "x-user-agent"},
		timeout: "grpc-timeout", takesTimeouts: true, keepsTime: true,
		sees: connectWebSeesGRPCWeb,
	},
	{
		id: "connect-grpc-web-json", title: "connect-web, gRPC-Web, JSON", npm: "@connectrpc/connect-web",
		protocol: grpcWeb, codec: "json",
		sends:   []string{"content-type", "x-grpc-web", "x-user-agent"},
		timeout: "grpc-timeout", takesTimeouts: true, keepsTime: true,
		sees: connectWebSeesGRPCWeb,
	},
	{
		id: "google-binary", title: "grpc-web, binary", npm: "grpc-web",
		protocol: grpcWeb, codec: "proto",
		sends:   []string{"content-type", "x-grpc-web", "x-user-agent"},
		timeout: "grpc-timeout", takesTimeouts: true, keepsTime: true,
		sees: googleSees,
	},
	{
		id: "improbable", title: "@improbable-eng/grpc-web", npm: "@improbable-eng/grpc-web",
		protocol: grpcWeb, codec: "proto",
		sends:   []string{"content-type", "x-grpc-web"},
		timeout: "grpc-timeout",
		sees:    improbableSees,
	},
	{
		id: "protobuf-ts-binary", title: "@protobuf-ts/grpcweb-transport, binary", npm: "@protobuf-ts/grpcweb-transport",
		protocol: grpcWeb, codec: "proto",
		sends:   []string{"content-type", "x-grpc-web"},
		timeout: "grpc-timeout", takesTimeouts: true,
		sees: protobufTSSees,
	},
	{
		id: "nice-grpc-web", title: "nice-grpc-web", npm: "nice-grpc-web",
		protocol: grpcWeb, codec: "proto",
		sends:   []string{"content-type", "x-grpc-web"},
		timeout: "grpc-timeout",
		sees:    niceGRPCWebSees,
	},
	{
		id: "google-text", title: "grpc-web, text", npm: "grpc-web",
		protocol: grpcWeb, unsupported: true,
		sends:   []string{"content-type", "x-grpc-web", "x-user-agent"},
		timeout: "grpc-timeout", takesTimeouts: true, keepsTime: true,
		sees: googleSees,
	},
	{
		id: "protobuf-ts-text", title: "@protobuf-ts/grpcweb-transport, text", npm: "@protobuf-ts/grpcweb-transport",
		protocol: grpcWeb, unsupported: true,
		sends:   []string{"content-type", "x-grpc-web"},
		timeout: "grpc-timeout", takesTimeouts: true,
		sees: protobufTSSees,
	},
}

// preflights returns the value of Access-Control-Request-Headers, "" where there
// is no preflight.
func (c *client) preflights(k *call) string {
	names := slices.Collect(maps.Keys(k.metadata))
	if !c.get || !k.viaGet() {
		names = append(names, c.sends...)
	}
	if k.deadline != noDeadline {
		names = append(names, c.timeout)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func without(m map[string]string, names ...string) map[string]string {
	rest := maps.Clone(m)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

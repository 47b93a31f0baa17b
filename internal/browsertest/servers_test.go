package browsertest

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// A server serves the shop in the matrix, inside Wrap.
type server struct {
	name   string // as the matrix has it
	module string // in go.mod, for its version
	// handler returns the shop, with slowProduct.
	handler func() http.Handler
	// Each client calls it in each setting.
	clients  []*client
	settings []*setting
	// call returns a call with what this server sends, where that is not what the
	// first one sends; nil if it never differs.
	call func(*setting, *client, *call) *call
	// answer returns what it sends to a client that makes a call.
	answer func(*client, *call) answer
	// throws is an exception of a client that the page cannot catch.
	throws string
}

// callsOf returns all calls that a client makes to the server.
func (s *server) callsOf(setting *setting, c *client) []*call {
	own := make([]*call, len(calls))
	for i := range calls {
		own[i] = &calls[i]
		if s.call != nil {
			own[i] = s.call(setting, c, own[i])
		}
	}
	return own
}

// servers are those of the matrix. The first one also serves the other suites.
var servers = []*server{
	{
		name: "connect-go", module: "connectrpc.com/connect",
		handler: slowShop, clients: clients, settings: settings, answer: connectGoAnswer,
	},
	{
		name: "connect-go v2", module: "connectrpc.com/connect/v2",
		handler: slowShopV2, clients: clients, settings: settings[:2], call: connectV2Call, answer: connectV2Answer,
	},
	{
		name: "grpc-go", module: "google.golang.org/grpc",
		handler: grpcGoShop, clients: grpcWebClients(), settings: settings, answer: grpcGoAnswer,
	},
}

// serverVersions returns the versions of the servers, the gateways and Go.
func serverVersions() ([]Version, error) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return nil, err
	}
	var versions []Version
	add := func(name, module string) error {
		required := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` (v\S+)`).FindSubmatch(mod)
		if required == nil {
			return fmt.Errorf("go.mod does not require %s", module)
		}
		versions = append(versions, Version{name, string(required[1])})
		return nil
	}
	for _, s := range servers {
		if err := add(s.name, s.module); err != nil {
			return nil, err
		}
	}
	for _, g := range gateways {
		if err := add(g.name, g.module); err != nil {
			return nil, err
		}
	}
	return append(versions, Version{"Go", strings.TrimPrefix(runtime.Version(), "go")}), nil
}

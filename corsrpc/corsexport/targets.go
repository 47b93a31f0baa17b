package corsexport

import (
	"iter"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A target is a system that policies are exported to.
type target struct {
	name   string
	export func(*corsrpc.Policy, Options) (*Export, error)
	help   string // one line
	// flags are those that it reads besides -behind-gate, -host and -prefix.
	flags []string
}

// targets are in the order in which help shows them.
var targets = []target{
	{"nginx", Nginx, "nginx 1.22 and later: files to include", nil},
	{"haproxy", HAProxy, "HAProxy 2.6 and later: one more file for -f, with maps and lists (docs/edge-haproxy.md)", []string{"dir", "upstream", "defaults"}},
	{"apache", Apache, "Apache httpd 2.4: a file to include (docs/edge-apache.md)", nil},
	{"caddyfile", Caddyfile, "Caddy 2.11 and later without modules: one file to import (docs/edge-caddyfile.md)", nil},
	{"envoy", Envoy, "Envoy: routes and filters (docs/edge-envoy.md)", []string{"upstream"}},
	{"httproute", HTTPRoute, "Kubernetes Gateway API: HTTPRoutes, with a gate behind them (docs/edge-kubernetes.md)", []string{"upstream", "name", "namespace", "gateway", "port"}},
	{"securitypolicy", SecurityPolicy, "Envoy Gateway: HTTPRoutes with SecurityPolicies, with a gate behind them (docs/edge-envoygateway.md)", []string{"upstream", "name", "namespace", "gateway", "port"}},
	{"virtualservice", VirtualService, "Istio: a VirtualService (docs/edge-istio.md)", []string{"upstream", "name", "namespace", "gateway", "port"}},
	{"json", JSON, "rules as data, for programs in any language (docs/edge-json.md)", nil},
}

// Targets returns the names of the targets that [Main] knows, each with a line
// of help.
func Targets() iter.Seq2[string, string] {
	return func(yield func(name, help string) bool) {
		for _, t := range targets {
			if !yield(t.name, t.help) {
				return
			}
		}
	}
}

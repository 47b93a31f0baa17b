// Package corscaddy is the Caddy module http.handlers.corsrpc: [corsrpc.Policy.Wrap]
// inside Caddy, in front of servers in any language. It reads the services from an
// image, as `buf build -o image.binpb` writes it, and the policy from policy files:
//
//	api.example.com {
//		corsrpc {
//			image  /etc/caddy/image.binpb
//			policy /etc/caddy/policy.yaml
//		}
//		reverse_proxy localhost:8080
//	}
//
// There are three ways to get a Caddy with this module: install the command in
// the subdirectory cmd/caddy of this package, run `xcaddy build --with
// github.com/corsrpc/corsrpc-go/corsrpc/corscaddy`, or import this package in a
// main package of your own.
package corscaddy

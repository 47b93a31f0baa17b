// Package corscaddy is the Caddy module http.handlers.corsrpc:
// [corsrpc.Policy.Wrap] inside Caddy, in front of servers in any language. It
// reads the services from a Buf image, such as the one that `buf build -o
// image.binpb` writes, and the policy from policy files:
//
//	api.example.com {
//		corsrpc {
//			image  /etc/caddy/image.binpb
//			policy /etc/caddy/policy.yaml
//		}
//		reverse_proxy localhost:8080
//	}
//
// There are three ways to get a Caddy with this module: run go install for the
// command that is in this package's cmd/caddy subdirectory, run `xcaddy build
// --with github.com/corsrpc/corsrpc-go/corsrpc/corscaddy`, or import this
// package in a main package of your own.
package corscaddy

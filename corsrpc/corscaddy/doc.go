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
// Add it to Caddy with `xcaddy build --with
// github.com/corsrpc/corsrpc-go/corsrpc/corscaddy`, with an import in a main of
// your own, or install Caddy with it from the directory cmd/caddy below.
package corscaddy

package corscaddy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// The directive of a Caddyfile, and the same in JSON.
func Example() {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(`http://api.example.com {
	corsrpc {
		image  /etc/caddy/image.binpb
		policy /etc/caddy/policy.yaml /etc/caddy/production.yaml
		watch  5s
	}
	reverse_proxy localhost:8080
}
`), nil)
	if err != nil {
		log.Fatal(err)
	}
	var parsed struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct {
					Routes []struct {
						Handle []struct {
							Routes []struct{ Handle []json.RawMessage }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(config, &parsed); err != nil {
		log.Fatal(err)
	}
	var handler bytes.Buffer
	if err := json.Indent(&handler, parsed.Apps.HTTP.Servers["srv0"].Routes[0].Handle[0].Routes[0].Handle[0], "", "  "); err != nil {
		log.Fatal(err)
	}
	fmt.Println(&handler)
	// Output:
	// {
	//   "handler": "corsrpc",
	//   "image": "/etc/caddy/image.binpb",
	//   "policy": [
	//     "/etc/caddy/policy.yaml",
	//     "/etc/caddy/production.yaml"
	//   ],
	//   "watch": 5000000000
	// }
}

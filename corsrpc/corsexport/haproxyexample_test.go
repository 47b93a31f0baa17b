package corsexport_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// HAProxy gets the configuration as one more file, after the defaults section
// that it inherits from and before the frontends. The other files are where Dir
// says.
func ExampleHAProxy() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.HAProxy(policy, corsexport.Options{
		Dir:      "/etc/haproxy/corsrpc",
		Defaults: "http",
		Upstream: "rpc",
	})
	if err != nil {
		log.Fatal(err) // HAProxy cannot do what the policy says
	}
	configuration := export.Files[0]
	fmt.Println(configuration.Name)
	for _, line := range strings.SplitN(string(configuration.Data), "\n", 5)[1:4] {
		fmt.Println(line)
	}
	// Output:
	// corsrpc.cfg
	// defaults corsrpc from http
	//     mode http
	//     default_backend rpc
}

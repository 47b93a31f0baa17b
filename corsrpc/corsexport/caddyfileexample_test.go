package corsexport_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// Caddy gets the policy as a file to import. Its sites invoke the route in it.
func ExampleCaddyfile() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.Caddyfile(policy, corsexport.Options{Prefix: "shop"})
	if err != nil {
		log.Fatal(err) // Caddy cannot do what the policy says
	}
	file := export.Files[0]
	fmt.Println(file.Name)
	for line := range strings.Lines(string(file.Data)) {
		if strings.HasPrefix(line, "&") {
			fmt.Print(line)
		}
	}
	// Output:
	// shop.caddyfile
	// &(shop_policy) {
}

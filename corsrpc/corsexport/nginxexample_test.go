package corsexport_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The files go where nginx includes them.
func ExampleNginx() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.Nginx(policy, corsexport.Options{})
	if err != nil {
		log.Fatal(err) // nginx cannot do what the policy says
	}
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, file := range export.Files {
		if err := os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o644); err != nil {
			log.Fatal(err)
		}
		fmt.Println(file.Name)
	}
	// Output:
	// corsrpc_http.conf
	// corsrpc_server.conf
	// corsrpc_headers.conf
}

// Two bindings match some of the same paths, and neither is the stricter one.
func ExampleRefusal() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CartService", "acme.shop.v1.AdminService"},
		Origins:  []string{"https://app.example.com"},
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com", "https://shop.example.com"},
			"backoffice": {"https://app.example.com", "https://console.example.com"},
		},
		REST: corsrpc.RESTGateway,
		Bindings: map[string][]string{
			"acme.shop.v1.CartService.AddItem":   {"POST /v1/*/items"},
			"acme.shop.v1.AdminService.SetPrice": {"POST /v1/prices/*"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = corsexport.Nginx(policy, corsexport.Options{})
	var refusal *corsexport.Refusal
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Rule)
		fmt.Println(refusal.Problem)
		fmt.Println(refusal.Fix)
	}
	// Output:
	// /v1/*/items
	// the binding overlaps "POST /v1/prices/*" of /acme.shop.v1.AdminService/SetPrice: it has paths that are also the other's, and each permits what the other does not
	// give both methods the same permissions, or change one template
}

package corsexport_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The file goes where a VirtualHost includes it.
func ExampleApache() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.Apache(policy, corsexport.Options{})
	if err != nil {
		log.Fatal(err) // Apache cannot do what the policy says
	}
	dir, err := os.MkdirTemp("", "apache2")
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
	// corsrpc.conf
}

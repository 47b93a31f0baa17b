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

// Envoy reads the routes from the file, and again whenever the file is replaced.
func ExampleEnvoy() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
		Hosts:    []string{"api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.Envoy(policy, corsexport.Options{Upstream: "catalog"})
	if err != nil {
		log.Fatal(err) // Envoy cannot do what the policy says
	}
	dir, err := os.MkdirTemp("", "envoy")
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
	fmt.Println(export.Notes[0])
	// Output:
	// corsrpc_routes.yaml
	// corsrpc_filters.yaml
	// Preflights that succeed have status 200.
}

package corsexport_test

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

func newPolicy() *corsrpc.Policy {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Audiences: map[string][]string{
			"storefront": {"https://app.example.com"},
		},
		Origins: []string{"https://app.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	return policy
}

func ExampleJSON() {
	export, err := corsexport.JSON(newPolicy(), corsexport.Options{Hosts: []string{"api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range export.Files {
		fmt.Println(file.Name)
	}
	var rules struct {
		Hosts      []string
		Procedures map[string]int
		Grants     []struct{ AllowMethods string }
	}
	if err := json.Unmarshal(export.Files[0].Data, &rules); err != nil {
		log.Fatal(err)
	}
	fmt.Println(rules.Hosts)
	fmt.Println(rules.Grants[rules.Procedures["/acme.shop.v1.CatalogService/GetProduct"]].AllowMethods)
	// Output:
	// corsrpc.json
	// corsrpc-cases.json
	// [api.example.com]
	// GET, POST
}

// A program whose policy is written in Go exports it with a main function that
// ends in
//
//	os.Exit(corsexport.Main(policy, os.Args[1:], os.Stdout, os.Stderr))
//
// Here it fails in CI, because nobody has written the files yet.
func ExampleMain() {
	status := corsexport.Main(newPolicy(), []string{"json", "-o", "edge", "--check"}, os.Stdout, os.Stderr)
	fmt.Println("exit status", status)
	// Output:
	// edge/corsrpc.json is missing
	// edge/corsrpc-cases.json is missing
	// to write the files, run the same command without --check
	// exit status 1
}

package corsdiff_test

import (
	"fmt"
	"log"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// What pages gain and lose when a policy changes.
func ExampleCompare() {
	config := corsrpc.Config{
		Origins:          []string{"https://*.example.com"},
		Services:         []string{"acme.shop.v1.CatalogService"},
		ResponseTrailers: []string{"X-Cost"},
	}
	old, err := corsrpc.New(config)
	if err != nil {
		log.Fatal(err)
	}
	config.Origins = []string{"https://app.example.com"}
	config.RequestHeaders = []string{"X-Trace"}
	config.ResponseTrailers = nil
	changed, err := corsrpc.New(config)
	if err != nil {
		log.Fatal(err)
	}
	report := corsdiff.Compare(old, changed)
	fmt.Println("Pages can no longer")
	for _, change := range report.Lost {
		fmt.Println("-", change)
	}
	fmt.Println("Pages can now")
	for _, change := range report.Gained {
		fmt.Println("-", change)
	}
	// Output:
	// Pages can no longer
	// - call from https://*.example.com (Origins[0]): 4 paths
	// - read the header Trailer-X-Cost (ResponseTrailers[0]): 2 paths
	// - read the header X-Cost (ResponseTrailers[0]): 4 paths
	// Pages can now
	// - send the header X-Trace (RequestHeaders[0]): 4 paths
}

// The Config of a schema alone, before anybody writes a policy.
func ExampleSchemaConfig() {
	config, err := corsdiff.SchemaConfig(protoregistry.GlobalFiles)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.Origins, config.Audiences["storefront"])
	// Output:
	// [https://page.example] [https://storefront.audience.example]
}

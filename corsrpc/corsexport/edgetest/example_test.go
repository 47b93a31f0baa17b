package edgetest_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// The edge of this example forgets its policy: it is a backend without anything
// in front.
func ExampleRun() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CartService"},
		Audiences: map[string][]string{
			"backoffice": {},
			"storefront": {"https://app.example.com"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	backend := new(edgetest.Backend) // what the edge's upstream must be
	edge := httptest.NewServer(backend)
	defer edge.Close()

	report, err := edgetest.Run(context.Background(), edge.URL, policy, edgetest.Options{
		Backend: backend,
		Size:    2000,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Sent, "requests,", len(report.Opens()) > 0)
	fmt.Println(report.Opens()[0].What)
	// Output:
	// 2000 requests, true
	// the backend runs
}

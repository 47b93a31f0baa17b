package corsdebug_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// A candidate runs beside the policy in force, and changes nothing.
func ExampleCompare() {
	audiences := map[string][]string{"storefront": {}, "backoffice": {}}
	cors, err := corsrpc.New(corsrpc.Config{Origins: []string{"https://old.example.com"}, Audiences: audiences})
	if err != nil {
		log.Fatal(err)
	}
	candidate, err := corsrpc.New(corsrpc.Config{Origins: []string{"https://new.example.com"}, Audiences: audiences})
	if err != nil {
		log.Fatal(err)
	}
	compare := corsdebug.Compare(cors, candidate, func(_ context.Context, d corsdebug.Difference) {
		fmt.Println(d.Candidate.Path, d.Enforced.Outcome, "would be", d.Candidate.Outcome)
	})
	handler := compare(cors.Wrap(http.NotFoundHandler()))

	r := httptest.NewRequest("POST", "/acme.shop.v1.CatalogService/GetProduct", nil)
	r.Header.Set("Origin", "https://old.example.com")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: /acme.shop.v1.CatalogService/GetProduct allowed would be refused
}

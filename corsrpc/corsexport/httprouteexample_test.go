package corsexport_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The Service shop has a gate, such as corsconnect.WithGate. Its HTTPRoutes go
// into the cluster with kubectl apply.
func ExampleHTTPRoute() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
		Hosts:    []string{"api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.HTTPRoute(policy, corsexport.Options{
		BehindGate: true,
		Gateway:    "infra/public",
		Upstream:   "shop",
		Port:       8080,
	})
	if err != nil {
		log.Fatal(err) // HTTPRoute cannot say what the policy says
	}
	file := export.Files[0]
	fmt.Println(file.Name)
	head, _, _ := strings.Cut(string(file.Data), "  rules:")
	fmt.Print(head)
	// Output:
	// corsrpc_httproute.yaml
	// # Written by corsrpc from a policy. Do not edit it: write it again.
	// # No call is refused here: a gate behind the Gateway must refuse calls.
	// ---
	// apiVersion: gateway.networking.k8s.io/v1
	// kind: HTTPRoute
	// metadata:
	//   name: "corsrpc"
	//   labels:
	//     app.kubernetes.io/managed-by: corsrpc
	//     app.kubernetes.io/instance: "corsrpc"
	// spec:
	//   parentRefs:
	//   - name: "public"
	//     namespace: "infra"
	//   hostnames:
	//   - "api.example.com"
}

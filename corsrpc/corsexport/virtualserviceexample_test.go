package corsexport_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The VirtualService goes into the cluster with kubectl apply --server-side. It
// needs nothing behind it: Istio's gateway refuses calls.
func ExampleVirtualService() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "https://*.preview.example.com"},
		Hosts:    []string{"api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.VirtualService(policy, corsexport.Options{
		Gateway:   "infra/public",
		Upstream:  "catalog",
		Port:      8080,
		Namespace: "shop",
	})
	if err != nil {
		log.Fatal(err) // a VirtualService cannot say what the policy says
	}
	file := export.Files[0]
	fmt.Println(file.Name)
	head, _, _ := strings.Cut(string(file.Data), "  http:")
	fmt.Print(head)
	// Output:
	// corsrpc_virtualservice.yaml
	// # Written by corsrpc from a policy. Do not edit it: write it again.
	// ---
	// apiVersion: networking.istio.io/v1
	// kind: VirtualService
	// metadata:
	//   name: "corsrpc"
	//   namespace: "shop"
	//   labels:
	//     app.kubernetes.io/managed-by: corsrpc
	//     app.kubernetes.io/instance: "corsrpc"
	// spec:
	//   hosts:
	//   - "api.example.com"
	//   gateways:
	//   - "infra/public"
}

package corsexport_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// The Service catalog has a gate, such as corsconnect.WithGate. Its HTTPRoutes and
// SecurityPolicies go into the cluster with kubectl apply.
func ExampleSecurityPolicy() {
	policy, err := corsrpc.New(corsrpc.Config{
		Services: []string{"acme.shop.v1.CatalogService"},
		Origins:  []string{"https://app.example.com", "capacitor://localhost"},
	})
	if err != nil {
		log.Fatal(err)
	}
	export, err := corsexport.SecurityPolicy(policy, corsexport.Options{
		BehindGate: true,
		Gateway:    "infra/public",
		Upstream:   "catalog",
		Port:       8080,
	})
	if err != nil {
		log.Fatal(err) // a SecurityPolicy cannot say what the policy says
	}
	file := export.Files[0]
	fmt.Println(file.Name)
	objects := strings.Split(string(file.Data), "---\n")
	last, _, _ := strings.Cut(objects[len(objects)-1], "    allowHeaders:")
	fmt.Print(last)
	// Output:
	// corsrpc_securitypolicy.yaml
	// apiVersion: gateway.envoyproxy.io/v1alpha1
	// kind: SecurityPolicy
	// metadata:
	//   name: "corsrpc-055f2d17fa60"
	//   labels:
	//     app.kubernetes.io/managed-by: corsrpc
	//     app.kubernetes.io/instance: "corsrpc"
	// spec:
	//   mergeType: StrategicMerge
	//   targetRefs:
	//   - group: gateway.networking.k8s.io
	//     kind: HTTPRoute
	//     name: "corsrpc"
	//     sectionName: "cors-055f2d17fa60"
	//   cors:
	//     allowOrigins:
	//     - "capacitor://localhost"
	//     - "https://app.example.com"
	//     allowCredentials: false
	//     allowMethods:
	//     - "POST"
}

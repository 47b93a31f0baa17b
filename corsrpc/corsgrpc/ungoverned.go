package corsgrpc

import (
	"slices"

	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Ungoverned returns the full names, sorted, of the services registered on the
// server that the policy does not govern: pages of every origin can call them,
// as far as the interceptors are concerned. Health checking and reflection are
// among them if they are registered, since policies leave those alone unless
// Services names them.
//
// Call it once all services are registered, and again after an Update. It
// panics if the policy or the server is nil.
func Ungoverned(policy *corsrpc.Policy, server *grpc.Server) []string {
	requirePolicy(policy)
	var names []string
	for name := range server.GetServiceInfo() {
		if !policy.Governs("/" + name + "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

package corsconnectv2

import (
	"net/http"
	"strings"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// Mount is [connecthttp.Mount] with the handler of each procedure and of each
// service wrapped by the policy, as by [corsrpc.Policy.WrapService]. It is for
// servers that want a policy of their own on a shared mux; around a whole mux,
// use [corsrpc.Policy.Wrap]. The patterns have no HTTP method, so preflights
// arrive, and Config.PathPrefix does not matter.
//
// Services of the RPC frameworks, such as health or reflection, are mounted as
// they are unless the policy governs them, since policies leave them alone.
// Mount panics if the policy does not govern another of the server's services,
// has no Config yet, or is nil.
func Mount(mux connecthttp.ServeMux, server *connect.Server, policy *corsrpc.Policy, options ...connecthttp.Option) {
	if policy == nil {
		panic(errNilPolicy)
	}
	connecthttp.Mount(wrappingMux{mux: mux, policy: policy}, server, options...)
}

// A wrappingMux wraps handlers on their way into a mux.
type wrappingMux struct {
	mux    connecthttp.ServeMux
	policy *corsrpc.Policy
}

func (m wrappingMux) Handle(pattern string, handler http.Handler) {
	if isInfrastructure(pattern) && !m.policy.Governs(pattern) {
		m.mux.Handle(pattern, handler)
		return
	}
	m.mux.Handle(m.policy.WrapService(pattern, handler))
}

// isInfrastructure reports whether the service of "/pkg.Service/" or
// "/pkg.Service/Method" belongs to the RPC frameworks.
func isInfrastructure(pattern string) bool {
	service, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
	return contract.Infrastructure(service)
}

package corsexport

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Each option alone, for a schema with and without bindings.
func TestNginxWithOptions(t *testing.T) {
	t.Parallel()
	proxies.RequireNginx(t)
	size := 800
	if *edgeAll {
		size = *edgeSize
	}
	for name, test := range optionTests {
		for schema, config := range map[string]corsrpc.Config{"shop": shopConfig(), "library": libraryConfig(t)} {
			t.Run(name+" "+schema, func(t *testing.T) {
				t.Parallel()
				test.change(&config)
				policy := mustPolicy(t, config)
				export, err := Nginx(policy, test.options)
				require.NoError(t, err)
				backend, upstream := serve(t)
				compareEdge(t, startNginx(t, export, upstream, ""), policy, edgetest.Options{Backend: backend, BehindGate: test.options.BehindGate, Requests: optionRequests(policy, test.options), Size: size})
			})
		}
	}
}

// What grpc-gateway takes for another method is judged by that one too.
func TestNginxAsksOtherMethods(t *testing.T) {
	t.Parallel()
	checkOtherMethods(t, func(p *corsrpc.Policy, upstream string) string {
		export, err := Nginx(p, Options{})
		require.NoError(t, err)
		return startNginx(t, export, upstream, "")
	})
}

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
	withOptions(t, 800, func(t *testing.T, p *corsrpc.Policy, o Options, upstream string, run edgetest.Options) {
		export, err := Nginx(p, o)
		require.NoError(t, err)
		compareEdge(t, startNginx(t, export, upstream, ""), p, run)
	})
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

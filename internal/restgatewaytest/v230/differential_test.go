package v230

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

var (
	tries = flag.Int("tries", 20_000, "how many random requests to compare with the gateway")
	seed  = flag.Uint64("seed", 1, "of the random requests")
)

// Whatever the gateway routes to a binding, the index finds that binding.
func TestNoGatewayRoutesWhatTheIndexMisses(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	var tally routetest.Tally
	for tally.Requests < *tries {
		prefix := routetest.Prefix(random)
		bindings := routetest.Bindings(random)
		index, err := routetest.NewIndex(prefix, bindings)
		require.NoError(t, err)
		muxes := grpcGateways(prefix, bindings)
		for range 2_000 {
			require.NoError(t, tally.Compare(index, bindings, routetest.NewRequest(random, prefix, bindings), muxes))
		}
	}
	t.Logf("%d requests, routed %d of %d; the index found %.2f bindings more", tally.Requests, tally.Routed, 4*tally.Requests, float64(tally.More)/float64(tally.Routed))
	assert.Greater(t, tally.Routed, *tries, "requests must reach bindings often enough to tell something")
}

// grpcGateways returns a grpc-gateway for each of its modes, which serves those
// of the bindings that it accepts.
func grpcGateways(prefix string, bindings []httprule.Binding) map[string]routetest.Gateway {
	gateways := map[string]routetest.Gateway{}
	for name, mode := range map[string]runtime.UnescapingMode{
		"legacy":              runtime.UnescapingModeLegacy,
		"all except reserved": runtime.UnescapingModeAllExceptReserved,
		"all except slash":    runtime.UnescapingModeAllExceptSlash,
		"all characters":      runtime.UnescapingModeAllCharacters,
	} {
		mux := runtime.NewServeMux(runtime.WithUnescapingMode(mode))
		var routed int
		for i, binding := range bindings {
			_ = mux.HandlePath(binding.Method, binding.Template.String(), func(http.ResponseWriter, *http.Request, map[string]string) { routed = i })
		}
		handler := http.StripPrefix(prefix, mux)
		gateways["grpc-gateway v2.30.0, "+name] = func(r *http.Request) int {
			routed = -1
			handler.ServeHTTP(httptest.NewRecorder(), r)
			return routed
		}
	}
	return gateways
}

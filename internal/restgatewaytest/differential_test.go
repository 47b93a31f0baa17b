package restgatewaytest

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

var (
	tries = flag.Int("tries", 20_000, "how many random requests to compare with the gateways")
	seed  = flag.Uint64("seed", 1, "of the random requests")
)

// Whatever a gateway routes to a binding, the index finds that binding.
func TestNoGatewayRoutesWhatTheIndexMisses(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	var grpcGateway, vanguard routetest.Tally
	for grpcGateway.Requests < *tries {
		prefix := routetest.Prefix(random)
		bindings := routetest.Bindings(random)
		index, err := routetest.NewIndex(prefix, bindings)
		require.NoError(t, err)
		muxes := grpcGateways(prefix, bindings)
		transcoder := map[string]routetest.Gateway{"Vanguard": vanguardGateway(t, prefix, bindings)}
		for range 2_000 {
			request := routetest.NewRequest(random, prefix, bindings)
			require.NoError(t, grpcGateway.Compare(index, bindings, request, muxes))
			require.NoError(t, vanguard.Compare(index, bindings, request, transcoder))
		}
	}
	t.Logf("%d requests; grpc-gateway routed %d of %d, Vanguard %d", grpcGateway.Requests, grpcGateway.Routed, 4*grpcGateway.Requests, vanguard.Routed)
	t.Logf("the index found %.2f and %.2f bindings more", float64(grpcGateway.More)/float64(grpcGateway.Routed), float64(vanguard.More)/float64(vanguard.Routed))
	assert.Greater(t, grpcGateway.Routed, *tries, "requests must reach bindings often enough to tell something")
	assert.Greater(t, vanguard.Routed, *tries/20, "requests must reach bindings often enough to tell something")
}

// A template can be parsed if and only if a gateway accepts it. The exception are
// nested variables, which only Vanguard knows, together with what only
// grpc-gateway knows.
func TestTemplatesThatGatewaysAccept(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	var accepted, refused int
	for range 20_000 {
		template := routetest.Template(random)
		if random.IntN(4) == 0 {
			at := random.IntN(len(template))
			template = template[:at] + string("/{}=*:.a% \""[random.IntN(10)]) + template[at:]
		}
		if !strings.HasPrefix(template, "/") || hasEmptySegment(template) {
			continue
		}
		_, err := httprule.ParseTemplate(template)
		gateway := grpcGatewayAccepts(template) || vanguardAccepts(template)
		if gateway || !nestedVariable.MatchString(template) {
			require.Equal(t, gateway, err == nil, "%q: %v", template, err)
		}
		if gateway {
			accepted++
		} else {
			refused++
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	assert.Greater(t, accepted, 1_000)
	assert.Greater(t, refused, 1_000)
}

var nestedVariable = regexp.MustCompile(`\{[^}]*\{`)

// hasEmptySegment reports whether grpc-gateway's parser could take a slash for a
// wildcard, as in "/v1//".
func hasEmptySegment(template string) bool { return strings.Contains(template, "//") }

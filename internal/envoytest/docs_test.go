package envoytest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// Envoy's API has these only where they are linked in.
var (
	_ validated = (*tlsv3.DownstreamTlsContext)(nil)
	_ validated = (*upstreamsv3.HttpProtocolOptions)(nil)
	_ validated = (*routerv3.Router)(nil)
)

// The configuration in the documentation validates, and has the exported filters
// and the name of the exported routes.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/edge-envoy.md")
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(data), "```yaml\n")
	text, _, _ = strings.Cut(text, "```\n")
	bootstrap := new(bootstrapv3.Bootstrap)
	readYAML(t, []byte(text), bootstrap)
	require.NoError(t, bootstrap.ValidateAll())
	chain := bootstrap.StaticResources.Listeners[0].FilterChains[0]
	require.NoError(t, unmarshal(chain.TransportSocket.GetTypedConfig()).ValidateAll())
	manager := unmarshal(chain.Filters[0].GetTypedConfig()).(*hcmv3.HttpConnectionManager)
	require.NoError(t, manager.ValidateAll())
	upstream := bootstrap.StaticResources.Clusters[0]
	for _, options := range upstream.TypedExtensionProtocolOptions {
		require.NoError(t, unmarshal(options).ValidateAll())
	}

	export, err := corsexport.Envoy(mustPolicy(t, shopConfig()), corsexport.Options{Upstream: upstream.Name})
	require.NoError(t, err)
	assert.Equal(t, readRoutes(t, export).Name, manager.GetRds().RouteConfigName)
	exported := new(hcmv3.HttpConnectionManager)
	readYAML(t, export.Files[1].Data, exported)
	require.Len(t, manager.HttpFilters, len(exported.HttpFilters)+1)
	for i, filter := range exported.HttpFilters {
		assert.Equal(t, protojson.Format(filter), protojson.Format(manager.HttpFilters[i]))
	}
}

// The documentation has every difference that the tests know.
func TestDocumentedDifferences(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/edge-envoy.md")
	require.NoError(t, err)
	text := strings.ToLower(strings.Join(strings.Fields(string(data)), " "))
	for _, words := range []string{
		"preflights that succeed have status 200", "text/plain`, without a charset", "joined to the backend's by commas",
		otherReason, "another spelling of a path grants nothing, cannot be preflighted, and is refused for the strictest rule that it could mean",
		severalLines, "empty `access-control-request-method`",
	} {
		assert.Contains(t, text, strings.ToLower(words))
	}
}

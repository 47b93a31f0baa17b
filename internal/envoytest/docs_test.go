package envoytest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
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
	_ validated = (*internalv3.InternalListener)(nil)
)

// Configurations of Envoy validate, and have the exported filters and the name of
// the exported routes.
func TestBootstraps(t *testing.T) {
	t.Parallel()
	_, documented, _ := strings.Cut(string(read(t, "../../docs/edge-envoy.md")), "```yaml\n")
	documented, _, _ = strings.Cut(documented, "```\n")
	for name, text := range map[string]string{
		"docs/edge-envoy.md":             documented,
		"examples/edge/envoy/envoy.yaml": string(read(t, "../../examples/edge/envoy/envoy.yaml")),
	} {
		t.Run(name, func(t *testing.T) {
			bootstrap := new(bootstrapv3.Bootstrap)
			readYAML(t, []byte(text), bootstrap)
			require.NoError(t, bootstrap.ValidateAll())
			for _, extension := range bootstrap.BootstrapExtensions {
				require.NoError(t, unmarshal(extension.GetTypedConfig()).ValidateAll())
			}
			var managers []*hcmv3.HttpConnectionManager
			for _, listener := range bootstrap.StaticResources.Listeners {
				chain := listener.FilterChains[0]
				if chain.TransportSocket != nil {
					require.NoError(t, unmarshal(chain.TransportSocket.GetTypedConfig()).ValidateAll())
				}
				manager := unmarshal(chain.Filters[0].GetTypedConfig()).(*hcmv3.HttpConnectionManager)
				require.NoError(t, manager.ValidateAll())
				managers = append(managers, manager)
			}
			clusters := make(map[string]bool)
			for _, upstream := range bootstrap.StaticResources.Clusters {
				clusters[upstream.Name] = true
				for _, options := range upstream.TypedExtensionProtocolOptions {
					require.NoError(t, unmarshal(options).ValidateAll())
				}
			}
			for _, manager := range managers[1:] { // own routes
				for _, route := range manager.GetRouteConfig().VirtualHosts[0].Routes {
					assert.True(t, clusters[route.GetRoute().GetCluster()], route)
				}
			}
			manager, upstream := managers[0], bootstrap.StaticResources.Clusters[0].Name
			export, err := corsexport.Envoy(mustPolicy(t, shopConfig()), corsexport.Options{Upstream: upstream})
			require.NoError(t, err)
			assert.Equal(t, readRoutes(t, export).Name, manager.GetRds().RouteConfigName)
			exported := new(hcmv3.HttpConnectionManager)
			readYAML(t, export.Files[1].Data, exported)
			require.Len(t, manager.HttpFilters, len(exported.HttpFilters)+1)
			for i, filter := range exported.HttpFilters {
				assert.Equal(t, protojson.Format(filter), protojson.Format(manager.HttpFilters[i]))
			}
		})
	}
}

// The exported routes of the example validate, and lead to a cluster of its
// configuration.
func TestExample(t *testing.T) {
	t.Parallel()
	export := &corsexport.Export{Files: []corsexport.File{
		{Name: "corsrpc_routes.yaml", Data: read(t, "../../examples/edge/envoy/corsrpc/corsrpc_routes.yaml")},
		{Name: "corsrpc_filters.yaml", Data: read(t, "../../examples/edge/envoy/corsrpc/corsrpc_filters.yaml")},
	}}
	for _, route := range readRoutes(t, export).VirtualHosts[0].Routes {
		if forward := route.GetRoute(); forward != nil {
			assert.Equal(t, "own_routes", forward.GetCluster())
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// The documentation has every difference that the tests know.
func TestDocumentedDifferences(t *testing.T) {
	t.Parallel()
	text := strings.ToLower(strings.Join(strings.Fields(string(read(t, "../../docs/edge-envoy.md"))), " "))
	for _, words := range []string{
		"preflights that succeed have status 200", "text/plain`, without a charset", "joined to the backend's by commas",
		otherReason, "another spelling of a path grants nothing and cannot be preflighted; a call to it is refused if the strictest rule that it could mean refuses it",
		severalLines, "empty `access-control-request-method`",
	} {
		assert.Contains(t, text, strings.ToLower(words))
	}
}

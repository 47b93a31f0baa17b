package envoytest

import (
	"encoding/json"
	"fmt"
	"testing"

	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// readYAML reads a message as Envoy does, by way of JSON. It takes no field that
// the message does not have, and compares what it has read with the file.
func readYAML(t testing.TB, data []byte, into proto.Message) {
	t.Helper()
	var tree any
	require.NoError(t, yaml.Unmarshal(data, &tree))
	text, err := json.Marshal(tree)
	require.NoError(t, err)
	require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: false}.Unmarshal(text, into))
	back, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(into)
	require.NoError(t, err)
	var read, again any
	require.NoError(t, json.Unmarshal(text, &read))
	require.NoError(t, json.Unmarshal(back, &again))
	assert.Equal(t, withoutDefaults(read), withoutDefaults(again))
}

// withoutDefaults removes what JSON of a message can leave out.
func withoutDefaults(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range tree {
			switch value {
			case false, "", "EQ", "APPEND_IF_EXISTS_OR_ADD":
				delete(tree, key)
			default:
				tree[key] = withoutDefaults(value)
			}
		}
	case []any:
		for i := range tree {
			tree[i] = withoutDefaults(tree[i])
		}
	}
	return tree
}

type validated interface {
	proto.Message
	ValidateAll() error
}

// readRoutes reads the file of routes and validates all messages in it.
func readRoutes(t testing.TB, e *corsexport.Export) *routev3.RouteConfiguration {
	t.Helper()
	require.Len(t, e.Files, 2)
	response := new(discoveryv3.DiscoveryResponse)
	readYAML(t, e.Files[0].Data, response)
	require.Len(t, response.Resources, 1)
	config := new(routev3.RouteConfiguration)
	require.NoError(t, response.Resources[0].UnmarshalTo(config))
	require.NoError(t, config.ValidateAll())
	require.Len(t, config.VirtualHosts, 1)
	for _, route := range config.VirtualHosts[0].Routes {
		for name, any := range route.TypedPerFilterConfig {
			require.NoError(t, unmarshal(any).ValidateAll(), name)
		}
	}
	readFilters(t, e.Files[1].Data)
	return config
}

// readFilters checks that the other file has the filters which the model has, in
// their order.
func readFilters(t testing.TB, data []byte) {
	t.Helper()
	manager := new(hcmv3.HttpConnectionManager)
	readYAML(t, data, manager)
	require.Len(t, manager.HttpFilters, 2)
	for i, name := range []string{mutationName, corsName} {
		filter := manager.HttpFilters[i]
		require.NoError(t, filter.ValidateAll())
		assert.Equal(t, name, filter.Name)
		require.NoError(t, unmarshal(filter.GetTypedConfig()).ValidateAll())
	}
}

func unmarshal(any *anypb.Any) validated {
	message, err := any.UnmarshalNew()
	if err != nil {
		panic(err)
	}
	v, ok := message.(validated)
	if !ok {
		panic(fmt.Sprintf("%T does not validate", message))
	}
	return v
}

const (
	mutationName = "envoy.filters.http.header_mutation"
	corsName     = "envoy.filters.http.cors"
)

var (
	_ validated = (*bootstrapv3.Bootstrap)(nil)
	_ validated = (*corsv3.CorsPolicy)(nil)
	_ validated = (*mutationv3.HeaderMutationPerRoute)(nil)
)

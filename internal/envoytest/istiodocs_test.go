package envoytest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// docs/edge-istio.md has every difference that the tests know, and its objects have
// no field that Istio does not have.
func TestIstioDocumentation(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/edge-istio.md")
	require.NoError(t, err)
	text := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(string(data), "`", "")), " "))
	for _, words := range []string{otherSpelling, otherReason, joined, severalLines, emptyMethod, otherHost, otherMethod} {
		assert.Contains(t, text, strings.ToLower(words))
	}

	objects := make(map[string]map[string]any)
	for i, block := range strings.Split(string(data), "```yaml\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "```\n")
		var object struct {
			APIVersion     string `yaml:"apiVersion"`
			Kind           string
			Metadata, Spec map[string]any
		}
		require.NoError(t, yaml.Unmarshal([]byte(block), &object))
		objects[object.APIVersion+" "+object.Kind] = object.Spec
	}
	decode := func(spec any, into proto.Message) {
		text, err := json.Marshal(spec)
		require.NoError(t, err)
		require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: false}.Unmarshal(text, into))
	}
	gateway := new(networking.Gateway)
	decode(objects["networking.istio.io/v1 Gateway"], gateway)
	decode(objects["security.istio.io/v1 AuthorizationPolicy"], new(security.AuthorizationPolicy))
	config := new(mesh.MeshConfig)
	decode(objects["install.istio.io/v1alpha1 IstioOperator"]["meshConfig"], config)
	assert.Len(t, objects, 3, "every object is decoded")

	for name := range mesh.MeshConfig_ProxyPathNormalization_NormalizationType_value {
		if name != "DEFAULT" {
			assert.Contains(t, normalizations, name, "every setting is tried")
		}
	}
	assert.Contains(t, normalizations, config.PathNormalization.Normalization.String())
	vs := readVirtualService(t, mustVirtualService(t, mustPolicy(t, shopConfig()), corsexport.Options{}))
	assert.Equal(t, []string{"infra/public"}, vs.Gateways, "as in the documentation")
	assert.Equal(t, "shop/"+vs.Hosts[0], gateway.Servers[0].Hosts[0])
}

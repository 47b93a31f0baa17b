package kubetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

// The API server takes the objects of examples/edge/kubernetes.
func TestExamples(t *testing.T) {
	t.Parallel()
	const dir = "../../examples/edge/kubernetes"
	kinds, err := newKinds("gateways", "istiogateways", "httproutes", "securitypolicies", "virtualservices")
	require.NoError(t, err)
	for _, file := range []string{
		"gateway.yaml", "istio.yaml",
		"httproute/corsrpc_httproute.yaml", "securitypolicy/corsrpc_securitypolicy.yaml", "virtualservice/corsrpc_virtualservice.yaml",
	} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		objects, err := kinds.Validate(data)
		assert.NoError(t, err, file)
		assert.NotZero(t, objects, file)
		if strings.Contains(file, "/") {
			continue
		}
		_, err = kinds.Validate(bytes.ReplaceAll(data, []byte("port"), []byte("prot")))
		assert.Error(t, err, "%s with a mistake", file)
	}

	data, err := os.ReadFile(filepath.Join(dir, "shop.yaml"))
	require.NoError(t, err)
	deployment, service, found := strings.Cut(string(data), "\n---\n")
	require.True(t, found)
	var d appsv1.Deployment
	require.NoError(t, sigsyaml.UnmarshalStrict([]byte(deployment), &d))
	var s corev1.Service
	require.NoError(t, sigsyaml.UnmarshalStrict([]byte(service), &s))
	assert.Equal(t, s.Spec.Selector, d.Spec.Template.Labels)
}

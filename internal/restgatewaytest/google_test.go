package restgatewaytest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"connectrpc.com/vanguard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

// googleFiles are files of services that nobody wrote for this library.
var googleFiles = []protoreflect.FileDescriptor{
	iampb.File_google_iam_v1_iam_policy_proto,
	kmspb.File_google_cloud_kms_v1_autokey_proto,
	kmspb.File_google_cloud_kms_v1_autokey_admin_proto,
	kmspb.File_google_cloud_kms_v1_ekm_service_proto,
	kmspb.File_google_cloud_kms_v1_service_proto,
	longrunningpb.File_google_longrunning_operations_proto,
}

func TestBindingsOfGoogleServices(t *testing.T) {
	methods, bindings := 0, 0
	for method := range googleMethods() {
		got, err := httprule.Bindings(method)
		require.NoError(t, err)
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		want, ok := rulesBindings(rule)
		require.True(t, ok)
		assert.Equal(t, want, got, method.FullName())
		methods++
		bindings += len(got)
	}
	assert.Greater(t, methods, 50)
	assert.Greater(t, bindings, 50)
	t.Logf("%d bindings of %d methods", bindings, methods)
}

// Vanguard reads the option itself, grpc-gateway gets the templates as
// protoc-gen-grpc-gateway would compile them.
func TestNoGatewayRoutesGoogleServicesWhatTheIndexMisses(t *testing.T) {
	var bindings []httprule.Binding
	numbers := map[string][]int{} // of the bindings of a procedure
	for method := range googleMethods() {
		of, err := httprule.Bindings(method)
		require.NoError(t, err)
		procedure := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
		for range of {
			numbers[procedure] = append(numbers[procedure], len(bindings)+len(numbers[procedure]))
		}
		bindings = append(bindings, of...)
	}
	index, err := routetest.NewIndex("", bindings)
	require.NoError(t, err)

	var procedure string
	var services []*vanguard.Service
	for _, file := range googleFiles {
		for i := range file.Services().Len() {
			services = append(services, vanguard.NewServiceWithSchema(file.Services().Get(i), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				procedure = r.URL.Path
				w.WriteHeader(http.StatusNotImplemented)
			}), vanguard.WithTargetProtocols(vanguard.ProtocolConnect)))
		}
	}
	transcoder, err := vanguard.NewTranscoder(services)
	require.NoError(t, err)

	random := rand.New(rand.NewPCG(*seed, 0))
	var grpcGateway routetest.Tally
	routed := 0
	muxes := grpcGateways("", bindings)
	for range *tries / 4 {
		request := routetest.NewRequest(random, "", bindings)
		require.NoError(t, grpcGateway.Compare(index, bindings, request, muxes))

		r, err := http.NewRequest(request.Method, "http://localhost"+request.Target, http.NoBody)
		if err != nil {
			continue
		}
		r.Header = request.Header
		path, rawPath := r.URL.Path, r.URL.RawPath
		procedure = ""
		transcoder.ServeHTTP(httptest.NewRecorder(), r)
		if procedure == "" {
			continue
		}
		routed++
		var m httprule.Matches
		index.Match(path, rawPath, &m)
		m.Select(httprule.NewMethod(request.Method, request.Header))
		found := m.Overflow()
		for i := range m.Len() {
			id, exact := m.At(i)
			for _, number := range numbers[procedure] {
				found = found || exact && id == number
			}
		}
		require.True(t, found, "Vanguard routes %s %s to %s", request.Method, request.Target, procedure)
	}
	t.Logf("%d requests; grpc-gateway routed %d of %d, Vanguard %d", grpcGateway.Requests, grpcGateway.Routed, 4*grpcGateway.Requests, routed)
	assert.Greater(t, grpcGateway.Routed, *tries/8)
	assert.Greater(t, routed, *tries/40)
}

// googleMethods returns the methods that have the option.
func googleMethods() func(yield func(protoreflect.MethodDescriptor) bool) {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for _, file := range googleFiles {
			for i := range file.Services().Len() {
				methods := file.Services().Get(i).Methods()
				for j := range methods.Len() {
					if proto.HasExtension(methods.Get(j).Options(), annotations.E_Http) && !yield(methods.Get(j)) {
						return
					}
				}
			}
		}
	}
}

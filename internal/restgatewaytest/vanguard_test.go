package restgatewaytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/vanguard"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

// service has the methods M0, M1, …, whose request has a field for each variable
// of random templates.
var service = newService()

func newService() protoreflect.ServiceDescriptor {
	message := &descriptorpb.DescriptorProto{Name: proto.String("Message")}
	for i, name := range routetest.Variables {
		message.Field = append(message.Field, &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: proto.Int32(int32(i + 1)),
			Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		})
	}
	methods := make([]*descriptorpb.MethodDescriptorProto, routetest.MaxBindings)
	for i := range methods {
		methods[i] = &descriptorpb.MethodDescriptorProto{
			Name: proto.String(fmt.Sprintf("M%d", i)), InputType: proto.String(".acme.v1.Message"), OutputType: proto.String(".acme.v1.Message"),
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/v1/random.proto"), Package: proto.String("acme.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{message},
		Service:     []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Random"), Method: methods}},
	}, new(protoregistry.Files))
	if err != nil {
		panic(err)
	}
	return file.Services().Get(0)
}

// newTranscoder returns a transcoder with one binding for each method.
func newTranscoder(handler http.Handler, rules ...*annotations.HttpRule) (*vanguard.Transcoder, error) {
	return vanguard.NewTranscoder([]*vanguard.Service{
		vanguard.NewServiceWithSchema(service, handler, vanguard.WithTargetProtocols(vanguard.ProtocolConnect)),
	}, vanguard.WithRules(rules...))
}

// vanguardRule returns the rule that binds the method with a number.
func vanguardRule(method int, binding httprule.Binding) *annotations.HttpRule {
	return &annotations.HttpRule{
		Selector: fmt.Sprintf("acme.v1.Random.M%d", method),
		Pattern:  &annotations.HttpRule_Custom{Custom: &annotations.CustomHttpPattern{Kind: binding.Method, Path: binding.Template.String()}},
	}
}

// vanguardGateway returns a transcoder, which serves those of the bindings that
// it accepts.
func vanguardGateway(t *testing.T, prefix string, bindings []httprule.Binding) routetest.Gateway {
	t.Helper()
	var rules []*annotations.HttpRule
	seen := map[string]bool{}
	for i, binding := range bindings {
		rule := vanguardRule(i, binding)
		same := binding.Method + binding.Template.Shape()
		if _, err := newTranscoder(http.NotFoundHandler(), rule); err != nil || seen[same] {
			continue
		}
		// A template that differs in its escapes alone is the same to
		// Vanguard.
		if _, err := newTranscoder(http.NotFoundHandler(), append(rules, rule)...); err != nil {
			continue
		}
		seen[same] = true
		rules = append(rules, rule)
	}
	var routed int
	transcoder, err := newTranscoder(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := fmt.Sscanf(r.URL.Path, "/acme.v1.Random/M%d", &routed)
		if err != nil {
			panic(err)
		}
		w.WriteHeader(http.StatusNotImplemented)
	}), rules...)
	require.NoError(t, err)
	handler := http.StripPrefix(prefix, transcoder)
	return func(r *http.Request) int {
		routed = -1
		handler.ServeHTTP(httptest.NewRecorder(), r)
		return routed
	}
}

// vanguardAccepts reports whether Vanguard can serve a template.
func vanguardAccepts(template string) bool {
	_, err := newTranscoder(http.NotFoundHandler(), &annotations.HttpRule{
		Selector: "acme.v1.Random.M0", Pattern: &annotations.HttpRule_Get{Get: template},
	})
	return err == nil
}

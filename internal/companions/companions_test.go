package companions_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	v1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/grpcreflect"
	"connectrpc.com/otelconnect"
	connectvalidate "connectrpc.com/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const (
	app  = "https://app.example.com"
	evil = "https://evil.test"
)

// A site is one server with all of them.
type site struct {
	url       string
	spans     *tracetest.SpanRecorder
	decisions chan corsrpc.Decision
}

// start serves the shop and a service whose schema has rules of protovalidate.
func start(t *testing.T) *site {
	t.Helper()
	s := &site{spans: tracetest.NewSpanRecorder(), decisions: make(chan corsrpc.Decision, 16)}
	traces, err := otelconnect.NewServerInterceptor(
		otelconnect.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))),
		otelconnect.WithPropagator(propagation.TraceContext{}),
		otelconnect.WithPropagateResponseHeader(),
		otelconnect.WithoutMetrics(),
	)
	require.NoError(t, err)

	policy := new(corsrpc.Policy)
	server := connect.NewServer(
		corsconnectv2.NewServerInterceptor(policy, corsconnectv2.BehindWrap()), traces, connectvalidate.NewServerInterceptor(),
	)
	shop.RegisterV2(server)
	server.Register(signUp(t))
	files, services, err := corsconnectv2.Registered(server)
	require.NoError(t, err)
	require.NoError(t, policy.Update(corsrpc.Config{
		Origins:    []string{app},
		Audiences:  map[string][]string{"storefront": {app}, "backoffice": {}},
		Files:      files,
		Services:   services,
		OnDecision: func(_ context.Context, d corsrpc.Decision) { s.decisions <- d },
	}))

	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	mux.Handle(grpcreflect.NewHandlerV1(grpcreflect.NewStaticReflector(services...)))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(grpcreflect.NewStaticReflector(services...)))
	ts := httptest.NewUnstartedServer(policy.Wrap(mux))
	ts.Config.Protocols = new(http.Protocols)
	ts.Config.Protocols.SetHTTP1(true)
	ts.Config.Protocols.SetUnencryptedHTTP2(true)
	ts.Start()
	t.Cleanup(ts.Close)
	s.url = ts.URL
	return s
}

// signUp is a method whose request needs a name.
func signUp(t *testing.T) connect.Method {
	t.Helper()
	options := &descriptorpb.FieldOptions{}
	proto.SetExtension(options, validate.E_Field, validate.FieldRules_builder{
		String: validate.StringRules_builder{MinLen: proto.Uint64(1)}.Build(),
	}.Build())
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("acme/club/v1/club.proto"), Package: proto.String("acme.club.v1"), Syntax: proto.String("proto3"),
		Dependency: []string{"buf/validate/validate.proto"},
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("SignUpRequest"),
			Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("name"), Number: proto.Int32(1), Options: options, JsonName: proto.String("name"),
				Type:  descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
				Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}},
		}, {Name: proto.String("SignUpResponse")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("ClubService"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String("SignUp"), InputType: proto.String(".acme.club.v1.SignUpRequest"), OutputType: proto.String(".acme.club.v1.SignUpResponse"),
			}},
		}},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	method := file.Services().Get(0).Methods().Get(0)
	return connect.Method{
		Spec: connect.Spec{Procedure: "/acme.club.v1.ClubService/SignUp", Schema: protoreflect.MethodDescriptor(method)},
		Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			if err := stream.Receive(dynamicpb.NewMessage(method.Input())); err != nil {
				return err
			}
			return stream.Send(dynamicpb.NewMessage(method.Output()))
		},
	}
}

// What otelconnect sends, a page can read, since the interceptor is listed
// first: nobody declared Traceparent.
func TestOtelconnect(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, options := range map[string][]connecthttp.Option{"connectrpc": nil, "grpc": {connecthttp.WithGRPCWeb()}} {
		transport := connecthttp.NewTransport(corstest.NewBrowser(app).Client(), s.url, options...)
		ctx, info := connect.NewClientContext(t.Context())
		_, err := shopv1connect.NewCatalogServiceClient(connect.NewClient(transport)).GetProduct(ctx, &shopv1.GetProductRequest{ProductId: "mug"})
		require.NoError(t, err)
		spans := s.spans.Ended()
		require.NotEmpty(t, spans)
		span := spans[len(spans)-1]
		assert.Equal(t, "acme.shop.v1.CatalogService/GetProduct", span.Name(), name)
		assert.Contains(t, info.ResponseHeader().Get("Traceparent"), span.SpanContext().TraceID().String(), name)
	}
	// What Wrap refuses is no span.
	before := len(s.spans.Ended())
	transport := connecthttp.NewTransport(corstest.NewBrowser(evil).Client(), s.url)
	_, err := shopv1connect.NewCatalogServiceClient(connect.NewClient(transport)).GetProduct(t.Context(), &shopv1.GetProductRequest{ProductId: "mug"})
	assert.ErrorAs(t, err, new(*corstest.BlockedError))
	assert.Len(t, s.spans.Ended(), before)
}

// A page reads which rule its request breaks.
func TestValidate(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := corstest.NewBrowser(app).Client()
	for _, row := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"name": "Ada"}`, http.StatusOK, ``},
		{`{}`, http.StatusBadRequest, `buf.validate.Violations`},
	} {
		res, err := page.Post(s.url+"/acme.club.v1.ClubService/SignUp", "application/json", strings.NewReader(row.body))
		require.NoError(t, err, row.body)
		body := make([]byte, 4096)
		n, _ := res.Body.Read(body)
		res.Body.Close()
		assert.Equal(t, row.status, res.StatusCode, row.body)
		assert.Contains(t, string(body[:n]), row.want)
	}
}

// Reflection, which is v1's, answers on the same mux. Policies leave it alone.
func TestGrpcreflect(t *testing.T) {
	t.Parallel()
	s := start(t)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	stream := grpcreflect.NewClient(&http.Client{Transport: transport}, s.url, v1.WithGRPC()).NewStream(t.Context())
	services, err := stream.ListServices()
	require.NoError(t, err)
	assert.Equal(t, []protoreflect.FullName{
		"acme.club.v1.ClubService", "acme.shop.v1.AdminService", "acme.shop.v1.CartService", "acme.shop.v1.CatalogService", "acme.shop.v1.WarehouseService",
	}, services)
	files, err := stream.FileContainingSymbol("acme.shop.v1.CartService")
	require.NoError(t, err)
	assert.NotEmpty(t, files)
	_, err = stream.Close()
	require.NoError(t, err)
	assert.Empty(t, s.decisions)
}

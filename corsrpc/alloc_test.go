package corsrpc_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/emptypb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

var discard = slog.New(slog.DiscardHandler)

// A reusableWriter is a ResponseWriter whose header map is cleared between
// responses, so that only what the middleware allocates is counted.
type reusableWriter struct{ header http.Header }

func (w *reusableWriter) Header() http.Header         { return w.header }
func (w *reusableWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *reusableWriter) WriteString(s string) (int, error) {
	return len(s), nil
}
func (w *reusableWriter) WriteHeader(int) {}

type nothing struct{}

func (nothing) ServeHTTP(http.ResponseWriter, *http.Request) {}

// A path is one that requests take through Wrap, with the allocations that it
// may cost.
type path struct {
	name   string
	r      *http.Request
	allocs float64
}

func paths() []path {
	long := strings.Repeat("content-type,", 1<<20/13)
	return []path{
		{"call", newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site"), 1},
		{"call with cookies", newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site", "Cookie", "session=1"), 1},
		{"call from a subdomain", newRequest("POST", addItem, "Origin", "https://a.b.preview.example.com", "Sec-Fetch-Site", "cross-site"), 1},
		{"call refused", newRequest("POST", addItem, "Origin", evil, "Sec-Fetch-Site", "cross-site"), 1},
		{"Connect GET", newRequest("GET", getProduct, "Origin", app), 2},
		{"HEAD", newRequest("HEAD", getProduct, "Origin", app), 2},
		{"call without Origin", newRequest("POST", addItem), 0},
		{"GET without Origin", newRequest("GET", getProduct), 2},
		{"same origin", newRequest("POST", addItem, "Origin", "https://api.example.com", "Sec-Fetch-Site", "same-origin"), 1},
		{"unknown method", newRequest("POST", "/"+catalog+"/Newer", "Origin", app), 1},
		{"ungoverned", newRequest("POST", "/healthz", "Origin", app, "Sec-Fetch-Site", "cross-site"), 0},
		{"ungoverned, with a path that has to be read closely", newRequest("POST", "/static/%2e%2e/acme.shop.v1.%43atalogServic/a;b/c\\d", "Sec-Fetch-Site", "cross-site"), 0},
		{"preflight, Connect", newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type"), 1},
		{"preflight, gRPC-Web", newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "content-type,x-grpc-web,x-user-agent"), 1},
		{"preflight, metadata", newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "authorization,connect-protocol-version,content-type,x-tenant-id"), 1},
		{"preflight, hostile list", newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", long), 1},
		{"preflight refused", newPreflight(addItem, evil, "POST"), 1},
		{"preflight refused, hostile origin", newPreflight(addItem, "https://"+strings.Repeat("a.", 1<<19)+"preview.example.com", "POST"), 1},
		{"preflight refused, two origins", newPreflight(addItem, app, "POST", "Origin", app), 1},
		{"preflight refused, internal", newPreflight(purgeCarts, app, "POST"), 1},
	}
}

func rpcConfig(origins ...string) corsrpc.Config {
	return corsrpc.Config{
		Origins:          append([]string{app, "https://*.preview.example.com"}, origins...),
		Credentials:      true,
		RequestHeaders:   []string{"Authorization"},
		ResponseHeaders:  []string{"X-Request-Id"},
		ResponseTrailers: []string{"X-Cost"},
		Audiences:        map[string][]string{"storefront": append([]string{app, "https://*.preview.example.com"}, origins...), "backoffice": {}},
	}
}

func TestAllocations(t *testing.T) {
	config := rpcConfig()
	reporting := rpcConfig()
	reporting.OnDecision = corsrpc.LogDenied(discard)
	w := &reusableWriter{header: make(http.Header)}
	for _, p := range paths() {
		handler := newPolicy(t, config).Wrap(nothing{})
		assert.Equal(t, p.allocs, testing.AllocsPerRun(100, func() {
			clear(w.header)
			handler.ServeHTTP(w, p.r)
		}), p.name)

		policy := newPolicy(t, reporting)
		if policy.Evaluate(p.r).Allowed {
			handler = policy.Wrap(nothing{})
			assert.Equal(t, p.allocs, testing.AllocsPerRun(100, func() {
				clear(w.header)
				handler.ServeHTTP(w, p.r)
			}), "%s, with OnDecision", p.name)
		}
	}
	anonymous := rpcConfig()
	anonymous.Credentials = false
	handler := newPolicy(t, anonymous).Wrap(nothing{})
	r := newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, 1.0, testing.AllocsPerRun(100, func() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	}), "call without credentials")

	policy := newPolicy(t, config)
	call := corsrpc.Call{Procedure: addItem, Header: header("Origin", app)}
	assert.Zero(t, testing.AllocsPerRun(100, func() { policy.Admit(t.Context(), call) }), "Admit")
	assert.Zero(t, testing.AllocsPerRun(100, func() { policy.Exposes(addItem, "trailer-x-cost") }), "Exposes")
	assert.Zero(t, testing.AllocsPerRun(100, func() { policy.Governs(addItem) }), "Governs")
}

// manyOrigins are exact ones that no test uses.
func manyOrigins(n int) []string {
	origins := make([]string, n)
	for i := range origins {
		origins[i] = fmt.Sprintf("https://tenant-%d.example.org", i)
	}
	return origins
}

// manyProcedures are the descriptors of so many services with ten methods each,
// and the shop's.
func manyProcedures(t testing.TB, n int) *protoregistry.Files {
	t.Helper()
	files := new(protoregistry.Files)
	protoregistry.GlobalFiles.RangeFilesByPackage("acme.shop.v1", func(fd protoreflect.FileDescriptor) bool {
		require.NoError(t, files.RegisterFile(fd))
		return true
	})
	for s := range n / 10 {
		file := &descriptorpb.FileDescriptorProto{
			Name: proto.String(fmt.Sprintf("many/v%d/many.proto", s)), Package: proto.String(fmt.Sprintf("many.v%d", s)), Syntax: proto.String("proto3"),
			Dependency: []string{"google/protobuf/empty.proto"},
			Service:    []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("ManyService")}},
		}
		for m := range 10 {
			file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(fmt.Sprintf("Method%d", m)), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"),
			})
		}
		fd, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(fd))
	}
	return files
}

package corscaddy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// What a request costs beside Caddy and the server behind it.
func BenchmarkServeHTTP(b *testing.B) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	h := &corscaddy.Handler{Image: "testdata/shop.binpb", Policy: []string{"testdata/policy.yaml"}}
	require.NoError(b, h.Provision(ctx))
	header := func(foreign bool) caddyhttp.Handler {
		return caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			if foreign {
				w.Header().Set("Access-Control-Allow-Origin", "*")
			}
			w.WriteHeader(http.StatusOK)
			return nil
		})
	}
	for _, bench := range []struct {
		name, method, path, origin string
		next                       caddyhttp.Handler
	}{
		{"client", http.MethodPost, addItem, "", header(false)},
		{"page", http.MethodPost, addItem, app, header(false)},
		{"page GET", http.MethodGet, getProduct, app, header(false)},
		{"backend with CORS", http.MethodPost, addItem, app, header(true)},
		{"not governed", http.MethodPost, "/other", app, header(false)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest(bench.method, bench.path, nil)
			if bench.origin != "" {
				r.Header.Set("Origin", bench.origin)
			}
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				require.NoError(b, h.ServeHTTP(w, r, bench.next))
			}
		})
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
func (d *discard) WriteHeader(int)                {}

// largeFiles writes an image with a thousand procedures in a hundred services, in
// ten packages, and a policy with several lists of origins and headers. It returns
// a directive with both.
func largeFiles(t testing.TB) string {
	t.Helper()
	image := &descriptorpb.FileDescriptorSet{}
	policy := "origins: [" + app + "]\noverrides:\n"
	for pkg := range 10 {
		file := &descriptorpb.FileDescriptorProto{
			Name: proto.String(fmt.Sprintf("acme/team%d.proto", pkg)), Package: proto.String(fmt.Sprintf("acme.team%d.v1", pkg)), Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
		}
		empty := proto.String("." + file.GetPackage() + ".Empty")
		for service := range 10 {
			s := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("Department%dService", service))}
			for method := range 10 {
				s.Method = append(s.Method, &descriptorpb.MethodDescriptorProto{Name: proto.String(fmt.Sprintf("ListSomething%d", method)), InputType: empty, OutputType: empty})
			}
			file.Service = append(file.Service, s)
			if service < 4 {
				policy += fmt.Sprintf("  %s.%s:\n    origins: [https://page%d.example.com, \"https://*.preview.example.com\"]\n    request_headers: [X-Header-%d]\n", file.GetPackage(), s.GetName(), service, service)
			}
		}
		image.File = append(image.File, file)
	}
	data, err := proto.Marshal(image)
	require.NoError(t, err)
	dir := t.TempDir()
	return "corsrpc {\n image " + write(t, filepath.Join(dir, "image.binpb"), string(data)) + "\n policy " + write(t, filepath.Join(dir, "policy.yaml"), policy) + "\n}\n"
}

// BenchmarkProcess reports how much CPU time Caddy takes for a request, with and
// without a policy of a thousand procedures.
func BenchmarkProcess(b *testing.B) {
	const last = "/acme.team9.v1.Department9Service/ListSomething9"
	for _, edge := range []struct{ name, site string }{{"bare", "respond 200"}, {"policy", largeFiles(b) + "respond 200"}} {
		url, pid := startProcess(b, edge.site)
		for _, request := range []struct {
			name, method, path string
			header             http.Header
		}{
			{"call", "POST", last, http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}}},
			{"preflight", "OPTIONS", last, http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}}},
			{"refusal", "POST", last, http.Header{"Origin": {evil}}},
			{"alias", "POST", "/x" + last, http.Header{"Origin": {app}}},
			{"ungoverned", "GET", "/assets/images/logo-1234567890.png", http.Header{"Sec-Fetch-Site": {"same-origin"}}},
			{"program", "POST", last, http.Header{}},
		} {
			b.Run(edge.name+"/"+request.name, func(b *testing.B) {
				r, err := http.NewRequest(request.method, url+request.path, nil)
				require.NoError(b, err)
				r.Header = request.header
				start := cpuTime(b, pid)
				for b.Loop() {
					response, err := http.DefaultTransport.RoundTrip(r)
					require.NoError(b, err)
					_, err = io.Copy(io.Discard, response.Body) // and keep the connection
					require.NoError(b, err)
					require.NoError(b, response.Body.Close())
				}
				b.ReportMetric(float64((cpuTime(b, pid)-start).Microseconds())/float64(b.N), "caddy-µs/op")
			})
		}
	}
}

// BenchmarkLoad reports how long Caddy takes to test a configuration, with and
// without that policy.
func BenchmarkLoad(b *testing.B) {
	for _, edge := range []struct{ name, site string }{{"bare", "respond 200"}, {"policy", largeFiles(b) + "respond 200"}} {
		b.Run(edge.name, func(b *testing.B) {
			for b.Loop() {
				output, err := caddyCommand(b, "validate", edge.site).CombinedOutput()
				require.NoError(b, err, "%s", output)
			}
		})
	}
}

// cpuTime returns the CPU time of a process so far.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(b, err)
	_, after, found := strings.Cut(string(stat), ") ") // the name can have spaces
	require.True(b, found)
	fields := strings.Fields(after)
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

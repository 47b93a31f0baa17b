package corsexport

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// largeConfig has a thousand procedures in a hundred services, in ten packages,
// with several lists of origins and headers.
func largeConfig(t testing.TB) corsrpc.Config {
	t.Helper()
	files := new(protoregistry.Files)
	config := corsrpc.Config{Origins: []string{app}, Files: files, Overrides: map[string]corsrpc.Override{}}
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
				config.Overrides[file.GetPackage()+"."+s.GetName()] = corsrpc.Override{
					Origins:        []string{fmt.Sprintf("https://page%d.example.com", service), "https://*.preview.example.com"},
					RequestHeaders: []string{fmt.Sprintf("X-Header-%d", service)},
				}
			}
		}
		fd, err := protodesc.NewFile(file, files)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(fd))
	}
	return config
}

// benchmarkRequests reports how much CPU time a proxy takes for a request, where
// it has largeConfig or nothing.
func benchmarkRequests(b *testing.B, name, url string, pid int) {
	b.Helper()
	const last = "/acme.team9.v1.Department9Service/ListSomething9"
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
		b.Run(name+"/"+request.name, func(b *testing.B) {
			r, err := http.NewRequest(request.method, url+request.path, nil)
			require.NoError(b, err)
			r.Header = request.header
			start := cpuTime(b, pid)
			for b.Loop() {
				response, err := http.DefaultTransport.RoundTrip(r)
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, response.Body) // so that the connection is used again
				require.NoError(b, err)
				require.NoError(b, response.Body.Close())
			}
			b.ReportMetric(float64((cpuTime(b, pid)-start).Microseconds())/float64(b.N), "proxy-µs/op")
		})
	}
}

// BenchmarkNginx reports how much CPU time nginx takes for a request, with and
// without an export of a thousand procedures.
func BenchmarkNginx(b *testing.B) {
	export := mustNginx(b, largeConfig(b), Options{})
	const location = "location / { return 200; }"
	for _, edge := range []struct{ name, http, server string }{
		{"bare", "", location},
		{"policy", string(export.Files[0].Data), string(export.Files[1].Data) + location},
	} {
		url, pid := proxies.StartNginxProcess(b, edge.http, edge.server)
		benchmarkRequests(b, edge.name, url, pid)
	}
}

// BenchmarkNginxLoad reports how long nginx takes to test the configuration.
func BenchmarkNginxLoad(b *testing.B) {
	export := mustNginx(b, largeConfig(b), Options{})
	for b.Loop() {
		output, err := proxies.CheckNginx(b, string(export.Files[0].Data), string(export.Files[1].Data))
		require.NoError(b, err, output)
	}
	b.ReportMetric(float64(len(export.Files[0].Data)), "bytes")
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

package corsexport

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// BenchmarkApache reports how much CPU time Apache takes for a request, with and
// without an export of a thousand procedures.
func BenchmarkApache(b *testing.B) {
	export, err := Apache(mustPolicy(b, largeConfig(b)), Options{})
	require.NoError(b, err)
	const last = "/acme.team9.v1.Department9Service/ListSomething9"
	for _, edge := range []struct{ name, policy string }{
		{"bare", ""},
		{"policy", string(export.Files[0].Data)},
	} {
		// It responds by itself, as if it was the backend.
		url, pid := proxies.StartApacheProcess(b, "<VirtualHost "+proxies.ApacheListen+">\nServerName api.example.com\nErrorDocument 404 ok\nMaxKeepAliveRequests 0\n"+edge.policy+"\nRedirect 404 /\n</VirtualHost>\n")
		transport := &http.Transport{MaxIdleConnsPerHost: 16}
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
			{"long", "GET", "/" + strings.Repeat("acme./", 1300), http.Header{"Origin": {evil}}},
		} {
			b.Run(edge.name+"/"+request.name, func(b *testing.B) {
				start := cpuTime(b, pid)
				b.SetParallelism(4) // so that most requests find a thread awake
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						r, err := http.NewRequest(request.method, url+request.path, nil)
						require.NoError(b, err)
						r.Header = request.header
						response, err := transport.RoundTrip(r)
						require.NoError(b, err)
						_, err = io.Copy(io.Discard, response.Body)
						require.NoError(b, err)
						require.NoError(b, response.Body.Close())
					}
				})
				b.ReportMetric(float64((cpuTime(b, pid)-start).Microseconds())/float64(b.N), "apache-µs/op")
			})
		}
	}
}

// BenchmarkApacheLoad reports how long Apache takes to test the configuration.
func BenchmarkApacheLoad(b *testing.B) {
	export, err := Apache(mustPolicy(b, largeConfig(b)), Options{})
	require.NoError(b, err)
	for b.Loop() {
		output, err := proxies.CheckApache(b, "<VirtualHost "+proxies.ApacheListen+">\nServerName api.example.com\n"+string(export.Files[0].Data)+"</VirtualHost>\n")
		require.NoError(b, err, output)
	}
	b.ReportMetric(float64(len(export.Files[0].Data)), "bytes")
}

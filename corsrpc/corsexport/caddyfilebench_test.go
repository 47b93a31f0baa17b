package corsexport

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// BenchmarkCaddyfile reports how much CPU time Caddy takes for a request, with and
// without an export of a thousand procedures.
func BenchmarkCaddyfile(b *testing.B) {
	export := mustCaddyfile(b, largeConfig(b), Options{})
	const last = "/acme.team9.v1.Department9Service/ListSomething9"
	for _, edge := range []struct{ name, file, directives string }{
		{"bare", "", "respond 200"},
		{"policy", string(export.Files[0].Data), "invoke corsrpc_policy\nrespond 200"},
	} {
		url, pid := proxies.StartCaddyProcess(b, edge.file+caddySite(edge.directives))
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

// BenchmarkCaddyfileLoad reports how long Caddy takes to test the configuration.
func BenchmarkCaddyfileLoad(b *testing.B) {
	export := mustCaddyfile(b, largeConfig(b), Options{})
	for b.Loop() {
		output, err := proxies.CheckCaddy(b, string(export.Files[0].Data)+caddySite("invoke corsrpc_policy\nrespond 200"))
		require.NoError(b, err, output)
	}
	b.ReportMetric(float64(len(export.Files[0].Data)), "bytes")
}

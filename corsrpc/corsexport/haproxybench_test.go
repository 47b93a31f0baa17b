package corsexport

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// haproxyBare is HAProxy without a policy, which responds itself.
const haproxyBare = `
global
	nbthread 1
defaults base
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
frontend test from base
	bind %s
	http-request return status 200
`

// BenchmarkHAProxy reports how much CPU time HAProxy takes for a request, with
// and without an export of a thousand procedures.
func BenchmarkHAProxy(b *testing.B) {
	const last = "/acme.team9.v1.Department9Service/ListSomething9"
	policy := haproxyTest{policy: mustPolicy(b, largeConfig(b)), upstream: "http://127.0.0.1:1", frontend: "http-request return status 200"}
	for _, edge := range []struct {
		name  string
		files []string
	}{
		{"bare", []string{writeFile(b, b.TempDir(), "bare.cfg", fmt.Sprintf(haproxyBare, proxies.HAProxyBind))}},
		{"policy", policy.files(b)},
	} {
		process := proxies.StartHAProxy(b, edge.files...)
		get(b, "GET", process.URL+"/") // once it has loaded
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
				r, err := http.NewRequest(request.method, process.URL+request.path, nil)
				require.NoError(b, err)
				r.Header = request.header
				start := cpuTime(b, process.PID)
				for b.Loop() {
					response, err := http.DefaultTransport.RoundTrip(r)
					require.NoError(b, err)
					_, err = io.Copy(io.Discard, response.Body) // so that the connection is used again
					require.NoError(b, err)
					require.NoError(b, response.Body.Close())
				}
				b.ReportMetric(float64((cpuTime(b, process.PID)-start).Microseconds())/float64(b.N), "haproxy-µs/op")
			})
		}
	}
}

// BenchmarkHAProxyLoad reports how long HAProxy takes to test the configuration.
func BenchmarkHAProxyLoad(b *testing.B) {
	files := haproxyTest{policy: mustPolicy(b, largeConfig(b)), upstream: "http://127.0.0.1:1"}.files(b)
	for b.Loop() {
		output, err := proxies.CheckHAProxy(b, files...)
		require.NoError(b, err, output)
	}
}

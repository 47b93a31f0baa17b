package corsexport

import (
	"fmt"
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
		benchmarkRequests(b, edge.name, process.URL, process.PID)
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

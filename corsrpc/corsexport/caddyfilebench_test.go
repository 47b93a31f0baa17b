package corsexport

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// BenchmarkCaddyfile reports how much CPU time Caddy takes for a request, with and
// without an export of a thousand procedures.
func BenchmarkCaddyfile(b *testing.B) {
	export := mustCaddyfile(b, largeConfig(b), Options{})
	for _, edge := range []struct{ name, file, directives string }{
		{"bare", "", "respond 200"},
		{"policy", string(export.Files[0].Data), "invoke corsrpc_policy\nrespond 200"},
	} {
		url, pid := proxies.StartCaddyProcess(b, edge.file+caddySite(edge.directives))
		benchmarkRequests(b, edge.name, url, pid)
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

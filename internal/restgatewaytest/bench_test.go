package restgatewaytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

// What a look-up costs beside the gateway's own routing of the same request.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 100, 1_000, 10_000} {
		mux := runtime.NewServeMux()
		served := 0
		var bindings []httprule.Binding
		for i := range n {
			binding, err := httprule.ParseBinding(fmt.Sprintf("GET /v1/{a=projects/*/things%d/*}:run", i))
			require.NoError(b, err)
			bindings = append(bindings, binding)
			require.NoError(b, mux.HandlePath(binding.Method, binding.Template.String(), func(http.ResponseWriter, *http.Request, map[string]string) { served++ }))
		}
		index, err := routetest.NewIndex("", bindings)
		require.NoError(b, err)
		for _, target := range []struct{ name, path string }{
			{"first", "/v1/projects/acme/things0/7:run"},
			{"last", fmt.Sprintf("/v1/projects/acme/things%d/7:run", n-1)},
		} {
			r := httptest.NewRequest("GET", target.path, nil)
			b.Run(fmt.Sprintf("%d/%s/index", n, target.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var m httprule.Matches
					index.Match(r.URL.Path, r.URL.RawPath, &m)
					m.Select(httprule.NewMethod(r.Method, r.Header))
					if m.Len() != 1 {
						b.Fatal(m.Len())
					}
				}
			})
			b.Run(fmt.Sprintf("%d/%s/grpc-gateway", n, target.name), func(b *testing.B) {
				b.ReportAllocs()
				served = 0
				w := httptest.NewRecorder()
				for b.Loop() {
					mux.ServeHTTP(w, r)
				}
				if served == 0 {
					b.Fatal("not routed")
				}
			})
		}
	}
}

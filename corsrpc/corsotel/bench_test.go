package corsotel_test

import (
	"net/http"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsotel"
)

type reusableWriter struct{ header http.Header }

func (w *reusableWriter) Header() http.Header       { return w.header }
func (*reusableWriter) Write(p []byte) (int, error) { return len(p), nil }
func (*reusableWriter) WriteHeader(int)             {}

// BenchmarkWrap shows what counting adds to an allowed POST.
func BenchmarkWrap(b *testing.B) {
	count, err := corsotel.OnDecision(sdk.NewMeterProvider(sdk.WithReader(sdk.NewManualReader())))
	require.NoError(b, err)
	for _, bench := range []struct {
		name   string
		change func(*corsrpc.Config)
	}{
		{"without", func(*corsrpc.Config) {}},
		{"with", func(c *corsrpc.Config) { c.OnDecision = count }},
	} {
		c := config()
		bench.change(&c)
		policy, err := corsrpc.New(c)
		require.NoError(b, err)
		handler := policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := newRequest("POST", addItem, http.Header{"Origin": {app}, "Sec-Fetch-Site": {"cross-site"}})
		b.Run("metrics="+bench.name, func(b *testing.B) {
			w := &reusableWriter{make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
		})
		b.Run("parallel/metrics="+bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := &reusableWriter{make(http.Header)}
				for pb.Next() {
					clear(w.header)
					handler.ServeHTTP(w, r)
				}
			})
		})
	}
}

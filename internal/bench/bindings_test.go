package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is measured serves the request, and a page can read what corsrpc lets
// through.
func TestBindings(t *testing.T) {
	t.Parallel()
	for _, n := range []Bindings{1, 100} {
		for _, path := range n.Paths() {
			spy := &Spy{}
			wrapped, err := n.Wrap(spy)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			wrapped.ServeHTTP(w, n.Request(path))
			assert.Equal(t, 1, spy.calls, path.Name)
			assert.Equal(t, n.setup().origin(), w.Header().Get("Access-Control-Allow-Origin"), path.Name)

			stranger := n.Request(path)
			stranger.Header.Set("Origin", "https://evil.test")
			wrapped.ServeHTTP(httptest.NewRecorder(), stranger)
			assert.Equal(t, 1, spy.calls, "the path is not governed")

			routed, err := n.Route(spy)
			require.NoError(t, err)
			routed.ServeHTTP(httptest.NewRecorder(), n.Request(path))
			assert.Equal(t, 2, spy.calls, path.Name)
		}
	}
}

func BenchmarkBindings(b *testing.B) {
	for _, n := range []Bindings{1, 100, 1_000, 10_000} {
		for name, wrap := range map[string]func(http.Handler) (http.Handler, error){"corsrpc": n.Wrap, "grpc-gateway": n.Route} {
			handler, err := wrap(Nothing{})
			require.NoError(b, err)
			for _, path := range n.Paths() {
				b.Run(fmt.Sprintf("bindings=%d/path=%s/subject=%s", n, strings.ReplaceAll(path.Name, " ", "_"), name), func(b *testing.B) {
					answer, r := NewAnswer(), n.Request(path)
					b.ReportAllocs()
					for b.Loop() {
						answer.Reset()
						handler.ServeHTTP(answer, r)
					}
				})
			}
		}
	}
}

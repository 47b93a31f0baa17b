package httprule_test

import (
	"fmt"
	"testing"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// Flat in the number of templates, hit or miss.
func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{1, 100, 1_000, 10_000} {
		var bindings []string
		for i := range n {
			bindings = append(bindings, fmt.Sprintf("GET /v1/{name=projects/*/things%d/*}:run", i))
		}
		index := newIndex(b, bindings...)
		for _, path := range []struct {
			name, path string
			matches    int
		}{
			{"hit", "/v1/projects/acme/things0/7:run", 1},
			{"miss", "/v1/projects/acme/others/7:run", 0},
			{"escapes", "/v1/projects/acme/things0/a%2Fb:run", 1},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, path.name), func(b *testing.B) {
				get := httprule.NewMethod("GET", nil)
				b.ReportAllocs()
				for b.Loop() {
					var m httprule.Matches
					index.Match(path.path, "", &m)
					m.Select(get)
					if m.Len() != path.matches {
						b.Fatal(m.Len())
					}
				}
			})
		}
	}
}

// No path takes long, whatever a client sends.
func BenchmarkMatchHostile(b *testing.B) {
	index := newIndex(b, "GET /v1/{a}/{b=**}/x:go", "GET /v1/{a}:go", "POST /v1/%2F/{c}", "GET /{d=**}")
	for name, path := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var m httprule.Matches
				index.Match(path, "", &m)
			}
		})
	}
}

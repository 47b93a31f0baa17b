package corsrpc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func benchmark(b *testing.B, config corsrpc.Config, r *http.Request) {
	handler := newPolicy(b, config).Wrap(nothing{})
	w := &reusableWriter{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	}
}

// Each path of a request through Wrap.
func BenchmarkWrap(b *testing.B) {
	for _, p := range paths() {
		b.Run(p.name, func(b *testing.B) { benchmark(b, rpcConfig(), p.r) })
	}
	b.Run("no middleware", func(b *testing.B) {
		w := &reusableWriter{header: make(http.Header)}
		var handler http.Handler = nothing{}
		r := newRequest("POST", addItem)
		for b.Loop() {
			clear(w.header)
			handler.ServeHTTP(w, r)
		}
	})
}

// Each request with a hook that gets its Decision. A hostile origin costs what
// any other does.
func BenchmarkDecision(b *testing.B) {
	config := rpcConfig()
	config.OnDecision = func(context.Context, corsrpc.Decision) {}
	list := []string{"Access-Control-Request-Headers", "x-debug,x-unknown"}
	for _, c := range []struct {
		name string
		r    *http.Request
	}{
		{"call", newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site")},
		{"call refused", newRequest("POST", addItem, "Origin", evil, "Sec-Fetch-Site", "cross-site")},
		{"preflight", newPreflight(addItem, app, "POST")},
		{"preflight blocked", newPreflight(addItem, app, "POST", list...)},
		{"preflight refused", newPreflight(addItem, evil, "POST", list...)},
		{"preflight refused, origin of 64 bytes", newPreflight(addItem, "https://"+strings.Repeat("a.", 22)+"example.com", "POST", list...)},
		{"preflight refused, origin of 1 MiB", newPreflight(addItem, "https://"+strings.Repeat("a.", 1<<19)+"example.com", "POST", list...)},
		{"preflight refused, look-alike", newPreflight(addItem, "https://app.example.com.evil.test", "POST", list...)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, config, c.r) })
	}
}

// The same by the number of exact origins.
func BenchmarkOrigins(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		config := rpcConfig(manyOrigins(n - 1)...)
		config.Origins = append(config.Origins[:1:1], config.Origins[2:]...)
		config.Audiences["storefront"] = config.Origins
		b.Run(fmt.Sprintf("call/origins=%d", n), func(b *testing.B) {
			benchmark(b, config, newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site"))
		})
		b.Run(fmt.Sprintf("preflight/origins=%d", n), func(b *testing.B) {
			benchmark(b, config, newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type"))
		})
		b.Run(fmt.Sprintf("refused/origins=%d", n), func(b *testing.B) { benchmark(b, config, newPreflight(addItem, evil, "POST")) })
	}
}

// The same by the number of procedures.
func BenchmarkProcedures(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		config := rpcConfig()
		config.Files = manyProcedures(b, n)
		b.Run(fmt.Sprintf("call/procedures=%d", n), func(b *testing.B) {
			benchmark(b, config, newRequest("POST", addItem, "Origin", app, "Sec-Fetch-Site", "cross-site"))
		})
		b.Run(fmt.Sprintf("preflight/procedures=%d", n), func(b *testing.B) {
			benchmark(b, config, newPreflight(addItem, app, "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type"))
		})
	}
}

// What a policy costs to make.
func BenchmarkNew(b *testing.B) {
	origins := rpcConfig(manyOrigins(100_000)...)
	b.Run("origins=100000", func(b *testing.B) {
		for b.Loop() {
			newPolicy(b, origins)
		}
	})
	procedures := rpcConfig()
	procedures.Files = manyProcedures(b, 10_000)
	b.Run("procedures=10000", func(b *testing.B) {
		for b.Loop() {
			newPolicy(b, procedures)
		}
	})
}

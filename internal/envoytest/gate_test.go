package envoytest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnect"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// compareGate sends calls through a model in front of the shop with a gate, and to
// the shop inside Wrap. The same handlers run, and a page can read the same.
func compareGate(t *testing.T, p *corsrpc.Policy, edge func(backend http.Handler) *model) {
	t.Helper()
	var ran atomic.Int64
	spy := connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			ran.Add(1)
			return next(ctx, r)
		}
	}))
	m := edge(shop.NewHandler(corsconnect.WithGate(p), spy))
	wrapped := p.Wrap(shop.NewHandler(spy))
	calls, refused, lists := 0, 0, 0
	for r := range edgetest.Matrix(p, host) {
		header := http.Header{}
		for _, line := range r.Header {
			if line.Name != edgetest.HeaderRespond {
				header.Add(line.Name, line.Value)
			}
		}
		unary := slices.ContainsFunc([]string{"AddItem", "PurgeCarts", "SetPrice", "ReserveStock", "GetProduct"}, func(name string) bool { return strings.HasSuffix(r.Target, "Service/"+name) })
		// Browsers send no several lines, and no form to a procedure that runs.
		if !r.Clean || r.Forged || !unary || r.Method != http.MethodPost || len(header["Origin"]) > 1 || header.Get("Content-Type") != "application/json" {
			continue
		}
		calls++
		want := httptest.NewRequest(r.Method, "http://"+host+r.Target, strings.NewReader("{}"))
		want.Header = header.Clone()
		before := ran.Load()
		response := httptest.NewRecorder()
		wrapped.ServeHTTP(response, want)
		wantRan := ran.Load() - before

		got := &request{path: r.Target, header: map[string]string{":method": r.Method, ":path": r.Target, ":authority": host}, lines: header, body: "{}"}
		for name, lines := range header {
			got.header[strings.ToLower(name)] = strings.Join(lines, ",")
		}
		before = ran.Load()
		answer := m.serve(got)
		assert.Equal(t, wantRan, ran.Load()-before, "%s: %s", r, r.About)
		if wantRan == 0 {
			// A listed page can read why the gate refuses a call.
			refused++
			continue
		}
		assert.Equal(t, response.Header().Get("Access-Control-Allow-Credentials"), answer.header.Get("Access-Control-Allow-Credentials"), r)
		if origin := response.Header().Get("Access-Control-Allow-Origin"); origin != "*" {
			assert.Equal(t, origin, answer.header.Get("Access-Control-Allow-Origin"), r)
		}
		if response.Header().Get("Access-Control-Allow-Origin") != "" {
			lists++
			exposed := answer.header.Get("Access-Control-Expose-Headers")
			for name := range strings.SplitSeq(response.Header().Get("Access-Control-Expose-Headers"), ", ") {
				assert.Contains(t, exposed, name, r)
			}
		}
	}
	t.Logf("%d calls, %d refused, %d readable", calls, refused, lists)
	require.Greater(t, calls, 300)
	assert.Greater(t, refused, 100)
	assert.Greater(t, lists, 50)
}

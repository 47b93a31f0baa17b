package exchange_test

import (
	"net/http"
	"testing"

	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/exchange"
)

// What v2 sends is what v1 sends, in everything, except in the rows that have a
// reason. Those do differ, in some call over some protocol.
func TestDifferences(t *testing.T) {
	t.Parallel()
	behaviours := map[string]exchange.Behaviour{}
	for _, row := range exchange.Rows {
		behaviours[row.Name] = row.Behaviour
	}
	behave := func(header http.Header) exchange.Behaviour { return behaviours[header.Get("X-Row")] }
	v1 := exchange.Serve(t, exchange.NewShop(behave))
	mux := http.NewServeMux()
	connecthttp.Mount(mux, exchange.NewServerV2(behave))
	v2 := exchange.Serve(t, mux)

	for _, row := range exchange.Rows {
		if row.OnlyV2 {
			assert.NotEmpty(t, row.Differs, row.Name)
			continue
		}
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			differs := false
			for _, p := range exchange.Protocols {
				for _, k := range row.KindsOf() {
					if !p.Speaks(k) {
						continue
					}
					send := func(url string) (exchange.Response, exchange.Failure) {
						w := exchange.NewWire(t, p.HTTP2, http.Header{"X-Row": {row.Name}})
						err := k.Call(t.Context(), w.Client(), url, p.Options...)
						w.Response.Header.Del("Date")
						return w.Response, exchange.FailureOf(t, err)
					}
					want, wantFailure := send(v1)
					got, gotFailure := send(v2)
					if row.Differs == "" {
						assert.Equal(t, want, got, "%s, %s", p.Name, k.Name)
						assert.Equal(t, wantFailure, gotFailure, "%s, %s", p.Name, k.Name)
					} else if !assert.ObjectsAreEqual(want, got) || !assert.ObjectsAreEqual(wantFailure, gotFailure) {
						differs = true
					}
				}
			}
			assert.Equal(t, row.Differs != "", differs, "a difference that is not there: %q", row.Differs)
			assert.False(t, row.V2 != nil && row.Differs == "", "a difference without a reason")
		})
	}
}

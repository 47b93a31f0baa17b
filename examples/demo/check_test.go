package main

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// What corsrpc check reports of the three running servers is what corstest
// reports of their handlers, except for NegotiatePrice, which needs HTTP/2. The
// first is as its schema says, and the others are not.
func TestCheckOfTheRunningServers(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	api := shop.NewHandler()
	generated, _, err := withCorsrpc(d.page, api)
	require.NoError(t, err)
	for name, server := range map[string]struct {
		url     string
		handler http.Handler
		fine    bool
	}{
		"corsrpc": {d.corsrpc, generated, true}, "hand-written lists": {d.handWritten, withHandWrittenLists(d.page, api), false}, "no CORS": {d.none, api, false},
	} {
		audiences := corstest.WithAudiences("storefront")
		got, err := corstest.CheckURL(t.Context(), server.url, d.page, audiences)
		require.NoError(t, err)
		want := corstest.Check(server.handler, d.page, audiences, corstest.WithServerURL(server.url))
		require.Len(t, got.Results, len(want.Results))
		for i := range want.Results {
			if want.Results[i].Procedure == "/acme.shop.v1.CartService/NegotiatePrice" {
				continue
			}
			assert.Equal(t, want.Results[i], got.Results[i], name)
			if server.fine {
				assert.True(t, got.Results[i].OK(), "%s: %v", name, got.Results[i])
			}
		}
		assert.Equal(t, server.fine, !slices.ContainsFunc(got.Results, func(r corstest.Result) bool {
			return !r.OK() && r.Procedure != "/acme.shop.v1.CartService/NegotiatePrice"
		}), name)
	}
}

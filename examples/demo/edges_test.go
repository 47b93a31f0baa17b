package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/proxies/edges"
)

// Behind a proxy that has the policy, a page reads everything too, though the
// server knows nothing of CORS.
func TestAPageReadsEverythingThroughEdges(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	pageURL := originOf(listener)
	api := httptest.NewServer(newAPI(false))
	t.Cleanup(api.Close)
	policy := edges.Policy{
		Image: "../../corsrpc/corscaddy/testdata/shop.binpb",
		// As withCorsrpc has it.
		Text: strings.ReplaceAll(`
origins: [PAGE]
audiences:
  storefront: [PAGE]
  backoffice: []
`, "PAGE", pageURL),
	}
	var columns []column
	for _, edge := range edges.Installed(t) {
		columns = append(columns, column{ID: edge.Name, Name: edge.Name, URL: edge.Start(t, policy, api.URL)})
	}
	page, err := newPage(pageURL, pageURL, columns)
	require.NoError(t, err)
	server := &http.Server{Handler: page}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })

	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		got := loadPage(ctx, t, e, pageURL)
		require.Len(t, got.Calls, len(facts))
		for i, want := range facts {
			call := got.Calls[i]
			require.Equal(t, want.call, call.ID)
			require.Len(t, call.Expected, len(want.sent), "%s over %s", want.call, want.protocol)
			for j, sent := range want.sent {
				for _, column := range columns {
					found := call.Expected[j].Found[column.ID]
					what := want.call + " over " + want.protocol + " through " + column.Name + ": " + sent.label
					assert.True(t, found.Readable, "%s is lost", what)
					assert.Equal(t, sent.value, found.String(), what)
				}
			}
		}
	})
}

package peers_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// A check promises that nothing runs, whatever the server and whoever the page.
func TestCheckRunsNothing(t *testing.T) {
	t.Parallel()
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if err := p.missing(); err != nil {
				t.Skipf("LEFT OUT: %s: %v", p.name, err)
			}
			b, err := newBackend()
			require.NoError(t, err)
			url := p.serve(t, b, page)
			for _, opts := range [][]corstest.CheckOption{
				{corstest.WithAudiences("storefront")},
				{corstest.WithAudiences("storefront"), corstest.WithProtocols(p.protocols...)},
				{corstest.WithNoAccess()},
				{corstest.WithAudiences("backoffice"), corstest.WithCredentials(corstest.CredentialsInclude)},
			} {
				r, err := corstest.CheckURL(t.Context(), url, page, opts...)
				require.NoError(t, err)
				assert.NotEmpty(t, r.Results)
				assert.Empty(t, r.NotServed)
				t.Log(r)
			}
			assert.Zero(t, b.ran(), "procedures ran")

			stranger, err := corstest.CheckURL(t.Context(), url, "https://evil.test", corstest.WithNoAccess())
			require.NoError(t, err)
			// Connect's GET runs for strangers wherever nobody refuses it.
			assert.Equal(t, p.name == "corsrpc" || !slices.Contains(p.protocols, corstest.ConnectGET) && p.name != "nginx as grpc-web configures it",
				stranger.Err() == nil, stranger.String())
		})
	}
}

package corstest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// withOriginAlone sends CORS headers in response to CORS requests alone.
func withOriginAlone(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") == "" {
			shop.NewHandler().ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Caches keep responses to GET, and give them to other pages unless Vary forbids
// it. gin-contrib/gzip 1.2.5, for one, replaces the Vary of CORS by its own.
func TestCheckExpectsVaryWhereResponsesDiffer(t *testing.T) {
	t.Parallel()
	policy, err := corsrpc.New(corsrpc.Config{Origins: []string{pageOrigin}, Audiences: map[string][]string{"storefront": {}, "backoffice": {}}})
	require.NoError(t, err)
	good := handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed}
	echoing := func(vary, cacheControl string, without bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			origin := r.Header.Get("Origin")
			if origin == "" && !without {
				vary = "" // as many libraries do
			}
			if vary != "" {
				w.Header().Set("Vary", vary)
			}
			if cacheControl != "" {
				w.Header().Set("Cache-Control", cacheControl)
			}
			cors := good
			cors.origin = origin
			cors.wrap(shop.NewHandler()).ServeHTTP(w, r)
			if origin == "" {
				w.Header().Del(allowOrigin)
			}
		})
	}
	for name, row := range map[string]struct {
		handler http.Handler
		missing bool
	}{
		"the same for everybody":    {good.wrap(shop.NewHandler()), false},
		"by origin, without Vary":   {echoing("", "", true), true},
		"by origin, another Vary":   {echoing("Accept-Encoding", "", true), true},
		"by origin, Vary":           {echoing("Accept-Encoding, origin", "", true), false},
		"by origin, Vary *":         {echoing("*", "", true), false},
		"Vary with an origin alone": {echoing("Origin", "", false), true},
		"not to be stored":          {echoing("", "private, No-Store", true), false},
		"the same for all origins":  {withOriginAlone(good.wrap(shop.NewHandler())), true},
		"by a policy":               {policy.Wrap(shop.NewHandler()), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, opts := range [][]corstest.CheckOption{nil, {corstest.WithNoAccess()}} {
				r := corstest.Check(row.handler, pageOrigin, append(opts, corstest.WithServices(catalogService))...)
				for _, result := range r.Results {
					assert.Equal(t, row.missing && result.Protocol == corstest.ConnectGET, result.MissingVary, result.Protocol)
				}
				if row.missing {
					require.ErrorContains(t, r.Err(), "send 'Vary: Origin' on every response to GET, also where there is no Origin")
				}
			}
		})
	}
}

package librarytest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// An Attack is a request that a page of any site can cause without a preflight.
type Attack struct {
	Name string
	Path string
	// ContentType is that of a POST with an empty JSON object, "none" for a
	// Blob without a type. If it is empty, the request is a GET.
	ContentType string
}

// TestAttacks tests that each attack succeeds without corsrpc, with the user's
// cookies, and that nothing runs with it.
func (g *Gateway) TestAttacks(t *testing.T, attacks []Attack) {
	for _, attack := range attacks {
		t.Run(attack.Name, func(t *testing.T) {
			t.Parallel()
			request := func() corstest.Request {
				r := corstest.Request{Method: "GET", URL: attack.Path, Mode: corstest.ModeNoCORS, Destination: "image"}
				if attack.ContentType != "" {
					r = corstest.Request{Method: "POST", URL: attack.Path, Mode: corstest.ModeNoCORS, Body: strings.NewReader("{}")}
				}
				switch attack.ContentType {
				case "", "none":
				case "application/x-www-form-urlencoded":
					r.Body = strings.NewReader("")
					fallthrough
				default:
					r.Header = http.Header{"Content-Type": {attack.ContentType}}
				}
				return r
			}
			open := g.open(t)
			_, _, err := open.fetch(t, Evil, request())
			require.NoError(t, err)
			require.Len(t, open.calls, 1, "the attack must succeed without corsrpc")

			wrapped := g.wrapped(t, g.NewConfig())
			_, _, err = wrapped.fetch(t, Evil, request())
			require.NoError(t, err, "browsers report nothing of such requests")
			assert.Empty(t, wrapped.calls)
		})
	}
}

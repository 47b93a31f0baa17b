package browsertest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// byHand has the lists of the Connect documentation, and Authorization.
func byHand(page string, shop http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", page)
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", "GET, POST")
			header.Set("Access-Control-Allow-Headers", "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent, Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
		shop.ServeHTTP(w, r)
	})
}

// What corstest.CheckURL, which is behind `corsrpc check`, says of a live server
// without running a handler is what calls of a page show: whether they go through,
// and whether all metadata arrives.
func TestCheckOfLiveServers(t *testing.T) {
	for name, wrap := range map[string]func(string, http.Handler) http.Handler{
		"corsrpc": nil, "lists by hand": byHand, "no CORS": func(_ string, shop http.Handler) http.Handler { return shop },
	} {
		t.Run(name, func(t *testing.T) {
			browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
				s := &setting{page: "localhost", api: "127.0.0.1", credentials: "omit", origins: []string{"{page}"}, wrap: wrap}
				r := rand.New(rand.NewPCG(15, uint64(len(name))))
				var cells []*cell
				for _, c := range clients {
					if c.id != "connect-json" && c.id != "connect-grpc-web" {
						continue
					}
					const each = 5
					have := 0
					for _, i := range r.Perm(len(calls)) {
						k := &calls[i]
						if have < each && k.plain == nil && !k.errorWriter && k.deadline == noDeadline && k.like == "" {
							have++
							cells = append(cells, &cell{id: len(cells), client: c, call: k})
						}
					}
					require.Equal(t, each, have)
				}
				run := runCells(ctx, t, e, servers[0], s, cells)
				report, err := corstest.CheckURL(ctx, run.base+cellPrefix+"0", run.page, corstest.WithAudiences("storefront"))
				require.NoError(t, err)
				for _, c := range cells {
					t.Run(c.title+", "+c.call.name, func(t *testing.T) {
						protocol := map[string]corstest.Protocol{"connect-json": corstest.Connect, "connect-grpc-web": corstest.GRPCWeb}[c.client.id]
						i := slices.IndexFunc(report.Results, func(r corstest.Result) bool {
							return r.Procedure == "/"+c.fullName(c.procedure) && r.Protocol == protocol
						})
						require.GreaterOrEqual(t, i, 0)
						result := report.Results[i]
						blocked := result.Blocked != nil
						for name := range strings.SplitSeq(c.preflights(c.call), ",") {
							blocked = blocked || slices.Contains(result.CannotSend, http.CanonicalHeaderKey(name))
						}
						got, whole := run.got[c.id], run.expect(c)
						if blocked {
							assert.Equal(t, c.expect(e, s, withheldAnswer(e)), got)
							return
						}
						a := run.server.answer(c.client, c.call)
						loses := slices.ContainsFunc(result.CannotRead, func(name string) bool { return a.header[strings.ToLower(name)] != "" })
						if loses {
							assert.NotEqual(t, whole, got, "%v", result.CannotRead)
						} else {
							assert.Equal(t, whole, got)
						}
					})
				}
			})
		})
	}
}

package browsertest

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

const permissionDenied = 7

// Developers' pages read why a call is refused, through every client, as an error
// of its protocol, and no handler runs. All other pages see what they always saw.
func TestExplainTo(t *testing.T) {
	const (
		unlisted = "https://app.example.com"
		notGiven = `corsrpc: request header not allowed: the header is "X-Debug"; add "X-Debug" to RequestHeaders`
	)
	debug := fields("x-debug", "1")
	for name, row := range map[string]struct {
		origins, explainTo []string
		metadata           map[string]string // that the calls add
		message            string            // with {page}; empty if nothing is explained
		runs               bool
	}{
		"the origin is not listed":           {origins: []string{unlisted}, explainTo: []string{"{page}"}, message: `corsrpc: origin not allowed; add "{page}" to Origins`},
		"a header is not allowed":            {origins: []string{"{page}"}, explainTo: []string{"http://localhost:*"}, metadata: debug, message: notGiven},
		"everything is allowed":              {origins: []string{"{page}"}, explainTo: []string{"{page}"}, runs: true},
		"another page, not listed":           {origins: []string{unlisted}, explainTo: []string{unlisted}},
		"another page, a header not allowed": {origins: []string{"{page}"}, explainTo: []string{unlisted}, metadata: debug},
	} {
		t.Run(name, func(t *testing.T) {
			browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
				s := &setting{page: "localhost", api: "127.0.0.1", credentials: "omit", origins: row.origins, explainTo: row.explainTo}
				var cells []*cell
				for _, c := range clients {
					for _, k := range calls {
						if k.name != "unary without side effects" && k.name != "stream with header and trailer" {
							continue
						}
						k.metadata = with(k.metadata)
						for header, value := range row.metadata {
							k.metadata[header] = value
						}
						cells = append(cells, &cell{id: len(cells), client: c, call: &k})
					}
				}
				run := runCells(ctx, t, e, servers[0], s, cells)
				for _, c := range cells {
					t.Run(c.title+", "+c.call.name, func(t *testing.T) {
						got := run.got[c.id]
						switch {
						case row.runs:
							assert.Equal(t, run.expect(c), got)
							run.checkExchanges(t, c)
							return
						case row.message == "":
							assert.Equal(t, c.expect(e, s, withheldAnswer(e)), got)
						default:
							require.NotEmpty(t, got.Errors)
							assert.Equal(t, permissionDenied, got.Errors[0].Code)
							assert.Equal(t, strings.ReplaceAll(row.message, "{page}", run.page), got.Errors[0].Message)
							assert.Empty(t, got.Messages)
						}
						assert.Empty(t, run.inner.of(c.id), "the handler ran")
					})
				}
			})
		})
	}
}

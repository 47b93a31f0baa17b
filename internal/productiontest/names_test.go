package productiontest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What docs/production.md shows of the page is what the exporter prints.
func TestExporterPrintsTheDocumentedNames(t *testing.T) {
	t.Parallel()
	s := newServer(t, config(nil))
	s.call(3, addItem, evil)
	documented := blocks(t, "text")
	require.Len(t, documented, 1)
	printed := s.page(t)
	for line := range strings.Lines(documented[0]) {
		assert.Contains(t, printed, line)
	}
	assert.Contains(t, documented[0], "corsrpc_decisions_total{")
}

func TestInventedRequestsAddNoLines(t *testing.T) {
	t.Parallel()
	s := newServer(t, config(nil))
	attack := func(n int) {
		for i := range n {
			origin := fmt.Sprintf("https://o%d.example", i)
			s.call(1, fmt.Sprintf("/acme.shop.v1.CartService/M%d", i), origin)
			s.preflight(1, addItem, app, fmt.Sprintf("x-h%d", i))
			if i%10 == 0 {
				s.call(1, fmt.Sprintf("/p%d%s", i, addItem), origin)
				s.send(1, "GET", fmt.Sprintf("/fonts/%d", i), "Origin", origin)
			}
		}
	}
	attack(1)
	before := s.scrape(t)
	attack(100_000)
	assert.Len(t, s.scrape(t), len(before))
	assert.NotContains(t, s.page(t), "overflow")
	assert.NotContains(t, s.page(t), "example")
}

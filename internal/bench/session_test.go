package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// Chromium, Firefox, WebKit. Complete lists make one preflight a procedure, and
// one more where the browser forgets after ten minutes. Lists that answer what
// was asked make one for every combination of header fields; Chromium keeps one
// answer per URL, so that calls with different fields drive each other out.
func TestPreflights(t *testing.T) {
	t.Parallel()
	profiles := []corstest.Profile{corstest.Chromium, corstest.Firefox, corstest.WebKit}
	got := map[string][]int{}
	for _, subject := range Subjects() {
		if subject.Kind != Ours && subject.Kind != Peer {
			continue
		}
		for _, profile := range profiles {
			n, err := Preflights(subject, profile)
			require.NoError(t, err)
			got[subject.Name] = append(got[subject.Name], n)
		}
	}
	assert.Equal(t, map[string][]int{
		"corsrpc":          {3, 3, 6},
		"rs/cors":          {47, 9, 54},
		"go-chi/cors":      {47, 9, 54},
		"gorilla/handlers": {54, 18, 54},
		"gin-contrib/cors": {3, 3, 6},
	}, got)
}

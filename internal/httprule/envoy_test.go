package httprule_test

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// Envoy cannot run here. What its transcoder does with a path is in
// grpc_transcoding/path_matcher.h of grpc-ecosystem/grpc-httpjson-transcoding:
// the path is split as it was sent, the last colon begins a verb if some template
// has that verb, and empty parts at the end are dropped.
func TestMatchAgainstRulesOfEnvoy(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	routed := 0
	for range 100 {
		var bindings []string
		for range 1 + random.IntN(8) {
			bindings = append(bindings, "GET "+randomTemplate(random))
		}
		index, entries := newIndex(t, bindings...), entries(t, bindings...)
		for range 100 {
			target := randomPath(random)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				continue
			}
			found := foundPath(index, bindings, u.Path, u.RawPath)
			for _, binding := range envoyRoutes(entries, target) {
				routed++
				require.True(t, slices.Contains(found, binding) || slices.Contains(found, "~"+binding), "%s for %s, not among %q", binding, target, found)
			}
		}
	}
	assert.Greater(t, routed, 500, "paths must match often enough to tell something")
}

// envoyRoutes returns all that Envoy could choose from.
func envoyRoutes(entries []httprule.Entry, path string) []string {
	var bindings []string
	for _, entry := range entries {
		body, verb := templateParts(entry.Binding.Template)
		parts, rest := strings.Split(path[1:], "/"), path
		if verb != "" {
			colon := strings.LastIndexByte(path, ':')
			if colon < strings.LastIndexByte(path, '/') || path[colon+1:] != verb {
				continue
			}
			rest = path[:colon]
			parts = strings.Split(rest[1:], "/")
		}
		for len(parts) > 0 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
		if envoySegments(body, parts) {
			bindings = append(bindings, entry.Binding.String())
		}
	}
	return bindings
}

func envoySegments(pattern, parts []string) bool {
	switch {
	case len(pattern) == 0:
		return len(parts) == 0
	case pattern[0] == "**":
		for i := range len(parts) + 1 {
			if envoySegments(pattern[1:], parts[i:]) {
				return true
			}
		}
		return false
	case len(parts) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == parts[0]) && envoySegments(pattern[1:], parts[1:])
}

package browsertest

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/library/librarytest"
)

const remake = "run `make browsers` and commit the result"

// The matrix that is committed is of these tests, and all of it passed.
func TestMatrixIsOfTheseTests(t *testing.T) {
	m, err := ReadMatrix("matrix.json")
	require.NoError(t, err)
	assert.Empty(t, m.Failures())
	assert.Equal(t, callNames(), m.Calls, remake)
	assert.Equal(t, settingTitles(), m.Settings, remake)
	libraries, err := clientVersions()
	require.NoError(t, err)
	assert.Equal(t, libraries, m.Clients, remake)
	measured, err := serverVersions()
	require.NoError(t, err)
	for i := range len(measured) - 1 { // Go is the last one
		assert.Equal(t, measured[i], m.Servers[i], remake)
	}

	type key struct{ suite, row, server, setting, engine string }
	passed := map[key]int{}
	for _, r := range m.Results {
		passed[key{r.Suite, r.Row, r.Server, r.Setting, r.Engine}] = r.Passed
	}
	for _, e := range browsers.Engines {
		for _, served := range servers {
			for _, s := range served.settings {
				for _, c := range served.clients {
					k := key{SuiteCalls, c.title, served.name, s.title, e.Name}
					assert.Equal(t, len(calls), passed[k], "%+v: %s", k, remake)
				}
			}
		}
		for _, id := range []string{"google-text", "protobuf-ts-text"} {
			k := key{SuiteText, clientOf(id).title, "", "", e.Name}
			assert.Equal(t, len(textResponses), passed[k], "%+v: %s", k, remake)
		}
		for _, a := range absences {
			assert.Positive(t, passed[key{SuiteNames, a.name, "", "", e.Name}], "%s: %s", a.name, remake)
		}
		refusals := func(engines []*browsers.Engine, row string, checks int) {
			if engines != nil && !slices.Contains(engines, e) {
				checks = 0
			}
			assert.Equal(t, checks, passed[key{SuiteRefusals, row, "", "", e.Name}], "%s: %s", row, remake)
		}
		// Two pages, or the API's own origin, over each transport.
		for _, a := range append(slices.Concat(attacks, prefetches), navigation) {
			refusals(a.engines, a.title(), 2*len(transports))
		}
		for _, a := range credentialed {
			refusals(a.engines, a.titleWithCookies(), 2*len(transports))
		}
		for _, a := range ownPrefetches {
			refusals(a.engines, a.title(), len(transports))
		}
		refusals(nil, linkToDocumentation, 2*len(transports))
		for _, g := range gateways {
			for _, call := range librarytest.Calls {
				// Four pages, over each transport.
				assert.Equal(t, 4*len(transports), passed[key{SuiteBindings, call.Name, g.name, "", e.Name}], "%s: %s", call.Name, remake)
			}
			for _, a := range g.attacks {
				assert.Equal(t, 2*len(transports), passed[key{SuiteBindingAttacks, a.title(), g.name, "", e.Name}], "%s: %s", a.title(), remake)
			}
			for _, l := range links {
				assert.Equal(t, 4*len(transports), passed[key{SuiteLinks, l.name, g.name, "", e.Name}], "%s: %s", l.name, remake)
			}
		}
		for _, u := range uses {
			if u.as == streamedUpload && e != browsers.Chromium {
				continue
			}
			assert.Equal(t, 3, passed[key{SuiteResources, u.as, "", "", e.Name}], "%s: %s", u.as, remake)
		}
	}
}

// What people read is made from the matrix.
func TestDocumentIsMadeFromTheMatrix(t *testing.T) {
	m, err := ReadMatrix("matrix.json")
	require.NoError(t, err)
	document, err := os.ReadFile("../../docs/browsers.md")
	require.NoError(t, err)
	assert.Equal(t, m.Document(), string(document), remake)

	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	updated, err := Insert(string(readme), m.Brief())
	require.NoError(t, err)
	assert.Equal(t, updated, string(readme), remake)
}

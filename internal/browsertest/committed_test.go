package browsertest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	servers, err := serverVersions()
	require.NoError(t, err)
	assert.Equal(t, servers[0], m.Servers[0], remake)

	type key struct{ suite, row, setting, engine string }
	passed := map[key]int{}
	for _, r := range m.Results {
		passed[key{r.Suite, r.Row, r.Setting, r.Engine}] = r.Passed
	}
	for _, e := range Engines {
		for _, s := range settings {
			for _, c := range clients {
				k := key{SuiteCalls, c.title, s.title, e.Name}
				assert.Equal(t, len(calls), passed[k], "%+v: %s", k, remake)
			}
		}
		for _, a := range absences {
			assert.Positive(t, passed[key{SuiteNames, a.name, "", e.Name}], "%s: %s", a.name, remake)
		}
		for _, a := range append(attacks, navigation) {
			assert.Equal(t, 2, passed[key{SuiteRefusals, a.how, "", e.Name}], "%s: %s", a.how, remake)
		}
		for _, u := range uses {
			if u.as == streamedUpload && e != chromium {
				continue
			}
			assert.Equal(t, 3, passed[key{SuiteResources, u.as, "", e.Name}], "%s: %s", u.as, remake)
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

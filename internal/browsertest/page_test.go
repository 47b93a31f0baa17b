package browsertest

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// script returns an engine whose browser is a shell script.
func script(text string) *browsers.Engine {
	return &browsers.Engine{
		Name:        "a script",
		Executables: []string{"sh"},
		Command: func(executable, _ string, _ browsers.Options) (*exec.Cmd, error) {
			return exec.Command(executable, "-c", text), nil
		},
	}
}

func TestReportOfABrowserThatEnds(t *testing.T) {
	t.Parallel()
	b, err := script("echo no display >&2").Open(t.Context(), "http://localhost/", browsers.Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	err = NewPage(nil).Report(b, new(any))
	assert.ErrorContains(t, err, "no display")
}

func TestReportOfAPageThatFails(t *testing.T) {
	t.Parallel()
	b, err := script("sleep 1000").Open(t.Context(), "http://localhost/", browsers.Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	for _, row := range []struct{ posted, err string }{
		{`{"failure": "the page has no client x"}`, "the page failed: the page has no client x"},
		{`{"calls": 1}`, "cannot unmarshal number"},
		{`{`, "unexpected end of JSON input"},
		{`{"calls": []}`, ""},
	} {
		page := NewPage(nil)
		page.GoOn("")
		page.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/report", strings.NewReader(row.posted)))
		var report jobReport
		if err := page.Report(b, &report); row.err == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, row.err)
		}
	}
}

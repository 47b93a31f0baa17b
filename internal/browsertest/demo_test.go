package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page of examples/demo reads everything with corsrpc in every browser, less
// with the lists written by hand, and nothing without CORS.
func TestDemo(t *testing.T) {
	demo := filepath.Join(t.TempDir(), "demo")
	build := exec.Command("go", "build", "-o", demo, "github.com/corsrpc/corsrpc-go/examples/demo")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	forEachEngine(t, func(ctx context.Context, t *testing.T, e *Engine) {
		reports := make(chan []byte, 1)
		collector := listen(t, nil, "127.0.0.1")
		collector.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)); err == nil && r.Method == http.MethodPost {
				select {
				case reports <- report:
				default: // one is enough
				}
			}
		}))
		page := startDemo(ctx, t, demo)
		b, err := e.Open(ctx, page+"/?report="+url.QueryEscape(collector.origin("127.0.0.1")), nil)
		require.NoError(t, err)
		defer func() { assert.NoError(t, b.Close()) }()
		var report []byte
		select {
		case report = <-reports:
		case <-ctx.Done():
			require.FailNow(t, "the page did not report", "%s", b.Output())
		}

		type finding struct {
			Readable bool
			Seen     *string
		}
		var result struct {
			Calls []struct {
				ID, Protocol string
				Expected     []struct {
					Label, Value string
					Found        map[string]finding
				}
			}
		}
		require.NoError(t, json.Unmarshal(report, &result))
		require.NotEmpty(t, result.Calls)
		lost := 0
		for _, call := range result.Calls {
			require.NotEmpty(t, call.Expected)
			for _, expected := range call.Expected {
				what := call.ID + " over " + call.Protocol + ": " + expected.Label
				require.Len(t, expected.Found, 3, what)
				assert.Equal(t, finding{true, &expected.Value}, expected.Found["corsrpc"], what)
				assert.False(t, expected.Found["none"].Readable, what)
				if !expected.Found["handwritten"].Readable {
					lost++
				}
			}
		}
		assert.Positive(t, lost, "the lists written by hand lose nothing, which is not what the demo is about")
	})
}

var pageURL = regexp.MustCompile(`^\s+(http://127\.0\.0\.1:[0-9]+)$`)

// startDemo starts the demo on free ports and returns the URL of its page.
func startDemo(ctx context.Context, t *testing.T, demo string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, demo, "-page=0", "-corsrpc=0", "-handwritten=0", "-none=0")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if found := pageURL.FindStringSubmatch(lines.Text()); found != nil {
			return found[1]
		}
	}
	require.FailNow(t, "the demo did not say where its page is")
	return ""
}

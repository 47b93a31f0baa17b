package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

var pictures = flag.String("pictures", "", "`directory` in which TestPicture leaves demo.png and demo-dark.png")

// TestPicture takes pictures of the page for README.md.
func TestPicture(t *testing.T) {
	if *pictures == "" {
		t.Skip("it tests nothing; -args -pictures DIR takes the pictures")
	}
	browsers.Chromium.Require(t)
	d := &demo{}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	output, input := io.Pipe()
	go func() {
		// The default ports, which people will see too.
		input.CloseWithError(run(ctx, nil, input))
	}()
	d.readOrigins(t, output)

	tab := openTab(ctx, t)
	for scheme, name := range map[string]string{"light": "demo.png", "dark": "demo-dark.png"} {
		const width = 1280
		tab.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{
			"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false,
		}, nil)
		tab.call(t, "Emulation.setEmulatedMedia", map[string]any{
			"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}},
		}, nil)
		tab.call(t, "Page.navigate", map[string]any{"url": d.page}, nil)
		var bottom struct {
			Result           struct{ Value float64 }
			ExceptionDetails any
		}
		tab.call(t, "Runtime.evaluate", map[string]any{"awaitPromise": true, "expression": tableBottomWhenDone}, &bottom)
		require.Nil(t, bottom.ExceptionDetails)
		var shot struct{ Data []byte }
		tab.call(t, "Page.captureScreenshot", map[string]any{
			"captureBeyondViewport": true,
			"clip":                  map[string]any{"x": 0, "y": 0, "width": width, "height": bottom.Result.Value + 20, "scale": 1},
		}, &shot)
		require.NoError(t, os.WriteFile(filepath.Join(*pictures, name), shot.Data, 0o644))
	}
}

// The document may be empty yet when this runs.
const tableBottomWhenDone = `new Promise((resolve) => {
	const check = () => {
		if (document.documentElement?.dataset.state === "done") {
			resolve(Math.ceil(document.querySelector(".results").getBoundingClientRect().bottom));
		}
	};
	new MutationObserver(check).observe(document, { attributes: true, childList: true, subtree: true });
	check();
})`

// A tab is one of Chromium's, driven by the DevTools protocol over pipes:
// messages are JSON and end with NUL.
type tab struct {
	requests io.Writer
	answers  *bufio.Reader
	session  string
	last     int // id of the last request
}

func openTab(ctx context.Context, t *testing.T) *tab {
	t.Helper()
	theirRequests, requests, err := os.Pipe()
	require.NoError(t, err)
	answers, theirAnswers, err := os.Pipe()
	require.NoError(t, err)
	browser, err := browsers.Chromium.Open(ctx, "about:blank", browsers.Options{
		Args:  []string{"--hide-scrollbars", "--remote-debugging-pipe"},
		Files: []*os.File{theirRequests, theirAnswers}, // descriptors 3 and 4, as the pipe wants them
	})
	require.NoError(t, err)
	theirRequests.Close()
	theirAnswers.Close()

	c := &tab{requests: requests, answers: bufio.NewReader(answers)}
	t.Cleanup(func() {
		require.NoError(t, browser.Close())
		requests.Close()
		answers.Close()
	})
	var target struct{ TargetID string }
	c.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	return c
}

// call waits for the answer to a command; events in between are dropped.
func (c *tab) call(t *testing.T, method string, params, result any) {
	t.Helper()
	c.last++
	command := map[string]any{"id": c.last, "method": method, "params": params}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	request, err := json.Marshal(command)
	require.NoError(t, err)
	_, err = c.requests.Write(append(request, 0))
	require.NoError(t, err)
	for {
		message, err := c.answers.ReadBytes(0)
		require.NoError(t, err, method)
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		require.NoError(t, json.Unmarshal(message[:len(message)-1], &answer))
		if answer.ID != c.last {
			continue
		}
		require.Nil(t, answer.Error, fmt.Sprint(method, ": ", answer.Error))
		if result != nil {
			require.NoError(t, json.Unmarshal(answer.Result, result))
		}
		return
	}
}

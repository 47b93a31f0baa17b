package browsers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// DevTools is a tab of Chromium, controlled with the DevTools protocol over pipes:
// messages are JSON and end with NUL. Its methods cannot be called concurrently.
type DevTools struct {
	*Browser
	requests, responses *os.File
	reader              *bufio.Reader
	session             string
	last                int // id of the last request
}

// OpenDevTools starts Chromium with an empty page. The caller must close the
// DevTools. They end when ctx is done, too.
func OpenDevTools(ctx context.Context, options Options) (*DevTools, error) {
	theirRequests, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	responses, theirResponses, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirRequests.Close(), requests.Close())
	}
	options.Args = append([]string{"--hide-scrollbars", "--remote-debugging-pipe"}, options.Args...)
	options.Files = []*os.File{theirRequests, theirResponses} // descriptors 3 and 4, as the pipe wants them
	b, err := Chromium.Open(ctx, "about:blank", options)
	theirRequests.Close()
	theirResponses.Close()
	c := &DevTools{Browser: b, requests: requests, responses: responses, reader: bufio.NewReader(responses)}
	if err != nil {
		c.disconnect()
		return nil, err
	}
	if err := c.attach(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *DevTools) attach() error {
	var target struct{ TargetID string }
	if err := c.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := c.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	c.session = attached.SessionID
	return nil
}

// Call sends a command, waits for its response and decodes it into result, unless
// that is nil. Events in between are dropped.
func (c *DevTools) Call(method string, params, result any) error {
	c.last++
	command := map[string]any{"id": c.last, "method": method, "params": params}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	request, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := c.requests.Write(append(request, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		message, err := c.reader.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		var response struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(message[:len(message)-1], &response); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		switch {
		case response.ID != c.last:
		case response.Error != nil:
			return fmt.Errorf("%s: %s", method, response.Error.Message)
		default:
			return unmarshalTo(result, response.Result)
		}
	}
}

// Navigate loads a page and waits until the response has begun.
func (c *DevTools) Navigate(url string) error {
	var navigated struct{ ErrorText string }
	if err := c.Call("Page.navigate", map[string]any{"url": url}, &navigated); err != nil {
		return err
	}
	if navigated.ErrorText != "" {
		return fmt.Errorf("navigate to %s: %s", url, navigated.ErrorText)
	}
	return nil
}

// Evaluate decodes the value of a JavaScript expression into result, unless that
// is nil. It waits for promises.
func (c *DevTools) Evaluate(expression string, result any) error {
	var evaluated struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	params := map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}
	if err := c.Call("Runtime.evaluate", params, &evaluated); err != nil {
		return err
	}
	if evaluated.ExceptionDetails != nil {
		return fmt.Errorf("evaluate: %s", evaluated.ExceptionDetails)
	}
	return unmarshalTo(result, evaluated.Result.Value)
}

// Press presses and releases keys, one after the other.
func (c *DevTools) Press(keys string) error {
	for _, key := range keys {
		down := map[string]any{"type": "keyDown", "key": string(key), "text": string(key)}
		switch string(key) {
		case KeyTab:
			down = map[string]any{"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
		case KeyEnter:
			down = map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
		}
		if err := c.Call("Input.dispatchKeyEvent", down, nil); err != nil {
			return err
		}
		delete(down, "text")
		down["type"] = "keyUp"
		if err := c.Call("Input.dispatchKeyEvent", down, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *DevTools) disconnect() {
	c.requests.Close()
	c.responses.Close()
}

// Close ends the browser. It can be called twice.
func (c *DevTools) Close() error {
	c.disconnect()
	return c.Browser.Close()
}

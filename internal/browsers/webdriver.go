package browsers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"time"
)

// webDriver is a tab of WebKit, controlled by its WebDriver (W3C), which starts the
// browser in its own process group.
type webDriver struct {
	client  http.Client
	session string // URL
}

// webKitWebDriver is started in place of the browser.
var webKitWebDriver = &Engine{
	Name:        "WebKitWebDriver",
	Packages:    WebKit.Packages,
	Executables: []string{"WebKitWebDriver"},
	Display:     true,
	Command: func(executable, _ string, _ Options) (*exec.Cmd, error) {
		return exec.Command(executable), nil
	},
}

func openWebDriver(ctx context.Context, options Options) (*Browser, driver, error) {
	path, err := WebKit.find()
	if err != nil {
		return nil, nil, err
	}
	browser, err := WebKit.Command(path, "", options)
	if err != nil {
		return nil, nil, err
	}
	args := append(append(browser.Args[1:], "--automation"), options.Args...)
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	b, err := webKitWebDriver.Open(ctx, "", Options{Args: []string{"--port=" + port}})
	if err != nil {
		return nil, nil, err
	}
	d := &webDriver{}
	server := "http://" + net.JoinHostPort("127.0.0.1", port)
	var session struct{ SessionID string }
	err = d.waitUntilReady(b, server)
	if err == nil {
		err = d.call(http.MethodPost, server+"/session", map[string]any{
			"capabilities": map[string]any{"alwaysMatch": map[string]any{
				"webkitgtk:browserOptions": map[string]any{"binary": path, "args": args},
			}},
		}, &session)
	}
	if err != nil {
		return nil, nil, errors.Join(err, b.Close())
	}
	d.session = server + "/session/" + session.SessionID
	return b, d, nil
}

// freePort returns a port that was free a moment ago: WebKitWebDriver does not
// tell which one it got.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

func (d *webDriver) waitUntilReady(b *Browser, server string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := d.call(http.MethodGet, server+"/status", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-b.Done():
			return fmt.Errorf("WebKitWebDriver ended before it was ready: %w; it printed:\n%s", err, b.Output())
		}
	}
}

// call sends a command and decodes the value of its response into result, unless
// that is nil.
func (d *webDriver) call(method, url string, params, result any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var message struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&message); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, message.Value)
	}
	return unmarshalTo(result, message.Value)
}

func (d *webDriver) Navigate(url string) error {
	return d.call(http.MethodPost, d.session+"/url", map[string]any{"url": url}, nil)
}

func (d *webDriver) Evaluate(expression string, result any) error {
	return d.call(http.MethodPost, d.session+"/execute/sync", executeScript(expression), result)
}

func (d *webDriver) Press(keys string) error {
	return d.call(http.MethodPost, d.session+"/actions", keyActions(keys), nil)
}

func (d *webDriver) disconnect() { d.client.CloseIdleConnections() }

// executeScript returns the parameters of WebDriver's Execute Script.
func executeScript(expression string) map[string]any {
	return map[string]any{"script": "return (" + expression + ")", "args": []any{}}
}

// keyActions returns the parameters of WebDriver's Perform Actions.
func keyActions(keys string) map[string]any {
	var actions []any
	for _, key := range keys {
		for _, kind := range []string{"keyDown", "keyUp"} {
			actions = append(actions, map[string]any{"type": kind, "value": string(key)})
		}
	}
	return map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}
}

package browsers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// marionette is a tab of Firefox, controlled with the protocol of its own
// WebDriver: messages are JSON after their length in bytes and a colon.
type marionette struct {
	conn   net.Conn
	reader *bufio.Reader
	last   int // id of the last command
}

func openMarionette(ctx context.Context, options Options) (*Browser, driver, error) {
	options.Args = append([]string{"--marionette"}, options.Args...)
	b, err := Firefox.Open(ctx, "about:blank", options)
	if err != nil {
		return nil, nil, err
	}
	m, err := connectMarionette(b)
	if err != nil {
		return nil, nil, errors.Join(err, b.Close())
	}
	return b, m, nil
}

func connectMarionette(b *Browser) (*marionette, error) {
	// Firefox writes the port that it got when it listens.
	port, err := waitForFile(b, filepath.Join(b.home, "MarionetteActivePort"))
	if err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("the port of Marionette: %w", err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	m := &marionette{conn: conn, reader: bufio.NewReader(conn)}
	if _, err := m.read(); err != nil { // its greeting
		m.disconnect()
		return nil, err
	}
	if err := m.call("WebDriver:NewSession", map[string]any{}, nil); err != nil {
		m.disconnect()
		return nil, err
	}
	return m, nil
}

// waitForFile waits until a file has content, and returns it.
func waitForFile(b *Browser, name string) (string, error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if text := strings.TrimSpace(string(text)); text != "" {
			return text, nil
		}
		select {
		case <-ticker.C:
		case <-b.Done():
			return "", fmt.Errorf("the browser ended before it wrote %s; it printed:\n%s", name, b.Output())
		}
	}
}

func (m *marionette) read() (json.RawMessage, error) {
	length, err := m.reader.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(length, ":"), 10, 24)
	if err != nil {
		return nil, err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(m.reader, message)
	return message, err
}

// call sends a command, waits for its response and decodes it into result, unless
// that is nil.
func (m *marionette) call(name string, params, result any) error {
	m.last++
	const command = 0
	request, err := json.Marshal([]any{command, m.last, name, params})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(request), request); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	message, err := m.read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var response [4]json.RawMessage // type, id, error, result
	if err := json.Unmarshal(message, &response); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if failure := string(response[2]); failure != "null" {
		return fmt.Errorf("%s: %s", name, failure)
	}
	return unmarshalTo(result, response[3])
}

func (m *marionette) Navigate(url string) error {
	return m.call("WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (m *marionette) Evaluate(expression string, result any) error {
	var evaluated struct{ Value json.RawMessage }
	if err := m.call("WebDriver:ExecuteScript", executeScript(expression), &evaluated); err != nil {
		return err
	}
	return unmarshalTo(result, evaluated.Value)
}

func (m *marionette) Press(keys string) error {
	return m.call("WebDriver:PerformActions", keyActions(keys), nil)
}

func (m *marionette) disconnect() { m.conn.Close() }

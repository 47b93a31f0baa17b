package browsers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Tab is a tab that a test controls, for pages that cannot report themselves:
// it loads pages, presses keys, and evaluates scripts in the page. Neither keys nor
// scripts are subject to the page's Content-Security-Policy. Its methods cannot be
// called concurrently, and fail when the browser has ended.
//
// Firefox evaluates scripts in a sandbox. They see the page's document, but not
// the variables of its scripts.
type Tab struct {
	*Browser
	driver
}

// A driver controls a tab in the browser's own protocol.
type driver interface {
	// Navigate loads a page and waits until the response has begun.
	Navigate(url string) error
	// Evaluate decodes the value of a JavaScript expression into result, unless
	// that is nil.
	Evaluate(expression string, result any) error
	// Press presses and releases keys, one after the other: each is a character,
	// or [KeyTab] or [KeyEnter].
	Press(keys string) error
	disconnect()
}

// Keys that are not characters, as WebDriver encodes them.
const (
	KeyTab   = "\uE004"
	KeyEnter = "\uE007"
)

// OpenTab starts the browser with a fresh profile, and an empty page. The caller must
// close the Tab. It ends when ctx is done, too.
func (e *Engine) OpenTab(ctx context.Context, options Options) (*Tab, error) {
	var b *Browser
	var d driver
	var err error
	switch e {
	case Chromium:
		var c *DevTools
		if c, err = OpenDevTools(ctx, options); err == nil {
			b, d = c.Browser, c
		}
	case Firefox:
		b, d, err = openMarionette(ctx, options)
	case WebKit:
		b, d, err = openWebDriver(ctx, options)
	default:
		err = errors.New("this browser has no tabs that a test controls")
	}
	if err != nil {
		return nil, fmt.Errorf("a tab of %s: %w", e.Name, err)
	}
	return &Tab{b, d}, nil
}

// Wait waits until a JavaScript expression is true, in this page or in the next.
func (t *Tab) Wait(expression string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var is bool
		// It fails while one page replaces another.
		err := t.Evaluate("Boolean("+expression+")", &is)
		if is {
			return nil
		}
		select {
		case <-ticker.C:
		case <-t.Done():
			return fmt.Errorf("the browser ended before %s; the last error was %w", expression, err)
		}
	}
}

// Close ends the browser. It can be called twice.
func (t *Tab) Close() error {
	t.driver.disconnect()
	return t.Browser.Close()
}

// unmarshalTo decodes what a script returned, unless nobody wants it.
func unmarshalTo(result any, value json.RawMessage) error {
	if result == nil {
		return nil
	}
	return json.Unmarshal(value, result)
}

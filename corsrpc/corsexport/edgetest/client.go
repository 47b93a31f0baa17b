package edgetest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxHead and maxBody bound what is read of one response.
	maxHead = 256 << 10
	maxBody = 1 << 20
	// maxInformational bounds the 1xx responses before one.
	maxInformational = 8
)

// A client sends requests byte for byte, one after another, over one
// connection at a time.
type client struct {
	edge    *url.URL
	tls     *tls.Config
	timeout time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	conn    net.Conn
	limited *io.LimitedReader
	reader  *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is written any more
		c.conn = nil
	}
}

func (c *client) connect(ctx context.Context) error {
	address := c.edge.Host
	if c.edge.Port() == "" {
		address = net.JoinHostPort(c.edge.Hostname(), map[string]string{"http": "80", "https": "443"}[c.edge.Scheme])
	}
	conn, err := c.dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if c.edge.Scheme == "https" {
		config := &tls.Config{}
		if c.tls != nil {
			config = c.tls.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = c.edge.Hostname()
		}
		config.NextProtos = []string{"http/1.1"}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secured
	}
	c.conn = conn
	c.limited = &io.LimitedReader{R: conn}
	c.reader = bufio.NewReader(c.limited)
	return nil
}

// errNoEdge is the error of an edge that cannot be tried any further.
var errNoEdge = errors.New("the edge cannot be reached")

// send sends a request and reads the response. Where the edge had closed the
// connection before, it sends once more.
func (c *client) send(ctx context.Context, method string, data []byte) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	reused := c.conn != nil
	got, err := c.exchange(ctx, method, data)
	if err != nil && reused && ctx.Err() == nil && isClosed(err) {
		got, err = c.exchange(ctx, method, data)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w: no complete response within %s", errNoEdge, c.timeout)
	}
	return got, err
}

// isClosed reports whether the connection ended before any byte of a response.
func isClosed(err error) bool {
	var sent *unanswered
	return errors.As(err, &sent)
}

// unanswered is the error of a request without any byte of a response.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return "no response: " + u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

func (c *client) exchange(ctx context.Context, method string, data []byte) (_ *response, err error) {
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoEdge, err)
		}
	}
	conn := c.conn
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(data); err != nil {
		return nil, &unanswered{err}
	}
	c.limited.N = maxHead
	if _, err := c.reader.Peek(1); err != nil {
		return nil, &unanswered{err}
	}
	for range maxInformational {
		got, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil {
			if c.limited.N <= 0 {
				return nil, fmt.Errorf("the response's header is longer than %d bytes", maxHead)
			}
			return nil, err
		}
		if got.StatusCode >= 200 || got.StatusCode == http.StatusSwitchingProtocols {
			return c.finish(got)
		}
	}
	return nil, fmt.Errorf("more than %d informational responses", maxInformational)
}

// finish reads the body.
func (c *client) finish(got *http.Response) (*response, error) {
	c.limited.N = 2*maxBody + maxHead // chunks take more than what they carry
	body, err := io.ReadAll(io.LimitReader(got.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("body: %w", err)
	case len(body) > maxBody:
		return nil, fmt.Errorf("the response's body is longer than %d bytes", maxBody)
	}
	if got.Close || got.StatusCode == http.StatusSwitchingProtocols || c.reader.Buffered() > 0 {
		c.close()
	}
	return &response{status: got.StatusCode, header: got.Header, body: body}, nil
}

package corstest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrUnreachable matches the errors of [CheckURL] for a server that does not
// respond to the first request as a server of this URL would: one that is still
// starting, for example.
var ErrUnreachable = errors.New("corstest: the server cannot be reached")

// unreachable is an ErrUnreachable with a text of its own.
type unreachable string

func (u unreachable) Error() string        { return string(u) }
func (u unreachable) Is(target error) bool { return target == ErrUnreachable }

// CheckURL is [Check] of a live server: rawURL is where it is, with the path
// below which its procedures are, such as https://api.example.com/api. It runs
// no procedure either.
//
// It uses HTTP/2 where the server does. A response must begin within ten seconds,
// or the time of [WithResponseTimeout]. Its headers can have 256 KiB, and bodies
// are not read. What the server sends appears in the report in escaped form only.
// [WithTransport] replaces the transport, to trust another certificate for
// example.
//
// The error reports why nothing could be checked, and what to try: a server that
// does not respond, does not speak HTTP or redirects (these match
// [ErrUnreachable]), or has none of the services.
//
// CheckURL sees what every client sees. It does not see what a CDN or a firewall
// does to real browsers, nor what its cache holds.
func CheckURL(ctx context.Context, rawURL, origin string, opts ...CheckOption) (*Report, error) {
	c := newChecker(origin, opts)
	u, err := fetchableURL(rawURL)
	if err != nil {
		return nil, fmt.Errorf("corstest: %w", err)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("corstest: %q: write the URL without a query and a fragment", rawURL)
	}
	c.check.prefix = strings.TrimSuffix(u.EscapedPath(), "/") + c.check.prefix
	c.check.url = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if c.transport == http.DefaultTransport {
		transport := newLiveTransport(c.responseTimeout())
		defer transport.CloseIdleConnections()
		c.transport = transport
	}
	if err := c.prepare(origin); err != nil {
		return nil, fmt.Errorf("corstest: %w", err)
	}
	live := &patience{next: c.throughGateway(c.transport)}
	c.transport = live
	if err := c.reach(ctx); err != nil {
		return nil, fmt.Errorf("corstest: %w", err)
	}
	c.run(ctx, origin)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("corstest: %w", ctx.Err())
	case live.lost() != nil:
		return nil, fmt.Errorf("corstest: %s", explain(c.check.url, live.lost()))
	case len(c.report.Results) == 0 && len(c.report.problems) > 0:
		return nil, fmt.Errorf("corstest: %s: %w", c.check.url+c.check.prefix, errors.Join(c.report.problems...))
	}
	return c.report, nil
}

func (c *checker) responseTimeout() time.Duration {
	if c.check.timeout > 0 {
		return c.check.timeout
	}
	return defaultResponseTimeout
}

// reach sends one request, to explain what would make all others fail.
func (c *checker) reach(ctx context.Context) error {
	target := c.check.url + c.check.prefix + nowhere
	ctx, cancel := context.WithTimeout(ctx, 2*c.responseTimeout())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(""))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", dialects[0].table.UnaryContentType+unknown)
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return unreachable(explain(c.check.url, err))
	}
	defer response.Body.Close()
	const enough = 512
	text, _ := io.ReadAll(io.LimitReader(response.Body, enough))
	location := response.Header.Get("Location")
	switch {
	case isRedirect(response.StatusCode) && location != "":
		return unreachable(fmt.Sprintf("%s redirects to '%s': check the URL where it leads", c.check.url, printable(location)))
	case response.StatusCode == http.StatusBadRequest && request.URL.Scheme == "http" && strings.Contains(string(text), "HTTPS"):
		return unreachable(fmt.Sprintf("%s takes HTTPS alone: try https://%s", c.check.url, request.URL.Host))
	}
	return nil
}

// explain returns what a failure of the transport means, and what to try.
func explain(server string, err error) string {
	var (
		record      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		unknownHost *net.DNSError
		network     net.Error
		operation   *net.OpError
		hostname    x509.HostnameError
	)
	found := printable(err.Error())
	switch {
	case errors.As(err, &record):
		return fmt.Sprintf("%s does not speak TLS: try http:// (%s)", server, found)
	case errors.As(err, &hostname), errors.As(err, &certificate):
		return fmt.Sprintf("%s has a certificate that is not trusted here: use the name that it is for, or trust it (%s)", server, found)
	case errors.As(err, &unknownHost):
		return fmt.Sprintf("%s: there is no such host: check the name (%s)", server, found)
	case errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("%s does not respond in time: check the host, the port and the firewall (%s)", server, found)
	case errors.As(err, &operation) && operation.Op == "dial":
		return fmt.Sprintf("%s: nothing listens there: check the port, and whether the server is running (%s)", server, found)
	case strings.Contains(err.Error(), "response headers exceeded"):
		return fmt.Sprintf("%s sends endless headers (%s)", server, found)
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "malformed MIME"),
		strings.Contains(err.Error(), "HTTP/1.x transport connection broken"),
		strings.Contains(err.Error(), "readLoopPeekFailLocked: %!w(<nil>)"): // it spoke before it was asked
		return fmt.Sprintf("%s does not speak HTTP: check the port (%s)", server, found)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(err.Error(), "server closed idle connection"): // before the request was written
		return fmt.Sprintf("%s closes the connection without an HTTP response: check the port, and whether it wants https:// (%s)", server, found)
	}
	return fmt.Sprintf("%s cannot be reached: %s", server, found)
}

package corstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// defaultResponseTimeout is how long a live server can take to respond, unless
// [WithResponseTimeout] changes it.
const defaultResponseTimeout = 10 * time.Second

// newLiveTransport returns the transport of [CheckURL]. Content codings are the
// browser's.
func newLiveTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true,
	}
}

// patience gives up on a server that stopped responding.
type patience struct {
	next http.RoundTripper

	mu     sync.Mutex
	failed map[string]bool // the URLs that failed, one after the other
	last   error
}

// maxFailures is how many URLs in a row can fail: a single one can be its
// handler's fault.
const maxFailures = 3

// RoundTrip implements [http.RoundTripper].
func (p *patience) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := p.lost(); err != nil {
		return nil, fmt.Errorf("gave up after %d URLs without a response: %w", maxFailures, err)
	}
	response, err := p.next.RoundTrip(req)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.failed = nil
	case !errors.Is(err, context.Canceled):
		if p.failed == nil {
			p.failed = map[string]bool{}
		}
		p.failed[req.URL.Path], p.last = true, err
	}
	return response, err
}

// lost returns why it gave up, if it did.
func (p *patience) lost() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) < maxFailures {
		return nil
	}
	return p.last
}

// throughGateway adds the headers of [WithGatewayHeader] to whatever is sent.
func (c *checker) throughGateway(next http.RoundTripper) http.RoundTripper {
	if len(c.check.gateway) == 0 {
		return next
	}
	return gateway{next, c.check.gateway}
}

type gateway struct {
	next   http.RoundTripper
	header http.Header
}

// RoundTrip implements [http.RoundTripper].
func (g gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	maps.Copy(req.Header, g.header)
	return g.next.RoundTrip(req)
}

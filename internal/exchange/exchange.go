// Package exchange has the cases by which the adapters for Connect are tested:
// who calls, over which protocol, what a handler then does, and which names the
// response must expose. Both versions of Connect are tested by the same cases,
// with the same clients, since both speak the same protocols; where v2's
// responses differ, the case has the reason.
package exchange

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Origins of pages.
const (
	App  = "https://app.example.com"
	Evil = "https://evil.test"
)

// NewPolicy lets the app's page call everything that is not internal.
func NewPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	config.Origins = []string{App}
	config.Audiences = map[string][]string{"storefront": {App}, "backoffice": {App}}
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

// Serve starts a server for HTTP/1.1 and HTTP/2 without TLS.
func Serve(t testing.TB, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// A Response is one as it was on the wire.
type Response struct {
	Status  int
	Header  http.Header
	Body    string
	Trailer http.Header
}

// AccessControl returns the headers of CORS.
func AccessControl(header http.Header) http.Header {
	cors := http.Header{}
	for name, lines := range header {
		if strings.HasPrefix(strings.ToLower(name), "access-control-") {
			cors[name] = lines
		}
	}
	return cors
}

// WithoutCORS returns all the rest of a response, except the time.
func (r Response) WithoutCORS() Response {
	r.Header = r.Header.Clone()
	r.Header.Del("Date")
	for name := range AccessControl(r.Header) {
		r.Header.Del(name)
	}
	return r
}

// A Wire sends requests with the headers in Send, and records the last
// response.
type Wire struct {
	Send     http.Header
	Response Response

	transport *http.Transport
}

// NewWire returns a Wire of one version of HTTP, without TLS.
func NewWire(t testing.TB, http2 bool, send http.Header) *Wire {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	t.Cleanup(transport.CloseIdleConnections)
	return &Wire{Send: send, transport: transport}
}

// Client returns a client whose requests go over the wire.
func (w *Wire) Client() *http.Client { return &http.Client{Transport: w} }

// RoundTrip implements [http.RoundTripper].
func (w *Wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, lines := range w.Send {
		req.Header[name] = lines
	}
	res, err := w.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	w.Response = Response{Status: res.StatusCode, Header: res.Header.Clone(), Body: string(body), Trailer: res.Trailer.Clone()}
	return res, nil
}

// Join returns a header with all lines of these.
func Join(headers ...http.Header) http.Header {
	all := http.Header{}
	for _, header := range headers {
		addAll(all, header)
	}
	return all
}

func addAll(into interface{ Add(name, line string) }, from http.Header) {
	for name, lines := range from {
		for _, line := range lines {
			into.Add(name, line)
		}
	}
}

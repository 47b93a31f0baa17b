package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
)

// tlsConfig returns what --cacert asks for: nil stands for the system's roots.
func (f *flags) tlsConfig() (*tls.Config, error) {
	if f.cacert == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.cacert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--cacert: %s has no certificates in PEM form", f.cacert)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// transport returns one for corstest.CheckURL that trusts config and sends
// header with preflights too. It has the bounds of CheckURL's own.
func (f *flags) transport(config *tls.Config, header http.Header) http.RoundTripper {
	const longestHeaders = 256 << 10
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: f.timeout}).DialContext,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    f.timeout,
		ResponseHeaderTimeout:  f.timeout,
		MaxResponseHeaderBytes: longestHeaders,
		DisableCompression:     true,
	}
	if !f.preflights {
		return transport
	}
	return withPreflights{transport, header}
}

// withPreflights sends a header with preflights, for gateways that demand a
// token of every request, preflights included.
type withPreflights struct {
	next   http.RoundTripper
	header http.Header
}

func (t withPreflights) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodOptions {
		r = r.Clone(r.Context())
		for name, values := range t.header {
			r.Header[name] = values
		}
	}
	return t.next.RoundTrip(r)
}

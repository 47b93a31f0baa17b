package browsertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// A site is a server that is reached by several names for this machine, each of
// which makes another origin of it.
type site struct {
	server *httptest.Server
	port   string
	names  []string
}

// listen returns a site whose origins are known, and which does not serve yet. It
// speaks HTTP/2 if it has an identity to prove with TLS, and HTTP/1.1 otherwise.
func listen(t *testing.T, id *identity, names ...string) *site {
	t.Helper()
	s := &site{server: httptest.NewUnstartedServer(nil), names: names}
	if id != nil {
		s.server.EnableHTTP2 = true
		s.server.TLS = &tls.Config{Certificates: []tls.Certificate{id.pair}}
	}
	_, port, err := net.SplitHostPort(s.server.Listener.Addr().String())
	require.NoError(t, err)
	s.port = port
	t.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

func (s *site) serve(h http.Handler) {
	s.server.Config.Handler = h
	// Browsers break connections off.
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if s.server.TLS != nil {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
}

// host returns the host:port of the site by one of its names.
func (s *site) host(name string) string { return net.JoinHostPort(name, s.port) }

// origin returns the site's origin by one of its names.
func (s *site) origin(name string) string {
	if s.server.TLS != nil {
		return "https://" + s.host(name)
	}
	return "http://" + s.host(name)
}

// An identity is a certificate that no browser knows, and its key.
type identity struct {
	pair tls.Certificate
}

// newIdentity makes one for every name of this machine that the tests use.
func newIdentity(t *testing.T) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "browsertest"},
		DNSNames:     []string{"localhost", "*.localhost", "*.shop.localhost", "*.preview.localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}
}

// trust makes browsers accept the identity at these sites. It is nil for nil.
func (id *identity) trust(sites ...*site) *browsers.Trust {
	if id == nil {
		return nil
	}
	trust := &browsers.Trust{Certificate: id.pair.Leaf}
	for _, s := range sites {
		for _, name := range s.names {
			trust.Hosts = append(trust.Hosts, s.host(name))
		}
	}
	return trust
}

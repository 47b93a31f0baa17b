package grpcweb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
)

// receiveWindow limits what one response can have in memory if a page does not
// read it.
const receiveWindow = 1 << 20

type forwarder struct {
	target    url.URL
	transport http.RoundTripper
}

// NewForwarder returns a handler that forwards gRPC calls to a remote server
// over HTTP/2. Inside [NewHandler] it makes a gateway or a sidecar for pages:
//
//	forward, err := grpcweb.NewForwarder(&url.URL{Scheme: "http", Host: "localhost:50051"}, nil)
//	handler := cors.Wrap(grpcweb.NewHandler(forward, grpcweb.Config{}))
//
// target names the server: scheme http or https, host, and a path if the server
// has its procedures below one. transport must speak HTTP/2. If it is nil, one
// is made: HTTP/2 without TLS for http, with TLS and the system's root
// certificates for https.
//
// Calls keep their metadata, deadline and flow control, and cancellation
// reaches the server. (Over HTTP/1.1 it cannot be noticed while the server does
// not read what the client streams. Browsers do not stream requests there.) The server sees the forwarder as its peer; the client's
// address, host and scheme are in x-forwarded-for, x-forwarded-host and
// x-forwarded-proto, which replace those that the client sent.
//
// If the server cannot be reached or resets a call, the call ends with the
// status that gRPC prescribes for the HTTP/2 error, and at its deadline with
// DEADLINE_EXCEEDED. The status does not say why, since pages can read it: wrap
// the transport to see errors. Responses other than 200 OK are passed on
// unchanged.
//
// The handler is safe for concurrent use.
func NewForwarder(target *url.URL, transport http.RoundTripper) (http.Handler, error) {
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	f := &forwarder{*target, transport}
	f.target.Path = strings.TrimSuffix(target.Path, "/")
	if transport == nil {
		f.transport = newTransport(target.Scheme)
	}
	return f, nil
}

func checkTarget(target *url.URL) error {
	var problem string
	switch {
	case target == nil:
		return errors.New("grpcweb: no target: name the server, such as http://localhost:50051")
	case target.Scheme != "http" && target.Scheme != "https":
		problem = "the scheme must be http or https"
	case target.Hostname() == "":
		problem = "it has no host: write it as http://localhost:50051"
	case target.User != nil:
		problem = "credentials do not belong there: send them as metadata"
	case target.RawQuery != "" || target.ForceQuery || target.Fragment != "":
		problem = "it must end with the path"
	case target.RawPath != "":
		problem = "its path must not have escaped slashes"
	default:
		return nil
	}
	return fmt.Errorf("grpcweb: target %q: %s", target.Redacted(), problem)
}

func newTransport(scheme string) *http.Transport {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		Protocols:           new(http.Protocols),
		HTTP2:               &http.HTTP2Config{MaxReceiveBufferPerStream: receiveWindow},
	}
	transport.Protocols.SetHTTP2(scheme == "https")
	transport.Protocols.SetUnencryptedHTTP2(scheme == "http")
	return transport
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, ok := isGRPC(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "gRPC calls are POST requests", http.StatusMethodNotAllowed)
	case !ok:
		w.Header().Set("Accept-Post", typeGRPC)
		http.Error(w, "this server speaks gRPC and gRPC-Web", http.StatusUnsupportedMediaType)
	case r.ProtoMajor < 2:
		http.Error(w, "gRPC requires HTTP/2", http.StatusHTTPVersionNotSupported)
	case path.Clean(r.URL.Path) != r.URL.Path: // could leave the target's path
		reply(w, r, &failure{codes.Unimplemented, "grpcweb: malformed method name"})
	default:
		f.forward(w, r)
	}
}

// reply sends a status alone.
func reply(w http.ResponseWriter, r *http.Request, f *failure) {
	w.Header()["Content-Type"] = r.Header["Content-Type"]
	setStatus(w.Header(), "", f)
	w.WriteHeader(http.StatusOK)
}

// forward serves a gRPC call.
func (f *forwarder) forward(w http.ResponseWriter, r *http.Request) {
	// A server resets the stream at the deadline, so the client would not learn
	// that it passed.
	ctx, deadline, cancel := withTimeout(r.Context(), r.Header.Get("Grpc-Timeout"))
	defer cancel()
	call := f.request(r, ctx)
	defer call.Body.Close() // the transport can still be reading
	res, err := f.transport.RoundTrip(call)
	if err != nil {
		reply(w, r, forwardFailure(ctx, deadline, err))
		return
	}
	defer res.Body.Close()
	header := w.Header()
	for name, values := range res.Header {
		if !isHopByHop(name) {
			header[name] = append(header[name], values...)
		}
	}
	w.WriteHeader(res.StatusCode)
	if first(res.Header, statusHeader) == "" {
		// Messages can come much later. With a status it is the whole response,
		// and gRPC clients expect its end to come with the header.
		_ = http.NewResponseController(w).Flush()
	}
	if err := copyMessages(w, res.Body); err != io.EOF {
		setStatus(header, http.TrailerPrefix, forwardFailure(ctx, deadline, err))
		return
	}
	for name, values := range res.Trailer {
		header[http.TrailerPrefix+name] = values
	}
}

// request returns the call for the remote server.
func (f *forwarder) request(r *http.Request, ctx context.Context) *http.Request {
	target := f.target
	target.Path += r.URL.Path
	call := &http.Request{
		Method:        http.MethodPost,
		URL:           &target,
		Header:        requestHeader(r.Header, r.Header.Get("Content-Type")),
		Body:          r.Body,
		ContentLength: -1,
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	proto := "http"
	if r.TLS != nil {
		proto = "https"
	}
	call.Header["X-Forwarded-For"] = []string{host}
	call.Header["X-Forwarded-Host"] = []string{r.Host}
	call.Header["X-Forwarded-Proto"] = []string{proto}
	call.Header["Accept-Encoding"] = []string{"identity"} // messages are compressed one by one, if at all
	if call.Header["User-Agent"] == nil {
		call.Header["User-Agent"] = []string{""} // or net/http would send its own
	}
	return call.WithContext(ctx)
}

// copyMessages sends everything as soon as it arrives. It returns the error
// that ended src.
func copyMessages(w http.ResponseWriter, src io.Reader) error {
	buffer := mem.DefaultBufferPool().Get(32 << 10)
	defer mem.DefaultBufferPool().Put(buffer)
	controller := http.NewResponseController(w)
	for {
		n, err := src.Read(*buffer)
		if n > 0 {
			if _, err := w.Write((*buffer)[:n]); err != nil {
				return err
			}
			_ = controller.Flush()
		}
		if err != nil {
			return err
		}
	}
}

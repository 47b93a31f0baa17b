package corstest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A handlerTransport lets a handler serve requests in this process, as a server
// of net/http does over HTTP/2: bodies stream, contexts end with the client, and
// what the handler leaves out is filled in. HTTP trailers are dropped, since pages
// cannot read them.
type handlerTransport struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	w := &handlerResponse{header: http.Header{}, method: req.Method, started: make(chan struct{})}
	w.arrived.L = &w.mu
	served, err := asServed(ctx, req)
	if err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer cancel()
		defer served.Body.Close()
		defer func() {
			if v := recover(); v != nil {
				w.end(fmt.Errorf("the handler panicked: %v", v))
			}
		}()
		t.handler.ServeHTTP(w, served)
		w.end(nil)
	}()
	stop := context.AfterFunc(req.Context(), func() { w.abort(req.Context().Err()) })
	<-w.started
	if err := w.failure(); err != nil {
		stop()
		cancel()
		return nil, err
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode:    w.status,
		Proto:         "HTTP/2.0",
		ProtoMajor:    2,
		Header:        w.sent,
		Body:          &handlerBody{client: req.Context(), resp: w, cancel: cancel, stop: stop},
		ContentLength: -1,
		Request:       req,
	}, nil
}

// asServed returns the request as a handler sees it.
func asServed(ctx context.Context, req *http.Request) (*http.Request, error) {
	served := req.Clone(ctx)
	served.RequestURI = req.URL.RequestURI()
	target, err := url.ParseRequestURI(served.RequestURI)
	if err != nil {
		return nil, err
	}
	served.URL = target
	if served.Host == "" {
		served.Host = req.URL.Host
	}
	served.Proto, served.ProtoMajor, served.ProtoMinor = "HTTP/2.0", 2, 0
	served.RemoteAddr = "192.0.2.1:1234" // documentation's (RFC 5737), as in httptest
	if req.URL.Scheme == "https" {
		served.TLS = &tls.ConnectionState{
			Version:            tls.VersionTLS13,
			HandshakeComplete:  true,
			NegotiatedProtocol: "h2",
			ServerName:         req.URL.Hostname(),
		}
	}
	if served.Body == nil {
		served.Body = http.NoBody
	}
	return served, nil
}

// A handlerResponse is the ResponseWriter. Its body has no bound, so that a
// handler that ends does so whether or not somebody reads.
type handlerResponse struct {
	method  string
	header  http.Header
	started chan struct{} // closed when status and sent are final

	mu      sync.Mutex
	arrived sync.Cond // the body or its end
	status  int
	sent    http.Header // header as it was when the status was written
	flushed bool        // the client has seen status and headers
	body    bytes.Buffer
	ended   bool
	err     error
}

// sendAfter is how much of a body net/http collects before it sends headers.
const sendAfter = 2048

// Header implements [http.ResponseWriter].
func (w *handlerResponse) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *handlerResponse) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *handlerResponse) writeHeader(status int) {
	if w.sent != nil || status < 200 { // interim responses come before the response
		return
	}
	w.status = status
	w.sent = filter(w.header, func(name string) bool { return !strings.HasPrefix(name, http.TrailerPrefix) })
}

// Write implements [http.ResponseWriter].
func (w *handlerResponse) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	switch {
	case w.ended:
		return 0, w.err
	case isNullBody(w.status):
		return 0, http.ErrBodyNotAllowed
	}
	w.body.Write(p)
	if w.body.Len() > sendAfter {
		w.send()
	}
	w.arrived.Broadcast()
	return len(p), nil
}

// Flush implements [http.Flusher].
func (w *handlerResponse) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	w.send()
}

// SetReadDeadline, SetWriteDeadline and EnableFullDuplex serve
// [http.ResponseController]: there is no connection that could be slow, and
// both directions are always open.
func (w *handlerResponse) SetReadDeadline(time.Time) error  { return nil }
func (w *handlerResponse) SetWriteDeadline(time.Time) error { return nil }
func (w *handlerResponse) EnableFullDuplex() error          { return nil }

// send shows status and headers to the client.
func (w *handlerResponse) send() {
	if w.flushed {
		return
	}
	w.flushed = true
	if w.body.Len() > 0 && w.sent.Get("Content-Encoding") == "" && len(w.sent["Content-Type"]) == 0 {
		w.sent.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	close(w.started)
}

// end is the handler's end; err, if any, is its panic.
func (w *handlerResponse) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.ended, w.err = true, io.EOF
	if err != nil {
		w.err = err
	}
	w.writeHeader(http.StatusOK)
	if !w.flushed && err == nil && len(w.sent["Content-Length"]) == 0 && !isNullBody(w.status) &&
		(w.method != http.MethodHead || w.body.Len() > 0) {
		w.sent.Set("Content-Length", strconv.Itoa(w.body.Len()))
	}
	w.send()
	w.arrived.Broadcast()
}

// abort is the client's end.
func (w *handlerResponse) abort(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended && w.err == io.EOF {
		return // the whole response is there
	}
	w.ended, w.err = true, err
	w.body.Reset()
	if !w.flushed {
		w.flushed = true
		close(w.started)
	}
	w.arrived.Broadcast()
}

// failure returns why there is no response, if there is none.
func (w *handlerResponse) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended && w.err != io.EOF {
		return w.err
	}
	return nil
}

// A handlerBody is the client's side of the response's body.
type handlerBody struct {
	client context.Context
	resp   *handlerResponse
	cancel context.CancelFunc
	stop   func() bool
}

// Read implements [io.Reader].
func (b *handlerBody) Read(p []byte) (int, error) {
	w := b.resp
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.method == http.MethodHead { // what was written decided the headers alone
		return 0, io.EOF
	}
	for w.body.Len() == 0 && !w.ended {
		w.arrived.Wait()
	}
	if w.body.Len() > 0 {
		return w.body.Read(p)
	}
	if err := b.client.Err(); err != nil { // whatever the handler made of it
		return 0, err
	}
	return 0, w.err
}

// Close implements [io.Closer]. It ends the handler's context.
func (b *handlerBody) Close() error {
	b.stop()
	b.resp.abort(http.ErrBodyReadAfterClose)
	b.cancel()
	return nil
}

package corstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Client returns the browser as an [http.Client], for connect.NewClient, generated
// clients and whatever else takes one. Calls fail, and headers are missing, as in
// a page. Responses stream, and contexts cancel.
//
// A Go client is not a page, so its requests are translated:
//
//   - Headers that no RPC client for browsers sends are removed: User-Agent,
//     Accept-Encoding, TE, Connect-Accept-Encoding and Grpc-Accept-Encoding.
//     The browser sends its own User-Agent and Accept-Encoding, and decodes the
//     content coding itself. All other forbidden headers are removed as always.
//   - X-Grpc-Web, which every gRPC-Web client for browsers sends and connect-go
//     does not, is added to gRPC-Web requests.
//   - The body of a request is read to its end before anything is sent, since no
//     RPC client for browsers streams requests. So a call that waits for a response
//     before it ends its request, as bidirectional streams can, waits until its
//     context ends. Pages cannot make such calls.
//   - HTTP trailers of responses are removed, since scripts cannot read them. So the
//     gRPC protocol fails, as it does in pages.
//
// The client shares the browser's cookies and caches; it has no timeout.
func (b *Browser) Client() *http.Client {
	return &http.Client{Transport: page{b}}
}

// page makes a browser a transport.
type page struct{ b *Browser }

// RoundTrip implements [http.RoundTripper].
func (p page) RoundTrip(req *http.Request) (*http.Response, error) {
	request := Request{
		Method:      req.Method,
		URL:         req.URL.String(),
		Header:      asPage(req.Header),
		Credentials: p.b.credentials,
		Redirect:    p.b.redirect,
	}
	if req.Body != nil && req.Body != http.NoBody {
		body, err := readBody(req.Context(), req.Body)
		if err != nil {
			return nil, err
		}
		// A script cannot give a GET a body. An empty one counts as none.
		if body != "" || req.Method != http.MethodGet && req.Method != http.MethodHead && req.Method != "" {
			request.Body = strings.NewReader(body)
		}
	}
	response, err := p.b.Fetch(req.Context(), request)
	if err != nil {
		return nil, err
	}
	if response.Type == TypeOpaqueRedirect {
		return nil, errors.New("corstest: the response is a redirect that the page cannot read: do not use RedirectManual with Client")
	}
	header := response.Header
	length := int64(-1)
	if response.decoded {
		header = header.Clone()
		header.Del("Content-Encoding")
		header.Del("Content-Length")
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", response.Status, http.StatusText(response.Status)),
		StatusCode:    response.Status,
		Proto:         fmt.Sprintf("HTTP/%d.%d", response.protoMajor, response.protoMinor),
		ProtoMajor:    response.protoMajor,
		ProtoMinor:    response.protoMinor,
		Header:        header,
		Body:          response.Body,
		ContentLength: length,
		Uncompressed:  response.decoded,
		Request:       req,
	}, nil
}

// asPage returns the headers that an RPC client in a page would set where a Go
// client sets these.
func asPage(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Te", "Connect-Accept-Encoding", "Grpc-Accept-Encoding"} {
		h.Del(name)
	}
	if isGRPCWeb(h.Get("Content-Type")) && h.Get("X-Grpc-Web") == "" {
		h.Set("X-Grpc-Web", "1")
	}
	return h
}

func isGRPCWeb(contentType string) bool {
	return strings.HasPrefix(contentType, "application/grpc-web")
}

// readBody reads a request's body while its context lasts.
func readBody(ctx context.Context, body io.ReadCloser) (string, error) {
	type result struct {
		body string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		defer body.Close()
		b, err := io.ReadAll(body)
		read <- result{string(b), err}
	}()
	select {
	case r := <-read:
		return r.body, r.err
	case <-ctx.Done():
		_ = body.Close()
		return "", fmt.Errorf("corstest: the call ended before its request's body did, and a page sends a whole body before it reads the response: %w", ctx.Err())
	}
}

package corstest

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
)

// acceptEncoding lists the content codings that the browser undoes before a
// page reads a response.
const acceptEncoding = "gzip, deflate"

// decode undoes the content coding of a response (Fetch, "handle content
// codings"). Other codings than those above pass. It reports whether it
// decodes; the headers stay as they were.
func decode(resp *http.Response) (body io.ReadCloser, decoded bool) {
	coding, _ := get(resp.Header, "Content-Encoding")
	var open func(io.Reader) (io.Reader, error)
	switch strings.ToLower(coding) {
	case "gzip", "x-gzip":
		open = func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "deflate":
		open = func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	default:
		return resp.Body, false
	}
	return &decodingBody{coded: resp.Body, open: open}, true
}

// A decodingBody opens its decoder at the first read, so that a response's
// headers do not wait for its body. An empty body is empty, without the
// coding's own header.
type decodingBody struct {
	coded io.ReadCloser
	open  func(io.Reader) (io.Reader, error)
	plain io.Reader
}

func (b *decodingBody) Read(p []byte) (int, error) {
	if b.plain == nil {
		coded := bufio.NewReader(b.coded)
		if _, err := coded.Peek(1); err != nil {
			return 0, err
		}
		plain, err := b.open(coded)
		if err != nil {
			return 0, err
		}
		b.plain = plain
	}
	return b.plain.Read(p)
}

func (b *decodingBody) Close() error { return b.coded.Close() }

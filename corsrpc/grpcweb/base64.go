package grpcweb

import (
	"bytes"
	"encoding/base64"
	"io"
)

// textPiece is how many bytes are encoded at a time. Every piece of a text
// response is padded by itself, which clients accept at any place; a missing
// padding at the end would cost Google's grpc-web the trailers.
const textPiece = 48 << 10

// quantum is the number of base64 characters that stand for three bytes or,
// with padding, for fewer.
const quantum = 4

// A textReader decodes base64 that can consist of several padded pieces, as a
// client makes it that encodes message by message. Like encoding/base64 it
// skips CR and LF.
type textReader struct {
	src     io.Reader
	raw     [4096]byte // of src, without CR and LF
	start   int        // raw[start:end] is not decoded yet
	end     int
	decoded [3072]byte
	ready   []byte // part of decoded
	err     error  // of src, or of the text
}

func (t *textReader) Read(p []byte) (int, error) {
	for len(t.ready) == 0 && !t.decode() {
		if t.err != nil {
			return 0, t.err
		}
		t.fill()
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// decode decodes what is there. It reports whether that was anything.
func (t *textReader) decode() bool {
	text := t.raw[t.start:t.end]
	text = text[:len(text)/quantum*quantum]
	// encoding/base64 expects the end of its input after padding.
	if i := bytes.IndexByte(text, '='); i >= 0 {
		text = text[:i/quantum*quantum+quantum]
	}
	if len(text) == 0 {
		return false
	}
	n, err := base64.StdEncoding.Decode(t.decoded[:], text)
	t.start += len(text)
	if err != nil {
		// What was decoded before the mistake is dropped: the request fails.
		t.start, t.end, t.err = 0, 0, errBadText
		return false
	}
	t.ready = t.decoded[:n]
	return true
}

// fill reads more. Precondition: less than a quantum is there.
func (t *textReader) fill() {
	t.end = copy(t.raw[:], t.raw[t.start:t.end])
	t.start = 0
	n, err := t.src.Read(t.raw[t.end:])
	for _, c := range t.raw[t.end : t.end+n] {
		if c != '\r' && c != '\n' {
			t.raw[t.end] = c
			t.end++
		}
	}
	if err == io.EOF && t.end%quantum != 0 {
		err = errBadText
	}
	t.err = err
}

// appendText appends p as one padded piece of base64.
func appendText(dst, p []byte) []byte {
	return base64.StdEncoding.AppendEncode(dst, p)
}

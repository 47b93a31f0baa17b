package grpcweb

import "encoding/binary"

const (
	// prefixLength is the length of the flags and the length before every
	// message (PROTOCOL-HTTP2.md, "Length-Prefixed-Message").
	prefixLength = 5
	// trailerFlag marks the frame that holds the trailers. Browser clients
	// treat 0x81, a compressed one, as an error.
	trailerFlag = 0x80
)

// A frames follows the frames in a stream of bytes. The zero value is at the
// start of the stream.
type frames struct {
	prefix [prefixLength]byte
	have   int    // bytes of the prefix that were seen
	left   uint32 // bytes of the payload that were not
}

// inside reports whether the stream is in the middle of a frame.
func (f *frames) inside() bool { return f.have > 0 }

// next takes bytes up to the end of the current frame and returns their
// number. It takes at least one byte, if there is one.
func (f *frames) next(p []byte) int {
	n := 0
	if f.have < prefixLength {
		n = copy(f.prefix[f.have:], p)
		f.have += n
		if f.have < prefixLength {
			return n
		}
		f.left = binary.BigEndian.Uint32(f.prefix[1:])
	}
	payload := min(uint64(f.left), uint64(len(p)-n))
	f.left -= uint32(payload)
	if f.left == 0 {
		f.have = 0
	}
	return n + int(payload)
}

// advance takes all bytes of p.
func (f *frames) advance(p []byte) {
	for len(p) > 0 {
		p = p[f.next(p):]
	}
}

// appendTrailerFrame appends the trailers in the form of PROTOCOL-WEB.md: an
// HTTP/1.1 header block without the empty line at its end. Names must be in
// lower case and every line must end in CR LF, or some clients lose the status.
func appendTrailerFrame(dst []byte, trailers []trailer) []byte {
	start := len(dst)
	dst = append(dst, trailerFlag, 0, 0, 0, 0)
	for _, t := range trailers {
		dst = append(dst, t.name...)
		dst = append(dst, ": "...)
		dst = append(dst, t.value...)
		dst = append(dst, "\r\n"...)
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-prefixLength))
	return dst
}

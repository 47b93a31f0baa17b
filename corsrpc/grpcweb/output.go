package grpcweb

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

const (
	// outputSize is how many bytes of a response are collected at most.
	outputSize = 64 << 10
	// smallBuffer is the size beyond which a buffer is borrowed from a pool while
	// it is needed, so that idle streams stay small.
	smallBuffer = 4 << 10
)

// A delivery says when messages are sent.
type delivery uint8

const (
	// held: at the end, together with the trailers, since the client waits for
	// both. Larger messages go out as they come.
	held delivery = iota
	// batched: as soon as the connection takes them. What becomes ready while
	// it does not goes out together: a flush costs more than most messages.
	batched
	// direct: whenever next flushes.
	direct
)

func deliveryOf(m method) delivery {
	switch {
	case !m.known:
		return direct
	case m.serverStreams:
		return batched
	default:
		return held
	}
}

// An output sends the body of a response, and its header before it. The
// methods are called by next's goroutines, one at a time.
type output struct {
	w        http.ResponseWriter
	request  *body
	text     bool
	delivery delivery
	complete bool   // whether the response was sent with its Content-Length
	room     int    // how many bytes buf takes
	buf      []byte // what was written and not handed on yet
	err      error  // of the connection
	sender   sender // of a batched response

	// While the sender runs, these are its own.
	started bool   // whether the header was sent
	encoded []byte // base64 of what is being sent
}

var errAborted = errors.New("grpcweb: the response was given up")

func (o *output) init(w http.ResponseWriter, request *body, text bool, delivery delivery) {
	o.w, o.request, o.text, o.delivery, o.room = w, request, text, delivery, outputSize
	if delivery == batched {
		o.room = smallBuffer
		o.sender.init(o)
	}
}

// write takes no lock unless the buffer is full: grpc-go calls it twice for each
// message.
func (o *output) write(p []byte) (int, error) {
	if len(o.buf)+len(p) <= o.room && o.err == nil {
		o.buf = append(grow(o.buf, len(p)), p...)
		return len(p), nil
	}
	if o.delivery == batched {
		o.handOn(false)
		if o.err == nil {
			o.err = o.sender.put(p, false)
		}
	} else {
		o.writeThrough(p)
	}
	if o.err != nil {
		return 0, o.err
	}
	return len(p), nil
}

// handOn gives the sender what is in the buffer.
func (o *output) handOn(flush bool) {
	if err := o.sender.put(o.buf, flush); err != nil {
		o.err = err
	}
	o.buf = o.buf[:0]
}

// writeThrough adds p to the buffer, and sends the buffer when it is full.
func (o *output) writeThrough(p []byte) {
	for len(p) > 0 && o.err == nil {
		if len(o.buf) == 0 && len(p) >= outputSize {
			o.send(p)
			return
		}
		n := min(len(p), outputSize-len(o.buf))
		o.buf = append(grow(o.buf, n), p[:n]...)
		if p = p[n:]; len(p) > 0 {
			o.sendBuffer()
		}
	}
}

func (o *output) flush() {
	switch o.delivery {
	case batched:
		o.handOn(true)
	case direct:
		if o.err == nil && (len(o.buf) > 0 || !o.started) {
			o.sendBuffer()
			o.flushConnection()
		}
	}
}

// start sends the header.
func (o *output) start() {
	if !o.started {
		o.started = true
		o.request.endConnection(o.w.Header())
		o.w.WriteHeader(http.StatusOK)
	}
}

// send sends p. Precondition: the sender does not run.
func (o *output) send(p []byte) {
	o.start()
	if err := o.writeOut(p); err != nil && o.err == nil {
		o.err = err
	}
}

func (o *output) sendBuffer() {
	o.send(o.buf)
	o.buf = recycle(o.buf)
}

// writeOut writes p in the form of the response.
func (o *output) writeOut(p []byte) error {
	if !o.text {
		if len(p) == 0 {
			return nil
		}
		_, err := o.w.Write(p)
		return err
	}
	for len(p) > 0 {
		piece := p[:min(len(p), textPiece)]
		p = p[len(piece):]
		o.encoded = appendText(grow(o.encoded[:0], base64.StdEncoding.EncodedLen(len(piece))), piece)
		if _, err := o.w.Write(o.encoded); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) flushConnection() { _ = http.NewResponseController(o.w).Flush() }

// dropMessages drops what was not sent. It reports whether nothing was, so that
// the client does not see a part of a message.
func (o *output) dropMessages() bool {
	o.takeBack()
	if o.started {
		return false
	}
	o.buf = recycle(o.buf)
	return true
}

// finish sends the rest of the response and the trailers, if there are any to
// follow. A small response has its length, so that it is complete even before
// the handler returns.
func (o *output) finish(trailers []trailer) {
	o.takeBack()
	if o.err != nil {
		return
	}
	if trailers != nil {
		o.buf = appendTrailerFrame(o.buf, trailers)
	}
	if !o.started {
		o.request.settle()
		length := len(o.buf)
		if o.text {
			length = textLength(length)
		}
		o.w.Header()["Content-Length"] = []string{strconv.Itoa(length)}
		o.complete = true
	}
	o.sendBuffer()
	o.encoded = recycle(o.encoded)
}

// takeBack ends the sender and takes what it has not sent.
func (o *output) takeBack() {
	if o.delivery != batched {
		return
	}
	ready, err := o.sender.end()
	if err != nil {
		o.err = err
	}
	if len(ready) > 0 {
		o.buf = append(ready, o.buf...)
	}
}

// textLength returns how long n bytes are as pieces of base64.
func textLength(n int) int {
	return n/textPiece*base64.StdEncoding.EncodedLen(textPiece) + base64.StdEncoding.EncodedLen(n%textPiece)
}

// abort ends the response at once, even if the client does not read.
func (o *output) abort() {
	if o.delivery == batched {
		o.sender.abort()
	}
}

// large has buffers of outputSize.
var large = sync.Pool{New: func() any { return new([outputSize]byte) }}

// grow returns b with room for n bytes more.
func grow(b []byte, n int) []byte {
	switch size := len(b) + n; {
	case size <= cap(b):
		return b
	case size <= smallBuffer:
		return append(make([]byte, 0, max(512, 2*cap(b), size)), b...)
	case size <= outputSize:
		return append(large.Get().(*[outputSize]byte)[:0], b...)
	default:
		return slices.Grow(b, n)
	}
}

// recycle returns b emptied, or nil if b came from the pool and went back to it.
func recycle(b []byte) []byte {
	if cap(b) != outputSize {
		return b[:0]
	}
	large.Put((*[outputSize]byte)(b[:outputSize]))
	return nil
}

package grpcweb

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// outputSize is how many bytes of a response are collected at most.
const outputSize = 64 << 10

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
	complete bool // whether the response was sent with its Content-Length

	mu       sync.Mutex // of what follows
	idle     sync.Cond  // signalled when sending becomes false or buf empty
	buf      []byte     // what is not sent yet
	spare    []byte     // the other buffer, while none is being sent
	encoded  []byte     // base64 of what is being sent
	started  bool       // whether the header was sent
	sending  bool       // whether a goroutine sends
	err      error      // of the connection
	panicked any        // by the connection's Write
}

var errAborted = errors.New("grpcweb: the response was given up")

func (o *output) init(w http.ResponseWriter, request *body, text bool, delivery delivery) {
	o.w, o.request, o.text, o.delivery = w, request, text, delivery
	o.idle.L = &o.mu
}

func (o *output) write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0 && o.err == nil; {
		if len(o.buf) == 0 && len(rest) >= outputSize && o.delivery != batched {
			o.send(rest)
			break
		}
		if o.buf == nil {
			o.buf = make([]byte, 0, 512)
		}
		n := min(len(rest), outputSize-len(o.buf))
		o.buf = append(o.buf, rest[:n]...)
		if rest = rest[n:]; len(rest) > 0 {
			o.makeRoom()
		}
	}
	if o.err != nil {
		return 0, o.err
	}
	return len(p), nil
}

// makeRoom empties the buffer. Precondition: mu is held.
func (o *output) makeRoom() {
	if o.delivery != batched {
		o.sendBuffer()
		return
	}
	o.startSending()
	for len(o.buf) > 0 && o.err == nil {
		o.idle.Wait()
	}
}

func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch o.delivery {
	case batched:
		o.startSending()
	case direct:
		if len(o.buf) > 0 || !o.started {
			o.sendBuffer()
			o.flushConnection()
		}
	}
}

// startSending makes sure that a goroutine sends the buffer. Precondition: mu
// is held.
func (o *output) startSending() {
	if o.sending || o.started && len(o.buf) == 0 {
		return
	}
	o.sending = true
	go o.sendReady()
}

// sendReady sends what is ready until nothing is left.
func (o *output) sendReady() {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() {
		if p := recover(); p != nil { // in a goroutine of ours it would end the process
			o.panicked, o.err = p, errAborted
		}
		o.sending = false
		o.idle.Broadcast()
	}()
	for o.err == nil && (len(o.buf) > 0 || !o.started) {
		ready := o.buf
		o.buf, o.spare = o.spare[:0], nil
		o.idle.Broadcast()
		o.unlocked(func() error {
			o.start()
			err := o.writeOut(ready)
			o.flushConnection()
			return err
		})
		o.spare = ready
	}
}

// unlocked calls write without mu, so that next can go on.
func (o *output) unlocked(write func() error) {
	o.mu.Unlock()
	var err error
	defer func() {
		o.mu.Lock()
		if err != nil && o.err == nil {
			o.err = err
		}
	}()
	err = write()
}

// start sends the header.
func (o *output) start() {
	if !o.started {
		o.started = true
		o.request.endConnection(o.w.Header())
		o.w.WriteHeader(http.StatusOK)
	}
}

// send sends p. Precondition: mu is held, and no goroutine sends.
func (o *output) send(p []byte) {
	o.start()
	if err := o.writeOut(p); err != nil && o.err == nil {
		o.err = err
	}
}

func (o *output) sendBuffer() {
	o.send(o.buf)
	o.buf = o.buf[:0]
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
		o.encoded = appendText(o.encoded[:0], piece)
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
	o.wait()
	if o.started {
		return false
	}
	o.buf = o.buf[:0]
	return true
}

// finish sends the rest of the response and the trailers, if there are any to
// follow. A small response has its length, so that it is complete even before
// the handler returns.
func (o *output) finish(trailers []trailer) {
	o.wait()
	o.mu.Lock()
	defer o.mu.Unlock()
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
}

// textLength returns how long n bytes are as pieces of base64.
func textLength(n int) int {
	return n/textPiece*base64.StdEncoding.EncodedLen(textPiece) + base64.StdEncoding.EncodedLen(n%textPiece)
}

// wait waits until no goroutine sends.
func (o *output) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.sending {
		o.idle.Wait()
	}
	if o.panicked != nil {
		panic(o.panicked)
	}
}

// abort ends the response at once, even if the client does not read.
func (o *output) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errAborted
	o.idle.Broadcast()
	if o.sending {
		_ = http.NewResponseController(o.w).SetWriteDeadline(time.Unix(1, 0))
	}
	for o.sending {
		o.idle.Wait()
	}
}

package grpcweb

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

const (
	// readAheadLimit is the size up to which the one message of a unary or
	// server-streaming call is read before next is called: next then reads from
	// memory, and mistakes are found before it runs.
	readAheadLimit = 32 << 10
	// readAheadUnknown is that size where the client does not announce one.
	readAheadUnknown = 4 << 10
	// maxSettle is how much of an unread request is received before the
	// response. net/http's own limit is the same.
	maxSettle = 256 << 10
)

// A body is a request's messages as next reads them: without base64, checked
// for whole frames, and limited.
type body struct {
	src    io.Reader // of messages
	wire   endReader // the request's body
	length int64     // as the client announced it; negative if it did not
	single bool      // exactly one message belongs into the request
	limit  int64     // of bytes; negative for none

	frames frames
	count  int64 // bytes that were read
	whole  bool  // whether one has ended

	mu     sync.Mutex // of what follows: some servers read while or after they return
	ahead  []byte     // of the messages, read before next is called
	buffer *[]byte    // of ahead, from the pool
	end    error      // what follows after ahead; nil if there is more in src
	closed bool

	pump   *pump                   // nil if nothing has to be pumped
	ended  atomic.Bool             // whether the client has sent everything, for HTTP/1.1
	failed atomic.Pointer[failure] // why next's reads failed
}

var errBodyClosed = errors.New("grpcweb: read of the request body after Close") // as net/http has it

// init makes b the body for next.
func (b *body) init(r *http.Request, m mediaType, shape method, limit int64) {
	b.length, b.single, b.limit = r.ContentLength, !shape.clientStreams, limit
	if b.single {
		b.limit = -1
	}
	b.wire = endReader{r.Body, &b.ended}
	var text *textReader
	if b.src = &b.wire; m.text {
		text = &textReader{src: &b.wire}
		b.src = text
	}
	if b.single {
		b.readAhead()
	}
	if r.ProtoMajor != 1 || b.ended.Load() || r.Body == http.NoBody {
		b.ended.Store(true)
		return
	}
	b.pump = startPump(&b.wire)
	if text != nil {
		text.src = b.pump
	} else {
		b.src = b.pump
	}
}

// readAhead reads the message if it is small, to the end of the body: before
// that, net/http does not notice over HTTP/1.1 that a client went away.
func (b *body) readAhead() {
	size := int64(readAheadUnknown)
	if b.length >= 0 {
		size = b.length + 1 // and the end
	}
	if size > readAheadLimit {
		return
	}
	b.buffer = mem.DefaultBufferPool().Get(int(size))
	buffer := (*b.buffer)[:size]
	n := 0
	for n < len(buffer) && b.end == nil {
		var read int
		read, b.end = b.readMessages(buffer[n:])
		n += read
	}
	b.ahead = buffer[:n]
}

// failure returns why the request failed before next was called, if it did.
func (b *body) failure() *failure {
	if b.end == nil || b.end == io.EOF {
		return nil
	}
	return asFailure(b.end)
}

func (b *body) Read(p []byte) (int, error) {
	if n, err := b.readFromMemory(p); n > 0 || err != nil || len(p) == 0 {
		return n, err
	}
	n, err := b.readMessages(p)
	if err != nil {
		if err != io.EOF {
			b.failed.Store(asFailure(err))
		}
		b.mu.Lock()
		b.end = err
		b.mu.Unlock()
	}
	return n, err
}

// readFromMemory returns nothing if there is more in src alone.
func (b *body) readFromMemory(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errBodyClosed
	}
	n := copy(p, b.ahead)
	b.ahead = b.ahead[n:]
	if len(b.ahead) > 0 {
		return n, nil
	}
	return n, b.end
}

// readMessages reads from src.
func (b *body) readMessages(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.single {
		if taken := b.takeOne(p[:n]); taken < n {
			return taken, errMessages
		}
	} else {
		b.frames.advance(p[:n])
	}
	b.count += int64(n)
	if b.limit >= 0 && b.count > b.limit {
		return 0, errRequestLimit(b.limit)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		switch {
		case b.frames.inside():
			err = errTruncated
		case b.single && !b.whole:
			err = errNoMessage
		}
	}
	if err != nil {
		err = readFailure(err)
	}
	return n, err
}

// takeOne takes what belongs to the first message and returns its length.
func (b *body) takeOne(p []byte) int {
	n := 0
	for n < len(p) && !b.whole {
		n += b.frames.next(p[n:])
		b.whole = !b.frames.inside()
	}
	return n
}

// settle receives the rest of a small request before its response is sent, so
// that the connection can be used again. A client that announces a length does
// not wait for a response before it has sent that much. Precondition: Close was
// called.
func (b *body) settle() {
	if b.pump != nil && 0 <= b.length && b.length <= maxSettle {
		<-b.pump.done
	}
}

// endConnection announces the end of an HTTP/1.1 connection whose client has
// not sent everything yet. Without that, net/http would receive and throw away
// the rest of the request before it sends the header, and with it the messages
// that next has not read.
func (b *body) endConnection(header http.Header) {
	if !b.ended.Load() {
		header["Connection"] = []string{"close"}
	}
}

// Close ends reads, also one that goes on in another goroutine.
func (b *body) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	if b.buffer != nil {
		mem.DefaultBufferPool().Put(b.buffer)
		b.buffer, b.ahead = nil, nil
	}
	b.mu.Unlock()
	if b.pump != nil {
		return b.pump.Close()
	}
	return b.wire.src.Close()
}

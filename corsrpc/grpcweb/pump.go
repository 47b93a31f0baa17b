package grpcweb

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/mem"
)

const (
	// maxDrain is how much of an unread request body is received after the
	// response. HTTP/1.1 clients that read the response only after they have
	// sent the request would get a connection reset in its place.
	maxDrain = 64 << 20
	// drainPause is how long a client can pause then if it can be waiting for the
	// end of the response, which comes when the handler returns.
	drainPause = 2 * time.Second
)

// A pump reads the body of an HTTP/1.1 request in a goroutine of its own.
//
// net/http cannot close such a body during a Read. Without a pump, a call that
// fails early would wait for a client that still has something to send. (A read
// deadline in the past ends the Read, but also a later call on the connection.)
type pump struct {
	*io.PipeReader
	body   io.Reader
	extend atomic.Pointer[func()] // extends the read deadline, once there is one
	done   chan struct{}          // closed when the goroutine ends
}

func startPump(body io.Reader) *pump {
	reader, writer := io.Pipe()
	p := &pump{PipeReader: reader, body: body, done: make(chan struct{})}
	go p.run(writer)
	return p
}

func (p *pump) run(writer *io.PipeWriter) {
	defer close(p.done)
	buffer := mem.DefaultBufferPool().Get(32 << 10)
	defer mem.DefaultBufferPool().Put(buffer)
	_, err := io.CopyBuffer(writer, p.body, *buffer)
	if err == io.ErrClosedPipe { // next wants no more
		_, err = io.CopyN(io.Discard, draining{p}, maxDrain)
	}
	_ = writer.CloseWithError(err) // nil means io.EOF
}

// drain receives the rest of the body after the response was sent to w. It
// returns when the client has sent everything or maxDrain, has gone away, or, if
// it waits for the end of the response, has paused. Precondition: Close was
// called.
func (p *pump) drain(w http.ResponseWriter, clientWaits bool) {
	controller := http.NewResponseController(w)
	_ = controller.Flush()
	if clientWaits {
		extend := func() { _ = controller.SetReadDeadline(time.Now().Add(drainPause)) }
		p.extend.Store(&extend)
		if err := controller.SetReadDeadline(time.Now().Add(drainPause)); err != nil {
			return // net/http goes on, and cuts the connection
		}
	}
	<-p.done
}

// draining is the body of a pump whose drain can have set a read deadline. The
// connection is not used again, so that the deadline does no harm.
type draining struct{ *pump }

func (d draining) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	if extend := d.extend.Load(); extend != nil && err == nil {
		(*extend)()
	}
	return n, err
}

// An endReader sets ended at the end of src, before its reader learns of it.
type endReader struct {
	src   io.ReadCloser
	ended *atomic.Bool
}

func (r *endReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if err == io.EOF {
		r.ended.Store(true)
	}
	return n, err
}

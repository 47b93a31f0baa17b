package corsrpc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A fullWriter has every optional interface, and notes what is called.
type fullWriter struct {
	*httptest.ResponseRecorder
	called []string
}

func (w *fullWriter) note(name string) { w.called = append(w.called, name) }

func (w *fullWriter) Write(p []byte) (int, error) { w.note("Write"); return len(p), nil }
func (w *fullWriter) WriteHeader(int)             { w.note("WriteHeader") }
func (w *fullWriter) Flush()                      { w.note("Flush") }
func (w *fullWriter) FlushError() error           { w.note("FlushError"); return nil }
func (w *fullWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.note("Hijack")
	return nil, nil, nil
}
func (w *fullWriter) ReadFrom(io.Reader) (int64, error)    { w.note("ReadFrom"); return 0, nil }
func (w *fullWriter) WriteString(s string) (int, error)    { w.note("WriteString"); return len(s), nil }
func (w *fullWriter) Push(string, *http.PushOptions) error { w.note("Push"); return nil }
func (w *fullWriter) CloseNotify() <-chan bool             { w.note("CloseNotify"); return nil }

// A plainWriter has no optional interface.
type plainWriter struct{ http.ResponseWriter }

// interfacesOf returns the optional interfaces of a writer, each with a call of
// its method.
func interfacesOf(w http.ResponseWriter) (kind writerKind, calls []func()) {
	add := func(k writerKind, call func()) {
		kind |= k
		calls = append(calls, call)
	}
	if w, ok := w.(http.Flusher); ok {
		add(kindFlusher, w.Flush)
	}
	if w, ok := w.(flushErrorer); ok {
		add(kindFlushErrorer, func() { _ = w.FlushError() })
	}
	if w, ok := w.(http.Hijacker); ok {
		add(kindHijacker, func() { _, _, _ = w.Hijack() })
	}
	if w, ok := w.(io.ReaderFrom); ok {
		add(kindReaderFrom, func() { _, _ = w.ReadFrom(strings.NewReader("")) })
	}
	if w, ok := w.(io.StringWriter); ok {
		add(kindStringWriter, func() { _, _ = w.WriteString("") })
	}
	if w, ok := w.(http.Pusher); ok {
		add(kindPusher, func() { _ = w.Push("/", nil) })
	}
	//lint:ignore SA1019 handlers still ask for it
	if w, ok := w.(http.CloseNotifier); ok {
		add(kindCloseNotifier, func() { w.CloseNotify() })
	}
	return kind, calls
}

// For each of the 128 sets of optional interfaces, the writer has the set of
// the writer below, and calls of their methods arrive there.
func TestVaryWriterHasTheInterfacesOfTheWriterBelow(t *testing.T) {
	e := newEntry(closedRule(), zeroIndex.closed.Server)
	for kind := range writerKind(1 << 7) {
		t.Run(fmt.Sprintf("%07b", kind), func(t *testing.T) {
			// A kind of writer is itself a writer of that kind.
			below, _ := kind.wrap(varyWriter{below: plainWriter{httptest.NewRecorder()}, entry: e})
			got, _ := interfacesOf(below)
			assert.Equal(t, kind, got, "of the kind")
			w, _ := newVaryWriter(below, e, "")
			got, _ = interfacesOf(w)
			assert.Equal(t, kind, got, "of the writer")
			assert.Equal(t, 1.0, testing.AllocsPerRun(10, func() { newVaryWriter(below, e, "") }), "allocations")

			full := &fullWriter{ResponseRecorder: httptest.NewRecorder()}
			below, _ = kind.wrap(varyWriter{below: full, entry: e})
			w, _ = newVaryWriter(below, e, "")
			_, wanted := interfacesOf(below)
			for _, call := range wanted {
				call()
			}
			want := full.called
			full.called = nil
			got, calls := interfacesOf(w)
			// FlushError stands in for a writer further down.
			assert.Equal(t, kind, got&^kindFlushErrorer|kind&kindFlushErrorer)
			for _, call := range calls {
				call()
			}
			if kind&kindFlusher == 0 && kind&kindFlushErrorer == 0 {
				assert.Contains(t, full.called, "FlushError")
				want = append([]string{"FlushError"}, want...)
			}
			assert.Equal(t, want, full.called)
		})
	}
}

// http.ResponseController goes down by Unwrap until it can flush, and must not
// pass the writer.
func TestVaryWriterIsNotPassedByResponseController(t *testing.T) {
	e := newEntry(closedRule(), zeroIndex.closed.Server)
	full := &fullWriter{ResponseRecorder: httptest.NewRecorder()}
	w, _ := newVaryWriter(unwrapping{plainWriter{full}, full}, e, "")
	assert.NoError(t, http.NewResponseController(w).Flush())
	assert.Equal(t, []string{"FlushError"}, full.called)
	assert.Equal(t, []string{"Origin"}, full.Header()["Vary"])

	plain := plainWriter{httptest.NewRecorder()}
	w, _ = newVaryWriter(unwrapping{plain, plain}, e, "")
	assert.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
}

// An unwrapping writer has no optional interface itself.
type unwrapping struct {
	plainWriter
	below http.ResponseWriter
}

func (w unwrapping) Unwrap() http.ResponseWriter { return w.below }

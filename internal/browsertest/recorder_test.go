package browsertest

import (
	"context"
	"net/http"
	"sync"
)

// An exchange is a request and the status of its answer.
type exchange struct {
	method, proto, path string
	header              http.Header // of the request
	status              int         // 0: none
}

// A recorder notes what passes on its way to a handler.
type recorder struct {
	mu      sync.Mutex
	changed *sync.Cond
	notes   map[int][]*exchange // by cell
}

func newRecorder() *recorder {
	rec := &recorder{notes: map[int][]*exchange{}}
	rec.changed = sync.NewCond(&rec.mu)
	return rec
}

// of returns the exchanges of one cell, in order.
func (rec *recorder) of(cell int) []exchange {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.list(cell)
}

func (rec *recorder) list(cell int) []exchange {
	var list []exchange
	for _, e := range rec.notes[cell] {
		list = append(list, *e)
	}
	return list
}

// wait returns the exchanges of one cell as soon as one has been answered, or
// ctx is done.
func (rec *recorder) wait(ctx context.Context, cell int) []exchange {
	stop := context.AfterFunc(ctx, func() {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.changed.Broadcast()
	})
	defer stop()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for {
		list := rec.list(cell)
		if len(list) > 0 && list[0].status != 0 || ctx.Err() != nil {
			return list
		}
		rec.changed.Wait()
	}
}

// note returns a handler that notes what passes.
func (rec *recorder) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{method: r.Method, proto: r.Proto, path: r.URL.Path, header: r.Header.Clone()}
		cell := cellOf(r)
		rec.mu.Lock()
		rec.notes[cell] = append(rec.notes[cell], e)
		rec.mu.Unlock()
		next.ServeHTTP(&answerWriter{ResponseWriter: w, onHeader: func(status int, _ http.Header) {
			rec.mu.Lock()
			defer rec.mu.Unlock()
			e.status = status
			rec.changed.Broadcast()
		}}, r)
	})
}

// An answerWriter tells of the header of an answer before it is sent.
type answerWriter struct {
	http.ResponseWriter
	onHeader func(status int, header http.Header)
	told     bool
}

func (w *answerWriter) WriteHeader(status int) {
	if !w.told {
		w.told = true
		w.onHeader(status, w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Flush is what connect-go asks of streams.
func (w *answerWriter) Flush() {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

// Unwrap lets an http.ResponseController change what net/http does.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

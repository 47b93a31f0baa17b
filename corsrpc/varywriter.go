package corsrpc

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// A varyWriter makes one line of the Vary of a response, with Origin in it,
// when the header is written. Some caches honor only the last line: nginx
// before 1.23 then serves one origin's response to all.
//
// Its kinds, in varywriter_kinds.go, have the optional interfaces of the writer
// below.
type varyWriter struct {
	below   http.ResponseWriter
	entry   *entry
	origin  string // that the response permits, or ""
	written bool
	// informed means that a 1xx response was written. httputil.ReverseProxy
	// clears the header after it.
	informed bool
}

// newVaryWriter returns a writer around below for a handler, and the part of it
// whose finish method must be called when the handler has returned.
func newVaryWriter(below http.ResponseWriter, e *entry, origin string) (http.ResponseWriter, *varyWriter) {
	var kind writerKind
	if _, ok := below.(http.Flusher); ok {
		kind |= kindFlusher
	}
	if _, ok := below.(flushErrorer); ok || kind&kindFlusher == 0 && flushesFurtherDown(below) {
		kind |= kindFlushErrorer
	}
	if _, ok := below.(http.Hijacker); ok {
		kind |= kindHijacker
	}
	if _, ok := below.(io.ReaderFrom); ok {
		kind |= kindReaderFrom
	}
	if _, ok := below.(io.StringWriter); ok {
		kind |= kindStringWriter
	}
	if _, ok := below.(http.Pusher); ok {
		kind |= kindPusher
	}
	//lint:ignore SA1019 handlers still ask for it
	if _, ok := below.(http.CloseNotifier); ok {
		kind |= kindCloseNotifier
	}
	return kind.wrap(varyWriter{below: below, entry: e, origin: origin})
}

type flushErrorer interface{ FlushError() error }

// flushesFurtherDown reports whether an http.ResponseController would find a
// way to flush below the writer, and so past ours if it did not have one.
func flushesFurtherDown(w http.ResponseWriter) bool {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
		switch w.(type) {
		case http.Flusher, flushErrorer:
			return true
		}
	}
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *varyWriter) Unwrap() http.ResponseWriter { return w.below }

func (w *varyWriter) Header() http.Header { return w.below.Header() }

func (w *varyWriter) WriteHeader(status int) {
	if 100 <= status && status < 200 && status != http.StatusSwitchingProtocols {
		w.informed = true
	} else {
		w.finish()
	}
	w.below.WriteHeader(status)
}

func (w *varyWriter) Write(p []byte) (int, error) {
	w.finish()
	return w.below.Write(p)
}

// finish makes the header final, once.
func (w *varyWriter) finish() {
	if w.written {
		return
	}
	w.written = true
	header := w.below.Header()
	if w.informed && w.origin != "" && len(header[headerAllowOrigin]) == 0 {
		w.entry.respondToCall(header, w.origin)
	}
	if lines := header[headerVary]; len(lines) != 1 || lines[0] != "Origin" {
		header[headerVary] = []string{varyLine(lines)}
	}
}

// varyLine returns the members of the lines in one, with Origin among them. A
// star stands for every member (RFC 9110, section 12.5.5).
func varyLine(lines []string) string {
	members := make([]string, 0, 4)
	origin := false
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			switch member = strings.Trim(member, " \t"); {
			case member == "":
				continue
			case member == "*":
				return "*"
			case strings.EqualFold(member, "Origin"):
				origin = true
			}
			members = append(members, member)
		}
	}
	if !origin {
		members = append(members, "Origin")
	}
	return strings.Join(members, ", ")
}

// What the optional interfaces of its kinds do.

func (w *varyWriter) flush() {
	w.finish()
	w.below.(http.Flusher).Flush()
}

func (w *varyWriter) flushError() error {
	w.finish()
	return http.NewResponseController(w.below).Flush()
}

func (w *varyWriter) hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.below.(http.Hijacker).Hijack()
}

func (w *varyWriter) readFrom(r io.Reader) (int64, error) {
	w.finish()
	return w.below.(io.ReaderFrom).ReadFrom(r)
}

func (w *varyWriter) writeString(s string) (int, error) {
	w.finish()
	return w.below.(io.StringWriter).WriteString(s)
}

func (w *varyWriter) push(target string, options *http.PushOptions) error {
	return w.below.(http.Pusher).Push(target, options)
}

func (w *varyWriter) closeNotify() <-chan bool {
	//lint:ignore SA1019 handlers still ask for it
	return w.below.(http.CloseNotifier).CloseNotify()
}

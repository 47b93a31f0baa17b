package bench

import (
	"net/http"
	"slices"
	"strings"
)

// An Answer is a ResponseWriter that is used again: what it costs to make one
// is not what is measured here, and recorders of net/http/httptest cost more
// than most middleware.
type Answer struct {
	header http.Header
	status int
}

// NewAnswer returns an empty one.
func NewAnswer() *Answer { return &Answer{header: make(http.Header)} }

// Header is that of http.ResponseWriter.
func (a *Answer) Header() http.Header { return a.header }

// Write is that of http.ResponseWriter.
func (a *Answer) Write(b []byte) (int, error) { return len(b), nil }

// WriteString is that of io.StringWriter.
func (a *Answer) WriteString(s string) (int, error) { return len(s), nil }

// WriteHeader is that of http.ResponseWriter.
func (a *Answer) WriteHeader(status int) { a.status = status }

// Flush is that of http.Flusher.
func (a *Answer) Flush() {}

// Reset empties it.
func (a *Answer) Reset() {
	clear(a.header)
	a.status = 0
}

// Nothing is a handler that leaves everything to what stands in front of it.
type Nothing struct{}

func (Nothing) ServeHTTP(http.ResponseWriter, *http.Request) {}

// Fault says what is wrong with the answer to a row's request, or nothing. The
// subject stands in front of the spy.
func (row Row) Fault(subject http.Handler, spy *Spy) string {
	answer := NewAnswer()
	spy.calls = 0
	subject.ServeHTTP(answer, row.Request)
	header, origin := answer.header, row.Request.Header.Get("Origin")
	permits := slices.Equal(header["Access-Control-Allow-Origin"], []string{origin}) &&
		(header.Get("Access-Control-Allow-Credentials") == "true") == !row.Setup.Anonymous
	ran := spy.calls > 0
	switch row.Expects {
	case Admitted:
		switch {
		case !ran:
			return "refuses it"
		case !permits:
			return "does not permit it"
		case !lists(header, "Access-Control-Expose-Headers", exposedHeaders):
			return "exposes too little"
		case !lists(header, "Vary", []string{"Origin"}):
			return "no Vary"
		}
	case Refused:
		switch {
		case header["Access-Control-Allow-Origin"] != nil:
			return "permits it"
		case ran:
			return "runs the handler"
		}
	case Plain:
		if !ran {
			return "refuses it"
		}
	case Granted:
		switch {
		case ran:
			return "runs the handler"
		case answer.status/100 != 2, !permits,
			!lists(header, "Access-Control-Allow-Headers", strings.Split(row.Request.Header.Get("Access-Control-Request-Headers"), ",")):
			return "does not permit it"
		case header["Access-Control-Max-Age"] == nil:
			return "no Max-Age"
		}
	case Denied:
		switch {
		case header["Access-Control-Allow-Origin"] != nil:
			return "permits it"
		case ran:
			return "runs the handler"
		}
	case Harmless:
		switch {
		case ran:
			return "runs the handler"
		case len(header.Get("Access-Control-Allow-Headers")) > 1<<10:
			return "sends the list back"
		}
	}
	return ""
}

// lists reports whether the fields of a name, read as lists, have all of these
// names, whatever their case.
func lists(header http.Header, field string, names []string) bool {
	listed := make(map[string]bool)
	for name := range strings.SplitSeq(strings.Join(header[field], ","), ",") {
		listed[bare(name)] = true
	}
	for _, name := range names {
		if !listed[bare(name)] {
			return false
		}
	}
	return true
}

// bare is a member of a list without the blanks around it, in lower case.
func bare(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// Corruptible reports whether a handler or another middleware that changes
// a header value of one answer in place changes later answers. It does so, and
// puts back what was there: nothing else may run the same library meanwhile.
func (row Row) Corruptible(subject http.Handler) bool {
	answer := NewAnswer()
	subject.ServeHTTP(answer, row.Request)
	const foreign = "changed"
	var changed []*string
	var was []string
	for _, lines := range answer.header {
		for i := range lines {
			changed, was = append(changed, &lines[i]), append(was, lines[i])
			lines[i] = foreign
		}
	}
	answer.Reset()
	subject.ServeHTTP(answer, row.Request)
	corrupted := false
	for _, lines := range answer.header {
		corrupted = corrupted || slices.Contains(lines, foreign)
	}
	for i := range changed {
		*changed[i] = was[i]
	}
	return corrupted
}

// A Spy counts the calls that reach the handler.
type Spy struct{ calls int }

func (s *Spy) ServeHTTP(http.ResponseWriter, *http.Request) { s.calls++ }

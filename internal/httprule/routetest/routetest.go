// Package routetest makes random path templates and requests, and compares an
// index of package httprule with what a gateway does with the same. It is shared
// by the modules that test against real gateways, each of another version.
package routetest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// Variables are the field paths that random templates use. The request messages
// of gateways need these fields.
var Variables = []string{"a", "b", "c", "d", "e", "f"}

// Template returns a random template. It is from the grammar, or nearly: some
// are refused by every gateway.
func Template(random *rand.Rand) string {
	t := templateMaker{random: random}
	var b strings.Builder
	if random.IntN(100) == 0 {
		return "/"
	}
	b.WriteString(t.segments(1+random.IntN(4), 0))
	if random.IntN(3) == 0 {
		b.WriteByte(':')
		b.WriteString(pick(random, "go", "stop", "go:now", "%67o", "a%2Fb", "a%3Ab", "GO", "-", ""))
	}
	return b.String()
}

type templateMaker struct {
	random *rand.Rand
	names  int
	deep   bool
}

func (t *templateMaker) segments(n, depth int) string {
	var b strings.Builder
	for range n {
		b.WriteByte('/')
		b.WriteString(t.segment(depth))
	}
	return b.String()
}

func (t *templateMaker) segment(depth int) string {
	switch n := t.random.IntN(20); {
	case n < 9:
		return t.literal()
	case n < 11:
		return "*"
	case n == 11 && (!t.deep || t.random.IntN(20) == 0):
		t.deep = true
		return "**"
	case t.names == len(Variables) || depth > 1:
		return t.literal()
	}
	name := Variables[t.names]
	t.names++
	// A nested variable is Vanguard's alone.
	if depth == 1 && t.random.IntN(4) > 0 {
		return t.literal()
	}
	if t.random.IntN(2) == 0 {
		return "{" + name + "}"
	}
	return "{" + name + "=" + t.segments(1+t.random.IntN(3), depth+1)[1:] + "}"
}

func (t *templateMaker) literal() string {
	if t.random.IntN(4) > 0 {
		return pick(t.random, "v1", "shelves", "admin", "a", "b")
	}
	return pick(t.random, "V1", "a:go", "a:b", "%61", "a%2Fb", "a%2fb", "%25", "%252F", "$", "*a", "***", "a=b", "..", ".", "~", "a@b", "K", "%E2%84%AA", "a;b", "x%")
}

// MaxBindings is the largest number of bindings of a round.
const MaxBindings = 24

// Bindings returns the random bindings of a round.
func Bindings(random *rand.Rand) []httprule.Binding {
	var bindings []httprule.Binding
	for len(bindings) == 0 || len(bindings) < MaxBindings && random.IntN(8) > 0 {
		method := pick(random, "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "PURGE", "*")
		binding, err := httprule.ParseBinding(method + " " + Template(random))
		if err == nil {
			bindings = append(bindings, binding)
		}
	}
	return bindings
}

// NewIndex returns an index of bindings by their number.
func NewIndex(prefix string, bindings []httprule.Binding) (*httprule.Index, error) {
	entries := make([]httprule.Entry, len(bindings))
	for i, binding := range bindings {
		entries[i] = httprule.Entry{Binding: binding, ID: i}
	}
	return httprule.NewIndex(prefix, entries)
}

// Prefix returns what precedes all templates of a round, mostly nothing.
func Prefix(random *rand.Rand) string {
	return pick(random, "", "", "", "/api", "/api/v2")
}

// A Request is what gateways route by. A server makes it of a request line.
type Request struct {
	Method string
	Target string
	Header http.Header
}

// NewRequest returns a random request, mostly for the path of one of the
// bindings.
func NewRequest(random *rand.Rand, prefix string, bindings []httprule.Binding) Request {
	binding := bindings[random.IntN(len(bindings))]
	r := Request{Method: binding.Method, Target: prefix + path(random, binding.Template), Header: http.Header{}}
	if random.IntN(3) == 0 {
		r.Method = pick(random, "GET", "POST", "PUT", "HEAD", "DELETE", "PURGE", "get")
	}
	if r.Method == "*" {
		r.Method = "POST"
	}
	if random.IntN(4) == 0 {
		r.Method = "POST"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if random.IntN(2) == 0 {
			r.Header.Set("X-HTTP-Method-Override", pick(random, binding.Method, strings.ToLower(binding.Method), "GET", "DELETE", "*"))
		}
	}
	return r
}

// path returns a path that matches a template in some spelling, or nearly.
func path(random *rand.Rand, template *httprule.Template) string {
	shape := template.Shape()
	var b strings.Builder
	for i, segment := range strings.Split(shape[1:], "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		wild, verb, _ := strings.Cut(segment, ":")
		if verb != "" {
			verb = ":" + verb
		}
		switch wild {
		case "*":
			b.WriteString(value(random) + verb)
		case "**":
			b.WriteString(pick(random, "", value(random), value(random)+"/"+value(random), value(random)+"/"+value(random)+"/"+value(random)) + verb)
		default:
			b.WriteString(segment)
		}
	}
	s := "/" + b.String()
	for random.IntN(2) == 0 {
		s = mutate(random, s)
	}
	return s
}

func value(random *rand.Rand) string {
	if random.IntN(2) == 0 {
		return pick(random, "7", "a", "b", "v1")
	}
	return pick(random, "", "a:go", "a:b:go", "go", ":go", "x%2Fy", "x%2fy", "x%252Fy", "%00", "%25", "..", ".", "%2e%2e", "a%3Ago", "a;b", "admin", "%61dmin", "\u212a", "%E2%84%AA", "x+y", "~", "a%zz")
}

// mutate changes one thing about a path.
func mutate(random *rand.Rand, s string) string {
	at := 1 + random.IntN(len(s))
	switch random.IntN(10) {
	case 0: // escape a byte
		if at < len(s) {
			return s[:at] + fmt.Sprintf(pick(random, "%%%02X", "%%%02x", "%%25%02X"), s[at]) + s[at+1:]
		}
	case 1: // escape a slash or another thing
		old := pick(random, "/", ":", "%", "a")
		if i := strings.LastIndex(s[1:], old); i >= 0 {
			return s[:1+i] + fmt.Sprintf("%%%02X", old[0]) + s[1+i+1:]
		}
	case 2:
		return s + pick(random, ":go", ":stop", ":go:now", ":a%2Fb", ":a%252Fb", "%3Ago", ":", ":GO", ":go:go")
	case 3:
		return s + pick(random, "/", "/a", "//", "/.", "/..", "%2F", "%2f", "/:go")
	case 4: // cut the end off
		return s[:at]
	case 5:
		return s[:at] + pick(random, "/", "%2F", "%2f", "%252F", ":", "x", ".", "%") + s[at:]
	case 6:
		return strings.ToUpper(s)
	}
	return s
}

// Gateway tells which of the bindings a gateway routes a request to, -1 for none.
type Gateway func(r *http.Request) int

// A Tally counts what comparisons saw.
type Tally struct {
	Requests int // that a server would hand to a handler
	Routed   int // that a gateway routed to a binding
	More     int // bindings that the index found beside those
}

// Compare reports what of a request a gateway routes to a binding that the index
// does not find, as an error.
func (tally *Tally) Compare(index *httprule.Index, bindings []httprule.Binding, request Request, gateways map[string]Gateway) error {
	// That is what net/http does with a request line.
	u, err := url.ParseRequestURI(request.Target)
	if err != nil {
		return nil
	}
	tally.Requests++
	var m httprule.Matches
	index.Match(u.Path, u.RawPath, &m)
	m.Select(httprule.NewMethod(request.Method, request.Header))
	for name, gateway := range gateways {
		u := *u
		routed := gateway(&http.Request{
			Method: request.Method, URL: &u, Header: request.Header.Clone(), Body: http.NoBody,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "localhost", RequestURI: request.Target,
		})
		if routed < 0 {
			continue
		}
		tally.Routed++
		tally.More += m.Len() - 1
		if !finds(&m, routed) {
			return fmt.Errorf("%s routes %s %s %v to %q, which the index does not find", name, request.Method, request.Target, request.Header, bindings[routed])
		}
	}
	return nil
}

func finds(m *httprule.Matches, binding int) bool {
	for i := range m.Len() {
		if id, exact := m.At(i); id == binding && exact {
			return true
		}
	}
	return m.Overflow()
}

func pick(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }

package edgetest

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Class says what a difference means.
type Class uint8

const (
	// Opens means that the backend ran where Wrap prevents it, or that a page
	// may send or read more.
	Opens Class = iota
	// Loses means that a clean call which Wrap lets pass fails, or that a page
	// may send or read less.
	Loses
	// Differs means neither: another status of a refusal, Vary in two lines,
	// another order, or more refused of what clients do not send.
	Differs
)

// String returns the class as one word, such as opens.
func (c Class) String() string {
	if int(c) < len(classTexts) {
		return classTexts[c]
	}
	return "Class(" + itoa(int(c)) + ")"
}

var classTexts = [...]string{Opens: "opens", Loses: "loses", Differs: "differs"}

// A Difference is one thing in which the edge's response to a request is not
// Wrap's.
type Difference struct {
	Class   Class
	Request Request
	// What differs, such as "the backend runs" or the name of a header.
	What string
	// Want is Wrap's, Got the edge's, printable and cut where they are long.
	Want, Got string
}

// A comparison collects the differences of one request.
type comparison struct {
	request   *Request
	want, got *response
	found     []Difference
}

// compare returns in what a response differs from Wrap's.
func compare(r *Request, want, got *response) []Difference {
	c := &comparison{request: r, want: want, got: got}
	c.running()
	if got.problem != "" {
		return c.found
	}
	c.permissions()
	c.lines()
	c.caching()
	c.contents()
	return c.found
}

// add adds a difference, unless the request is one for which its class makes
// no sense.
func (c *comparison) add(class Class, what, want, got string) {
	if class == Opens && c.request.Forged || class == Loses && (c.request.Forged || !c.request.Clean) {
		class = Differs
	}
	c.found = append(c.found, Difference{class, *c.request, what, want, got})
}

// has reports whether a difference of this name was found.
func (c *comparison) has(what string) bool {
	return slices.ContainsFunc(c.found, func(d Difference) bool { return d.What == what })
}

func (c *comparison) running() {
	want, got := outcome(c.want), outcome(c.got)
	switch {
	case c.got.ran && !c.want.ran:
		c.add(Opens, "the backend runs", want, got)
	case c.want.ran && !c.got.ran:
		c.add(Loses, "the backend does not run", want, got)
	case c.got.status == c.want.status:
	case c.want.ran:
		c.add(Loses, "status of the backend's response", want, got)
	case c.request.isPreflight() && isOK(c.want) && !isOK(c.got):
		c.add(Loses, "status of the preflight", want, got)
	default:
		c.add(Differs, "status", want, got)
	}
}

func outcome(r *response) string {
	text := strconv.Itoa(r.status)
	if r.problem != "" {
		text = printable(r.problem)
	}
	if r.ran {
		text += ", the backend ran"
	}
	return text
}

func isOK(r *response) bool { return 200 <= r.status && r.status < 300 }

// A reading is what a browser lets the page do with a response: nothing, or read
// it if it was fetched without or also with credentials.
type reading int

const (
	unreadable reading = iota
	readableWithout
	readableWith
)

// readingOf makes the CORS check of the Fetch standard.
func readingOf(r *Request, got *response) reading {
	origins, allowed := r.lines("Origin"), got.header[allowOrigin]
	if len(origins) == 0 || len(allowed) != 1 {
		return unreadable
	}
	credentials := slices.Equal(got.header[allowCredentials], []string{"true"})
	switch {
	case allowed[0] == "*":
		return readableWithout
	case !slices.Contains(origins, allowed[0]):
		return unreadable
	case credentials:
		return readableWith
	}
	return readableWithout
}

// permissions compares what a browser makes of the responses.
func (c *comparison) permissions() {
	want, got := readingOf(c.request, c.want), readingOf(c.request, c.got)
	preflight := c.request.isPreflight() && !c.want.ran
	if preflight && !isOK(c.want) {
		want = unreadable
	}
	if preflight && !isOK(c.got) {
		got = unreadable
	}
	what, texts := "what a page can read", [...]string{"nothing", "responses fetched without credentials", "everything"}
	if preflight {
		what, texts = "whether the preflight succeeds", [...]string{"no", "without credentials", "yes"}
	}
	sameOrigin := slices.Equal(c.request.lines(headerSite), []string{"same-origin"}) // reads without any permission
	withCookie := len(c.request.lines("Cookie")) > 0 && !preflight                   // fetched with credentials, whatever the lines permit without
	switch {
	case got > want && (sameOrigin || withCookie && got != readableWith):
		// The headers are compared below.
	case got > want:
		c.add(Opens, what, texts[want], texts[got])
	case got < want && (!withCookie || want == readableWith):
		c.add(Loses, what, texts[want], texts[got])
	}
	if got == unreadable || want == unreadable {
		return
	}
	if preflight {
		c.methods()
		c.list(allowHeaders, true)
		return
	}
	c.list(exposeHeaders, true)
}

// methods compares the lists of methods. Pages may use the safelisted ones
// whether they are listed or not (Fetch, "CORS-safelisted method").
func (c *comparison) methods() {
	c.sets(allowMethods, asksPermission(members(c.want.header[allowMethods], false)), asksPermission(members(c.got.header[allowMethods], false)))
}

func asksPermission(methods []string) []string {
	return slices.DeleteFunc(methods, func(method string) bool {
		return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
	})
}

// list compares a list of names as sets.
func (c *comparison) list(name string, fold bool) {
	c.sets(name, members(c.want.header[name], fold), members(c.got.header[name], fold))
}

func (c *comparison) sets(name string, want, got []string) {
	more := slices.ContainsFunc(got, func(m string) bool { return !slices.Contains(want, m) })
	fewer := slices.ContainsFunc(want, func(m string) bool { return !slices.Contains(got, m) })
	switch {
	case more:
		c.add(Opens, name, printableLines(c.want.header[name]), printableLines(c.got.header[name]))
	case fewer:
		c.add(Loses, name, printableLines(c.want.header[name]), printableLines(c.got.header[name]))
	}
}

// members returns the elements of a list header, without empty ones.
func members(lines []string, fold bool) []string {
	var all []string
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.Trim(member, " \t"); member != "" {
				if fold {
					member = strings.ToLower(member)
				}
				all = append(all, member)
			}
		}
	}
	return all
}

// lines compares every line of every Access-Control-* header.
func (c *comparison) lines() {
	for _, name := range namesOf(c.want.header, c.got.header) {
		want, got := c.want.header[name], c.got.header[name]
		if strings.HasPrefix(name, "Access-Control-") && !slices.Equal(want, got) && !c.has(name) {
			c.add(Differs, name, printableLines(want), printableLines(got))
		}
	}
}

// namesOf returns the names in any of the headers, sorted.
func namesOf(headers ...http.Header) []string {
	var names []string
	for _, header := range headers {
		for name := range header {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// caching compares what caches go by.
func (c *comparison) caching() {
	cached := c.request.Method == http.MethodGet || c.request.Method == http.MethodHead || c.request.Method == http.MethodOptions
	want, got := c.want.header["Vary"], c.got.header["Vary"]
	ownOrigin := len(c.got.header[allowOrigin]) > 0 && !slices.Equal(c.got.header[allowOrigin], []string{"*"})
	switch {
	case slices.Equal(want, got):
	case cached && (variesByOrigin(want) || ownOrigin) && !variesByOrigin(got) && !isNotStored(c.got):
		// A cache would give the response to other origins.
		c.add(Loses, "Vary", printableLines(want), printableLines(got))
	default:
		c.add(Differs, "Vary", printableLines(want), printableLines(got))
	}
	if c.want.ran || c.got.ran {
		return
	}
	if want, got := c.want.header["Cache-Control"], c.got.header["Cache-Control"]; !slices.Equal(want, got) {
		class := Differs
		if cached && isNotStored(c.want) && !isNotStored(c.got) {
			class = Loses // a cache would give the refusal to listed pages
		}
		c.add(class, "Cache-Control", printableLines(want), printableLines(got))
	}
}

func variesByOrigin(lines []string) bool {
	names := members(lines, true)
	return slices.Contains(names, "origin") || slices.Contains(names, "*")
}

func isNotStored(r *response) bool {
	return slices.Contains(members(r.header["Cache-Control"], true), "no-store")
}

// contents compares bodies, and what browsers may make of those of refusals.
func (c *comparison) contents() {
	if c.want.ran != c.got.ran {
		return
	}
	if !bytes.Equal(c.want.body, c.got.body) {
		c.add(Differs, "body", printable(string(c.want.body)), printable(string(c.got.body)))
	}
	if c.want.ran {
		return
	}
	for _, name := range []string{"Content-Type", "X-Content-Type-Options"} {
		if want, got := c.want.header[name], c.got.header[name]; len(c.want.body) > 0 && !slices.Equal(want, got) {
			c.add(Differs, name, printableLines(want), printableLines(got))
		}
	}
}

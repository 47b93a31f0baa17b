package corsexport

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// HAProxy writes a policy for HAProxy 2.6 or newer: one configuration file,
// with a defaults section named Options.Prefix, and the maps and lists that it
// loads from Options.Dir, which must be set.
//
// HAProxy has no include, so the file is one more -f, after the file with
// Options.Defaults and before the file with the frontends. A frontend has the
// policy if it takes its settings "from" that section. HAProxy allows neither
// backends nor listen sections to do so.
//
// HAProxy then responds to preflights and refuses calls before it evaluates any
// rule of the frontend and before it chooses a backend. With Options.BehindGate it
// refuses no calls. HAProxy's own errors have CORS headers too. Options.Upstream,
// if it is set, is the section's default_backend.
//
// It reads BehindGate, Hosts, Prefix, Upstream, Dir and Defaults of Options. The
// error joins a [*Refusal] for everything that HAProxy cannot say.
func HAProxy(p *corsrpc.Policy, o Options) (*Export, error) {
	read, err := newPlan(p, o)
	if read == nil {
		return nil, err
	}
	h := &haproxy{plan: read}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		h.refusals = joined.Unwrap()
	}
	h.checkOptions()
	if h.refusals != nil {
		return nil, errors.Join(h.refusals...) // the plan is not complete, or the names are not safe
	}
	h.writeMaps()
	h.writeSection()
	if err := errors.Join(h.refusals...); err != nil {
		return nil, err
	}
	files := []File{{Name: h.options.Prefix + ".cfg", Data: []byte(h.config.String())}}
	return &Export{Files: append(files, h.files...), Notes: h.allNotes()}, nil
}

// A haproxy writes the files of one export.
type haproxy struct {
	*plan
	config   strings.Builder
	files    []File
	asked    []*requirement
	refusals []error
}

// Bounds of what HAProxy reads, with its default tune.bufsize of 16,384 bytes.
const (
	// A longer line of a map or list is read as two.
	haproxyLine = 16_000
	// A longer list makes the response's header larger than a buffer.
	haproxyList = 8_000
	// PCRE2 compiles to at most 64 kB, in about the size of the expression.
	haproxyRegexp = 30_000
	// The longest text that a variable is made of, which aliases of all
	// services at once need.
	haproxyAsked = 14_000
	// What HAProxy keeps free in a buffer, for headers that are added.
	haproxyRewrite = 1024
	// The most patterns in one line, which can have 64 words.
	haproxyPatterns = 32
)

func (h *haproxy) refuse(r *Refusal) { h.refusals = append(h.refusals, r) }

// checkOptions checks what is HAProxy's own in Options.
func (h *haproxy) checkOptions() {
	o := &h.options
	for _, name := range []struct{ field, value string }{{"Options.Defaults", o.Defaults}, {"Options.Upstream", o.Upstream}} {
		if !only(name.value, "-_.:") {
			h.refuse(&Refusal{Field: name.field, Value: name.value, Problem: "is not a name of a section", Fix: "use letters, digits, '-', '_', '.' and ':' alone"})
		}
	}
	if o.Prefix == o.Defaults {
		h.refuse(&Refusal{Field: "Options.Prefix", Value: o.Prefix, Problem: "is also the name of the section to inherit from", Fix: "use another name for one of them"})
	}
	switch {
	case !strings.HasPrefix(o.Dir, "/"):
		h.refuse(&Refusal{Field: "Options.Dir", Value: o.Dir, Problem: "is not an absolute directory, which HAProxy needs to find the maps", Fix: "write the directory of the files on the machine of HAProxy, such as /etc/haproxy/corsrpc"})
	case !only(o.Dir, "-_.:/@+~="):
		h.refuse(&Refusal{Field: "Options.Dir", Value: o.Dir, Problem: "has characters that mean something else in HAProxy's configuration", Fix: "use a directory of letters, digits and -_.:/@+~= alone"})
	case len(o.Dir) > 1000:
		h.refuse(&Refusal{Field: "Options.Dir", Value: o.Dir, Problem: "is too long", Fix: "use a directory of at most 1,000 bytes"})
	}
}

// only reports whether s has letters, digits and these characters alone.
func only(s, others string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return r > 'z' || !isWord(byte(r)) && !strings.ContainsRune(others, r)
	}) < 0
}

// file returns where HAProxy finds a file.
func (h *haproxy) file(name string) string {
	return path.Join(h.options.Dir, h.options.Prefix+"-"+name)
}

// A table is a map or list that HAProxy loads: one pattern a line, and in maps
// what it stands for.
type table struct {
	haproxy *haproxy
	name    string
	data    strings.Builder
}

// newTable returns an empty table.
func (h *haproxy) newTable(name, about string) *table {
	t := &table{haproxy: h, name: name}
	t.data.WriteString("# " + about + " Written by corsrpc: do not edit.\n")
	return t
}

// add adds a line. A value can be empty; rule and field are what a Refusal names.
func (t *table) add(rule, field, key, value string) {
	line := strings.TrimSuffix(key+" "+value, " ")
	if len(line) > haproxyLine {
		t.haproxy.refuse(&Refusal{Rule: rule, Field: field, Value: shortened(key), Problem: fmt.Sprintf("takes %d bytes in HAProxy's %s, which reads lines of at most %d", len(line), t.name, haproxyLine), Fix: "use a shorter name or fewer entries"})
		return
	}
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ContainsRune(key, ' ') || strings.HasPrefix(key, "#") {
		t.haproxy.refuse(&Refusal{Rule: rule, Field: field, Value: shortened(key), Problem: "has a space or a control character, which HAProxy's maps cannot have", Fix: "use another name"})
		return
	}
	t.data.WriteString(line + "\n")
}

// finish keeps the table as a file.
func (t *table) finish() {
	t.haproxy.files = append(t.haproxy.files, File{Name: t.haproxy.options.Prefix + "-" + t.name, Data: []byte(t.data.String())})
}

func shortened(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// A requirement is what an alias or binding demands of requests that are asked
// about it. Grants that demand the same share one.
type requirement struct {
	number  int
	words   string // as in wordsOf
	aliases []service
}

// requirementOf returns the requirement of a grant.
func (h *haproxy) requirementOf(g *grant) *requirement {
	words := wordsOf(g)
	for _, r := range h.asked {
		if r.words == words {
			return r
		}
	}
	r := &requirement{number: len(h.asked) + 1, words: words}
	h.asked = append(h.asked, r)
	return r
}

// The words that maps and variables have of a grant. No word is part of
// another.
const (
	wordEnforced   = "enforced"   // preflights for other hosts are refused
	wordRefuses    = "refuses"    // calls can be
	wordInternal   = "internal"   // to all that browsers mark
	wordOrigin     = "mustname"   // to requests without Origin, those with GET included
	wordCookieless = "cookieless" // to requests with cookies
	wordClosed     = "closed"     // for the reason that Config does not name the service

	// For the grant's own responses.
	wordCredentials = "credentials"
	wordEchoes      = "echoes"
	wordResource    = "resource"
	wordExempt      = "exempt"
)

// wordsOf returns the words for what a grant demands, each between plus signs,
// and the set of origins that the request's must be in.
func wordsOf(g *grant) string {
	words := []string{}
	add := func(word string, ok bool) {
		if ok {
			words = append(words, word)
		}
	}
	refuses := g.enforced && !g.reportOnly
	add(wordEnforced, g.enforced)
	add(wordRefuses, refuses)
	add(wordInternal, g.internal)
	add(wordOrigin, refuses && !g.links)
	add(wordCookieless, refuses && !g.credentials)
	add(wordClosed, g.notConfigured)
	add("preflights-"+strconv.Itoa(g.origins.number), true)
	add("calls-"+strconv.Itoa(g.origins.number), refuses)
	return "+" + strings.Join(words, "+") + "+"
}

// ownWords returns the words for what a grant demands and what its responses
// have.
func ownWords(g *grant, more ...string) string {
	words := wordsOf(g)
	if g.credentials {
		words += wordCredentials + "+"
	}
	if g.echoes() {
		words += wordEchoes + "+"
	}
	for _, word := range more {
		words += word + "+"
	}
	return words
}

// own returns what a path's map has: number, words and set of origins.
func own(g *grant, more ...string) string {
	return fmt.Sprintf("%d:%s:%d", g.number, ownWords(g, more...), g.origins.number)
}

// reasonText is the text of a refusal, without what all bodies begin with.
func reasonText(r access.Reason) string { return access.Reasons[r].Text }

// allNotes returns where HAProxy is stricter than Wrap, or needs a setting.
func (h *haproxy) allNotes() []string {
	notes := append([]string{}, h.notes...)
	longest := 0
	for _, g := range h.grants {
		longest = max(longest, len(g.responseHeaders))
	}
	if len(h.services) > 0 && !h.options.BehindGate {
		notes = append(notes,
			"A request to an alias of a procedure's path must be let pass by the strictest rule of the service, not only by that of the procedure.",
			"Top-level navigations to paths that end in a procedure's path are refused as other requests without Origin are: put the pages that need them into Config.Resources.")
	}
	notes = append(notes, "A response of the backend with more than three lines of Vary gets Vary: *, so that no cache keeps it.")
	// The policy's other headers take less than half of that.
	if longest > haproxyRewrite/2 {
		notes = append(notes, fmt.Sprintf("HAProxy responds 500 where the backend's header and %d bytes of exposed headers do not fit into a buffer together: set tune.bufsize to 32768 if the backend's header can have more than 12 kB.", longest))
	}
	return notes
}

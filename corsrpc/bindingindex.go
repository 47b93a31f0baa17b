package corsrpc

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// newBindingIndex returns an index of the templates of rules, with positions in
// rules as IDs.
func newBindingIndex(prefix string, rules []*Rule) *httprule.Index {
	entries := make([]httprule.Entry, len(rules))
	for i, r := range rules {
		entries[i] = httprule.Entry{
			Binding: *r.from.binding,
			ID:      i,
		}
	}
	index, err := httprule.NewIndex(prefix, entries)
	if err != nil {
		panic(err) // templates and prefix were checked
	}
	return index
}

// bindings finds the rules of paths that a gateway could route to a method.
type bindings struct {
	index   *httprule.Index
	entries []*entry // by ID
	common  *commonEntries
}

func newBindings(prefix string, entries []*entry) bindings {
	if len(entries) == 0 {
		return bindings{}
	}
	rules := make([]*Rule, len(entries))
	for i, e := range entries {
		rules[i] = e.rule
	}
	return bindings{newBindingIndex(prefix, rules), entries, &commonEntries{of: make(map[[2]*entry]*entry)}}
}

// commonEntries remembers what pairs of entries both grant. Which pairs occur
// depends on the paths of requests.
type commonEntries struct {
	mu sync.RWMutex
	of map[[2]*entry]*entry
}

// maxCommon bounds how many are remembered.
const maxCommon = 1000

// entry returns an entry that grants what both grant.
func (c *commonEntries) entry(a, b *entry) *entry {
	if a.grantsAs(b) {
		return a
	}
	pair := [2]*entry{a, b}
	c.mu.RLock()
	both := c.of[pair]
	c.mu.RUnlock()
	if both != nil {
		return both
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if both = c.of[pair]; both == nil {
		both = a.and(b)
		if len(c.of) < maxCommon {
			c.of[pair] = both
		}
	}
	return both
}

// judge lets every binding that the path could be routed to, and whose method
// fits, judge the request. If no other rule is the path's own, the bindings'
// common permissions become it.
func (b *bindings) judge(j *judgement, u *url.URL, q *access.Request) {
	var matches httprule.Matches
	b.match(u, q, &matches)
	if matches.Overflow() {
		// No schema has so many templates for one path.
		closed := *b.entries[0]
		closed.Internal = true
		j.own, j.by, j.verdict = &closed, &closed, closed.Judge(q)
		return
	}
	if matches.Len() == 0 {
		return
	}
	own := j.own
	for i := range matches.Len() {
		id, exact := matches.At(i)
		e := b.entries[id]
		v := e.Judge(q)
		if exact && own == nil {
			if j.own == nil {
				j.own, j.by, j.verdict = e, e, v
			} else {
				j.own = b.common.entry(j.own, e)
				j.verdict.Permitted = j.verdict.Permitted && v.Permitted
			}
		}
		j.add(e, v)
		if j.verdict.Refused {
			return
		}
	}
	if j.by != nil && j.by != j.own && j.verdict.Reason == access.ReasonOK {
		j.by = j.own
	}
}

// match finds the bindings that the path could be routed to, and whose method
// fits.
func (b *bindings) match(u *url.URL, q *access.Request, matches *httprule.Matches) {
	b.index.Match(u.Path, u.RawPath, matches)
	method := httprule.NewMethod(q.Method, q.Header)
	if q.IsPreflight() {
		method = httprule.NewMethod(q.Header["Access-Control-Request-Method"][0], nil)
	}
	matches.Select(method)
}

// grantsAs reports whether two entries grant the same.
func (e *entry) grantsAs(other *entry) bool {
	return e == other || e.rule.from.requestHeaders == other.rule.from.requestHeaders &&
		e.rule.from.responseHeaders == other.rule.from.responseHeaders &&
		e.rule.from.origins == other.rule.from.origins &&
		e.Credentials == other.Credentials && slices.Equal(e.Methods, other.Methods)
}

// and returns an entry that grants what both grant.
func (e *entry) and(other *entry) *entry {
	r := *e.rule
	r.Credentials = e.Credentials && other.Credentials
	r.from.requestHeaders = e.rule.from.requestHeaders.and(other.rule.from.requestHeaders)
	r.from.responseHeaders = e.rule.from.responseHeaders.and(other.rule.from.responseHeaders)
	for _, grant := range other.rule.from.methods {
		if !slices.Contains(r.from.methods, grant) {
			r.from.methods = append(slices.Clip(r.from.methods), grant)
		}
	}
	r.MaxAge = min(r.MaxAge, other.rule.MaxAge)
	both := newEntry(r.finish(), e.Server)
	both.anyOrigin = both.anyOrigin && other.anyOrigin
	return both
}

// describe returns the bindings that judge would ask, if there are several.
func (b *bindings) describe(u *url.URL, q *access.Request) string {
	var matches httprule.Matches
	if b.index == nil {
		return ""
	}
	b.match(u, q, &matches)
	var texts []string
	for i := range matches.Len() {
		id, _ := matches.At(i)
		r := b.entries[id].rule
		texts = append(texts, quote(r.from.binding.String())+" of "+r.Procedure)
	}
	if len(texts) < 2 {
		return ""
	}
	return "the path matches the bindings " + strings.Join(texts, ", ")
}

// and returns the names that both lists have.
func (l *nameList) and(other *nameList) *nameList {
	if l == other {
		return l
	}
	return newNameList(slices.DeleteFunc(slices.Clone(l.listed), func(n listedName) bool { return !other.set.Has(n.name) }))
}

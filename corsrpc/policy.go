package corsrpc

import (
	"iter"
	"strings"
	"sync/atomic"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// A Policy answers preflights, refuses calls and writes CORS headers by the
// rules that follow from a [Config]. All interceptors of one server share one.
//
// Its methods may be called concurrently, Update included. The zero Policy
// governs every path, and refuses every request that a browser marks as
// cross-origin until an Update succeeds. A Policy must not be copied after
// first use.
type Policy struct {
	current atomic.Pointer[snapshot]
}

// New returns the Policy of a Config. Its error joins a [*ConfigError] for
// every mistake. The services must be registered by then, which they are in
// main and not necessarily in a package-level var.
func New(config Config) (*Policy, error) {
	p := &Policy{}
	if err := p.Update(config); err != nil {
		return nil, err
	}
	return p, nil
}

// Update replaces the Policy's Config at once: every request is answered by
// the old rules or by the new ones, wholly, and none waits. If the error is
// not nil, which it is as for [New], nothing changes. Of concurrent Updates the
// last one holds; whoever changes what [Policy.Config] returns must see that
// nobody else does.
func (p *Policy) Update(config Config) error {
	s, err := compile(config.clone())
	if err != nil {
		return err
	}
	p.current.Store(s)
	return nil
}

// Config returns a copy of the Config in force. Update(p.Config()) changes
// nothing. For the zero Policy it is the zero Config.
func (p *Policy) Config() Config {
	if s := p.current.Load(); s != nil {
		return s.config.clone()
	}
	return Config{}
}

// Rule returns the rule of a procedure, named "/pkg.Service/Method" whatever
// the PathPrefix, and whether the policy governs it. An unknown method of a
// governed service has the service's rule; see [Rule.Path].
func (p *Policy) Rule(procedure string) (Rule, bool) {
	s := p.current.Load()
	if s == nil {
		return Rule{}, false
	}
	if r := s.procedure(procedure); r != nil {
		return r.public(), true
	}
	return Rule{}, false
}

// Exposes reports whether the answers of a procedure let pages read the header
// field of this name, by the procedure's rule or because the Fetch standard
// safelists it. Interceptors use it to expose what is left. It does not
// allocate for names in lower case.
func (p *Policy) Exposes(procedure, name string) bool {
	if field.IsSafelistedResponse(name) {
		return true
	}
	s := p.current.Load()
	if s == nil {
		return false
	}
	r := s.procedure(procedure)
	return r != nil && r.exposeHeaders.set.Has(name)
}

// Rules returns all rules, sorted by path, as they were when the iteration
// began.
func (p *Policy) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		s := p.current.Load()
		if s == nil {
			return
		}
		for _, r := range s.ordered {
			if !yield(r.public()) {
				return
			}
		}
	}
}

// load returns the current snapshot; that of the zero Policy is closed.
func (p *Policy) load() *snapshot {
	if s := p.current.Load(); s != nil {
		return s
	}
	return closed
}

// closed is the snapshot of the zero Policy.
var closed = &snapshot{closed: closedRule}

// closedRule lets no page call, for the lack of a Config.
var closedRule = newClosedRule(nil)

// newClosedRule stands for the lack of a rule, with the own hosts of a Config.
func newClosedRule(hosts []string) *rule {
	return (&rule{
		Rule:           preflight.Rule{Enforced: true, Hosts: hosts},
		closed:         true,
		origins:        noOrigins,
		requestHeaders: newNameList(),
		exposeHeaders:  newNameList(),
	}).finish()
}

// find returns the rule of a request's decoded path, or nil if the path is not
// governed. Paths are compared as they are, byte by byte: handlers route on
// the same string.
func (s *snapshot) find(path string) *rule {
	if s == closed {
		return closedRule
	}
	// Most policies have no prefix, and to compare with it is a call.
	if s.prefix == "" || strings.HasPrefix(path, s.prefix) {
		if r := s.procedure(path[len(s.prefix):]); r != nil {
			return r
		}
	}
	if rest, ok := strings.CutPrefix(path, "/"); ok {
		if r := s.resources.find(rest); r != nil && isClean(rest) {
			return r
		}
	}
	return nil
}

// isClean reports whether a path after its first slash means the same to
// handlers that clean it, as http.FileServer does, and to those that do not.
// Otherwise one resource's permission would reach another: browsers send
// /fonts/..%2Fprivate as it is.
func isClean(path string) bool {
	for path != "" {
		segment, rest, _ := strings.Cut(path, "/")
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		path = rest
	}
	return true
}

// procedure returns the rule of a procedure, or of the service that an unknown
// one would belong to.
func (s *snapshot) procedure(path string) *rule {
	if r := s.procedures[path]; r != nil || path == "" {
		return r
	}
	// "/pkg.Service/" of any path below it; of others, what no service has.
	end := strings.IndexByte(path[1:], '/')
	return s.services[path[:end+2]]
}

// of returns the rule of a path below one service, and one that lets no page
// call if the path is elsewhere or the service is not governed any more.
func (s *snapshot) of(service, path string) *rule {
	if strings.HasPrefix(path, service) {
		if r := s.procedure(path); r != nil {
			return r
		}
	}
	return s.closed
}

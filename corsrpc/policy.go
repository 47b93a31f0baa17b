package corsrpc

import (
	"iter"
	"sync/atomic"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// A Policy responds to preflights, refuses calls and writes CORS headers by the
// rules that follow from a [Config]. Use one Policy for all interceptors of a
// server.
//
// Its methods can be called concurrently, Update included. The zero Policy
// governs every path, and refuses every cross-origin request of a browser until
// an Update succeeds. A Policy must not be copied after
// first use.
type Policy struct {
	current atomic.Pointer[index]
}

// New returns the Policy of a Config. Its error joins a [*ConfigError] for every
// mistake. Call it after the services are registered, for example in main. In
// the initializer of a package-level variable it can be too early.
func New(config Config) (*Policy, error) {
	p := &Policy{}
	if err := p.Update(config); err != nil {
		return nil, err
	}
	return p, nil
}

// Update replaces the Policy's Config atomically: every request is judged
// entirely by the old rules or entirely by the new ones, and none waits. If the
// error is not nil, nothing changes; it is the error that [New] would return. Of
// concurrent Updates the last one wins. So goroutines that read Config, modify
// it and call Update must synchronize, or they overwrite each other's changes.
func (p *Policy) Update(config Config) error {
	config = config.clone()
	rules, err := compile(config)
	if err != nil {
		return err
	}
	p.current.Store(newIndex(config, rules))
	return nil
}

// Config returns a copy of the Config in force, so Update(p.Config()) changes
// nothing. For the zero Policy it returns the zero Config. An Update with the
// zero Config is a change there: the zero Policy refuses every path, and the
// zero Config governs only procedures.
func (p *Policy) Config() Config { return p.load().config.clone() }

// Rule returns the rule of a procedure, named "/pkg.Service/Method" whatever
// the PathPrefix, and whether the policy governs it. An unknown method of a
// governed service has the service's rule; see [MatchService].
func (p *Policy) Rule(procedure string) (Rule, bool) {
	if e := p.load().procedure(procedure); e != nil {
		return e.rule.clone(), true
	}
	return Rule{}, false
}

// Governs reports whether the policy has a rule for a procedure, named as in
// [Policy.Rule]. The zero Policy governs all. It does not allocate.
func (p *Policy) Governs(procedure string) bool {
	ix := p.load()
	return ix == zeroIndex || ix.procedure(procedure) != nil
}

// Exposes reports whether pages can read the header of this name in the
// responses of a procedure: because the procedure's rule exposes it, or because
// browsers always expose it, such as Content-Type (Fetch standard:
// CORS-safelisted response-header name). Interceptors use it to find which
// headers they still have to expose. It does not allocate for names in lower
// case.
func (p *Policy) Exposes(procedure, name string) bool {
	if headername.IsSafelistedResponse(name) {
		return true
	}
	e := p.load().procedure(procedure)
	return e != nil && e.rule.from.responseHeaders.set.Has(name)
}

// Rules returns all rules, sorted by path, as they were when the iteration
// began. Requests are judged by these rules and by the fields of Config that
// apply to all paths. A key of Config.Resources below a governed service has no
// rule, because no request can reach it.
func (p *Policy) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for _, r := range p.load().rules {
			if !yield(r.clone()) {
				return
			}
		}
	}
}

// load returns the index in force.
func (p *Policy) load() *index {
	if ix := p.current.Load(); ix != nil {
		return ix
	}
	return zeroIndex
}

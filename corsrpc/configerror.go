package corsrpc

import (
	"cmp"
	"errors"
	"slices"
)

// A ConfigError is one mistake in a Config. [New] and [Policy.Update] return
// all of them in one error, joined by [errors.Join], in the order of Config's
// fields; [errors.AsType] finds the first.
type ConfigError struct {
	// Field is the path of the value in Config, such as Origins[1] or
	// Overrides["acme.shop.v1.CartService"].Origins[0], or the option in the
	// schema: (corsrpc.v1.method).request_headers[0] of
	// acme.shop.v1.CartService.AddItem.
	Field string
	// Value is the offending value, as text; empty if something is absent.
	Value string
	// Problem is what is wrong, and what to write instead.
	Problem string
}

// Error returns all three fields in one line.
func (e *ConfigError) Error() string {
	if e.Value == "" {
		return "corsrpc: " + e.Field + ": " + e.Problem
	}
	return "corsrpc: " + e.Field + ": " + quote(e.Value) + " " + e.Problem
}

// A place is where in a Config a mistake is: errors are reported in the order of
// Config's fields.
type place struct {
	rank fieldRank
	n    int
}

type fieldRank int

const (
	inOrigins fieldRank = iota
	inRequestHeaders
	inResponseHeaders
	inResponseTrailers
	inProtocols
	inREST
	inBindings
	inServices
	inExcept
	inOverrides
	inAudiences
	inResources
	inPathPrefix
	inHosts
	inRequireHosts
	inFiles
	inMaxAge
	inExplainTo
	inExplainIgnore
	inSchema
)

// mistakes collects all of those in a Config. The zero value is empty.
type mistakes struct {
	found []mistake
	n     int
}

type mistake struct {
	at  place
	err *ConfigError
}

// place returns the next one below a field.
func (m *mistakes) place(rank fieldRank) place {
	m.n++
	return place{rank, m.n}
}

func (m *mistakes) add(at place, field, value, problem string) {
	m.found = append(m.found, mistake{at, &ConfigError{Field: field, Value: value, Problem: problem}})
}

// join returns all of them in the order of their places.
func (m *mistakes) join() error {
	slices.SortStableFunc(m.found, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.at.rank, b.at.rank), cmp.Compare(a.at.n, b.at.n))
	})
	errs := make([]error, len(m.found))
	for i, mistake := range m.found {
		errs[i] = mistake.err
	}
	return errors.Join(errs...)
}

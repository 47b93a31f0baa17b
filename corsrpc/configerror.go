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
	// schema.
	Field string
	// Value is the offending value, as text.
	Value string
	// Reason says what is wrong and what to write instead.
	Reason string
}

// Error returns all three fields in one line.
func (e *ConfigError) Error() string {
	if e.Value == "" {
		return "corsrpc: " + e.Field + ": " + e.Reason
	}
	return "corsrpc: " + e.Field + ": " + quote(e.Value) + " " + e.Reason
}

// A place is where in a Config a mistake stands: errors are reported in the
// order of Config's fields.
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
	inServices
	inExcept
	inOverrides
	inAudiences
	inResources
	inPathPrefix
	inHosts
	inFiles
	inMaxAge
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

func (m *mistakes) add(at place, field, value, reason string) {
	m.found = append(m.found, mistake{at, &ConfigError{Field: field, Value: value, Reason: reason}})
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

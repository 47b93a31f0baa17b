package corsrpc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A listedName is a header name, and where it stands.
type listedName struct{ name, source string }

// names are those of one level of a Config and the levels above it. Levels
// that add nothing share them. A nil *names is none.
type names struct{ listed []listedName }

// with returns n and more, which is n itself if there are no more.
func (n *names) with(more []listedName) *names {
	switch {
	case len(more) == 0:
		return n
	case n == nil:
		return &names{more}
	}
	return &names{slices.Concat(n.listed, more)}
}

func (n *names) all() []listedName {
	if n == nil {
		return nil
	}
	return n.listed
}

// A nameList is a list of header names as responses carry it. Rules share them.
type nameList struct {
	names  []string     // canonical, sorted, without duplicates
	listed []listedName // likewise, with every source of each name
	text   string       // the value of the response's header
	set    headername.Set
}

func newNameList(lists ...[]listedName) *nameList {
	list := &nameList{listed: slices.Concat(lists...)}
	for i := range list.listed {
		list.listed[i].name = headername.Canonical(list.listed[i].name)
	}
	// Sources keep their order: the more general before the more specific.
	slices.SortStableFunc(list.listed, func(a, b listedName) int { return strings.Compare(a.name, b.name) })
	list.listed = withoutRepeats(list.listed)
	for _, n := range list.listed {
		if last := len(list.names) - 1; last < 0 || list.names[last] != n.name {
			list.names = append(list.names, n.name)
		}
	}
	list.text = strings.Join(list.names, ", ")
	list.set = headername.NewSet(list.names)
	return list
}

func withoutRepeats(sorted []listedName) []listedName {
	var unique []listedName
	for i, n := range sorted {
		from := i // of the entries with this name
		for from > 0 && sorted[from-1].name == n.name {
			from--
		}
		if !slices.Contains(sorted[from:i], n) {
			unique = append(unique, n)
		}
	}
	return unique
}

// A nameField is a list of header names in a Config or in the schema.
type nameField struct {
	rank  fieldRank
	field string // "RequestHeaders", "(corsrpc.v1.method).request_headers"
	of    string // " of acme.shop.v1.CartService.AddItem", in the schema
}

// element returns where one of the names stands.
func (f nameField) element(i int) string { return fmt.Sprintf("%s[%d]%s", f.field, i, f.of) }

// source returns the same for [Grant.Source].
func (f nameField) source(i int) string {
	if f.of != "" {
		return f.field + f.of // an option has few names; people look for the option
	}
	return f.element(i)
}

// headerNames returns the names of a list that check finds nothing wrong with.
func (c *compiler) headerNames(from nameField, list []string, check func(string) string) []listedName {
	var valid []listedName
	for i, name := range list {
		if at, problem := c.mistakes.place(from.rank), check(name); problem != "" {
			c.mistakes.add(at, from.element(i), name, problem)
			continue
		}
		valid = append(valid, listedName{headername.Canonical(name), from.source(i)})
	}
	return valid
}

// checkRequestName returns what is wrong with the name of a header that pages
// will send. Safelisted names are not dropped: whether a request header is
// safelisted depends on its value.
func checkRequestName(name string) string {
	if problem := checkName(name); problem != "" {
		return problem
	}
	if headername.IsForbiddenRequest(name) {
		return "is a forbidden request header, which browsers let no page set: leave it out"
	}
	return ""
}

// checkTrailerName returns what is wrong with a trailer's name.
func checkTrailerName(name string) string {
	if own, ok := strings.CutPrefix(headername.Canonical(name), protocol.Connect.UnaryTrailers.Prefix); ok {
		return "has the prefix that the Connect protocol gives to trailers: write the name that handlers use, such as " + quote(own)
	}
	return checkName(name)
}

// checkName returns what is wrong with a name that pages will send or read.
func checkName(name string) string {
	switch {
	case name == "*":
		return "is not a header name; browsers take it for a wildcard only without credentials, and never for Authorization: list the names"
	case !headername.IsToken(name):
		return "is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"
	case len(name) > longestQuoted:
		return "is too long for a header name"
	case headername.IsAccessControl(name):
		return "belongs to CORS itself, which corsrpc handles: leave it out"
	case headername.IsForbiddenResponse(name):
		return "is never shown to pages and cannot be set by them; for cookies, set Credentials"
	}
	return ""
}

// needExposing returns the names that pages cannot read without being exposed.
func needExposing(list []listedName) []listedName {
	return slices.DeleteFunc(slices.Clone(list), func(n listedName) bool { return headername.IsSafelistedResponse(n.name) })
}

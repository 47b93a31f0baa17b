package corsrpc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A nameList is a list of field names as answers carry it. Rules share them.
type nameList struct {
	names []string // canonical, sorted, without duplicates
	text  string   // of the answer's line
	set   field.Set
}

func newNameList(names ...[]string) *nameList {
	list := slices.Concat(names...)
	for i, name := range list {
		list[i] = field.Canonical(name)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return &nameList{names: list, text: strings.Join(list, ", "), set: field.NewSet(list)}
}

// requestNames checks names that pages may send and returns the valid ones.
// They are never dropped as safelisted: whether a request header is depends on
// its value.
func (c *compiler) requestNames(rank fieldRank, fieldName string, names []string) []string {
	return c.fieldNames(rank, fieldName, names, checkRequestName)
}

// responseNames checks names that pages may read and returns the valid ones.
func (c *compiler) responseNames(rank fieldRank, fieldName string, names []string) []string {
	return c.fieldNames(rank, fieldName, names, checkName)
}

// trailerNames checks names of trailers that pages may read and returns the
// valid ones.
func (c *compiler) trailerNames(rank fieldRank, fieldName string, names []string) []string {
	return c.fieldNames(rank, fieldName, names, checkTrailerName)
}

func (c *compiler) fieldNames(rank fieldRank, fieldName string, names []string, check func(string) string) []string {
	var valid []string
	for i, name := range names {
		if at, problem := c.mistakes.place(rank), check(name); problem != "" {
			c.mistakes.add(at, fmt.Sprintf("%s[%d]", fieldName, i), name, problem)
			continue
		}
		valid = append(valid, field.Canonical(name))
	}
	return valid
}

// checkRequestName says what is wrong with a name that pages shall send.
func checkRequestName(name string) string {
	if problem := checkName(name); problem != "" {
		return problem
	}
	if field.IsForbiddenRequest(name) {
		return "is a forbidden request header: browsers let no page set it, so leave it out"
	}
	return ""
}

// checkTrailerName says what is wrong with a trailer's name.
func checkTrailerName(name string) string {
	if own, ok := strings.CutPrefix(field.Canonical(name), protocol.Connect.UnaryTrailers.Prefix); ok {
		return "has the prefix that the Connect protocol gives to trailers; write the name that handlers use, as " + quote(own)
	}
	return checkName(name)
}

// checkName says what is wrong with a name that pages shall send or read.
func checkName(name string) string {
	switch {
	case name == "*":
		return "is no header name; browsers take it for a wildcard only without credentials, and never for Authorization, so list the names"
	case !field.IsToken(name):
		return "is no header name: letters, digits and !#$%&'*+-.^_`|~ only, one name an element"
	case len(name) > longestQuoted:
		return "is too long for a header name"
	case field.IsAccessControl(name):
		return "belongs to CORS itself, which corsrpc answers; leave it out"
	case field.IsForbiddenResponse(name):
		return "is never shown to pages nor set by them; for cookies, set Credentials"
	}
	return ""
}

// exposed returns the names that need to be exposed to be read.
func exposed(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), field.IsSafelistedResponse)
}

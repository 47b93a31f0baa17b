package corsrpc

import (
	"fmt"
	"slices"

	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// An originList is one of the lists of origins in a Config. Rules share them.
type originList struct {
	field   string // where it stands in Config, for messages; empty if it is several lists' intersection
	entries []listedOrigin
	texts   []string // of the entries
	set     *origin.Set
	// missing means that it stands for an audience that Config does not have.
	missing bool
	// withCredentials is set once the list was found in a rule with
	// credentials and checked for it.
	withCredentials bool
}

type listedOrigin struct {
	origin.Entry
	at    place
	list  *originList // in which it stands
	index int
}

// source returns where the entry stands, such as Origins[1].
func (o *listedOrigin) source() string { return o.list.element(o.index) }

var noOrigins = &originList{set: origin.NewSet(nil)}

// originList reads a list; what is wrong in it is added to the mistakes.
func (c *compiler) originList(rank fieldRank, name string, texts []string) *originList {
	list := &originList{field: name, entries: make([]listedOrigin, 0, len(texts))}
	for i, text := range texts {
		at := c.mistakes.place(rank)
		entry, err := origin.Parse(text)
		switch {
		case err != nil:
			c.mistakes.add(at, list.element(i), text, err.Error())
		case entry.Any() && len(texts) > 1:
			c.mistakes.add(at, list.element(i), text, "makes the other origins of the list meaningless; list it alone, or leave it out")
		default:
			list.entries = append(list.entries, listedOrigin{entry, at, list, i})
		}
	}
	return list.finish()
}

// finish makes what follows from the entries.
func (l *originList) finish() *originList {
	var entries []origin.Entry
	for i := range l.entries {
		entries = append(entries, l.entries[i].Entry)
		l.texts = append(l.texts, l.entries[i].String())
	}
	l.set = origin.NewSet(entries)
	return l
}

// checkCredentials refuses the origins of a list that must not be combined
// with credentials. The rule named is the first one that does.
func (c *compiler) checkCredentials(list *originList, rule string) {
	if list.withCredentials || len(list.entries) == 0 {
		return // an empty list can be shared by all policies
	}
	list.withCredentials = true
	for i := range list.entries {
		o := &list.entries[i]
		problem := ""
		switch {
		case o.Any():
			problem = "lets every page of the web call, which browsers and corsrpc refuse together with Credentials; list the origins"
		case o.Insecure() && !c.config.DangerouslyAllowInsecureOrigins:
			problem = "has pages that anyone on the network path can rewrite, and they would act with the user's Credentials; write https, or set DangerouslyAllowInsecureOrigins"
		case o.PublicSuffix() && !c.config.DangerouslyAllowPublicSuffixes:
			problem = "is a pattern on a public suffix, below which anyone can register a site that would act with the user's Credentials; list the sites, or set DangerouslyAllowPublicSuffixes"
		default:
			continue
		}
		c.mistakes.add(o.at, o.source(), o.String(), problem+" (credentials are on for "+rule+")")
	}
}

// element returns where one of the entries stands.
func (l *originList) element(i int) string { return fmt.Sprintf("%s[%d]", l.field, i) }

// intersect returns what all the lists admit. Where two patterns overlap and
// neither covers the other, it admits neither: the result is never wider than
// one of the lists.
func intersect(lists []*originList) *originList {
	if len(lists) == 1 {
		return lists[0]
	}
	common := &originList{withCredentials: true} // its entries are checked where they stand
	tried := make(map[string]bool)
	for _, list := range lists {
		for _, entry := range list.entries {
			if tried[entry.String()] {
				continue
			}
			tried[entry.String()] = true
			if !slices.ContainsFunc(lists, func(other *originList) bool { return !other.set.Covers(entry.Entry) }) {
				common.entries = append(common.entries, entry)
			}
		}
	}
	return common.finish()
}

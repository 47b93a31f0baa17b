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
	set     *origin.Set
	// withCredentials is set once the list was found in a rule with
	// credentials and checked for it.
	withCredentials bool
}

type listedOrigin struct {
	origin.Entry
	at    place
	index int
}

// originList reads a list; what is wrong in it is added to the mistakes.
func (c *compiler) originList(rank fieldRank, name string, texts []string) *originList {
	list := &originList{field: name, entries: make([]listedOrigin, 0, len(texts))}
	entries := make([]origin.Entry, 0, len(texts))
	for i, text := range texts {
		at := c.mistakes.place(rank)
		entry, err := origin.Parse(text)
		switch {
		case err != nil:
			c.mistakes.add(at, list.element(i), text, err.Error())
		case entry.Any() && len(texts) > 1:
			c.mistakes.add(at, list.element(i), text, "makes the other origins of the list meaningless; list it alone, or leave it out")
		default:
			list.entries = append(list.entries, listedOrigin{entry, at, i})
			entries = append(entries, entry)
		}
	}
	list.set = origin.NewSet(entries)
	return list
}

// checkCredentials refuses the origins of a list that must not be combined
// with credentials. The rule named is the first one that does.
func (c *compiler) checkCredentials(list *originList, rule string) {
	if list.withCredentials {
		return
	}
	list.withCredentials = true
	for _, o := range list.entries {
		reason := ""
		switch {
		case o.Any():
			reason = "admits every page of the web, which browsers and corsrpc refuse together with Credentials; list the origins"
		case o.Insecure() && !c.config.DangerouslyAllowInsecureOrigins:
			reason = "has pages that anyone on the network path can rewrite, and they would act with the user's Credentials; write https, or set DangerouslyAllowInsecureOrigins"
		case o.PublicSuffix() && !c.config.DangerouslyAllowPublicSuffixes:
			reason = "is a pattern on a public suffix, below which anyone can register a site that would act with the user's Credentials; list the sites, or set DangerouslyAllowPublicSuffixes"
		default:
			continue
		}
		c.mistakes.add(o.at, list.element(o.index), o.String(), reason+" (credentials are on for "+rule+")")
	}
}

// element returns where one of the entries stands.
func (l *originList) element(i int) string { return fmt.Sprintf("%s[%d]", l.field, i) }

// texts returns the entries as they were written.
func (l *originList) texts() []string {
	texts := make([]string, len(l.entries))
	for i, entry := range l.entries {
		texts[i] = entry.String()
	}
	return texts
}

// intersect returns what all the lists admit. Where two patterns overlap and
// neither covers the other, it admits neither: the result is never wider than
// one of the lists.
func intersect(lists []*originList) *originList {
	if len(lists) == 1 {
		return lists[0]
	}
	common := &originList{withCredentials: true} // its entries are checked where they stand
	var entries []origin.Entry
	tried := make(map[string]bool)
	for _, list := range lists {
		for _, entry := range list.entries {
			if tried[entry.String()] {
				continue
			}
			tried[entry.String()] = true
			if !slices.ContainsFunc(lists, func(other *originList) bool { return !other.set.Covers(entry.Entry) }) {
				common.entries = append(common.entries, entry)
				entries = append(entries, entry.Entry)
			}
		}
	}
	common.set = origin.NewSet(entries)
	return common
}

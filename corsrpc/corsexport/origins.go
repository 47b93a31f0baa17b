package corsexport

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

// An originSet is a list of origins. Rules share it.
type originSet struct {
	number  int
	any     bool // every Origin that is present and not empty, null included
	entries []originEntry
	set     *origin.Set
}

// An originEntry is one origin, or a pattern.
type originEntry struct {
	text   string // as Config has it
	exact  bool   // text is the only origin
	regexp string // anchored; of exact ones too
	parsed origin.Entry
}

// originsOf returns the set of a rule's origins.
func (b *planner) originsOf(r *corsrpc.Rule) *originSet {
	entries := make([]origin.Entry, 0, len(r.Origins))
	for i, text := range r.Origins {
		entry, err := origin.Parse(text)
		if err != nil {
			b.refuse(&Refusal{Rule: r.Path, Field: fmt.Sprintf("Origins[%d]", i), Value: text, Problem: err.Error()})
			continue
		}
		entries = append(entries, entry)
	}
	return b.setOf(entries)
}

// setOf returns the set of these entries, whose order does not matter.
func (b *planner) setOf(entries []origin.Entry) *originSet {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b origin.Entry) int { return strings.Compare(a.String(), b.String()) })
	entries = slices.CompactFunc(entries, func(a, b origin.Entry) bool { return a.String() == b.String() })
	set := &originSet{set: origin.NewSet(entries)}
	var key strings.Builder
	for _, e := range entries {
		key.WriteString(e.String() + "\n")
		set.any = set.any || e.Any()
		set.entries = append(set.entries, originEntry{e.String(), !strings.Contains(e.String(), "*"), e.Regexp(), e})
	}
	if shared := b.sets[key.String()]; shared != nil {
		return shared
	}
	b.plan.origins = append(b.plan.origins, set)
	set.number = len(b.plan.origins)
	b.sets[key.String()] = set
	return set
}

// within reports whether every origin of s is one of other.
func (s *originSet) within(other *originSet) bool {
	return s == other || !slices.ContainsFunc(s.entries, func(e originEntry) bool { return !other.set.Covers(e.parsed) })
}

// isHost reports whether host is one that Config.Hosts can have.
func isHost(host string) bool {
	_, errHTTP := origin.Check("http://" + host)
	_, errHTTPS := origin.Check("https://" + host)
	return (errHTTP == nil || errHTTPS == nil) && !strings.Contains(host, "*")
}

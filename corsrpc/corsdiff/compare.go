package corsdiff

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Compare returns what pages gain and lose when old is replaced by new. It looks
// at every rule of both, at every origin that each lists, and at the fields of
// Config that are not about one path. Neither policy's OnDecision is called.
func Compare(old, new *corsrpc.Policy) *Report {
	before, after := newSide(old), newSide(new)
	return &Report{Lost: lost(before, after), Gained: lost(after, before)}
}

// lost returns what pages can do on one side and not on the other.
func lost(from, to *side) []Change {
	found := make(changes)
	for i := range from.rules {
		r := &from.rules[i]
		compareRuns(found, from, to, r)
		comparePages(found, from, to, r)
	}
	compareConfigs(found, from.policy.Config(), to.policy.Config())
	return found.sorted()
}

// comparePages finds what the listed pages can do with a path.
func comparePages(found changes, from, to *side, r *corsrpc.Rule) {
	path, sources := label(r), sourcesOf(r)
	compared := false
	// compare returns whether the page lost the path altogether.
	compare := func(entry string) (gone bool) {
		q := sample(r)
		q.origin = sampleOrigin(entry)
		a := from.look(q)
		if !a.calls {
			return false // another rule has this path, or refuses this page
		}
		b := to.look(q)
		if !b.calls {
			return true
		}
		if a.credentials && !b.credentials {
			found.add(Credentials, entry, from.source(r, "Credentials", func(o corsrpc.Override) corsrpc.Switch { return o.Credentials }), path)
		}
		if compared && from.uniform && to.uniform {
			return false // lists are the same for every origin of a rule
		}
		compared = true
		for _, method := range missing(a.methods, b.methods) {
			found.add(Method, method, sources[key{corsrpc.GrantMethod, method}], path)
		}
		for _, name := range missing(a.sends, b.sends) {
			found.add(Send, name, sources[key{corsrpc.GrantRequestHeader, name}], path)
		}
		for _, name := range missing(a.reads, b.reads) {
			found.add(Read, name, sources[key{corsrpc.GrantResponseHeader, name}], path)
		}
		return false
	}
	anyGone := false
	for _, entry := range r.Origins {
		if compare(entry) {
			anyGone = true
			found.add(Call, entry, sources[key{corsrpc.GrantOrigin, entry}], path)
		}
	}
	if !anyGone {
		return
	}
	// Some of the pages of a pattern can have kept what others lost.
	for _, entry := range to.entries {
		if !slices.Contains(r.Origins, entry) {
			compare(entry)
		}
	}
}

// compareRuns finds what every page of the web can make run. A procedure runs
// for a link only if it can be called with GET, no method of a service that the
// schema does not have runs, and a method other than GET and POST needs a
// preflight.
func compareRuns(found changes, from, to *side, r *corsrpc.Rule) {
	for _, how := range []string{"call", "link"} {
		where := sample(r)
		where.stranger = how
		switch {
		case r.Match == corsrpc.MatchService,
			how == "call" && where.method != http.MethodPost && where.method != http.MethodGet,
			how == "call" && slices.Contains(r.Origins, "*"),             // a Call, then
			how == "link" && !slices.Contains(r.Methods, http.MethodGet), // of a binding or resource
			!from.runs(where), to.runs(where):
			continue
		}
		cause := "ReportOnly"
		switch {
		case !r.Enforced:
			cause = resourceField(r)
		case how == "link" && r.Links:
			cause = from.source(r, "Links", func(o corsrpc.Override) corsrpc.Switch { return o.Links })
		}
		found.add(Run, how, cause, label(r))
	}
}

// compareConfigs finds the fields that permit more on one side.
func compareConfigs(found changes, from, to corsrpc.Config) {
	for _, field := range []struct {
		name     string
		from, to bool
	}{
		{"RequireHosts", !from.RequireHosts, !to.RequireHosts},
		{"RequireFetchMetadata", !from.RequireFetchMetadata, !to.RequireFetchMetadata},
		{"DangerouslyAllowInsecureOrigins", from.DangerouslyAllowInsecureOrigins, to.DangerouslyAllowInsecureOrigins},
		{"DangerouslyAllowPublicSuffixes", from.DangerouslyAllowPublicSuffixes, to.DangerouslyAllowPublicSuffixes},
	} {
		if field.from && !field.to {
			found.add(Config, field.name, field.name, "")
		}
	}
	for i, entry := range from.ExplainTo {
		if !slices.Contains(to.ExplainTo, entry) {
			found.add(Config, "ExplainTo "+entry, fmt.Sprintf("ExplainTo[%d]", i), "")
		}
	}
	switch {
	case to.Hosts == nil: // every host
	case from.Hosts == nil:
		found.add(Config, "Hosts", "Hosts", "")
	default:
		for i, host := range from.Hosts {
			if !slices.Contains(to.Hosts, host) {
				found.add(Config, "Hosts "+host, fmt.Sprintf("Hosts[%d]", i), "")
			}
		}
	}
}

// source returns where a rule gets what a Switch turns on: the override of its
// method or service, its resource, or the field of Config.
func (s *side) source(r *corsrpc.Rule, field string, of func(corsrpc.Override) corsrpc.Switch) string {
	if r.Match == corsrpc.MatchResource {
		return resourceField(r) + "." + field
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(r.Procedure, "/"), "/")
	overrides := s.policy.Config().Overrides
	for _, name := range []string{service + "." + method, service} {
		if of(overrides[name]) == corsrpc.On {
			return fmt.Sprintf("Overrides[%q].%s", name, field)
		}
	}
	return field
}

func resourceField(r *corsrpc.Rule) string { return fmt.Sprintf("Resources[%q]", r.Path) }

// key is what a grant permits.
type key struct {
	kind  corsrpc.GrantKind
	value string
}

// sourcesOf returns where each permission of a rule comes from.
func sourcesOf(r *corsrpc.Rule) map[key]string {
	sources := make(map[key]string)
	for _, grant := range r.Grants() {
		k := key{grant.Kind, grant.Value}
		if sources[k] != "" {
			sources[k] += ", "
		}
		sources[k] += grant.Source
	}
	return sources
}

// label returns a rule's path as a Change has it.
func label(r *corsrpc.Rule) string {
	if r.Match == corsrpc.MatchBinding {
		return strings.Join(r.Methods, ",") + " " + r.Path
	}
	return r.Path
}

// missing returns the elements of a that b does not have.
func missing(a, b []string) []string {
	var names []string
	for _, name := range a {
		if !slices.Contains(b, name) {
			names = append(names, name)
		}
	}
	return names
}

package corsexport

import (
	"strconv"
	"strings"
)

// writeMaps writes all files except the configuration.
func (h *haproxy) writeMaps() {
	h.writePaths()
	h.writeOrigins()
	h.writeLists()
	h.writeAliases()
	for i := range h.bindings {
		h.requirementOf(h.bindings[i].grant)
	}
}

// writePaths writes which paths have which grant.
func (h *haproxy) writePaths() {
	if len(h.procedures) > 0 {
		t := h.newTable("procedures.map", "What procedures grant and demand.")
		for _, p := range h.procedures {
			t.add(p.grant.rule, "Path", p.path, own(p.grant))
		}
		t.finish()
	}
	if len(h.services) > 0 {
		t := h.newTable("services.map", "What other paths of services grant and demand.")
		for _, s := range h.services {
			t.add(s.grant.rule, "Path", s.prefix, own(s.grant))
		}
		t.finish()
	}
	if len(h.resources) > 0 {
		paths := h.newTable("resources.map", "Which resource a path belongs to: the first one that matches.")
		grants := h.newTable("resource-grants.map", "What resources grant, to the exact spellings of their paths.")
		for i, r := range h.resources {
			number := strconv.Itoa(i + 1)
			paths.add(r.key, "Path", r.wide, number)
			more := []string{wordResource}
			if r.exempt {
				more = append(more, wordExempt)
			}
			grants.add(r.key, "Path", keyed(number, pcreOf(r.grants)), own(r.grant, more...))
		}
		paths.finish()
		grants.finish()
	}
}

// keyed returns a regular expression for a number, "=" and what an anchored
// expression matches.
func keyed(number, anchored string) string {
	return "^" + number + "=" + strings.TrimPrefix(anchored, "^")
}

// writeOrigins writes which origins are in which set.
func (h *haproxy) writeOrigins() {
	exact := h.newTable("origins.map", "Set and origin, for origins that are listed as they are.")
	patterns := h.newTable("origin-patterns.map", "Set and origin, for patterns.")
	for _, s := range h.origins {
		number := strconv.Itoa(s.number)
		rule := h.ruleOf(s)
		if s.any {
			patterns.add(rule, "Origins", keyed(number, "."), "1")
			continue
		}
		for _, e := range s.entries {
			if e.exact {
				exact.add(rule, "Origins", number+"="+e.text, "1")
			} else {
				patterns.add(rule, "Origins", keyed(number, e.regexp), "1")
			}
		}
	}
	exact.finish()
	patterns.finish()
}

// ruleOf returns the path of the first rule that has a set of origins.
func (h *haproxy) ruleOf(s *originSet) string {
	for _, g := range h.grants {
		if g.origins == s {
			return g.rule
		}
	}
	return ""
}

// writeLists writes the values of headers, by the number of the grant.
func (h *haproxy) writeLists() {
	for _, list := range []struct {
		name, about, field string
		of                 func(*grant) string
	}{
		{"methods.map", "Access-Control-Allow-Methods by grant.", "Methods", func(g *grant) string { return g.methods }},
		{"request-headers.map", "Access-Control-Allow-Headers by grant.", "RequestHeaders", func(g *grant) string { return g.requestHeaders }},
		{"response-headers.map", "Access-Control-Expose-Headers by grant.", "ResponseHeaders", func(g *grant) string { return g.responseHeaders }},
		{"max-age.map", "Access-Control-Max-Age by grant.", "MaxAge", func(g *grant) string { return g.maxAge }},
	} {
		t := h.newTable(list.name, list.about)
		for _, g := range h.grants {
			value := list.of(g)
			if len(value) > haproxyList {
				h.refuse(&Refusal{Rule: g.rule, Field: list.field, Value: shortened(value), Problem: "is " + strconv.Itoa(len(value)) + " bytes of one header, too many for a buffer of HAProxy", Fix: "list fewer names"})
				continue
			}
			if value != "" && len(g.origins.entries) > 0 {
				t.add(g.rule, list.field, strconv.Itoa(g.number), value)
			}
		}
		t.finish()
	}
}

// writeAliases writes one list of expressions for each requirement of services.
func (h *haproxy) writeAliases() {
	for _, s := range h.services {
		if r := h.requirementOf(s.judge); s.plain == "" {
			r.aliases = append(r.aliases, s)
		}
	}
	for _, r := range h.asked {
		if len(r.aliases) == 0 {
			continue
		}
		t := h.newTable(r.aliasFile(), "Paths that could mean a procedure of a service.")
		for _, s := range r.aliases {
			t.add(s.grant.rule, "Path", s.alias, "")
		}
		t.finish()
	}
}

// aliasFile returns the name of the list of aliases.
func (r *requirement) aliasFile() string { return "aliases-" + strconv.Itoa(r.number) + ".lst" }

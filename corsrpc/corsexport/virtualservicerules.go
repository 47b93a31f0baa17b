package corsexport

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// printRule prints one route.
func (v *virtualService) printRule(b *strings.Builder, r *envoyRoute) {
	if r.section != "" {
		b.WriteString("  # " + r.section + "\n")
		return
	}
	lines := matchLines(r)
	status, mutations := r.status, r.mutations
	switch {
	case r.cors != nil:
		status, mutations = http.StatusNoContent, v.preflight(r.cors)
	case r.body != "":
		mutations = append(slices.Clip(mutations), envoyMutation{overwriteHeader, "Content-Type", access.ContentType})
	}
	switch {
	case status == 0:
		lines = append(lines, fmt.Sprintf("route: [{destination: {host: %s, port: {number: %d}}}]", yamlQuote(v.options.Upstream), v.options.Port))
	case r.body == "":
		lines = append(lines, fmt.Sprintf("directResponse: {status: %d}", status))
	default:
		lines = append(lines, fmt.Sprintf("directResponse: {status: %d, body: {string: %s}}", status, yamlQuote(r.body)))
	}
	lines = append(lines, headerLines(mutations, status != 0)...)
	b.WriteString("  - " + strings.Join(lines, "\n    ") + "\n")
}

// matchLines returns the conditions of a route.
func matchLines(r *envoyRoute) []string {
	var lines, with, without []string
	if r.path != "" {
		lines = append(lines, "uri: {regex: "+yamlQuote(r.path)+"}")
	}
	for _, h := range r.headers {
		condition := "{}" // there is one
		switch {
		case h.exact != "":
			condition = "{exact: " + yamlQuote(h.exact) + "}"
		case h.regex != "":
			condition = "{regex: " + yamlQuote(h.regex) + "}"
		}
		condition = yamlQuote(h.name) + ": " + condition
		if h.invert {
			without = append(without, condition)
		} else {
			with = append(with, condition)
		}
	}
	lines = slices.Concat(lines, mapLine("headers", with), mapLine("withoutHeaders", without))
	if lines == nil {
		return nil
	}
	return []string{"match:\n    - " + strings.Join(lines, "\n      ")}
}

// mapLine returns a map in one line, unless it is empty.
func mapLine(name string, pairs []string) []string {
	if pairs == nil {
		return nil
	}
	return []string{name + ": {" + strings.Join(pairs, ", ") + "}"}
}

// headerLines returns changes of the response's headers. Envoy removes headers,
// then sets some, then adds others.
func headerLines(mutations []envoyMutation, direct bool) []string {
	if mutations == nil {
		return nil
	}
	var set, add, remove []string
	for _, m := range mutations {
		name := yamlQuote(strings.ToLower(m.name))
		single := slices.ContainsFunc(withoutPermissions, func(o envoyMutation) bool { return o.name == m.name })
		switch {
		case m.action == removeHeader:
			if !slices.ContainsFunc(mutations, func(o envoyMutation) bool { return o.action != removeHeader && o.name == m.name }) {
				remove = append(remove, name)
			}
		case direct, single, m.action == overwriteHeader:
			set = append(set, name+": "+yamlQuote(m.value))
		default:
			add = append(add, name+": "+yamlQuote(m.value))
		}
	}
	lines := slices.Concat(mapLine("set", set), mapLine("add", add))
	if remove != nil {
		lines = append(lines, "remove: ["+strings.Join(remove, ", ")+"]")
	}
	return []string{"headers:\n      response:\n        " + strings.Join(lines, "\n        ")}
}

// preflight returns the headers of an allowed preflight. A corsPolicy would send
// status 200, lists in another form, no Vary and no max-age of 0.
func (v *virtualService) preflight(g *grant) []envoyMutation {
	origin := "%REQ(ORIGIN)%"
	if !g.echoes() {
		origin = "*"
	}
	headers := []envoyMutation{{overwriteHeader, allowOrigin, origin}}
	if g.credentials {
		headers = append(headers, envoyMutation{overwriteHeader, allowCredentials, "true"})
	}
	for _, list := range []struct{ field, name, value string }{
		{"Methods", allowMethods, g.methods}, {"RequestHeaders", allowHeaders, g.requestHeaders}, {"MaxAge", maxAge, g.maxAge},
	} {
		value := strings.ReplaceAll(list.value, "%", "%%")
		if len(value) > maxEnvoyValue {
			v.refuse(g.rule, list.field, list.value[:100], "is longer than the longest value that Envoy sends, 16 kB", "list fewer names")
		}
		if value != "" {
			headers = append(headers, envoyMutation{overwriteHeader, list.name, value})
		}
	}
	if g.echoes() {
		headers = append(headers, envoyMutation{overwriteHeader, "Vary", access.Vary})
	}
	return headers
}

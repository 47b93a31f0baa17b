package corsexport

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// An envoyRoute is a route of a virtual host. All its conditions must hold.
type envoyRoute struct {
	path    string // an expression for the whole path; empty means any path
	headers []envoyHeader

	status    int    // of a response that Envoy gives itself, if it is not 0
	body      string // of that
	cors      *grant // of a preflight that the CORS filter responds to
	mutations []envoyMutation

	of      Refusal // what stands here, for refusals
	section string  // the comment before it
}

// with returns the route with further conditions.
func (r envoyRoute) with(headers ...envoyHeader) envoyRoute {
	r.headers = append(slices.Clip(r.headers), headers...)
	return r
}

// An envoyHeader is a condition about a header: that it is exactly a text, that
// an expression matches the whole of it, or without these that it is there. With
// invert, it is the contrary.
type envoyHeader struct {
	name, exact, regex string
	invert             bool
}

const (
	methodHeader      = ":method"
	pathHeader        = ":path" // with the query
	hostHeader        = ":authority"
	originHeader      = "origin"
	siteHeader        = "sec-fetch-site"
	purposeHeader     = "sec-purpose"
	askedMethodHeader = "access-control-request-method"
)

// An envoyMutation changes a header of the response. The value is a format, in
// which "%%" is a percent sign.
type envoyMutation struct{ action, name, value string }

const (
	removeHeader    = ""
	appendHeader    = "APPEND_IF_EXISTS_OR_ADD"
	overwriteHeader = "OVERWRITE_IF_EXISTS_OR_ADD"
)

// section begins a section of the file.
func (e *envoy) section(comment string) {
	e.routes = append(e.routes, envoyRoute{section: comment})
}

// add adds a route, unless it cannot match, or another one with these conditions
// comes before it. It refuses one whose expressions are too large.
func (e *envoy) add(r envoyRoute) {
	var possible bool
	if r.headers, possible = mergeHeaders(r.headers); !possible {
		return
	}
	sorted := slices.SortedFunc(slices.Values(r.headers), func(a, b envoyHeader) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	key := fmt.Sprintln(r.path, sorted)
	if e.known[key] {
		return
	}
	e.known[key] = true
	e.limit(r.path, r.of)
	for _, header := range r.headers {
		of := r.of
		switch header.name {
		case originHeader:
			of.Field, of.Value = "Origins", header.regex[:min(len(header.regex), 100)]
		case hostHeader:
			of = Refusal{Field: "Options.Hosts", Value: e.options.Hosts[0]}
		}
		e.limit(header.regex, of)
	}
	e.routes = append(e.routes, r)
}

// mergeHeaders makes one condition of those about one header, as far as that is
// possible, and reports whether all of them can hold.
func mergeHeaders(headers []envoyHeader) (merged []envoyHeader, possible bool) {
	for _, h := range headers {
		i := slices.IndexFunc(merged, func(o envoyHeader) bool { return o.name == h.name && o.invert == h.invert })
		if i < 0 || h.invert && (h.isPresence() || merged[i].isPresence()) {
			merged = append(merged, h)
			continue
		}
		switch o := &merged[i]; {
		case *o == h:
		case h.invert:
			*o = envoyHeader{name: h.name, regex: o.expression() + "|" + h.expression(), invert: true}
		case h.isPresence(), h.regex == notEmpty && !o.isPresence():
		case o.isPresence(), o.regex == notEmpty:
			*o = h
		case h.exact != "":
			if o.matches(h.exact) {
				*o = h
				continue
			}
			return nil, false
		case o.exact != "":
			if !h.matches(o.exact) {
				return nil, false
			}
		default:
			merged = append(merged, h)
		}
	}
	return merged, true
}

// notEmpty is an expression for any value but the empty one.
const notEmpty = ".+"

// isPresence reports whether the condition is about whether there is a value.
func (h *envoyHeader) isPresence() bool { return h.exact+h.regex == "" }

// expression returns an expression for the values that h compares with.
func (h *envoyHeader) expression() string {
	if h.exact != "" {
		return regexp.QuoteMeta(h.exact)
	}
	return h.regex
}

func (h *envoyHeader) matches(value string) bool {
	return regexp.MustCompile(`\A(?:` + h.expression() + `)\z`).MatchString(value)
}

// envoyLimits are those of regular expressions.
type envoyLimits struct {
	of      string // what has these limits
	group   int    // bytes of one that is made of several words
	length  int    // bytes of one; 0 means any number
	program int    // instructions in package regexp
}

// maxEnvoyProgram is how many instructions an expression can have in package
// regexp. RE2 has up to eight where this has one, since it reads bytes, and takes
// about 170,000.
const maxEnvoyProgram = 15_000

// limit refuses an expression that is too large.
func (e *envoy) limit(expression string, of Refusal) {
	if _, known := e.sizes[expression]; known || len(expression) < maxEnvoyProgram/200 {
		return
	}
	e.sizes[expression] = true
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err == nil && (e.limits.length == 0 || len(expression) <= e.limits.length) {
		var program *syntax.Prog
		if program, err = syntax.Compile(parsed.Simplify()); err == nil && len(program.Inst) <= e.limits.program {
			return
		}
	}
	of.Problem, of.Fix = "is larger than the largest regular expression that "+e.limits.of+" takes", "shorten it"
	e.refuse(&of)
}

// print returns the first file.
func (e *envoy) print() []byte {
	var b strings.Builder
	b.WriteString(envoyGenerated)
	b.WriteString("# Put the directory of this file at rds.config_source.path_config_source of the\n# HttpConnectionManager, with route_config_name " + e.options.Prefix + ".\n")
	b.WriteString("resources:\n- \"@type\": type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n")
	name := yamlQuote(e.options.Prefix)
	b.WriteString("  name: " + name + "\n  virtual_hosts:\n  - name: " + name + "\n    domains: [\"*\"]\n    routes:\n")
	for i := range e.routes {
		e.routes[i].print(&b, e.options.Upstream)
	}
	return []byte(b.String())
}

func (r *envoyRoute) print(b *strings.Builder, upstream string) {
	if r.section != "" {
		b.WriteString("    # " + r.section + "\n")
		return
	}
	line := func(indent int, format string, args ...any) {
		fmt.Fprintf(b, strings.Repeat(" ", indent)+format+"\n", args...)
	}
	line(4, "- match:")
	if r.path == "" {
		line(8, `prefix: "/"`)
	} else {
		line(8, "safe_regex: {regex: %s}", yamlQuote(r.path))
	}
	if r.headers != nil {
		line(8, "headers:")
	}
	for _, h := range r.headers {
		condition := "present_match: true"
		switch {
		case h.exact != "":
			condition = "string_match: {exact: " + yamlQuote(h.exact) + "}"
		case h.regex != "":
			condition = "string_match: {safe_regex: {regex: " + yamlQuote(h.regex) + "}}"
		}
		if h.invert {
			condition += ", invert_match: true"
			if h.exact+h.regex != "" {
				condition += ", treat_missing_header_as_empty: true"
			}
		}
		line(8, "- {name: %s, %s}", yamlQuote(h.name), condition)
	}
	switch {
	case r.status == 0:
		// Streams have no end that a route could wait for.
		line(6, "route: {cluster: %s, timeout: 0s}", yamlQuote(upstream))
	case r.body == "":
		line(6, "direct_response: {status: %d}", r.status)
	default:
		line(6, "direct_response: {status: %d, body: {inline_string: %s}}", r.status, yamlQuote(r.body))
	}
	if r.cors == nil && r.mutations == nil {
		return
	}
	line(6, "typed_per_filter_config:")
	if g := r.cors; g != nil {
		// Fields that are left out would be those of the virtual host.
		line(8, "%s:", envoyCORS)
		line(10, `"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy`)
		line(10, "allow_origin_string_match: [{safe_regex: {regex: %s}}]", yamlQuote(g.origins.envoyRegexp()))
		line(10, "allow_methods: %s", yamlQuote(g.methods))
		line(10, "allow_headers: %s", yamlQuote(g.requestHeaders))
		line(10, "max_age: %s", yamlQuote(g.maxAge))
		line(10, "allow_credentials: %t", g.credentials)
		line(10, "allow_private_network_access: false")
		line(10, "forward_not_matching_preflights: false")
	}
	if r.mutations != nil {
		line(8, "%s:", envoyMutationFilter)
		line(10, `"@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute`)
		line(10, "mutations:")
		line(12, "response_mutations:")
	}
	for _, m := range r.mutations {
		if m.action == removeHeader {
			line(12, "- remove: %s", yamlQuote(m.name))
			continue
		}
		line(12, "- append: {header: {key: %s, value: %s}, append_action: %s}", yamlQuote(m.name), yamlQuote(m.value), m.action)
	}
}

// yamlQuote returns a text as a double-quoted scalar of YAML, in ASCII.
func yamlQuote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	b.WriteByte('"')
	return b.String()
}

package corsexport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// Nginx writes a policy for nginx 1.22 and later, as three files that begin with
// Options.Prefix:
//
//   - corsrpc_http.conf is included in the http block. It only defines variables.
//   - corsrpc_server.conf is included in each server block that the policy is
//     for, before other rewrite directives. It responds to preflights, refuses
//     calls, and sets headers.
//   - corsrpc_headers.conf is included in each location that has an add_header,
//     a proxy_hide_header or a grpc_hide_header of its own, since nginx drops
//     those of the server block there.
//
// Policies with different Prefixes can be included in one nginx.
//
// Of Options, it reads BehindGate, Hosts and Prefix, which can have at most 20
// bytes. It refuses words that are longer than nginx reads.
func Nginx(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	n := &nginx{plan: plan, names: make(map[string]bool), classes: make(judgeClasses)}
	n.checkPrefix()
	n.checkMethods()
	files := []File{
		{plan.options.Prefix + "_http.conf", n.http()},
		{plan.options.Prefix + "_server.conf", n.server()},
		{plan.options.Prefix + "_headers.conf", []byte(n.generated("Include this in each location with headers of its own.") + n.headers())},
	}
	if err := errors.Join(n.refusals...); err != nil {
		return nil, err
	}
	n.addNotes()
	return &Export{Files: files, Notes: plan.notes}, nil
}

// nginx prints a plan.
//
// All conditions are maps, which nginx evaluates when somebody needs the
// variable, and once for each request. So a variable of one grant is never
// evaluated for a path of another.
type nginx struct {
	*plan
	out      strings.Builder
	refusals []error
	// dollar is set once a value needs a dollar sign, which nginx cannot quote.
	dollar  bool
	names   map[string]bool // of the maps so far
	classes judgeClasses
}

func (n *nginx) checkPrefix() {
	// The names of variables stand in a hash, whose default buckets have 64
	// bytes.
	if prefix := n.options.Prefix; len(prefix) > maxNginxPrefix {
		n.refusals = append(n.refusals, &Refusal{Field: "Options.Prefix", Value: prefix, Problem: "is too long for the names of nginx variables", Fix: fmt.Sprintf("use at most %d bytes", maxNginxPrefix)})
	}
}

// checkMethods refuses HTTP methods to which nginx responds with 400.
func (n *nginx) checkMethods() {
	for _, g := range n.grants {
		for _, method := range g.methodNames {
			if !isNginxMethod(method) {
				n.refusals = append(n.refusals, &Refusal{Rule: g.rule, Field: "Methods", Value: method, Problem: "is an HTTP method that nginx does not take", Fix: "use a method of capital letters, '-' and '_' alone"})
			}
		}
	}
}

// isNginxMethod: ngx_http_parse_request_line (src/http/ngx_http_parse.c).
func isNginxMethod(method string) bool {
	return method == "*" || !strings.ContainsFunc(method, func(r rune) bool { return r != '_' && r != '-' && (r < 'A' || r > 'Z') })
}

const (
	maxNginxPrefix = 20
	// maxNginxWord is a little less than the length of the longest word that
	// nginx reads.
	maxNginxWord = 4000
)

// v returns a variable as part of a value.
func (n *nginx) v(name string) string { return "${" + n.options.Prefix + "_" + name + "}" }

// numbered returns the name of a variable that there are several of.
func numbered(name string, number int) string { return fmt.Sprintf("%s%d", name, number) }

// A mapping is a line of a map: a key, or an expression with "~" before it, and
// a value with variables, quoted by literal where it has none.
type mapping struct {
	key, value string
	// of is what stands here, for the refusal of a word that is too long.
	of Refusal
}

func line(key, value string) mapping { return mapping{key: key, value: value} }

// in returns the line of something in a rule.
func (m mapping) in(rule, field, value string) mapping {
	m.of = Refusal{Rule: rule, Field: field, Value: value}
	return m
}

// mapTo prints a map. Its source is a value, and its lines are looked at in
// order. Without one that fits, the variable is empty.
func (n *nginx) mapTo(name, source string, lines ...mapping) {
	n.names[name] = true
	fmt.Fprintf(&n.out, "map %s $%s_%s {\n", nginxQuote(source), n.options.Prefix, name)
	for _, m := range lines {
		fmt.Fprintf(&n.out, "\t%s %s;\n", n.word(m.key, &m.of), n.word(m.value, &m.of))
	}
	n.out.WriteString("}\n")
}

// mapClosed prints a map whose variable is failed if an expression cannot be
// tried to its end, which nginx takes for none that fits.
func (n *nginx) mapClosed(name, source, failed string, lines ...mapping) {
	n.mapTo(name, source, append(lines, line(re("^"), ""), line("default", failed))...)
}

// word quotes a word.
func (n *nginx) word(text string, of *Refusal) string {
	quoted := nginxQuote(text)
	if len(quoted) > maxNginxWord {
		refusal := *of
		refusal.Problem, refusal.Fix = "is longer than the longest word that nginx reads, 4 kB, once it is an expression", "shorten it"
		n.refusals = append(n.refusals, &refusal)
	}
	return quoted
}

// re returns the key of an expression.
func re(expression string) string { return "~" + expression }

// nginxQuote quotes a word. Dollar signs stay, since they begin variables.
func nginxQuote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// literal returns a text as a value that stands for itself.
func (n *nginx) literal(text string) string {
	if strings.Contains(text, "$") {
		n.dollar = true
	}
	return strings.ReplaceAll(text, "$", n.v("dollar"))
}

// generated returns the comment at the beginning of a file.
func (n *nginx) generated(use string) string {
	return "# Written by corsrpc from a policy. Do not edit it: write it again.\n# " + use + "\n"
}

// Where the target responds itself.
const (
	nginxAllowed          = "allowed"
	nginxRefused          = "refused"
	nginxRefusedPreflight = "refused_preflight"
)

func (n *nginx) location(name string) string { return "/." + n.options.Prefix + "/" + name }

// server returns the file for server blocks.
func (n *nginx) server() []byte {
	var b strings.Builder
	b.WriteString(n.generated("Include this in server blocks, before other rewrite directives."))
	fmt.Fprintf(&b, `
if ($%[1]s_answer) {
	rewrite ^ $%[1]s_answer last;
}
`, n.options.Prefix)
	header := func(name, value string) string {
		return fmt.Sprintf("\tadd_header %s %s always;\n", name, nginxQuote(value))
	}
	// Whatever the server block sets for its own responses is for others.
	location := func(name, directives string) {
		fmt.Fprintf(&b, "\nlocation = %s {\n\tinternal;\n\texpires off;\n%s}\n", n.location(name), directives)
	}
	location(nginxAllowed,
		header(allowOrigin, n.v("acao"))+
			header(allowCredentials, n.v("acac"))+
			header(allowMethods, n.v("meths"))+
			header(allowHeaders, n.v("names"))+
			header(maxAge, n.v("age"))+
			header("Vary", n.v("vary"))+
			"\treturn 204;\n")
	refused := header("Cache-Control", access.NoStore) + header("Vary", access.Vary)
	location(nginxRefusedPreflight, "\ttypes { }\n\tdefault_type \"\";\n"+refused+
		// With a variable, nginx sends no page of its own.
		fmt.Sprintf("\treturn 403 $%s_empty;\n", n.options.Prefix))
	location(nginxRefused, "\ttypes { }\n\tdefault_type "+nginxQuote(access.ContentType)+";\n\tcharset off;\n"+refused+
		header("X-Content-Type-Options", access.NoSniff)+
		fmt.Sprintf("\treturn 403 $%s_body;\n", n.options.Prefix))
	b.WriteString("\n" + n.headers())
	return []byte(b.String())
}

const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	allowMethods     = "Access-Control-Allow-Methods"
	allowHeaders     = "Access-Control-Allow-Headers"
	exposeHeaders    = "Access-Control-Expose-Headers"
	maxAge           = "Access-Control-Max-Age"
)

// headers returns the directives that set the headers of calls.
func (n *nginx) headers() string {
	var b strings.Builder
	for _, header := range []string{allowOrigin, allowCredentials, allowMethods, allowHeaders, maxAge} {
		fmt.Fprintf(&b, "proxy_hide_header %[1]s;\ngrpc_hide_header %[1]s;\n", header)
	}
	for _, header := range []struct{ name, variable string }{
		{allowOrigin, "acao"}, {allowCredentials, "acac"}, {allowMethods, "acam"}, {allowHeaders, "acah"},
		{maxAge, "acma"}, {exposeHeaders, "aceh"}, {"Vary", "vary"},
	} {
		fmt.Fprintf(&b, "add_header %s $%s_%s always;\n", header.name, n.options.Prefix, header.variable)
	}
	return b.String()
}

// addNotes adds what is weaker or stricter than Wrap.
func (n *nginx) addNotes() {
	if len(n.services) > 0 && !n.options.BehindGate {
		n.plan.note("A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.")
		n.plan.note("Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	n.plan.note("Vary: Origin is a line of its own, after those of the backend.")
	n.plan.note("For backends that nginx reaches by fastcgi_pass, uwsgi_pass or scgi_pass, the headers that proxy_hide_header names must be hidden by their own directives.")
	if n.options.BehindGate {
		n.plan.note("No call is refused: something behind nginx must refuse calls.")
	}
}

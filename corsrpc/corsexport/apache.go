package corsexport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// Apache writes a policy for Apache httpd 2.4.47 and later, as one file whose name
// is Options.Prefix with ".conf". It is included in each VirtualHost that the
// policy is for, before other RewriteRule directives. It needs the modules headers,
// rewrite and setenvif.
//
// Apache then responds to preflights and refuses calls before it asks for a
// password, before it rewrites a path and before it chooses a backend. Its own
// errors have CORS headers too. The file sets the headers after all Header
// directives outside of If sections.
//
// Policies with different Prefixes can be included in one virtual host.
//
// Of Options, it reads BehindGate, Hosts and Prefix. The error joins a [*Refusal]
// for everything that Apache cannot say.
func Apache(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	a := &apache{plan: plan, classes: make(judgeClasses), letters: make(map[string]bool)}
	if prefix := plan.options.Prefix; strings.HasPrefix(strings.ToUpper(prefix), "REDIRECT_") {
		a.refusals = append(a.refusals, &Refusal{Field: "Options.Prefix", Value: prefix, Problem: "begins as the variables do that Apache keeps of a request that led to another", Fix: "use another name"})
	}
	a.request()
	a.paths()
	a.asked()
	a.own()
	a.originLists()
	a.judges()
	a.outcome()
	a.redirects()
	a.responses()
	if err := errors.Join(a.refusals...); err != nil {
		return nil, err
	}
	a.addNotes()
	return &Export{Files: []File{{plan.options.Prefix + ".conf", []byte(a.out.String())}}, Notes: plan.notes}, nil
}

// apache prints a plan.
//
// mod_setenvif evaluates its directives in order, as soon as the header of a
// request is read. Variables stand for what is known of the request. Sections with
// conditions on them have the headers of responses.
//
// All directives are SetEnvIfExpr: SetEnvIf takes a header of the request for a
// variable of that name, and after a SetEnvIfExpr it can compare with nothing.
// Conditions read headers by req_novary, since others make Apache add to Vary.
type apache struct {
	*plan
	out      strings.Builder
	refusals []error
	classes  judgeClasses
	letters  map[string]bool // of reasons that are given
	// temporary are the variables that responses do not need.
	temporary []string
}

// maxApacheRegexp is a little less than the length of the longest regular
// expression within a condition that Apache reads.
const maxApacheRegexp = 8000

// v returns the name of a variable.
func (a *apache) v(name string) string { return a.options.Prefix + "_" + name }

// temp returns the name of a variable that only other conditions need.
func (a *apache) temp(name string) string {
	if full := a.v(name); !slices.Contains(a.temporary, full) {
		a.temporary = append(a.temporary, full)
	}
	return a.v(name)
}

func (a *apache) comment(text string) { a.out.WriteString("\n# " + text + "\n") }

// apacheQuote quotes a word.
func apacheQuote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// setIf writes variables for requests that meet all conditions.
func (a *apache) setIf(conditions []string, variables ...string) {
	fmt.Fprintf(&a.out, "SetEnvIfExpr %s %s\n", apacheQuote(strings.Join(conditions, " && ")), strings.Join(variables, " "))
}

// always is the condition that every request meets.
const always = "true"

// when begins a list of conditions.
func when(conditions ...string) []string { return conditions }

// has is the condition that a variable has a value, or is not set if the value is
// empty.
func (a *apache) has(name, value string) string {
	return a.value(name) + " == '" + value + "'"
}

func (a *apache) isSet(name string) string { return "-n " + a.value(name) }

// isOf is the condition that a variable is one of these numbers.
func (a *apache) isOf(name string, numbers []int) string {
	if len(numbers) == 1 {
		return a.has(name, fmt.Sprint(numbers[0]))
	}
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprintf("'%d'", n)
	}
	return a.value(name) + " in {" + strings.Join(words, ",") + "}"
}

func header(name string) string { return "req_novary('" + name + "')" }

const requestMethod = "%{REQUEST_METHOD}"

// requestPath is the path as it was sent, without its query.
func (a *apache) requestPath() string { return a.value("path") }

func (a *apache) value(name string) string { return "reqenv('" + a.v(name) + "')" }

// matches is the condition that an expression is found in part of a request. It
// is not met if that cannot be tried to its end.
func matches(part, expression string) string {
	return part + " =~ " + apacheRegexp(expression)
}

// mayMatch is the condition that an expression, which is tried from the beginning,
// matches part of a request or cannot be tried to its end.
func mayMatch(part, expression string) string {
	return part + " !~ " + apacheRegexp("^(?!"+expression+")")
}

func apacheRegexp(expression string) string {
	return "m#" + strings.ReplaceAll(expression, "#", `\x23`) + "#"
}

// mayHave is mayMatch for an expression that is tried anywhere.
func mayHave(part, expression string) string { return mayMatch(part, ".*"+expression) }

// check refuses a rule whose expression is too long.
func (a *apache) check(expression, rule, field, value string) {
	if len(expression) > maxApacheRegexp-100 {
		a.refusals = append(a.refusals, &Refusal{Rule: rule, Field: field, Value: shortened(value), Problem: "takes a regular expression that is too long for Apache, which reads 8 kB", Fix: "shorten it"})
	}
}

// responses writes what depends on the outcome.
func (a *apache) responses() {
	a.comment("Preflights of listed origins, and requests that are refused.")
	// The map makes Apache refuse the file in a Location, where it would have no
	// effect. The first rule ends a condition that stands before the file.
	fmt.Fprintf(&a.out, `RewriteMap %[3]s int:tolower
RewriteEngine On
RewriteRule ^ -
RewriteCond %%{ENV:%[1]s} .
RewriteRule ^ - [R=204,L]
RewriteCond %%{ENV:%[2]s} .
RewriteRule ^ - [R=403,L]
`, a.v("pass"), a.v("no"), a.v("host"))
	if !a.options.BehindGate {
		a.comment("Connections that become HTTP/2 would go on past these rules.")
		fmt.Fprintf(&a.out, "RequestHeader unset Upgrade %s\n", apacheQuote("expr="+matches(header("Upgrade"), "(?i)h2c")))
	}
	// Its quick handler responds before anything is asked.
	a.out.WriteString("<IfModule mod_cache.c>\n\tCacheQuickHandler off\n</IfModule>\n")

	a.comment("The headers of responses, Apache's own included: there are two tables of headers.")
	a.section(a.isSet("grant")+" || "+a.isSet("no"), func() {
		for _, name := range []string{allowOrigin, allowCredentials, allowMethods, allowHeaders, maxAge} {
			fmt.Fprintf(&a.out, "\tHeader unset %[1]s\n\tHeader always unset %[1]s\n", name)
		}
		fmt.Fprintf(&a.out, "\tHeader always set %s %%{%[2]s}e env=%[2]s\n", allowOrigin, a.v("allow"))
		fmt.Fprintf(&a.out, "\tHeader always merge Vary %s %s\n", access.Vary, apacheQuote("expr="+a.isSet("vary")+" && !("+matches("resp('Vary')", `(?:^|,)\s*\*`)+")"))
		a.values(allowCredentials, "lists", func(g *grant) string {
			if g.credentials {
				return "true"
			}
			return ""
		})
		a.values(exposeHeaders, "call", func(g *grant) string { return g.responseHeaders })
	})
	a.section(a.isSet("pass"), func() {
		a.values(allowMethods, "pass", func(g *grant) string { return g.methods })
		a.values(allowHeaders, "pass", func(g *grant) string { return g.requestHeaders })
		a.values(maxAge, "pass", func(g *grant) string { return g.maxAge })
	})
	// Require is for the case that RewriteEngine is off.
	refused := fmt.Sprintf("\tRequire all denied\n\tHeader always set Cache-Control %s\n\tHeader always merge Vary %s\n", access.NoStore, access.Vary)
	a.section(a.has("no", refusedPreflight), func() {
		fmt.Fprintf(&a.out, "\tErrorDocument 403 \"%%{reqenv:%s}\"\n%s\tHeader always unset Content-Type\n", a.v("body"), refused)
	})
	if !a.options.BehindGate {
		a.section(a.isSet("body"), func() {
			fmt.Fprintf(&a.out, "\tErrorDocument 403 \"%%{reqenv:%s}\\n\"\n%s\tHeader always set Content-Type %s\n\tHeader always set X-Content-Type-Options %s\n",
				a.v("body"), refused, apacheQuote(access.ContentType), access.NoSniff)
		})
	}
}

func (a *apache) section(condition string, write func()) {
	fmt.Fprintf(&a.out, "<If %s>\n", apacheQuote(condition))
	write()
	a.out.WriteString("</If>\n")
}

// values writes a header whose value depends on the grant, whose number a variable
// has.
func (a *apache) values(name, variable string, value func(g *grant) string) {
	var order []string
	numbers := make(map[string][]int)
	for _, g := range a.grants {
		text := value(g)
		if text == "" || len(g.origins.entries) == 0 || g.internal {
			continue
		}
		if numbers[text] == nil {
			order = append(order, text)
		}
		numbers[text] = append(numbers[text], g.number)
	}
	for _, text := range order {
		fmt.Fprintf(&a.out, "\tHeader always set %s %s %s\n", name, apacheQuote(strings.ReplaceAll(text, "%", "%%")), apacheQuote("expr="+a.isOf(variable, numbers[text])))
	}
}

// addNotes adds what is weaker or stricter than Wrap.
func (a *apache) addNotes() {
	if len(a.services) > 0 && !a.options.BehindGate {
		a.note("A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.")
		a.note("Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	a.note("Apache itself responds 404 to paths with %2F, unless AllowEncodedSlashes is on.")
	if a.options.BehindGate {
		a.note("No call is refused: something behind Apache must refuse calls.")
	}
}

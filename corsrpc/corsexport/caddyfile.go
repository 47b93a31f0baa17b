package corsexport

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// Caddyfile writes a policy for Caddy 2.11 and later with no modules but its
// standard ones, as one file: corsrpc.caddyfile, after Options.Prefix. It has a
// named route that responds to preflights, refuses calls, and sets headers:
//
//	{
//		order invoke first
//	}
//	import corsrpc.caddyfile
//
//	api.example.com {
//		invoke corsrpc_policy
//		reverse_proxy localhost:8080
//	}
//
// Without the global option, Caddy runs other directives before the route, which
// could change what it judges.
//
// All names begin with the Prefix, so several policies can be in one
// Caddyfile. Package corscaddy has the same policy as a module, which needs no
// export, but has to be compiled into Caddy.
//
// Of Options, it reads BehindGate, Hosts and Prefix.
func Caddyfile(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	c := &caddyfile{plan: plan, classes: make(judgeClasses), asked: make(map[int]string)}
	data := c.file()
	if err := errors.Join(c.refusals...); err != nil {
		return nil, err
	}
	c.addNotes()
	return &Export{Files: []File{{plan.options.Prefix + ".caddyfile", data}}, Notes: plan.notes}, nil
}

// caddyfile prints a plan.
//
// There are two kinds of names. A destination of a map, {corsrpc_x}, is looked up
// whenever it is used. A variable, {vars.corsrpc_x}, is set where the route comes
// to it, and is empty before. Matchers of a header look at whether there is a
// line of it; placeholders join all lines with commas.
type caddyfile struct {
	*plan
	out      strings.Builder
	depth    int
	refusals []error
	classes  judgeClasses
	// asked has, by class of grants, the variables that are not empty if the
	// class is asked about the request.
	asked map[int]string
}

// put prints a line of words, which are quoted.
func (c *caddyfile) put(words ...string) {
	c.out.WriteString(strings.Repeat("\t", c.depth))
	for i, word := range words {
		if i > 0 {
			c.out.WriteByte(' ')
		}
		if i == len(words)-1 && word == "{" {
			c.out.WriteByte('{')
			c.depth++
			continue
		}
		c.out.WriteString(caddyQuote(word))
	}
	c.out.WriteByte('\n')
}

// end closes a block.
func (c *caddyfile) end() {
	c.depth--
	c.out.WriteString(strings.Repeat("\t", c.depth) + "}\n")
}

// comment prints a comment. Caddy replaces {$NAME} there too.
func (c *caddyfile) comment(text string) {
	if !strings.HasSuffix(c.out.String(), "{\n") {
		c.out.WriteByte('\n')
	}
	c.out.WriteString(strings.Repeat("\t", c.depth) + "# " + strings.NewReplacer("{", "(", "}", ")").Replace(text) + "\n")
}

// name returns the name of a variable, a destination or a matcher.
func (c *caddyfile) name(name string) string { return c.options.Prefix + "_" + name }

// m and v return the values of a map's destination and of a variable, as parts of
// a word.
func (c *caddyfile) m(name string) string { return "{" + c.name(name) + "}" }
func (c *caddyfile) v(name string) string { return "{vars." + c.name(name) + "}" }

// mapTo prints a map. Its lines are looked at in order. The values of keys with
// an expression can have its groups, such as $1, and no placeholders.
func (c *caddyfile) mapTo(name, source string, lines ...mapping) {
	rows := make([]mappings, len(lines))
	for i, l := range lines {
		rows[i] = mappings{l.key, []string{l.value}}
	}
	c.mapsTo([]string{name}, source, rows...)
}

// mappings are lines of several maps, with a value for each. An empty one stands
// for no line.
type mappings struct {
	key    string
	values []string
}

// mapsTo prints several maps with the same source, which cost a request less
// than as many of their own.
func (c *caddyfile) mapsTo(names []string, source string, rows ...mappings) {
	words := []string{"map", source}
	for _, name := range names {
		words = append(words, c.m(name))
	}
	c.put(append(words, "{")...)
	seen := make(map[string]bool) // Caddy does not take a key twice
	for _, row := range rows {
		key := row.key
		if expression, ok := strings.CutPrefix(key, "~"); ok {
			key = re(caddyRegexp(expression))
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		words := []string{key}
		for _, value := range row.values {
			switch {
			case value == "" && len(names) > 1:
				value = "-"
			case value == "-": // alone, it stands for no value
				value += c.v("none")
			}
			words = append(words, value)
		}
		c.put(words...)
	}
	c.end()
}

// set prints what sets a variable, if a matcher matches.
func (c *caddyfile) set(name, value string, matchers ...string) {
	words := []string{"vars"}
	for _, matcher := range matchers {
		words = append(words, "@"+c.name(matcher))
	}
	c.put(append(words, c.name(name), value)...)
}

// match prints a matcher of one line.
func (c *caddyfile) match(name string, words ...string) {
	c.put(append([]string{"@" + c.name(name)}, words...)...)
}

// matchSet prints a matcher for a variable that is not empty.
func (c *caddyfile) matchSet(name, variable string) {
	c.match(name, "not", "vars", c.name(variable), "")
}

// route begins a block for the requests that a matcher matches.
func (c *caddyfile) route(matcher string) { c.put("route", "@"+c.name(matcher), "{") }

// plainWord matches words that need no quotes.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9@{/+>!*_-](?:[A-Za-z0-9_./:*-]|\{[a-z_.A-Z0-9-]+\}|\})*$`)

// caddyQuote quotes a word. Between quotes, all characters stand for themselves,
// except a backslash before a quote, which no word has. Without quotes, Caddy
// takes numbers for such, and turns them into text whenever it looks at them,
// even in lines of a map that do not match.
func caddyQuote(word string) string {
	_, errNumber := strconv.ParseFloat(word, 64)
	_, errBool := strconv.ParseBool(word)
	if plainWord.MatchString(word) && errNumber != nil && errBool != nil {
		return word
	}
	return `"` + word + `"`
}

// caddyText returns the key of a text that stands for itself. Braces, quotes and
// backslashes are only in expressions, where they can be written otherwise.
func caddyText(text string) string {
	if text == "default" || strings.HasPrefix(text, "~") || strings.ContainsAny(text, "{}\\\"") {
		return re("^" + regexp.QuoteMeta(text) + "$")
	}
	return text
}

// caddyRegexp returns an expression without quotes and without quoted braces.
// Caddy takes the backslash from the braces of files that are imported, and looks
// between them for placeholders.
func caddyRegexp(expression string) string {
	var b strings.Builder
	for i := 0; i < len(expression); i++ {
		char := expression[i : i+1]
		if char == `\` && i+1 < len(expression) {
			i++
			char += expression[i : i+1]
		}
		switch char {
		case `\{`, `\}`, `"`, `\"`:
			fmt.Fprintf(&b, `\x%02X`, char[len(char)-1])
		default:
			b.WriteString(char)
		}
	}
	return b.String()
}

// addNotes adds what is weaker or stricter than Wrap.
func (c *caddyfile) addNotes() {
	if len(c.services) > 0 && !c.options.BehindGate {
		c.plan.note("A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.")
		c.plan.note("Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	c.plan.note("Directives that run before the route can respond to preflights, or change what it judges: the global option order invoke first lets the route run first.")
	if c.hosts == nil && !c.options.BehindGate {
		c.plan.note("Without Hosts, the host of Origin must equal Host byte for byte, in lower case.")
	}
	if c.options.BehindGate {
		c.plan.note("No call is refused: something behind Caddy must refuse calls.")
	}
}

// file returns the file.
func (c *caddyfile) file() []byte {
	c.out.WriteString("# Written by corsrpc from a policy. Do not edit it: write it again.\n# Import this below the global options, which must have: order invoke first\n# Write in each site: invoke " + c.name("policy") + "\n\n")
	c.out.WriteString("&(" + c.name("policy") + ") {\n")
	// Directives of a named route are sorted, and those of a route are not.
	c.depth++
	c.put("route", "{")
	c.request()
	c.hostMaps()
	c.originMaps()
	c.grantMaps()
	c.paths()
	c.answer()
	c.responses()
	c.end()
	c.end()
	return []byte(c.out.String())
}

// refuse prints the response to a refused call.
func (c *caddyfile) refuse(reason access.Reason) {
	c.refusedHeaders(true)
	c.put("respond", reason.Body(), "403")
}

// isASCII reports whether a name can share an expression with others.
func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

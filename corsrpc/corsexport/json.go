package corsexport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// JSON returns the policy as data, for programs in any language: workers of a
// CDN, gateways with plugins, Terraform. The first file, PREFIX.json, has the
// rules. The second one, PREFIX-cases.json, has requests and what Policy.Wrap
// responds to them, to test such a program with. The document docs/edge-json.md
// describes every field of both, and step by step how a program decides by
// them. examples/edge/worker has one in JavaScript.
//
// The form is stable. A later version of this package can add a field; if programs
// that ignore it would decide wrongly, the number in the field version changes.
//
// Of o, JSON reads BehindGate, Hosts and Prefix. Its error joins a [*Refusal] for
// everything in the policy that cannot be said.
func JSON(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	document, err := newJSONPolicy(plan)
	if err != nil {
		return nil, err
	}
	cases, err := newJSONCases(p, plan)
	if err != nil {
		return nil, err
	}
	export := &Export{Notes: plan.notes}
	if len(plan.services) > 0 {
		export.Notes = append(export.Notes,
			"A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.",
			"Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	rules, err := document.text()
	if err != nil {
		return nil, err
	}
	lines, err := cases.text()
	if err != nil {
		return nil, err
	}
	export.Files = []File{{plan.options.Prefix + ".json", rules}, {plan.options.Prefix + "-cases.json", lines}}
	return export, nil
}

// text returns the file.
func (d *jsonPolicy) text() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// jsonVersion is that of the form. A program must not decide by a form whose
// version it does not know.
const jsonVersion = 1

// A jsonPolicy is the file of rules. Numbers that refer to origins and grants are
// positions in these lists. Regular expressions mean the same in RE2, PCRE,
// ECMAScript, Java, .NET and Python; those of alias, stricter, refuses, uncleanly
// and unclean ignore case.
type jsonPolicy struct {
	Version int `json:"version"`
	// BehindGate means that calls are not judged: something behind refuses
	// them.
	BehindGate bool `json:"behindGate"`
	// Hosts are the server's own; null stands for the request's Host.
	Hosts                []string `json:"hosts"`
	RequireHosts         bool     `json:"requireHosts"`
	RequireFetchMetadata bool     `json:"requireFetchMetadata"`

	Origins []jsonOrigins `json:"origins"`
	Grants  []jsonGrant   `json:"grants"`

	// Procedures are grants by raw path.
	Procedures map[string]int `json:"procedures"`
	Services   []jsonService  `json:"services"`
	Bindings   []jsonBinding  `json:"bindings"`
	Fallbacks  []jsonFallback `json:"fallbacks"`
	Resources  []jsonResource `json:"resources"`
	// Unclean matches paths that servers read in different ways, for
	// Uncleanly of bindings.
	Unclean string `json:"unclean"`
	// Bodies are those of refused calls, by reason.
	Bodies map[string]string `json:"bodies"`
}

// A jsonOrigins is a list of origins.
type jsonOrigins struct {
	// Any means every origin, null included.
	Any bool `json:"any"`
	// Exact are compared byte for byte, and Patterns are regular expressions.
	Exact    []string `json:"exact"`
	Patterns []string `json:"patterns"`
}

// A jsonGrant is what paths grant, and to whom.
type jsonGrant struct {
	// Rule is the path of the first rule with this grant, for people.
	Rule string `json:"rule"`
	// Origins is a position in the list of that name.
	Origins     int  `json:"origins"`
	Credentials bool `json:"credentials"`
	Internal    bool `json:"internal"`
	Enforced    bool `json:"enforced"`
	ReportOnly  bool `json:"reportOnly"`
	Links       bool `json:"links"`
	// NotConfigured means that Config does not name the service, which is the
	// reason for every refusal then.
	NotConfigured bool `json:"notConfigured"`
	// Values of response headers; those that are empty are not sent.
	AllowMethods  string `json:"allowMethods"`
	AllowHeaders  string `json:"allowHeaders"`
	ExposeHeaders string `json:"exposeHeaders"`
	MaxAge        string `json:"maxAge"`
}

// A jsonService is for all paths of a service.
type jsonService struct {
	// Prefix begins the raw paths of the service.
	Prefix string `json:"prefix"`
	Grant  int    `json:"grant"`
	// Alias matches all paths that could mean a procedure of the service, and
	// Judge is the grant that must let them pass.
	Alias string `json:"alias"`
	Judge int    `json:"judge"`
	// Plain matches paths that it need not let pass, unless Stricter matches
	// too. Both are empty if there are none.
	Plain    string `json:"plain"`
	Stricter string `json:"stricter"`
}

// A jsonBinding is a REST binding.
type jsonBinding struct {
	// Template is for people.
	Template string `json:"template"`
	// Method is the HTTP method, "*" for all.
	Method string `json:"method"`
	Grant  int    `json:"grant"`
	// Grants matches the paths that are granted something.
	Grants string `json:"grants"`
	// Forms and Overrides mean that posted forms, and requests with
	// X-HTTP-Method-Override, are granted it too.
	Forms     bool `json:"forms"`
	Overrides bool `json:"overrides"`
	// Refuses matches the paths that the grant must let pass; so does
	// Uncleanly where Unclean matches.
	Refuses   string `json:"refuses"`
	Uncleanly string `json:"uncleanly"`
	// Verb means that the grant is asked there whatever the HTTP method.
	Verb bool `json:"verb"`
	// Others are methods for which other bindings have these paths.
	Others []string `json:"others"`
}

// A jsonFallback is what the bindings of a path grant to requests that none of
// them is for.
type jsonFallback struct {
	// Template is for people.
	Template string `json:"template"`
	Grant    int    `json:"grant"`
	// Grants matches the paths that are granted something.
	Grants string `json:"grants"`
}

// A jsonResource is a plain path, or several.
type jsonResource struct {
	// Key is that of Config.Resources, for people.
	Key   string `json:"key"`
	Grant int    `json:"grant"`
	// Grants matches the paths that are granted something, and Wide also other
	// spellings of these, which are not.
	Grants string `json:"grants"`
	Wide   string `json:"wide"`
	// Exempt means that no alias counts on these paths.
	Exempt bool `json:"exempt"`
}

// A jsonNumbering numbers the grants and origins that are in use.
type jsonNumbering struct {
	*jsonPolicy
	grants  map[*grant]int
	origins map[*originSet]int
}

// newJSONPolicy returns the plan as it is printed.
func newJSONPolicy(p *plan) (*jsonPolicy, error) {
	d := &jsonNumbering{&jsonPolicy{
		Version:              jsonVersion,
		BehindGate:           p.options.BehindGate,
		Hosts:                p.hosts,
		RequireHosts:         p.requireHosts,
		RequireFetchMetadata: p.requireFetchMetadata,
		Origins:              []jsonOrigins{},
		Grants:               []jsonGrant{},
		Procedures:           make(map[string]int),
		Services:             []jsonService{},
		Bindings:             []jsonBinding{},
		Fallbacks:            []jsonFallback{},
		Resources:            []jsonResource{},
		Unclean:              ignoringCase(p.unclean),
		Bodies:               make(map[string]string),
	}, make(map[*grant]int), make(map[*originSet]int)}
	for reason := range access.Reasons {
		if r := access.Reason(reason); r != access.ReasonOK {
			d.Bodies[access.Reasons[r].Code] = r.Body()
		}
	}
	for _, x := range p.procedures {
		d.Procedures[x.path] = d.grant(x.grant)
	}
	for _, x := range p.services {
		d.Services = append(d.Services, jsonService{x.prefix, d.grant(x.grant), ignoringCase(x.alias), d.grant(x.judge), caseSensitive(x.plain), ignoringCase(x.stricter)})
	}
	for _, x := range p.bindings {
		d.Bindings = append(d.Bindings, jsonBinding{
			Template: validUTF8(x.template), Method: x.method, Grant: d.grant(x.grant),
			Grants: caseSensitive(x.grants), Forms: x.forms, Overrides: x.overrides,
			Refuses: ignoringCase(x.refuses), Uncleanly: ignoringCase(x.uncleanly), Verb: x.verb, Others: list(x.others),
		})
	}
	for _, x := range p.fallbacks {
		d.Fallbacks = append(d.Fallbacks, jsonFallback{validUTF8(x.template), d.grant(x.grant), caseSensitive(x.grants)})
	}
	for _, x := range p.resources {
		d.Resources = append(d.Resources, jsonResource{validUTF8(x.key), d.grant(x.grant), caseSensitive(x.grants), caseSensitive(x.wide), x.exempt})
	}
	return d.jsonPolicy, nil
}

func (d *jsonNumbering) grant(g *grant) int {
	if n, ok := d.grants[g]; ok {
		return n
	}
	n := len(d.Grants)
	d.grants[g] = n
	d.Grants = append(d.Grants, jsonGrant{
		Rule: validUTF8(g.rule), Origins: d.originSet(g.origins),
		Credentials: g.credentials, Internal: g.internal, Enforced: g.enforced, ReportOnly: g.reportOnly, Links: g.links, NotConfigured: g.notConfigured,
		AllowMethods: g.methods, AllowHeaders: g.requestHeaders, ExposeHeaders: g.responseHeaders, MaxAge: g.maxAge,
	})
	return n
}

func (d *jsonNumbering) originSet(s *originSet) int {
	if n, ok := d.origins[s]; ok {
		return n
	}
	n := len(d.Origins)
	d.origins[s] = n
	o := jsonOrigins{Any: s.any, Exact: []string{}, Patterns: []string{}}
	for _, e := range s.entries {
		switch {
		case s.any:
		case e.exact:
			o.Exact = append(o.Exact, e.text)
		default:
			o.Patterns = append(o.Patterns, caseSensitive(e.regexp))
		}
	}
	d.Origins = append(d.Origins, o)
	return n
}

// list returns what prints as a list even if it has no elements.
func list(elements []string) []string { return append([]string{}, elements...) }

// validUTF8 is for what people read, since JSON can say nothing else.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

const ignoreCase = "(?i)"

// ignoringCase returns an expression of the plan without its flag, which not all
// languages have in expressions.
func ignoringCase(re string) string {
	rest, ok := strings.CutPrefix(re, ignoreCase)
	if !ok && re != "" {
		panic(fmt.Errorf("corsexport: the expression %q does not ignore case", re))
	}
	return rest
}

func caseSensitive(re string) string {
	if strings.HasPrefix(re, ignoreCase) {
		panic(fmt.Errorf("corsexport: the expression %q ignores case", re))
	}
	return re
}

package corsexport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A plan is a policy in the form in which all targets print it: what a raw path,
// the path of a request without its query and not decoded, grants to pages, and
// which rules must let a request to it pass.
//
// What grants is the first of these that the path has:
//
//  1. procedures: the path is one of theirs, byte for byte. No other rule is
//     asked then.
//  2. services: the path begins with the prefix of one. Its grant is the
//     strictest of the service.
//  3. bindings, in their order: the request's HTTP method fits, and grants
//     matches. See binding. If there is none: fallbacks, in their order,
//     whatever the method.
//  4. resources: of the first one, in their order, whose wide matches, if its
//     grants matches too, if no binding is asked about the request, and if
//     the resource is exempt or the path has no alias.
//
// A preflight to a path that has none of these is refused if the path has an
// alias, if a binding is asked about it, or if wide of a resource matches: only
// the exact spelling of a path can be preflighted. Other preflights without one
// pass to what is behind the target.
//
// The grant must let a call pass. Unless the path is one of 1, so must the judge
// of every service whose alias matches (see also service.plain), except where an
// exempt resource grants, and the grant of every binding that is asked (see
// binding.asks). The same grants must let a preflight pass.
//
// A grant that is enforced lets a call pass as access.Rule.JudgeCall says:
//
//	requireHosts: the host is not one of hosts                          → ReasonHostNotAllowed
//	requireFetchMetadata: neither Origin nor Sec-Fetch-Site             → ReasonFetchMetadataMissing
//	internal: Origin or Sec-Fetch-Site                                  → ReasonInternalMethod
//	Sec-Fetch-Site: same-origin                                         → pass
//	Sec-Fetch-Site: none, without Sec-Purpose                           → pass
//	neither Origin nor Sec-Fetch-Site                                   → pass
//	no Origin, but links and the method is GET or HEAD                  → pass
//	no Origin                                                           → ReasonOriginMissing
//	no Sec-Fetch-Site, and Origin has the server's host                 → pass
//	Origin is not in origins                                            → ReasonOriginNotAllowed
//	not credentials, but a Cookie                                       → ReasonCredentialsNotAllowed
//	otherwise                                                           → pass
//
// With reportOnly, only internal refuses. A grant with notConfigured has
// ReasonNotConfigured in place of every other reason. A grant that is not
// enforced lets every call pass.
//
// A grant lets a preflight pass (OPTIONS with Origin and
// Access-Control-Request-Method, whatever they are) if, in this order, the host
// is one of hosts where requireHosts is set and the grant is enforced, the grant
// is not internal, and the origin is in origins.
type plan struct {
	options Options // with defaults

	procedures []procedure // sorted by path
	services   []service   // sorted by prefix
	bindings   []binding   // the strictest first where two grant on one path
	fallbacks  []fallback  // likewise
	resources  []resource  // the most specific first
	// grants are all that the above refer to, and origins all that they do, in
	// the order of their numbers, which begin with 1.
	grants  []*grant
	origins []*originSet

	// hosts are the server's own. Nil stands for the request's Host.
	hosts                              []string
	requireHosts, requireFetchMetadata bool

	// unclean matches paths that servers read in different ways: with dot
	// segments, with a semicolon, with encoded slashes or backslashes, with
	// empty segments before the end, or with a colon that begins a segment,
	// since Envoy drops empty segments before a verb. See binding.uncleanly.
	unclean string
	// strictest is never more than any grant of a procedure, service or
	// binding: for targets that find only one rule for a path. It is nil if
	// there is none of these.
	strictest *grant

	notes []string
}

// All regular expressions of a plan are portable between RE2 and PCRE, in which
// they mean the same without any flag. Those that begin with "^" are for the
// whole path. The others match anywhere in it.

// A procedure has one path.
type procedure struct {
	path  string // raw
	grant *grant
}

// A service has all paths below its prefix.
type service struct {
	prefix string // raw, with the slash at its end
	name   string // of the service, such as acme.shop.v1.CartService
	grant  *grant
	// alias matches every path that could mean a procedure of the service to
	// some server, its own paths included. What it matches must also be let
	// pass by judge: grant, unless a procedure is stricter or two names differ
	// in case alone.
	alias string
	judge *grant
	// plain matches paths about which judge is not asked after all, but those
	// that stricter matches. Both are empty for most services: plain is for
	// one with stricter procedures, so that its others can be called.
	plain, stricter string
}

// A binding is one HTTP method on one path template.
type binding struct {
	template string // with PathPrefix, for comments and messages
	// method is the HTTP method, "*" for any. A GET is for HEAD as well, and
	// a preflight has the method of its Access-Control-Request-Method.
	method string
	grant  *grant
	// grants matches the paths for which grant is sent. It must not be sent
	// for a posted form (a POST with Content-Type
	// application/x-www-form-urlencoded) unless forms is set, nor for a
	// request with the header X-HTTP-Method-Override unless overrides is set.
	grants           string
	forms, overrides bool
	// refuses matches the paths on which grant must let requests pass, and
	// uncleanly those among the paths that plan.unclean matches; either if
	// asks reports so of the request.
	refuses, uncleanly string
	// verb means that the template ends in one, such as :purge. On a path that
	// plan.unclean matches, another binding can miss it.
	verb bool
	// others are the HTTP methods whose requests have another binding on all
	// these paths, in order.
	others []string
}

// A resource is a plain path, or several.
type resource struct {
	key    string // of Config.Resources
	path   string // raw, if it is the only one, else empty
	grants string // matches the raw paths for which grant is sent
	// wide also matches other spellings of these paths, which grant nothing.
	wide string
	// exempt means that no alias counts on paths which grants matches.
	exempt bool
	grant  *grant
}

// newPlan reads a policy. Its error joins Refusals for what no target can say.
func newPlan(p *corsrpc.Policy, o Options) (*plan, error) {
	if p == nil {
		return nil, errors.New("corsexport: nil policy: make one with corsrpc.New, and check its error")
	}
	config := p.Config()
	b := &planner{plan: &plan{
		options:              o,
		hosts:                config.Hosts,
		requireHosts:         config.RequireHosts,
		requireFetchMetadata: config.RequireFetchMetadata,
		unclean:              uncleanPath,
	}, prefix: config.PathPrefix, grants: make(map[string]*grant), sets: make(map[string]*originSet), closedServices: make(map[string]bool)}
	b.readOptions()
	rules := slices.Collect(p.Rules())
	for i := range rules {
		if r := &rules[i]; r.Match == corsrpc.MatchService && isClosed(p, r) {
			b.closedServices[r.Procedure] = true
		}
	}
	if len(rules) == 0 {
		b.refuse(&Refusal{Field: "Config", Problem: "the policy has no rules", Fix: "make the policy with corsrpc.New, or call Update first"})
	}
	for i := range rules {
		b.add(&rules[i])
	}
	b.finish()
	if config.ExplainTo != nil {
		b.note("ExplainTo has no effect: refusals are the same for all pages.")
	}
	if config.OnDecision != nil {
		b.note("OnDecision is not called for requests that the target answers.")
	}
	return b.plan, errors.Join(b.refusals...)
}

// A planner makes a plan.
type planner struct {
	*plan
	prefix         string // Config.PathPrefix
	grants         map[string]*grant
	sets           map[string]*originSet
	closedServices map[string]bool // by path
	templates      []*template     // of the bindings
	refusals       []error
}

func (b *planner) refuse(r *Refusal) { b.refusals = append(b.refusals, r) }

func (p *plan) note(text string) { p.notes = append(p.notes, text) }

func isWord(c byte) bool { return c == '_' || isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isClosed reports whether Config does not name the service of a rule. Then
// refusals have a reason of their own.
func isClosed(p *corsrpc.Policy, service *corsrpc.Rule) bool {
	r := &http.Request{
		Method: http.MethodPost,
		URL:    &url.URL{Path: service.SamplePath("Corsrpc-Unknown")},
		Header: http.Header{"Origin": {"https://corsrpc.invalid"}},
	}
	return p.Evaluate(r).Reason == corsrpc.ReasonNotConfigured
}

// readOptions checks what all targets read alike.
func (b *planner) readOptions() {
	o := &b.options
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	for i := range len(o.Prefix) {
		if !isWord(o.Prefix[i]) || isDigit(o.Prefix[0]) || len(o.Prefix) > 64 {
			b.refuse(&Refusal{Field: "Options.Prefix", Value: o.Prefix, Problem: "is not a name that all parts of the files can have", Fix: "use at most 64 letters, digits and underscores, and no digit at the beginning"})
			break
		}
	}
	if o.Hosts == nil {
		o.Hosts = b.hosts
	}
	b.hosts = o.Hosts
	if b.requireHosts && len(o.Hosts) == 0 {
		b.refuse(&Refusal{Field: "Options.Hosts", Problem: "is empty, and RequireHosts would refuse every call", Fix: "list the server's hosts, or leave it nil for those of Config"})
	}
	for i, host := range o.Hosts {
		if !isHost(host) {
			b.refuse(&Refusal{Field: fmt.Sprintf("Options.Hosts[%d]", i), Value: host, Problem: "is not a host", Fix: "write host or host:port as browsers show it, in lower case, without scheme, path or trailing dot, such as api.example.com"})
		}
	}
}

// add adds what one rule says.
func (b *planner) add(r *corsrpc.Rule) {
	g := b.grantOf(r)
	switch r.Match {
	case corsrpc.MatchProcedure:
		b.plan.procedures = append(b.plan.procedures, procedure{rawPath(r.Path), g})
	case corsrpc.MatchService:
		name := strings.Trim(r.Procedure, "/")
		b.plan.services = append(b.plan.services, service{prefix: rawPath(r.Path), name: name, grant: g, alias: aliasRegexp(name), judge: g})
	case corsrpc.MatchBinding:
		b.addBinding(r, g)
	case corsrpc.MatchResource:
		b.plan.resources = append(b.plan.resources, newResource(r.Path, g))
	default:
		b.refuse(&Refusal{Rule: r.Path, Field: "Match", Value: r.Match.String(), Problem: "is not known to this version", Fix: "use the versions of the packages that belong together"})
	}
}

// finish makes what depends on all rules.
func (b *planner) finish() {
	p := b.plan
	slices.SortFunc(p.procedures, func(a, b procedure) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(p.services, func(a, b service) int { return strings.Compare(a.prefix, b.prefix) })
	b.closeStricter()
	b.closeAmbiguous()
	b.orderBindings()
	b.orderResources()
	for _, g := range p.grants {
		if g.enforced && (p.strictest == nil || g.stricterThan(p.strictest)) {
			p.strictest = g
		}
	}
	for _, g := range p.grants {
		if g.enforced && !p.strictest.atMost(g) {
			p.strictest = b.closed(p.anyInternal())
			break
		}
	}
}

func (p *plan) anyInternal() bool {
	return slices.ContainsFunc(p.grants, func(g *grant) bool { return g.internal })
}

// closeStricter lets no page pass by an alias of a service that has a stricter
// procedure, as one that Config does not name can have.
func (b *planner) closeStricter() {
	for i := range b.plan.services {
		s := &b.plan.services[i]
		var stricter []string
		for _, p := range b.plan.procedures {
			if method, ok := strings.CutPrefix(p.path, s.prefix); ok && !s.grant.judgesAtMost(p.grant) {
				s.judge = b.closed(s.judge.internal || p.grant.internal)
				stricter = append(stricter, method)
			}
		}
		if stricter != nil {
			prefix := regexp.QuoteMeta(s.prefix)
			s.plain, s.stricter = "^"+prefix+"[A-Za-z0-9_]+$", "(?i)^"+prefix+anyOf(stricter)+"$"
		}
	}
}

// closeAmbiguous lets no page pass by an alias that means two services.
func (b *planner) closeAmbiguous() {
	byName := make(map[string]int)
	for i := range b.plan.services {
		s := &b.plan.services[i]
		key := strings.ToLower(s.name)
		if j, ok := byName[key]; ok {
			other := &b.plan.services[j]
			closed := b.closed(s.judge.internal || other.judge.internal)
			s.judge, s.plain, s.stricter = closed, "", ""
			other.judge, other.plain, other.stricter = closed, "", ""
		}
		byName[key] = i
	}
}

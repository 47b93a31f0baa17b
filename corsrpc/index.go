package corsrpc

import (
	"context"
	"net/url"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// An index finds the rule of a request. It is made from rules and from those
// fields of Config that are not about one path. It is immutable; a request sees
// one from its beginning to its end.
type index struct {
	config     Config
	rules      []Rule // sorted by path
	server     access.Server
	prefix     string
	procedures map[string]*entry // by "/pkg.Service/Method", without the prefix
	services   map[string]*entry // by "/pkg.Service/", likewise
	bindings   bindings
	resources  pathTree[entry]
	aliases    aliases
	closed     *entry // for the lack of a rule
	explainer  *explainer
	onDecision func(context.Context, Decision)
}

// newIndex returns the index of a Config's rules.
func newIndex(config Config, rules []Rule) *index {
	ix := &index{
		config: config,
		rules:  rules,
		server: access.Server{
			Hosts:                config.Hosts,
			RequireHosts:         config.RequireHosts,
			RequireFetchMetadata: config.RequireFetchMetadata,
		},
		prefix:     config.PathPrefix,
		procedures: make(map[string]*entry),
		services:   make(map[string]*entry),
		explainer:  newExplainer(config),
		onDecision: config.OnDecision,
	}
	var bindings []*entry
	for i := range rules {
		e := newEntry(&rules[i], &ix.server)
		switch e.rule.Match {
		case MatchProcedure:
			ix.procedures[e.rule.Procedure] = e
		case MatchService:
			ix.services[e.rule.Procedure] = e
		case MatchBinding:
			bindings = append(bindings, e)
		case MatchResource:
			*ix.resources.slot(e.rule.Path[1:]) = e
		}
	}
	ix.bindings = newBindings(ix.prefix, bindings)
	ix.closed = newEntry(closedRule(), &ix.server)
	ix.aliases = newAliases(ix)
	return ix
}

// zeroIndex is that of the zero Policy.
var zeroIndex = newIndex(Config{}, nil)

// closedRule stands for the lack of a rule where there must be one.
func closedRule() *Rule {
	r := &Rule{Enforced: true, from: provenance{origins: noOrigins, requestHeaders: noNames, responseHeaders: noNames, closed: true}}
	return r.finish()
}

// find returns the entry of a procedure or service at a request's path, or nil.
func (ix *index) find(path string) *entry {
	if ix == zeroIndex {
		return ix.closed
	}
	// Most policies have no prefix, and to compare with it is a call.
	if ix.prefix == "" || strings.HasPrefix(path, ix.prefix) {
		return ix.procedure(path[len(ix.prefix):])
	}
	return nil
}

// procedure returns the entry of a procedure, or of the service that an
// unknown one would belong to.
func (ix *index) procedure(path string) *entry {
	if e := ix.procedures[path]; e != nil || path == "" {
		return e
	}
	// "/pkg.Service/" of any path below it; of others, what no service has.
	end := strings.IndexByte(path[1:], '/')
	return ix.services[path[:end+2]]
}

// of returns the entry of a path below one service, and one that lets no page
// call if the path is elsewhere or the policy does not govern the service.
func (ix *index) of(service, path string) *entry {
	if strings.HasPrefix(path, service) {
		if e := ix.procedure(path); e != nil {
			return e
		}
	}
	return ix.closed
}

// A judgement is what becomes of one request.
type judgement struct {
	// own is the entry of the path, which alone can grant; nil if the path is
	// not governed.
	own *entry
	// by is the entry whose verdict this is: own, or that of a procedure or
	// binding that the path also means; nil if there is none.
	by      *entry
	verdict access.Verdict
	// unlisted means that an entry which was asked besides own, and lets the
	// request pass, does not list its origin.
	unlisted bool
	// exempt means that it passes as a top-level navigation to a path that
	// would otherwise be refused.
	exempt bool
	// explained means that an explainer responds.
	explained bool
	// missing are the names of the call's headers for which an explainer
	// refuses it.
	missing []string
}

// judge judges a request into j, which is zero. service is that of WrapService,
// or empty. Every way into the policy by path goes through here.
func (ix *index) judge(j *judgement, service string, u *url.URL, q *access.Request) {
	ix.judgePath(j, service, u, q)
	if ix.explainer != nil && ix.explainer.concerns(j, q) {
		ix.explainer.judge(j, q)
	}
}

func (ix *index) judgePath(j *judgement, service string, u *url.URL, q *access.Request) {
	if service != "" {
		j.own = ix.of(service, u.Path)
	} else {
		j.own = ix.find(u.Path)
	}
	if j.own != nil {
		j.by, j.verdict = j.own, j.own.Judge(q)
		// Routers that keep escapes can take a path with them to a gateway.
		if j.own.final && u.RawPath == "" || j.verdict.Refused {
			return
		}
	}
	if ix.bindings.index != nil {
		ix.bindings.judge(j, u, q)
		if j.verdict.Refused {
			return
		}
	}
	if j.own == nil {
		if e := ix.resources.find(u); e != nil {
			j.own = e
			if j.add(e, e.Judge(q)); e.final && !hidesDots(u.Path) || j.verdict.Refused {
				return
			}
		}
	}
	if ix.aliases.longest > 0 && (ix.server.Requires() || q.Marked()) {
		ix.aliases.judge(j, ix, u.Path, q)
	}
}

// add adds the verdict of another entry: all must let the request pass.
func (j *judgement) add(e *entry, v access.Verdict) {
	j.unlisted = j.unlisted || v.Reason == access.ReasonOriginNotAllowed
	switch {
	case v.Refused || j.by == nil && e == j.own:
		j.by, j.verdict, j.exempt = e, v, false
	case v.Reason != access.ReasonOK && j.verdict.Reason == access.ReasonOK:
		// It passes, and the first such reason is reported.
		j.by, j.verdict.Reason = e, v.Reason
		if j.own == nil {
			j.verdict.Kind = v.Kind
		}
	}
}

package corsrpc_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A prediction is what must become of a request, by rules and by what a Config
// says of the server as a whole.
type prediction struct {
	ran    bool
	status int         // if not ran
	header http.Header // all that Wrap writes; the lists are those of the rules
	body   string
	// decisions are those that Evaluate can return, without Detail and Fix.
	// There are several if a path means several procedures that refuse the
	// request: then any of them can be named.
	decisions []corsrpc.Decision
}

// A naiveVerdict is what one rule says of a request.
type naiveVerdict struct {
	rule      *naiveRule
	kind      corsrpc.Kind
	reason    corsrpc.Reason
	required  bool // refused by RequireHosts or RequireFetchMetadata
	refused   bool
	permitted bool
}

// A sight is a request as the design's steps look at it.
type sight struct {
	*http.Request
	origins, sites []string
	marked, read   bool
	preflight      bool
	cookies        bool
}

func see(r *http.Request) sight {
	s := sight{Request: r, origins: r.Header["Origin"], sites: r.Header["Sec-Fetch-Site"]}
	s.marked = len(s.origins) > 0 || len(s.sites) > 0
	s.read = r.Method == "GET" || r.Method == "HEAD"
	s.preflight = r.Method == "OPTIONS" && len(s.origins) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
	s.cookies = len(r.Header["Cookie"]) > 0
	return s
}

// is reports whether a header has one line with this value.
func (s sight) is(name, value string) bool {
	return len(s.Header[name]) == 1 && s.Header[name][0] == value
}

func (s sight) kind(config corsrpc.Config) corsrpc.Kind {
	switch {
	case s.preflight:
		return corsrpc.KindPreflight
	case !s.marked:
		return corsrpc.KindNonBrowser
	case s.is("Sec-Fetch-Site", "same-origin"), s.is("Sec-Fetch-Site", "none") && len(s.Header["Sec-Purpose"]) == 0,
		len(s.sites) == 0 && len(s.origins) == 1 && isOwnHost(config, s.Host, s.origins[0]):
		return corsrpc.KindSameOrigin
	}
	return corsrpc.KindCrossOrigin
}

// judge takes the steps of Policy.Wrap, by one rule.
func (rule *naiveRule) judge(config corsrpc.Config, s sight) naiveVerdict {
	v := naiveVerdict{rule: rule, kind: s.kind(config)}
	whyNotListed := corsrpc.ReasonOriginNotAllowed
	switch {
	case len(s.origins) == 0:
		whyNotListed = corsrpc.ReasonOriginMissing
	case len(s.origins) > 1 || s.origins[0] == "":
		whyNotListed = corsrpc.ReasonOriginMalformed
	case rule.lists(s.origins[0]):
		whyNotListed, v.permitted = corsrpc.ReasonOK, true
	}
	otherHost := config.RequireHosts && !slices.ContainsFunc(config.Hosts, func(host string) bool { return bareHost(host) == bareHost(s.Host) })
	passes := v.kind == corsrpc.KindSameOrigin || v.kind == corsrpc.KindNonBrowser
	v.required = rule.Enforced && (otherHost || config.RequireFetchMetadata && !s.marked)
	switch {
	case rule.Internal && s.marked && rule.ReportOnly && !s.preflight: // what is required is only reported
		v.reason = corsrpc.ReasonInternalMethod
	case v.required && otherHost:
		v.reason = corsrpc.ReasonHostNotAllowed
	case v.required:
		v.reason = corsrpc.ReasonFetchMetadataMissing
	case rule.Internal && s.marked:
		v.reason = corsrpc.ReasonInternalMethod
	case passes:
	case whyNotListed != corsrpc.ReasonOK:
		v.reason = whyNotListed
	case rule.Enforced && !s.preflight && s.cookies && !rule.Credentials:
		v.reason = corsrpc.ReasonCredentialsNotAllowed
	}
	switch {
	case v.reason == corsrpc.ReasonOK:
	case s.preflight:
		v.refused, v.permitted = true, false
	case rule.Enforced:
		v.refused = !rule.ReportOnly || v.reason == corsrpc.ReasonInternalMethod
	}
	if rule.closed && v.reason != corsrpc.ReasonOK {
		v.reason = corsrpc.ReasonNotConfigured
	}
	return v
}

// hasOtherMeanings reports whether the paths of a rule, or those without one,
// can mean procedures too: unless they are procedures', byte for byte, or a
// resource's whose key begins with a literal segment, and have no dot segments
// when they are read as meanings does.
func (rule *naiveRule) hasOtherMeanings(path string) bool {
	switch {
	case rule == nil:
		return true
	case rule.Match == corsrpc.MatchResource:
		for segment := range strings.SplitSeq(strings.ReplaceAll(decodeOnceMore(path), `\`, "/"), "/") {
			if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
				return true
			}
		}
		return rule.Path == "/" || strings.HasPrefix(rule.Path, "/{")
	}
	return rule.Match == corsrpc.MatchService
}

// navigation reports whether a window or tab loads a document.
func (s sight) navigation() bool {
	return s.Method == "GET" && len(s.origins) == 0 && len(s.Header["Sec-Purpose"]) == 0 && s.is("Sec-Fetch-Mode", "navigate") && s.is("Sec-Fetch-Dest", "document")
}

// predict says what becomes of a request.
func predict(config corsrpc.Config, rules []naiveRule, r *http.Request) prediction {
	s := see(r)
	if r.Method == "PRI" {
		return prediction{status: 403, header: refusal(corsrpc.ReasonHTTP2Preface).header, body: refusal(corsrpc.ReasonHTTP2Preface).body,
			decisions: []corsrpc.Decision{{Kind: corsrpc.KindNonBrowser, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonHTTP2Preface}}}
	}
	own := ownRule(rules, r.URL)
	var others []naiveVerdict // of other procedures that the path means, unless they have nothing to say
	if own.hasOtherMeanings(r.URL.Path) && (s.marked || config.RequireHosts || config.RequireFetchMetadata) {
		for _, m := range meanings(rules, r.URL.Path) {
			v := m.rule.judge(config, s)
			// Documentation pages have such paths, and other sites link to them.
			documentation := m.exact && m.prefix != "" && m.prefix != config.PathPrefix && (own == nil || own.Match == corsrpc.MatchResource)
			v.refused = v.refused && (!documentation || !s.navigation() || v.required)
			if v.reason != corsrpc.ReasonOK {
				others = append(others, v)
			}
		}
	}
	var verdicts []naiveVerdict
	if own != nil {
		verdicts = append(verdicts, own.judge(config, s))
	}
	if own == nil || !verdicts[0].refused {
		verdicts = append(verdicts, others...)
	}

	// All must let the request pass.
	var refusing []naiveVerdict
	for _, v := range verdicts {
		if v.refused {
			refusing = append(refusing, v)
		}
	}
	if len(refusing) > 0 {
		p := prediction{status: 403, header: refusedPreflight.header}
		if !s.preflight {
			p.header, p.body = refusal(refusing[0].reason).header, refusal(refusing[0].reason).body
		}
		for _, v := range refusing {
			p.decisions = append(p.decisions, corsrpc.Decision{Kind: v.kind, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: v.reason,
				Path: v.rule.Path, Procedure: v.rule.Procedure, Origin: quoted(s.origins)})
		}
		return p
	}
	if own == nil {
		return predictUngoverned(config, rules, s, others)
	}
	p := prediction{ran: !s.preflight, header: http.Header{}}
	own.write(&p, s, verdicts[0])
	p.decisions = own.decide(s, verdicts[0], others)
	return p
}

// predictUngoverned is for a path without a rule, which grants nothing.
func predictUngoverned(config corsrpc.Config, rules []naiveRule, s sight, others []naiveVerdict) prediction {
	p := prediction{ran: true, header: http.Header{}}
	for _, v := range others { // which passed only by ReportOnly or as documentation
		p.decisions = append(p.decisions, corsrpc.Decision{Kind: v.kind, Outcome: corsrpc.OutcomeReported, Reason: v.reason,
			Path: v.rule.Path, Procedure: v.rule.Procedure, Origin: quoted(s.origins)})
	}
	if others != nil {
		return p
	}
	d := corsrpc.Decision{Kind: corsrpc.KindUngoverned, Allowed: true, Origin: quoted(s.origins)}
	if kind := s.kind(config); kind == corsrpc.KindPreflight || kind == corsrpc.KindCrossOrigin && !s.asksNothing() {
		d.Allowed, d.Outcome, d.Reason = false, corsrpc.OutcomeBlocked, corsrpc.ReasonNoRule
		for i := range rules {
			if rules[i].Match == corsrpc.MatchProcedure && strings.HasSuffix(s.URL.Path, rules[i].Procedure) {
				d.Reason, d.Path, d.Procedure = corsrpc.ReasonWrongPathPrefix, rules[i].Path, rules[i].Procedure
			}
		}
	}
	p.decisions = []corsrpc.Decision{d}
	return p
}

// write writes the response's header: it depends on Origin and the rule alone.
func (rule *naiveRule) write(p *prediction, s sight, v naiveVerdict) {
	set := func(name, value string) {
		if value != "" {
			p.header[name] = []string{value}
		}
	}
	grants := v.permitted || rule.anyOrigin() && s.read
	if grants {
		if set("Access-Control-Allow-Origin", "*"); !rule.anyOrigin() {
			set("Access-Control-Allow-Origin", s.origins[0])
		}
		if rule.Credentials {
			set("Access-Control-Allow-Credentials", "true")
		}
	}
	if !rule.anyOrigin() && (s.read || len(s.origins) > 0) {
		set("Vary", "Origin")
	}
	switch {
	case s.preflight:
		p.status = 204
		set("Access-Control-Allow-Methods", strings.Join(rule.Methods, ", "))
		set("Access-Control-Allow-Headers", strings.Join(rule.RequestHeaders, ", "))
		set("Access-Control-Max-Age", strconv.Itoa(int(rule.MaxAge/time.Second)))
	case grants:
		set("Access-Control-Expose-Headers", strings.Join(rule.ResponseHeaders, ", "))
	}
}

// decide returns the Decisions on a request that nothing refuses.
func (rule *naiveRule) decide(s sight, v naiveVerdict, others []naiveVerdict) []corsrpc.Decision {
	d := corsrpc.Decision{Kind: v.kind, Path: rule.Path, Procedure: rule.Procedure, Origin: quoted(s.origins)}
	reasons := []corsrpc.Reason{v.reason}
	switch {
	case s.preflight:
		d.Status = 204
		reasons = rule.browserReasons(s)
	case !rule.Enforced && v.kind == corsrpc.KindCrossOrigin && s.asksNothing():
		reasons = []corsrpc.Reason{corsrpc.ReasonOK}
	case !rule.Enforced && v.kind == corsrpc.KindCrossOrigin && v.permitted && s.cookies && !rule.Credentials:
		reasons = []corsrpc.Reason{corsrpc.ReasonCredentialsNotAllowed}
	}
	var decisions []corsrpc.Decision
	for _, reason := range reasons {
		d.Reason, d.Allowed, d.Outcome = reason, reason == corsrpc.ReasonOK, corsrpc.OutcomeAllowed
		switch {
		case d.Allowed:
		case rule.Enforced && !s.preflight:
			d.Outcome = corsrpc.OutcomeReported
		default:
			d.Outcome = corsrpc.OutcomeBlocked
		}
		decisions = append(decisions, d)
	}
	if v.reason != corsrpc.ReasonOK || others == nil {
		return decisions
	}
	// What another meaning reports comes before what the browser does.
	decisions = nil
	for _, other := range others {
		decisions = append(decisions, corsrpc.Decision{Kind: v.kind, Outcome: corsrpc.OutcomeReported, Reason: other.reason,
			Path: other.rule.Path, Procedure: other.rule.Procedure, Origin: quoted(s.origins)})
	}
	return decisions
}

// browserReasons returns what a browser can find wrong with the response to an
// allowed preflight: it compares the method first, and the list of headers in
// any order.
func (rule *naiveRule) browserReasons(s sight) []corsrpc.Reason {
	methods := s.Header["Access-Control-Request-Method"]
	if len(methods) != 1 || !slices.Contains(append([]string{"GET", "HEAD", "POST"}, rule.Methods...), methods[0]) {
		return []corsrpc.Reason{corsrpc.ReasonMethodNotAllowed}
	}
	for name := range strings.SplitSeq(strings.Join(s.Header["Access-Control-Request-Headers"], ","), ",") {
		listed := func(allowed string) bool { return strings.EqualFold(allowed, strings.Trim(name, " \t")) }
		if strings.Trim(name, " \t") != "" && !slices.ContainsFunc(rule.RequestHeaders, listed) {
			return []corsrpc.Reason{corsrpc.ReasonHeaderNotAllowed, corsrpc.ReasonHeadersMalformed}
		}
	}
	return []corsrpc.Reason{corsrpc.ReasonOK}
}

// asksNothing reports whether the browser shows the page no response: for
// images, forms, navigations.
func (s sight) asksNothing() bool {
	return len(s.origins) == 0 || len(s.Header["Sec-Fetch-Mode"]) > 0 && !s.is("Sec-Fetch-Mode", "cors")
}

// quoted is Decision.Origin of few and short lines.
func quoted(lines []string) string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = strconv.QuoteToASCII(line)
		if len(line) > 256 {
			texts[i] = strconv.QuoteToASCII(line[:256]) + "..."
		}
	}
	if len(texts) > 3 {
		texts = append(texts[:3], "...")
	}
	return strings.Join(texts, ", ")
}

// rulesAsData returns what a policy publishes of its rules, and nothing else.
// Whether the service of a rule is closed follows from Config.Services.
func rulesAsData(policy *corsrpc.Policy, services []string) []naiveRule {
	var rules []naiveRule
	for rule := range policy.Rules() {
		service := strings.Trim(rule.Procedure, "/")
		rules = append(rules, naiveRule{
			Rule:    exported(rule),
			origins: [][]string{rule.Origins},
			closed:  rule.Match == corsrpc.MatchService && services != nil && !slices.Contains(services, "*") && !slices.Contains(services, service),
		})
	}
	return rules
}

// The published rules and those fields of Config that are not about one path
// are all that there is to know: they predict every response and Decision.
func TestRulesPredictEverything(t *testing.T) {
	t.Parallel()
	drawn := map[string]int{}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		config := someConfig(r)
		var reported []corsrpc.Decision
		config.OnDecision = func(_ context.Context, d corsrpc.Decision) { reported = append(reported, d) }
		policy := newPolicy(t, config)
		config = policy.Config()
		server := corsrpc.Config{
			Services: config.Services, PathPrefix: config.PathPrefix,
			Hosts: config.Hosts, RequireHosts: config.RequireHosts, RequireFetchMetadata: config.RequireFetchMetadata,
		}
		rules := rulesAsData(policy, server.Services)
		for range 60 {
			request := someRequest(r)
			want := predict(server, rules, request)
			reported = nil
			got := exchange(policy, request)
			decision := policy.Evaluate(request)
			published := decision
			published.Detail, published.Fix = "", ""
			if !slices.Contains(want.decisions, published) {
				require.Contains(t, want.decisions, published, "%s\n%+v", describe(config, request), rules)
			}
			wantAnswer := answer{status: want.status, header: want.header, ran: want.ran}
			switch {
			case want.ran:
				wantAnswer.status = http.StatusTeapot
			case want.body != "":
				wantAnswer.body = refusal(decision.Reason).body
			}
			if !reflect.DeepEqual(wantAnswer, got) {
				require.Equal(t, wantAnswer, got, describe(config, request))
			}
			if decision.Allowed {
				require.Empty(t, decision.Detail+decision.Fix)
			}
			if calls := hooked(request, decision); !slices.Equal(calls, reported) {
				require.Equal(t, calls, reported, "OnDecision: %s", describe(config, request))
			}
			draw(drawn, decision)
		}
	}
	checkDraw(t, drawn)
}

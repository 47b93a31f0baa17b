package corsexport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A jsonCases is the file of cases.
type jsonCases struct {
	Version int        `json:"version"`
	Cases   []jsonCase `json:"cases"`
}

// text returns the file, with one case a line.
func (c *jsonCases) text() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"version": %d, "cases": [`, c.Version)
	for i := range c.Cases {
		data, err := json.Marshal(&c.Cases[i])
		if err != nil {
			return nil, err
		}
		b.WriteString(map[bool]string{true: "\n", false: ",\n"}[i == 0])
		b.Write(data)
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// A jsonCase is a request, and what Policy.Wrap makes of it.
type jsonCase struct {
	// About is for people.
	About    string       `json:"about"`
	Request  jsonRequest  `json:"request"`
	Response jsonResponse `json:"response"`
}

// A jsonRequest is a request over HTTP.
type jsonRequest struct {
	Method string `json:"method"`
	// Target is the raw path, with a query in some cases.
	Target string `json:"target"`
	// Header has all lines, Host included, each a name and a value.
	Header [][2]string `json:"header"`
}

// A jsonResponse is what becomes of a request.
type jsonResponse struct {
	// Pass means that what is behind responds, and that Header is added to its
	// response. Otherwise this is the whole response.
	Pass bool `json:"pass"`
	// Status is 0 if Pass is set.
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	// Body is null if any will do.
	Body *string `json:"body"`
}

// A caseMaker asks Wrap for what it expects.
type caseMaker struct {
	policy *corsrpc.Policy
	plan   *plan
	host   string
	cases  []jsonCase
}

// newJSONCases returns cases for each grant, on the first path that has it.
func newJSONCases(p *corsrpc.Policy, plan *plan) (*jsonCases, error) {
	config := p.Config()
	config.ExplainTo, config.ExplainIgnore, config.OnDecision = nil, nil, nil
	config.Hosts = plan.hosts
	if plan.options.BehindGate {
		config.ReportOnly = true
		for name, override := range config.Overrides {
			override.ReportOnly = corsrpc.Inherit
			config.Overrides[name] = override
		}
	}
	policy, err := corsrpc.New(config)
	if err != nil {
		return nil, err
	}
	m := &caseMaker{policy: policy, plan: plan, host: "api.example.com"}
	if len(plan.hosts) > 0 {
		m.host = plan.hosts[0]
	}
	// Lists of names are only printed, and the rest of a grant is judged.
	type judged struct {
		match                                              corsrpc.Match
		origins                                            *originSet
		credentials, internal, enforced, reportOnly, links bool
	}
	full, some := make(map[judged]bool), make(map[*grant]bool)
	for rule := range p.Rules() {
		g, ok := plan.grantAt(&rule)
		if !ok {
			continue
		}
		key := judged{rule.Match, g.origins, g.credentials, g.internal, g.enforced, g.reportOnly, g.links}
		if new := !full[key]; new && len(full) < maxCaseGrants || !some[g] && len(some) < maxCaseGrants {
			m.addRule(&rule, g, new)
		}
		full[key], some[g] = true, true
	}
	for i := range plan.services {
		if i < maxCaseGrants {
			m.addAliases(&plan.services[i], i == 0)
		}
	}
	for _, s := range m.senders(nil) {
		m.add("not governed", http.MethodPost, "/corsrpc-cases/other", s)
	}
	return &jsonCases{Version: jsonVersion, Cases: m.cases}, nil
}

// maxCaseGrants bounds the cases of large policies.
const maxCaseGrants = 100

// grantAt returns the grant that a request to the rule's sample path has, if it
// has one and no other rule decides as well.
func (p *plan) grantAt(r *corsrpc.Rule) (*grant, bool) {
	raw := rawPath(r.SamplePath(sampleSegment))
	switch r.Match {
	case corsrpc.MatchProcedure:
		for i := range p.procedures {
			if p.procedures[i].path == raw {
				return p.procedures[i].grant, true
			}
		}
	case corsrpc.MatchService:
		for i := range p.services {
			if s := &p.services[i]; strings.HasPrefix(raw, s.prefix) {
				return s.grant, s.judge == s.grant
			}
		}
	case corsrpc.MatchBinding:
		for i := range p.bindings {
			if b := &p.bindings[i]; b.template == r.Path && slices.Equal(r.Methods, []string{b.method}) {
				return b.grant, b.isAlone(p)
			}
		}
	case corsrpc.MatchResource:
		for i := range p.resources {
			if x := &p.resources[i]; x.key == r.Path {
				return x.grant, len(p.bindings) == 0
			}
		}
	}
	return nil, false
}

// isAlone reports whether all bindings grant the same.
func (x *binding) isAlone(p *plan) bool {
	return !slices.ContainsFunc(p.bindings, func(y binding) bool { return y.grant != x.grant })
}

const sampleSegment = "corsrpc-case"

// addRule adds cases for a rule, all or a few.
func (m *caseMaker) addRule(r *corsrpc.Rule, g *grant, full bool) {
	about, target := r.Match.String()+" "+validUTF8(r.Path), rawPath(r.SamplePath(sampleSegment))
	calls := []string{http.MethodPost, http.MethodGet}
	if r.Match == corsrpc.MatchBinding && r.Methods[0] != "*" {
		calls = r.Methods
	}
	senders := m.senders(g)
	if !full {
		senders = slices.DeleteFunc(senders, func(s caseSender) bool { return !s.basic })
	}
	for _, s := range senders {
		m.add(about, calls[0], target, s)
		if !s.near && len(calls) > 1 {
			m.add(about, calls[1], target, s)
		}
		if s.hasOrigin() {
			s.header = append(slices.Clip(s.header), [2]string{"Access-Control-Request-Method", calls[0]}, [2]string{"Access-Control-Request-Headers", "content-type"})
			m.add(about, http.MethodOptions, target, s)
		}
	}
	if r.Match == corsrpc.MatchResource && strings.HasSuffix(r.Path, "/") && len(r.Path) > 1 && !strings.Contains(r.Path, "{") && len(m.plan.services) > 0 {
		unlisted := slices.IndexFunc(senders, func(s caseSender) bool { return s.about == "not listed" })
		m.add(about+", which has a procedure's name below it", http.MethodPost, rawPath(r.Path)+m.plan.services[0].name+"/M", senders[unlisted])
	}
	if !full {
		return
	}
	listed := senders[0]
	m.add(about+" with a query", calls[0], target+"?a=/b%2Fc", listed)
	if r.Match != corsrpc.MatchBinding {
		m.add(about, http.MethodHead, target, listed)
		m.add(about+", OPTIONS that is no preflight", http.MethodOptions, target, listed)
	} else if !slices.ContainsFunc(m.plan.bindings, func(x binding) bool { return x.method == http.MethodDelete || x.method == "*" }) {
		m.add(about+", a method without a binding", http.MethodDelete, target, listed)
	}
}

// addAliases adds paths in other spellings, all or a few. Nothing is expected of
// those that Wrap lets pass, since others can refuse them.
func (m *caseMaker) addAliases(s *service, all bool) {
	prefix, first := strings.TrimSuffix(s.prefix, s.name+"/"), fmt.Sprintf("%02X", s.name[0])
	spellings := []string{
		strings.ToUpper(s.name) + "/M", "%25" + first + s.name[1:] + "/M", "docs/" + s.name + "/M", s.name + "%2FM", s.name + "%5cM", s.name + "%252FM",
		"/" + s.name + "/M", s.name + "//M", s.name + ";x/M", "%" + strings.ToLower(first) + s.name[1:] + "/M",
		"x/../" + s.name + "/M", "x/%2e%2e/" + s.name + "/M", s.name + "/./M", s.name + "/M;x", s.name + "/M/",
	}
	if !all {
		spellings = spellings[:3]
	}
	for _, spelling := range spellings {
		for _, sender := range m.senders(nil) {
			if len(sender.header) == 0 || sender.header[0][1] == "same-origin" {
				continue
			}
			c := m.ask("another spelling of "+s.name, http.MethodPost, prefix+spelling, sender)
			if c.Response.Pass || m.plan.options.BehindGate {
				continue
			}
			c.Response.Body = nil
			m.cases = append(m.cases, c)
		}
	}
}

// A caseSender is who sends a request.
type caseSender struct {
	about  string
	host   string
	header [][2]string
	near   bool // its origin is near a listed one
	basic  bool // for rules that get a few cases
}

func (s *caseSender) hasOrigin() bool {
	return slices.ContainsFunc(s.header, func(line [2]string) bool { return line[0] == "Origin" })
}

// senders returns one sender for each step of the decision; with a grant, the
// first one is listed if any origin is.
func (m *caseMaker) senders(g *grant) []caseSender {
	origin := func(o string) [2]string { return [2]string{"Origin", o} }
	site := func(s string) [2]string { return [2]string{"Sec-Fetch-Site", s} }
	cookie := [2]string{"Cookie", "session=1"}
	all := []caseSender{}
	add := func(about string, lines ...[2]string) {
		all = append(all, caseSender{about: about, host: m.host, header: lines})
	}
	const unlisted = "https://unlisted.example.net"
	if g != nil {
		for _, e := range g.origins.entries[:min(3, len(g.origins.entries))] {
			listed := memberOf(e.text)
			add("listed", origin(listed), site("cross-site"))
			add("listed, with cookies", origin(listed), site("cross-site"), cookie)
			for _, other := range nearOf(listed) {
				add("near a listed one", origin(other), site("same-site"))
				all[len(all)-1].near = true
			}
		}
	}
	add("not listed, without Sec-Fetch-Site", origin(unlisted))
	add("not listed", origin(unlisted), site("cross-site"))
	all[0].basic, all[len(all)-1].basic = true, true
	add("null", origin("null"), site("cross-site"))
	add("two origins", origin(unlisted), origin(unlisted))
	add("an image", site("cross-site"))
	add("a new value of Sec-Fetch-Site", site("other-site"))
	add("the user", site("none"))
	add("speculation rules", site("none"), [2]string{"Sec-Purpose", "prefetch"})
	add("the server's own page", site("same-origin"), cookie)
	add("the server's own page, without Sec-Fetch-Site", origin("https://"+m.host))
	add("no browser")
	if m.plan.requireHosts {
		all = append(all, caseSender{about: "another host", host: "rebound.example.net", header: [][2]string{site("same-origin")}})
	}
	return all
}

// memberOf returns an origin that an entry of Config.Origins admits.
func memberOf(entry string) string {
	if entry == "*" {
		return "https://app.example.com"
	}
	return strings.Replace(strings.Replace(entry, "://*.", "://a.b-c.", 1), ":*", ":65535", 1)
}

// nearOf returns origins that are like one, but others.
func nearOf(o string) []string {
	scheme, rest, _ := strings.Cut(o, "://")
	other := map[string]string{"https": "http", "http": "https"}[scheme]
	if other == "" || strings.Contains(rest, "[") {
		return []string{o + "x"}
	}
	host, _, _ := strings.Cut(rest, ":")
	near := []string{other + "://" + rest, scheme + "://" + host + ":8443", scheme + "://" + host + ".example.net", scheme + "://evil" + host, scheme + "://" + host + "."}
	return append(near, scheme+"://"+strings.Replace(rest, ".", "x", 1))
}

// add adds a case, except for a call that a gate behind refuses.
func (m *caseMaker) add(about, method, target string, s caseSender) {
	c := m.ask(about, method, target, s)
	refusesCall := !c.Response.Pass && *c.Response.Body != "" // of preflights, refusals have none
	if !refusesCall || !m.plan.options.BehindGate {
		m.cases = append(m.cases, c)
	}
}

// ask returns what Wrap makes of a request.
func (m *caseMaker) ask(about, method, target string, s caseSender) jsonCase {
	request := jsonRequest{method, target, append([][2]string{{"Host", s.host}}, s.header...)}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\n", method, target)
	for _, line := range request.Header {
		fmt.Fprintf(&text, "%s: %s\r\n", line[0], line[1])
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text.String() + "\r\n")))
	if err != nil {
		panic(fmt.Errorf("corsexport: %s %s: %w", method, target, err)) // made of escaped parts
	}
	w := &caseRecorder{header: make(http.Header)}
	m.policy.Wrap(w).ServeHTTP(w, r)
	response := jsonResponse{Pass: w.passed, Status: w.status, Header: make(map[string]string)}
	for name, lines := range w.header {
		response.Header[name] = strings.Join(lines, ", ")
	}
	if !w.passed {
		body := w.body.String()
		response.Body = &body
	}
	return jsonCase{about + ": " + s.about, request, response}
}

// A caseRecorder is both the response that Wrap writes, and the handler behind,
// which writes none.
type caseRecorder struct {
	header http.Header
	status int
	body   strings.Builder
	passed bool
}

func (w *caseRecorder) Header() http.Header                              { return w.header }
func (w *caseRecorder) WriteHeader(status int)                           { w.status = status }
func (w *caseRecorder) Write(p []byte) (int, error)                      { return w.body.Write(p) }
func (w *caseRecorder) ServeHTTP(_ http.ResponseWriter, _ *http.Request) { w.passed = true }

var _ io.Writer = (*caseRecorder)(nil)

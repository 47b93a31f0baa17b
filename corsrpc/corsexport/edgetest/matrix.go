package edgetest

import (
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Matrix returns requests that try everything a policy distinguishes:
//
//   - every procedure, service, binding and resource, paths that are not
//     governed, and paths that mean a procedure without being its spelling
//   - origins that are listed, members of patterns, look-alikes of both, null,
//     none and several
//   - each value of Sec-Fetch-Site, cookies, Sec-Purpose and hosts
//   - HTTP methods, and preflights for them with several lists of headers
//   - responses of a [Backend] that are errors, redirects, vary or have CORS
//     headers of their own
//
// host is the edge's own, as requests to it carry it. The order is the same
// each time.
func Matrix(p *corsrpc.Policy, host string) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		m := &matrix{config: p.Config(), host: host, yield: yield}
		for rule := range p.Rules() {
			m.rules = append(m.rules, rule)
		}
		m.run()
	}
}

// A matrix is one pass through the requests.
type matrix struct {
	config corsrpc.Config
	rules  []corsrpc.Rule
	host   string
	yield  func(Request) bool
	done   bool
}

func (m *matrix) run() {
	for i := range m.rules {
		r := &m.rules[i]
		m.governed(r)
		if m.done {
			return
		}
	}
	for _, path := range m.ungoverned() {
		m.path(path, m.senders(m.originKinds(nil), extras), shapes(nil))
	}
	for i := range m.rules {
		if m.rules[i].Match == corsrpc.MatchProcedure || m.rules[i].Match == corsrpc.MatchService {
			m.aliases(&m.rules[i])
		}
		if m.done {
			return
		}
	}
}

// A path is where a request goes.
type path struct {
	target string
	clean  bool
	about  string
	method string // of the binding whose path it is; empty for others
}

func (m *matrix) governed(r *corsrpc.Rule) {
	about := r.Match.String() + " " + r.Path
	main := path{target: escape(r.SamplePath("edgetest")), clean: true, about: about}
	if r.Match == corsrpc.MatchBinding {
		// A template has escapes where a path has them.
		main.target = escape(m.config.PathPrefix) + strings.TrimPrefix(r.SamplePath("edgetest"), m.config.PathPrefix)
	}
	if r.Match == corsrpc.MatchBinding && r.Methods[0] != "*" {
		main.method = r.Methods[0]
	}
	withQuery := main
	withQuery.target, withQuery.about = main.target+"?connect=v1&encoding=json&message=%7B%7D", about+", with a query"
	few := m.fewSenders(r)
	m.path(main, m.senders(m.originForms(r), nil), basicShapes)
	m.path(main, m.senders(m.originKinds(r), extras), basicShapes)
	m.path(main, few, shapes(r))
	m.path(withQuery, few, basicShapes)
	if below, ok := m.documentation(r); ok {
		m.path(path{target: below, clean: true, about: about + ", which has a procedure's name below it"}, few, basicShapes)
	}
	for _, how := range []string{"401", "404", "500", "302", "vary", "vary-star", "cors"} {
		for _, s := range few {
			if s.host != "" {
				continue // hosts are tried above
			}
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				header := append(slices.Clone(s.header), Line{HeaderRespond, how})
				m.add(main, sender{header: header, forged: s.forged, host: s.host, about: s.about + "; the backend responds " + how}, shape{method: method})
			}
		}
	}
}

func (m *matrix) path(p path, senders []sender, shapes []shape) {
	for _, sender := range senders {
		for _, shape := range shapes {
			if m.add(p, sender, shape); m.done {
				return
			}
		}
	}
}

func (m *matrix) add(p path, s sender, shape shape) {
	if m.done || shape.preflight && !s.hasOrigin() {
		return
	}
	r := Request{
		Method: shape.method,
		Target: p.target,
		Host:   s.host,
		Header: append(slices.Clone(s.header), shape.header...),
		Clean:  p.clean && !shape.unusual && (p.method == "" || p.method == shape.of()),
		Forged: s.forged || shape.forged,
		About:  p.about + "; " + s.about,
	}
	if r.Method == http.MethodPost {
		r.Body = "{}"
	}
	m.done = !m.yield(r)
}

// A shape is a method with the headers that go with it.
type shape struct {
	method    string
	header    []Line
	preflight bool
	forged    bool
	unusual   bool // no client of a binding sends it
}

// of returns the HTTP method of the binding that the request is for.
func (s *shape) of() string {
	switch {
	case s.preflight:
		return s.header[0].Value
	case s.method == http.MethodHead:
		return http.MethodGet
	}
	return s.method
}

var jsonCall = shape{method: http.MethodPost, header: []Line{{"Content-Type", "application/json"}}}

// basicShapes are those that show what becomes of a sender.
var basicShapes = []shape{jsonCall, {method: http.MethodGet}, preflight("POST", "content-type")}

// shapes returns the calls and preflights for a rule, or for none.
func shapes(r *corsrpc.Rule) []shape {
	all := []shape{
		jsonCall,
		{method: "GET"}, {method: "HEAD"}, {method: "PUT"}, {method: "DELETE"}, {method: "OPTIONS"},
		preflight("POST", "connect-protocol-version,content-type"),
		preflight("POST", "x-edgetest"),
		preflight("POST"),
		preflight("GET"),
		preflight("PUT", "content-type"),
		preflight("post"),
		preflight("*", "*"),
		{method: "OPTIONS", header: []Line{{headerAskedMethod, "POST"}, {headerAskedMethod, "GET"}}, preflight: true, forged: true},
		{method: "OPTIONS", header: []Line{{headerAskedMethod, ""}}, preflight: true, forged: true},
	}
	if r == nil {
		return all
	}
	if r.Match == corsrpc.MatchBinding {
		all = append(all,
			shape{method: "POST", header: []Line{{"Content-Type", "application/x-www-form-urlencoded"}}, unusual: true},
			shape{method: "POST", header: []Line{{"Content-Type", "application/json"}, {"X-HTTP-Method-Override", "GET"}}, unusual: true})
	}
	for _, method := range r.Methods {
		if method != "POST" && method != "GET" && method != "PUT" && method != "*" {
			all = append(all, shape{method: method}, preflight(method, "content-type"))
		}
	}
	return all
}

func preflight(method string, names ...string) shape {
	header := []Line{{headerAskedMethod, method}}
	for _, list := range names {
		header = append(header, Line{headerAskedHeaders, list})
	}
	return shape{method: "OPTIONS", header: header, preflight: true}
}

// Sample returns n of the requests, chosen by seed: of preflights and calls, of
// clean requests and others each a quarter where there are so many. If n is 0 or
// less, it returns all.
func Sample(requests iter.Seq[Request], n int, seed uint64) []Request {
	if n <= 0 {
		return slices.Collect(requests)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	type drawn struct {
		Request
		at int
	}
	var groups [4][]drawn
	var seen [4]int
	at := 0
	for r := range requests {
		g := 0
		if r.isPreflight() {
			g |= 1
		}
		if r.Clean {
			g |= 2
		}
		// Reservoir sampling.
		switch seen[g]++; {
		case len(groups[g]) < n:
			groups[g] = append(groups[g], drawn{r, at})
		default:
			if i := random.IntN(seen[g]); i < n {
				groups[g][i] = drawn{r, at}
			}
		}
		at++
	}
	order := []int{0, 1, 2, 3}
	slices.SortFunc(order, func(a, b int) int { return len(groups[a]) - len(groups[b]) })
	var chosen []drawn
	for i, g := range order {
		share := min(len(groups[g]), (n-len(chosen))/(len(order)-i))
		random.Shuffle(len(groups[g]), func(a, b int) { groups[g][a], groups[g][b] = groups[g][b], groups[g][a] })
		chosen = append(chosen, groups[g][:share]...)
	}
	slices.SortFunc(chosen, func(a, b drawn) int { return a.at - b.at })
	all := make([]Request, len(chosen))
	for i, c := range chosen {
		all[i] = c.Request
	}
	return all
}

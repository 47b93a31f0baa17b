package corsdiff_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

var pairs = flag.Int("pairs", 60, "random pairs of policies to compare")

// witnesses has, for each entry that a random list of origins can have, a page
// that no other entry admits, unless it admits all of this one's.
var witnesses = map[string]string{
	"https://app.example.com": "https://app.example.com",
	"https://a.example.com":   "https://a.example.com",
	"https://*.example.com":   "https://q.example.com",
	"https://*.a.example.com": "https://q.a.example.com",
	"http://localhost:3000":   "http://localhost:3000",
	"http://localhost:*":      "http://localhost:7777",
	"*":                       "https://other.test",
}

var (
	entries       = slices.Sorted(maps.Keys(witnesses))
	requestNames  = []string{"X-A", "X-B", "X-C"}
	responseNames = []string{"X-D", "X-E", "Trailer-X-T"}
	bindings      = []string{"/v1/a/{id}", "/v1/{id=**}", "/v1/b:get"}
	resourceKeys  = []string{"/files/", "/upload", "/products/{id}"}
	resourceVerbs = []string{http.MethodGet, http.MethodPut, http.MethodDelete}
	labels        = []string{"", "", "red", "blue"}
	methodNames   = []string{"M1", "M2", "M3"}
	serviceNames  = []string{"AService", "BService"}
	fullAService  = "acme.diff.v1.AService"
)

// A draft is a random schema and Config. Each of its parts is drawn by itself,
// so that a second draft can have most parts of the first.
type draft struct {
	services map[string][]method
	config   corsrpc.Config
}

func some[T any](r *rand.Rand, list []T) []T {
	var chosen []T
	for _, element := range list {
		if r.IntN(3) == 0 {
			chosen = append(chosen, element)
		}
	}
	return chosen
}

func oneIn(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func randomOrigins(r *rand.Rand) []string {
	if oneIn(r, 8) {
		return []string{"*"}
	}
	return slices.DeleteFunc(some(r, entries), func(entry string) bool { return entry == "*" })
}

func randomSwitch(r *rand.Rand) corsrpc.Switch { return corsrpc.Switch(r.IntN(3)) }

func randomMethod(r *rand.Rand, name string) method {
	m := method{name: name, noSideEffects: oneIn(r, 2), options: &corsrpcv1.MethodOptions{
		RequestHeaders: some(r, requestNames), ResponseHeaders: some(r, responseNames[:2]), Audience: labels[r.IntN(len(labels))],
	}}
	if oneIn(r, 3) {
		m.options.ResponseTrailers = []string{"X-T"}
	}
	if oneIn(r, 6) {
		m.options = &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}
	}
	if oneIn(r, 3) {
		m.get = bindings[r.IntN(len(bindings))]
	}
	return m
}

func randomOverride(r *rand.Rand) corsrpc.Override {
	o := corsrpc.Override{Credentials: randomSwitch(r), RequestHeaders: some(r, requestNames), ResponseHeaders: some(r, responseNames[:2]), Links: randomSwitch(r)}
	if oneIn(r, 2) {
		o.Origins = append([]string{}, randomOrigins(r)...)
	}
	return o
}

// redraw draws the parts of a draft that change says.
func (d draft) redraw(r *rand.Rand, change func() bool) draft {
	services := make(map[string][]method)
	for _, name := range serviceNames {
		old := make(map[string]method)
		for _, m := range d.services[name] {
			old[m.name] = m
		}
		var methods []method
		for _, methodName := range methodNames {
			m, has := old[methodName]
			if change() {
				m, has = randomMethod(r, methodName), !oneIn(r, 4)
			}
			if has {
				methods = append(methods, m)
			}
		}
		services[name] = methods
	}
	c := d.config
	set := func(draw func()) {
		if change() {
			draw()
		}
	}
	set(func() { c.Origins = randomOrigins(r) })
	set(func() { c.Credentials = oneIn(r, 2) })
	set(func() { c.RequestHeaders = some(r, requestNames) })
	set(func() { c.ResponseHeaders = some(r, responseNames[:2]) })
	set(func() { c.ResponseTrailers = some(r, []string{"X-T"}) })
	set(func() { c.ReportOnly = oneIn(r, 4) })
	set(func() { c.REST = corsrpc.RESTNone + corsrpc.REST(r.IntN(3)) })
	set(func() { c.Audiences = map[string][]string{"red": randomOrigins(r), "blue": randomOrigins(r)} })
	set(func() {
		c.Overrides = nil
		if oneIn(r, 2) {
			c.Overrides = map[string]corsrpc.Override{fullAService: randomOverride(r)}
		}
	})
	set(func() {
		c.Services = nil
		if oneIn(r, 4) {
			c.Services = []string{fullAService}
		}
	})
	set(func() {
		c.Resources = make(map[string]corsrpc.Resource)
		for _, key := range some(r, resourceKeys) {
			c.Resources[key] = corsrpc.Resource{
				Origins: randomOrigins(r), Credentials: oneIn(r, 2), Methods: append([]string{http.MethodGet}, some(r, resourceVerbs[1:])...),
				RequestHeaders: some(r, requestNames), ResponseHeaders: some(r, responseNames[:2]),
			}
		}
	})
	return draft{services, c}
}

// random returns a draft that is a policy, most of whose parts are those of
// from.
func random(t *testing.T, r *rand.Rand, from draft, change func() bool) (draft, *corsrpc.Policy) {
	t.Helper()
	for range 10_000 {
		d := from.redraw(r, change)
		d.config.Files = schema(t, d.services)
		if policy, err := corsrpc.New(d.config); err == nil {
			return d, policy
		}
	}
	require.FailNow(t, "no draft is a policy")
	return draft{}, nil
}

// A server is what serves behind a policy: what its schema has, with the
// methods that Connect serves, and every path beside procedures.
type server struct {
	browsers   map[string]*corstest.Browser // by origin
	procedures map[string][]string
	ran        bool
}

func newServer(policy *corsrpc.Policy) *server {
	s := &server{browsers: make(map[string]*corstest.Browser), procedures: make(map[string][]string)}
	for rule := range policy.Rules() {
		if rule.Match == corsrpc.MatchProcedure {
			s.procedures[rule.Path] = rule.Methods
		}
	}
	handler := corstest.WithHandler(policy.Wrap(s))
	for _, origin := range append(slices.Collect(maps.Values(witnesses)), stranger) {
		s.browsers[origin] = corstest.NewBrowser(origin, handler)
	}
	return s
}

const stranger = "https://stranger.test"

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	methods, procedure := s.procedures[r.URL.Path]
	for _, name := range responseNames {
		w.Header().Set(name, "1")
	}
	switch {
	case procedure && !slices.Contains(methods, r.Method):
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !procedure && strings.HasPrefix(r.URL.Path, "/acme."):
		w.WriteHeader(http.StatusNotFound)
	default:
		s.ran = true
	}
}

// fetch returns the response that a page can read, or nil.
func (s *server) fetch(t *testing.T, origin string, request corstest.Request) *corstest.Response {
	t.Helper()
	s.ran = false
	response, err := s.browsers[origin].Fetch(context.Background(), request)
	var blocked *corstest.BlockedError
	if errors.As(err, &blocked) {
		return nil
	}
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

// abilities returns what pages can do at the paths of rules, as words: the kind,
// the origin, what, and the path as a Change has it.
func (s *server) abilities(t *testing.T, rules []corsrpc.Rule) map[string]bool {
	t.Helper()
	can := make(map[string]bool)
	add := func(kind corsdiff.Kind, origin, what, path string) {
		can[strings.Join([]string{kind.String(), origin, what, path}, " | ")] = true
	}
	for _, rule := range rules {
		path, url := rule.Path, "https://api.example"+rule.SamplePath("unknown-segment")
		methods, unimplemented := rule.Methods, rule.Match == corsrpc.MatchService
		main := http.MethodPost
		switch rule.Match {
		case corsrpc.MatchBinding:
			path, main = rule.Methods[0]+" "+rule.Path, rule.Methods[0]
		case corsrpc.MatchResource:
			main = http.MethodGet
		case corsrpc.MatchService:
			methods = nil
		}
		for _, origin := range witnesses {
			request := func(method string, names ...string) corstest.Request {
				q := corstest.Request{Method: method, URL: url, Header: make(http.Header)}
				for _, name := range names {
					q.Header.Set(name, "1")
				}
				return q
			}
			works := func(q corstest.Request) *corstest.Response {
				if r := s.fetch(t, origin, q); r != nil && (unimplemented || s.ran) {
					return r
				}
				return nil
			}
			response := works(request(main))
			if response == nil {
				continue
			}
			add(corsdiff.Call, origin, "", path)
			for _, name := range responseNames {
				if response.Header.Get(name) != "" {
					add(corsdiff.Read, origin, name, path)
				}
			}
			for _, name := range requestNames {
				if works(request(main, name)) != nil {
					add(corsdiff.Send, origin, name, path)
				}
			}
			for _, method := range methods {
				if works(request(method)) != nil {
					add(corsdiff.Method, origin, method, path)
				}
			}
			included := request(main)
			included.Credentials = corstest.CredentialsInclude
			if works(included) != nil {
				add(corsdiff.Credentials, origin, "", path)
			}
		}
		for how, q := range map[string]corstest.Request{
			"call": {Method: main, URL: url, Header: http.Header{"Content-Type": {"text/plain"}}},
			"link": {Method: http.MethodGet, URL: url, Mode: corstest.ModeNoCORS, Destination: "image"},
		} {
			if main != http.MethodPost && main != http.MethodGet && how == "call" {
				continue // not without a preflight
			}
			if s.fetch(t, stranger, q); s.ran {
				add(corsdiff.Run, "", how, path)
			}
		}
	}
	return can
}

// reported returns the changes as abilities, one for each path.
func reported(changes []corsdiff.Change) map[string]corsdiff.Change {
	out := make(map[string]corsdiff.Change)
	for _, c := range changes {
		for _, path := range c.Paths {
			out[strings.Join([]string{c.Kind.String(), c.Value, path}, " | ")] = c
		}
	}
	return out
}

// admits reports whether an entry of a list is for a page.
func admits(entry, origin string) bool {
	switch {
	case entry == "*", entry == origin:
		return true
	case strings.HasSuffix(entry, ":*"):
		host := strings.TrimSuffix(entry, ":*")
		return origin == host || strings.HasPrefix(origin, host+":")
	case strings.Contains(entry, "*"):
		return strings.HasSuffix(origin, strings.TrimPrefix(entry, "https://*"))
	}
	return false
}

// What Compare says pages lose is what a browser could do before and cannot
// afterwards: nothing is missing, and nothing is made up.
func TestThatLossesAreThoseOfABrowser(t *testing.T) {
	t.Parallel()
	always := func() bool { return true }
	losses := make(map[corsdiff.Kind]int)
	same := 0
	for seed := range uint64(*pairs) {
		r := rand.New(rand.NewPCG(seed, 1))
		from, old := random(t, r, draft{}, always)
		rate := 1 + r.IntN(20) // from all parts to almost none
		_, new := random(t, r, from, func() bool { return oneIn(r, rate) })
		report := corsdiff.Compare(old, new)
		if report.Empty() {
			same++
		}
		compareWithBrowser(t, fmt.Sprintf("seed %d, lost", seed), old, new, report.Lost)
		compareWithBrowser(t, fmt.Sprintf("seed %d, gained", seed), new, old, report.Gained)
		for _, c := range append(report.Lost, report.Gained...) {
			losses[c.Kind]++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("changes by kind: %v; pairs without any: %d", losses, same)
	for kind := corsdiff.Call; kind <= corsdiff.Run; kind++ {
		require.Positive(t, losses[kind], "no pair had a change of the kind %s", kind)
	}
	require.Positive(t, same, "no pair did the same")
}

func compareWithBrowser(t *testing.T, name string, from, to *corsrpc.Policy, changes []corsdiff.Change) {
	t.Helper()
	rules := slices.Collect(from.Rules())
	before, after := newServer(from).abilities(t, rules), newServer(to).abilities(t, rules)
	report := reported(changes)
	key := func(parts ...string) string { return strings.Join(parts, " | ") }

	// Everything that a browser lost is reported.
	for _, ability := range slices.Sorted(maps.Keys(before)) {
		parts := strings.Split(ability, " | ")
		kind, origin, what, path := parts[0], parts[1], parts[2], parts[3]
		switch {
		case after[ability]:
			continue
		case kind == "call", kind == "credentials":
			found := false
			for entry := range witnesses {
				_, has := report[key(kind, entry, path)]
				found = found || has && admits(entry, origin)
			}
			if kind == "credentials" && !after[key("call", origin, "", path)] {
				continue // not to be able to call is enough
			}
			if !found {
				t.Errorf("%s: not reported: %s", name, ability)
			}
		case kind == "run":
			_, runs := report[key(kind, what, path)]
			_, calls := report[key("call", "*", path)] // which every page of the web is for
			if !runs && (what != "call" || !calls) {
				t.Errorf("%s: not reported: %s", name, ability)
			}
		case !after[key("call", origin, "", path)]:
		default:
			if _, has := report[key(kind, what, path)]; !has {
				t.Errorf("%s: not reported: %s", name, ability)
			}
		}
	}

	// Everything that is reported is what a browser lost.
	for change, c := range report {
		path := change[strings.LastIndex(change, " | ")+3:]
		lost := false
		switch c.Kind {
		case corsdiff.Call, corsdiff.Credentials:
			ability := key(c.Kind.String(), witnesses[c.Value], "", path)
			lost = before[ability] && !after[ability]
		case corsdiff.Run:
			ability := key(c.Kind.String(), "", c.Value, path)
			lost = before[ability] && !after[ability]
		default:
			if !slices.Contains(slices.Concat(requestNames, responseNames, resourceVerbs, []string{http.MethodPost}), c.Value) {
				continue // a protocol's header
			}
			for _, origin := range witnesses {
				ability := key(c.Kind.String(), origin, c.Value, path)
				lost = lost || before[ability] && !after[ability] && after[key("call", origin, "", path)]
			}
		}
		if !lost {
			t.Errorf("%s: not lost: %s: %s", name, change, c)
		}
		if c.Cause == "" {
			t.Errorf("%s: no cause: %s", name, change)
		}
	}
}

package corsdiff

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A side is one of the two policies.
type side struct {
	policy  *corsrpc.Policy
	handler http.Handler
	rules   []corsrpc.Rule
	// uniform means that all origins of a rule have the same lists: only
	// bindings whose paths overlap differ.
	uniform    bool
	host       string
	procedures map[string][]string // the methods of those in the schema, by path
	entries    []string            // of all lists of origins, each once
}

func newSide(policy *corsrpc.Policy) *side {
	config := policy.Config()
	config.OnDecision = nil
	silent, err := corsrpc.New(config)
	if err != nil {
		silent = policy // the zero Policy, which has no hook
	}
	s := &side{policy: silent, handler: silent.Wrap(ran{}), rules: slices.Collect(silent.Rules()), uniform: true, host: "corsdiff.invalid", procedures: make(map[string][]string)}
	for i := range s.rules {
		s.uniform = s.uniform && s.rules[i].Match != corsrpc.MatchBinding
		if s.rules[i].Match == corsrpc.MatchProcedure {
			s.procedures[s.rules[i].Path] = s.rules[i].Methods
		}
	}
	known := make(map[string]bool)
	for i := range s.rules {
		for _, entry := range s.rules[i].Origins {
			if !known[entry] {
				known[entry] = true
				s.entries = append(s.entries, entry)
			}
		}
	}
	if len(config.Hosts) > 0 {
		s.host = config.Hosts[0]
	}
	return s
}

// A request is one that is tried on both sides.
type request struct {
	path, method string
	procedure    bool // the path is that of one
	origin       string
	stranger     string // "call" or "link": of a page that nobody lists
}

// A view is what a page can do with one path.
type view struct {
	calls, credentials    bool
	methods, sends, reads []string
}

// gone reports whether the request is for a procedure that the schema does not
// have, or not for links: the response says so, and pages can do no more than
// read that.
func (s *side) gone(q request) bool {
	methods, known := s.procedures[q.path]
	return q.procedure && (!known || q.stranger == "link" && !slices.Contains(methods, http.MethodGet))
}

// look returns what the page can do.
func (s *side) look(q request) view {
	if s.gone(q) {
		return view{}
	}
	preflight := s.serve(q.path, http.MethodOptions, http.Header{"Origin": {q.origin}, "Access-Control-Request-Method": {q.method}})
	call := s.serve(q.path, q.method, http.Header{"Origin": {q.origin}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}})
	v := view{calls: preflight.allows(q.origin) && call.allows(q.origin) && call.ran}
	if !v.calls {
		return v
	}
	v.credentials = preflight.get("Access-Control-Allow-Credentials") == "true" && call.get("Access-Control-Allow-Credentials") == "true"
	v.methods = list(preflight.get("Access-Control-Allow-Methods"))
	v.sends = list(preflight.get("Access-Control-Allow-Headers"))
	v.reads = list(call.get("Access-Control-Expose-Headers"))
	return v
}

// runs reports whether a page that nobody lists makes the handler run.
func (s *side) runs(q request) bool {
	if s.gone(q) {
		return false
	}
	if q.stranger == "link" {
		return s.serve(q.path, http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}).ran
	}
	return s.serve(q.path, q.method, http.Header{"Origin": {"https://corsdiff-stranger.invalid"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"}, "Content-Type": {"text/plain"}}).ran
}

func (s *side) serve(path, method string, header http.Header) *response {
	w := &response{header: make(http.Header)}
	s.handler.ServeHTTP(w, &http.Request{
		Method: method, URL: &url.URL{Path: path}, Host: s.host, Header: header, Body: http.NoBody,
		Proto: "HTTP/2.0", ProtoMajor: 2,
	})
	return w
}

// ran is the handler: it shows that it ran.
type ran struct{}

func (ran) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }

// A response is what Wrap writes.
type response struct {
	header http.Header
	ran    bool
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) WriteHeader(status int)      { w.ran = w.ran || status == http.StatusTeapot }
func (w *response) Write(p []byte) (int, error) { return len(p), nil }
func (w *response) get(name string) string      { return w.header.Get(name) }
func (w *response) allows(origin string) bool {
	allowed := w.get("Access-Control-Allow-Origin")
	return allowed == "*" || allowed == origin
}

func list(line string) []string {
	if line == "" {
		return nil
	}
	return strings.Split(line, ", ")
}

// sample returns a request to a path that only this rule, or one that it
// overlaps, can have.
func sample(r *corsrpc.Rule) request {
	q := request{path: r.SamplePath("corsdiff-any-segment"), method: http.MethodPost, procedure: r.Match == corsrpc.MatchProcedure}
	switch r.Match {
	case corsrpc.MatchBinding:
		q.method = r.Methods[0]
	case corsrpc.MatchResource:
		q.method = http.MethodGet
	}
	return q
}

// sampleOrigin returns an origin that a listed one admits, and that no more
// specific one would.
func sampleOrigin(entry string) string {
	if entry == "*" {
		return "https://corsdiff-any-page.invalid"
	}
	entry = strings.Replace(entry, "://*.", "://corsdiff-any-label.", 1)
	if host, ok := strings.CutSuffix(entry, ":*"); ok {
		entry = host + ":54321"
	}
	return entry
}

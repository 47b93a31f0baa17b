package bench

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The floors are what a careful person writes by hand for one server: nothing
// to configure, no patterns, no audiences, no Sec-Fetch-Site, no same-origin
// comparison. They set the same header fields as corsrpc.

// An echoFloor knows its origins. It checks the header list of a preflight name
// by name and sends it back, as most libraries do.
type echoFloor struct {
	next             http.Handler
	origins, headers map[string]struct{}
	methods, exposed string
	maxAge           string
	credentials      bool
}

func newEchoFloor(s Setup, next http.Handler) (http.Handler, error) {
	rule, err := generated()
	if err != nil {
		return nil, err
	}
	f := &echoFloor{
		next:    next,
		origins: setOf(s.origins()),
		headers: make(map[string]struct{}),
		methods: strings.Join(rule.Methods, ", "),
		exposed: strings.Join(rule.ResponseHeaders, ", "),
		maxAge:  seconds(rule),

		credentials: !s.Anonymous,
	}
	for _, name := range rule.RequestHeaders {
		f.headers[strings.ToLower(name)] = struct{}{}
	}
	return f, nil
}

func (f *echoFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			addVary(w.Header(), []string{"Origin"})
		}
		f.next.ServeHTTP(w, r)
		return
	}
	header := w.Header()
	_, ok := f.origins[origins[0]]
	if r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0 {
		if !ok {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		list := r.Header.Get("Access-Control-Request-Headers")
		for name := range strings.SplitSeq(list, ",") {
			if _, ok := f.headers[strings.TrimSpace(name)]; !ok {
				w.WriteHeader(http.StatusForbidden)
				return
			}
		}
		setPreflight(header, &[6]string{origins[0], "true", f.methods, list, f.maxAge, "Origin"}, f.credentials)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !ok {
		refuse(w)
		return
	}
	setCall(header, &[4]string{origins[0], "true", f.exposed, "Origin"}, f.credentials)
	f.next.ServeHTTP(w, r)
}

// A staticFloor answers with the lists of the path.
type staticFloor struct {
	next  http.Handler
	rules map[string]*staticRule
}

type staticRule struct {
	origins                            map[string]struct{}
	methods, headers, exposed, seconds string
	credentials                        bool
}

func newStaticFloor(s Setup, next http.Handler) (http.Handler, error) {
	lists, err := generated()
	if err != nil {
		return nil, err
	}
	rule := &staticRule{
		origins: setOf(s.origins()),
		methods: strings.Join(lists.Methods, ", "),
		headers: strings.Join(lists.RequestHeaders, ", "),
		exposed: strings.Join(lists.ResponseHeaders, ", "),
		seconds: seconds(lists),

		credentials: !s.Anonymous,
	}
	f := &staticFloor{next: next, rules: make(map[string]*staticRule)}
	for _, path := range s.procedures() {
		f.rules[path] = rule
	}
	return f, nil
}

func (f *staticFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origins := r.Header["Origin"]
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if len(origins) == 0 && !read {
		f.next.ServeHTTP(w, r)
		return
	}
	rule := f.rules[r.URL.Path]
	if rule == nil {
		f.next.ServeHTTP(w, r)
		return
	}
	header := w.Header()
	if len(origins) == 0 {
		addVary(header, []string{"Origin"})
		f.next.ServeHTTP(w, r)
		return
	}
	_, ok := rule.origins[origins[0]]
	if r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0 {
		if !ok {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		setPreflight(header, &[6]string{origins[0], "true", rule.methods, rule.headers, rule.seconds, "Origin"}, rule.credentials)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !ok {
		refuse(w)
		return
	}
	setCall(header, &[4]string{origins[0], "true", rule.exposed, "Origin"}, rule.credentials)
	f.next.ServeHTTP(w, r)
}

func setPreflight(header http.Header, lines *[6]string, credentials bool) {
	addVary(header, lines[5:6:6])
	header["Access-Control-Allow-Origin"] = lines[0:1:1]
	if credentials {
		header["Access-Control-Allow-Credentials"] = lines[1:2:2]
	}
	header["Access-Control-Allow-Methods"] = lines[2:3:3]
	header["Access-Control-Allow-Headers"] = lines[3:4:4]
	header["Access-Control-Max-Age"] = lines[4:5:5]
}

func setCall(header http.Header, lines *[4]string, credentials bool) {
	addVary(header, lines[3:4:4])
	header["Access-Control-Allow-Origin"] = lines[0:1:1]
	if credentials {
		header["Access-Control-Allow-Credentials"] = lines[1:2:2]
	}
	header["Access-Control-Expose-Headers"] = lines[2:3:3]
}

func addVary(header http.Header, line []string) {
	if present := header["Vary"]; len(present) > 0 {
		line = append(present[:len(present):len(present)], line...)
	}
	header["Vary"] = line
}

func refuse(w http.ResponseWriter) {
	header := w.Header()
	lines := &[4]string{"Origin", "no-store", "text/plain; charset=utf-8", "nosniff"}
	addVary(header, lines[0:1:1])
	header["Cache-Control"] = lines[1:2:2]
	header["Content-Type"] = lines[2:3:3]
	header["X-Content-Type-Options"] = lines[3:4:4]
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, "this page may not call\n")
}

// generated is the rule that corsrpc makes, which is the same for all
// procedures of a Setup, except for the origins.
func generated() (corsrpc.Rule, error) {
	setup := Setup{Origins: 1, Procedures: 1}
	config, err := setup.Config()
	if err != nil {
		return corsrpc.Rule{}, err
	}
	policy, err := corsrpc.New(config)
	if err != nil {
		return corsrpc.Rule{}, err
	}
	rule, _ := policy.Rule(setup.procedure())
	return rule, nil
}

func seconds(rule corsrpc.Rule) string { return strconv.Itoa(int(rule.MaxAge.Seconds())) }

func setOf(origins []string) map[string]struct{} {
	set := make(map[string]struct{}, len(origins))
	for _, origin := range origins {
		set[origin] = struct{}{}
	}
	return set
}

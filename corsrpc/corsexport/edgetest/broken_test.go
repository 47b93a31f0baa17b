package edgetest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// An edge is a handler that answers for a policy, in front of a backend.
type edge func(policy *corsrpc.Policy, backend http.Handler) http.Handler

func right(policy *corsrpc.Policy, backend http.Handler) http.Handler {
	return policy.Wrap(keeper(policy, backend))
}

// configured is an edge whose configuration is another than the policy's.
func configured(t *testing.T, change func(*corsrpc.Config)) edge {
	return func(_ *corsrpc.Policy, backend http.Handler) http.Handler {
		config := shopConfig()
		change(&config)
		return right(newPolicy(t, config), backend)
	}
}

// seeing is an edge that sees other requests than were sent.
func seeing(change func(*http.Request)) edge {
	return func(policy *corsrpc.Policy, backend http.Handler) http.Handler {
		h := right(policy, backend)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen := r.Clone(r.Context())
			change(seen)
			h.ServeHTTP(w, seen)
		})
	}
}

// letting is an edge that lets some requests past the policy.
func letting(pass func(*corsrpc.Policy, *http.Request) bool) edge {
	return func(policy *corsrpc.Policy, backend http.Handler) http.Handler {
		h := right(policy, backend)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if pass(policy, r) {
				backend.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// answering is an edge that changes responses.
func answering(change func(*http.Request, *httptest.ResponseRecorder)) edge {
	return func(policy *corsrpc.Policy, backend http.Handler) http.Handler {
		h := right(policy, backend)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			response := httptest.NewRecorder()
			h.ServeHTTP(response, r)
			change(r, response)
			for name, lines := range response.Header() {
				w.Header()[name] = lines
			}
			w.WriteHeader(response.Code)
			if r.Method != http.MethodHead {
				_, _ = response.Body.WriteTo(w)
			}
		})
	}
}

// without is an edge that drops a header from some responses.
func without(name string, from func(*http.Request, *httptest.ResponseRecorder) bool) edge {
	return answering(func(r *http.Request, response *httptest.ResponseRecorder) {
		if from(r, response) {
			response.Header().Del(name)
		}
	})
}

func always(*http.Request, *httptest.ResponseRecorder) bool { return true }

func refused(_ *http.Request, response *httptest.ResponseRecorder) bool {
	return response.Code == http.StatusForbidden
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0
}

func isKnown(policy *corsrpc.Policy, path string) bool {
	for r := range policy.Rules() {
		if path == r.Path || strings.HasSuffix(r.Path, "/") && strings.HasPrefix(path, r.Path) || strings.HasPrefix(path, "/products/") {
			return true
		}
	}
	return false
}

// What edges do wrong, and how it is found.
func TestRunFindsBrokenEdges(t *testing.T) {
	t.Parallel()
	all := edgetest.Sample(edgetest.Matrix(newPolicy(t, shopConfig()), "edge.test"), 0, 0)
	const opens, loses, differs = edgetest.Opens, edgetest.Loses, edgetest.Differs
	for _, test := range []struct {
		name  string
		edge  edge
		class edgetest.Class
		what  string
		// try must be among the requests, as their About has it.
		try string
	}{
		{"no edge at all", letting(func(*corsrpc.Policy, *http.Request) bool { return true }), opens, "the backend runs", "a page that is not listed"},
		{"CORS headers alone, nothing refused", configured(t, func(c *corsrpc.Config) { c.ReportOnly = true }), opens, "the backend runs", "an image or form"},
		{"preflights reach the backend", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return isPreflight(r) }), opens, "the backend runs", "a page of a listed origin"},
		{"only exact paths are refused", letting(func(p *corsrpc.Policy, r *http.Request) bool { return !isKnown(p, r.URL.Path) }), opens, "the backend runs", "alias"},
		{"paths are not decoded", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.EscapedPath(), "%") }), opens, "the backend runs", "escaped 1 times"},
		{"paths are not decoded twice", letting(func(_ *corsrpc.Policy, r *http.Request) bool {
			return strings.Contains(r.URL.Path, "%4") || strings.Contains(r.URL.Path, "%5")
		}), opens, "the backend runs", "escaped 2 times"},
		{"case of paths", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, "/ACME") }), opens, "the backend runs", "other case"},
		{"parameters", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, ";") }), opens, "the backend runs", "parameters"},
		{"backslashes", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, `\`) }), opens, "the backend runs", "backslash"},
		{"empty segments", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, "//") }), opens, "the backend runs", "empty segment"},
		{"dot segments", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, "..") }), opens, "the backend runs", "dot segment"},
		{"other prefixes", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/docs/") }), opens, "the backend runs", "other prefix"},
		{"the long s", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, "\u017f") }), opens, "the backend runs", "folds to s"},
		{"the Kelvin sign", letting(func(_ *corsrpc.Policy, r *http.Request) bool { return strings.Contains(r.URL.Path, "\u212a") }), opens, "the backend runs", "folds to k"},
		{"methods that the schema does not have", letting(func(_ *corsrpc.Policy, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/edgetest") && strings.HasPrefix(r.URL.Path, "/acme.")
		}), opens, "the backend runs", "service /"},
		{"a path in a query is taken for the path", seeing(func(r *http.Request) {
			if path := r.URL.Query().Get("path"); path != "" {
				r.URL.Path = path
			}
		}), loses, "the backend does not run", "a procedure in its query"},
		{"a query makes it another path", seeing(func(r *http.Request) {
			if r.URL.RawQuery != "" {
				r.URL.Path += "?"
			}
		}), loses, "what a page can read", "with a query"},

		{"suffix instead of host", seeing(func(r *http.Request) {
			if strings.HasSuffix(r.Header.Get("Origin"), "app.example.com") {
				r.Header.Set("Origin", "https://app.example.com")
			}
		}), opens, "the backend runs", "longer host"},
		{"prefix instead of host", configured(t, func(c *corsrpc.Config) { c.Origins = append(c.Origins, "https://app.example.com.evil.test") }), opens, "what a page can read", "longer host"},
		{"dots of a regular expression", configured(t, func(c *corsrpc.Config) { c.Origins = append(c.Origins, "https://app.examplexcom") }), opens, "what a page can read", "by one character"},
		{"either scheme", configured(t, func(c *corsrpc.Config) {
			c.Origins, c.DangerouslyAllowInsecureOrigins = append(c.Origins, "http://app.example.com"), true
		}), opens, "what a page can read", "other scheme"},
		{"any port", configured(t, func(c *corsrpc.Config) { c.Origins[0] = "https://app.example.com:*" }), opens, "what a page can read", "other port"},
		{"apex", configured(t, func(c *corsrpc.Config) { c.Origins = append(c.Origins, "https://preview.example.com") }), opens, "what a page can read", "no subdomain"},
		{"every origin", configured(t, func(c *corsrpc.Config) { c.Origins, c.Overrides = []string{"*"}, nil }), opens, "what a page can read", "a page that is not listed"},
		{"case of origins", seeing(func(r *http.Request) {
			if origin := r.Header.Get("Origin"); origin != "" {
				r.Header.Set("Origin", strings.ToLower(origin))
			}
		}), differs, "the backend runs", "other case"},
		{"the first of two Origins", seeing(func(r *http.Request) {
			r.Header["Origin"] = slices.Clip(r.Header["Origin"][:min(1, len(r.Header["Origin"]))])
		}), differs, "the backend runs", "several"},
		{"no pattern of subdomains", configured(t, func(c *corsrpc.Config) { c.Origins = []string{c.Origins[0], c.Origins[2]} }), loses, "what a page can read", "listed by https://*.preview.example.com"},
		{"no pattern of ports", configured(t, func(c *corsrpc.Config) { c.Origins[2] = "http://localhost" }), loses, "what a page can read", "listed by http://localhost:*"},

		{"Sec-Fetch-Site is not read", seeing(func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }), opens, "the backend runs", "an image or form"},
		{"Sec-Purpose is not read", seeing(func(r *http.Request) { r.Header.Del("Sec-Purpose") }), opens, "the backend runs", "speculation rules"},
		{"cookies are not read", seeing(func(r *http.Request) { r.Header.Del("Cookie") }), opens, "the backend runs", "with cookies"},
		{"same-site passes", seeing(func(r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "same-site" {
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			}
		}), opens, "the backend runs", "not listed"},
		{"new values of Sec-Fetch-Site pass", seeing(func(r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "future-site" {
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			}
		}), opens, "the backend runs", "none"},
		{"Sec-Fetch-Site in any case", seeing(func(r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "NONE" {
				r.Header.Set("Sec-Fetch-Site", "none")
			}
		}), differs, "the backend runs", "upper case"},
		{"clients without a browser are refused", configured(t, func(c *corsrpc.Config) { c.RequireFetchMetadata = true }), loses, "the backend does not run", "not a browser"},
		{"the user is refused", seeing(func(r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "none" {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
			}
		}), loses, "the backend does not run", "who typed the address"},
		{"the server's own pages are refused", seeing(func(r *http.Request) {
			if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
			}
		}), loses, "the backend does not run", "the server's own page"},
		{"internal methods are not refused", letting(func(_ *corsrpc.Policy, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/PurgeCarts") && r.Header.Get("Sec-Fetch-Site") == "none"
		}), opens, "the backend runs", "who typed the address"},

		{"more request headers", configured(t, func(c *corsrpc.Config) { c.RequestHeaders = append(c.RequestHeaders, "X-Debug") }), opens, "Access-Control-Allow-Headers", "procedure"},
		{"any request header", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if w.Header().Get("Access-Control-Allow-Headers") != "" {
				w.Header().Set("Access-Control-Allow-Headers", "*")
			}
		}), opens, "Access-Control-Allow-Headers", "procedure"},
		{"fewer request headers", configured(t, func(c *corsrpc.Config) { c.RequestHeaders = nil }), loses, "Access-Control-Allow-Headers", "procedure"},
		{"more methods", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if w.Header().Get("Access-Control-Allow-Methods") != "" {
				w.Header().Set("Access-Control-Allow-Methods", "POST, GET, PUT, DELETE")
			}
		}), opens, "Access-Control-Allow-Methods", "procedure"},
		{"no methods", without("Access-Control-Allow-Methods", always), loses, "Access-Control-Allow-Methods", "resource"},
		{"credentials for all", configured(t, func(c *corsrpc.Config) { c.Credentials = true }), opens, "what a page can read", "a page of a listed origin"},
		{"credentials for none", configured(t, func(c *corsrpc.Config) { c.Overrides = nil }), loses, "the backend does not run", "with cookies"},
		{"no Allow-Credentials", without("Access-Control-Allow-Credentials", always), loses, "what a page can read", "a page of a listed origin"},
		{"another Max-Age", configured(t, func(c *corsrpc.Config) { c.MaxAge = 1e9 }), differs, "Access-Control-Max-Age", "procedure"},
		{"no expose list", without("Access-Control-Expose-Headers", always), loses, "Access-Control-Expose-Headers", "procedure"},
		{"the backend's expose list is replaced", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			lines := w.Header()["Access-Control-Expose-Headers"]
			if len(lines) > 1 {
				w.Header()["Access-Control-Expose-Headers"] = lines[:1]
			}
		}), loses, "Access-Control-Expose-Headers", "the backend responds cors"},
		{"every response header", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			w.Header().Set("Access-Control-Expose-Headers", "*")
		}), opens, "Access-Control-Expose-Headers", "procedure"},
		{"lists in another order", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if line := w.Header().Get("Access-Control-Allow-Headers"); line != "" {
				names := strings.Split(line, ", ")
				slices.Reverse(names)
				w.Header().Set("Access-Control-Allow-Headers", strings.Join(names, ","))
			}
		}), differs, "Access-Control-Allow-Headers", "procedure"},
		{"errors have no headers", without("Access-Control-Allow-Origin", func(_ *http.Request, w *httptest.ResponseRecorder) bool { return w.Code >= 500 }), loses, "what a page can read", "the backend responds 500"},
		{"Allow-Origin twice", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if line := w.Header()["Access-Control-Allow-Origin"]; line != nil {
				w.Header()["Access-Control-Allow-Origin"] = append(line, "*")
			}
		}), loses, "what a page can read", "a page of a listed origin"},
		{"the backend's Allow-Origin stays", func(policy *corsrpc.Policy, backend http.Handler) http.Handler { return policy.Wrap(backend) }, opens, "what a page can read", "the backend responds cors"},
		{"Allow-Origin on refusals", answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if origin := r.Header.Get("Origin"); w.Code == http.StatusForbidden && origin != "" {
				w.Header().Set("Access-Control-Allow-Origin", origin)
			}
		}), opens, "what a page can read", "a page that is not listed"},

		{"no Vary", without("Vary", always), loses, "Vary", "procedure"},
		{"Vary in two lines", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if lines := w.Header()["Vary"]; len(lines) == 1 && strings.Contains(lines[0], ", ") {
				w.Header()["Vary"] = strings.Split(lines[0], ", ")
			}
		}), differs, "Vary", "the backend responds vary"},
		{"refusals can be cached", without("Cache-Control", refused), loses, "Cache-Control", "procedure"},
		{"refusals can be sniffed", without("X-Content-Type-Options", refused), differs, "X-Content-Type-Options", "procedure"},
		{"another body of refusals", answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusForbidden {
				w.Body.Reset()
				w.Body.WriteString("<h1>403</h1>")
			}
		}), differs, "body", "procedure"},
		{"another status of refusals", answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusForbidden {
				w.Code = http.StatusNotFound
			}
		}), differs, "status", "procedure"},
		{"preflights with 200", answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusNoContent {
				w.Code = http.StatusOK
			}
		}), differs, "status", "procedure"},
		{"redirected preflights", answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusNoContent {
				w.Code = http.StatusFound
			}
		}), loses, "status of the preflight", "procedure"},
		{"the backend's errors are replaced", answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if w.Code == http.StatusUnauthorized {
				w.Code = http.StatusBadGateway
			}
		}), loses, "status of the backend's response", "the backend responds 401"},
		{"the backend runs unseen", func(policy *corsrpc.Policy, backend http.Handler) http.Handler {
			h := right(policy, backend)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				backend.ServeHTTP(httptest.NewRecorder(), r)
				h.ServeHTTP(w, r)
			})
		}, opens, "the backend runs", "an image or form"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			policy, backend := newPolicy(t, shopConfig()), new(edgetest.Backend)
			server := httptest.NewServer(test.edge(policy, backend))
			defer server.Close()
			var requests []edgetest.Request
			for _, r := range all {
				if strings.Contains(r.About, test.try) && !isOfNetHTTP(r) {
					requests = append(requests, r)
				}
			}
			report, err := edgetest.Run(t.Context(), server.URL, policy, edgetest.Options{
				Backend: backend, Host: "edge.test", Requests: slices.Values(requests), Size: 800, Seed: 1,
			})
			require.NoError(t, err)
			index := slices.IndexFunc(report.Differences, func(d edgetest.Difference) bool {
				return d.Class == test.class && d.What == test.what
			})
			require.GreaterOrEqual(t, index, 0, "%s", report)
			assert.Contains(t, report.String(), test.class.String()+": "+test.what+" (")
			if test.class == differs {
				assert.Zero(t, report.Counts[opens], "%s", report)
				assert.Zero(t, report.Counts[loses], "%s", report)
			}
		})
	}
}

package corsexport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const worker = "../../examples/edge/worker"

// requireNode returns the path of Node.js.
func requireNode(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil && os.Getenv("CORSRPC_REQUIRE_NPM") == "" {
		t.Skip("LEFT OUT: whether a program in JavaScript decides as Wrap does by the JSON form, since there is no Node.js; with CORSRPC_REQUIRE_NPM, as in CI, this fails")
	}
	require.NoError(t, err)
	return path
}

// Whatever the policy, a program that takes the steps of docs/edge-json.md gives
// the responses of the cases, which are Wrap's.
func TestJSONCases(t *testing.T) {
	t.Parallel()
	node := requireNode(t)
	dir, args := t.TempDir(), []string{filepath.Join(worker, "cases.mjs")}
	for seed := range uint64(24) {
		policy, err := newPolicy(someConfig(rand.New(rand.NewPCG(seed, 17))))
		require.NoError(t, err)
		export, err := JSON(policy, Options{BehindGate: seed%6 == 5, Prefix: fmt.Sprintf("policy%d", seed)})
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			continue
		}
		for _, file := range export.Files {
			name := filepath.Join(dir, file.Name)
			require.NoError(t, os.WriteFile(name, file.Data, 0o600))
			args = append(args, name)
		}
	}
	require.Greater(t, len(args), 2*15)
	output, err := exec.Command(node, args...).CombinedOutput()
	require.NoError(t, err, "%s", output[:min(len(output), 3000)])
	var n, differ int
	_, err = fmt.Sscanf(string(output), "%d cases, %d differ", &n, &differ)
	require.NoError(t, err)
	assert.Greater(t, n, 200*(len(args)/2))
}

// What is printed is read back as the same, and nothing else is in it.
func TestJSONRoundTrips(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		policy, err := newPolicy(someConfig(rand.New(rand.NewPCG(seed, 18))))
		require.NoError(t, err)
		export, err := JSON(policy, Options{})
		if err != nil {
			continue
		}
		roundTrip(t, export)
	}
}

func roundTrip(t *testing.T, export *Export) {
	t.Helper()
	require.Len(t, export.Files, 2)
	var rules jsonPolicy
	decode(t, export.Files[0].Data, &rules)
	again, err := rules.text()
	require.NoError(t, err)
	require.Equal(t, string(export.Files[0].Data), string(again))

	var cases jsonCases
	decode(t, export.Files[1].Data, &cases)
	again, err = cases.text()
	require.NoError(t, err)
	require.Equal(t, string(export.Files[1].Data), string(again))
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into))
}

// docs/edge-json.md has a table with every field of each type, in order.
func TestJSONDocumentHasAllFields(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/edge-json.md")
	require.NoError(t, err)
	var documented [][]string
	for line := range strings.Lines(string(text)) {
		switch name, _, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); {
		case strings.HasPrefix(line, "| field |"):
			documented = append(documented, nil)
		case ok && strings.HasPrefix(line, "| `") && len(documented) > 0:
			last := len(documented) - 1
			documented[last] = append(documented[last], name)
		}
	}
	fields := func(values ...any) []string {
		var names []string
		for _, value := range values {
			for _, field := range reflect.VisibleFields(reflect.TypeOf(value)) {
				if name := field.Tag.Get("json"); !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		return names
	}
	require.GreaterOrEqual(t, len(documented), 8)
	assert.Equal(t, [][]string{
		fields(jsonPolicy{}), fields(jsonOrigins{}), fields(jsonGrant{}), fields(jsonService{}), fields(jsonBinding{}), fields(jsonFallback{}), fields(jsonResource{}),
		fields(jsonCases{}, jsonCase{}, jsonRequest{}, jsonResponse{}),
	}, documented[:8])
}

// The program finds mistakes in an export: a file that is not what it was made
// from, and a version that it does not know.
func TestJSONCasesFindMistakes(t *testing.T) {
	t.Parallel()
	node := requireNode(t)
	policy, err := newPolicy(corsrpc.Config{
		Services:        []string{catalog, cart},
		Origins:         []string{app, "https://*.example.com", "http://localhost:*"},
		Audiences:       map[string][]string{"storefront": {app, "https://*.example.com"}},
		Credentials:     true,
		Overrides:       map[string]corsrpc.Override{catalog: {Credentials: corsrpc.Off}},
		ResponseHeaders: []string{"X-Request-Id"},
		Resources:       map[string]corsrpc.Resource{"/fonts/": {Origins: []string{app}}},
		REST:            corsrpc.RESTNone,
	})
	require.NoError(t, err)
	export, err := JSON(policy, Options{})
	require.NoError(t, err)
	for name, change := range map[string]func(*jsonPolicy){
		"version":              func(p *jsonPolicy) { p.Version = 2 },
		"behindGate":           func(p *jsonPolicy) { p.BehindGate = true },
		"requireFetchMetadata": func(p *jsonPolicy) { p.RequireFetchMetadata = !p.RequireFetchMetadata },
		"requireHosts":         func(p *jsonPolicy) { p.RequireHosts, p.Hosts = true, nil },
		"procedures":           func(p *jsonPolicy) { p.Procedures = nil },
		"services":             func(p *jsonPolicy) { p.Services = nil },
		"aliases":              func(p *jsonPolicy) { change(p.Services, func(s *jsonService) { s.Alias = "^$" }) },
		"any origin":           func(p *jsonPolicy) { change(p.Origins, func(o *jsonOrigins) { o.Any = true }) },
		"no origin": func(p *jsonPolicy) {
			change(p.Origins, func(o *jsonOrigins) { *o = jsonOrigins{Exact: []string{}, Patterns: []string{}} })
		},
		"nothing is enforced":    func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.Enforced = false }) },
		"reportOnly":             func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.ReportOnly = !g.ReportOnly }) },
		"internal":               func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.Internal = !g.Internal }) },
		"credentials":            func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.Credentials = !g.Credentials }) },
		"lists":                  func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.AllowHeaders += ", X-Debug" }) },
		"names that can be read": func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.ExposeHeaders += ", X-Debug" }) },
		"maxAge":                 func(p *jsonPolicy) { change(p.Grants, func(g *jsonGrant) { g.MaxAge += "0" }) },
		"bodies":                 func(p *jsonPolicy) { p.Bodies["origin_not_allowed"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rules jsonPolicy
			decode(t, export.Files[0].Data, &rules)
			change(&rules)
			text, err := rules.text()
			require.NoError(t, err)
			dir := t.TempDir()
			wrong, cases := filepath.Join(dir, "rules.json"), filepath.Join(dir, "cases.json")
			require.NoError(t, os.WriteFile(wrong, text, 0o600))
			require.NoError(t, os.WriteFile(cases, export.Files[1].Data, 0o600))
			output, err := exec.Command(node, filepath.Join(worker, "cases.mjs"), wrong, cases).CombinedOutput()
			assert.Error(t, err, "%s", output)
		})
	}
}

func change[T any](all []T, one func(*T)) {
	for i := range all {
		one(&all[i])
	}
}

// Whatever the policy's names, an export is read back as the same, or there is a
// Refusal.
func FuzzJSON(f *testing.F) {
	f.Add("https://app.example.com", "/fonts/", "X-Request-Id", "PUT", "/api", "api.example.com", "corsrpc", "/v1/{product_id}")
	f.Add("http://localhost:*", "/a b/{x}", "X-'\"$`|~", "M-SEARCH", "/ä", "[::1]:8080", "p", "/v1/{product_id=a/**}:verb")
	f.Add("https://*.example.com:8443", "/\xff\u2028</script>", "x", "patch", "", "", "", "")
	f.Add("*", "/%", "X-A", "PUT", "/a.b+c", "a", "9", "/**")
	f.Fuzz(func(t *testing.T, origin, key, name, method, pathPrefix, host, prefix, template string) {
		config := corsrpc.Config{
			Services:        []string{catalog},
			Origins:         []string{origin},
			Audiences:       map[string][]string{"storefront": {origin}, "backoffice": {}},
			ResponseHeaders: []string{name},
			PathPrefix:      pathPrefix,
			REST:            corsrpc.RESTGateway,
			Resources:       map[string]corsrpc.Resource{key: {Origins: []string{origin}, Methods: []string{method}, RequestHeaders: []string{name}}},
		}
		if template != "" {
			config.Bindings = map[string][]string{catalog + ".GetProduct": {"GET " + template}}
		}
		if host != "" {
			config.Hosts = []string{host}
		}
		policy, err := corsrpc.New(config)
		if err != nil {
			return
		}
		export, err := JSON(policy, Options{Prefix: prefix})
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			return
		}
		roundTrip(t, export)
		var rules jsonPolicy
		decode(t, export.Files[0].Data, &rules)
		expressions := []string{rules.Services[0].Alias, rules.Services[0].Plain, rules.Services[0].Stricter, rules.Unclean}
		for _, r := range rules.Resources {
			expressions = append(expressions, r.Grants, r.Wide)
		}
		for _, b := range rules.Bindings {
			expressions = append(expressions, b.Grants, b.Refuses, b.Uncleanly)
		}
		for _, re := range expressions {
			_, err := regexp.Compile(re)
			assert.NoError(t, err)
		}
		for _, file := range export.Files {
			assert.True(t, utf8.Valid(file.Data))
		}
	})
}

// The cases are those of the options.
func TestJSONCasesFollowOptions(t *testing.T) {
	t.Parallel()
	config := corsrpc.Config{
		Services:  []string{catalog},
		Origins:   []string{app},
		Audiences: map[string][]string{"storefront": {app}},
		Hosts:     []string{"api.example.com"},
		ExplainTo: []string{app},
		REST:      corsrpc.RESTNone,
	}
	for _, test := range []struct {
		name                  string
		options               Options
		about, method, origin string
		want                  int // 0: it passes
	}{
		{"a page that is not listed", Options{}, "not listed", http.MethodPost, "https://unlisted.example.net", http.StatusForbidden},
		{"a gate refuses it", Options{BehindGate: true}, "not listed", http.MethodPost, "https://unlisted.example.net", 0},
		{"but not its preflight", Options{BehindGate: true}, "not listed", http.MethodOptions, "https://unlisted.example.net", http.StatusForbidden},
		{"the server's own page", Options{}, "the server's own page, without Sec-Fetch-Site", http.MethodPost, "https://api.example.com", 0},
		{"the server's own page, by Options.Hosts", Options{Hosts: []string{"www.example.com"}}, "the server's own page, without Sec-Fetch-Site", http.MethodPost, "https://www.example.com", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			export, err := JSON(mustPolicy(t, config), test.options)
			require.NoError(t, err)
			var cases jsonCases
			decode(t, export.Files[1].Data, &cases)
			index := slices.IndexFunc(cases.Cases, func(c jsonCase) bool {
				return c.About == "procedure "+getProduct+": "+test.about && c.Request.Method == test.method && slices.Contains(c.Request.Header, [2]string{"Origin", test.origin})
			})
			require.GreaterOrEqual(t, index, 0)
			assert.Equal(t, test.want, cases.Cases[index].Response.Status)
			assert.Equal(t, test.want == 0, cases.Cases[index].Response.Pass)
		})
	}
}

package httprule_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// found returns the bindings that match a URL as a client writes it, aliases
// with a tilde.
func found(t testing.TB, index *httprule.Index, bindings []string, target string) []string {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	require.NoError(t, err)
	return foundPath(index, bindings, u.Path, u.RawPath)
}

func foundPath(index *httprule.Index, bindings []string, path, rawPath string) []string {
	var m httprule.Matches
	index.Match(path, rawPath, &m)
	matches := []string{}
	for i := range m.Len() {
		id, exact := m.At(i)
		mark := ""
		if !exact {
			mark = "~"
		}
		matches = append(matches, mark+bindings[id])
	}
	return matches
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		templates []string
		path      string
		matches   []string
	}{
		{"literals", []string{"/v1/a", "/v1/b", "/v1"}, "/v1/a", []string{"/v1/a"}},
		{"nothing", []string{"/v1/a"}, "/v1/c", nil},
		{"a beginning", []string{"/v1/a"}, "/v1", nil},
		{"more", []string{"/v1/a"}, "/v1/a/b", nil},
		{"the root", []string{"/"}, "/", []string{"/"}},
		{"all that match", []string{"/v1/{a}", "/v1/x", "/{b=**}", "/v1/{c=**}", "/v1/y"}, "/v1/x", []string{"/{b=**}", "/v1/{c=**}", "/v1/{a}", "/v1/x"}},
		{"a wildcard and an empty segment", []string{"/v1/{a}"}, "/v1/", []string{"/v1/{a}"}},
		{"a wildcard and no segment", []string{"/v1/{a}"}, "/v1", nil},
		{"a deep wildcard and no segment", []string{"/v1/{a=**}"}, "/v1", []string{"/v1/{a=**}"}},
		{"a deep wildcard and many", []string{"/v1/{a=**}"}, "/v1/b/c/d", []string{"/v1/{a=**}"}},
		{"a deep wildcard in the middle", []string{"/v1/{a=**}/x/{b}", "/v1/{a=**}/y"}, "/v1/p/q/x/7", []string{"/v1/{a=**}/x/{b}"}},
		{"a deep wildcard of no segment in the middle", []string{"/v1/{a=**}/x"}, "/v1/x", []string{"/v1/{a=**}/x"}},
		{"ends of a deep wildcard do not overlap", []string{"/v1/x/{a=**}/x/y"}, "/v1/x/y", nil},
		{"a verb", []string{"/v1/{a}:go", "/v1/{a}:stop", "/v1/{a}"}, "/v1/7:go", []string{"/v1/{a}", "/v1/{a}:go"}},
		{"a verb of a deep wildcard", []string{"/v1/{a=**}:go"}, "/v1/x/y:go", []string{"/v1/{a=**}:go"}},
		{"a verb behind a deep wildcard of no segment", []string{"/v1/{a=**}:go"}, "/v1:go", []string{"/v1/{a=**}:go"}},
		{"a verb behind an empty segment", []string{"/v1/{a}:go"}, "/v1/:go", []string{"/v1/{a}:go"}},
		{"a verb twice", []string{"/v1/{a}:go"}, "/v1/7:go:go", []string{"/v1/{a}:go"}},
		{"a verb with a colon", []string{"/v1/{a}:x:go", "/v1/{a}:go"}, "/v1/7:x:go", []string{"/v1/{a}:go", "/v1/{a}:x:go"}},
		{"a verb that goes on", []string{"/v1/{a}:go"}, "/v1/7:gone", nil},
		{"a verb before a segment", []string{"/v1/a:go/{b}", "/v1/{a}:go"}, "/v1/7:go/8", nil},
		{"an escaped colon", []string{"/v1/{a}:go"}, "/v1/7%3Ago", []string{"/v1/{a}:go"}},
		{"an escaped slash is part of a segment", []string{"/v1/{a}"}, "/v1/x%2Fy", []string{"/v1/{a}"}},
		{"an escaped slash separates", []string{"/v1/{a}/{b}"}, "/v1/x%2fy", []string{"/v1/{a}/{b}"}},
		{"a capital letter separates, a small one does not", []string{"/v1/{a}/{b}"}, "/v1/x%2fy%2Fz", []string{"/v1/{a}/{b}"}},
		{"an escaped slash, escaped", []string{"/v1/{a}/{b}", "/v1/{a}"}, "/v1/x%252Fy", []string{"/v1/{a}", "/v1/{a}/{b}"}},
		{"escaped letters", []string{"/v1/admin"}, "/v1/%61dmin", []string{"/v1/admin"}},
		{"escaped letters, escaped", []string{"/v1/admin"}, "/v1/%2561dmin", []string{"/v1/admin"}},
		{"an escape in a template", []string{"/v1/a%20b"}, "/v1/a%20b", []string{"/v1/a%20b"}},
		{"an escape in a template that the path need not have", []string{"/v1/%61dmin"}, "/v1/admin", []string{"/v1/%61dmin"}},
		{"an escape of Vanguard", []string{"/v1/a%2fb"}, "/v1/a%252Fb", []string{"/v1/a%2fb"}},
		{"not an escape", []string{"/v1/{a}"}, "/v1/%25zz", []string{"/v1/{a}"}},
		{"a null byte", []string{"/v1/{a}", "/v1/x"}, "/v1/x%00", []string{"/v1/{a}"}},

		{"slashes at the end", []string{"/v1/{a}"}, "/v1/x//", []string{"/v1/{a}"}},
		{"slashes before a verb", []string{"/v1/{a}:go"}, "/v1/x//:go", []string{"/v1/{a}:go"}},
		{"an escaped slash before slashes at the end", []string{"/v1/{a}"}, "/v1/%2F/", []string{"/v1/{a}"}},
		{"a verb before slashes at the end", []string{"/v1/{a}:go"}, "/v1/x:go/", []string{"~/v1/{a}:go"}},
		{"nothing but slashes", []string{"/v1"}, "///", nil},

		{"another case", []string{"/v1/admin"}, "/V1/ADMIN", []string{"~/v1/admin"}},
		{"another case under Unicode", []string{"/v1/key"}, "/v1/%E2%84%AAey", []string{"~/v1/key"}},
		{"another case of a verb", []string{"/v1/{a}:go"}, "/v1/7:GO", []string{"~/v1/{a}:go"}},
		{"another case beside the same", []string{"/v1/a", "/v1/A"}, "/v1/A", []string{"~/v1/a", "/v1/A"}},
		{"a verb behind a path parameter", []string{"/v1/admin:purge"}, "/v1/admin;x/:purge", []string{"~/v1/admin:purge"}},
		{"empty segments", []string{"/v1/admin"}, "//v1///admin", []string{"~/v1/admin"}},
		{"dot segments", []string{"/v1/admin"}, "/./x/../v1/y/%2e%2E/admin/.", []string{"~/v1/admin"}},
		{"dot segments above the root", []string{"/v1/admin"}, "/../v1/admin", []string{"~/v1/admin"}},
		{"a path parameter", []string{"/v1/admin:purge"}, "/v1;a=b/admin:purge;c", []string{"~/v1/admin:purge"}},
		{"a path parameter on dots", []string{"/v1/admin"}, "/v1/x/..%3b/admin", []string{"~/v1/admin"}},
		{"backslashes", []string{"/v1/admin"}, `/v1\x%5C..\admin`, []string{"~/v1/admin"}},
		{"escaped dots, escaped", []string{"/v1/admin"}, "/v1/x/%252e%252e/admin", []string{"~/v1/admin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bindings := make([]string, len(test.templates))
			for i, template := range test.templates {
				bindings[i] = "GET " + template
			}
			got := found(t, newIndex(t, bindings...), test.templates, test.path)
			assert.ElementsMatch(t, test.matches, got)
		})
	}
}

func TestMatchBelowPrefix(t *testing.T) {
	t.Parallel()
	templates := []string{"/v1/x", "/"}
	index, err := httprule.NewIndex("/api/v2", entries(t, "GET /v1/x", "GET /"))
	require.NoError(t, err)
	assert.Equal(t, []string{"/v1/x"}, found(t, index, templates, "/api/v2/v1/x"))
	assert.Equal(t, []string{"/"}, found(t, index, templates, "/api/v2/"))
	assert.Empty(t, found(t, index, templates, "/v1/x"))

	for _, prefix := range []string{"api", "/", "/api/"} {
		_, err := httprule.NewIndex(prefix, nil)
		assert.EqualError(t, err, fmt.Sprintf("prefix %q must begin with a slash and not end with one", prefix))
	}
	deep := strings.Repeat("/a", 31)
	_, err = httprule.NewIndex("/api/v2", entries(t, "GET "+deep))
	assert.EqualError(t, err, fmt.Sprintf(`path template %q has more than 32 segments below "/api/v2": shorten it`, deep))
}

// What net/http gives handlers for "OPTIONS *" and for other oddities.
func TestPathsThatAreNone(t *testing.T) {
	t.Parallel()
	index := newIndex(t, "GET /{a=**}", "GET /")
	for _, path := range []string{"", "*", "v1"} {
		assert.Empty(t, foundPath(index, nil, path, ""), path)
	}
	assert.Empty(t, foundPath(new(httprule.Index), nil, "/v1", ""))
}

// Middleware can set Path and leave RawPath as it was. Gateways read one or the
// other.
func TestPathsThatDisagree(t *testing.T) {
	t.Parallel()
	templates := []string{"/v1/a", "/v1/b"}
	index := newIndex(t, "GET /v1/a", "GET /v1/b")
	assert.Equal(t, templates, foundPath(index, templates, "/v1/a", "/v1/b"))
}

func TestOverflow(t *testing.T) {
	t.Parallel()
	var bindings []string
	for i := range httprule.MaxMatches {
		bindings = append(bindings, fmt.Sprintf("M%d /v1/{a}", i))
	}
	var m httprule.Matches
	newIndex(t, bindings...).Match("/v1/x", "", &m)
	assert.Equal(t, httprule.MaxMatches, m.Len())
	assert.False(t, m.Overflow())

	more := newIndex(t, append(bindings, "GET /v1/x")...)
	more.Match("/v1/x", "", &m)
	assert.True(t, m.Overflow())
	more.Match("/v2/x", "", &m)
	assert.False(t, m.Overflow(), "from the last call")
	assert.Zero(t, m.Len())
}

// Paths longer than any template, on either side of the limits.
func TestLongPaths(t *testing.T) {
	t.Parallel()
	templates := []string{"/v1/{a=**}", "/v1/{a=**}/end", "/v1/{a=**}/end:go", strings.Repeat("/x", 32), "/v1/{a=**}" + strings.Repeat("/x", 30)}
	var bindings []string
	for _, template := range templates {
		bindings = append(bindings, "GET "+template)
	}
	index := newIndex(t, bindings...)
	for _, n := range []int{29, 30, 31, 32, 33, 10_000} {
		xs := strings.Repeat("/x", n)
		deep := []string{templates[0]}
		if n >= 30 {
			deep = append(deep, templates[4])
		}
		assert.ElementsMatch(t, deep, found(t, index, templates, "/v1"+xs), n)
		assert.ElementsMatch(t, templates[:2], found(t, index, templates, "/v1"+xs+"/end"), n)
		assert.ElementsMatch(t, []string{templates[0], templates[2]}, found(t, index, templates, "/v1"+xs+"/end:go"), n)
		assert.ElementsMatch(t, []string{templates[0], templates[2]}, found(t, index, templates, "/v1"+xs+"/end/:go"), n)
		assert.ElementsMatch(t, []string{templates[0], "~" + templates[2]}, found(t, index, templates, "/v1"+xs+"/end;/:go"), n)
		assert.ElementsMatch(t, []string{templates[0], "~" + templates[1]}, found(t, index, templates, "/v1"+xs+"/end/."), n)
		assert.ElementsMatch(t, []string{templates[0], "~" + templates[1]}, found(t, index, templates, "/v1"+xs+"/end/a/b/../.."), n)
		if n == 32 {
			assert.Equal(t, []string{templates[3]}, found(t, index, templates, xs))
			assert.Equal(t, []string{"~" + templates[3]}, found(t, index, templates, xs+"/a/.."))
		} else {
			assert.Empty(t, found(t, index, templates, xs))
		}
	}
	// The last of 33 parts goes with its verb, and the others are a template.
	short := []string{strings.Repeat("/x", 32) + ":go"}
	assert.Equal(t, short, found(t, newIndex(t, "GET "+short[0]), short, strings.Repeat("/x", 32)+"/:go"))
	assert.Equal(t, []string{"~" + short[0]}, found(t, newIndex(t, "GET "+short[0]), short, strings.Repeat("/x", 32)+";/:go"))
}

func TestMatchDoesNotAllocate(t *testing.T) {
	index := newIndex(t, "GET /v1/{a}/{b=**}/x:go", "GET /v1/{a}:Stra%C3%9Fe", "POST /v1/%2F/{c}", "GET /{d=**}")
	get := httprule.NewMethod("GET", nil)
	for name, path := range hostile() {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			var m httprule.Matches
			index.Match(path, path, &m)
			index.Match("/", path, &m)
			m.Select(get)
		}), name)
	}
}

// hostile returns paths that cost the most.
func hostile() map[string]string {
	return map[string]string{
		"usual":               "/v1/projects/acme/books/7:go",
		"segments":            strings.Repeat("/a", 10_000),
		"empty segments":      strings.Repeat("/", 10_000),
		"escaped slashes":     "/" + strings.Repeat("%2F", 10_000),
		"escaped dots":        strings.Repeat("/%2e%2e", 10_000),
		"segments taken back": strings.Repeat("/a", 10_000) + strings.Repeat("/..", 10_000),
		"and again":           strings.Repeat("/a/..", 10_000),
		"colons":              "/v1/" + strings.Repeat(":", 10_000),
		"escaped colons":      "/v1/" + strings.Repeat("%3A", 10_000),
		"verbs":               "/v1/" + strings.Repeat(":go", 10_000),
		"percent signs":       "/v1/" + strings.Repeat("%", 10_000),
		"semicolons":          strings.Repeat("/;", 10_000),
		"long characters":     "/v1/" + strings.Repeat("\u212a", 10_000),
		"not UTF-8":           "/v1/" + strings.Repeat("\xff", 10_000),
	}
}

// The index finds exactly what the naive rules find.
func TestMatchAgainstNaiveRules(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 100 {
		var bindings []string
		for range 1 + random.IntN(12) {
			bindings = append(bindings, "GET "+randomTemplate(random))
		}
		index, parsed := newIndex(t, bindings...), entries(t, bindings...)
		for range 100 {
			path := randomPath(random)
			want := naiveMatches(parsed, path, "")
			got := foundPath(index, bindings, path, "")
			require.ElementsMatch(t, want, got, "%q among %q", path, bindings)
			matched += len(got)
		}
	}
	assert.Greater(t, matched, 2_500, "paths must match often enough to tell something")
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][3]string{
		{"/v1/{a=**}/x:go", "/v1/a/b/x:go", ""},
		{"/v1/%2F", "/v1/%2F", "/v1/%252F"},
		{"/v1/a", "/V1/x%2F../%61", ""},
		{"/{a}/{b=**}:x:y", "/\u212a;/\\..:x:y", "/%E2%84%AA"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, template, path, rawPath string) {
		if _, err := httprule.ParseTemplate(template); err != nil || strings.Count(path+rawPath, ":") > 100 {
			return
		}
		bindings := []string{"GET " + template}
		got := foundPath(newIndex(t, bindings...), bindings, path, rawPath)
		assert.ElementsMatch(t, naiveMatches(entries(t, bindings...), path, rawPath), got)
	})
}

var words = []string{"v1", "V1", "a", "b", "%61", "x:go", "go", "a%2Fb", "%2f", "K", "\u212a", ""}

func randomTemplate(random *rand.Rand) string {
	var b strings.Builder
	deep := false
	for range 1 + random.IntN(4) {
		b.WriteByte('/')
		switch n := random.IntN(10); {
		case n < 5:
			b.WriteString(words[random.IntN(10)])
		case n == 9 && !deep:
			b.WriteString("**")
			deep = true
		default:
			b.WriteByte('*')
		}
	}
	if random.IntN(3) == 0 {
		b.WriteString([]string{":go", ":a", ":%67o", ":a%3Ago"}[random.IntN(4)])
	}
	return b.String()
}

func randomPath(random *rand.Rand) string {
	odd := []string{"..", ".", "%2e%2e", "a;b", "%5C", `\`, "%252F", "a%3Ago", ":go", "%", "A", "%4B"}
	var b strings.Builder
	for range 1 + random.IntN(5) {
		b.WriteByte('/')
		if random.IntN(4) == 0 {
			b.WriteString(odd[random.IntN(len(odd))])
		} else {
			b.WriteString(words[random.IntN(len(words))])
		}
	}
	if random.IntN(3) == 0 {
		b.WriteString([]string{":go", ":GO", ":go:go", "%3Ago", ":a:go", ";x", "/"}[random.IntN(7)])
	}
	return b.String()
}

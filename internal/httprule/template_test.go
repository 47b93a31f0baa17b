package httprule_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text, shape string
		variables         []string
	}{
		{"literals", "/v1/shelves", "/v1/shelves", nil},
		{"the root", "/", "/", nil},
		{"a variable is one segment", "/v1/{shelf}", "/v1/*", []string{"shelf"}},
		{"field paths", "/v1/{shelf.id}/{a.b.c_1}", "/v1/*/*", []string{"shelf.id", "a.b.c_1"}},
		{"segments of a variable", "/v1/{name=shelves/*/books/*}", "/v1/shelves/*/books/*", []string{"name"}},
		{"wildcards without a variable", "/v1/*/**", "/v1/*/**", nil},
		{"a deep wildcard in the middle", "/v1/{name=files/**}/meta", "/v1/files/**/meta", []string{"name"}},
		{"nested variables", "/v1/{name=shelves/{id}/{rest=**}}:get", "/v1/shelves/*/**:get", []string{"name", "id", "rest"}},
		{"a verb", "/v1/admin:purge", "/v1/admin:purge", nil},
		{"a verb behind a variable", "/v1/{name=**}:read", "/v1/**:read", []string{"name"}},
		{"a verb behind a wildcard", "/v1/*:read", "/v1/*:read", nil},
		{"a verb with colons behind a variable", "/v1/{id}:a:b", "/v1/*:a:b", []string{"id"}},
		{"only the last colon behind a literal", "/v1/x:a:b", "/v1/x:a:b", nil},
		{"colons elsewhere", "/v1:beta/{name=a:b/*}", "/v1:beta/a:b/*", []string{"name"}},
		{"a colon at the end", "/v1/shelves:", "/v1/shelves", nil},
		{"stars in a literal", "/v1/***/*x", "/v1/***/*x", nil},
		{"all characters of paths", "/aZ0-._~!$&'()*+,;=:@%2f/x", "/aZ0-._~!$&'()*+,;=:@%2f/x", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			template, err := httprule.ParseTemplate(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.shape, template.Shape())
			assert.Equal(t, test.variables, template.Variables())
			assert.Equal(t, test.text, template.String())
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, err string }{
		{"empty", "", `path template "" must begin with a slash: write "/"`},
		{"no slash", "v1/x", `path template "v1/x" must begin with a slash: write "/v1/x"`},
		{"empty segment", "/v1//x", `path template "/v1//x": column 5: empty segment: write a literal, a variable or a wildcard, or drop the slash`},
		{"slash at the end", "/v1/", `path template "/v1/": column 5: empty segment: write a literal, a variable or a wildcard, or drop the slash`},
		{"empty segments of a variable", "/v1/{a=}", `path template "/v1/{a=}": column 8: empty segment: write a literal, a variable or a wildcard, or drop the slash`},
		{"open variable", "/v1/{a", `path template "/v1/{a": column 7: variable "a" is not closed: write {a} or {a=segments}`},
		{"open variable with segments", "/v1/{a=x/*", `path template "/v1/{a=x/*": column 11: variable "a" is not closed: write {a} or {a=segments}`},
		{"unnamed variable", "/v1/{}", `path template "/v1/{}": column 6: not the name of a field: write a field path such as {shelf.id}`},
		{"unnamed part", "/v1/{a.}", `path template "/v1/{a.}": column 8: not the name of a field: write a field path such as {shelf.id}`},
		{"digit", "/v1/{1}", `path template "/v1/{1}": column 6: not the name of a field: write a field path such as {shelf.id}`},
		{"hyphen in a name", "/v1/{a-b}", `path template "/v1/{a-b}": column 7: variable "a" is not closed: write {a} or {a=segments}`},
		{"literal before a variable", "/v1/x{a}", `path template "/v1/x{a}": column 6: '{' follows a segment: separate segments with a slash, and let a variable be a whole segment`},
		{"literal behind a variable", "/v1/{a}x", `path template "/v1/{a}x": column 8: 'x' follows a segment: separate segments with a slash, and let a variable be a whole segment`},
		{"closing brace", "/v1/a}", `path template "/v1/a}": column 6: "}" cannot stand in a path: escape it as "%7D"`},
		{"two deep wildcards", "/**/{a=**}", `path template "/**/{a=**}": column 8: second "**": no gateway accepts more than one; write "*" for a single segment`},
		{"query", "/v1/x?y", `path template "/v1/x?y": column 6: "?" cannot stand in a path: escape it as "%3F"`},
		{"space in a verb", "/v1/x:a b", `path template "/v1/x:a b": column 8: " " cannot stand in a path: escape it as "%20"`},
		{"not ASCII", "/v1/straße", `path template "/v1/straße": column 9: "ß" cannot stand in a path: escape it as "%C3%9F"`},
		{"not UTF-8", "/v1/\xff", `path template "/v1/\xff": column 5: "\xff" cannot stand in a path: escape it as "%FF"`},
		{"not an escape", "/v1/50%", `path template "/v1/50%": column 7: % without two hexadecimal digits: write "%25" for a percent sign`},
		{"too many segments", strings.Repeat("/a", 33), `path template "` + strings.Repeat("/a", 33) + `": column 66: more than 32 segments: shorten the template`},
		{"too long", "/" + strings.Repeat("a", 2048), `path template of 2049 bytes: shorten it to at most 2048`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := httprule.ParseTemplate(test.text)
			assert.EqualError(t, err, test.err)
		})
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	template, err := httprule.ParseTemplate("/v1/{name=shelves/*}/{path=**}:read")
	require.NoError(t, err)
	assert.Equal(t, "/v1/shelves/7/7:read", template.Sample("7"))
}

// A template's shape is a template that matches the same, and its sample is a
// path that it matches.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"/", "/v1/{a.b=x/*/**}/y:z", "/v1/x:a:b", "/{a={b=%2F}}:c:", "/{", "//", "/**/**", "/%", "/a}:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := httprule.ParseTemplate(text)
		if err != nil {
			return
		}
		shape, err := httprule.ParseTemplate(template.Shape())
		require.NoError(t, err)
		index := newIndex(t, "GET "+text)
		var m httprule.Matches
		index.Match(template.Sample("sample"), "", &m)
		require.Equal(t, 1, m.Len())
		_, exact := m.At(0)
		require.True(t, exact)
		// A literal such as "*:a" is a wildcard without its verb, so that
		// the shape of a shape can differ.
		assert.Empty(t, shape.Variables())
	})
}

func newIndex(t testing.TB, bindings ...string) *httprule.Index {
	t.Helper()
	index, err := httprule.NewIndex("", entries(t, bindings...))
	require.NoError(t, err)
	return index
}

func entries(t testing.TB, bindings ...string) []httprule.Entry {
	t.Helper()
	var entries []httprule.Entry
	for i, text := range bindings {
		binding, err := httprule.ParseBinding(text)
		require.NoError(t, err)
		entries = append(entries, httprule.Entry{Binding: binding, ID: i})
	}
	return entries
}

package corsconfig_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// Each row is what is wrong with the form of one file, all at once.
var refusedFiles = []struct {
	name, text string
	want       []string
}{
	{"nothing", "", []string{
		`policy.yaml:1:1: is empty: write {} if nothing is to be set`,
	}},
	{"a comment", "# origins\n", []string{
		`policy.yaml:1:1: is empty: write {} if nothing is to be set`,
	}},
	{"an empty document", "---\n", []string{
		`policy.yaml:1:1: is empty: write {} if nothing is to be set`,
	}},
	{"null", "null\n", []string{
		`policy.yaml:1:1: is empty: write {} if nothing is to be set`,
	}},
	{"a list", "- https://app.example.com\n", []string{
		`policy.yaml:1:1: is a list: write fields, such as origins: [https://app.example.com]`,
	}},
	{"text", "https://app.example.com\n", []string{
		`policy.yaml:1:1: is "https://app.example.com": write fields, such as origins: [https://app.example.com]`,
	}},
	{"two documents", "origins: []\n---\ncredentials: true\n", []string{
		`policy.yaml:2:1: begins a second document: put each policy in its own file`,
	}},
	{"a broken second document", "origins: []\n---\n[\n", []string{
		`policy.yaml:4:1: is not valid YAML: did not find expected node content`,
	}},
	{"not UTF-8", "origins:\n  - é\xff\n", []string{
		`policy.yaml:2:6: is not UTF-8 text`,
	}},
	{"UTF-16", "\xff\xfeo\x00", []string{
		`policy.yaml:1:1: is not UTF-8 text`,
	}},
	{"a tab", "origins:\n\t- https://app.example.com\n", []string{
		`policy.yaml:2:1: is not valid YAML: found character that cannot start any token`,
	}},
	{"a value in a value", "origins: https: //app.example.com\n", []string{
		`policy.yaml:1:1: is not valid YAML: mapping values are not allowed in this context`,
	}},
	{"a list that does not end", "origins: [https://app.example.com\ncredentials: true\n", []string{
		`policy.yaml:2:1: is not valid YAML: did not find expected ',' or ']'`,
	}},
	{"a key without a value", "origins: []\ncredentials\nhosts: []\n", []string{
		`policy.yaml:2:1: is not valid YAML: could not find expected ':'`,
	}},
	{"wrong indentation", "overrides:\n    a.B: {}\n  a.C: {}\n", []string{
		`policy.yaml:3:3: is not valid YAML: did not find expected key`,
	}},
	{"an anchor that is not there", "credentials: true\norigins: *base\n", []string{
		`policy.yaml:2:1: is not valid YAML: unknown anchor 'base' referenced`,
	}},
	{"a control character", "path_prefix: /\u0001\n", []string{
		`policy.yaml:1:15: has a control character: write it as an escape, in double quotes`,
	}},
	{"JSON that does not end", "{\"origins\": [\"https://app.example.com\"", []string{
		`policy.yaml:1:1: is not valid YAML: did not find expected ',' or ']'`,
	}},
	{"a misspelled field", "credentails: true\n", []string{
		`policy.yaml:1:1: unknown field "credentails"; did you mean credentials?`,
	}},
	{"another spelling", "requestHeaders: [X-Tenant-Id]\nResponse-Headers: [X-Cost]\nOrigins: []\n", []string{
		`policy.yaml:1:1: unknown field "requestHeaders"; did you mean request_headers?`,
		`policy.yaml:2:1: unknown field "Response-Headers"; did you mean response_headers?`,
		`policy.yaml:3:1: unknown field "Origins"; did you mean origins?`,
	}},
	{"a field of something else", "overrides:\n  acme.library.v1.ShelfService:\n    max_age: 10m\n", []string{
		`policy.yaml:3:5: overrides["acme.library.v1.ShelfService"]: unknown field "max_age"; write one of origins, credentials, report_only, internal, links, request_headers, response_headers, response_trailers`,
	}},
	{"a field that is nowhere near", "cors: true\n", []string{
		`policy.yaml:1:1: unknown field "cors"; write one of origins, credentials, request_headers, response_headers, response_trailers, protocols, rest, bindings, services, except, overrides, audiences, resources, path_prefix, hosts, require_hosts, require_fetch_metadata, max_age, report_only, explain_to, explain_ignore, dangerously_allow_insecure_origins, dangerously_allow_public_suffixes`,
	}},
	{"a field with control characters", "\"\\x1b[31m\": true\n", []string{
		`policy.yaml:1:1: unknown field "\x1b[31m"; write one of origins, credentials, request_headers, response_headers, response_trailers, protocols, rest, bindings, services, except, overrides, audiences, resources, path_prefix, hosts, require_hosts, require_fetch_metadata, max_age, report_only, explain_to, explain_ignore, dangerously_allow_insecure_origins, dangerously_allow_public_suffixes`,
	}},
	{"a key twice", "origins: [https://app.example.com]\ncredentials: true\norigins: [https://www.example.com]\n", []string{
		`policy.yaml:3:1: has "origins" twice: it is on line 1 already`,
	}},
	{"a service twice", "overrides:\n  acme.library.v1.ShelfService: {internal: true}\n  acme.library.v1.ShelfService: {credentials: on}\n", []string{
		`policy.yaml:3:3: overrides: has "acme.library.v1.ShelfService" twice: it is on line 2 already`,
	}},
	{"a key that is a number", "audiences:\n  2024: [https://app.example.com]\n", []string{
		`policy.yaml:2:3: audiences: has the number 2024 as a key: write text, in quotes`,
	}},
	{"a key that is a list", "audiences:\n  ? [a]\n  : []\n", []string{
		`policy.yaml:2:5: audiences: has a list as a key: write text, in quotes`,
	}},
	{"a merge key", "overrides:\n  acme.library.v1.ShelfService: &shelf {internal: true}\n  acme.library.v1.BookService:\n    <<: *shelf\n", []string{
		`policy.yaml:4:5: overrides["acme.library.v1.BookService"]: has a merge key (<<), which is not read: write the entries out, or give a whole value an alias`,
	}},
	{"a merge key of keys", "audiences:\n  <<: {readers: []}\n", []string{
		`policy.yaml:2:3: audiences: has a merge key (<<), which is not read: write the entries out, or give a whole value an alias`,
	}},
	{"numbers as origins", "origins:\n  - 8080\n  - 1.5\n  - true\n  - 2001-01-01\n  -\n  - https://App.example.com\n", []string{
		`policy.yaml:2:5: origins[0]: is the number 8080: write text, such as "8080"`,
		`policy.yaml:3:5: origins[1]: is the number 1.5: write text, such as "1.5"`,
		`policy.yaml:4:5: origins[2]: is the truth value true: write text, such as "true"`,
		`policy.yaml:5:5: origins[3]: is the date 2001-01-01: write text, such as "2001-01-01"`,
		`policy.yaml:6:4: origins[4]: is null: write text`,
		`policy.yaml:7:5: origins[5]: "https://App.example.com" has upper-case letters, which browsers write in lower case; write "https://app.example.com"`,
	}},
	{"a mapping as an origin", "origins:\n  - https: //app.example.com\n", []string{
		`policy.yaml:2:5: origins[0]: is a mapping: write text`,
	}},
	{"a list as an origin", "origins:\n  - [https://app.example.com]\n", []string{
		`policy.yaml:2:5: origins[0]: is a list: write text`,
	}},
	{"an origin instead of a list", "origins: https://app.example.com\nservices: '*'\naudiences:\n  readers: https://app.example.com\n", []string{
		`policy.yaml:1:10: origins: is "https://app.example.com", not a list: write ["https://app.example.com"]`,
		`policy.yaml:2:11: services: is "*", not a list: write ["*"]`,
		`policy.yaml:4:12: audiences["readers"]: is "https://app.example.com", not a list: write ["https://app.example.com"]`,
	}},
	{"a mapping instead of a list", "origins: {}\n", []string{
		`policy.yaml:1:10: origins: is a mapping, not a list: write each element on a line of its own after a hyphen, or [] for none`,
	}},
	{"a list instead of a mapping", "overrides: []\nresources:\n  /files/: [GET]\n", []string{
		`policy.yaml:1:12: overrides: is a list, not a mapping: write name: value on lines of their own, or {}`,
		`policy.yaml:3:12: resources["/files/"]: is a list, not a mapping: write name: value on lines of their own, or {}`,
	}},
	{"text for a truth value", "credentials: 'true'\nreport_only: yes\n", []string{
		`policy.yaml:1:14: credentials: is "true": write true or false`,
		`policy.yaml:2:14: report_only: is "yes": write true or false`,
	}},
	{"a number for a truth value", "credentials: 1\n", []string{
		`policy.yaml:1:14: credentials: is the number 1: write true or false`,
	}},
	{"a number for text", "path_prefix: 8\n", []string{
		`policy.yaml:1:14: path_prefix: is the number 8: write text, such as "8"`,
	}},
	{"a tag", "origins: !origins [https://app.example.com]\npath_prefix: !prefix /api\ncredentials: !!str true\n", []string{
		`policy.yaml:1:10: origins: is a value of the tag "!origins", not a list: write each element on a line of its own after a hyphen, or [] for none`,
		`policy.yaml:2:14: path_prefix: is a value of the tag "!prefix": write text`,
		`policy.yaml:3:14: credentials: is "true": write true or false`,
	}},
	{"binary text", "path_prefix: !!binary L2FwaQ==\n", []string{
		`policy.yaml:1:14: path_prefix: is a value of the tag "!!binary": write text`,
	}},
	{"a duration without a unit", "max_age: 7200\n", []string{
		`policy.yaml:1:10: max_age: is the number 7200, not a duration: write a number with its unit, such as 90s, 10m or 2h`,
	}},
	{"a duration in words", "max_age: two hours\n", []string{
		`policy.yaml:1:10: max_age: is "two hours", not a duration: write a number with its unit, such as 90s, 10m or 2h`,
	}},
	{"a duration that is too long", "max_age: 9999999h\n", []string{
		`policy.yaml:1:10: max_age: is "9999999h", not a duration: write a number with its unit, such as 90s, 10m or 2h`,
	}},
	{"a duration that is a list", "max_age: [2h]\n", []string{
		`policy.yaml:1:10: max_age: is a list, not a duration: write a number with its unit, such as 90s, 10m or 2h`,
	}},
	{"protocols", "protocols: [connect, grpc-web, GRPCWeb, http, 1, '']\n", []string{
		`policy.yaml:1:13: protocols[0]: is "connect"; did you mean Connect? Write Connect, gRPC-Web or gRPC`,
		`policy.yaml:1:22: protocols[1]: is "grpc-web"; did you mean gRPC-Web? Write Connect, gRPC-Web or gRPC`,
		`policy.yaml:1:32: protocols[2]: is "GRPCWeb"; did you mean gRPC-Web? Write Connect, gRPC-Web or gRPC`,
		`policy.yaml:1:41: protocols[3]: is "http": write Connect, gRPC-Web or gRPC`,
		`policy.yaml:1:47: protocols[4]: is the number 1: write Connect, gRPC-Web or gRPC`,
		`policy.yaml:1:50: protocols[5]: is "": write Connect, gRPC-Web or gRPC`,
	}},
	{"a switch", "overrides:\n  acme.library.v1.ShelfService:\n    credentials: 'true'\n    report_only: of\n    links: 1\n", []string{
		`policy.yaml:3:18: overrides["acme.library.v1.ShelfService"].credentials: is "true": write inherit, on or off`,
		`policy.yaml:4:18: overrides["acme.library.v1.ShelfService"].report_only: is "of": write inherit, on or off`,
		`policy.yaml:5:12: overrides["acme.library.v1.ShelfService"].links: is the number 1: write inherit, on or off`,
	}},
	{"rest", "rest: Gateway\n", []string{
		`policy.yaml:1:7: rest: is "Gateway"; did you mean gateway? Write unspecified, none, gateway or transcoding`,
	}},
	{"a Config's word", "rest: RESTGateway\n", []string{
		`policy.yaml:1:7: rest: is "RESTGateway": write unspecified, none, gateway or transcoding`,
	}},
	{"a list of words instead of one", "rest: [gateway]\n", []string{
		`policy.yaml:1:7: rest: is a list: write unspecified, none, gateway or transcoding`,
	}},
	{"an alias of itself", "origins: &a [*a]\n", []string{
		`policy.yaml:1:10: origins[0]: is a list: write text`,
	}},
	{"aliases", "audiences: &all\n  readers: *all\n", []string{
		`policy.yaml:1:12: audiences["readers"]: is a mapping, not a list: write each element on a line of its own after a hyphen, or [] for none`,
	}},
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for _, test := range refusedFiles {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, library(t, plainMethods...), test.text)
			require.Error(t, err)
			assert.Equal(t, test.want, strings.Split(err.Error(), "\n"))
		})
	}
}

// What cannot be written into the table.
func TestRefusedContents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "policy.yaml")
	_, err := corsconfig.Load(nil, name)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.EqualError(t, err, name+": cannot be read: no such file or directory")
	_, err = corsconfig.Load(nil, dir)
	assert.EqualError(t, err, dir+": cannot be read: is a directory")
	_, err = corsconfig.Load(nil)
	assert.EqualError(t, err, "corsconfig: no policy files")

	require.NoError(t, os.WriteFile(name, []byte("# "+strings.Repeat("x", 4<<20)), 0o600))
	_, err = corsconfig.Load(nil, name)
	assert.EqualError(t, err, name+": is larger than 4 MiB")

	require.NoError(t, os.WriteFile(name, []byte("origins: [app.example.com]\n"+strings.Repeat("x: 1\n", 1000)), 0o600))
	_, err = corsconfig.Load(nil, name)
	all := mistakes(t, err)
	assert.Len(t, all, 100)
	assert.Equal(t, "has too many mistakes; the rest are left out", all[99].Problem)
}

// Aliases cannot make a small file large: here, of 25 KB, 100 million origins.
func TestAliasesAreBounded(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("audiences:\n  a: &list [")
	bomb.WriteString(strings.Repeat("x,", 10_000))
	bomb.WriteString("]\n")
	for i := range 10_000 {
		bomb.WriteString("  b" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + time.Duration(i).String() + ": *list\n")
	}
	_, err := load(t, library(t, plainMethods...), bomb.String())
	require.Error(t, err)
	all := mistakes(t, err)
	assert.Equal(t, "is too large with its aliases written out: write less, or fewer aliases", all[0].Problem)
	assert.Len(t, all, 1)

	config, err := corsconfig.DecodeConfig([]byte("origins: &pages [https://app.example.com]\naudiences:\n  a: *pages\n  b: *pages\n"))
	require.NoError(t, err)
	pages := []string{"https://app.example.com"}
	assert.Equal(t, corsrpc.Config{Origins: pages, Audiences: map[string][]string{"a": pages, "b": pages}}, config)
}

// Each row is several files, and the Config that they are together.
func TestMerge(t *testing.T) {
	t.Parallel()
	const base = `
origins: [https://app.example.com, https://www.example.com]
credentials: true
request_headers: [Authorization]
services: [acme.library.v1.ShelfService, acme.library.v1.BookService]
max_age: 10m
overrides:
  acme.library.v1.ShelfService:
    origins: [https://shelf.example.com]
    credentials: off
  acme.library.v1.ShelfService.GetShelf: {internal: true}
resources:
  /fonts/: {origins: ['*']}
`
	shelf := corsrpc.Override{Origins: []string{"https://shelf.example.com"}, Credentials: corsrpc.Off}
	all := func() corsrpc.Config {
		return corsrpc.Config{
			Origins: []string{"https://app.example.com", "https://www.example.com"}, Credentials: true,
			RequestHeaders: []string{"Authorization"}, Services: []string{"acme.library.v1.ShelfService", "acme.library.v1.BookService"}, MaxAge: 10 * time.Minute,
			Overrides: map[string]corsrpc.Override{"acme.library.v1.ShelfService": shelf, "acme.library.v1.ShelfService.GetShelf": {Internal: true}},
			Resources: map[string]corsrpc.Resource{"/fonts/": {Origins: []string{"*"}}},
		}
	}
	for _, test := range []struct {
		name    string
		changes []string
		change  func(*corsrpc.Config)
	}{
		{"nothing", []string{"{}"}, func(*corsrpc.Config) {}},
		{"a list replaces", []string{"origins: [http://localhost:3000]"}, func(c *corsrpc.Config) { c.Origins = []string{"http://localhost:3000"} }},
		{"an empty list replaces", []string{"services: []\noverrides: null\nresources: {/: {}}"}, func(c *corsrpc.Config) {
			c.Services, c.Overrides = []string{}, nil
			c.Resources["/"] = corsrpc.Resource{}
		}},
		{"a value replaces", []string{"credentials: false\nmax_age: -1s"}, func(c *corsrpc.Config) { c.Credentials, c.MaxAge = false, -time.Second }},
		{"null resets", []string{"origins:\ncredentials: null\nservices: ~\nmax_age: null"}, func(c *corsrpc.Config) {
			c.Origins, c.Credentials, c.Services, c.MaxAge = nil, false, nil, 0
		}},
		{"null resets a map", []string{"overrides: null"}, func(c *corsrpc.Config) { c.Overrides = nil }},
		{"a map gets a key", []string{"overrides: {acme.library.v1.BookService: {internal: true}}"}, func(c *corsrpc.Config) {
			c.Overrides["acme.library.v1.BookService"] = corsrpc.Override{Internal: true}
		}},
		{"null removes a key", []string{"overrides: {acme.library.v1.ShelfService: null}"}, func(c *corsrpc.Config) {
			delete(c.Overrides, "acme.library.v1.ShelfService")
		}},
		{"a key's fields merge", []string{"overrides: {acme.library.v1.ShelfService: {report_only: on}}\nresources: {/fonts/: {credentials: false, max_age: 1h}}"}, func(c *corsrpc.Config) {
			o := shelf
			o.ReportOnly = corsrpc.On
			c.Overrides["acme.library.v1.ShelfService"] = o
			c.Resources["/fonts/"] = corsrpc.Resource{Origins: []string{"*"}, MaxAge: time.Hour}
		}},
		{"null resets a key's field", []string{"overrides: {acme.library.v1.ShelfService: {origins: null, credentials: null}}"}, func(c *corsrpc.Config) {
			c.Overrides["acme.library.v1.ShelfService"] = corsrpc.Override{}
		}},
		{"the last file wins", []string{"path_prefix: /a\norigins: null", "path_prefix: /b", "origins: [http://localhost:*]"}, func(c *corsrpc.Config) {
			c.PathPrefix, c.Origins = "/b", []string{"http://localhost:*"}
		}},
		{"JSON", []string{"{\n\t\"origins\": [\"https:\\/\\/app.example.com\"],\n\t\"credentials\": null,\n\t\"max_age\": \"90s\",\n\t\"audiences\": {\"\\ud83d\\ude00\": []}\n}"}, func(c *corsrpc.Config) {
			c.Origins, c.Credentials, c.MaxAge = []string{"https://app.example.com"}, false, 90*time.Second
			c.Audiences = map[string][]string{"😀": {}}
		}},
		{"switches that another tool took for truth values", []string{"overrides: {acme.library.v1.ShelfService: {credentials: true, report_only: false}}"}, func(c *corsrpc.Config) {
			o := shelf
			o.Credentials, o.ReportOnly = corsrpc.On, corsrpc.Off
			c.Overrides["acme.library.v1.ShelfService"] = o
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := library(t, plainMethods...)
			config, err := load(t, files, append([]string{base}, test.changes...)...)
			require.NoError(t, err)
			want := all()
			want.Files = files
			test.change(&want)
			assert.Equal(t, want, config)
		})
	}
}

// A mistake is placed in the file that said the last word.
func TestMistakesInSeveralFiles(t *testing.T) {
	t.Parallel()
	_, err := load(t, library(t, readers...),
		"origins:\n  - app.example.com\nhosts: [API.example.com]\naudiences:\n  writers: [https://w.example.com/]\nrequire_host: true\n",
		"origins:\n  - https://app.example.com\n  - www.example.com\ncredentials: maybe\naudiences:\n  others: []\n",
		"request_headers:\n  - Cookie\nhosts: null\n",
	)
	assert.EqualError(t, err, `1.yaml:5:13: audiences["writers"][0]: "https://w.example.com/" has a path: an origin ends after its host and port; write "https://w.example.com"
1.yaml:6:1: unknown field "require_host"; did you mean require_hosts?
2.yaml:3:5: origins[1]: "www.example.com" has no scheme: an origin is scheme://host; write "https://www.example.com"
2.yaml:4:14: credentials: is "maybe": write true or false
3.yaml:2:5: request_headers[0]: "Cookie" is a forbidden request header, which browsers let no page set: leave it out`)
	first := mistakes(t, err)[0]
	assert.Equal(t, 5, first.Line)
	assert.Equal(t, 13, first.Column)
	assert.Equal(t, `audiences["writers"][0]`, first.Field)
	assert.ErrorAs(t, first, new(*corsrpc.ConfigError))

	_, err = load(t, library(t, readers...), "origins: [\n", "origins: 1\n", "")
	assert.EqualError(t, err, `1.yaml:2:1: is not valid YAML: did not find expected node content
2.yaml:1:10: origins: is the number 1, not a list: write each element on a line of its own after a hyphen, or [] for none
3.yaml:1:1: is empty: write {} if nothing is to be set`, "files that cannot be read do not hide what is wrong with the others")

	_, err = load(t, library(t, readers...), "origins: []\n", "audiences:\n  writers: []\n", "credentials: true\n")
	assert.EqualError(t, err, `2.yaml:1:1: audiences["readers"]: is missing: the schema names this audience for /acme.library.v1.ShelfService/GetShelf; list its origins, or write [] if no page may call`)
}

// JSON has the places that editors show.
func TestPlacesInJSON(t *testing.T) {
	t.Parallel()
	_, err := load(t, library(t, plainMethods...), "\n{ \"\\u006frigins\" :\n\t[ \"https:\\/\\/é.example.com\",\"*\" , 8080 ],\n  \"é\": 1,   \"max_age\":\t2 }\n")
	assert.EqualError(t, err, `policy.yaml:3:4: origins[0]: "https://\u00e9.example.com" contains a character that browsers write in Punycode (A-labels); write "https://xn--9ca.example.com"
policy.yaml:3:30: origins[1]: "*" makes the other origins of the list meaningless; list it alone, or leave it out
policy.yaml:3:36: origins[2]: is the number 8080: write text, such as "8080"
policy.yaml:4:3: unknown field "\u00e9"; write one of origins, credentials, request_headers, response_headers, response_trailers, protocols, rest, bindings, services, except, overrides, audiences, resources, path_prefix, hosts, require_hosts, require_fetch_metadata, max_age, report_only, explain_to, explain_ignore, dangerously_allow_insecure_origins, dangerously_allow_public_suffixes
policy.yaml:4:24: max_age: is the number 2, not a duration: write a number with its unit, such as 90s, 10m or 2h`)
}

// Without the schema, every name is taken for one of a service or method, and
// everything else is judged as with it.
func TestRead(t *testing.T) {
	t.Parallel()
	dir, names := write(t, `
origins: [https://app.example.com]
services: [acme.a.A, Greeter, grpc.health.v1.Health]
overrides:
  acme.a.A: {origins: ['http://a.example.com']}
  acme.a.A.Get: {credentials: on}
  acme.a.A.Put: {origins: []}
audiences: {readers: ['https://*.example.com']}
bindings: {acme.a.A.Get: [GET /v1/a]}
rest: gateway
resources: {/fonts/: {origins: ['*']}}
`, `
origins: [https://app.example.com]
except: [acme.b.B]
rest: unspecified
bindings: null
`)
	config, err := corsconfig.Read(names[1])
	require.NoError(t, err)
	assert.Equal(t, corsrpc.Config{Origins: []string{"https://app.example.com"}, Except: []string{"acme.b.B"}}, config)

	_, err = corsconfig.Read(names...)
	assert.EqualError(t, withoutDirectory(dir, err), `1.yaml:5:24: overrides["acme.a.A"].origins[0]: "http://a.example.com" has pages that anyone on the network path can rewrite, and they would act with the user's credentials; write https, or set dangerously_allow_insecure_origins (credentials are on for /acme.a.A/Get)`)

	dir, names = write(t, `
origins: [https://App.example.com, 'http://a.example.com']
credentials: true
services: [acme.a.A, 'not a name', acme.a.A.Get]
overrides:
  acme.a.A.B.C: {internal: true}
  acme.b.B: {internal: true}
request_headers: [Cookie]
`)
	_, err = corsconfig.Read(names...)
	assert.EqualError(t, withoutDirectory(dir, err), `policy.yaml:2:11: origins[0]: "https://App.example.com" has upper-case letters, which browsers write in lower case; write "https://app.example.com"
policy.yaml:2:36: origins[1]: "http://a.example.com" has pages that anyone on the network path can rewrite, and they would act with the user's credentials; write https, or set dangerously_allow_insecure_origins (credentials are on for /acme.a.A/Get)
policy.yaml:4:22: services[1]: "not a name" is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code
policy.yaml:4:36: services[2]: "acme.a.A.Get" is not a service: write the service, "acme.a.A", and an Override for what concerns one method
policy.yaml:6:3: overrides["acme.a.A.B.C"]: is not a service or method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem
policy.yaml:7:3: overrides["acme.b.B"]: is not a service or method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem
policy.yaml:8:19: request_headers[0]: "Cookie" is a forbidden request header, which browsers let no page set: leave it out`)
	_, err = corsconfig.Read()
	assert.EqualError(t, err, "corsconfig: no policy files")
}

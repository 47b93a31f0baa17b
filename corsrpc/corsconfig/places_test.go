package corsconfig_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

var (
	plainMethods = []method{{name: "GetShelf"}, {name: "MergeShelves"}}
	readers      = []method{{name: "GetShelf", options: &corsrpcv1.MethodOptions{Audience: "readers"}}}
	bound        = []method{{name: "GetShelf", get: "/v1/shelves/{id}"}}
)

// Each row is a policy file with one mistake that corsrpc.New finds, and where
// the error says that it stands.
var misplaced = []struct {
	name    string
	methods []method
	text    string
	want    string
}{
	{"an origin that browsers do not send", plainMethods,
		"credentials: true\norigins:\n  - https://app.example.com\n  - app.example.com\n",
		`policy.yaml:4:5: origins[1]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"`},
	{"another beside every origin", plainMethods,
		"origins: [https://app.example.com, '*']\n",
		`policy.yaml:1:36: origins[1]: "*" makes the other origins of the list meaningless; list it alone, or leave it out`},
	{"every origin with credentials", plainMethods,
		"origins: ['*']\ncredentials: true\n",
		"policy.yaml:1:11: origins[0]: \"*\" lets every page of the web call, which browsers and corsrpc refuse together with credentials; list the origins (credentials are on for /acme.library.v1.BookService/GetBook)"},
	{"an insecure origin with credentials", plainMethods,
		"origins:\n  - http://app.example.com\ncredentials: true\n",
		"policy.yaml:2:5: origins[0]: \"http://app.example.com\" has pages that anyone on the network path can rewrite, and they would act with the user's credentials; write https, or set dangerously_allow_insecure_origins (credentials are on for /acme.library.v1.BookService/GetBook)"},
	{"a public suffix with credentials", plainMethods,
		"origins:\n  - https://*.github.io\ncredentials: true\n",
		"policy.yaml:2:5: origins[0]: \"https://*.github.io\" is a pattern on a public suffix, below which anyone can register a site that would act with the user's credentials; list the sites, or set dangerously_allow_public_suffixes (credentials are on for /acme.library.v1.BookService/GetBook)"},
	{"an override's origins with credentials", plainMethods,
		"overrides:\n  acme.library.v1.ShelfService:\n    origins: [http://app.example.com]\n    credentials: on\n",
		"policy.yaml:3:15: overrides[\"acme.library.v1.ShelfService\"].origins[0]: \"http://app.example.com\" has pages that anyone on the network path can rewrite, and they would act with the user's credentials; write https, or set dangerously_allow_insecure_origins (credentials are on for /acme.library.v1.ShelfService/GetShelf)"},
	{"a star among request headers", plainMethods,
		"request_headers: ['*']\n",
		`policy.yaml:1:19: request_headers[0]: "*" is not a header name; browsers take it for a wildcard only without credentials, and never for Authorization: list the names`},
	{"two names in one element", plainMethods,
		"request_headers:\n  - Authorization, X-Tenant-Id\n",
		"policy.yaml:2:5: request_headers[0]: \"Authorization, X-Tenant-Id\" is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"},
	{"a forbidden request header", plainMethods,
		"request_headers: [X-Tenant-Id, Cookie]\n",
		`policy.yaml:1:32: request_headers[1]: "Cookie" is a forbidden request header, which browsers let no page set: leave it out`},
	{"a header of CORS", plainMethods,
		"response_headers: [Access-Control-Allow-Origin]\n",
		`policy.yaml:1:20: response_headers[0]: "Access-Control-Allow-Origin" belongs to CORS itself, which corsrpc handles: leave it out`},
	{"a header that pages never see", plainMethods,
		"response_headers: [Set-Cookie]\n",
		`policy.yaml:1:20: response_headers[0]: "Set-Cookie" is never shown to pages and cannot be set by them; for cookies, set credentials`},
	{"a name that is too long", plainMethods,
		"response_headers: [" + strings.Repeat("x", 300) + "]\n",
		`policy.yaml:1:20: response_headers[0]: "` + strings.Repeat("x", 256) + `"... is too long for a header name`},
	{"a trailer with its prefix", plainMethods,
		"response_trailers: [Trailer-X-Cost]\n",
		`policy.yaml:1:21: response_trailers[0]: "Trailer-X-Cost" has the prefix that the Connect protocol gives to trailers: write the name that handlers use, such as "X-Cost"`},
	{"bindings that nobody decided on", bound,
		"origins: [https://app.example.com]\n",
		`policy.yaml:1:1: rest: is not set, and acme.library.v1.ShelfService.GetShelf has the binding "GET /v1/shelves/{id}": write gateway or transcoding for what serves it, or none if nothing does`},
	{"bindings that were reset", bound,
		"origins: [https://app.example.com]\nrest:\n",
		`policy.yaml:2:1: rest: is not set, and acme.library.v1.ShelfService.GetShelf has the binding "GET /v1/shelves/{id}": write gateway or transcoding for what serves it, or none if nothing does`},
	{"a binding of no method", bound,
		"rest: gateway\nbindings:\n  acme.library.v1.ShelfService.Nothing: [GET /v1/nothing]\n",
		`policy.yaml:3:3: bindings["acme.library.v1.ShelfService.Nothing"]: is not a method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem`},
	{"a binding that nothing serves", bound,
		"rest: none\nbindings:\n  acme.library.v1.ShelfService.GetShelf: [GET /v1/get]\n",
		`policy.yaml:3:3: bindings["acme.library.v1.ShelfService.GetShelf"]: has no effect without rest: set rest to gateway or transcoding, or leave it out`},
	{"a binding without a method", bound,
		"rest: gateway\nbindings:\n  acme.library.v1.ShelfService.GetShelf:\n    - /v1/get\n",
		`policy.yaml:4:7: bindings["acme.library.v1.ShelfService.GetShelf"][0]: "/v1/get" "/v1/get" is not a binding: write an HTTP method, a space and a path template, such as "POST /v1/admin:purge"`},
	{"a binding whose variable is not a field", bound,
		"rest: gateway\nbindings:\n  acme.library.v1.ShelfService.GetShelf: ['GET /v1/{name}']\n",
		"policy.yaml:3:43: bindings[\"acme.library.v1.ShelfService.GetShelf\"][0]: \"GET /v1/{name}\" variable {name} of \"GET /v1/{name}\": acme.library.v1.Shelf has no field \"name\": write the name of one of its fields as the schema spells it"},
	{"a binding that the schema has", bound,
		"rest: gateway\nbindings:\n  acme.library.v1.ShelfService.GetShelf: ['GET /v1/shelves/{id}']\n",
		"policy.yaml:3:43: bindings[\"acme.library.v1.ShelfService.GetShelf\"][0]: \"GET /v1/shelves/{id}\" is the same binding as \"GET /v1/shelves/{id}\" of acme.library.v1.ShelfService.GetShelf: gateways serve one of them alone, so remove the other"},
	{"a service that is not registered", plainMethods,
		"services: [acme.library.v1.ShelfService, acme.library.v1.Shelfservice]\n",
		`policy.yaml:1:42: services[1]: "acme.library.v1.Shelfservice" is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code`},
	{"a service's path", plainMethods,
		"services: [/acme.library.v1.ShelfService/]\n",
		`policy.yaml:1:12: services[0]: "/acme.library.v1.ShelfService/" is the path of a service: write its name, "acme.library.v1.ShelfService"`},
	{"a method among services", plainMethods,
		"services: [acme.library.v1.ShelfService.GetShelf]\n",
		`policy.yaml:1:12: services[0]: "acme.library.v1.ShelfService.GetShelf" is not a service: write the service, "acme.library.v1.ShelfService", and an Override for what concerns one method`},
	{"no services", plainMethods,
		"services: []\n",
		`policy.yaml:1:1: services: is empty and there are no resources, so nothing is left to govern; leave services out for every registered service, or list some`},
	{"all services excepted", plainMethods,
		"except:\n  - acme.library.v1.ShelfService\n  - acme.library.v1.BookService\n",
		`policy.yaml:1:1: services: has no service that is not in except, and there are no resources, so nothing is left to govern; take one out of except, or import the generated code of more`},
	{"a service on both lists", plainMethods,
		"services: [acme.library.v1.ShelfService]\nexcept: [acme.library.v1.ShelfService]\n",
		`policy.yaml:2:10: except[0]: "acme.library.v1.ShelfService" is listed in services too: take it out of one of them`},
	{"an exception that is not registered", plainMethods,
		"except: [acme.Nothing]\n",
		`policy.yaml:1:10: except[0]: "acme.Nothing" is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code`},
	{"an override of nothing", plainMethods,
		"overrides:\n  acme.library.v1.ShelfService.Nothing: {internal: true}\n",
		`policy.yaml:2:3: overrides["acme.library.v1.ShelfService.Nothing"]: is not a service or method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem`},
	{"an origin in an override", plainMethods,
		"overrides:\n  acme.library.v1.ShelfService:\n    origins:\n      - https://app.example.com/\n",
		`policy.yaml:4:9: overrides["acme.library.v1.ShelfService"].origins[0]: "https://app.example.com/" has a path: an origin ends after its host and port; write "https://app.example.com"`},
	{"a name in an override", plainMethods,
		"overrides:\n  acme.library.v1.ShelfService:\n    request_headers: [Cookie]\n",
		`policy.yaml:3:23: overrides["acme.library.v1.ShelfService"].request_headers[0]: "Cookie" is a forbidden request header, which browsers let no page set: leave it out`},
	{"an audience that is absent", readers,
		"origins: [https://app.example.com]\n",
		`policy.yaml:1:1: audiences["readers"]: is missing: the schema names this audience for /acme.library.v1.ShelfService/GetShelf; list its origins, or write [] if no page may call`},
	{"an audience that is absent from audiences", readers,
		"origins: [https://app.example.com]\naudiences:\n  writers: []\n",
		`policy.yaml:2:1: audiences["readers"]: is missing: the schema names this audience for /acme.library.v1.ShelfService/GetShelf; list its origins, or write [] if no page may call`},
	{"an audience that was removed", readers,
		"audiences:\n  readers:\n",
		`policy.yaml:2:3: audiences["readers"]: is missing: the schema names this audience for /acme.library.v1.ShelfService/GetShelf; list its origins, or write [] if no page may call`},
	{"an origin of an audience", readers,
		"audiences:\n  readers: [https://App.example.com]\n",
		`policy.yaml:2:13: audiences["readers"][0]: "https://App.example.com" has upper-case letters, which browsers write in lower case; write "https://app.example.com"`},
	{"a resource that is not a path", plainMethods,
		"resources:\n  fonts: {}\n",
		`policy.yaml:2:3: resources["fonts"]: is not a path: begin it with a slash, such as /fonts/`},
	{"a resource for several segments", plainMethods,
		"resources:\n  '/files/{path...}': {}\n",
		`policy.yaml:2:3: resources["/files/{path...}"]: has a pattern for several segments: end the path in a slash instead, which stands for everything below`},
	{"a resource with {$}", plainMethods,
		"resources:\n  '/files/{$}': {}\n",
		`policy.yaml:2:3: resources["/files/{$}"]: has {$}, which ends patterns of net/http: leave it out; a path that does not end in a slash is this one alone`},
	{"a resource with a star", plainMethods,
		"resources:\n  /files/*: {}\n",
		`policy.yaml:2:3: resources["/files/*"]: has a star, which would stand for itself: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below`},
	{"a resource with two stars", plainMethods,
		"resources:\n  /files/**: {}\n",
		"policy.yaml:2:3: resources[\"/files/**\"]: has a template of google.api.http, which would match nothing: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below"},
	{"a resource with braces in a segment", plainMethods,
		"resources:\n  '/files/{a}{b}': {}\n",
		`policy.yaml:2:3: resources["/files/{a}{b}"]: has braces that are not one whole segment: write, for example, /products/{id}`},
	{"an encoded resource", plainMethods,
		"resources:\n  /files/%20: {}\n",
		`policy.yaml:2:3: resources["/files/%20"]: is percent-encoded: write the decoded path`},
	{"a control character in a resource", plainMethods,
		"resources:\n  \"/files/\\x1b\": {}\n",
		`policy.yaml:2:3: resources["/files/\x1b"]: has a control character: leave it out`},
	{"a query in a resource", plainMethods,
		"resources:\n  /files?a: {}\n",
		`policy.yaml:2:3: resources["/files?a"]: has a query or a fragment: write the path alone`},
	{"an unclean resource", plainMethods,
		"resources:\n  /files//a: {}\n",
		`policy.yaml:2:3: resources["/files//a"]: is not clean: leave out empty segments, . and ..`},
	{"a backslash in a resource", plainMethods,
		"resources:\n  '/files\\a': {}\n",
		`policy.yaml:2:3: resources["/files\\a"]: has a backslash, which browsers send as a slash: write a slash`},
	{"two resources with the same paths", plainMethods,
		"resources:\n  '/files/{a}': {}\n  '/files/{b}': {}\n",
		`policy.yaml:3:3: resources["/files/{b}"]: matches the same paths as "/files/{a}"; keep one of them`},
	{"a resource that is a binding", bound,
		"rest: gateway\nresources:\n  '/v1/shelves/{x}': {}\n",
		`policy.yaml:3:3: resources["/v1/shelves/{x}"]: is the template of "GET /v1/shelves/{id}" of acme.library.v1.ShelfService.GetShelf, which has a rule already: remove the key`},
	{"a resource's origins with credentials", plainMethods,
		"resources:\n  /login:\n    credentials: true\n    origins: [http://app.example.com]\n",
		"policy.yaml:4:15: resources[\"/login\"].origins[0]: \"http://app.example.com\" has pages that anyone on the network path can rewrite, and they would act with the user's credentials; write https, or set dangerously_allow_insecure_origins (credentials are on for /login)"},
	{"a star among methods", plainMethods,
		"resources:\n  /files/:\n    methods: ['*']\n",
		`policy.yaml:3:15: resources["/files/"].methods[0]: "*" is not a method; browsers take it for a wildcard only without credentials: list the methods`},
	{"two methods in one element", plainMethods,
		"resources:\n  /files/:\n    methods: ['PUT, DELETE']\n",
		`policy.yaml:3:15: resources["/files/"].methods[0]: "PUT, DELETE" is not a method: put each one in its own list element, such as PUT`},
	{"a forbidden method", plainMethods,
		"resources:\n  /files/:\n    methods: [PUT, TRACE]\n",
		`policy.yaml:3:20: resources["/files/"].methods[1]: "TRACE" is a forbidden method, which browsers let no page use: leave it out`},
	{"a method in lower case", plainMethods,
		"resources:\n  /files/:\n    methods: [put]\n",
		`policy.yaml:3:15: resources["/files/"].methods[0]: "put" is not how requests carry it: browsers put this method in upper case, so write PUT`},
	{"patch in lower case", plainMethods,
		"resources:\n  /files/:\n    methods: [patch]\n",
		`policy.yaml:3:15: resources["/files/"].methods[0]: "patch" is not PATCH: methods are case-sensitive, and browsers leave this one as the script wrote it; write PATCH here and in scripts`},
	{"a name in a resource", plainMethods,
		"resources:\n  /files/:\n    response_headers: [Set-Cookie]\n",
		`policy.yaml:3:24: resources["/files/"].response_headers[0]: "Set-Cookie" is never shown to pages and cannot be set by them; for cookies, set credentials`},
	{"a resource's age", plainMethods,
		"resources:\n  /files/:\n    max_age: 48h\n",
		`policy.yaml:3:14: resources["/files/"].max_age: "48h0m0s" is out of range: write 1s to 24h, such as 2h, 0s for two hours, or a negative value to prevent caching`},
	{"a prefix without a slash", plainMethods,
		"path_prefix: api\n",
		`policy.yaml:1:14: path_prefix: "api" is not a prefix: begin it with a slash and end it without one, such as /api`},
	{"a prefix with braces", plainMethods,
		"path_prefix: '/{api}'\n",
		`policy.yaml:1:14: path_prefix: "/{api}" has braces, which stand for themselves here: write the prefix as requests have it`},
	{"a prefix that is not clean", plainMethods,
		"path_prefix: /api/../x\n",
		`policy.yaml:1:14: path_prefix: "/api/../x" is not clean: leave out empty segments, . and ..`},
	{"a host with a scheme", plainMethods,
		"hosts: [api.example.com, https://api.example.com]\n",
		`policy.yaml:1:26: hosts[1]: "https://api.example.com" is not a host: write host or host:port as browsers show it, in lower case, without scheme, path or trailing dot, such as api.example.com`},
	{"hosts that are required and absent", plainMethods,
		"require_hosts: true\n",
		`policy.yaml:1:16: require_hosts: is set without hosts, so every call would be refused: list the server's hosts in hosts`},
	{"every developer", plainMethods,
		"explain_to: ['*']\n",
		`policy.yaml:1:14: explain_to[0]: "*" would explain refusals to every page of the web: list the origins of developers' pages`},
	{"a developer's origin", plainMethods,
		"explain_to: [localhost]\n",
		`policy.yaml:1:14: explain_to[0]: "localhost" has no scheme: an origin is scheme://host; write "http://localhost"`},
	{"a proxy's header", plainMethods,
		"explain_ignore: [X Real IP]\n",
		"policy.yaml:1:18: explain_ignore[0]: \"X Real IP\" is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"},
	{"an age out of range", plainMethods,
		"max_age: 500ms\n",
		`policy.yaml:1:10: max_age: "500ms" is out of range: write 1s to 24h, such as 2h, 0s for two hours, or a negative value to prevent caching`},
	{"a name in the schema", []method{{name: "GetShelf", options: &corsrpcv1.MethodOptions{ResponseTrailers: []string{"trailer-x-cost"}}}},
		"origins: [https://app.example.com]\n",
		"(corsrpc.v1.method).response_trailers[0] of acme.library.v1.ShelfService.GetShelf: \"trailer-x-cost\" has the prefix that the Connect protocol gives to trailers: write the name that handlers use, such as \"X-Cost\""},
	{"a binding in the schema", []method{{name: "GetShelf", get: "v1/shelves"}},
		"rest: gateway\n",
		`schema: (google.api.http) of acme.library.v1.ShelfService.GetShelf: path template "v1/shelves" must begin with a slash: write "/v1/shelves"`},
	{"the same binding twice in the schema", []method{{name: "GetShelf", get: "/v1/{id}"}, {name: "ReadShelf", get: "/v1/{id}"}},
		"rest: gateway\n",
		"(google.api.http) of acme.library.v1.ShelfService.ReadShelf: \"GET /v1/{id}\" is the same binding as \"GET /v1/{id}\" of acme.library.v1.ShelfService.GetShelf: gateways serve one of them alone, so remove the other"},
	{"a binding too deep below the prefix", []method{{name: "GetShelf", get: "/v1" + strings.Repeat("/x", 31)}},
		"rest: gateway\npath_prefix: /api\n",
		"(google.api.http) of acme.library.v1.ShelfService.GetShelf: \"GET /v1" + strings.Repeat("/x", 31) + "\" has too many segments below path_prefix: shorten it, or the prefix"},
	{"a binding that an override cuts off", []method{{name: "GetShelf", get: "/v1/shelves/{id}"}, {name: "GetAny", get: "/v1/{id=**}"}},
		"rest: gateway\norigins: [https://app.example.com]\noverrides:\n  acme.library.v1.ShelfService.GetAny: {internal: true}\n",
		"(google.api.http) of acme.library.v1.ShelfService.GetShelf: \"GET /v1/shelves/{id}\" cannot be called: every path of it is also one of \"GET /v1/{id=**}\" of /acme.library.v1.ShelfService/GetAny, which is internal; give both methods the same permissions, or change one template"},
	{"a binding that other origins cut off", []method{{name: "GetShelf", get: "/v1/shelves/{id}"}, {name: "GetAny", get: "/v1/{id=**}"}},
		"rest: gateway\norigins: [https://app.example.com]\noverrides:\n  acme.library.v1.ShelfService.GetAny:\n    origins: []\n",
		"(google.api.http) of acme.library.v1.ShelfService.GetShelf: \"GET /v1/shelves/{id}\" cannot be called: every path of it is also one of \"GET /v1/{id=**}\" of /acme.library.v1.ShelfService/GetAny, which does not list \"https://app.example.com\"; give both methods the same permissions, or change one template"},
	{"a binding that credentials cut off", []method{{name: "GetShelf", get: "/v1/shelves/{id}"}, {name: "GetAny", get: "/v1/{id=**}"}},
		"rest: gateway\norigins: [https://app.example.com]\ncredentials: true\noverrides:\n  acme.library.v1.ShelfService.GetAny: {credentials: off}\n",
		"(google.api.http) of acme.library.v1.ShelfService.GetShelf: \"GET /v1/shelves/{id}\" cannot be called: every path of it is also one of \"GET /v1/{id=**}\" of /acme.library.v1.ShelfService/GetAny, which does not allow credentials; give both methods the same permissions, or change one template"},
}

func TestConfigErrorsHavePlaces(t *testing.T) {
	t.Parallel()
	for _, test := range misplaced {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, library(t, test.methods...), test.text)
			require.Error(t, err)
			assert.Equal(t, test.want, err.Error())
			assert.ErrorAs(t, err, new(*corsrpc.ConfigError))
		})
	}
}

func TestSchemaWithoutServices(t *testing.T) {
	t.Parallel()
	_, err := load(t, new(protoregistry.Files), noServices)
	assert.EqualError(t, err, "policy.yaml:1:1: services: leaves nothing to govern: no such service is registered and there are no resources; import the generated code, and call New after it has registered, in main and not in a package-level var")
}

const noServices = "origins: [https://app.example.com]\n"

func TestSchemaWithUnknownOptions(t *testing.T) {
	t.Parallel()
	options := &corsrpcv1.MethodOptions{}
	options.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
	_, err := load(t, library(t, method{name: "GetShelf", options: options}), noServices)
	assert.EqualError(t, err, "schema: options of acme.library.v1.ShelfService.GetShelf cannot be read: (corsrpc.v1.method) has a field that this version of corsrpc does not know; use the version whose corsrpc/v1/options.proto the schema imports")
}

// The rows above are all that there are: every text of a problem in the source
// of corsrpc is in one of them.
func TestEveryConfigErrorHasARow(t *testing.T) {
	t.Parallel()
	var found strings.Builder
	note := func(err error) {
		for _, mistake := range mistakes(t, err) {
			var ce *corsrpc.ConfigError
			require.ErrorAs(t, mistake, &ce)
			found.WriteString(ce.Problem + "\n")
		}
	}
	for _, test := range misplaced {
		_, err := load(t, library(t, test.methods...), test.text)
		note(err)
	}
	_, err := load(t, new(protoregistry.Files), noServices)
	note(err)
	texts := problemTexts(t, "..")
	assert.Greater(t, len(texts), 40, "this test finds the texts")
	for _, text := range texts {
		switch text {
		case "is not a protocol: write Connect, GRPCWeb or GRPC",
			"is not a switch: write Inherit, On or Off",
			"is not a value: write RESTNone, RESTGateway or RESTTranscoding":
			continue // the decoder knows the words
		}
		assert.Contains(t, found.String(), text)
	}
}

// problemTexts returns the constant parts of ConfigError.Problem: in calls of
// mistakes.add, and in the results of functions whose names begin with check,
// and in variables of that name.
func problemTexts(t *testing.T, dir string) []string {
	t.Helper()
	var texts []string
	collect := func(nodes ...ast.Node) {
		for _, node := range nodes {
			ast.Inspect(node, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					if strings.Count(text, " ") >= 2 { // a sentence, and not punctuation or a field
						texts = append(texts, text)
					}
				}
				return true
			})
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(function, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if selector, ok := n.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "add" && len(n.Args) == 4 {
						collect(n.Args[3])
					}
				case *ast.AssignStmt:
					if variable, ok := n.Lhs[0].(*ast.Ident); ok && variable.Name == "problem" {
						collect(n.Rhs[0])
					}
				case *ast.ReturnStmt:
					if strings.HasPrefix(function.Name.Name, "check") && len(n.Results) == 1 {
						collect(n.Results[0])
					}
				}
				return true
			})
		}
	}
	return texts
}

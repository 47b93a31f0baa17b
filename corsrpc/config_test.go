package corsrpc_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/emptypb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// noPages gives the audiences of the shop's schema, which a Config must have,
// to no page.
var noPages = map[string][]string{"storefront": {}, "backoffice": {}}

// mistakes returns the parts of a joined error.
func mistakes(t *testing.T, err error) []corsrpc.ConfigError {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	var list []corsrpc.ConfigError
	for _, err := range joined.Unwrap() {
		var mistake *corsrpc.ConfigError
		require.ErrorAs(t, err, &mistake)
		list = append(list, *mistake)
	}
	return list
}

func TestNewReportsEveryMistake(t *testing.T) {
	t.Parallel()
	const (
		noHeader  = "is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"
		ownHeader = "belongs to CORS itself, which corsrpc handles: leave it out"
		cookie    = "is never shown to pages and cannot be set by them; for cookies, set Credentials"
		forbidden = "is a forbidden request header, which browsers let no page set: leave it out"
		wildcard  = "is not a header name; browsers take it for a wildcard only without credentials, and never for Authorization: list the names"
		noService = "is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"
		ageRange  = "is out of range: write 1s to 24h, such as 2 * time.Hour, 0 for two hours, or a negative value to prevent caching"
		noHost    = "is not a host: write host or host:port as browsers show it, in lower case, without scheme, path or trailing dot, such as api.example.com"
	)
	config := corsrpc.Config{
		Origins:          []string{"https://good.example.com", "https://App.example.com", "*", ""},
		RequestHeaders:   []string{"Authorization", "Accept-Encoding", "sec-custom", "Access-Control-Allow-Origin", "*", "X Y"},
		ResponseHeaders:  []string{"Set-Cookie", "Cache-Control", "access-control-expose-headers"},
		ResponseTrailers: []string{"", "set-cookie2"},
		Protocols:        []corsrpc.Protocol{corsrpc.Connect, 0, 9},
		Services:         []string{"*", "acme.shop.v1.Nothing"},
		Except:           []string{"acme.shop.v2.CartService"},
		Overrides: map[string]corsrpc.Override{
			"acme.shop.v1.CartService.AddItem": {Origins: []string{"null"}, Credentials: 3, ReportOnly: 4, RequestHeaders: []string{"Cookie"}},
			"acme.shop.v1.CartService.Nothing": {ResponseHeaders: []string{"X-A", "Set-Cookie"}, ResponseTrailers: []string{"a,b"}},
		},
		Audiences: map[string][]string{"backoffice": {}, "storefront": {"https://shop.example.com:443"}},
		Resources: map[string]corsrpc.Resource{
			"fonts":          {},
			"/a/{x}":         {},
			"/a/{y}":         {},
			"/b/{x...}":      {},
			"/b/x{y}":        {},
			"/b/{}":          {},
			"/c//d":          {},
			"/c/../d":        {},
			"/c?d":           {},
			"/c%2Fd":         {},
			"/upload":        {Origins: []string{"data:x"}, Methods: []string{"put", "patch", "TRACE", "*", "A B", "PUT"}, RequestHeaders: []string{"DNT"}, ResponseHeaders: []string{"*"}, MaxAge: time.Millisecond},
			"/with-any-page": {Origins: []string{"*"}, Credentials: true},
		},
		PathPrefix: "api/",
		Hosts:      []string{"api.example.com", "https://api.example.com", "*.example.com", "a/b", ""},
		MaxAge:     48 * time.Hour,
	}
	policy, err := corsrpc.New(config)
	assert.Nil(t, policy)
	res := func(path string) string { return `Resources["` + path + `"]` }
	add := `Overrides["acme.shop.v1.CartService.AddItem"]`
	clean := "is not clean: leave out empty segments, . and .."
	assert.Equal(t, []corsrpc.ConfigError{
		{"Origins[1]", "https://App.example.com", `has upper-case letters, which browsers write in lower case; write "https://app.example.com"`},
		{"Origins[2]", "*", "makes the other origins of the list meaningless; list it alone, or leave it out"},
		{"Origins[3]", "", "is empty: write scheme://host, such as https://app.example.com"},
		{"RequestHeaders[1]", "Accept-Encoding", forbidden},
		{"RequestHeaders[2]", "sec-custom", forbidden},
		{"RequestHeaders[3]", "Access-Control-Allow-Origin", ownHeader},
		{"RequestHeaders[4]", "*", wildcard},
		{"RequestHeaders[5]", "X Y", noHeader},
		{"ResponseHeaders[0]", "Set-Cookie", cookie},
		{"ResponseHeaders[2]", "access-control-expose-headers", ownHeader},
		{"ResponseTrailers[0]", "", noHeader},
		{"ResponseTrailers[1]", "set-cookie2", cookie},
		{"Protocols[1]", "Protocol(0)", "is not a protocol: write Connect, GRPCWeb or GRPC"},
		{"Protocols[2]", "Protocol(9)", "is not a protocol: write Connect, GRPCWeb or GRPC"},
		{"Services[1]", "acme.shop.v1.Nothing", noService},
		{"Except[0]", "acme.shop.v2.CartService", noService},
		{add + ".Origins[0]", "null", "is the origin of every sandboxed frame and every local file, whatever the site, so it cannot be listed: serve the page from an https origin"},
		{add + ".Credentials", "3", "is not a switch: write Inherit, On or Off"},
		{add + ".ReportOnly", "4", "is not a switch: write Inherit, On or Off"},
		{add + ".RequestHeaders[0]", "Cookie", forbidden},
		{`Overrides["acme.shop.v1.CartService.Nothing"]`, "", "is not a service or method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem"},
		{`Overrides["acme.shop.v1.CartService.Nothing"].ResponseHeaders[1]`, "Set-Cookie", cookie},
		{`Overrides["acme.shop.v1.CartService.Nothing"].ResponseTrailers[0]`, "a,b", noHeader},
		{`Audiences["storefront"][0]`, "https://shop.example.com:443", `names the scheme's default port, which browsers leave out; write "https://shop.example.com"`},
		{res("/a/{y}"), "", `matches the same paths as "/a/{x}"; keep one of them`},
		{res("/b/x{y}"), "", "has braces that are not one whole segment: write, for example, /products/{id}"},
		{res("/b/{x...}"), "", "has a pattern for several segments: end the path in a slash instead, which stands for everything below"},
		{res("/b/{}"), "", "has braces that are not one whole segment: write, for example, /products/{id}"},
		{res("/c%2Fd"), "", "is percent-encoded: write the decoded path"},
		{res("/c/../d"), "", clean},
		{res("/c//d"), "", clean},
		{res("/c?d"), "", "has a query or a fragment: write the path alone"},
		{res("/upload") + ".Origins[0]", "data:x", "is not an origin that browsers send: data URLs send null"},
		{res("/upload") + ".Methods[0]", "put", "is not how requests carry it: browsers put this method in upper case, so write PUT"},
		{res("/upload") + ".Methods[1]", "patch", "is not PATCH: methods are case-sensitive, and browsers leave this one as the script wrote it; write PATCH here and in scripts"},
		{res("/upload") + ".Methods[2]", "TRACE", "is a forbidden method, which browsers let no page use: leave it out"},
		{res("/upload") + ".Methods[3]", "*", "is not a method; browsers take it for a wildcard only without credentials: list the methods"},
		{res("/upload") + ".Methods[4]", "A B", "is not a method: put each one in its own list element, such as PUT"},
		{res("/upload") + ".RequestHeaders[0]", "DNT", forbidden},
		{res("/upload") + ".ResponseHeaders[0]", "*", wildcard},
		{res("/upload") + ".MaxAge", "1ms", ageRange},
		{res("/with-any-page") + ".Origins[0]", "*", "lets every page of the web call, which browsers and corsrpc refuse together with Credentials; list the origins (credentials are on for /with-any-page)"},
		{res("fonts"), "", "is not a path: begin it with a slash, such as /fonts/"},
		{"PathPrefix", "api/", "is not a prefix: begin it with a slash and end it without one, such as /api"},
		{"Hosts[1]", "https://api.example.com", noHost},
		{"Hosts[2]", "*.example.com", noHost},
		{"Hosts[3]", "a/b", noHost},
		{"Hosts[4]", "", noHost},
		{"MaxAge", "48h0m0s", ageRange},
	}, mistakes(t, err))
	assert.Contains(t, err.Error(), "\ncorsrpc: Origins[2]: \"*\" makes the other origins")
	assert.NotContains(t, err.Error(), "\ncorsrpc: Origins[3]:  ")
}

func TestNewRefusesInsecureCredentials(t *testing.T) {
	t.Parallel()
	const (
		anyPage  = "lets every page of the web call, which browsers and corsrpc refuse together with Credentials; list the origins"
		insecure = "has pages that anyone on the network path can rewrite, and they would act with the user's Credentials; write https, or set DangerouslyAllowInsecureOrigins"
		suffix   = "is a pattern on a public suffix, below which anyone can register a site that would act with the user's Credentials; list the sites, or set DangerouslyAllowPublicSuffixes"
	)
	all := " (credentials are on for " + "/" + catalog + "/GetProduct)"
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		want   []corsrpc.ConfigError
	}{
		{"any origin", corsrpc.Config{Origins: []string{"*"}, Credentials: true}, []corsrpc.ConfigError{{"Origins[0]", "*", anyPage + all}}},
		{"plain HTTP", corsrpc.Config{Origins: []string{app, "http://app.example.com", "http://*.example.com", "http://10.0.0.1:*"}, Credentials: true}, []corsrpc.ConfigError{
			{"Origins[1]", "http://app.example.com", insecure + all},
			{"Origins[2]", "http://*.example.com", insecure + all},
			{"Origins[3]", "http://10.0.0.1:*", insecure + all},
		}},
		{"plain HTTP on loopback", corsrpc.Config{Origins: []string{"http://localhost:*", "http://127.0.0.1:8080", "http://[::1]", "http://*.localhost"}, Credentials: true}, nil},
		{"plain HTTP, lifted", corsrpc.Config{Origins: []string{"http://app.example.com"}, Credentials: true, DangerouslyAllowInsecureOrigins: true}, nil},
		{"plain HTTP without credentials", corsrpc.Config{Origins: []string{"http://app.example.com"}}, nil},
		{"public suffix", corsrpc.Config{Origins: []string{"https://*.github.io", "https://*.com", "https://*.me.github.io"}, Credentials: true}, []corsrpc.ConfigError{
			{"Origins[0]", "https://*.github.io", suffix + all},
			{"Origins[1]", "https://*.com", suffix + all},
		}},
		{"public suffix, lifted", corsrpc.Config{Origins: []string{"https://*.github.io"}, Credentials: true, DangerouslyAllowPublicSuffixes: true}, nil},
		{"public suffix without credentials", corsrpc.Config{Origins: []string{"https://*.github.io"}}, nil},
		{"resolved: credentials by an override", corsrpc.Config{Origins: []string{"*"}, Overrides: map[string]corsrpc.Override{catalog + ".WatchPrices": {Credentials: corsrpc.On}}},
			[]corsrpc.ConfigError{{"Origins[0]", "*", anyPage + " (credentials are on for " + watchPrices + ")"}}},
		{"resolved: origins by an override", corsrpc.Config{Origins: []string{app}, Credentials: true, Overrides: map[string]corsrpc.Override{catalog: {Origins: []string{"*"}}}},
			[]corsrpc.ConfigError{{`Overrides["acme.shop.v1.CatalogService"].Origins[0]`, "*", anyPage + all}}},
		{"resolved: an override turns credentials off", corsrpc.Config{Origins: []string{"*"}, Credentials: true, Overrides: map[string]corsrpc.Override{catalog: {Credentials: corsrpc.Off}}}, nil},
		{"resolved: no rule has these origins", corsrpc.Config{Origins: []string{"*"}, Credentials: true, Overrides: map[string]corsrpc.Override{catalog: {Origins: []string{app}}}}, nil},
		{"resolved: there is no service", corsrpc.Config{Origins: []string{"*"}, Credentials: true, Services: []string{}, Resources: map[string]corsrpc.Resource{"/fonts/": {}}}, nil},
		{"not said with another mistake where credentials are off", corsrpc.Config{Origins: []string{"*"}, Services: []string{"x.Y"}}, []corsrpc.ConfigError{
			{"Services[0]", "x.Y", "is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"},
		}},
		{"said in the order of the list with its other mistakes", corsrpc.Config{Origins: []string{"http://app.example.com", "null", "https://*.github.io", "x"}, Credentials: true}, []corsrpc.ConfigError{
			{"Origins[0]", "http://app.example.com", insecure + all},
			{"Origins[1]", "null", "is the origin of every sandboxed frame and every local file, whatever the site, so it cannot be listed: serve the page from an https origin"},
			{"Origins[2]", "https://*.github.io", suffix + all},
			{"Origins[3]", "x", "has no scheme: an origin is scheme://host; write \"https://x\""},
		}},
		{"said at once with another mistake", corsrpc.Config{Origins: []string{"*"}, Credentials: true, Services: []string{"x.Y"}}, []corsrpc.ConfigError{
			{"Origins[0]", "*", anyPage + " (credentials are on for every service without an exception)"},
			{"Services[0]", "x.Y", "is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.config.Services == nil {
				tt.config.Services = []string{catalog}
			}
			_, err := corsrpc.New(tt.config)
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, tt.want, mistakes(t, err))
		})
	}
	_, err := corsrpc.New(corsrpc.Config{Audiences: map[string][]string{"backoffice": {}, "storefront": {"*"}}, Credentials: true})
	assert.Equal(t, []corsrpc.ConfigError{{`Audiences["storefront"][0]`, "*", anyPage + " (credentials are on for " + reportProduct + ")"}}, mistakes(t, err))
}

func TestNewNeedsSomethingToGovern(t *testing.T) {
	t.Parallel()
	all := []string{admin, cart, catalog, "acme.shop.v1.WarehouseService"}
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		want   []corsrpc.ConfigError
	}{
		{"none is linked", corsrpc.Config{Files: new(protoregistry.Files)}, []corsrpc.ConfigError{{"Services", "",
			"leaves nothing to govern: no such service is registered and there are no Resources; import the generated code, and call New after it has registered, in main and not in a package-level var"}}},
		{"none is wanted", corsrpc.Config{Services: []string{}}, []corsrpc.ConfigError{{"Services", "",
			"is empty and there are no Resources, so nothing is left to govern; leave Services nil for every registered service, or list some"}}},
		{"another policy has them all", corsrpc.Config{Except: all}, []corsrpc.ConfigError{{"Services", "",
			"has no service that is not in Except, and there are no Resources, so nothing is left to govern; take one out of Except, or import the generated code of more"}}},
		{"the only one is misspelt", corsrpc.Config{Services: []string{"x.Y"}}, []corsrpc.ConfigError{{"Services[0]", "x.Y",
			"is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"}}},
	} {
		_, err := corsrpc.New(tt.config)
		require.Error(t, err, tt.name)
		assert.Equal(t, tt.want, mistakes(t, err), tt.name)
	}
	_, err := corsrpc.New(corsrpc.Config{Services: []string{"/" + cart + "/", cart + ".AddItem", cart + ".Nothing.AddItem"}, Except: []string{"/" + catalog}})
	assert.Equal(t, []corsrpc.ConfigError{
		{"Services[0]", "/" + cart + "/", `is the path of a service: write its name, "acme.shop.v1.CartService"`},
		{"Services[1]", cart + ".AddItem", `is not a service: write the service, "acme.shop.v1.CartService", and an Override for what concerns one method`},
		{"Services[2]", cart + ".Nothing.AddItem", "is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"},
		{"Except[0]", "/" + catalog, `is the path of a service: write its name, "acme.shop.v1.CatalogService"`},
	}, mistakes(t, err))
	_, err = corsrpc.New(corsrpc.Config{Services: []string{}, Resources: map[string]corsrpc.Resource{"/": {}}})
	assert.NoError(t, err, "resources alone")
}

// Paths are compared byte by byte, so what no request can have is a mistake.
func TestPaths(t *testing.T) {
	t.Parallel()
	const (
		unclean   = "is not clean: leave out empty segments, . and .."
		encoded   = "is percent-encoded: write the decoded path"
		braces    = "has braces that are not one whole segment: write, for example, /products/{id}"
		several   = "has a pattern for several segments: end the path in a slash instead, which stands for everything below"
		exact     = "has {$}, which ends patterns of net/http: leave it out; a path that does not end in a slash is this one alone"
		star      = "has a star, which would stand for itself: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below"
		template  = "has a template of google.api.http, which would match nothing: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below"
		backslash = "has a backslash, which browsers send as a slash: write a slash"
		control   = "has a control character: leave it out"
		query     = "has a query or a fragment: write the path alone"
		noPath    = "is not a path: begin it with a slash, such as /fonts/"
		noPrefix  = "is not a prefix: begin it with a slash and end it without one, such as /api"
		literal   = "has braces, which stand for themselves here: write the prefix as requests have it"
	)
	for _, tt := range []struct{ path, resource, prefix string }{
		{"/api", "", ""},
		{"/api/v1.2", "", ""},
		{"/.well-known", "", ""},
		{"/a..b", "", ""},
		{"/100%", "", ""},
		{"/100%4", "", ""},
		{"/%zz", "", ""},
		{"/\u00e9", "", ""},
		{"/x...", "", ""},
		{"", noPath, ""},
		{"/{id?}", "", literal},
		{"api", noPath, noPrefix},
		{"/api/", "", noPrefix},
		{"/", "", noPrefix},
		{"/%41", encoded, encoded},
		{"/a%2fb", encoded, encoded},
		{"/a//b", unclean, unclean},
		{"//a", unclean, unclean},
		{"/./a", unclean, unclean},
		{"/a/.", unclean, unclean},
		{"/../a", unclean, unclean},
		{"/a/..", unclean, unclean},
		{"/a?b", query, query},
		{"/a#b", query, query},
		{"/a\nb", control, control},
		{"/a\u0085b", control, control},
		{"/{id}", "", literal},
		{"/{id", braces, literal},
		{"/id}", braces, literal},
		{"/x{id}", braces, literal},
		{"/{id}x", braces, literal},
		{"/{}", braces, literal},
		{"/{{id}}", braces, literal},
		{"/{id...}", several, literal},
		{"/{$}", exact, literal},
		{"/a/{$}", exact, literal},
		{"/photos/*", star, ""},
		{"/*/photos", star, ""},
		{"/photos/*.jpg", "", ""},
		{"/v1/files/**", template, ""},
		{"/v1/{path=**}", template, literal},
		{"/v1/{name=shelves/*}", template, literal},
		{"/a\\b", backslash, backslash},
		{"/$", "", ""},
	} {
		_, err := corsrpc.New(corsrpc.Config{Services: []string{}, Resources: map[string]corsrpc.Resource{tt.path: {}}})
		if tt.resource == "" {
			assert.NoError(t, err, "%q as a resource", tt.path)
		} else {
			assert.Equal(t, []corsrpc.ConfigError{{"Resources[" + strconv.QuoteToASCII(tt.path) + "]", "", tt.resource}}, mistakes(t, err))
		}
		_, err = corsrpc.New(corsrpc.Config{Audiences: noPages, PathPrefix: tt.path})
		if tt.prefix == "" {
			assert.NoError(t, err, "%q as a prefix", tt.path)
		} else {
			assert.Equal(t, []corsrpc.ConfigError{{"PathPrefix", tt.path, tt.prefix}}, mistakes(t, err))
		}
	}
}

// A number without a unit is one of nanoseconds, which nobody means.
func TestMaxAgeOfNanoseconds(t *testing.T) {
	t.Parallel()
	_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, MaxAge: 7200})
	assert.Equal(t, []corsrpc.ConfigError{{"MaxAge", "7.2us", "is out of range: write 1s to 24h, such as 2 * time.Hour, 0 for two hours, or a negative value to prevent caching"}}, mistakes(t, err))
}

// Trailers are declared without the prefix of one protocol: with it, the others
// would lose them.
func TestTrailersWithAPrefix(t *testing.T) {
	t.Parallel()
	const prefixed = `has the prefix that the Connect protocol gives to trailers: write the name that handlers use, such as "X-Cost"`
	_, err := corsrpc.New(corsrpc.Config{
		Audiences:        noPages,
		ResponseTrailers: []string{"X-Cost", "trailer-x-cost"},
		ResponseHeaders:  []string{"Trailer-X-Cost"}, // what an old list exposed, and a header may be called so
		Overrides:        map[string]corsrpc.Override{cart: {ResponseTrailers: []string{"Trailer-X-Cost"}}},
	})
	assert.Equal(t, []corsrpc.ConfigError{
		{"ResponseTrailers[1]", "trailer-x-cost", prefixed},
		{`Overrides["acme.shop.v1.CartService"].ResponseTrailers[0]`, "Trailer-X-Cost", prefixed},
	}, mistakes(t, err))
}

// Whether a percent sign is one of an encoding depends on both bytes after it.
func TestPathsThatLookEncoded(t *testing.T) {
	t.Parallel()
	const hex = "0189AFaf"
	for _, c := range hex + ":@`Ggz/" {
		for _, path := range []string{"/%" + string(c) + "0", "/x%0" + string(c), "/%" + string(c) + "f/x"} {
			_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, PathPrefix: strings.TrimSuffix(path, "/")})
			if strings.ContainsRune(hex, c) {
				require.Error(t, err, path)
				assert.Equal(t, []corsrpc.ConfigError{{"PathPrefix", path, "is percent-encoded: write the decoded path"}}, mistakes(t, err))
			} else {
				assert.NoError(t, err, path)
			}
		}
	}
}

// Only a list of one may be of any origin.
func TestAnyOriginAmongOthers(t *testing.T) {
	t.Parallel()
	const reason = "makes the other origins of the list meaningless; list it alone, or leave it out"
	for _, tt := range []struct {
		origins []string
		want    []corsrpc.ConfigError
	}{
		{[]string{"*", app}, []corsrpc.ConfigError{{"Origins[0]", "*", reason}}},
		{[]string{app, "*"}, []corsrpc.ConfigError{{"Origins[1]", "*", reason}}},
		{[]string{"*", "*"}, []corsrpc.ConfigError{{"Origins[0]", "*", reason}, {"Origins[1]", "*", reason}}},
	} {
		_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, Origins: tt.origins})
		require.Error(t, err, tt.origins)
		assert.Equal(t, tt.want, mistakes(t, err), tt.origins)
	}
	newPolicy(t, corsrpc.Config{Audiences: noPages, Origins: []string{"*"}})
}

// Lists that would read the same without what separates their names are two.
func TestListsOfNamesAreKeptApart(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Protocols = []corsrpc.Protocol{}
	config.Overrides = map[string]corsrpc.Override{
		catalog + ".GetProduct":     {RequestHeaders: []string{"X", "1"}, ResponseHeaders: []string{"Y", "2"}},
		catalog + ".SearchProducts": {RequestHeaders: []string{"X1"}, ResponseHeaders: []string{"Y2"}},
	}
	policy := newPolicy(t, config)
	two, _ := policy.Rule(getProduct)
	assert.Equal(t, []string{"1", "X"}, two.RequestHeaders)
	assert.Equal(t, []string{"2", "X-Catalog-Version", "Y"}, two.ResponseHeaders)
	one, _ := policy.Rule("/" + catalog + "/SearchProducts")
	assert.Equal(t, []string{"X1"}, one.RequestHeaders)
	assert.Equal(t, []string{"Y2"}, one.ResponseHeaders)
}

// Keys and values of any length and content make errors that can be printed.
func TestConfigErrorsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20) + "\r\n"
	_, err := corsrpc.New(corsrpc.Config{
		Origins:        []string{long},
		RequestHeaders: []string{long, strings.Repeat("x", 257)},
		Services:       []string{long},
		Overrides:      map[string]corsrpc.Override{long: {Origins: []string{long}}},
		Audiences:      map[string][]string{"backoffice": {}, "storefront": {}, long: {long}},
		Resources:      map[string]corsrpc.Resource{long: {Methods: []string{long}}},
		PathPrefix:     long,
		Hosts:          []string{long},
	})
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 20_000)
	assert.NotContains(t, err.Error(), "\r")
	assert.Contains(t, err.Error(), "corsrpc: RequestHeaders[1]: \""+strings.Repeat("x", 256)+"\"... is too long for a header name")
	newPolicy(t, corsrpc.Config{Audiences: noPages, RequestHeaders: []string{strings.Repeat("x", 256)}})
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"api.example.com", "api.example.com:8443", "api.example.com:80", "api.example.com:443", "localhost", "127.0.0.1:3000", "[::1]", "[::1]:3000"} {
		newPolicy(t, corsrpc.Config{Audiences: noPages, Hosts: []string{host}})
	}
	for _, host := range []string{"", "API.example.com", "api.example.com.", "api.example.com:", "api.example.com:0", "*.example.com", "api.example.com:*", "::1", "a b", "user@api.example.com", "api.example.com/"} {
		_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, Hosts: []string{host}})
		assert.Error(t, err, host)
	}
}

// A mistake is reported once, where it stands, though several rules have it.
func TestMistakesAreReportedOnce(t *testing.T) {
	t.Parallel()
	_, err := corsrpc.New(corsrpc.Config{
		Credentials: true,
		Audiences:   map[string][]string{"backoffice": {"https://*.github.io"}, "storefront": {app, "https://*.github.io"}},
	})
	var fields []string
	for _, mistake := range mistakes(t, err) {
		fields = append(fields, mistake.Field)
	}
	assert.Equal(t, []string{`Audiences["backoffice"][0]`, `Audiences["storefront"][1]`}, fields, "the rule for unknown methods has both lists")

	_, err = corsrpc.New(corsrpc.Config{
		Origins: []string{"*"}, Credentials: true, MaxAge: time.Millisecond,
		Services:  []string{catalog},
		Overrides: map[string]corsrpc.Override{catalog: {Credentials: corsrpc.Off}},
	})
	fields = nil
	for _, mistake := range mistakes(t, err) {
		fields = append(fields, mistake.Field)
	}
	assert.Equal(t, []string{"MaxAge"}, fields, "no service has credentials")

}

func TestRepeatedMethods(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, corsrpc.Config{Audiences: noPages, Resources: map[string]corsrpc.Resource{"/x": {Origins: []string{app}, Methods: []string{"PUT", "DELETE", "PUT"}}}})
	assert.Equal(t, []string{"PUT, DELETE"}, exchange(policy, newPreflight("/x", app, "PUT")).header["Access-Control-Allow-Methods"])
}

func TestServiceInBothLists(t *testing.T) {
	t.Parallel()
	_, err := corsrpc.New(corsrpc.Config{Audiences: noPages, Services: []string{catalog}, Except: []string{catalog}})
	assert.Equal(t, []corsrpc.ConfigError{{"Except[0]", catalog, "is listed in Services too: take it out of one of them"}}, mistakes(t, err))
}

// An audience that Config does not have is a mistake, since a typing error in a
// label looks the same.
func TestAudiences(t *testing.T) {
	t.Parallel()
	missing := func(label, procedure string) corsrpc.ConfigError {
		return corsrpc.ConfigError{Field: `Audiences["` + label + `"]`, Problem: "is missing: the schema names this audience for " + procedure + "; list its origins, or write {} if no page may call"}
	}
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		want   []corsrpc.ConfigError
	}{
		{"of a service that is named", corsrpc.Config{Services: []string{admin, catalog}}, []corsrpc.ConfigError{missing("backoffice", setPrice), missing("storefront", reportProduct)}},
		{"of all services", corsrpc.Config{}, []corsrpc.ConfigError{missing("backoffice", setPrice), missing("storefront", reportProduct)}},
		{"of several methods: once", corsrpc.Config{Services: []string{cart}}, []corsrpc.ConfigError{missing("storefront", addItem)}},
		{"a typing error in the label", corsrpc.Config{Services: []string{admin}, Audiences: map[string][]string{"backofice": {console}, "storefront": {shopper}}}, []corsrpc.ConfigError{missing("backoffice", setPrice)}},
		{"of a service that is closed", corsrpc.Config{Services: []string{catalog}}, nil},
		{"of a service that another policy owns", corsrpc.Config{Except: []string{admin, cart}}, nil},
		{"that an Override replaces", corsrpc.Config{Services: []string{admin}, Audiences: map[string][]string{"backoffice": {}}, Overrides: map[string]corsrpc.Override{admin + ".ReportProduct": {Origins: []string{app}}}}, nil},
		{"that an Override of another level does not replace", corsrpc.Config{Services: []string{admin}, Overrides: map[string]corsrpc.Override{admin: {Origins: []string{app}}}}, []corsrpc.ConfigError{missing("storefront", reportProduct)}},
		{"of methods that an Override makes internal", corsrpc.Config{Services: []string{admin}, Overrides: map[string]corsrpc.Override{admin: {Internal: true}}}, nil},
		{"none is missing: an empty list is one, nil too", corsrpc.Config{Services: []string{admin}, Audiences: map[string][]string{"backoffice": {}, "storefront": nil}}, nil},
		{"none is missing: one more", corsrpc.Config{Services: []string{catalog}, Audiences: map[string][]string{"nobody": {app}}}, nil},
	} {
		_, err := corsrpc.New(tt.config)
		if tt.want == nil {
			assert.NoError(t, err, tt.name)
			continue
		}
		require.Error(t, err, tt.name)
		assert.Equal(t, tt.want, mistakes(t, err), tt.name)
	}

	config := corsrpc.Config{Origins: []string{app}, Audiences: noPages}
	policy := newPolicy(t, config)
	assert.False(t, exchange(policy, newRequest("POST", setPrice, "Origin", app)).ran, "no page may call")
	assert.Equal(t, `add "https://app.example.com" to Audiences["backoffice"]`, policy.Evaluate(newRequest("POST", setPrice, "Origin", app)).Fix)
}

// Method before service before Config, an Override before the schema at one
// level; lists add up.
func TestResolution(t *testing.T) {
	t.Parallel()
	const o1, o2 = "https://one.example.com", "https://two.example.com"
	for _, tt := range []struct {
		name      string
		overrides map[string]corsrpc.Override
		procedure string
		want      []string
	}{
		{"Config", nil, getProduct, []string{app}},
		{"service's schema", nil, setPrice, []string{console}},
		{"method's schema before service's schema", nil, reportProduct, []string{shopper}},
		{"service's override before Config", map[string]corsrpc.Override{catalog: {Origins: []string{o1}}}, getProduct, []string{o1}},
		{"service's override before service's schema", map[string]corsrpc.Override{admin: {Origins: []string{o1}}}, setPrice, []string{o1}},
		{"method's schema before service's override", map[string]corsrpc.Override{admin: {Origins: []string{o1}}}, reportProduct, []string{shopper}},
		{"method's override before method's schema", map[string]corsrpc.Override{admin: {Origins: []string{o1}}, admin + ".ReportProduct": {Origins: []string{o2}}}, reportProduct, []string{o2}},
		{"nil inherits", map[string]corsrpc.Override{catalog: {Origins: []string{o1}}, catalog + ".GetProduct": {}}, getProduct, []string{o1}},
		{"empty allows no page", map[string]corsrpc.Override{catalog + ".GetProduct": {Origins: []string{}}}, getProduct, nil},
	} {
		config := shopConfig()
		config.Overrides = tt.overrides
		rule, ok := newPolicy(t, config).Rule(tt.procedure)
		require.True(t, ok)
		assert.Equal(t, tt.want, rule.Origins, tt.name)
	}

	config := shopConfig()
	config.Protocols = []corsrpc.Protocol{}
	config.RequestHeaders, config.ResponseHeaders, config.ResponseTrailers = []string{"q-config"}, []string{"h-config", "etag", "ETag"}, []string{"t-config"}
	config.Overrides = map[string]corsrpc.Override{
		cart:              {RequestHeaders: []string{"q-service"}, ResponseHeaders: []string{"h-service"}, ResponseTrailers: []string{"t-service"}, Credentials: corsrpc.On, ReportOnly: corsrpc.On},
		cart + ".AddItem": {RequestHeaders: []string{"q-method"}, ResponseHeaders: []string{"h-method"}, ResponseTrailers: []string{"t-method"}, ReportOnly: corsrpc.Off},
	}
	none, _ := newPolicy(t, config).Rule(addItem)
	assert.Equal(t, []string{"Authorization", "Q-Config", "Q-Method", "Q-Service", "X-Tenant-Id"}, none.RequestHeaders)
	assert.Equal(t, []string{"Etag", "H-Config", "H-Method", "H-Service", "X-Request-Id"}, none.ResponseHeaders)
	assert.True(t, none.Credentials)
	assert.False(t, none.ReportOnly)
	tracked, _ := newPolicy(t, config).Rule("/" + cart + "/TrackOrder")
	assert.True(t, tracked.ReportOnly)

	lists := func(protocol corsrpc.Protocol) corsrpc.Rule {
		config.Protocols = []corsrpc.Protocol{protocol}
		rule, _ := newPolicy(t, config).Rule(addItem)
		return rule
	}
	assert.Subset(t, lists(corsrpc.Connect).ResponseHeaders, []string{"Trailer-T-Config", "Trailer-T-Method", "Trailer-T-Service", "Trailer-X-Cost"})
	assert.NotContains(t, lists(corsrpc.Connect).ResponseHeaders, "Grpc-Status")
	assert.NotContains(t, lists(corsrpc.Connect).ResponseHeaders, "X-Cost")
	assert.Subset(t, lists(corsrpc.GRPCWeb).ResponseHeaders, []string{"Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin", "T-Config", "T-Method", "T-Service", "X-Cost"})
	assert.NotContains(t, lists(corsrpc.GRPCWeb).ResponseHeaders, "Trailer-X-Cost")
	assert.Equal(t, none.ResponseHeaders, lists(corsrpc.GRPC).ResponseHeaders)
	assert.Contains(t, lists(corsrpc.GRPC).RequestHeaders, "Grpc-Timeout")
	config.Protocols = []corsrpc.Protocol{corsrpc.GRPCWeb}
	rule, _ := newPolicy(t, config).Rule(getProduct)
	assert.Equal(t, []string{"POST"}, rule.Methods, "GET is Connect's alone")
}

// The strictest of the methods' rules where they differ.
func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Overrides = map[string]corsrpc.Override{
		admin:                    {Origins: []string{"https://*.example.com", "https://a.test", "https://b.test"}, Credentials: corsrpc.On, ReportOnly: corsrpc.On},
		admin + ".ReportProduct": {Origins: []string{"https://b.test", "https://*.shop.example.com", console}, Credentials: corsrpc.Off, ReportOnly: corsrpc.Off},
	}
	rule, ok := newPolicy(t, config).Rule("/" + admin + "/Newer")
	require.True(t, ok)
	assert.Equal(t, "/"+admin+"/", rule.Path)
	assert.ElementsMatch(t, []string{"https://b.test", "https://*.shop.example.com", console}, rule.Origins)
	assert.False(t, rule.Credentials)
	assert.False(t, rule.ReportOnly)
	assert.False(t, rule.Internal)

	rule, _ = newPolicy(t, shopConfig()).Rule("/" + cart + "/Newer")
	assert.True(t, rule.Internal, "one method is")

	for _, tt := range []struct {
		name        string
		first, last corsrpc.Switch
		want        bool
	}{
		{"all methods have it, the service has not", corsrpc.On, corsrpc.On, true},
		{"the first has not", corsrpc.Off, corsrpc.On, false},
		{"the last has not", corsrpc.On, corsrpc.Off, false},
	} {
		config.Overrides = map[string]corsrpc.Override{
			admin + ".SetPrice":      {Credentials: tt.first, ReportOnly: tt.first},
			admin + ".ReportProduct": {Credentials: tt.last, ReportOnly: tt.last},
		}
		rule, _ = newPolicy(t, config).Rule("/" + admin + "/Newer")
		assert.Equal(t, tt.want, rule.Credentials, tt.name)
		assert.Equal(t, tt.want, rule.ReportOnly, tt.name)
	}

	// What is exposed is what a unary method exposes.
	config.Overrides, config.Protocols = nil, []corsrpc.Protocol{corsrpc.Connect}
	config.ResponseHeaders, config.ResponseTrailers = []string{"X-A", "Expires"}, []string{"X-Cost", "Expires"}
	rule, _ = newPolicy(t, config).Rule("/" + catalog + "/Newer")
	assert.Equal(t, []string{"POST"}, rule.Methods)
	assert.Equal(t, []string{"Trailer-Expires", "Trailer-X-Cost", "X-A"}, rule.ResponseHeaders, "a safelisted name has to be exposed as a trailer of Connect")
	config.Protocols = []corsrpc.Protocol{corsrpc.GRPCWeb}
	rule, _ = newPolicy(t, config).Rule("/" + catalog + "/Newer")
	assert.Equal(t, []string{"Grpc-Message", "Grpc-Status", "Grpc-Status-Details-Bin", "X-A", "X-Cost"}, rule.ResponseHeaders, "and not as one of gRPC-Web")
	config.Protocols, config.ResponseHeaders, config.ResponseTrailers = nil, nil, nil

	config.Overrides = map[string]corsrpc.Override{admin + ".ReportProduct": {Origins: []string{"*"}}}
	rule, _ = newPolicy(t, config).Rule("/" + admin + "/Newer")
	assert.Equal(t, []string{console}, rule.Origins)
}

func TestServicesAndExcept(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.Except = []string{cart}
	policy := newPolicy(t, config)
	assert.Equal(t, corsrpc.KindUngoverned, policy.Evaluate(newRequest("POST", addItem, "Origin", evil)).Kind)
	assert.True(t, exchange(policy, newPreflight(addItem, evil, "POST")).ran, "left alone entirely")
	assert.False(t, exchange(policy, newRequest("POST", getProduct, "Origin", evil)).ran)

	config = shopConfig()
	config.Services = []string{cart}
	policy = newPolicy(t, config)
	assert.Equal(t, refusal(corsrpc.ReasonNotConfigured), exchange(policy, newRequest("POST", getProduct, "Origin", shopper)), "closed")
	assert.Equal(t, refusal(corsrpc.ReasonOriginNotAllowed), exchange(policy, newRequest("POST", addItem, "Origin", evil)))
	assert.True(t, exchange(policy, newRequest("POST", addItem, "Origin", shopper)).ran)
}

// Files with services of their own; those of the frameworks are governed only
// by name.
func TestFiles(t *testing.T) {
	t.Parallel()
	file := func(pkg string, options *descriptorpb.MethodOptions) *descriptorpb.FileDescriptorProto {
		return &descriptorpb.FileDescriptorProto{
			Name: proto.String(pkg + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3"),
			Dependency:  []string{"google/protobuf/empty.proto"},
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
			Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{{
				Name: proto.String("M"), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"), Options: options,
			}}}},
		}
	}
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, corsrpcv1.E_Method, &corsrpcv1.MethodOptions{RequestHeaders: []string{"cookie"}, ResponseHeaders: []string{"set-cookie2"}, ResponseTrailers: []string{"x-dynamic", "set-cookie"}})
	files := new(protoregistry.Files)
	for _, fd := range []*descriptorpb.FileDescriptorProto{file("app", nil), file("grpc.acme.v1", nil), file("grpc.health.v1", nil), file("connectext.grpc.reflection.v1", nil), file("google.x", nil), file("google.y", nil), file("grpcish", nil)} {
		d, err := protodesc.NewFile(fd, protoregistry.GlobalFiles)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(d))
	}
	var paths []string
	for rule := range newPolicy(t, corsrpc.Config{Files: files, Services: []string{"*", "google.x.S"}}).Rules() {
		paths = append(paths, rule.Path)
	}
	assert.Equal(t, []string{"/app.S/", "/app.S/M", "/google.x.S/", "/google.x.S/M", "/grpc.acme.v1.S/", "/grpc.acme.v1.S/M", "/grpcish.S/", "/grpcish.S/M"}, paths)

	// The schema's mistakes name the option.
	const cookie = "is never shown to pages and cannot be set by them; for cookies, set Credentials"
	wrong := file("app", options)
	wrong.Service[0].Options = &descriptorpb.ServiceOptions{}
	proto.SetExtension(wrong.Service[0].Options, corsrpcv1.E_Service, &corsrpcv1.ServiceOptions{ResponseHeaders: []string{"x-a", "set-cookie"}})
	files = new(protoregistry.Files)
	d, err := protodesc.NewFile(wrong, protoregistry.GlobalFiles)
	require.NoError(t, err)
	require.NoError(t, files.RegisterFile(d))
	_, err = corsrpc.New(corsrpc.Config{Files: files})
	assert.Equal(t, []corsrpc.ConfigError{
		{"(corsrpc.v1.service).response_headers[1] of app.S", "set-cookie", cookie},
		{"(corsrpc.v1.method).request_headers[0] of app.S.M", "cookie", "is a forbidden request header, which browsers let no page set: leave it out"},
		{"(corsrpc.v1.method).response_headers[0] of app.S.M", "set-cookie2", cookie},
		{"(corsrpc.v1.method).response_trailers[1] of app.S.M", "set-cookie", cookie},
	}, mistakes(t, err))

	files = new(protoregistry.Files)
	d, err = protodesc.NewFile(file("app", nil), protoregistry.GlobalFiles)
	require.NoError(t, err)
	require.NoError(t, files.RegisterFile(d))
	_, err = corsrpc.New(corsrpc.Config{Files: files, Except: []string{"app.S"}})
	assert.Equal(t, []corsrpc.ConfigError{{"Services", "",
		"has no service that is not in Except, and there are no Resources, so nothing is left to govern; take one out of Except, or import the generated code of more"}}, mistakes(t, err))
}

// A service need not have a package.
func TestServiceWithoutPackage(t *testing.T) {
	t.Parallel()
	d, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("bare.proto"), Syntax: proto.String("proto3"), Dependency: []string{"google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Echo"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: proto.String("Say"), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"),
		}}}},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(d))
	policy := newPolicy(t, corsrpc.Config{Files: files, Origins: []string{app}})
	assert.True(t, policy.Evaluate(newPreflight("/Echo/Say", app, "POST")).Allowed)
	misplaced := policy.Evaluate(newPreflight("/v1/Echo/Say", app, "POST"))
	assert.Equal(t, corsrpc.ReasonWrongPathPrefix, misplaced.Reason)
	assert.Equal(t, "/Echo/Say", misplaced.Procedure)
	assert.Equal(t, `set PathPrefix to "/v1"`, misplaced.Fix)
}

// Services that the shop has none of.
func TestUnknownMethodsOfOtherServices(t *testing.T) {
	t.Parallel()
	service := func(name string, methods ...*corsrpcv1.MethodOptions) *descriptorpb.ServiceDescriptorProto {
		s := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name)}
		for i, options := range methods {
			m := &descriptorpb.MethodDescriptorProto{
				Name: proto.String("M" + strconv.Itoa(i)), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"),
				Options: &descriptorpb.MethodOptions{},
			}
			proto.SetExtension(m.Options, corsrpcv1.E_Method, options)
			s.Method = append(s.Method, m)
		}
		return s
	}
	none, internal, guests := &corsrpcv1.MethodOptions{}, &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}, &corsrpcv1.MethodOptions{Audience: "guests"}
	d, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("x.proto"), Package: proto.String("x"), Syntax: proto.String("proto3"), Dependency: []string{"google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{
			service("NoMethods"), service("OneMethod", none), service("InternalFirst", internal, none), service("OneAudience", guests, guests),
		},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(d))
	policy := newPolicy(t, corsrpc.Config{Files: files, Origins: []string{app}, Audiences: map[string][]string{"guests": {}}, Overrides: map[string]corsrpc.Override{
		"x.OneMethod.M0": {Origins: []string{shopper}, Credentials: corsrpc.On, ReportOnly: corsrpc.On},
	}})
	for _, tt := range []struct {
		service                           string
		origins                           []string
		credentials, reportOnly, internal bool
	}{
		{"NoMethods", []string{app}, false, false, false},
		{"OneMethod", []string{shopper}, true, true, false},
		{"InternalFirst", nil, false, false, true},
		{"OneAudience", nil, false, false, false},
	} {
		rule, ok := policy.Rule("/x." + tt.service + "/Newer")
		require.True(t, ok, tt.service)
		assert.Equal(t, tt.origins, rule.Origins, tt.service)
		assert.Equal(t, tt.credentials, rule.Credentials, tt.service)
		assert.Equal(t, tt.reportOnly, rule.ReportOnly, tt.service)
		assert.Equal(t, tt.internal, rule.Internal, tt.service)
	}
	decision := policy.Evaluate(newRequest("POST", "/x.OneAudience/Newer", "Origin", app))
	assert.Equal(t, `add "https://app.example.com" to Audiences["guests"]`, decision.Fix, "which all its methods have")
}

// Options that cannot be read are mistakes, one each.
func TestUnreadableOptions(t *testing.T) {
	t.Parallel()
	files := new(protoregistry.Files)
	for _, name := range []string{"one", "two"} {
		options := &descriptorpb.ServiceOptions{}
		// Field 57417894, (corsrpc.v1.service), as a varint.
		options.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 57417894, protowire.VarintType), 1))
		d, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: proto.String(name + ".proto"), Package: proto.String(name), Syntax: proto.String("proto3"),
			Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Options: options}},
		}, nil)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(d))
	}
	_, err := corsrpc.New(corsrpc.Config{Files: files})
	found := mistakes(t, err)
	require.Len(t, found, 2)
	for i, name := range []string{"one.S", "two.S"} {
		assert.Equal(t, "Files", found[i].Field)
		assert.Empty(t, found[i].Value)
		assert.Contains(t, found[i].Problem, name)
	}
}

func TestConfigIsReadOnce(t *testing.T) {
	t.Parallel()
	denied := func(context.Context, corsrpc.Decision) {}
	full := func() corsrpc.Config {
		config := shopConfig()
		config.RequestHeaders, config.ResponseHeaders, config.ResponseTrailers = []string{"A"}, []string{"B"}, []string{"C"}
		config.Protocols, config.Services, config.Except, config.Hosts = []corsrpc.Protocol{corsrpc.Connect}, []string{"*"}, []string{admin}, []string{"api.example.com"}
		config.Overrides = map[string]corsrpc.Override{cart: {Origins: []string{app}, RequestHeaders: []string{"D"}, ResponseHeaders: []string{"E"}, ResponseTrailers: []string{"F"}}}
		config.Resources = map[string]corsrpc.Resource{"/r": {Origins: []string{app}, Methods: []string{"PUT"}, RequestHeaders: []string{"G"}, ResponseHeaders: []string{"H"}}}
		return config
	}
	vandalize := func(c corsrpc.Config) {
		o, r := c.Overrides[cart], c.Resources["/r"]
		for _, list := range [][]string{c.Origins, c.RequestHeaders, c.ResponseHeaders, c.ResponseTrailers, c.Services, c.Except, c.Hosts, c.Audiences["storefront"],
			o.Origins, o.RequestHeaders, o.ResponseHeaders, o.ResponseTrailers, r.Origins, r.Methods, r.RequestHeaders, r.ResponseHeaders} {
			list[0] = evil
		}
		c.Protocols[0] = 77
		c.Overrides["x"], c.Resources["x"], c.Audiences["x"] = corsrpc.Override{}, corsrpc.Resource{}, nil
	}
	config := full()
	policy := newPolicy(t, config)
	vandalize(config)
	assert.Equal(t, full(), policy.Config())
	vandalize(policy.Config())
	assert.Equal(t, full(), policy.Config())

	before := rulesOf(policy)
	require.NoError(t, policy.Update(policy.Config()))
	assert.Equal(t, before, rulesOf(policy))
	assert.Equal(t, full(), policy.Config())

	config = full()
	config.OnDecision, config.Files = denied, protoregistry.GlobalFiles
	policy = newPolicy(t, config)
	assert.NotNil(t, policy.Config().OnDecision)
	assert.Same(t, protoregistry.GlobalFiles, policy.Config().Files)
}

func TestConfigErrorText(t *testing.T) {
	t.Parallel()
	err := error(&corsrpc.ConfigError{Field: "Origins[0]", Value: "a\r\nb\xff" + strings.Repeat("x", 1000), Problem: "is bad"})
	assert.Equal(t, `corsrpc: Origins[0]: "a\r\nb\xff`+strings.Repeat("x", 251)+`"... is bad`, err.Error())
	assert.Equal(t, "corsrpc: Services: is bad", (&corsrpc.ConfigError{Field: "Services", Problem: "is bad"}).Error())
	mistake, ok := errors.AsType[*corsrpc.ConfigError](errors.Join(err))
	assert.True(t, ok)
	assert.Equal(t, "Origins[0]", mistake.Field)
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]struct {
		line string
		rule time.Duration
	}{
		0:                       {"7200", 2 * time.Hour},
		-1:                      {"0", 0},
		-time.Hour:              {"0", 0},
		time.Second:             {"1", time.Second},
		1999 * time.Millisecond: {"1", time.Second},
		24 * time.Hour:          {"86400", 24 * time.Hour},
	} {
		config := shopConfig()
		config.MaxAge = age
		policy := newPolicy(t, config)
		assert.Equal(t, want.line, exchange(policy, newPreflight(getProduct, app, "POST")).header.Get("Access-Control-Max-Age"), age)
		rule, _ := policy.Rule(getProduct)
		assert.Equal(t, want.rule, rule.MaxAge, "%s: what is sent is what the Rule says", age)
	}
	for _, age := range []time.Duration{1, time.Second - 1, 24*time.Hour + 1} {
		config := shopConfig()
		config.MaxAge = age
		_, err := corsrpc.New(config)
		require.Error(t, err, age)
		assert.Equal(t, []corsrpc.ConfigError{{"MaxAge", age.String(), "is out of range: write 1s to 24h, such as 2 * time.Hour, 0 for two hours, or a negative value to prevent caching"}}, mistakes(t, err))
	}
}

func TestHeaderBundles(t *testing.T) {
	t.Parallel()
	config := shopConfig()
	config.RequestHeaders = append(corsrpc.TraceContextHeaders(), corsrpc.B3Headers()...)
	rule, _ := newPolicy(t, config).Rule(getProduct)
	assert.Subset(t, rule.RequestHeaders, []string{"Traceparent", "Tracestate", "Baggage", "B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags"})
	corsrpc.TraceContextHeaders()[0] = "vandal"
	assert.Equal(t, "Traceparent", corsrpc.TraceContextHeaders()[0])
}

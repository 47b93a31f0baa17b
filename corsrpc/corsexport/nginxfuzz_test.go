package corsexport

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// Whatever is printed loads, or a Refusal says why not. With a long Prefix, nginx
// can warn that it makes its table of variables larger.
func FuzzNginxLoads(f *testing.F) {
	proxies.RequireNginx(f)
	for _, seed := range [][6]string{
		{"corsrpc", app, "/fonts/{x}/", "X-Name", "api.example.com", "/v1/products/*:read"},
		{"p", "http://[::1]:*", `/a"b'c$d;e{f}#g`, "X-$'`|~", "localhost:8080", "/v1/$uri/**"},
		{"HTTP_upstream", "https://*.example.com:8443", "/a\nb\\c/", "default", "1.2.3.4", "/**:a:b"},
		{"a b;", "capacitor://$host_[x]~.:", "/~^(.*)+[/", "hostnames", "a..b", "/%7B*/**"},
		{"$x", "app://" + strings.Repeat("x", 5000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 4500), "x", "/" + strings.Repeat("sk/", 31) + "x"},
		{"include", "app://volatile", "/volatile/default", "*", "default", "/" + strings.Repeat("s", 2000)},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, prefix, o, path, name, host, template string) {
		checkNginxLoads(t, prefix, o, path, name, host, template)
	})
}

// Texts of characters that mean something to nginx or to expressions.
func TestNginxLoadsSpecialCharacters(t *testing.T) {
	t.Parallel()
	draws := uint64(60)
	if *edgeAll {
		draws = 3000
	}
	printed := 0
	for seed := range draws {
		r := rand.New(rand.NewPCG(seed, 19))
		prefix := "corsrpc"
		if chance(r, 4) {
			prefix = someText(r, specialCharacters)
		}
		o, path, name, host, template := specialTexts(r)
		if checkNginxLoads(t, prefix, o, path, name, host, template) {
			printed++
		}
	}
	assert.Greater(t, printed, int(draws/4))
}

// Characters that mean something to proxies or to expressions, and such of a token.
const (
	specialCharacters = "abcXYZ019 \t\n\"'`$;{}#\\()[]*+?.|^~!&%@:=,<>/-_\xc3\xbc"
	specialToken      = "aZ9$'`|~!#%&*+-.^_"
)

// someText returns a text of some characters.
func someText(r *rand.Rand, characters string) string {
	var b strings.Builder
	for range 1 + r.IntN(20) {
		b.WriteByte(characters[r.IntN(len(characters))])
	}
	return b.String()
}

// specialTexts are the arguments of policyOf, of special characters.
func specialTexts(r *rand.Rand) (o, path, name, host, template string) {
	return "app://" + someText(r, "aZ9.-_~:[]"), "/" + someText(r, specialCharacters) + "/{x}/" + someText(r, specialCharacters),
		someText(r, specialToken), someText(r, "abc.-_019") + ":8080", "/" + someText(r, "aZ9-._~!$&'()+,;=:@*") + "/**"
}

// policyOf makes a policy of texts, without those that New does not take. The name
// is that of headers, and of a method unless methods are given.
func policyOf(t testing.TB, o, path, name, host, template string, methods ...string) *corsrpc.Policy {
	t.Helper()
	if methods == nil {
		methods = []string{name}
	}
	config := corsrpc.Config{
		Origins:         []string{o, app},
		RequestHeaders:  []string{name},
		ResponseHeaders: []string{name},
		Hosts:           []string{host},
		RequireHosts:    true,
		Audiences:       map[string][]string{"storefront": nil, "backoffice": {o}},
		REST:            corsrpc.RESTGateway,
		Bindings:        map[string][]string{catalog + ".GetProduct": {"POST " + template}},
		Resources:       map[string]corsrpc.Resource{path: {Origins: []string{o}, Methods: methods, RequestHeaders: []string{name}}},
		PathPrefix:      pathPrefix(path),
	}
	policy, err := corsrpc.New(config)
	for range 5 { // without what it does not take
		var mistake *corsrpc.ConfigError
		if !errors.As(err, &mistake) {
			break
		}
		switch field, _, _ := strings.Cut(mistake.Field, "["); field {
		case "Origins", "Audiences":
			config.Origins, config.Audiences["backoffice"] = nil, nil
			config.Resources = nil
		case "Resources":
			config.Resources = nil
		case "RequestHeaders", "ResponseHeaders":
			config.RequestHeaders, config.ResponseHeaders = nil, nil
		case "Hosts", "RequireHosts":
			config.Hosts, config.RequireHosts = nil, false
		case "PathPrefix":
			config.PathPrefix = ""
		default:
			config.REST, config.Bindings = corsrpc.RESTNone, nil
		}
		policy, err = corsrpc.New(config)
	}
	require.NoError(t, err)
	return policy
}

// checkNginxLoads makes a policy of texts and reports whether nginx can have it.
func checkNginxLoads(t testing.TB, prefix, o, path, name, host, template string) bool {
	t.Helper()
	// nginx takes few methods.
	export, err := Nginx(policyOf(t, o, path, name, host, template, "X-PUT_IT"), Options{Prefix: prefix})
	if err != nil {
		checkRefusals(t, err)
		return false
	}
	http, server := nginxConfig(t, export, "http://127.0.0.1:1", "")
	output, err := proxies.CheckNginx(t, http, server)
	assert.NoError(t, err, "%s", output)
	assert.NotContains(t, variablesWarning.ReplaceAllString(output, ""), "[warn]")
	return true
}

var variablesWarning = regexp.MustCompile(`\[warn\] [0-9#]+: could not build optimal variables_hash`)

// pathPrefix makes a PathPrefix of a path.
func pathPrefix(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first == "" {
		return ""
	}
	return "/" + first
}

// checkRefusals checks that an error consists of complete Refusals.
func checkRefusals(t testing.TB, err error) []*Refusal {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%T", err)
	var all []*Refusal
	for _, err := range joined.Unwrap() {
		var refusal *Refusal
		require.True(t, errors.As(err, &refusal), "%v", err)
		assert.NotEmpty(t, refusal.Field, err)
		assert.NotEmpty(t, refusal.Problem, err)
		assert.NotEmpty(t, refusal.Fix, err)
		assert.NotContains(t, err.Error(), "\n")
		all = append(all, refusal)
	}
	return all
}

// Random policies load without a warning.
func TestNginxLoads(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		policy, err := newPolicy(someConfig(rand.New(rand.NewPCG(seed, 18))))
		require.NoError(t, err)
		export, err := Nginx(policy, Options{})
		if err != nil {
			checkRefusals(t, err)
			continue
		}
		http, server := nginxConfig(t, export, "http://127.0.0.1:1", "")
		output, err := proxies.CheckNginx(t, http, server)
		assert.NoError(t, err, "%s", output)
		assert.NotContains(t, output, "[warn]")
	}
}

package envoytest

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// Whatever is printed validates, or a Refusal says why not.
func FuzzValidates(f *testing.F) {
	for _, seed := range [][6]string{
		{"corsrpc", app, "/fonts/{x}/", "X-Name", host, "shop"},
		{"p", "http://[::1]:*", `/a"b'c$d;e{f}#g`, "X-$'`|~%REQ(X)%", "localhost:8080", "a: b"},
		{"HTTP", "https://*.example.com:8443", "/a\nb\\c/", "default", "1.2.3.4", "- &a *b"},
		{"a b;", "capacitor://$host_[x]~.:", "/~^(.*)+[/", "null", "a..b", "a\nb"},
		{"x", "app://" + strings.Repeat("x", 5000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 4500), "x", strings.Repeat("x", 300)},
		{"no", "app://yes", "/\xff\xfe/", "*", "null", "\xff"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, prefix, o, path, name, host, upstream string) {
		checkValidates(t, prefix, o, path, name, host, upstream)
	})
}

// Texts of characters that mean something to YAML, to expressions or to formats.
func TestValidates(t *testing.T) {
	t.Parallel()
	const draws = 60
	printed := 0
	for seed := range uint64(draws) {
		r := rand.New(rand.NewPCG(seed, 19))
		text := func(characters string) string {
			var b strings.Builder
			for range 1 + r.IntN(20) {
				b.WriteByte(characters[r.IntN(len(characters))])
			}
			return b.String()
		}
		const all = "abcXYZ019 \t\n\"'`$;{}#\\()[]*+?.|^~!&%@:=,<>/-_\xc3\xbc"
		const token = "aZ9$'`|~!#%&*+-.^_"
		prefix, upstream := "corsrpc", "shop"
		if chance(r, 4) {
			prefix = text(all)
		}
		if chance(r, 4) {
			upstream = text(all)
		}
		if checkValidates(t, prefix, "app://"+text("aZ9.-_~:[]"), "/"+text(all)+"/{x}/"+text(all), text(token), text("abc.-_019")+":8080", upstream) {
			printed++
		}
	}
	assert.Greater(t, printed, draws/4)
}

// makePolicy makes a policy of texts, without those that New does not take.
func makePolicy(t testing.TB, o, path, name, host string) *corsrpc.Policy {
	t.Helper()
	config := corsrpc.Config{
		Services:        shopServices,
		Origins:         []string{o, app},
		RequestHeaders:  []string{name},
		ResponseHeaders: []string{name},
		Hosts:           []string{host},
		RequireHosts:    true,
		Audiences:       map[string][]string{"storefront": nil, "backoffice": {o}},
		Resources:       map[string]corsrpc.Resource{path: {Origins: []string{o}, Methods: []string{name}, RequestHeaders: []string{name}}},
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); first != "" {
		config.PathPrefix = "/" + first
	}
	policy, err := corsrpc.New(config)
	for range 5 { // without what it does not take
		var mistake *corsrpc.ConfigError
		if !errors.As(err, &mistake) {
			break
		}
		switch field, _, _ := strings.Cut(mistake.Field, "["); field {
		case "Origins", "Audiences":
			config.Origins, config.Audiences["backoffice"], config.Resources = nil, nil, nil
		case "Resources":
			config.Resources = nil
		case "RequestHeaders", "ResponseHeaders":
			config.RequestHeaders, config.ResponseHeaders = nil, nil
		case "Hosts", "RequireHosts":
			config.Hosts, config.RequireHosts = []string{}, false
		case "PathPrefix":
			config.PathPrefix = ""
		}
		policy, err = corsrpc.New(config)
	}
	require.NoError(t, err)
	return policy
}

// checkValidates reports whether Envoy can have a policy of texts.
func checkValidates(t testing.TB, prefix, o, path, name, host, upstream string) bool {
	t.Helper()
	policy := makePolicy(t, o, path, name, host)
	export, err := corsexport.Envoy(policy, corsexport.Options{Prefix: prefix, Upstream: upstream})
	if err != nil {
		checkRefusals(t, err)
		return false
	}
	routes := readRoutes(t, export)
	assert.Equal(t, prefix, routes.Name)
	for _, route := range routes.VirtualHosts[0].Routes {
		checkKnown(t, route)
		checkExpressions(t, route.Match)
		if action := route.GetRoute(); action != nil {
			assert.Equal(t, upstream, action.GetCluster())
		}
	}
	return true
}

// checkExpressions checks that expressions compile.
func checkExpressions(t testing.TB, match *routev3.RouteMatch) {
	t.Helper()
	for _, expression := range append(headerExpressions(match), match.GetSafeRegex().GetRegex()) {
		_, err := regexp.Compile(expression)
		require.NoError(t, err)
	}
}

func headerExpressions(match *routev3.RouteMatch) []string {
	var all []string
	for _, header := range match.Headers {
		all = append(all, header.GetStringMatch().GetSafeRegex().GetRegex())
	}
	return all
}

// checkRefusals checks that an error consists of complete Refusals.
func checkRefusals(t testing.TB, err error) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%T", err)
	for _, err := range joined.Unwrap() {
		var refusal *corsexport.Refusal
		require.True(t, errors.As(err, &refusal), "%v", err)
		assert.NotEmpty(t, refusal.Field, err)
		assert.NotEmpty(t, refusal.Problem, err)
		assert.NotEmpty(t, refusal.Fix, err)
		assert.NotContains(t, err.Error(), "\n")
	}
}

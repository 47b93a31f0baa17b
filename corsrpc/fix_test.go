package corsrpc_test

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Whoever does what Fix says, to the letter, has a Config that New takes, and
// the request no longer fails for that cause.
func TestFixesWork(t *testing.T) {
	t.Parallel()
	done := map[string]int{}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		config := someConfig(r)
		policy := newPolicy(t, config)
		for range 60 {
			request := someRequest(r)
			request.Header.Del("Access-Control-Request-Headers")
			for _, list := range some(r, []string{"content-type", "x-a,x-b", "X-C", "authorization", "cookie", "x y"}, 2) {
				request.Header.Add("Access-Control-Request-Headers", list)
			}
			if path := pick(r, []string{"", "", "/v1", "/{v}"}); strings.HasPrefix(request.URL.Path, "/") {
				request.URL = &url.URL{Path: path + request.URL.Path}
			}
			before := policy.Evaluate(request)
			if before.Fix == "" {
				continue
			}
			fixed, err := corsrpc.New(apply(t, before.Fix, config))
			if before.Reason == corsrpc.ReasonCredentialsNotAllowed && err != nil {
				// Another rule lists "*", which New reports.
				require.ErrorContains(t, err, `"*" lets every page of the web call`, before.Fix)
				continue
			}
			require.NoError(t, err, before.Fix)
			after := fixed.Evaluate(request)
			same := !after.Allowed && before.Reason == after.Reason && before.Procedure == after.Procedure
			allows := before.Reason == corsrpc.ReasonOriginNotAllowed && before.Kind == corsrpc.KindCrossOrigin && len(request.Header["Cookie"]) == 0 && before.Path == request.URL.Path
			if same || allows && !after.Allowed {
				require.Fail(t, "the cause is not removed", "%+v\n%+v\n%s", before, after, describe(config, request))
			}
			done[before.Reason.Code()]++
			if strings.HasSuffix(before.Fix, " = {}") {
				done["resource"]++
			}
		}
	}
	for _, reason := range []corsrpc.Reason{
		corsrpc.ReasonOriginNotAllowed, corsrpc.ReasonMethodNotAllowed, corsrpc.ReasonHeaderNotAllowed, corsrpc.ReasonCredentialsNotAllowed,
		corsrpc.ReasonWrongPathPrefix, corsrpc.ReasonNotConfigured, corsrpc.ReasonHostNotAllowed, corsrpc.ReasonOriginMissing, corsrpc.ReasonInternalMethod,
	} {
		assert.Positive(t, done[reason.Code()], "%s: the draw is worth something", reason)
	}
	assert.Positive(t, done["resource"], "the draw is worth something")
}

var (
	fixAdd      = regexp.MustCompile(`^add ("[^"]+"(?:, "[^"]+")*) to (.+)$`)
	fixPrefix   = regexp.MustCompile(`^set PathPrefix to (".*")$`)
	fixSet      = regexp.MustCompile(`^set (.*Credentials), or let the page call without credentials$`)
	fixResource = regexp.MustCompile(`^Resources\[(".*")\] = \{\}$`)
	element     = regexp.MustCompile(`^(Overrides|Audiences|Resources)\[(".*?")\](?:\.(.*))?$`)
)

// apply does what a Fix says.
func apply(t testing.TB, fix string, config corsrpc.Config) corsrpc.Config {
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	config = policy.Config() // a copy
	if m := fixPrefix.FindStringSubmatch(fix); m != nil {
		config.PathPrefix, err = strconv.Unquote(m[1])
		require.NoError(t, err, fix)
		return config
	}
	if m := fixResource.FindStringSubmatch(fix); m != nil {
		key, err := strconv.Unquote(m[1])
		require.NoError(t, err, fix)
		config.Resources[key] = corsrpc.Resource{}
		return config
	}
	var place string
	var values []string
	if m := fixAdd.FindStringSubmatch(fix); m != nil {
		place = m[2]
		for quoted := range strings.SplitSeq(m[1], ", ") {
			value, err := strconv.Unquote(quoted)
			require.NoError(t, err, fix)
			values = append(values, value)
		}
	} else if m := fixSet.FindStringSubmatch(fix); m != nil {
		place = m[1]
	} else {
		require.Fail(t, "no such Fix", fix)
	}
	of, key, part := "", "", place
	if m := element.FindStringSubmatch(place); m != nil {
		of, part = m[1], m[3]
		key, err = strconv.Unquote(m[2])
		require.NoError(t, err, fix)
	}
	switch of + "." + part {
	case ".Origins":
		config.Origins = append(config.Origins, values...)
	case ".Services":
		config.Services = append(config.Services, values...)
	case ".Hosts":
		config.Hosts = append(config.Hosts, values...)
	case ".RequestHeaders":
		config.RequestHeaders = append(config.RequestHeaders, values...)
	case ".Credentials":
		config.Credentials = true
	case "Audiences.":
		config.Audiences[key] = append(config.Audiences[key], values...)
	case "Overrides.Origins", "Overrides.Credentials":
		o := config.Overrides[key]
		o.Origins = append(o.Origins, values...)
		if part == "Credentials" {
			o.Credentials = corsrpc.On
		}
		config.Overrides[key] = o
	case "Resources.Origins", "Resources.Methods", "Resources.RequestHeaders", "Resources.Credentials":
		r := config.Resources[key]
		switch part {
		case "Origins":
			r.Origins = append(r.Origins, values...)
		case "Methods":
			r.Methods = append(r.Methods, values...)
		case "RequestHeaders":
			r.RequestHeaders = append(r.RequestHeaders, values...)
		default:
			r.Credentials = true
		}
		config.Resources[key] = r
	default:
		require.Fail(t, "Fix names no part of Config", fix)
	}
	return config
}

// Where no single change would do, there is no Fix.
func TestNoFix(t *testing.T) {
	t.Parallel()
	const newer = "/" + admin + "/Newer"
	for _, tt := range []struct {
		name   string
		config corsrpc.Config
		r      *http.Request
		want   corsrpc.Decision
	}{
		{"an unknown method, where methods differ in origins",
			corsrpc.Config{Audiences: map[string][]string{"backoffice": {console}, "storefront": {console, shopper}}},
			newRequest("POST", newer, "Origin", shopper),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonOriginNotAllowed, Path: "/" + admin + "/", Procedure: "/" + admin + "/", Origin: `"` + shopper + `"`, Detail: "no method of this name is known, and the service's methods have different origins"}},
		{"an unknown method, where methods differ in credentials",
			corsrpc.Config{Audiences: map[string][]string{"backoffice": {console}, "storefront": {console}}, Credentials: true, Overrides: map[string]corsrpc.Override{admin + ".SetPrice": {Credentials: corsrpc.Off}}},
			newRequest("POST", newer, "Origin", console, "Cookie", "a=b"),
			corsrpc.Decision{Kind: corsrpc.KindCrossOrigin, Outcome: corsrpc.OutcomeRefused, Status: 403, Reason: corsrpc.ReasonCredentialsNotAllowed, Path: "/" + admin + "/", Procedure: "/" + admin + "/", Origin: `"` + console + `"`, Detail: "the request has cookies, so the page made it with credentials; if the page is the server's own, list its host in Hosts"}},
	} {
		assert.Equal(t, tt.want, newPolicy(t, tt.config).Evaluate(tt.r), tt.name)
	}
}

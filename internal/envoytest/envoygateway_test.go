package envoytest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// A gatewayObject is an HTTPRoute of gateway.networking.k8s.io/v1 or a
// SecurityPolicy of gateway.envoyproxy.io/v1alpha1, with the fields that the
// export prints.
type gatewayObject struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		ParentRefs []struct{ Name, Namespace string } `yaml:"parentRefs"`
		Hostnames  []string
		Rules      []gatewayRule

		MergeType  string `yaml:"mergeType"`
		TargetRefs []struct {
			Group, Kind, Name string
			SectionName       string `yaml:"sectionName"`
		} `yaml:"targetRefs"`
		CORS *gatewayCORS `yaml:"cors"`
	}
}

type gatewayRule struct {
	Name    string
	Matches []struct {
		Path struct{ Type, Value string }
	}
	Filters []struct {
		Type                   string
		ResponseHeaderModifier struct {
			Add []struct{ Name, Value string }
		} `yaml:"responseHeaderModifier"`
	}
	BackendRefs []struct {
		Name string
		Port int
	} `yaml:"backendRefs"`
}

type gatewayCORS struct {
	AllowOrigins     []string `yaml:"allowOrigins"`
	AllowCredentials *bool    `yaml:"allowCredentials"`
	AllowMethods     []string `yaml:"allowMethods"`
	AllowHeaders     []string `yaml:"allowHeaders"`
	ExposeHeaders    []string `yaml:"exposeHeaders"`
	MaxAge           string   `yaml:"maxAge"`
}

func readGatewayObjects(t testing.TB, e *corsexport.Export) []gatewayObject {
	t.Helper()
	require.Len(t, e.Files, 1)
	decoder := yaml.NewDecoder(bytes.NewReader(e.Files[0].Data))
	decoder.KnownFields(true)
	var objects []gatewayObject
	for {
		var object gatewayObject
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		objects = append(objects, object)
	}
}

// newGatewayModel returns a model of Envoy Gateway with an export, and with a route
// of the user's for all other paths.
func newGatewayModel(t testing.TB, e *corsexport.Export, backend http.Handler) *model {
	t.Helper()
	objects := readGatewayObjects(t, e)
	m := &model{backend: backend, cluster: cluster, compiled: make(map[string]*regexp.Regexp)}
	m.routes = append(translateGateway(t, objects), &routev3.Route{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: toCluster})
	if hostnames := objects[0].Spec.Hostnames; hostnames != nil {
		m.domains = hostnames
	}
	for _, route := range m.routes {
		require.NoError(t, route.ValidateAll())
		checkKnown(t, route)
		for _, config := range route.TypedPerFilterConfig {
			require.NoError(t, unmarshal(config).ValidateAll())
		}
	}
	return m
}

var toCluster = &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}}}

// translateGateway returns the routes that Envoy Gateway v1.9.1 makes of the
// objects: processHTTPRouteRule (internal/gatewayapi/route.go), sortXdsIRMap
// (internal/gatewayapi/sort.go), translateSecurityPolicyForRoute
// (internal/gatewayapi/securitypolicy.go), buildXdsRoute and buildPathMatch
// (internal/xds/translator/route.go).
func translateGateway(t testing.TB, objects []gatewayObject) []*routev3.Route {
	t.Helper()
	policies := make(map[[2]string]*anypb.Any) // by route and rule
	for i := range objects {
		spec := &objects[i].Spec
		if objects[i].Kind != "SecurityPolicy" {
			continue
		}
		require.Equal(t, "StrategicMerge", spec.MergeType)
		require.NotEmpty(t, spec.TargetRefs)
		for _, target := range spec.TargetRefs {
			require.Equal(t, "gateway.networking.k8s.io HTTPRoute", target.Group+" "+target.Kind)
			require.NotEmpty(t, target.SectionName)
			key := [2]string{target.Name, target.SectionName}
			require.Nil(t, policies[key], "a rule has one policy")
			policies[key] = translateCORS(t, spec.CORS)
		}
	}
	type irRoute struct {
		kind   int // exact, regular expression, prefix
		length int
		route  *routev3.Route
	}
	var routes []irRoute
	used := 0
	for i := range objects {
		if objects[i].Kind != "HTTPRoute" {
			continue
		}
		for _, rule := range objects[i].Spec.Rules {
			require.Equal(t, "shop 8080", rule.BackendRefs[0].Name+" "+strconv.Itoa(rule.BackendRefs[0].Port))
			policy := policies[[2]string{objects[i].Metadata.Name, rule.Name}]
			if policy != nil {
				used++
			}
			for _, match := range rule.Matches {
				out := irRoute{length: len(match.Path.Value), route: &routev3.Route{Match: new(routev3.RouteMatch), Action: toCluster}}
				switch match.Path.Type {
				case "Exact":
					out.route.Match.PathSpecifier = &routev3.RouteMatch_Path{Path: match.Path.Value}
				case "RegularExpression":
					out.kind = 1
					out.route.Match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: match.Path.Value}}
				case "PathPrefix":
					out.kind = 2
					out.route.Match.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: strings.TrimSuffix(match.Path.Value, "/")}
				default:
					t.Fatal(match)
				}
				if policy != nil {
					out.route.TypedPerFilterConfig = map[string]*anypb.Any{corsName: policy}
				}
				for _, filter := range rule.Filters {
					require.Equal(t, "ResponseHeaderModifier", filter.Type)
					for _, add := range filter.ResponseHeaderModifier.Add {
						out.route.ResponseHeadersToAdd = append(out.route.ResponseHeadersToAdd, &corev3.HeaderValueOption{
							Header: &corev3.HeaderValue{Key: add.Name, Value: add.Value}, AppendAction: corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD,
						})
					}
				}
				routes = append(routes, out)
			}
		}
	}
	require.Equal(t, len(policies), used, "every policy has a rule")
	slices.SortStableFunc(routes, func(a, b irRoute) int { return cmp.Or(a.kind-b.kind, b.length-a.length) })
	sorted := make([]*routev3.Route, len(routes))
	for i := range routes {
		sorted[i] = routes[i].route
	}
	return sorted
}

// translateCORS: buildCORS and wildcard2regex
// (internal/gatewayapi/securitypolicy.go), patchRoute
// (internal/xds/translator/cors.go).
func translateCORS(t testing.TB, in *gatewayCORS) *anypb.Any {
	t.Helper()
	require.NotNil(t, in)
	require.NotNil(t, in.AllowCredentials, "else it would be the Gateway's")
	for _, list := range [][]string{in.AllowOrigins, in.AllowMethods, in.AllowHeaders, in.ExposeHeaders} {
		require.NotEmpty(t, list, "else it would be the Gateway's")
		require.False(t, len(list) > 1 && slices.Contains(list, "*"))
	}
	out := &corsv3.CorsPolicy{
		AllowMethods:                 strings.Join(in.AllowMethods, ", "),
		AllowHeaders:                 strings.Join(in.AllowHeaders, ", "),
		ExposeHeaders:                strings.Join(in.ExposeHeaders, ", "),
		AllowCredentials:             wrapperspb.Bool(*in.AllowCredentials),
		ForwardNotMatchingPreflights: wrapperspb.Bool(false),
	}
	for _, origin := range in.AllowOrigins {
		matcher := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: origin}}
		if strings.Contains(origin, "*") {
			expression := strings.ReplaceAll(regexp.QuoteMeta(origin), `\*`, ".*")
			matcher.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expression}}
		}
		out.AllowOriginStringMatch = append(out.AllowOriginStringMatch, matcher)
	}
	age, err := time.ParseDuration(in.MaxAge)
	require.NoError(t, err)
	out.MaxAge = strconv.Itoa(int(age.Seconds()))
	config, err := anypb.New(out)
	require.NoError(t, err)
	return config
}

package envoytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1alpha3"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// readVirtualService reads the exported file as Istio does, and validates it.
func readVirtualService(t testing.TB, e *corsexport.Export) *networking.VirtualService {
	t.Helper()
	require.Len(t, e.Files, 1)
	vs := parseVirtualService(t, e.Files[0].Data)
	require.NoError(t, validateVirtualService(vs))
	return vs
}

func parseVirtualService(t testing.TB, data []byte) *networking.VirtualService {
	t.Helper()
	var object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       map[string]any
	}
	require.NoError(t, yaml.Unmarshal(data, &object))
	require.Equal(t, "networking.istio.io/v1 VirtualService", object.APIVersion+" "+object.Kind)
	text, err := json.Marshal(object.Spec)
	require.NoError(t, err)
	vs := new(networking.VirtualService)
	require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: false}.Unmarshal(text, vs))
	return vs
}

// newIstioModel returns a model of a gateway of Istio with an export.
func newIstioModel(t testing.TB, e *corsexport.Export, backend http.Handler) *model {
	t.Helper()
	vs := readVirtualService(t, e)
	m := &model{
		routes: translateRoutes(vs), backend: backend, cluster: "outbound|8080||" + cluster,
		compiled: make(map[string]*regexp.Regexp),
	}
	if !slices.Equal(vs.Hosts, []string{"*"}) {
		m.domains = vs.Hosts
	}
	for _, route := range m.routes {
		require.NoError(t, route.ValidateAll())
		checkKnown(t, route)
	}
	return m
}

// hostname returns a host without its port, as RouteMatcher::findVirtualHost
// (source/common/router/config_impl.cc) reads it with ignore_port_in_host_matching.
func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return strings.ToLower(name)
}

// translateRoutes: BuildHTTPRoutesForVirtualService and translateRoute (Istio,
// pilot/pkg/networking/core/route/route.go), for one gateway, without what has no
// effect on responses.
func translateRoutes(vs *networking.VirtualService) []*routev3.Route {
	var routes []*routev3.Route
	for _, in := range vs.Http {
		matches := in.Match
		if len(matches) == 0 {
			matches = []*networking.HTTPMatchRequest{nil}
		}
		for _, match := range matches {
			out := &routev3.Route{Match: translateRouteMatch(match)}
			response := in.GetHeaders().GetResponse()
			out.ResponseHeadersToAdd = append(
				translateHeaders(response.GetSet(), corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD),
				translateHeaders(response.GetAdd(), corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD)...)
			out.ResponseHeadersToRemove = response.GetRemove()
			if direct := in.DirectResponse; direct != nil {
				action := &routev3.DirectResponseAction{Status: direct.Status}
				if direct.Body != nil {
					action.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: direct.Body.GetString_()}}
				}
				out.Action = &routev3.Route_DirectResponse{DirectResponse: action}
			} else {
				to := in.Route[0].Destination
				out.Action = &routev3.Route_Route{Route: &routev3.RouteAction{
					ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: fmt.Sprintf("outbound|%d||%s", to.Port.Number, to.Host)},
					Timeout:          durationpb.New(0),
				}}
			}
			routes = append(routes, out)
			// IsCatchAllRoute: what follows is never reached.
			if out.Match.GetPrefix() == "/" && len(out.Match.Headers) == 0 {
				return routes
			}
		}
	}
	return routes
}

// translateHeaders: translateAppendHeaders (route.go).
func translateHeaders(headers map[string]string, action corev3.HeaderValueOption_HeaderAppendAction) []*corev3.HeaderValueOption {
	var out []*corev3.HeaderValueOption
	for name, value := range headers {
		out = append(out, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: action})
	}
	return out
}

// translateRouteMatch: TranslateRouteMatch (route.go).
func translateRouteMatch(in *networking.HTTPMatchRequest) *routev3.RouteMatch {
	out := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
	if in == nil {
		return out
	}
	for name, match := range in.Headers {
		out.Headers = append(out.Headers, translateHeaderMatch(name, match))
	}
	for name, match := range in.WithoutHeaders {
		matcher := translateHeaderMatch(name, match)
		matcher.InvertMatch = true
		matcher.TreatMissingHeaderAsEmpty = !isPresentMatch(match)
		out.Headers = append(out.Headers, matcher)
	}
	if in.Uri != nil {
		out.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: in.Uri.GetRegex()}}
	}
	out.CaseSensitive = wrapperspb.Bool(!in.IgnoreUriCase)
	return out
}

// translateHeaderMatch: translateHeaderMatch (route.go) and ConvertToEnvoyMatch
// (pilot/pkg/networking/util/util.go).
func translateHeaderMatch(name string, in *networking.StringMatch) *routev3.HeaderMatcher {
	out := &routev3.HeaderMatcher{Name: name}
	switch match := in.GetMatchType().(type) {
	case nil:
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}
	case *networking.StringMatch_Exact:
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: match.Exact}}}
	case *networking.StringMatch_Regex:
		out.HeaderMatchSpecifier = &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: match.Regex}}}}
	default:
		panic(in.String())
	}
	return out
}

// isPresentMatch: canBeConvertedToPresentMatch (route.go).
func isPresentMatch(in *networking.StringMatch) bool {
	return in.GetMatchType() == nil || in.GetRegex() == "*"
}

var (
	istioHeaderName = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~A-Za-z0-9]+$")
	dnsLabel        = regexp.MustCompile(`^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)
)

// validateVirtualService has what ValidateVirtualService (Istio,
// pkg/config/validation/validation.go, virtualservice.go) says of the fields that
// the export has, and fails for others.
func validateVirtualService(vs *networking.VirtualService) error {
	for name := range fields(vs) {
		if name != "hosts" && name != "gateways" && name != "http" {
			return fmt.Errorf("field %s", name)
		}
	}
	for i, host := range vs.Hosts {
		if err := validateDomain(host); err != nil && host != "*" {
			return err
		}
		if slices.Contains(vs.Hosts[:i], host) || host == "*" && len(vs.Hosts) > 1 {
			return fmt.Errorf("duplicate host %q", host)
		}
	}
	for _, gateway := range vs.Gateways {
		for part := range strings.SplitSeq(gateway, "/") {
			if !dnsLabel.MatchString(part) || part == "mesh" {
				return fmt.Errorf("gateway %q", gateway)
			}
		}
	}
	if len(vs.Hosts) == 0 || len(vs.Gateways) == 0 || len(vs.Http) == 0 {
		return fmt.Errorf("no hosts, gateways or rules")
	}
	// analyzeUnreachableHTTPRules, which only warns.
	seen := make(map[string]bool)
	for i, in := range vs.Http {
		if err := validateRule(in); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
		for _, match := range in.Match {
			key, err := proto.MarshalOptions{Deterministic: true}.Marshal(match)
			if err != nil || seen[string(key)] {
				return fmt.Errorf("rule %d: all matches are used by prior rules", i)
			}
			seen[string(key)] = true
		}
		if len(in.Match) == 0 && i < len(vs.Http)-1 {
			return fmt.Errorf("rule %d: only the last rule can have no matches", i)
		}
	}
	return nil
}

func validateDomain(host string) error {
	for label := range strings.SplitSeq(host, ".") {
		if !dnsLabel.MatchString(label) || len(host) > 255 {
			return fmt.Errorf("domain %q", host)
		}
	}
	return nil
}

func validateRule(in *networking.HTTPRoute) error {
	for name := range fields(in) {
		if !slices.Contains([]string{"match", "route", "direct_response", "headers"}, name) {
			return fmt.Errorf("field %s", name)
		}
	}
	if (in.DirectResponse == nil) == (len(in.Route) == 0) {
		return fmt.Errorf("either route or direct_response is required")
	}
	for _, to := range in.Route {
		if err := validateDomain(to.GetDestination().GetHost()); err != nil || to.Destination.Port.GetNumber() == 0 || to.Destination.Port.Number > 65535 {
			return fmt.Errorf("destination %v", to)
		}
	}
	for _, match := range in.Match {
		if err := validateStringMatch(match.Uri); err != nil {
			return err
		}
		for _, headers := range []map[string]*networking.StringMatch{match.Headers, match.WithoutHeaders} {
			for name, header := range headers {
				pseudo := slices.Contains([]string{":method", ":authority", ":path"}, name)
				if header == nil || !pseudo && !istioHeaderName.MatchString(name) {
					return fmt.Errorf("header %q", name)
				}
				if err := validateStringMatch(header); err != nil {
					return err
				}
			}
		}
		for name := range fields(match) {
			if name != "uri" && name != "headers" && name != "without_headers" {
				return fmt.Errorf("field %s", name)
			}
		}
	}
	response := in.GetHeaders().GetResponse()
	for _, headers := range []map[string]string{response.GetSet(), response.GetAdd()} {
		for name, value := range headers {
			// A percent sign stands twice, or at both ends of a variable.
			if !istioHeaderName.MatchString(name) || strings.Count(value, "%")%2 != 0 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return fmt.Errorf("header %q: %q", name, value)
			}
		}
	}
	return nil
}

// validateStringMatch: validateStringMatch and validateStringRegexp.
func validateStringMatch(in *networking.StringMatch) error {
	match, ok := in.GetMatchType().(*networking.StringMatch_Regex)
	switch {
	case !ok:
		return nil
	case match.Regex == "", len(match.Regex) > 1024:
		return fmt.Errorf("regex of %d bytes", len(match.Regex))
	}
	_, err := regexp.Compile(match.Regex)
	return err
}

// One mistake each makes the same object invalid.
func TestInvalidVirtualServices(t *testing.T) {
	t.Parallel()
	valid := string(mustVirtualService(t, mustPolicy(t, shopConfig()), corsexport.Options{}).Files[0].Data)
	for name, change := range map[string][2]string{
		"a host given twice":       {"  gateways:", "  - \"api.example.com\"\n  gateways:"},
		"a host with a port":       {`- "api.example.com"`, `- "api.example.com:80"`},
		"all sidecars":             {`"infra/public"`, `"mesh"`},
		"an expression that is no": {`"GET|HEAD"`, `"GET|(HEAD"`},
		"a long expression":        {`"GET|HEAD"`, `"GET|` + strings.Repeat("x", 1024) + `"`},
		"an empty expression":      {`"GET|HEAD"`, `""`},
		"a percent sign":           {`"%REQ(ORIGIN)%"`, `"%REQ(ORIGIN)"`},
		"a field of another kind":  {"directResponse: {status: 400}", "directResponse: {status: 400}\n    timeout: 1s"},
		"a header with a space":    {`"access-control-request-method": {}`, `"access-control request-method": {}`},
		"a route without an end":   {"- match:", "- directResponse: {status: 400}\n  - match:"},
		"two ends of one rule":     {"directResponse: {status: 400}", "directResponse: {status: 400}\n    route: [{destination: {host: shop, port: {number: 80}}}]"},
		"a port that is none":      {"number: 8080", "number: 80800"},
		"a match given twice":      {"  - match:\n    - withoutHeaders", "  - match:\n    - headers: {\":method\": {exact: \"PRI\"}}\n    directResponse: {status: 400}\n  - match:\n    - withoutHeaders"},
	} {
		require.Contains(t, valid, change[0], name)
		assert.Error(t, validateVirtualService(parseVirtualService(t, []byte(strings.Replace(valid, change[0], change[1], 1)))), name)
	}
}

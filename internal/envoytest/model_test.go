package envoytest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

// A model does with a request what Envoy does that has the exported routes, the
// filters header_mutation, cors and router in this order, and defaults in the
// HttpConnectionManager. It is written from the source of Envoy, whose files and
// functions the comments name, and knows nothing of how routes are printed. It
// panics if a route has a field that it does not know.
type model struct {
	routes  []*routev3.Route
	backend http.Handler
	cluster string
	// domains are those of the virtual host, in which ports do not count. Nil
	// means all.
	domains []string

	mu       sync.Mutex
	compiled map[string]*regexp.Regexp
}

func newModel(t testing.TB, e *corsexport.Export, backend http.Handler) *model {
	t.Helper()
	m := &model{routes: readRoutes(t, e).VirtualHosts[0].Routes, backend: backend, cluster: cluster, compiled: make(map[string]*regexp.Regexp)}
	for _, route := range m.routes {
		checkKnown(t, route)
	}
	return m
}

// checkKnown checks that a route has only fields that the model reads.
func checkKnown(t testing.TB, route *routev3.Route) {
	t.Helper()
	known := map[string]bool{"match": true, "route": true, "direct_response": true, "typed_per_filter_config": true, "response_headers_to_add": true, "response_headers_to_remove": true}
	for name := range fields(route) {
		require.True(t, known[name], name)
	}
	for name := range fields(route.Match) {
		require.True(t, strings.Contains(" prefix path path_separated_prefix safe_regex headers case_sensitive ", " "+name+" "), name)
	}
	for name := range route.TypedPerFilterConfig {
		require.True(t, name == mutationName || name == corsName, name)
	}
}

// A request is what the filters see of it. Header has names in lower case, and
// several lines of one name joined by commas, as
// HeaderUtility::getAllOfHeaderAsString (source/common/http/header_utility.cc)
// joins them for matchers, and HeaderMapImpl::appendToHeader for inline headers
// such as origin.
type request struct {
	path   string // with the query, not decoded
	header map[string]string
	lines  http.Header // as they were sent
	body   string
}

// A response has names in their canonical form.
type response struct {
	status int
	header http.Header
	body   string
}

// serve takes a request through the filters. FilterManager::decodeHeaders and
// encodeHeaders (source/common/http/filter_manager.cc): requests pass the filters
// from the first to the last, responses from the last to the first. Responses of
// filters themselves pass all filters.
func (m *model) serve(r *request) *response {
	if m.domains != nil && !slices.Contains(m.domains, hostname(r.header[":authority"])) {
		return &response{http.StatusNotFound, http.Header{}, ""} // RouteMatcher::findVirtualHost
	}
	route := m.route(r)
	if route == nil {
		// Filter::decodeHeaders (source/common/router/router.cc).
		return &response{http.StatusNotFound, http.Header{}, ""}
	}
	var policy *corsv3.CorsPolicy
	if config := route.TypedPerFilterConfig[corsName]; config != nil {
		policy = unmarshal(config).(*corsv3.CorsPolicy)
	}
	cors := corsFilter{model: m, policy: policy, entry: route.GetRoute() != nil}
	answer := cors.decodeHeaders(r)
	if answer == nil {
		answer = m.router(route, r)
	}
	cors.encodeHeaders(answer)
	m.mutate(route, r, answer)
	return answer
}

// route returns the first route that matches. VirtualHostImpl::getRouteFromEntries
// and RouteEntryImplBase::matchRoute (source/common/router/config_impl.cc).
func (m *model) route(r *request) *routev3.Route {
	for _, route := range m.routes {
		if m.matchHeaders(route.Match.Headers, r) && m.matchPath(route.Match, r.path) {
			return route
		}
	}
	return nil
}

// matchPath: the functions matches of PrefixRouteEntryImpl, PathRouteEntryImpl,
// PathSeparatedPrefixRouteEntryImpl and RegexRouteEntryImpl
// (source/common/router/config_impl.cc), by PathMatcher::match
// (source/common/common/matchers.cc), which leaves the query out.
func (m *model) matchPath(match *routev3.RouteMatch, path string) bool {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	switch specifier := match.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		return strings.HasPrefix(path, specifier.Prefix)
	case *routev3.RouteMatch_Path:
		return path == specifier.Path
	case *routev3.RouteMatch_PathSeparatedPrefix:
		rest, found := strings.CutPrefix(path, specifier.PathSeparatedPrefix)
		return found && (rest == "" || rest[0] == '/')
	case *routev3.RouteMatch_SafeRegex:
		return m.fullMatch(specifier.SafeRegex.Regex, path)
	}
	panic(match.String())
}

// matchHeaders: HeaderUtility::matchHeaders (source/common/http/header_utility.cc).
func (m *model) matchHeaders(matchers []*routev3.HeaderMatcher, r *request) bool {
	for _, matcher := range matchers {
		if !m.matchHeader(matcher, r) {
			return false
		}
	}
	return true
}

func (m *model) matchHeader(matcher *routev3.HeaderMatcher, r *request) bool {
	value, found := r.header[strings.ToLower(matcher.Name)]
	if !found && !matcher.TreatMissingHeaderAsEmpty {
		present, isPresent := matcher.HeaderMatchSpecifier.(*routev3.HeaderMatcher_PresentMatch)
		return isPresent && present.PresentMatch == matcher.InvertMatch
	}
	var match bool
	switch specifier := matcher.HeaderMatchSpecifier.(type) {
	case *routev3.HeaderMatcher_PresentMatch:
		match = specifier.PresentMatch
	case *routev3.HeaderMatcher_StringMatch:
		match = m.matchString(specifier.StringMatch, value)
	default:
		panic(matcher.String())
	}
	return match != matcher.InvertMatch
}

// matchString: StringMatcherImpl::match (source/common/common/matchers.h).
func (m *model) matchString(matcher *matcherv3.StringMatcher, value string) bool {
	switch pattern := matcher.MatchPattern.(type) {
	case *matcherv3.StringMatcher_Exact:
		return value == pattern.Exact
	case *matcherv3.StringMatcher_SafeRegex:
		return m.fullMatch(pattern.SafeRegex.Regex, value)
	}
	panic(matcher.String())
}

// fullMatch: CompiledGoogleReMatcher::match (source/common/common/regex.h), which
// is RE2::FullMatch. Package regexp has RE2's syntax. RE2 reads UTF-8, and matches
// no byte that is not; a replacement character in an expression would, and there
// is none.
func (m *model) fullMatch(expression, text string) bool {
	m.mu.Lock()
	compiled := m.compiled[expression]
	if compiled == nil {
		compiled = regexp.MustCompile(`\A(?:` + expression + `)\z`)
		m.compiled[expression] = compiled
	}
	m.mu.Unlock()
	return strings.ToValidUTF8(text, "") == text && compiled.MatchString(text)
}

// A corsFilter is the CORS filter (source/extensions/filters/http/cors/cors_filter.cc)
// for one request, with the policy of the route, since the virtual host has none.
type corsFilter struct {
	*model
	policy        *corsv3.CorsPolicy
	entry         bool // the route is no direct response
	isCorsRequest bool
	latchedOrigin string
}

// decodeHeaders: CorsFilter::decodeHeaders. It returns the response to a
// preflight.
func (f *corsFilter) decodeHeaders(r *request) *response {
	if !f.entry || f.policy == nil {
		return nil
	}
	origin := r.header["origin"]
	if origin == "" {
		return nil
	}
	allowed := false
	for _, matcher := range f.policy.AllowOriginStringMatch {
		allowed = allowed || f.matchString(matcher, "*") || f.matchString(matcher, origin)
	}
	if allowed {
		f.latchedOrigin = origin
	}
	f.isCorsRequest = true
	if r.header[":method"] != http.MethodOptions || r.header["access-control-request-method"] == "" {
		return nil
	}
	if !allowed && (f.policy.ForwardNotMatchingPreflights == nil || f.policy.ForwardNotMatchingPreflights.Value) {
		return nil
	}
	answer := &response{http.StatusOK, http.Header{}, ""}
	if allowed {
		answer.header.Set("Access-Control-Allow-Origin", origin)
	}
	f.credentials(answer)
	echo := func(value, asked string) string {
		if value == "*" {
			return r.header[asked]
		}
		return value
	}
	for name, value := range map[string]string{
		"Access-Control-Allow-Methods": echo(f.policy.AllowMethods, "access-control-request-method"),
		"Access-Control-Allow-Headers": echo(f.policy.AllowHeaders, "access-control-request-headers"),
		"Access-Control-Max-Age":       f.policy.MaxAge,
	} {
		if value != "" {
			answer.header.Set(name, value)
		}
	}
	return answer
}

// encodeHeaders: CorsFilter::encodeHeaders.
func (f *corsFilter) encodeHeaders(answer *response) {
	if !f.isCorsRequest || f.latchedOrigin == "" {
		return
	}
	answer.header.Set("Access-Control-Allow-Origin", f.latchedOrigin)
	f.credentials(answer)
	if f.policy.ExposeHeaders != "" {
		answer.header.Set("Access-Control-Expose-Headers", f.policy.ExposeHeaders)
	}
}

func (f *corsFilter) credentials(answer *response) {
	if f.policy.AllowCredentials.GetValue() {
		answer.header.Set("Access-Control-Allow-Credentials", "true")
	}
}

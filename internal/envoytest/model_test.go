package envoytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	corsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/cors/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
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

// router: Filter::decodeHeaders (source/common/router/router.cc).
func (m *model) router(route *routev3.Route, r *request) *response {
	if direct := route.GetDirectResponse(); direct != nil {
		return m.localReply(route, r, int(direct.Status), direct.GetBody().GetInlineString())
	}
	if route.GetRoute().GetCluster() != m.cluster {
		panic(route.String())
	}
	recorder := httptest.NewRecorder()
	m.backend.ServeHTTP(recorder, &http.Request{
		Method: r.header[":method"],
		URL:    &url.URL{Path: r.path},
		Host:   r.header[":authority"],
		Header: r.lines,
		Body:   io.NopCloser(strings.NewReader(r.body)),
		// Handlers read the length.
		ContentLength: int64(len(r.body)),
		RequestURI:    r.path,
		ProtoMajor:    1,
		ProtoMinor:    1,
	})
	answer := &response{recorder.Code, recorder.Header(), recorder.Body.String()}
	finalizeResponseHeaders(route, r, answer.header)
	return answer
}

// finalizeResponseHeaders: RouteEntryImplBase::finalizeResponseHeaders
// (source/common/router/config_impl.cc) and HeaderParser::evaluateHeaders
// (source/common/router/header_parser.cc), which removes, then overwrites, then
// appends.
func finalizeResponseHeaders(route *routev3.Route, r *request, header http.Header) {
	for _, name := range route.ResponseHeadersToRemove {
		header.Del(name)
	}
	for _, action := range []corev3.HeaderValueOption_HeaderAppendAction{corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD, corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD} {
		for _, option := range route.ResponseHeadersToAdd {
			name, value := http.CanonicalHeaderKey(option.Header.Key), format(option.Header.Value, r)
			switch {
			case option.AppendAction != action || value == "":
			case action == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD:
				header.Set(name, value)
			default:
				appendHeader(header, name, value)
			}
		}
	}
}

// localReply: Utility::prepareLocalReply (source/common/http/utility.cc), with
// Grpc::Common::isGrpcRequestHeaders and httpToGrpcStatus
// (source/common/grpc/common.cc, status.cc).
func (m *model) localReply(route *routev3.Route, r *request, status int, body string) *response {
	answer := &response{status, http.Header{}, body}
	finalizeResponseHeaders(route, r, answer.header)
	if kind := r.header["content-type"]; kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+") {
		code := map[int]string{http.StatusBadRequest: "13", http.StatusForbidden: "7"}[status]
		answer.status, answer.body = http.StatusOK, ""
		answer.header.Set("Content-Type", "application/grpc")
		answer.header.Set("Grpc-Status", code)
		answer.header.Set("Grpc-Message", url.PathEscape(body))
		return answer
	}
	if body != "" && answer.header.Get("Content-Type") == "" {
		answer.header.Set("Content-Type", "text/plain")
	}
	return answer
}

// mutate: HeaderMutation::encodeHeaders
// (source/extensions/filters/http/header_mutation/header_mutation.cc) and
// HeaderMutations::evaluateHeaders (source/common/http/header_mutation.cc).
func (m *model) mutate(route *routev3.Route, r *request, answer *response) {
	config := route.TypedPerFilterConfig[mutationName]
	if config == nil {
		return
	}
	for _, mutation := range unmarshal(config).(*mutationv3.HeaderMutationPerRoute).Mutations.ResponseMutations {
		switch action := mutation.Action.(type) {
		case *mutationrulesv3.HeaderMutation_Remove:
			answer.header.Del(action.Remove)
		case *mutationrulesv3.HeaderMutation_Append:
			name, value := action.Append.Header.Key, format(action.Append.Header.Value, r)
			if value == "" && !action.Append.KeepEmptyValue {
				continue
			}
			switch action.Append.AppendAction {
			case corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
				appendHeader(answer.header, name, value)
			case corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD:
				answer.header.Set(name, value)
			default:
				panic(mutation.String())
			}
		default:
			panic(mutation.String())
		}
	}
}

// appendHeader: HeaderMapImpl::addReferenceKey and insertByKey
// (source/common/http/header_map_impl.cc). Inline headers have one line, to which
// values are appended. The CORS filter and the compressor register these.
func appendHeader(header http.Header, name, value string) {
	if name != "Vary" && !strings.HasPrefix(name, "Access-Control-") || len(header[name]) == 0 {
		header.Add(name, value)
		return
	}
	header[name] = []string{strings.Join(header[name], ",") + "," + value}
}

// format: SubstitutionFormatParser::parse
// (source/common/formatter/substitution_formatter.cc).
func format(value string, r *request) string {
	var b strings.Builder
	for value != "" {
		plain, rest, found := strings.Cut(value, "%")
		b.WriteString(plain)
		if !found {
			break
		}
		command, rest, found := strings.Cut(rest, "%")
		switch {
		case !found:
			panic("a percent sign alone: " + strconv.Quote(value))
		case command == "":
			b.WriteByte('%')
		case strings.HasPrefix(command, "REQ(") && strings.HasSuffix(command, ")"):
			b.WriteString(r.header[strings.ToLower(command[4:len(command)-1])])
		default:
			panic("not a known command: " + command)
		}
		value = rest
	}
	return b.String()
}

package envoytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
)

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

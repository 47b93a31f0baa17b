package corstest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// Where the two halves of the protocol meet: a server behind a policy, and a
// page behind the browser. They share no code, so that where they agree both
// read the standard alike.

// A world is a schema, a server's Config over it, and a page.
type world struct {
	random *rand.Rand
	config corsrpc.Config
	policy *corsrpc.Policy
	// methods are those of the schema.
	methods []madeMethod
	page    string
	profile corstest.Profile
	server  string
	prefix  string
	met     map[string]int // how often what happened
}

// A madeMethod is what was made up for one method, service options included.
type madeMethod struct {
	service, name   string
	unary           bool
	requestHeaders  []string
	responseHeaders []string
	trailers        []string
}

func (m madeMethod) procedure() string { return "/" + m.service + "/" + m.name }

func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// some returns a few of the values.
func some(r *rand.Rand, values ...string) (chosen []string) {
	for _, value := range values {
		if r.IntN(3) == 0 {
			chosen = append(chosen, value)
		}
	}
	return chosen
}

var (
	madeRequestHeaders  = []string{"Authorization", "X-Tenant", "X-Api-Key", "Traceparent"}
	madeResponseHeaders = []string{"X-Request-Id", "X-Hint", "X-Rate", "ETag"}
	madeTrailers        = []string{"X-Cost", "X-Hits"}
	madeOrigins         = []string{"https://app.example.com", "https://*.example.com", "http://localhost:*", "capacitor://localhost", "https://console.example.com:8443"}
	pages               = []string{
		"https://app.example.com", "https://app.example.com", "https://b.app.example.com", "https://example.com", "https://console.example.com:8443",
		"https://evil.test", "http://localhost:5173", "http://localhost", "http://app.example.com", "capacitor://localhost", "null", "https://api.example.com",
	}
)

func originList(r *rand.Rand) []string {
	if r.IntN(6) == 0 {
		return []string{"*"}
	}
	list := []string{}
	for _, origin := range madeOrigins {
		if r.IntN(3) > 0 {
			list = append(list, origin)
		}
	}
	return list
}

// newWorld makes up everything.
func newWorld(t testing.TB, seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, seed)), met: map[string]int{}}
	r := w.random
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("half.proto"), Package: proto.String("half.v1"), Syntax: proto.String("proto3"),
		Dependency:  []string{corsrpcv1.File_corsrpc_v1_options_proto.Path()},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
	}
	access := func() corsrpcv1.Access {
		return pick(r, corsrpcv1.Access_ACCESS_UNSPECIFIED, corsrpcv1.Access_ACCESS_UNSPECIFIED, corsrpcv1.Access_ACCESS_UNSPECIFIED, corsrpcv1.Access_ACCESS_INTERNAL)
	}
	w.config = corsrpc.Config{
		Origins: originList(r), Credentials: r.IntN(2) == 0, ReportOnly: r.IntN(5) == 0,
		RequestHeaders: some(r, madeRequestHeaders...), ResponseHeaders: some(r, madeResponseHeaders...), ResponseTrailers: some(r, madeTrailers...),
		Audiences: map[string][]string{"inside": originList(r), "outside": {}},
		Overrides: map[string]corsrpc.Override{},
		Resources: map[string]corsrpc.Resource{"/files/": {Origins: originList(r), Methods: some(r, "PUT", "DELETE"), RequestHeaders: some(r, "Content-Type", "X-Tenant"), ResponseHeaders: some(r, madeResponseHeaders...)}},
	}
	w.prefix = pick(r, "", "/api")
	w.config.PathPrefix = w.prefix
	if r.IntN(2) == 0 {
		w.config.Protocols = pick(r, []corsrpc.Protocol{corsrpc.Connect}, []corsrpc.Protocol{corsrpc.GRPCWeb}, []corsrpc.Protocol{corsrpc.Connect, corsrpc.GRPCWeb})
	}
	override := func(name string) corsrpc.Override {
		if r.IntN(3) != 0 {
			return corsrpc.Override{}
		}
		o := corsrpc.Override{
			ReportOnly:     pick(r, corsrpc.Inherit, corsrpc.On, corsrpc.Off),
			RequestHeaders: some(r, madeRequestHeaders...), ResponseHeaders: some(r, madeResponseHeaders...), ResponseTrailers: some(r, madeTrailers...),
		}
		if r.IntN(2) == 0 {
			o.Origins = originList(r)
		}
		w.config.Overrides[name] = o
		return o
	}
	for _, name := range []string{"Alpha", "Beta"} {
		options := &corsrpcv1.ServiceOptions{
			RequestHeaders: some(r, madeRequestHeaders...), ResponseHeaders: some(r, madeResponseHeaders...), ResponseTrailers: some(r, madeTrailers...),
			Audience: pick(r, "", "", "inside", "outside"),
		}
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(name), Options: &descriptorpb.ServiceOptions{}}
		proto.SetExtension(service.Options, corsrpcv1.E_Service, options)
		o := override("half.v1." + name)
		for m := range 1 + r.IntN(3) {
			mine := &corsrpcv1.MethodOptions{
				RequestHeaders: some(r, madeRequestHeaders...), ResponseHeaders: some(r, madeResponseHeaders...), ResponseTrailers: some(r, madeTrailers...),
				Audience: pick(r, "", "", "inside"), Access: access(),
			}
			method := &descriptorpb.MethodDescriptorProto{
				Name: proto.String(fmt.Sprintf("M%d", m)), InputType: proto.String(".half.v1.Empty"), OutputType: proto.String(".half.v1.Empty"),
				ServerStreaming: proto.Bool(r.IntN(3) == 0), ClientStreaming: proto.Bool(r.IntN(6) == 0), Options: &descriptorpb.MethodOptions{},
			}
			if r.IntN(2) == 0 {
				method.Options.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
			}
			proto.SetExtension(method.Options, corsrpcv1.E_Method, mine)
			service.Method = append(service.Method, method)
			own := override("half.v1." + name + "." + method.GetName())
			w.methods = append(w.methods, madeMethod{
				service: "half.v1." + name, name: method.GetName(), unary: !method.GetServerStreaming() && !method.GetClientStreaming(),
				requestHeaders:  slices.Concat(w.config.RequestHeaders, options.GetRequestHeaders(), mine.GetRequestHeaders(), o.RequestHeaders, own.RequestHeaders),
				responseHeaders: slices.Concat(w.config.ResponseHeaders, options.GetResponseHeaders(), mine.GetResponseHeaders(), o.ResponseHeaders, own.ResponseHeaders),
				trailers:        slices.Concat(w.config.ResponseTrailers, options.GetResponseTrailers(), mine.GetResponseTrailers(), o.ResponseTrailers, own.ResponseTrailers),
			})
		}
		file.Service = append(file.Service, service)
	}
	w.config.Files = &protoregistry.Files{}
	for _, dependency := range []string{"google/protobuf/descriptor.proto", corsrpcv1.File_corsrpc_v1_options_proto.Path()} {
		d, err := protoregistry.GlobalFiles.FindFileByPath(dependency)
		require.NoError(t, err)
		require.NoError(t, w.config.Files.RegisterFile(d))
	}
	descriptor, err := protodesc.NewFile(file, w.config.Files)
	require.NoError(t, err)
	require.NoError(t, w.config.Files.RegisterFile(descriptor))

	if w.policy, err = corsrpc.New(w.config); err != nil {
		w.config.Credentials = false // with *, or on plain HTTP
		w.policy, err = corsrpc.New(w.config)
	}
	require.NoError(t, err)
	w.page = pick(r, pages...)
	w.profile = pick(r, everyProfile...)
	w.server = pick(r, "https://api.example.com", "https://api.example.com", "https://api.test:8443")
	if !strings.HasPrefix(w.page, "https:") {
		w.server = pick(r, w.server, "http://api.example.com", "http://localhost:8080")
	}
	return w
}

func (w *world) speaks(p corsrpc.Protocol) bool {
	return w.config.Protocols == nil || slices.Contains(w.config.Protocols, p)
}

// request makes up what the page does, and returns the method that it is
// about, if it is one of the schema.
func (w *world) request() (corstest.Request, *madeMethod) {
	r := w.random
	request := corstest.Request{Header: http.Header{}, Credentials: pick(r, corstest.CredentialsSameOrigin, corstest.CredentialsOmit, corstest.CredentialsInclude)}
	var about *madeMethod
	switch r.IntN(8) {
	case 0:
		request.URL = w.server + pick(r, "/files/a", "/files/", "/elsewhere", "/"+w.methods[0].service+"X/M0", w.methods[0].procedure())
		request.Method = pick(r, "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
	case 1:
		request.URL = w.server + w.prefix + "/" + w.methods[0].service + "/Newer"
		request.Method = "POST"
	default:
		about = &w.methods[r.IntN(len(w.methods))]
		request.URL = w.server + w.prefix + about.procedure()
		request.Method = pick(r, "POST", "POST", "POST", "GET", "PUT")
	}
	switch r.IntN(10) {
	case 0:
		request.Mode, request.Destination = corstest.ModeNoCORS, "image"
		request.Method = "GET"
		return request, about
	case 1:
		request.Mode, request.Destination = corstest.ModeNavigate, pick(r, "document", "iframe", "object")
		request.Method = pick(r, "GET", "POST")
		return request, about
	}
	if request.Method == "POST" || request.Method == "PUT" {
		request.Body = strings.NewReader("")
		for _, name := range pick(r, nil, []string{"Connect-Protocol-Version", "Connect-Timeout-Ms"}, []string{"X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"}) {
			request.Header.Set(name, "1")
		}
		request.Header.Set("Content-Type", pick(r, "application/proto", "application/grpc-web+proto", "text/plain"))
	}
	pool := madeRequestHeaders
	if about != nil && r.IntN(3) > 0 {
		pool = about.requestHeaders
	}
	for _, name := range some(r, pool...) {
		request.Header.Set(name, "1")
	}
	if r.IntN(8) == 0 {
		request.Header.Set("X-Evil", "1")
	}
	return request, about
}

// meet makes one request and holds the browser's experience against what the
// policy foretold.
func (w *world) meet(t testing.TB, request corstest.Request, about *madeMethod) {
	ran := 0
	answering := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		ran++
		for _, name := range slices.Concat(madeResponseHeaders, madeTrailers, []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "X-Secret"}) {
			rw.Header().Set(name, "1")
		}
		for _, name := range madeTrailers {
			rw.Header().Set("Trailer-"+name, "1")
		}
	})
	var decisions []corsrpc.Decision
	var ranBy []int
	wrapped := w.policy.Wrap(answering)
	browser := corstest.NewBrowser(w.page, corstest.WithProfile(w.profile), corstest.WithThirdPartyCookies(true),
		corstest.WithHandler(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			decisions = append(decisions, w.policy.Evaluate(req))
			ran = 0
			wrapped.ServeHTTP(rw, req)
			ranBy = append(ranBy, ran)
		})))
	if strings.HasPrefix(w.server, "https:") {
		browser.SetCookie(w.server, &http.Cookie{Name: "session", Value: "1", SameSite: http.SameSiteNoneMode, Secure: true})
	}
	response, err := browser.Fetch(context.Background(), request)
	exchanges := browser.Exchanges()
	require.Len(t, decisions, len(exchanges))
	for i, exchange := range exchanges {
		decision := decisions[i]
		describe := []any{"%s %s (preflight: %t) from %s in %s with %v, by %+v; decided %+v; answered %d %v; browser: %v", exchange.Method, exchange.URL, exchange.Preflight,
			w.page, w.profile, exchange.RequestHeader, w.config, decision, exchange.Status, exchange.ResponseHeader, exchange.Err}
		require.Equal(t, decision.Status == 0, ranBy[i] == 1, describe...)
		if decision.Status != 0 {
			require.Equal(t, decision.Status, exchange.Status, describe...)
		}
		if request.Mode != corstest.ModeCORS {
			require.NoError(t, exchange.Err, describe...)
			continue
		}
		expected := decision.Allowed
		if request.Credentials == corstest.CredentialsInclude && exchange.RequestHeader.Get("Cookie") == "" &&
			decision.Kind != corsrpc.KindSameOrigin && exchange.RequestHeader.Get("Origin") != "" && !w.grantsCredentials(decision) {
			expected = false // the server cannot tell that the page asked for cookies
		}
		if w.page == w.server {
			expected = true // a page reads the responses of its own server, refusals too
		}
		require.Equal(t, expected, exchange.Err == nil, describe...)
		w.met[fmt.Sprintf("%s, preflight %t, blocked %t", decision.Kind, exchange.Preflight, exchange.Err != nil)]++
	}
	if blocked, ok := errors.AsType[*corstest.BlockedError](err); ok && blocked.Code == corstest.HeaderDisallowedByPreflightResponse && about != nil {
		require.False(t, slices.ContainsFunc(about.requestHeaders, func(name string) bool { return strings.EqualFold(name, blocked.Name) }),
			"%s is declared, and refused: %v", blocked.Name, blocked)
	}
	if err != nil || response.Type != corstest.TypeCORS || about == nil || exchanges[len(exchanges)-1].Status != http.StatusOK {
		return
	}
	require.Equal(t, w.readable(about), names(response.Header), "%s: %+v", request.URL, w.config)
	w.met["read"]++
}

// grantsCredentials looks the rule up that a decision is by.
func (w *world) grantsCredentials(d corsrpc.Decision) bool {
	for rule := range w.policy.Rules() {
		if rule.Procedure == d.Procedure && d.Procedure != "" || rule.Path == d.Procedure {
			return rule.Credentials
		}
	}
	return false
}

// readable is every name that a page must be able to read of what the handler
// sends, and no other.
func (w *world) readable(m *madeMethod) []string {
	readable := http.Header{"Content-Length": nil}
	for _, name := range m.responseHeaders {
		readable.Set(name, "")
	}
	if w.speaks(corsrpc.GRPCWeb) {
		for _, name := range slices.Concat(m.trailers, []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"}) {
			readable.Set(name, "")
		}
	}
	if w.speaks(corsrpc.Connect) && m.unary {
		for _, name := range m.trailers {
			readable.Set("Trailer-"+name, "")
		}
	}
	return names(readable)
}

func names(h http.Header) []string {
	var list []string
	for name := range h {
		list = append(list, headername.Canonical(name))
	}
	slices.Sort(list)
	return list
}

func TestTwoHalvesMeet(t *testing.T) {
	t.Parallel()
	met := map[string]int{}
	for seed := range uint64(800) {
		w := newWorld(t, seed)
		for range 12 {
			request, about := w.request()
			w.meet(t, request, about)
		}
		for what, times := range w.met {
			met[what] += times
		}
	}
	for _, what := range []string{
		"preflight, preflight true, blocked false", "preflight, preflight true, blocked true",
		"cross_origin, preflight false, blocked false", "cross_origin, preflight false, blocked true",
		"ungoverned, preflight false, blocked true", "same_origin, preflight false, blocked false", "read",
	} {
		assert.Greater(t, met[what], 20, "%s happened too seldom to prove anything: %v", what, met)
	}
	t.Log(met)
}

func FuzzTwoHalves(f *testing.F) {
	f.Add(uint64(1), "https://app.example.com", "/half.v1.Alpha/M0", "X-Tenant", "1")
	f.Add(uint64(2), "null", "/files/x", "Content-Type", "text/plain;garbage")
	f.Add(uint64(3), "http://localhost:99", "/api/half.v1.Beta/M1", "Range", "bytes=0-")
	f.Fuzz(func(t *testing.T, seed uint64, page, path, headerName, headerValue string) {
		w := newWorld(t, seed)
		if isOrigin(page) {
			w.page = page
		}
		request, about := w.request()
		request.Header.Set(headerName, headerValue)
		if u := w.server + path; strings.HasPrefix(path, "/") && isFetchable(u) {
			request.URL, about = u, nil
		}
		if strings.HasPrefix(w.page, "https:") && strings.HasPrefix(w.server, "http:") || !headername.IsToken(headerName) ||
			strings.ContainsAny(headerValue, "\x00\r\n") {
			return // the browser sends nothing
		}
		w.meet(t, request, about)
	})
}

func isOrigin(s string) (ok bool) {
	defer func() { ok = recover() == nil }()
	corstest.NewBrowser(s)
	return true
}

func isFetchable(url string) bool {
	b := corstest.NewBrowser("null", corstest.WithHandler(http.NotFoundHandler()))
	_, err := b.Fetch(context.Background(), corstest.Request{URL: url, Mode: corstest.ModeNoCORS})
	return err == nil
}

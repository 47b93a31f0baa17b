package corsdebug_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// newLargePolicy returns a policy of so many services with so many methods each.
func newLargePolicy(t testing.TB, services, methods int) *corsrpc.Policy {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("large.proto"), Syntax: proto.String("proto3"), Package: proto.String("large.v1"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
	}
	for s := range services {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("S%03dService", s))}
		for m := range methods {
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(fmt.Sprintf("Do%d", m)), InputType: proto.String(".large.v1.Empty"), OutputType: proto.String(".large.v1.Empty"),
			})
		}
		file.Service = append(file.Service, service)
	}
	built, err := protodesc.NewFile(file, nil)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(built))
	policy, err := corsrpc.New(corsrpc.Config{
		Files: files, Origins: []string{app}, RequestHeaders: []string{"Authorization", "X-Tenant-Id"}, ResponseHeaders: []string{"X-Request-Id"},
		Resources: map[string]corsrpc.Resource{"/fonts/": {Origins: []string{"*"}}},
	})
	require.NoError(t, err)
	return policy
}

var moreServices = regexp.MustCompile(`<li><a href="\?filter=([^"]+)#rules">(?:<code>)?([^<]+).*: (\d+) rules?</li>`)

// With a thousand procedures, the page stays small and leads to every rule.
func TestHandlerWithManyRules(t *testing.T) {
	t.Parallel()
	policy := newLargePolicy(t, 100, 10)
	h := corsdebug.Handler(policy, nil)
	body := get(h, "/").Body.String()
	assert.Less(t, len(body), 1<<20)
	assert.Contains(t, body, "There are 1101 rules.")
	assert.Contains(t, body, "The page shows 99 rules.")

	summaries := regexp.MustCompile(`<summary><code>([^<]+)</code>`)
	found := map[string]bool{}
	add := func(body string) {
		for _, match := range summaries.FindAllStringSubmatch(body, -1) {
			found[match[1]] = true
		}
	}
	add(body)
	links := moreServices.FindAllStringSubmatch(body, -1)
	assert.Len(t, links, 92, "91 services and the resources")
	for _, link := range links {
		filter, err := url.QueryUnescape(link[1])
		require.NoError(t, err)
		add(get(h, "/?filter="+url.QueryEscape(filter)).Body.String())
	}
	for rule := range policy.Rules() {
		assert.True(t, found[rule.Path], "no way leads to %s", rule.Path)
	}
}

// A service that is too large for the page has to be filtered by method.
func TestHandlerWithALargeService(t *testing.T) {
	t.Parallel()
	h := corsdebug.Handler(newLargePolicy(t, 1, 300), nil)
	body := get(h, "/?filter=S000").Body.String()
	assert.Equal(t, 100, strings.Count(body, "<summary>"))
	assert.Contains(t, body, "201 more rules are not shown: filter for a part of their paths.")
	assert.Equal(t, 1, strings.Count(get(h, "/?filter=do299").Body.String(), "<summary>"))
}

// A Recorder keeps little of 100,000 requests with invented origins, methods,
// headers and hosts, and what it and the page keep is bounded.
func TestRecorderIsBoundedUnderInventedRequests(t *testing.T) {
	t.Parallel()
	const size = 80
	recorder := corsdebug.NewRecorder(size)
	policy := newPolicy(t, app)
	config := policy.Config()
	config.OnDecision, config.RequireHosts, config.Hosts = recorder.Record, true, []string{"api.example.com"}
	require.NoError(t, policy.Update(config))
	var ran int
	h := policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ }))

	lost := httptest.NewRequest("OPTIONS", "https://api.example.com/acme.shop.v1.CartService/Checkout", nil)
	lost.Header = http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-debug"}}
	h.ServeHTTP(httptest.NewRecorder(), lost)

	const hostile = 100_000
	long := strings.Repeat("x", 1<<10)
	for i := range hostile {
		r := httptest.NewRequest("OPTIONS", "https://api.example.com"+addItem, nil)
		r.Header = http.Header{"Access-Control-Request-Method": {"POST"}}
		switch unique := fmt.Sprint(i); i % 4 {
		case 0:
			r.Method = "POST"
			r.Header["Origin"] = []string{"https://" + unique + long + ".evil.test"}
		case 1:
			r.Header["Origin"] = []string{app}
			r.Header["Access-Control-Request-Method"] = []string{"M" + unique + long}
		case 2:
			r.Header["Origin"] = []string{app}
			var names strings.Builder
			for n := range 20 {
				fmt.Fprintf(&names, "x-%s-%d,", unique, n)
			}
			r.Header["Access-Control-Request-Headers"] = []string{names.String() + "x"}
		case 3:
			r.Method, r.Host = "POST", unique+".evil.test"
			r.Header["Origin"] = []string{evil}
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	assert.Zero(t, ran, "no handler runs")
	groups := recorder.Groups()
	assert.LessOrEqual(t, len(groups), size)
	count, bytes := 0, 0
	for _, g := range groups {
		count += g.Count
		d := g.Decision
		bytes += len(d.Origin) + len(d.Path) + len(d.Procedure) + len(d.Detail) + len(d.Fix)
	}
	assert.Equal(t, hostile+1, count, "each is counted")
	assert.Less(t, bytes, size*4<<10, "texts are truncated")
	assert.Equal(t, `add "X-Debug" to RequestHeaders`, groups[len(groups)-1].Decision.Fix, "what a real page lost is still there")
	assert.Less(t, get(corsdebug.Handler(policy, recorder), "/").Body.Len(), 1<<20)
}

package restgatewaytest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

// Each method has a page of its own. Behind Wrap, no gateway ever runs a method
// for another page.
func TestNoGatewayRunsWhatThePolicyRefuses(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	requests, ran, refused := 0, 0, 0
	for requests < *tries {
		prefix := routetest.Prefix(random)
		cors, bindings := randomPolicy(t, random, prefix)
		gateways := grpcGateways("", bindings)
		gateways["Vanguard"] = vanguardGateway(t, "", bindings)
		for range 1_000 {
			request := routetest.NewRequest(random, prefix, bindings)
			u, err := url.ParseRequestURI(request.Target)
			if err != nil {
				continue
			}
			requests++
			page := random.IntN(len(bindings) + 1)
			for name, gateway := range gateways {
				routed := -1
				handler := cors.Wrap(http.StripPrefix(prefix, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { routed = gateway(r) })))
				u := *u
				r := &http.Request{
					Method: request.Method, URL: &u, Header: request.Header.Clone(), Body: http.NoBody, Host: "api.example.com",
					Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RequestURI: request.Target,
				}
				r.Header.Set("Origin", pageOf(page))
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				switch {
				case routed >= 0:
					require.Equal(t, page, routed, "%s runs %q for the page of method %d: %s %s %v", name, bindings[routed], page, request.Method, request.Target, request.Header)
					ran++
				case w.Code == http.StatusForbidden:
					refused++
				}
			}
		}
	}
	t.Logf("%d requests: %d ran, %d were refused", requests, ran, refused)
	assert.Greater(t, ran, *tries/20)
	assert.Greater(t, refused, *tries/2)
}

func pageOf(method int) string { return fmt.Sprintf("https://page-%d.test", method) }

// randomPolicy returns a policy and its bindings, one for each method.
func randomPolicy(t *testing.T, random *rand.Rand, prefix string) (*corsrpc.Policy, []httprule.Binding) {
	t.Helper()
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(service.ParentFile()))
	config := corsrpc.Config{
		Files:      files,
		REST:       corsrpc.RESTGateway,
		PathPrefix: prefix,
		Overrides:  map[string]corsrpc.Override{},
		Bindings:   map[string][]string{},
	}
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	var bindings []httprule.Binding
	for _, binding := range routetest.Bindings(random) {
		method := string(service.Methods().Get(len(bindings)).FullName())
		config.Bindings[method] = []string{binding.String()}
		config.Overrides[method] = corsrpc.Override{Origins: []string{pageOf(len(bindings))}}
		next, err := corsrpc.New(config)
		if err != nil {
			// Two bindings are the same, or one hides another.
			delete(config.Bindings, method)
			delete(config.Overrides, method)
			continue
		}
		policy = next
		bindings = append(bindings, binding)
	}
	if len(bindings) == 0 {
		return randomPolicy(t, random, prefix)
	}
	return policy, bindings
}

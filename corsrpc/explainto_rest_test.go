package corsrpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// TestExplainToRunsNothingMore for paths that several bindings have in common.
func TestExplainToRunsNothingMoreOfBindings(t *testing.T) {
	t.Parallel()
	pages := []string{developer, app, evil, "http://localhost", "https://api.example.com"}
	ran := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 9))
		config := someOverlappingConfig(t, r)
		without, err := corsrpc.New(config)
		if err != nil {
			continue // two bindings of the draw contradict each other
		}
		config.ExplainTo = some(r, pages, 4)
		with := newPolicy(t, config)
		for range 20 {
			page, request, withCookie := pick(r, pages), someBindingRequest(r), chance(r, 2)
			runs := func(policy *corsrpc.Policy) int {
				s := &spy{}
				browser := corstest.NewBrowser(page, corstest.WithHandler(policy.Wrap(s)), corstest.WithThirdPartyCookies(true))
				if withCookie {
					browser.SetCookie("https://api.example.com/", &http.Cookie{Name: "session", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode})
				}
				if response, err := browser.Fetch(context.Background(), request); err == nil {
					require.NoError(t, response.Body.Close())
				}
				return s.ran
			}
			after := runs(with)
			require.LessOrEqual(t, after, runs(without), "%s %v from %s by %+v", request.Method+" "+request.URL, request.Header, page, config)
			ran += after
		}
	}
	assert.Greater(t, ran, 100, "the draw is worth something")
}

// someOverlappingConfig draws methods whose templates have paths in common, each
// with permissions of its own.
func someOverlappingConfig(t testing.TB, r *rand.Rand) corsrpc.Config {
	templates := []string{"/v1/{id}/x", "/v1/y/{id}", "/v1/{name=**}", "/v1/{id}/{name}", "/{id}/y/{name}", "/v1/y/x", "/v1/y/x:go"}
	config := corsrpc.Config{
		Origins: some(r, []string{app, developer, evil}, 3), ReportOnly: chance(r, 2), DangerouslyAllowInsecureOrigins: true,
		REST: corsrpc.RESTGateway, Overrides: make(map[string]corsrpc.Override),
	}
	var methods []boundMethod
	taken := make(map[[2]string]bool)
	for i := range 4 {
		m := boundMethod{name: fmt.Sprintf("M%d", i)}
		if chance(r, 9) {
			m.options = &corsrpcv1.MethodOptions{Access: corsrpcv1.Access_ACCESS_INTERNAL}
		}
		for range 2 {
			binding := [2]string{pick(r, []string{"GET", "POST", "PUT", "DELETE", "*"}), pick(r, templates)}
			if !taken[binding] {
				taken[binding] = true
				m.bindings = append(m.bindings, binding)
			}
		}
		methods = append(methods, m)
		override := corsrpc.Override{
			Credentials: corsrpc.Switch(r.IntN(3)), ReportOnly: corsrpc.Switch(r.IntN(3)), Links: corsrpc.Switch(r.IntN(3)),
			RequestHeaders: some(r, []string{"X-Debug", "X-Tenant-Id"}, 2),
		}
		if chance(r, 3) {
			override.Origins = some(r, []string{app, developer, evil}, 2)
		}
		config.Overrides[shelves+"."+m.name] = override
	}
	config.Files = boundFiles(t, methods...)
	return config
}

func someBindingRequest(r *rand.Rand) corstest.Request {
	request := corstest.Request{
		Method: pick(r, []string{"GET", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD"}),
		URL: pick(r, []string{"http", "https"}) + "://api.example.com" +
			pick(r, []string{"/v1/y/x", "/v1/z/x", "/v1/y/z", "/v1/y/x:go", "/V1/y/x", "/v1/y/x/", "//v1/y/x", "/v1/y%2Fx", "/" + shelves + "/M0", "/" + shelves + "/M9", "/v1/" + shelves + "/M1", "/" + shelves + "%2FM0"}),
		Header: make(http.Header),
	}
	for _, line := range some(r, []string{"X-Debug", "X-Tenant-Id", "Traceparent", "Accept-Language", "X-Http-Method-Override"}, 2) {
		request.Header.Set(line, "GET")
	}
	if value := pick(r, []string{"", "application/json", "text/plain", "application/x-www-form-urlencoded"}); value != "" && request.Method == "POST" {
		request.Header.Set("Content-Type", value)
	}
	if chance(r, 3) {
		request.Credentials = corstest.CredentialsInclude
	}
	return request
}

package corsdebug_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// What is reported is what Evaluate of the two policies returns, and responses
// are the same.
func TestCompare(t *testing.T) {
	t.Parallel()
	policy, candidate := newPolicy(t, app), newPolicy(t, evil)
	var reported []corsdebug.Difference
	inner := policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	handler := corsdebug.Compare(policy, candidate, func(_ context.Context, d corsdebug.Difference) { reported = append(reported, d) })(inner)
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		differs            bool
	}{
		{"the candidate refuses it", "POST", addItem, http.Header{"Origin": {app}}, true},
		{"the candidate allows it", "POST", addItem, http.Header{"Origin": {evil}}, true},
		{"a preflight that the candidate refuses", "OPTIONS", addItem, http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}}, true},
		{"both refuse it", "GET", addItem, http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{"both let it pass", "POST", addItem, http.Header{}, false},
		{"neither governs it", "GET", "/nowhere", http.Header{"Origin": {app}}, false},
	} {
		reported = nil
		r := httptest.NewRequest(test.method, test.path, nil)
		r.Header = test.header
		want, got := httptest.NewRecorder(), httptest.NewRecorder()
		inner.ServeHTTP(want, r)
		handler.ServeHTTP(got, r)
		assert.Equal(t, want.Code, got.Code, test.name)
		assert.Equal(t, want.Header(), got.Header(), test.name)
		if !test.differs {
			assert.Empty(t, reported, test.name)
			continue
		}
		assert.Equal(t, []corsdebug.Difference{{Enforced: policy.Evaluate(r), Candidate: candidate.Evaluate(r)}}, reported, test.name)
	}
}

// The blind spots that the documentation names.
func TestCompareBlindSpots(t *testing.T) {
	t.Parallel()
	config := newPolicy(t, app).Config()
	policy := newPolicy(t, app)
	config.RequestHeaders, config.ResponseHeaders = nil, nil
	candidate, err := corsrpc.New(config)
	assert.NoError(t, err)
	var reported []corsdebug.Difference
	handler := corsdebug.Compare(policy, candidate, func(_ context.Context, d corsdebug.Difference) { reported = append(reported, d) })(policy.Wrap(http.NotFoundHandler()))
	serve := func(method string, header http.Header) {
		r := httptest.NewRequest(method, addItem, nil)
		r.Header = header
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	serve("POST", http.Header{"Origin": {app}, "X-Debug": {"1"}})
	assert.Empty(t, reported, "a call whose preflight the browser has cached shows no missing header")
	serve("OPTIONS", http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-tenant-id"}})
	assert.Empty(t, reported, "the schema declares the header for this method")
	assert.Panics(t, func() { corsdebug.Compare(policy, nil, nil) })
}

package corsdebug_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

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

func TestCompareNeedsEverything(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, app)
	differ := func(context.Context, corsdebug.Difference) {}
	assert.Panics(t, func() { corsdebug.Compare(nil, policy, differ) })
	assert.Panics(t, func() { corsdebug.Compare(policy, nil, differ) })
	assert.Panics(t, func() { corsdebug.Compare(policy, policy, nil) })
}

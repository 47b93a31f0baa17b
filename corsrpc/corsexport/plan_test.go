package corsexport

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Whatever the policy, the path and the request: the plan lets nothing run or
// be read that Wrap prevents, and takes nothing from pages that call procedures
// and bindings by their own paths.
func TestPlanIsSafe(t *testing.T) {
	t.Parallel()
	const policies, requests = 80, 400
	ran, refused, preflights := 0, 0, 0
	for seed := range uint64(policies) {
		r := rand.New(rand.NewPCG(seed, 16))
		config := someConfig(r)
		policy, err := newPolicy(config)
		require.NoError(t, err)
		p, err := newPlan(policy, Options{})
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			continue
		}
		m := newModel(p)
		for range requests {
			request, raw, ok := someRequest(t, r)
			if !ok {
				continue
			}
			got := m.decide(request, raw)
			want := exchange(policy, request)
			where := fmt.Sprintf("seed %d: %s %s %v: %s", seed, request.Method, raw, request.Header, strings.ReplaceAll(fmt.Sprintf("%+v", config), "Methods:[PUT] RequestHeaders:[] ResponseHeaders:[X-Seen] MaxAge:0s", ""))
			// Nothing is opened.
			require.False(t, got.status == 0 && !want.ran, "runs where Wrap responds %d: %s", want.status, where)
			require.False(t, got.status == http.StatusNoContent && want.status != http.StatusNoContent, "allows a preflight where Wrap responds %d: %s", want.status, where)
			if got.allowOrigin != "" {
				require.Equal(t, want.header.Get("Access-Control-Allow-Origin"), got.allowOrigin, where)
				require.False(t, got.own.credentials && want.header.Get("Access-Control-Allow-Credentials") == "", where)
				for _, name := range got.own.responseNames {
					require.True(t, got.status != 0 || strings.Contains(want.header.Get("Access-Control-Expose-Headers"), name), where)
				}
			}
			// Nothing is lost.
			if got.exact {
				require.Equal(t, want.ran, got.status == 0, "%d: %s", want.status, where)
				require.Equal(t, want.header.Get("Access-Control-Allow-Origin"), got.allowOrigin, where)
			}
			switch got.status {
			case 0:
				ran++
			case http.StatusNoContent:
				preflights++
			default:
				refused++
			}
		}
	}
	assert.Greater(t, min(ran, refused, 20*preflights), policies*requests/20, "%d ran, %d were refused, %d preflights were allowed", ran, refused, preflights)
}

// A response is what a policy's Wrap responds.
type response struct {
	ran    bool
	status int
	header http.Header
	body   string
}

func exchange(policy *corsrpc.Policy, r *http.Request) response {
	var got response
	recorder := httptest.NewRecorder()
	policy.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.ran = true })).ServeHTTP(recorder, r)
	got.status, got.header, got.body = recorder.Code, recorder.Header(), recorder.Body.String()
	return got
}

// readRequest returns a request as a server reads it, whose path is raw.
func readRequest(method, raw string, header http.Header) (*http.Request, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s?q=1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n", method, raw)
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text.String())))
	if err == nil {
		request.Header = header
	}
	return request, err
}

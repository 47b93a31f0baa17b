package edgetest

import (
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A response is what is compared.
type response struct {
	status int
	header http.Header
	body   []byte
	ran    bool // the backend received the request
	// problem is why there is no response that can be read.
	problem string
}

// A reference responds as Wrap does around the backend.
type reference struct {
	policy *corsrpc.Policy
	gate   *corsrpc.Policy // refuses no call, where one behind the edge does
	host   string
}

// newReference returns the reference for a policy. What no edge has is taken
// away: hooks, and responses that explain refusals.
func newReference(p *corsrpc.Policy, host string, behindGate bool) (*reference, error) {
	if p == nil {
		return nil, errors.New("edgetest: nil policy: make one with corsrpc.New, and check its error")
	}
	if isZero(p) {
		return nil, errors.New("edgetest: the policy has no Config: make it with corsrpc.New, or call Update first")
	}
	config := p.Config()
	config.OnDecision, config.ExplainTo, config.ExplainIgnore = nil, nil, nil
	f := &reference{host: host}
	var err error
	if f.policy, err = corsrpc.New(config); err != nil || !behindGate {
		return f, err
	}
	config.ReportOnly = true
	for name, override := range config.Overrides {
		override.ReportOnly = corsrpc.Inherit
		config.Overrides[name] = override
	}
	f.gate, err = corsrpc.New(config)
	return f, err
}

func isZero(p *corsrpc.Policy) bool {
	for range p.Rules() {
		return false
	}
	return p.Governs("/edgetest.Any/Any")
}

// respond returns what Wrap responds to a request.
func (f *reference) respond(r *Request, id string) (*response, error) {
	return respondBy(f.policy, r, f.host, id)
}

// respondBehindGate returns what an edge must respond that leaves it to a gate
// to refuse calls. got is its response.
func (f *reference) respondBehindGate(r *Request, id string, got *response) (*response, error) {
	want, err := respondBy(f.gate, r, f.host, id)
	if err == nil && !want.ran && got.ran && !(r.isPreflight() && r.Clean) {
		// Internal methods, and paths that mean a procedure: they grant nothing.
		header := got.header.Clone()
		maps.DeleteFunc(header, func(name string, _ []string) bool {
			return strings.HasPrefix(name, "Access-Control-") && name != exposeHeaders
		})
		want = &response{status: got.status, header: header, body: got.body, ran: true}
	}
	return want, err
}

func respondBy(policy *corsrpc.Policy, r *Request, host, id string) (*response, error) {
	parsed, err := r.parse(host, id)
	if err != nil {
		return nil, err
	}
	recorder, ran := newRecorder(r.Method), false
	inside := behind{governed: policy.Evaluate(parsed).Path != ""}
	policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran = true
		inside.ServeHTTP(w, r)
	})).ServeHTTP(recorder, parsed)
	recorder.WriteHeader(http.StatusOK)
	recorder.ran = ran
	return &recorder.response, nil
}

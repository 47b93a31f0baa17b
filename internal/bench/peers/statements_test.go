package peers_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// A statement is one thing that a report says, and what must come of the trials
// if it is true.
type statement struct {
	text   string
	trials []trial
	holds  func(page []outcome, server []*served) bool
}

// A reader makes statements of a report about one server.
type reader struct {
	b      *backend
	name   string
	url    string
	trials int
	all    []statement
}

func (r *reader) says(text string, holds func(page []outcome, server []*served) bool, trials ...trial) {
	r.all = append(r.all, statement{r.name + ": " + text, trials, holds})
}

// A call is how a page calls a procedure.
type call struct {
	procedure string
	protocol  corstest.Protocol
	unary     bool
}

func callOf(result *corstest.Result) call {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(result.Procedure, "/"), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic(err) // not a procedure of the shop
	}
	m := d.(protoreflect.MethodDescriptor)
	return call{result.Procedure, result.Protocol, !m.IsStreamingClient() && !m.IsStreamingServer()}
}

// header returns what every call in the protocol has.
func (c call) header(codec string) map[string]string {
	switch {
	case c.protocol == corstest.ConnectGET:
		return map[string]string{}
	case c.protocol == corstest.GRPCWeb:
		return map[string]string{"Content-Type": "application/grpc-web+" + codec, "X-Grpc-Web": "1", "X-User-Agent": "peers"}
	case c.unary:
		return map[string]string{"Content-Type": "application/" + codec, "Connect-Protocol-Version": "1"}
	}
	return map[string]string{"Content-Type": "application/connect+" + codec, "Connect-Protocol-Version": "1"}
}

// trial returns a trial of the call, by a script.
func (r *reader) trial(c call, header map[string]string, mode string) trial {
	r.trials++
	t := trial{ID: fmt.Sprint(r.name, " ", r.trials), Kind: "script", Method: http.MethodPost, Header: header}
	query := url.Values{"trial": {t.ID}, "mode": {mode}}
	switch {
	case c.protocol == corstest.ConnectGET:
		t.Method = http.MethodGet
		for name, value := range map[string]string{"connect": "v1", "encoding": "proto", "message": ""} {
			query.Set(name, value)
		}
	case c.protocol == corstest.GRPCWeb || !c.unary:
		t.Body = binary.BigEndian.AppendUint32([]byte{0}, 0)
	}
	t.URL = r.url + c.procedure + "?" + query.Encode()
	return t
}

// read makes the statements of one result.
func (r *reader) read(result *corstest.Result) {
	about := fmt.Sprintf("%s over %s: ", result.Procedure, result.Protocol)
	c := callOf(result)
	if result.Refused {
		r.readRefusal(about, c, result)
		return
	}
	// What every call has and the server allows, and what the server is said not to
	// allow.
	base := c.header("proto")
	for _, name := range result.CannotSend {
		delete(base, name)
	}
	blocked := result.Blocked != nil && result.Blocked.Preflight
	unreadable := result.Blocked != nil && !blocked
	switch {
	case blocked:
		r.says(about+"blocked", func(page []outcome, server []*served) bool {
			return page[0].Failed && !server[0].ran
		}, r.trial(c, c.header("proto"), ""))
	case result.Status == http.StatusHTTPVersionNotSupported || result.Status == http.StatusMethodNotAllowed:
		r.says(about+"not RPC", func(page []outcome, server []*served) bool {
			return page[0].Status == result.Status && !server[0].ran
		}, r.trial(c, base, ""))
	case unreadable:
		status := result.Blocked.Status
		unknown := r.trial(c, c.header("peers"), "")
		unknown.URL = strings.Replace(unknown.URL, "encoding=proto", "encoding=peers", 1)
		r.says(fmt.Sprintf("%sunreadable %d", about, status), func(page []outcome, server []*served) bool {
			return page[0].Failed && server[0].status == status
		}, unknown)
	default:
		r.says(about+"can be called", func(page []outcome, server []*served) bool {
			return !page[0].Failed && server[0].ran
		}, r.trial(c, base, ""))
	}
	for _, name := range result.CannotSend {
		with := r.trial(c, map[string]string{name: "1"}, "")
		if with.Method == http.MethodPost && name != "Content-Type" {
			with.Header["Content-Type"] = "text/plain"
		}
		for n, value := range base {
			with.Header[n] = value
		}
		r.says(about+"cannot send "+name, func(page []outcome, server []*served) bool {
			return page[0].Failed && !server[0].ran
		}, with)
	}
	if result.Blocked != nil && len(result.CannotSend) == 0 {
		return // nothing is said of header names
	}
	declared := r.b.declared[result.Procedure]
	timeout := map[corstest.Protocol]string{corstest.Connect: "Connect-Timeout-Ms", corstest.ConnectGET: "Connect-Timeout-Ms", corstest.GRPCWeb: "Grpc-Timeout"}
	for _, name := range append(slices.Clone(declared.RequestHeaders), timeout[result.Protocol]) {
		name = headername.Canonical(name)
		if slices.Contains(result.CannotSend, name) {
			continue
		}
		with := r.trial(c, map[string]string{}, "")
		for n, value := range base {
			with.Header[n] = value
		}
		with.Header[name] = map[string]string{"Connect-Timeout-Ms": "10000", "Grpc-Timeout": "10S"}[name]
		if with.Header[name] == "" {
			with.Header[name] = "1"
		}
		r.says(about+"can send "+name, func(_ []outcome, server []*served) bool { return server[0].status != 0 }, with)
	}
	if result.Blocked == nil {
		r.readNames(about, c, base, result, declared)
		if result.Protocol == corstest.ConnectGET {
			r.readVary(about, c, result)
		}
	}
}

// readNames makes the statements about response headers: what is sent among the
// headers, on success or on failure, the page reads, or does not.
func (r *reader) readNames(about string, c call, base map[string]string, result *corstest.Result, declared contract.Options) {
	expected := slices.Concat(declared.ResponseHeaders, declared.ResponseTrailers)
	for _, name := range declared.ResponseTrailers {
		expected = append(expected, "Trailer-"+name)
	}
	if result.Protocol == corstest.GRPCWeb {
		expected = append(expected, "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin")
	}
	modes := []string{"", "error"}
	if result.Called {
		modes = []string{""} // that is what was called
	}
	var trials []trial
	for _, mode := range modes {
		trials = append(trials, r.trial(c, base, mode))
	}
	for _, name := range expected {
		name = headername.Canonical(name)
		cannot := slices.Contains(result.CannotRead, name)
		text := "can read " + name
		if cannot {
			text = "cannot read " + name
		}
		r.says(about+text, func(page []outcome, server []*served) bool {
			sent := false
			for i := range page {
				_, reads := page[i].Header[strings.ToLower(name)]
				if len(server[i].header.Values(name)) == 0 {
					continue
				}
				sent = true
				if reads == cannot {
					return false
				}
			}
			return sent || !cannot
		}, trials...)
	}
	for _, name := range result.Undeclared {
		r.says(about+"undeclared "+name, func(page []outcome, server []*served) bool {
			_, reads := page[0].Header[strings.ToLower(name)]
			return !reads && len(server[0].header.Values(name)) > 0
		}, trials[0])
	}
}

// readVary has an image fetch what a script fetches next.
func (r *reader) readVary(about string, c call, result *corstest.Result) {
	var trials []trial
	for _, mode := range []string{"", "error"} {
		script := r.trial(c, nil, mode)
		script.Store = true
		image := script
		image.Kind, image.ID = "image", script.ID+" before"
		trials = append(trials, image, script)
	}
	text := "has Vary"
	if result.MissingVary {
		text = "has no Vary"
	}
	r.says(about+text, func(page []outcome, _ []*served) bool {
		return (page[1].Failed || page[3].Failed) == result.MissingVary
	}, trials...)
}

// readRefusal tries all that a page has.
func (r *reader) readRefusal(about string, c call, result *corstest.Result) {
	scripts := []trial{r.trial(c, c.header("proto"), "")}
	if c.protocol != corstest.ConnectGET {
		header := c.header("proto")
		scripts = append(scripts, r.trial(c, map[string]string{"Content-Type": header["Content-Type"]}, ""),
			r.trial(c, map[string]string{"Content-Type": "text/plain"}, ""), r.trial(c, nil, ""))
	}
	all := slices.Clone(scripts)
	if c.protocol == corstest.ConnectGET {
		for _, kind := range []string{"image", "frame", "prefetch"} {
			t := r.trial(c, nil, "")
			t.Kind = kind
			all = append(all, t)
		}
	}
	if result.Inconclusive {
		return // that is no statement
	}
	r.says(about+map[bool]string{true: "runs", false: "refused"}[result.Runs], func(_ []outcome, server []*served) bool {
		return slices.ContainsFunc(server, func(s *served) bool { return s.ran }) == result.Runs
	}, all...)
	if result.Runs && result.Blocked == nil {
		r.says(about+"readable", func(page []outcome, server []*served) bool {
			for i := range scripts {
				if server[i].ran && !page[i].Failed {
					return true
				}
			}
			return false
		}, all...)
	}
}

// Whatever a report says, a page in Chromium finds the same.
func TestStatementsInChromium(t *testing.T) {
	browsers.Chromium.Require(t)
	b, err := newBackend()
	require.NoError(t, err)
	pages := newSite(t, func(trial string) <-chan struct{} { return b.of(trial).done })
	localhost := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	ours, stranger := localhost(pages.server.URL), pages.server.URL
	checks := []struct {
		name   string
		origin string
		opts   func(p peer) []corstest.CheckOption
	}{
		{"its page", ours, func(peer) []corstest.CheckOption {
			return []corstest.CheckOption{corstest.WithAudiences("storefront")}
		}},
		{"its page, with calls", ours, func(p peer) []corstest.CheckOption {
			return []corstest.CheckOption{corstest.WithAudiences("storefront"), corstest.WithProtocols(p.protocols...), corstest.WithCalls(nil, "*")}
		}},
		{"a stranger", stranger, func(peer) []corstest.CheckOption {
			return []corstest.CheckOption{corstest.WithNoAccess()}
		}},
	}
	statements := map[string][]statement{} // by origin
	for _, p := range peers {
		if err := p.missing(); err != nil {
			t.Logf("left out: %s: %v", p.name, err)
			continue
		}
		server := localhost(p.serve(t, b, ours))
		for _, check := range checks {
			r, err := corstest.CheckURL(t.Context(), server, check.origin, append(check.opts(p), corstest.WithProfile(corstest.Chromium))...)
			require.NoError(t, err, p.name)
			require.NotEmpty(t, r.Results, p.name)
			reader := &reader{b: b, name: p.name + ", " + check.name, url: server}
			for i := range r.Results {
				reader.read(&r.Results[i])
			}
			statements[check.origin] = append(statements[check.origin], reader.all...)
		}
	}
	made := 0
	for origin, all := range statements {
		var trials []trial
		known := map[string]bool{}
		for _, s := range all {
			for _, trial := range s.trials {
				if !known[trial.ID] {
					known[trial.ID] = true
					trials = append(trials, trial)
				}
			}
		}
		outcomes := pages.run(t, origin, trials)
		for _, s := range all {
			var page []outcome
			var server []*served
			for _, trial := range s.trials {
				page = append(page, outcomes[trial.ID])
				server = append(server, b.outcome(trial.ID))
			}
			made++
			if !s.holds(page, server) {
				var what []string
				for i, trial := range s.trials {
					what = append(what, fmt.Sprintf("%s %s %v: page %+v, server ran %t, responded %d %v",
						trial.Kind, trial.Method, trial.Header, page[i], server[i].ran, server[i].status, server[i].header))
				}
				assert.Fail(t, "not so in Chromium: "+s.text, strings.Join(what, "\n"))
			}
		}
	}
	t.Logf("%d statements", made)
	assert.Greater(t, made, 1000)
}
